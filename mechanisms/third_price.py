"""Third-price sealed-bid auction (Kagel and Levin 1993): the highest bid wins and pays the third highest.

Its interest is theoretical: prices are so far below the bids that bidders bid *more* than their values. With n >= 3
bidders whose values are independent and uniform on [0, 1], the symmetric equilibrium bid is (n - 1)/(n - 2) of the value
(Krishna 2010, section 3.2 and problem 3.1), and the seller expects as much as in any other standard auction, (n - 1)/(n + 1).
Not strategyproof. Whoever bids beyond its value may pay more than it: rational ex post at truthful bids, in equilibrium
only on average.

Where fewer than three bid, goods cost 0. Where the good is a burden (negative bids) the lowest bid takes the missing one's
place, as in the second-price auction.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numba import njit

from marketic.bids import Bids
from marketic.claims import Claim, Holds, Refutation, Terms
from marketic.clearing import Clearing
from marketic.mechanism import ClearingRule, single_winner


def overbid(value: np.ndarray, bidders: int) -> np.ndarray:
    """The equilibrium bid for uniform values: value [..., n] -> (n - 1)/(n - 2) of it; two bidders: the value."""
    return value * ((bidders - 1) / (bidders - 2)) if bidders > 2 else value


KRISHNA = Terms(Holds.EQUILIBRIUM, strategy=overbid, sizes=(3, 4), source="Krishna 2010, section 3.2")


@dataclass(frozen=True)
class ThirdPrice:
    """The highest bid wins and pays the third highest. `bids.value` [..., n] -> payments [..., n], currency."""

    claims = frozenset(
        {
            Claim.BIC,
            Claim.EFFICIENT,
            Claim.INDIVIDUALLY_RATIONAL,
            Claim.INTERIM_RATIONAL,
            Claim.NO_DEFICIT,
            Claim.REVENUE_MONOTONE,
            Claim.ANONYMOUS,
            Claim.SCALE_FREE,
        }
    )
    terms: ClassVar[dict[Claim, Terms]] = {Claim.BIC: KRISHNA, Claim.INTERIM_RATIONAL: KRISHNA}
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.DSIC, Bids([2.0, 3.0, 1.0]), Bids([4.0, 3.0, 1.0]), source="Kagel and Levin 1993"),
        Refutation(Claim.CORE, Bids([3.0, 2.0, 1.0]), source="the second bidder would pay the seller more"),
    )

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the first highest active bid at the third highest."""
        wins, top, second, sold = single_winner(bids.value, bids.active)
        runner_up, _, _, rivals = single_winner(bids.value, bids.active & ~wins)
        _, third, _, enough = single_winner(bids.value, bids.active & ~wins & ~runner_up)
        lowest = np.where(rivals, second, top)
        price = np.where(enough, third, np.minimum(lowest, 0.0))
        return Clearing(
            allocation=wins,
            payments=np.where(wins, price[..., None], 0.0),
            prices=np.where(sold, price, np.nan),
        )

    @cached_property
    def rule(self) -> ClearingRule:
        """The same in compiled code."""
        return ClearingRule(third_price_rule)


@njit(cache=True)
def third_price_rule(value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    """Write the winner [B] and payments [B, n] of a batch of third-price auctions."""
    for row in range(value.shape[0]):
        best, count = -1, 0
        top, second, third = -np.inf, -np.inf, -np.inf
        for i in range(value.shape[1]):
            payments[row, i] = 0.0
            if not active[row, i]:
                continue
            count += 1
            bid = value[row, i]
            if best < 0 or bid > top:
                best, top, second, third = i, bid, top, second
            elif bid > second:
                second, third = bid, second
            elif bid > third:
                third = bid
        winner[row] = best
        if best >= 0:
            lowest = second if count == 2 else top
            price = third if count > 2 else min(lowest, 0.0)
            payments[row, best] = price + 0.0  # never -0.0
