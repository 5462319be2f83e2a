"""Second-price sealed-bid auction (Vickrey 1961).

The highest bid wins and pays the second highest bid, or 0 if nobody else bids. Bidding one's value is a dominant
strategy, because the bid decides only whether one wins, never what one pays. The winner's margin, top bid less
second bid, is its marginal contribution to welfare. A second name of one's own can only raise the price. Not proof against
collusion: if the runner-up keeps quiet, the winner pays less, and the two can share the difference.

A lone bidder pays 0, or its own bid if that is negative: where the good is a burden, bids are what a bidder
demands for taking it, and the house pays a lone bidder what it asks.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numba import njit

from marketic.bids import Bids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.mechanism import ClearingRule


@dataclass(frozen=True)
class SecondPrice:
    """The highest bid wins and pays the second highest. `bids.value` [..., n] -> payments [..., n], currency.

    The claims hold for bids >= 0 (goods); a burden (negative bids) is sold just as well, with the house paying.
    """

    claims = frozenset(
        {
            Claim.DSIC,
            Claim.EFFICIENT,
            Claim.CORE,
            Claim.INDIVIDUALLY_RATIONAL,
            Claim.NO_DEFICIT,
            Claim.REVENUE_MONOTONE,
            Claim.FALSE_NAME_PROOF,
            Claim.ANONYMOUS,
            Claim.SCALE_FREE,
        }
    )
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.PAIR_PROOF, Bids([4.0, 3.0]), Bids([4.0, 0.0]), who=(0, 1), source="Graham and Marshall 1987"),
    )

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the first highest active bid at the second highest."""
        *batch, n = bids.value.shape
        rows = math.prod(batch)
        value = np.ascontiguousarray(bids.value, dtype=np.float64).reshape(rows, n)
        active = np.ascontiguousarray(bids.active).reshape(rows, n)
        wins, payments, prices = np.empty((rows, n), dtype=bool), np.empty((rows, n)), np.empty(rows)
        _clear_rows(value, active, wins, payments, prices)
        return Clearing(wins.reshape(bids.value.shape), payments.reshape(bids.value.shape), prices.reshape(batch))

    @cached_property
    def rule(self) -> ClearingRule:
        """The same in compiled code."""
        return ClearingRule(second_price_rule)


@njit(cache=True, inline="always")
def _sell(value, active, row, payments):  # type: ignore[no-untyped-def]
    """Write the payments [n] of one auction, and return the winner (-1: nobody bids) and the price (NaN)."""
    best, top, second = -1, -np.inf, -np.inf
    for i in range(value.shape[1]):  # selections instead of branches: who wins is hard to predict
        payments[row, i] = 0.0
        bid = value[row, i] if active[row, i] else -np.inf
        lower = bid if bid < top else top
        second = lower if lower > second else second
        best = i if bid > top else best
        top = bid if bid > top else top
    if best < 0:
        return best, np.nan
    price = (second if second > -np.inf else min(top, 0.0)) + 0.0  # never -0.0
    payments[row, best] = price
    return best, price


@njit(cache=True)
def second_price_rule(value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    """Write the winner [B] and payments [B, n] of a batch of second-price auctions."""
    for row in range(value.shape[0]):
        winner[row], _ = _sell(value, active, row, payments)


@njit(cache=True)
def _clear_rows(value, active, wins, payments, prices):  # type: ignore[no-untyped-def]
    """Write payments [B, n] and prices [B], and mark the winners in wins [B, n], in one pass over the bids."""
    for row in range(value.shape[0]):
        first, prices[row] = _sell(value, active, row, payments)
        wins[row] = False
        if first >= 0:
            wins[row, first] = True
