"""First-price sealed-bid auction (Vickrey 1961).

The highest bid wins and is paid. Bidding one's value earns nothing, so bidders shade: with n bidders whose values are
independent and uniform on [0, 1], the symmetric equilibrium bid is (n - 1)/n of the value (Krishna 2010, section 2.3).
Not strategyproof. In a sequence of sales a bidder that shades by s multiplies the price by 1 - s at every
sale, which acts as a discount.
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


def shade(value: np.ndarray, bidders: int) -> np.ndarray:
    """The equilibrium bid for uniform values: value [..., n] -> (n - 1)/n of it."""
    return value * ((bidders - 1) / bidders)


KRISHNA = Terms(Holds.EQUILIBRIUM, strategy=shade, source="Krishna 2010, section 2.3")


@dataclass(frozen=True)
class FirstPrice:
    """The highest bid wins and pays itself. `bids.value` [..., n] -> payments [..., n], currency."""

    claims = frozenset(
        {
            Claim.BIC,
            Claim.EFFICIENT,
            Claim.CORE,
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
        Refutation(Claim.DSIC, Bids([4.0, 1.0]), Bids([2.0, 1.0]), source="Vickrey 1961"),
        Refutation(Claim.PAIR_PROOF, Bids([4.0, 3.0]), Bids([1.0, 0.0]), who=(0, 1), source="a bidding ring"),
    )

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the first highest active bid at that bid."""
        wins, top, _, sold = single_winner(bids.value, bids.active)
        return Clearing(
            allocation=wins,
            payments=np.where(wins, top[..., None], 0.0),
            prices=np.where(sold, top, np.nan),
        )

    @cached_property
    def rule(self) -> ClearingRule:
        """The same in compiled code."""
        return ClearingRule(first_price_rule)


@njit(cache=True)
def first_price_rule(value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    """Write the winner [B] and payments [B, n] of a batch of first-price auctions."""
    for row in range(value.shape[0]):
        best = -1
        for i in range(value.shape[1]):
            payments[row, i] = 0.0
            if active[row, i] and (best < 0 or value[row, i] > value[row, best]):
                best = i
        winner[row] = best
        if best >= 0:
            payments[row, best] = value[row, best] + 0.0  # never -0.0
