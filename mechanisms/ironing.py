"""Ironed virtual values (Myerson 1981, section 6; Bulow and Roberts 1989).

Let q be the chance that the good sells at a price v(q), and R(q) = q v(q) the revenue. The virtual value of v is the slope
R'(q). Where R is not concave, virtual values are not monotone and no truthful auction can follow them; the optimal auction
follows the slopes of R's concave hull instead, and treats all values of one straight piece of it alike.

For a discrete prior R is a chain of points, and its hull is computed in exact rational arithmetic; a report between two
values counts as the lower one. Any other prior is read at `points` + 1 equally spaced chances, and the slopes of
*that* hull are joined by straight lines, through the value in the middle of each piece: monotone by construction, so that truth
stays exactly dominant, and revenue is optimal up to the spacing.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np

from marketic.errors import InputError
from marketic.mechanisms.priors import Discrete, Prior, check_prior
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class Ironed:
    """The ironed virtual values of any prior: for `Myerson(Ironed(prior))`.

    prior: `Discrete`, or a distribution with `isf` and `support` (a frozen one of `scipy.stats`). points: how finely a prior
    that is not discrete is read, >= 2.
    """

    prior: Prior | Discrete
    points: int = 1000

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.points < 2:
            raise InputError(f"Ironed(points={self.points}): wanted an integer >= 2, e.g. points=1000")
        if isinstance(self.prior, Discrete):
            return
        check_prior("Ironed: prior", self.prior, "support", "isf")
        if not self.prior.support()[0] >= 0.0:
            raise InputError(f"the prior {self.prior} has negative values: wanted values >= 0")

    @cached_property
    def knots(self) -> tuple[np.ndarray, np.ndarray]:
        """Values, increasing, and their ironed virtual values, not decreasing, both float64 [k]."""
        return _discrete(self.prior) if isinstance(self.prior, Discrete) else _continuous(self.prior, self.points)

    def virtual(self, value: np.ndarray) -> np.ndarray:
        """Ironed virtual values, same shape; -inf below the lowest value."""
        at, level = self.knots
        value = np.asarray(value, dtype=float)
        if isinstance(self.prior, Discrete):
            step = np.searchsorted(at, value, side="right") - 1
            return np.where(step < 0, -np.inf, level[np.maximum(step, 0)])
        found = np.interp(value, at, level) + np.maximum(value - at[-1], 0.0)
        return np.where(value < at[0], -np.inf, found)

    def critical(self, target: np.ndarray, strict: np.ndarray, bid: np.ndarray) -> np.ndarray:
        """The infimum of the values with a virtual value >= target (> target where strict). All [B]; at `bid` it holds."""
        at, level = self.knots
        knot = np.where(strict, np.searchsorted(level, target, "right"), np.searchsorted(level, target, "left"))
        right = np.minimum(knot, len(at) - 1)
        if isinstance(self.prior, Discrete):
            return np.asarray(at[right])
        left = np.maximum(right - 1, 0)
        rise = np.where(level[right] > level[left], level[right] - level[left], 1.0)
        between = at[left] + (target - level[left]) / rise * (at[right] - at[left])
        beyond = at[-1] + (target - level[-1])
        return np.where(knot == 0, at[0], np.where(knot == len(at), beyond, between))

    @property
    def reserve(self) -> float:
        """The lowest value whose ironed virtual value is not negative, currency."""
        return float(self.critical(np.zeros(1), np.zeros(1, dtype=bool), np.zeros(1))[0])


def hull_slopes(chance: list[Fraction], revenue: list[Fraction]) -> list[Fraction]:
    """The slope of the least concave function above the points, on each interval between two neighbours.

    chance: increasing, k + 1 numbers; revenue: as many. Returns k slopes, not increasing, exact.

    >>> [str(s) for s in hull_slopes([Fraction(q) for q in (0, 1, 2)], [Fraction(r) for r in (0, 1, 4)])]
    ['2', '2']
    """
    hull: list[int] = []
    for k in range(len(chance)):
        while len(hull) > 1:
            i, j = hull[-2], hull[-1]
            if (revenue[j] - revenue[i]) * (chance[k] - chance[i]) > (revenue[k] - revenue[i]) * (
                chance[j] - chance[i]
            ):
                break
            hull.pop()
        hull.append(k)
    slopes: list[Fraction] = []
    for i, j in pairwise(hull):
        slopes += [(revenue[j] - revenue[i]) / (chance[j] - chance[i])] * (j - i)
    return slopes


def _discrete(prior: Discrete) -> tuple[np.ndarray, np.ndarray]:
    values = [Fraction(v) for v in reversed(prior.values)]
    chances = [Fraction(p) for p in reversed(prior.probabilities)]
    total, chance = sum(chances), [Fraction(0)]
    for p in chances:
        chance.append(chance[-1] + p / total)
    revenue = [Fraction(0), *(q * v for q, v in zip(chance[1:], values, strict=True))]
    slopes = hull_slopes(chance, revenue)
    return np.array(prior.values), np.array([float(s) for s in reversed(slopes)])


def _continuous(prior: Prior, points: int) -> tuple[np.ndarray, np.ndarray]:
    low, high = (float(end) for end in prior.support())
    prices = np.asarray(prior.isf(np.arange(1, points) / points), dtype=float)
    chance = [Fraction(k, points) for k in range(points + 1)]
    inner = [q * Fraction(float(v)) for q, v in zip(chance[1:-1], prices, strict=True)]
    slopes = hull_slopes(chance, [Fraction(0), *inner, Fraction(low)])
    level = np.array([float(s) for s in reversed(slopes)])
    edges = np.concatenate([[low], prices[::-1]])  # the lower end of each piece; the last piece is the upper tail
    at = np.append((edges[:-1] + edges[1:]) / 2, edges[-1])
    at, level = np.insert(at, 0, low), np.insert(level, 0, level[0])
    if np.isfinite(high) and high > at[-1]:
        at[-1] = (edges[-1] + high) / 2
        at, level = np.append(at, high), np.append(level, max(high, level[-1]))
    return at, level
