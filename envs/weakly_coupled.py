"""Weakly coupled decision processes: parts with dynamics of their own that share scarce resources, and nothing else.

Part i in state s takes action a, earns r_i(s, a), moves on with chance P_i(. | s, a) and uses u_i(a) of each resource; in
every step the uses may not add up to more than the capacities. With a price per unit the parts come apart, which bounds
what any policy can earn (Hawkins 2003, "A Langrangian decomposition approach to weakly coupled dynamic optimization
problems"; Adelman and Mersereau 2008): see `marketic.envs.weakly_coupled_bound`. Restless bandits (Whittle 1988) are the
case of two actions and one resource.
"""

from typing import Any

import gymnasium as gym
import numpy as np

from marketic.economy import inputs
from marketic.envs.integer_cuts import integer_bound
from marketic.envs.weakly_coupled_bound import Bound, alike_parts, lagrangian_bound
from marketic.envs.weakly_coupled_optimum import optimal_values
from marketic.envs.weakly_coupled_parts import price_parts
from marketic.errors import InputError
from marketic.factoring import Factoring, LocalModel, ration
from marketic.linear_systems import solver


class WeaklyCoupled(gym.Env):
    """Observe every part's state, choose every part's action; what does not fit is refused at random (`ration`).

    transitions: float64 [n, A, S, S], chances; rewards: float64 [n, S, A], currency; uses: float64 [n, A, K] >= 0, 0 for
    action 0; capacity: float64 [K] > 0; start: int64 [n], where every episode begins; discount in (0, 1): of the bounds
    and of `optimal_values` (rewards of a step are not discounted). kinds: int64 [n], parts of one kind are alike.

    Observation: int64 [n], 0 to S - 1. Action: int64 [n], 0 to A - 1. Reward: the parts' sum; info["part_rewards"], float64
    [n], and info["served"], int64 [n], the actions that took place. It never terminates: register it with a time limit.

    Raises InputError for tables that do not fit together, or differ between parts of one kind.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        transitions: np.ndarray,
        rewards: np.ndarray,
        uses: np.ndarray,
        capacity: np.ndarray,
        start: np.ndarray,
        *,
        discount: float = 0.95,
        kinds: Any = (),
        render_mode: str | None = None,
    ) -> None:
        name = type(self).__name__
        given = {"transitions": transitions, "rewards": rewards, "uses": uses, "capacity": capacity, "start": start}
        tables = (inputs.finite_array(f"{name}({what}=...)", table, None) for what, table in given.items())
        self.transitions, self.rewards, self.uses, self.capacity, first = map(np.ascontiguousarray, tables)
        self.start, self.render_mode = first.astype(np.int64), render_mode
        self.discount = inputs.number(f"{name}(...): discount", discount)
        self.kinds = kinds
        if render_mode not in (None, "ansi"):
            raise InputError(f"{name}(render_mode={render_mode!r}): wanted 'ansi' or None")
        if np.ndim(kinds) != 1 or (len(kinds) and np.asarray(kinds).dtype.kind not in "iu"):
            raise InputError(f"{name}(kinds={kinds!r}): wanted a whole number for each part, or ()")
        self._check_tables(first)
        self.transitions /= self.transitions.sum(axis=-1, keepdims=True)  # what rounding left, horizons would multiply
        parts, actions, states = self.transitions.shape[:3]
        self.factoring = Factoring(
            reads=[[part] for part in range(parts)],
            uses=self.uses,
            capacity=self.capacity,
            kinds=kinds,
            model=LocalModel(self.transitions, self.rewards),
        )
        self._check_kinds()
        self.observation_space = gym.spaces.MultiDiscrete(np.full(parts, states))
        self.action_space = gym.spaces.MultiDiscrete(np.full(parts, actions))
        self._cumulative = self.transitions.cumsum(axis=-1)
        self.state: np.ndarray | None = None

    def _check_tables(self, first: np.ndarray) -> None:
        name, shape = type(self).__name__, self.transitions.shape
        if len(shape) != 4 or shape[2] != shape[3] or 0 in shape:
            raise InputError(f"{name}(transitions{shape}): wanted chances [parts, actions, states, states]")
        parts, actions, states = shape[:3]
        if self.rewards.shape != (parts, states, actions):
            raise InputError(f"{name}(rewards{self.rewards.shape}): wanted finite {(parts, states, actions)}")
        if self.uses.shape[:-1] != (parts, actions) or self.capacity.shape != self.uses.shape[-1:]:
            raise InputError(
                f"{name}(uses{self.uses.shape}, capacity{self.capacity.shape}): wanted {(parts, actions, 'K')} and (K,), "
                "a use and a capacity for each of K resources"
            )
        if (self.transitions < 0).any() or not np.allclose(self.transitions.sum(axis=-1), 1.0):
            raise InputError(f"{name}(transitions=...): wanted chances >= 0 that add up to 1 over the next state")
        if first.shape != (parts,) or (first != self.start).any() or (first < 0).any() or (first >= states).any():
            raise InputError(f"{name}(start={first.tolist()}): wanted {parts} states from 0 to {states - 1}")
        if not 0.0 < self.discount < 1.0:
            raise InputError(f"{name}(discount={self.discount}): wanted a number above 0 and below 1")

    def _check_kinds(self) -> None:
        """Parts of one kind are computed once: refuse those whose tables differ by more than rounding."""
        for kind in np.unique(np.asarray(self.kinds)):
            alike = np.flatnonzero(np.asarray(self.kinds) == kind)
            for name in ("transitions", "rewards", "uses"):
                table = getattr(self, name)[alike].reshape(len(alike), -1)
                differs = ~np.isclose(table, table[:1], rtol=1e-12, atol=0.0).all(axis=1)
                if differs.any():
                    raise InputError(
                        f"{type(self).__name__}(kinds=...): parts {alike[0]} and {alike[differs.argmax()]} are both of kind "
                        f"{kind}, but their {name} differ; give them kinds of their own, or the same tables"
                    )

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return len(self.start)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Every part goes back to its start."""
        super().reset(seed=seed)
        self.state = self.start.copy()
        return self.state.copy(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """One step of every part. Raises InputError for an action that is not there, or before a reset."""
        if not self.action_space.contains(np.asarray(action)):
            raise InputError(f"{type(self).__name__}.step({action!r}): wanted an action of {self.action_space}")
        if self.state is None:
            raise InputError(f"{type(self).__name__}.step: no episode runs; call reset first")
        served = ration(self.uses, self.capacity, np.asarray(action, dtype=np.int64), self.np_random)
        following, earned = self.advance(self.state[None], served[None], self.np_random)
        self.state = following[0]
        return (
            self.state.copy(), float(earned.sum()), False, False, {"part_rewards": earned[0], "served": served.copy()},
        )  # fmt: skip

    def advance(self, state: np.ndarray, action: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Many copies of one step: state, action int64 [B, n] -> next state int64 [B, n], rewards float64 [B, n].

        Nothing is refused here: give actions that fit.
        """
        parts = np.arange(self.parts)
        odds = self._cumulative[parts, action, state]
        following = (odds[..., :-1] <= rng.random(state.shape)[..., None]).sum(axis=-1)
        return following, self.rewards[parts, state, action]

    def render(self) -> str | None:
        """The parts' states as digits, in one line."""
        if self.render_mode != "ansi":
            return None
        return "" if self.state is None else " ".join(map(str, self.state.tolist()))

    def lagrangian_bound(self, *, dated: bool = False, periods: int = 60) -> Bound:
        """No policy earns more than this, discounted from the start: see `marketic.envs.weakly_coupled_bound`.

        dated: prices for each of the first `periods` >= 1 steps and one for the rest, which is tighter; else one price.
        """
        return lagrangian_bound(self, periods=periods if dated else 0)

    def integer_bound(self, *, dated: bool = False, periods: int = 60) -> Bound:
        """The same with what fits into a step in whole actions: tighter where actions take several of few units.

        For parts that all use the same. Its prices are those of the cuts, see `marketic.envs.integer_cuts`.
        """
        return integer_bound(self, periods=periods if dated else 0)

    def _demand_for_free(self) -> np.ndarray:
        """What parts would use of each resource if it cost nothing, float64 [K], discounted mean per step."""
        free = np.zeros((1, len(self.capacity)))
        one, alike = alike_parts(self)
        tables = self.transitions[one], self.rewards[one], self.uses[one], self.start[one], alike
        return price_parts(*tables, self.discount, free, 0.0, solver())[1][0] * (1.0 - self.discount)

    def optimal_value(self) -> float:
        """The best discounted value from the start, exactly, by value iteration over joint states. Few parts only."""
        values = optimal_values(self)
        return float(values[tuple(self.start)])
