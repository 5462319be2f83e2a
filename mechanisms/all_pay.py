"""All-pay auction: the highest bid wins, and everybody pays what it bid (Baye, Kovenock and de Vries 1996).

A model of lobbying, races and contests: effort is spent whether one wins or not. With n bidders whose values are independent
and uniform on [0, 1], the symmetric equilibrium bid is (n - 1)/n v^n, and the seller expects (n - 1)/(n + 1), as in any other
standard auction (Krishna 2010, section 3.2). Losers lose what they bid: rational on average in equilibrium, not ex post.
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


def effort(value: np.ndarray, bidders: int) -> np.ndarray:
    """The equilibrium bid for uniform values: value [..., n] -> (n - 1)/n of its n-th power."""
    return (bidders - 1) / bidders * value**bidders


KRISHNA = Terms(Holds.EQUILIBRIUM, strategy=effort, source="Krishna 2010, section 3.2")


@dataclass(frozen=True)
class AllPay:
    """The highest bid wins and every bid is paid. `bids.value` [..., n] >= 0 -> payments [..., n], currency.

    Negative bids are refused: a loser would be paid for nothing.
    """

    claims = frozenset(
        {
            Claim.BIC,
            Claim.EFFICIENT,
            Claim.INTERIM_RATIONAL,
            Claim.NO_DEFICIT,
            Claim.REVENUE_MONOTONE,
            Claim.ANONYMOUS,
            Claim.SCALE_FREE,
        }
    )
    terms: ClassVar[dict[Claim, Terms]] = {Claim.BIC: KRISHNA, Claim.INTERIM_RATIONAL: KRISHNA}
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.DSIC, Bids([1.0, 2.0]), Bids([0.0, 2.0]), source="a loser saves its bid"),
        Refutation(Claim.INDIVIDUALLY_RATIONAL, Bids([1.0, 2.0]), source="a loser pays"),
    )

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the first highest active bid; charge every active bidder its bid."""
        bids = bids.at_least(0.0)
        wins, top, _, sold = single_winner(bids.value, bids.active)
        return Clearing(
            allocation=wins,
            payments=np.where(bids.active, bids.value, 0.0) + 0.0,  # never -0.0
            prices=np.where(sold, top, np.nan),
        )

    @cached_property
    def rule(self) -> ClearingRule:
        """The same in compiled code."""
        return ClearingRule(all_pay_rule)


@njit(cache=True)
def all_pay_rule(value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    """Write the winner [B] and payments [B, n] of a batch of all-pay auctions."""
    for row in range(value.shape[0]):
        best = -1
        for i in range(value.shape[1]):
            payments[row, i] = 0.0
            if active[row, i] and value[row, i] >= 0.0:
                payments[row, i] = value[row, i] + 0.0  # never -0.0
                if best < 0 or value[row, i] > value[row, best]:
                    best = i
        winner[row] = best
