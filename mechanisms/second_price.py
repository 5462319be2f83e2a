"""Second-price sealed-bid auction (Vickrey 1961).

The highest bid wins and pays the second highest bid, or 0 if nobody else bids. Bidding one's value is a dominant
strategy, because the bid decides only whether one wins, never what one pays. The winner's margin, top bid less
second bid, is its marginal contribution to welfare. Not proof against collusion.

A lone bidder pays 0, or its own bid if that is negative: where the good is a burden, bids are what a bidder
demands for taking it, and the house pays a lone bidder what it asks.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit

from marketic.bids import Bids
from marketic.clearing import Clearing
from marketic.mechanism import Claim, ClearingRule, single_winner


@dataclass(frozen=True)
class SecondPrice:
    """The highest bid wins and pays the second highest. `bids.value` [..., n] -> payments [..., n], currency.

    The claims hold for bids >= 0 (goods); a burden (negative bids) is sold just as well, with the house paying.
    """

    claims = frozenset({Claim.DSIC, Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.ANONYMOUS})

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the first highest active bid at the second highest."""
        wins, top, second, sold = single_winner(bids.value, bids.active)
        price = np.where(np.isfinite(second), second, np.minimum(top, 0.0))
        return Clearing(
            allocation=wins,
            payments=np.where(wins, price[..., None], 0.0),
            prices=np.where(sold, price, np.nan),
        )

    @cached_property
    def rule(self) -> ClearingRule:
        """The same in compiled code."""
        return ClearingRule(second_price_rule)


@njit(cache=True)
def second_price_rule(value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    """Write the winner [B] and payments [B, n] of a batch of second-price auctions."""
    for row in range(value.shape[0]):
        best, second = -1, -1
        for i in range(value.shape[1]):
            payments[row, i] = 0.0
            if not active[row, i]:
                continue
            if best < 0 or value[row, i] > value[row, best]:
                best, second = i, best
            elif second < 0 or value[row, i] > value[row, second]:
                second = i
        winner[row] = best
        if best >= 0:
            price = value[row, second] if second >= 0 else min(value[row, best], 0.0)
            payments[row, best] = price + 0.0  # never -0.0
