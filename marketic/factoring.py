"""How a task falls into parts: what an environment may declare so that a goods market can trade in it.

A *factored* task has parts 0 .. n-1, one for each component of its action (a right). A part reads some components of the
observation (its own state), its next state may depend on other parts (its parents), and what it does may use up resources
that all parts share. Examples: machines that wait for the same repair crews; computers whose neighbours' failures spread.

An environment declares this by an attribute or property `factoring` (on the environment itself, not on a wrapper), and
says in `info["part_rewards"]`, float64 [n], which part earned how much of each reward; they add up to it. Both are
optional and independent of each other: without rewards per part a reward is split evenly, and without a declaration every
part reads the whole observation, or, where that has too many values, the component at its own position.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.errors import InputError
from marketic.goods import Goods

MOST_PARTS = 4096
"""Most parts of our own tasks: what couples them is a table of parts times parts."""


@dataclass(frozen=True)
class LocalModel:
    """What a part knows of its own dynamics, when it need not learn them; for parts without parents.

    transitions: float64 [n, A, S, S], probability of the next state by action and state; rewards: float64 [n, S, A], currency.
    S and A are the largest numbers of states and actions; rows beyond a part's own are never looked at.
    """

    transitions: np.ndarray
    rewards: np.ndarray


@dataclass(frozen=True)
class Factoring:
    """A task's parts. Part i sets component i of the action (as `Goods` counts them).

    reads:    for each part, the components of the observation that are its state, >= 1.
    parents:  for each part, the other parts whose state its next state or its reward depends on. Empty: none.
    uses:     float64 [n, A, K] >= 0, what part i's action a takes of resource k in one step; A: the largest number of actions.
              Action 0 must use nothing, so that something is always feasible.
    capacity: float64 [K] > 0, what there is of each resource in every step. K = 0: nothing is scarce.
    kinds:    int64 [n]; parts of the same kind are alike, and learn from each other's experience. Empty: all different.
    model:    the parts' dynamics, if they are known.

    Raises InputError for shapes and numbers that do not fit together.

    Three machines, each with its own component of the observation, and one repair crew for all (action 1 asks for it):

    >>> asks = np.zeros((3, 2, 1))
    >>> asks[:, 1] = 1.0
    >>> Factoring(reads=[[0], [1], [2]], uses=asks, capacity=np.array([1.0])).parts
    3
    """

    reads: Sequence[Sequence[int]]
    parents: Sequence[Sequence[int]] = ()
    uses: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    capacity: np.ndarray = field(default_factory=lambda: np.zeros(0))
    kinds: Sequence[int] = ()
    model: LocalModel | None = None

    def __post_init__(self) -> None:
        parts = len(self.reads)
        empty = [part for part, components in enumerate(self.reads) if not len(components)]
        if not parts or empty:
            raise InputError(
                f"Factoring(reads=...): wanted at least one component for each part, not none for {empty[:1]}"
            )
        if len(self.parents) not in (0, parts):
            raise InputError(
                f"Factoring(parents=...): {len(self.parents)} entries for {parts} parts; give one each, or ()"
            )
        for part, parents in enumerate(self.parents):
            if any(not 0 <= other < parts or other == part for other in parents):
                raise InputError(
                    f"Factoring: part {part} has parents {list(parents)}; wanted other parts, 0 to {parts - 1}"
                )
        if len(self.kinds) not in (0, parts):
            raise InputError(f"Factoring(kinds=...): {len(self.kinds)} entries for {parts} parts; give one each, or ()")
        self._check_resources(parts)

    def _check_resources(self, parts: int) -> None:
        uses, capacity = np.asarray(self.uses, dtype=float), np.asarray(self.capacity, dtype=float)
        if capacity.ndim != 1 or not (np.isfinite(capacity) & (capacity > 0)).all():
            raise InputError(f"Factoring(capacity={capacity.tolist()}): wanted one finite amount > 0 per resource")
        if capacity.size and (uses.ndim != 3 or uses.shape[0] != parts or uses.shape[2] != capacity.size):
            raise InputError(f"Factoring(uses{uses.shape}): wanted [{parts} parts, actions, {capacity.size} resources]")
        if uses.size and not (np.isfinite(uses) & (uses >= 0)).all():
            raise InputError("Factoring(uses=...): wanted finite amounts >= 0; an action cannot give resources back")
        if uses.size and uses[:, 0].any():
            part = int(np.flatnonzero(uses[:, 0].any(axis=-1))[0])
            raise InputError(f"Factoring: action 0 of part {part} uses {uses[part, 0].tolist()}; wanted nothing")

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return len(self.reads)


ROOM = 1.0 + 1e-9
"""Of a capacity: uses that add up to it by rounding still fit, in any unit."""
LARGEST_TABLE = 100_000
"""Values of an observation beyond which a part without a declaration reads one component instead of all."""


def factoring_of(env: Any, goods: Goods, rights: Goods) -> Factoring:
    """The factoring that an environment (single or vector) declares, or else the sound default from its spaces.

    goods, rights: of its observation and action. Raises InputError where the declaration does not fit the spaces, and
    where there is none and neither the whole observation nor single components can be read.
    """
    declared = _declared(env)
    if declared is not None:
        return _fitting(declared, goods, rights)
    parts = len(rights)
    if goods.states is not None and goods.states <= LARGEST_TABLE:
        return Factoring(reads=[range(len(goods))] * parts)
    if None not in [good.size for good in goods] and len(goods) == parts:
        return Factoring(reads=[[part] for part in range(parts)])
    raise InputError(
        f"a goods market cannot tell what the {parts} components of the action should read of {goods.space}: let the "
        "environment declare `factoring` (see marketic.factoring.Factoring)"
    )


def _declared(env: Any) -> Any:
    if isinstance(env, gym.vector.VectorEnv):
        inner = getattr(env.unwrapped, "envs", None)  # copies in this process
        return getattr(inner[0].unwrapped, "factoring", None) if inner else getattr(env.unwrapped, "factoring", None)
    return getattr(getattr(env, "unwrapped", env), "factoring", None)


def _fitting(declared: Any, goods: Goods, rights: Goods) -> Factoring:
    if not isinstance(declared, Factoring):
        raise InputError(
            f"the environment's factoring is a {type(declared).__name__}: wanted a marketic.factoring.Factoring"
        )
    if declared.parts != len(rights):
        raise InputError(
            f"the environment declares {declared.parts} parts, but its action has {len(rights)} components"
        )
    for part, components in enumerate(declared.reads):
        for number in components:
            if not 0 <= number < len(goods) or goods[number].size is None:
                raise InputError(
                    f"part {part} reads component {number} of {goods.space}: wanted a finite one, 0 to {len(goods) - 1}"
                )
    actions = int(rights.sizes.max())
    uses = np.asarray(declared.uses, dtype=float)
    if uses.size and uses.shape[1] != actions:
        raise InputError(f"the environment declares uses of {uses.shape[1]} actions, but a part has up to {actions}")
    return declared


def ration(uses: np.ndarray, capacity: np.ndarray, actions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The actions that can be served: in random order, each that still fits; the others become action 0, which uses nothing.

    uses: float64 [n, A, K]. capacity: float64 [K]. actions: int64 [n]. Returns int64 [n]; no draw where all of them fit.
    """
    wanted = uses[np.arange(len(actions)), actions]
    if (wanted.sum(axis=0) <= capacity * ROOM).all():
        return actions
    served, left = np.zeros_like(actions), capacity * ROOM
    for part in rng.permutation(len(actions)).tolist():
        if (wanted[part] <= left).all():
            served[part] = actions[part]
            left = left - wanted[part]
    return served
