"""Breeding, part by part, for the family `programs`: each part is any callable with the same arguments, and can be swapped.

    marketic.make("MyEnv-v0", agents="programs", breeding=Breeding(mutation=Mutation(0.5), entry=my_price))

A guard is int64 [G], numbers of literals, -1 for nothing; `marketic.agents.program_literals` says what literals are.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from marketic.agents.program_literals import Literals
from marketic.agents.program_writing import about, tidy, true_literal
from marketic.errors import InputError
from marketic.numbers import check_shares, check_wholes


def _shares(part: Any) -> None:
    check_shares(part, *(field.name for field in fields(part)))


@dataclass(frozen=True)
class Covering:
    """A guard that holds for an observation, and mostly only nearby (Wilson 1995).

    related: share of guards made of any literals that hold, those that compare two components among them. left_out: odds that
    a guard does not look at a component, if there is more than one. exact: odds that it names the value of a finite one.
    """

    related: float = 0.2
    left_out: float = 0.25
    exact: float = 0.8

    def __post_init__(self) -> None:
        _shares(self)

    def __call__(
        self, observation: np.ndarray, literals: Literals, guards: int, rng: np.random.Generator
    ) -> np.ndarray:
        """observation: float64 [D]. Returns a guard of up to `guards` literals."""
        if guards == 0 or rng.random() < self.related:
            some = np.array([true_literal(observation, literals, rng) for _ in range(guards)], dtype=np.int64)
            return tidy(np.where(rng.random(guards) < 2.0 / max(guards, 4), some, -1), guards)
        chosen: list[int] = []
        for component in rng.permutation(literals.components).tolist():
            if len(chosen) < guards and (literals.components == 1 or rng.random() >= self.left_out):
                chosen += about(component, float(observation[component]), literals, self.exact, rng)
        return tidy(np.array(chosen[:guards], dtype=np.int64), guards)


@dataclass(frozen=True)
class Crossover:
    """Every place of the guard from one parent or the other (Syswerda 1989). share: of the mother's, in [0, 1]."""

    share: float = 0.5

    def __post_init__(self) -> None:
        _shares(self)

    def __call__(self, mother: np.ndarray, father: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The child's guard, before mutation."""
        return np.where(rng.random(len(mother)) < self.share, mother, father)


@dataclass(frozen=True)
class Mutation:
    """Literals of a child are dropped, or become others that hold here. rate: per literal; generalise: share of the former."""

    rate: float = 0.2
    generalise: float = 0.5

    def __post_init__(self) -> None:
        _shares(self)

    def __call__(
        self, guard: np.ndarray, observation: np.ndarray, literals: Literals, rng: np.random.Generator
    ) -> np.ndarray:
        """The mutated guard."""
        guard = guard.copy()
        for g in np.flatnonzero(rng.random(len(guard)) < self.rate).tolist():
            guard[g] = -1 if rng.random() < self.generalise else true_literal(observation, literals, rng)
        return guard


@dataclass(frozen=True)
class Roulette:
    """Two parents out of a syndicate, by merit."""

    def __call__(self, merit: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
        """merit: float64 [K], K >= 1. Returns two of its places, perhaps the same."""
        odds = merit + 1e-9
        mother, father = rng.choice(len(merit), 2, p=odds / odds.sum()).tolist()
        return mother, father


@dataclass(frozen=True)
class Tournament:
    """Each parent is the best of `size` >= 1 random members."""

    size: int = 3

    def __post_init__(self) -> None:
        check_wholes(self, size=1)

    def __call__(self, merit: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
        """As `Roulette`."""
        picks = rng.integers(len(merit), size=(2, self.size))
        mother, father = (int(row[np.argmax(merit[row])]) for row in picks)
        return mother, father


@dataclass(frozen=True)
class AboveWinner:
    """Novice pricing: epsilon above the winner's bid, at the first state where the child applies, which is where it is born
    (Baum 1999). premium: epsilon as a share of the prize, times a random number from 0.5 to 1.5."""

    premium: float = 0.02

    def __post_init__(self) -> None:
        _shares(self)

    def __call__(self, winner: float, syndicate: float, prize: float, rng: np.random.Generator) -> float:
        """The child's first price. winner: the highest bid here; syndicate: that of the one it joins; prize: what a right is
        worth on average, in absolute value. All in currency."""
        return winner + self.premium * prize * (0.5 + rng.random())


@dataclass(frozen=True)
class LikeSyndicate:
    """A child asks what its syndicate bids, so that its entry changes nothing until it knows better."""

    def __call__(self, winner: float, syndicate: float, prize: float, rng: np.random.Generator) -> float:
        """As `AboveWinner`."""
        return syndicate


@dataclass(frozen=True)
class LeastMerit:
    """Who makes room: of `of` >= 1 random programs the one that adds least, or has long been idle (idle cull)."""

    of: int = 12

    def __post_init__(self) -> None:
        check_wholes(self, of=1)

    def __call__(self, merit: np.ndarray, waited: np.ndarray, rng: np.random.Generator) -> int:
        """merit: float64 [n], of those that may go. waited: float64 [n], how long since each traded, in trades per seat.
        Returns the place of the one that goes."""
        some = rng.integers(len(merit), size=self.of)
        return int(some[np.argmin(merit[some] / (1.0 + waited[some] / 5.0))])


Part = Callable[..., Any]


@dataclass(frozen=True)
class Breeding:
    """All parts. Raises InputError for a part that cannot be called."""

    covering: Part = Covering()
    parents: Part = Roulette()
    crossover: Part = Crossover()
    mutation: Part = Mutation()
    entry: Part = AboveWinner()
    departure: Part = LeastMerit()

    def __post_init__(self) -> None:
        for part in fields(self):
            if not callable(getattr(self, part.name)):
                raise InputError(f"Breeding({part.name}={getattr(self, part.name)!r}): wanted a callable")

    def cover(self, observation: np.ndarray, literals: Literals, guards: int, rng: np.random.Generator) -> np.ndarray:
        """A guard by `covering`. Raises InputError if it wrote none."""
        return _checked(self.covering(observation, literals, guards, rng), guards, literals, "covering")

    def child(
        self,
        mother: np.ndarray,
        father: np.ndarray,
        observation: np.ndarray,
        literals: Literals,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """A guard by `crossover` and `mutation`. Raises InputError if they wrote none."""
        crossed = _checked(self.crossover(mother.copy(), father.copy(), rng), len(mother), literals, "crossover")
        return _checked(self.mutation(crossed, observation, literals, rng), len(mother), literals, "mutation")

    def couple(self, merit: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
        """Two places among float64 [K] by `parents`. Raises InputError for other things."""
        given = self.parents(merit, rng)
        if not isinstance(given, tuple | list | np.ndarray) or len(given) != 2:
            raise InputError(f"Breeding: parents named {given!r}: wanted two places from 0 to {len(merit) - 1}")
        return _place(given[0], len(merit), "parents"), _place(given[1], len(merit), "parents")

    def leaver(self, merit: np.ndarray, waited: np.ndarray, rng: np.random.Generator) -> int:
        """A place among float64 [n] by `departure`. Raises InputError for another."""
        return _place(self.departure(merit, waited, rng), len(merit), "departure")


def _place(given: Any, count: int, what: str) -> int:
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not 0 <= given < count:
        raise InputError(f"Breeding: {what} named {given!r}: wanted a place from 0 to {count - 1}, a whole number")
    return int(given)


def _checked(given: Any, guards: int, literals: Literals, what: str) -> np.ndarray:
    """What a part wrote, tidied."""
    guard = np.asarray(given)
    sound = guard.ndim == 1 and len(guard) <= guards and (not len(guard) or np.issubdtype(guard.dtype, np.integer))
    if not sound or (len(guard) and not (guard.min() >= -1 and guard.max() < len(literals))):
        raise InputError(
            f"Breeding: {what} wrote {given!r}: wanted at most {guards} whole numbers from -1 to {len(literals) - 1}"
        )
    return tidy(guard, guards)
