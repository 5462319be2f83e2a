"""Buyers who want one of several different goods each: what assignment markets are for."""

from dataclasses import dataclass

import numpy as np

from marketic.assignment_bids import AssignmentBids
from marketic.clearing import Clearing
from marketic.domains.base import changed
from marketic.domains.draws import amounts, lies, present
from marketic.errors import InputError


@dataclass(frozen=True)
class Assignment:
    """Values for `goods` goods, one seller each, who have no cost.

    The bidders are the buyers: the sellers' side is the house. goods: m, at least 1. sizes: numbers of buyers to try.
    share: part of the kit's budget.
    """

    goods: int = 3
    sizes: tuple[int, ...] = (2, 1, 3, 0, 4)
    share: float = 0.1

    def __post_init__(self) -> None:
        if self.goods < 1:
            raise InputError(f"Assignment(goods={self.goods}): wanted a whole number >= 1")

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> AssignmentBids:
        """Values [cases, n, goods], some buyers absent."""
        value = amounts(rng, (cases, bidders, self.goods))
        return AssignmentBids(value, active=present(rng, (cases, bidders)))

    def lie(self, rng: np.random.Generator, truth: AssignmentBids, who: np.ndarray) -> AssignmentBids:
        """Buyer `who` reports another row: one good changed, all shaded, all but one renounced, or somebody else's."""
        value = truth.value.copy()
        value[np.arange(len(who)), who] = self._other(rng, truth, who)
        return changed(truth, value=value)

    def _other(self, rng: np.random.Generator, truth: AssignmentBids, who: np.ndarray) -> np.ndarray:
        """Another row of values of buyer `who`, float64 [cases, goods]."""
        rows, cases = np.arange(len(who)), len(who)
        own = truth.value[rows, who]
        others = np.where(truth.active[..., None], truth.value, 0.0).reshape(cases, -1)
        good = rng.integers(0, self.goods, size=cases)
        one = own.copy()
        one[rows, good] = lies(rng, own[rows, good], others)
        shaded = own * rng.random((cases, 1)) * 2.0
        alone = np.where(np.arange(self.goods) == good[:, None], own, 0.0)
        other = truth.value[rows, rng.integers(0, truth.value.shape[1], size=cases)]
        return np.asarray(np.choose(rng.integers(0, 4, size=(cases, 1)), [one, shaded, alone, other]))

    def worth(self, truth: AssignmentBids, clearing: Clearing) -> np.ndarray:
        """The value of the good received."""
        return (truth.value * np.asarray(clearing.allocation, dtype=float)).sum(axis=-1)

    def optimum(self, truth: AssignmentBids) -> np.ndarray:
        """The best assignment, by dynamic programming over the sets of goods still there."""
        sets = 2**self.goods
        best = np.zeros((len(truth.active), sets))
        value = np.where(truth.active[..., None], truth.value, 0.0)
        for buyer in range(value.shape[1]):
            gain = value[:, buyer]
            after = best.copy()
            for good in range(self.goods):
                having = [s for s in range(sets) if s >> good & 1]
                rest = [s ^ (1 << good) for s in having]
                after[:, having] = np.maximum(after[:, having], best[:, rest] + gain[:, good : good + 1])
            best = after
        return best[:, -1]

    def infeasible(self, truth: AssignmentBids, clearing: Clearing) -> tuple[np.ndarray, str]:
        """A good sold twice, a buyer with two goods, or a part of a good below 0."""
        got = np.asarray(clearing.allocation, dtype=float)
        excess = np.maximum(got.sum(axis=1).max(axis=-1, initial=0.0), got.sum(axis=2).max(axis=-1, initial=0.0)) - 1.0
        excess = np.maximum(excess, -got.min(axis=(1, 2), initial=0.0))
        return excess - 1e-9, "a good is sold twice, or a buyer gets two of them"

    def blocking_gain(self, truth: AssignmentBids, clearing: Clearing) -> np.ndarray:
        """The most that a buyer and a seller gain by trading with each other (pairs are all that matters here).

        Of payments only their sum per good is known, so a seller's surplus is what the buyer of its good paid.
        """
        got = np.asarray(clearing.allocation, dtype=float)
        surplus = self.worth(truth, clearing) - clearing.payments
        revenue = (got * clearing.payments[..., None]).sum(axis=1)
        gain = np.where(truth.active[..., None], truth.value - surplus[..., None] - revenue[:, None, :], 0.0)
        alone = np.maximum((-surplus).max(axis=-1, initial=0.0), (-revenue).max(axis=-1, initial=0.0))
        return np.maximum(gain.max(axis=(1, 2), initial=0.0), alone)

    def split(self, rng: np.random.Generator, truth: AssignmentBids, who: np.ndarray) -> AssignmentBids:
        """A second row of values under another name."""
        rows = np.arange(len(who))
        value = truth.value.copy()
        honest = rng.random((len(who), 1)) < 0.5
        value[rows, who] = np.where(honest, truth.value[rows, who], self._other(rng, truth, who))
        active = np.concatenate([truth.active, truth.active[rows, who][:, None]], axis=1)
        shill = self._other(rng, truth, who)[:, None]
        return AssignmentBids(np.concatenate([value, shill], axis=1), truth.cost, active)

    def joint_worth(self, truth: AssignmentBids, clearing: Clearing, who: np.ndarray) -> np.ndarray:
        """The better one of the two goods received: one is enough."""
        rows = np.arange(len(who))
        got = np.asarray(clearing.allocation, dtype=float)
        return (truth.value[rows, who] * np.maximum(got[rows, who], got[:, -1])).max(axis=-1)
