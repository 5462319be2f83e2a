"""What a seller believes about one bidder's value, before the bids.

Any frozen distribution of `scipy.stats` will do; the mechanisms use only `cdf`, `sf`, `pdf`, `ppf`, `isf` and `support`. The
two here need no SciPy: the uniform distribution, the running example of the textbooks, and a discrete one, which may also be a
sample of past bids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from marketic.errors import InputError
from marketic.numbers import check_kinds, check_list


class Prior(Protocol):
    """A distribution of one value, as `scipy.stats` freezes it. All methods are vectorised."""

    def cdf(self, x: Any) -> Any:
        """P(value <= x)."""
        ...

    def sf(self, x: Any) -> Any:
        """P(value > x), precise in the upper tail."""
        ...

    def pdf(self, x: Any) -> Any:
        """The density."""
        ...

    def ppf(self, q: Any) -> Any:
        """The quantile: the inverse of `cdf`."""
        ...

    def isf(self, q: Any) -> Any:
        """The inverse of `sf`: the price at which the good sells with chance q."""
        ...

    def support(self) -> tuple[float, float]:
        """The lowest and the highest possible value."""
        ...


def check_prior(name: str, given: Any, *needed: str) -> None:
    """Raise InputError unless `given` is a distribution with the methods `needed`. name: of the option, for the message."""
    if isinstance(given, type) or not all(callable(getattr(given, method, None)) for method in needed):
        raise InputError(
            f"{name}={given!r}: wanted a distribution with the methods {', '.join(needed)}, e.g. Uniform(0, 1) or "
            "scipy.stats.expon(scale=2.0)"
        )


@dataclass(frozen=True)
class Uniform:
    """All values between `low` and `high` (currency, 0 <= low < high) are equally likely."""

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        check_kinds(self)
        if not 0.0 <= self.low < self.high < np.inf:
            raise InputError(f"Uniform(low={self.low}, high={self.high}): wanted 0 <= low < high, e.g. Uniform(0, 1)")

    def cdf(self, x: Any) -> Any:
        """P(value <= x)."""
        return np.clip((np.asarray(x, dtype=float) - self.low) / (self.high - self.low), 0.0, 1.0)

    def sf(self, x: Any) -> Any:
        """P(value > x)."""
        return np.clip((self.high - np.asarray(x, dtype=float)) / (self.high - self.low), 0.0, 1.0)

    def pdf(self, x: Any) -> Any:
        """The density."""
        inside = (np.asarray(x) >= self.low) & (np.asarray(x) <= self.high)
        return np.where(inside, 1.0 / (self.high - self.low), 0.0)

    def ppf(self, q: Any) -> Any:
        """The inverse of `cdf`."""
        return self.low + np.asarray(q, dtype=float) * (self.high - self.low)

    def isf(self, q: Any) -> Any:
        """The inverse of `sf`."""
        return self.high - np.asarray(q, dtype=float) * (self.high - self.low)

    def support(self) -> tuple[float, float]:
        """(low, high)."""
        return self.low, self.high

    def rvs(self, size: Any = 1, random_state: np.random.Generator | None = None) -> np.ndarray:
        """Draws of shape `size`."""
        return np.random.default_rng(random_state).uniform(self.low, self.high, size)


@dataclass(frozen=True)
class Discrete:
    """Finitely many values (currency, >= 0, increasing), each with its probability (> 0; they are scaled to sum to 1)."""

    values: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        check_kinds(self)
        values, chances = check_list(self, "values"), check_list(self, "probabilities")
        sound = len(values) == len(chances) > 0 and bool((np.diff(values) > 0).all() and values[0] >= 0)
        if not (sound and np.isfinite(values).all() and np.isfinite(chances).all() and (chances > 0).all()):
            raise InputError(
                f"Discrete(values={self.values}, probabilities={self.probabilities}): wanted increasing values >= 0 and as "
                "many probabilities > 0, e.g. Discrete((1, 2), (0.5, 0.5))"
            )

    @classmethod
    def sample(cls, values: Sequence[float] | np.ndarray) -> "Discrete":
        """The empirical distribution of observed values."""
        atoms, counts = np.unique(np.asarray(values, dtype=float), return_counts=True)
        return cls(tuple(atoms), tuple(counts / counts.sum()))

    def rvs(self, size: Any = 1, random_state: np.random.Generator | None = None) -> np.ndarray:
        """Draws of shape `size`."""
        chances = np.array(self.probabilities)
        return np.random.default_rng(random_state).choice(np.array(self.values), size=size, p=chances / chances.sum())
