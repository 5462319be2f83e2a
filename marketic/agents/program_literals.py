"""Literals about any observation: what programs can ask when a task declares no vocabulary of its own.

They are derived from the task's goods (`marketic.goods`): components against constants, and components of one kind with each
other. Constants of a real component are evenly spread over its range, or over a scale around 0 where it has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from marketic.agents.ranges import numbers_of
from marketic.errors import InputError
from marketic.goods import Good, Goods
from marketic.words import NO_WORDS, Words
from marketic.words import number as in_digits

COMPARISONS = ("==", "!=", "<", ">")
SCALE = (-5.0, -2.0, -1.0, -0.5, -0.2, -0.1, 0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Constants for components without bounds."""
MOST_PAIRED = 24
"""With more components than this, they are compared with constants only."""
MOST_VALUES = 1000
"""Finite components with more values than this are compared by order only."""


@dataclass(frozen=True)
class Literals:
    """Comparisons of an encoded observation, float64 [D]: component left[k], comparison[k], component right[k] or, where that
    is -1, constant[k]. int64 [L] and float64 [L].

    Raises InputError for components that do not exist and comparisons that are not in COMPARISONS.
    """

    left: np.ndarray
    comparison: np.ndarray
    right: np.ndarray
    constant: np.ndarray
    components: int

    def __post_init__(self) -> None:
        names = np.concatenate([self.left, self.right[self.right >= 0]])
        sizes = {len(part) for part in (self.left, self.comparison, self.right, self.constant)}
        if len(sizes) != 1 or sizes == {0} or names.min() < 0 or names.max() >= self.components:
            raise InputError(
                f"Literals of components {np.unique(names).tolist()}, {sorted(sizes)} of them: wanted arrays of one length "
                f">= 1 and components from 0 to {self.components - 1}"
            )
        if not np.isin(self.comparison, range(len(COMPARISONS))).all() or not np.isfinite(self.constant).all():
            raise InputError(f"Literals: wanted comparisons 0 to {len(COMPARISONS) - 1} and finite constants")

    def __len__(self) -> int:
        return len(self.left)

    @classmethod
    def derive(
        cls, goods: Goods, low: Sequence[float] | None = None, high: Sequence[float] | None = None
    ) -> "Literals":
        """All that makes sense for a task's observation. low, high: float [D], where constants of real components lie.

        Raises InputError for bounds of another length, and for low >= high in a real component.
        """
        bounds = _bounds(goods, low, high)
        found: list[tuple[int, int, int, float]] = []
        for i, good in enumerate(goods):
            found += [(i, comparison, -1, value) for comparison, value in _with_constants(good, *bounds[i])]
        if len(goods) <= MOST_PAIRED:
            for i in range(len(goods)):
                for j in range(i + 1, len(goods)):
                    if goods[i].size == goods[j].size:
                        ordered, exact = (goods[i].size or 3) > 2, goods[i].size is not None
                        comparisons = [0, 1] * exact + [2, 3] * ordered
                        found += [(i, comparison, j, 0.0) for comparison in comparisons]
        left, comparison, right, constant = zip(*found, strict=True)
        whole = [np.array(part, dtype=np.int64) for part in (left, comparison, right)]
        return cls(whole[0], whole[1], whole[2], np.array(constant), len(goods))

    def say(self, number: int, words: Words = NO_WORDS) -> str:
        """One literal in words."""
        name, unit = words.component(int(self.left[number]))
        other = int(self.right[number])
        value = words.component(other)[0] if other >= 0 else f"{self._constant(number)} {unit}".strip()
        return f"{name} {COMPARISONS[self.comparison[number]]} {value}"

    def _constant(self, number: int) -> str:
        """A literal's constant, told apart from all that its component is compared with."""
        others = self.constant[(self.left == self.left[number]) & (self.right < 0)]
        return in_digits(float(self.constant[number]), np.unique(others).tolist())


def _bounds(goods: Goods, low: Sequence[float] | None, high: Sequence[float] | None) -> list[tuple[float, float]]:
    """Where the constants of each component lie."""
    lows = [good.low for good in goods] if low is None else numbers_of("literals", "low", low).tolist()
    highs = [good.high for good in goods] if high is None else numbers_of("literals", "high", high).tolist()
    if not len(lows) == len(highs) == len(goods):
        raise InputError(f"literals from low={low} to high={high}: wanted {len(goods)} numbers each, low < high")
    for good, a, b in zip(goods, lows, highs, strict=True):
        if good.size is None and not a < b:
            raise InputError(
                f"literals about {good.name}, from {a:g} to {b:g}: wanted low < high; give low= and high=, one number for each "
                "component, or leave out a component that never changes"
            )
    return list(zip(lows, highs, strict=True))


def _with_constants(good: Good, low: float, high: float) -> list[tuple[int, float]]:
    """Comparison and constant of every literal about one component alone."""
    if good.size is not None:
        same = [(c, float(v)) for v in range(good.size) for c in (0, 1)] if 2 < good.size <= MOST_VALUES else []
        if good.size <= 2:
            return [(0, float(v)) for v in range(good.size)]
        cuts = np.unique(np.linspace(0, good.size - 1, min(good.size, 16)).round())
        return same + [(c, float(v)) for v in cuts for c in (2, 3)]
    bounded = np.isfinite([low, high]).all() and high - low < 1e6
    grid = np.linspace(low, high, 17)[1:-1] if bounded else np.array(SCALE)
    return [(c, float(v)) for v in grid for c in (2, 3)]


@njit(cache=True)
def literal_holds(k, observation, left, comparison, right, constant):  # type: ignore[no-untyped-def]
    """Whether literal k is true of one observation, float64 [D]."""
    one = observation[left[k]]
    other = constant[k] if right[k] < 0 else observation[right[k]]
    if comparison[k] == 0:
        return one == other
    if comparison[k] == 1:
        return one != other
    return one < other if comparison[k] == 2 else one > other
