"""One good (or several copies, or a share of it) and one number per bidder: what a unit is worth to it."""

from dataclasses import dataclass

import numpy as np

from marketic.bids import Bids
from marketic.clearing import Clearing
from marketic.domains.base import changed
from marketic.domains.draws import amounts, lies, present


@dataclass(frozen=True)
class SingleGood:
    """Scalar bids for one indivisible good. What the domain says when a mechanism says nothing.

    sizes: numbers of bidders to try. share: part of the kit's budget. lowest: the lowest value of the good, currency; below
    0: it may be a burden.
    """

    sizes: tuple[int, ...] = (2, 1, 3, 0, 4, 5, 2, 3, *range(6, 14), 16, 17, 32, 33, 64, 65, 150)
    share: float = 1.0
    lowest: float = 0.0

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> Bids:
        """Values [cases, n], some bidders absent."""
        value = amounts(rng, (cases, bidders))
        if self.lowest < 0:
            value *= np.where(rng.random(value.shape) < 0.3, -1.0, 1.0)
        return Bids(np.maximum(value, self.lowest), present(rng, value.shape))

    def lie(self, rng: np.random.Generator, truth: Bids, who: np.ndarray) -> Bids:
        """Bidder `who` reports another number."""
        rows = np.arange(len(who))
        value = truth.value.copy()
        others = np.where(truth.active, truth.value, 0.0)
        value[rows, who] = lies(rng, truth.value[rows, who], others)
        return changed(truth, value=value)

    def worth(self, truth: Bids, clearing: Clearing) -> np.ndarray:
        """Value times the share (or chance) received."""
        return truth.value * np.asarray(clearing.allocation, dtype=float)

    def optimum(self, truth: Bids) -> np.ndarray:
        """The highest value present, or 0 where all are burdens (the good may stay unsold)."""
        return np.where(truth.active, truth.value, 0.0).max(axis=-1, initial=0.0)

    def infeasible(self, truth: Bids, clearing: Clearing) -> tuple[np.ndarray, str]:
        """More than one unit sold, or less than none to somebody."""
        allocation = np.asarray(clearing.allocation, dtype=float)
        excess = np.maximum(allocation.sum(axis=-1) - 1.0, -allocation.min(axis=-1, initial=0.0))
        return excess - 1e-9, f"it sells {allocation.sum(axis=-1).max(initial=0.0):g} units of one good"

    def blocking_gain(self, truth: Bids, clearing: Clearing) -> np.ndarray:
        """What the seller and the bidder who would pay most for the good gain beyond revenue and that bidder's surplus."""
        surplus = self.worth(truth, clearing) - clearing.payments
        gain = np.where(truth.active, truth.value - surplus, 0.0).max(axis=-1, initial=0.0)
        worst = np.maximum(gain - clearing.payments.sum(axis=-1), -clearing.payments.sum(axis=-1))
        return np.maximum(worst, (-surplus).max(axis=-1, initial=0.0))

    def split(self, rng: np.random.Generator, truth: Bids, who: np.ndarray) -> Bids:
        """A second report under another name."""
        rows = np.arange(len(who))
        own = truth.value[rows, who]
        shill = lies(rng, own, truth.value)
        value = np.concatenate([truth.value, shill[:, None]], axis=1)
        value[rows, who] = np.where(rng.random(len(who)) < 0.5, own, lies(rng, own, truth.value))
        return Bids(value, np.concatenate([truth.active, truth.active[rows, who][:, None]], axis=1))

    def joint_worth(self, truth: Bids, clearing: Clearing, who: np.ndarray) -> np.ndarray:
        """One unit is enough."""
        rows = np.arange(len(who))
        allocation = np.asarray(clearing.allocation, dtype=float)
        return truth.value[rows, who] * np.minimum(allocation[rows, who] + allocation[:, -1], 1.0)
