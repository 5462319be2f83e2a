"""Several units of one good, and marginal values that never increase: what auctions of many units are for."""

from dataclasses import dataclass

import numpy as np

from marketic.clearing import Clearing
from marketic.demand_bids import DemandBids
from marketic.domains.base import changed
from marketic.domains.draws import amounts, lies, present
from marketic.errors import InputError

MOST_WANTED = 64
"""Units that one bidder wants at most in the kit's cases: what breaks with more of them breaks with these."""


@dataclass(frozen=True)
class Units:
    """Demand vectors for `supply` units of one good.

    supply: units for sale. wanted: the most that one bidder may want, units (1: unit demand). sizes: numbers of bidders to
    try. share: part of the kit's budget.
    """

    supply: int = 3
    wanted: int = 3
    sizes: tuple[int, ...] = (2, 1, 3, 0, 4, 2, 5, 9, 12)
    share: float = 0.5

    def __post_init__(self) -> None:
        if self.supply < 1 or self.wanted < 1:
            raise InputError(f"Units(supply={self.supply}, wanted={self.wanted}): wanted whole numbers >= 1")

    @classmethod
    def of(cls, supply: int, share: float = 0.5) -> "Units":
        """Bidders who may want all of the supply, or MOST_WANTED units if it is larger."""
        return cls(supply, min(int(supply), MOST_WANTED), share=share)

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> DemandBids:
        """Marginal values [cases, n, wanted] that never increase; some bidders absent, some want fewer units."""
        value = amounts(rng, (cases, bidders, self.wanted))
        most = rng.integers(1, self.wanted + 1, size=(cases, bidders, 1))
        value = np.where(np.arange(self.wanted) < most, value, 0.0)
        return DemandBids(_falling(value), present(rng, (cases, bidders)))

    def lie(self, rng: np.random.Generator, truth: DemandBids, who: np.ndarray) -> DemandBids:
        """Bidder `who` names another demand vector: fewer units, one other amount, all shaded, or somebody else's."""
        value = truth.value.copy()
        value[np.arange(len(who)), who] = self._other(rng, truth, who)
        return changed(truth, value=value)

    def _other(self, rng: np.random.Generator, truth: DemandBids, who: np.ndarray) -> np.ndarray:
        """Another demand vector of bidder `who`, float64 [cases, wanted]."""
        rows, cases = np.arange(len(who)), len(who)
        own = truth.value[rows, who]
        others = np.where(truth.active[..., None], truth.value, 0.0).reshape(cases, -1)
        unit = rng.integers(0, self.wanted, size=cases)
        fewer = np.where(np.arange(self.wanted) < rng.integers(0, self.wanted, size=(cases, 1)), own, 0.0)
        one = own.copy()
        one[rows, unit] = lies(rng, own[rows, unit], others)
        flat = np.repeat(lies(rng, own[:, 0], others)[:, None], self.wanted, axis=1)
        shaded = own * rng.random((cases, 1)) * 2.0
        other = truth.value[rows, rng.integers(0, truth.value.shape[1], size=cases)]
        style = rng.integers(0, 5, size=(cases, 1))
        return _falling(np.choose(style, [fewer, one, flat, shaded, other]))

    def worth(self, truth: DemandBids, clearing: Clearing) -> np.ndarray:
        """The marginal values of the units received, added up; of a part of a unit, that part."""
        received = np.asarray(clearing.allocation, dtype=float)[..., None]
        return (truth.value * np.clip(received - np.arange(truth.value.shape[-1]), 0.0, 1.0)).sum(axis=-1)

    def optimum(self, truth: DemandBids) -> np.ndarray:
        """The sum of the highest marginal values, one for each unit."""
        value = np.where(truth.active[..., None], truth.value, 0.0).reshape(len(truth.value), -1)
        return np.sort(value, axis=-1)[:, ::-1][:, : self.supply].sum(axis=-1)

    def infeasible(self, truth: DemandBids, clearing: Clearing) -> tuple[np.ndarray, str]:
        """More units sold than there are, or less than none to somebody."""
        received = np.asarray(clearing.allocation, dtype=float)
        excess = np.maximum(received.sum(axis=-1) - self.supply, -received.min(axis=-1, initial=0.0))
        most = received.sum(axis=-1).max(initial=0.0)
        return excess - 1e-9, f"it sells {most:g} of {self.supply} units (or less than none to somebody)"

    def blocking_gain(self, truth: DemandBids, clearing: Clearing) -> np.ndarray:
        """The most that the seller and some bidders gain by trading among themselves, over all sets of bidders.

        By dynamic programming: with `made[q]` the most that some of the bidders so far make of q units beyond their surplus,
        the next one joins with t of the units, or stays out (or leaves alone, if it ended below 0).
        """
        surplus = self.worth(truth, clearing) - clearing.payments
        value = np.where(truth.active[..., None], truth.value, 0.0)
        units = min(self.supply, value.shape[1] * value.shape[2])  # more than all want is as good as that
        made = np.zeros((len(value), units + 1))
        for bidder in range(value.shape[1]):
            own, joined = surplus[:, bidder, None], np.zeros((len(value), 1))
            before = made
            made = before + np.maximum(-own, 0.0)
            for t in range(1, min(units, value.shape[2]) + 1):
                joined = joined + value[:, bidder, t - 1 : t]
                made[:, t:] = np.maximum(made[:, t:], before[:, :-t] + joined - own)
        alone = (-surplus).max(axis=-1, initial=0.0)
        return np.asarray(np.maximum(alone, made[:, -1] - clearing.payments.sum(axis=-1)))

    def split(self, rng: np.random.Generator, truth: DemandBids, who: np.ndarray) -> DemandBids:
        """A second demand vector under another name: often the two halves of the true one."""
        rows = np.arange(len(who))
        own = truth.value[rows, who]
        at = rng.integers(0, self.wanted + 1, size=(len(who), 1))
        first = np.where(np.arange(self.wanted) < at, own, 0.0)
        halves = rng.random((len(who), 1)) < 0.5
        value = truth.value.copy()
        value[rows, who] = np.where(halves, first, self._other(rng, truth, who))
        shill = np.where(halves, _falling(own - first), self._other(rng, truth, who))
        active = np.concatenate([truth.active, truth.active[rows, who][:, None]], axis=1)
        return DemandBids(np.concatenate([value, shill[:, None]], axis=1), active)

    def joint_worth(self, truth: DemandBids, clearing: Clearing, who: np.ndarray) -> np.ndarray:
        """What the units of both names are worth to `who`."""
        rows = np.arange(len(who))
        received = np.asarray(clearing.allocation, dtype=float)
        both = (received[rows, who] + received[:, -1])[:, None]
        return (truth.value[rows, who] * np.clip(both - np.arange(self.wanted), 0.0, 1.0)).sum(axis=-1)


def _falling(value: np.ndarray) -> np.ndarray:
    """The same amounts, the highest first."""
    return np.sort(value, axis=-1)[..., ::-1]
