"""Positions on a page: each slot brings its clicks per hour, whoever stands there; bidders value a click."""

from dataclasses import dataclass, field
from itertools import product

import numpy as np

from marketic.bids import Bids
from marketic.clearing import Clearing
from marketic.domains.scalar import SingleGood


@dataclass(frozen=True)
class Positions:
    """Scalar bids per click for slots with given click rates. The allocation is the clicks received, float64 [cases, n].

    clicks: clicks of each slot, not increasing. sizes: numbers of bidders to try. share: part of the kit's budget.
    """

    clicks: tuple[float, ...] = (200.0, 100.0)
    sizes: tuple[int, ...] = (2, 1, 3, 0, 5, 4, *range(6, 11))
    share: float = 0.5
    values: SingleGood = field(default_factory=SingleGood)

    @property
    def units_per_bid(self) -> float:
        """A bid is for one click; the most that come with a slot."""
        return max(self.clicks)

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> Bids:
        """Values per click [cases, n], some bidders absent."""
        return self.values.draw(rng, cases, bidders)

    def lie(self, rng: np.random.Generator, truth: Bids, who: np.ndarray) -> Bids:
        """Bidder `who` reports another number."""
        return self.values.lie(rng, truth, who)

    def worth(self, truth: Bids, clearing: Clearing) -> np.ndarray:
        """Value per click times clicks."""
        return truth.value * np.asarray(clearing.allocation, dtype=float)

    def optimum(self, truth: Bids) -> np.ndarray:
        """The highest value in the best slot, and so on down."""
        return self._welfare(truth.value, truth.active)

    def infeasible(self, truth: Bids, clearing: Clearing) -> tuple[np.ndarray, str]:
        """The best k bidders together receive more clicks than the best k slots bring, or somebody less than none."""
        given = -np.sort(-np.asarray(clearing.allocation, dtype=float), axis=-1)
        slots = self._slots(given.shape[-1])
        excess = (np.cumsum(given, axis=-1) - np.cumsum(slots)).max(axis=-1, initial=0.0)
        excess = np.maximum(excess, -given.min(axis=-1, initial=0.0))
        return excess - 1e-9 * max(self.clicks), "it hands out more clicks than its slots bring"

    def blocking_gain(self, truth: Bids, clearing: Clearing) -> np.ndarray:
        """The most that a coalition of bidders gains by dealing with the seller alone, over all coalitions."""
        surplus = np.where(truth.active, self.worth(truth, clearing) - clearing.payments, 0.0)
        revenue = clearing.payments.sum(axis=-1)
        worst = (-surplus).max(axis=-1, initial=0.0)  # a bidder alone
        for members in product((False, True), repeat=truth.value.shape[-1]):
            chosen = truth.active & np.array(members, dtype=bool)
            together = self._welfare(truth.value, chosen) - np.where(chosen, surplus, 0.0).sum(axis=-1)
            worst = np.maximum(worst, together - revenue)
        return worst

    def _slots(self, bidders: int) -> np.ndarray:
        slots = np.zeros(bidders)
        slots[: len(self.clicks)] = self.clicks[:bidders]
        return slots

    def _welfare(self, value: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        ranked = -np.sort(-np.where(chosen, value, 0.0), axis=-1)
        return np.asarray(ranked @ self._slots(value.shape[-1]))
