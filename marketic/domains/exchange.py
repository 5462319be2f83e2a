"""Buyers who want one unit and sellers who have one, with money: what double auctions are for."""

from dataclasses import dataclass

import numpy as np

from marketic.bids import Bids
from marketic.clearing import Clearing
from marketic.domains.base import changed
from marketic.domains.draws import amounts, lies, present


@dataclass(frozen=True)
class Exchange:
    """Bids with a side: a buyer's value, a seller's cost, currency, >= 0. The side is public.

    An allocation is +1 for a buyer who buys and -1 for a seller who sells, so that worth = value * allocation on both sides.
    sizes: numbers of traders to try. share: part of the kit's budget.
    """

    sizes: tuple[int, ...] = (2, 4, 1, 3, 0, 6, 5, 7, 8, 9, 10, 12, 33)
    share: float = 1.0

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> Bids:
        """Values and costs [cases, n]; sides at random in half of the cases, alternating in the others; some absent."""
        value = amounts(rng, (cases, bidders))
        drawn = rng.choice(np.array([-1, 1], dtype=np.int8), size=value.shape)
        alternating = np.where(np.arange(bidders) % 2 == 0, 1, -1).astype(np.int8)
        side = np.where(rng.random((cases, 1)) < 0.5, drawn, alternating)
        return Bids(value, present(rng, value.shape), side=side)

    def lie(self, rng: np.random.Generator, truth: Bids, who: np.ndarray) -> Bids:
        """Trader `who` reports another number, on its own side."""
        rows = np.arange(len(who))
        value = truth.value.copy()
        value[rows, who] = lies(rng, truth.value[rows, who], np.where(truth.active, truth.value, 0.0))
        return changed(truth, value=value)

    def worth(self, truth: Bids, clearing: Clearing) -> np.ndarray:
        """Value received, or (below 0) cost borne."""
        return truth.value * np.asarray(clearing.allocation, dtype=float)

    def optimum(self, truth: Bids) -> np.ndarray:
        """The gains from trade: the highest values matched with the lowest costs, as long as that gains anything."""
        buyers = truth.active & (truth.side == 1)
        sellers = truth.active & (truth.side == -1)
        value = np.sort(np.where(buyers, truth.value, -np.inf), axis=-1)[:, ::-1]
        cost = np.sort(np.where(sellers, truth.value, np.inf), axis=-1)
        return np.maximum(value - cost, 0.0).sum(axis=-1)

    def infeasible(self, truth: Bids, clearing: Clearing) -> tuple[np.ndarray, str]:
        """More bought than sold, more than a unit each, or a trade on the wrong side."""
        units = np.asarray(clearing.allocation, dtype=float)
        own = units * np.asarray(truth.side, dtype=float)
        excess = np.maximum(units.sum(axis=-1), (-own).max(axis=-1, initial=0.0))
        excess = np.maximum(excess, (own - 1.0).max(axis=-1, initial=-1.0))
        return excess - 1e-9, "more is bought than sold, or somebody trades more than one unit or on the wrong side"

    def blocking_gain(self, truth: Bids, clearing: Clearing) -> np.ndarray:
        """The most that some traders gain by trading among themselves, over all sets of traders.

        Whoever ended below 0 gains by leaving. Beyond that, a buyer brings to a set what its value exceeds its surplus by, a
        seller what its surplus and cost leave, and they are matched as in `optimum`.
        """
        surplus = self.worth(truth, clearing) - clearing.payments
        brought = truth.value * np.asarray(truth.side, dtype=float) - np.maximum(surplus, 0.0)
        buyers = np.where(truth.active & (truth.side == 1), brought, -np.inf)
        sellers = np.where(truth.active & (truth.side == -1), brought, -np.inf)
        pairs = np.sort(buyers, axis=-1)[:, ::-1] + np.sort(sellers, axis=-1)[:, ::-1]
        return np.asarray(np.maximum(pairs, 0.0).sum(axis=-1) + np.maximum(-surplus, 0.0).sum(axis=-1))
