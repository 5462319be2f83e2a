"""A divisible good and one number per bidder: what all of it is worth, the same for every part of it (linear utilities)."""

from dataclasses import dataclass

import numpy as np

from marketic.bids import Bids
from marketic.clearing import Clearing
from marketic.domains.base import changed
from marketic.domains.draws import amounts, lies, present
from marketic.errors import InputError


@dataclass(frozen=True)
class Shares:
    """Scalar bids for parts of `capacity` units of a divisible good.

    capacity: units, > 0. sizes: numbers of bidders to try. share: part of the kit's budget.
    """

    capacity: float = 1.0
    sizes: tuple[int, ...] = (2, 1, 3, 0, 5, *range(4, 14), 33, 65)
    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.capacity < np.inf:
            raise InputError(f"Shares(capacity={self.capacity}): wanted a finite number > 0")

    @property
    def units_per_bid(self) -> float:
        """A bid is for one unit of the capacity."""
        return self.capacity

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> Bids:
        """Values per unit [cases, n], some bidders absent."""
        value = amounts(rng, (cases, bidders))
        return Bids(value, present(rng, value.shape))

    def lie(self, rng: np.random.Generator, truth: Bids, who: np.ndarray) -> Bids:
        """Bidder `who` reports another number."""
        rows = np.arange(len(who))
        value = truth.value.copy()
        value[rows, who] = lies(rng, truth.value[rows, who], np.where(truth.active, truth.value, 0.0))
        return changed(truth, value=value)

    def worth(self, truth: Bids, clearing: Clearing) -> np.ndarray:
        """Value per unit times the units received."""
        return truth.value * np.asarray(clearing.allocation, dtype=float)

    def optimum(self, truth: Bids) -> np.ndarray:
        """Everything goes to the highest value."""
        return self.capacity * np.where(truth.active, truth.value, 0.0).max(axis=-1, initial=0.0)

    def infeasible(self, truth: Bids, clearing: Clearing) -> tuple[np.ndarray, str]:
        """More shared out than there is, or less than nothing to somebody."""
        units = np.asarray(clearing.allocation, dtype=float)
        excess = np.maximum(units.sum(axis=-1) - self.capacity, -units.min(axis=-1, initial=0.0))
        most = units.sum(axis=-1).max(initial=0.0)
        return excess - 1e-9 * self.capacity, f"it shares out {most:g} of {self.capacity:g} units"
