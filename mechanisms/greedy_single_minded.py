"""Greedy package auction for single-minded bidders (Lehmann, O'Callaghan and Shoham 2002).

Each bidder wants one bundle. Bids are accepted in the order of value per square root of the number of goods, each if its
goods are still there. A winner pays its critical value: the lowest bid with which it would still have won, set by the first
bid that the greedy rule would accept without it and that wants one of its goods. The rule is monotone (a higher value or a
smaller bundle never loses), so truth is a dominant strategy, about the bundle as well. Welfare is at least 1 / sqrt(m) of
the optimum, which is the best that is possible in polynomial time unless NP = ZPP.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from marketic.bundle_bids import BundleBids
from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains.bundles import Bundles
from marketic.errors import InputError

SOURCE = "Lehmann, O'Callaghan and Shoham 2002"


@dataclass(frozen=True)
class GreedySingleMinded:
    """One bid per bidder, critical values. `bids.value` [..., n, k] -> allocation [..., n, m], payments [..., n].

    Bids of 0 win nothing. Ties go to the higher amount, then to the first bidder. Raises InputError if one makes several bids.
    """

    claims: ClassVar[frozenset[Claim]] = frozenset(
        {Claim.DSIC, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.ANONYMOUS, Claim.SCALE_FREE}
    )
    terms: ClassVar[dict[Claim, Terms]] = {Claim.DSIC: Terms(domain="single-minded bidders", source=SOURCE)}
    domain: ClassVar[Bundles] = Bundles(single_minded=True, share=0.2)
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.EFFICIENT, BundleBids.of({"A": 1.0}, {"ABCD": 1.9}), source=SOURCE),
    )

    def clear(self, bids: BundleBids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Accept bids greedily; winners pay critical values."""
        bids = bids.at_least(0.0)
        if (bids.live.sum(axis=-1) > 1).any():
            raise InputError(
                "GreedySingleMinded: a bidder makes several bids, wanted one bundle each: set `offered` False for the "
                "others, or use VCG"
            )
        *batch, n, _ = bids.value.shape
        amount = np.where(bids.live, bids.value, 0.0).sum(axis=-1)
        bundle = (bids.bundle & bids.live[..., None]).any(axis=-2)
        rows = int(np.prod(batch, dtype=np.int64))
        root = np.sqrt(np.maximum(bundle.sum(axis=-1), 1))
        order = np.lexsort((-amount, -amount / root), axis=-1)  # stable: the last ties go to the first bidder
        wins, payments = np.zeros((rows, n), dtype=bool), np.zeros((rows, n))
        _greedy(
            amount.reshape(rows, n), root.reshape(rows, n), order.reshape(rows, n),
            bundle.reshape(rows, n, bids.goods), wins, payments,
        )  # fmt: skip
        allocation = wins.reshape(amount.shape)[..., None] & bundle
        unpriced = np.full((*batch, bids.goods), np.nan)
        return Clearing(allocation, payments.reshape(amount.shape), unpriced)


@njit(cache=True)
def _greedy(amount, root, order, bundle, wins, payments):  # type: ignore[no-untyped-def]
    """Write wins and payments [B, n]. amount: float64 [B, n], 0: no bid; root: of the number of goods; bundle: [B, n, m]."""
    n, m = bundle.shape[1], bundle.shape[2]
    for row in range(amount.shape[0]):
        taken = np.zeros(m, dtype=np.bool_)
        for i in order[row]:
            if amount[row, i] > 0.0 and not _overlap(taken, bundle[row, i]):
                wins[row, i] = True
                taken |= bundle[row, i]
        for i in range(n):
            if not wins[row, i]:
                continue
            taken[:] = False
            for j in order[row]:
                if j == i or amount[row, j] == 0.0 or _overlap(taken, bundle[row, j]):
                    continue
                if _overlap(bundle[row, i], bundle[row, j]):
                    critical = amount[row, j] * (root[row, i] / root[row, j])
                    payments[row, i] = min(critical, amount[row, i])
                    break
                taken |= bundle[row, j]


@njit(cache=True)
def _overlap(first, second):  # type: ignore[no-untyped-def]
    for good in range(first.size):  # noqa: SIM110  (numba compiles no `any` of a generator)
        if first[good] and second[good]:
            return True
    return False
