"""What bidders report to a mechanism, and the check that every report passes before an auction."""

from dataclasses import dataclass

import numpy as np
from numba import njit

LARGEST_BID = float(2**40)
"""Bids beyond this absolute value (currency) are refused: their sums might leave the ledger's 64-bit range."""


@dataclass(frozen=True, slots=True)
class Bids:
    """Scalar bids of `n` bidders in each of a batch of auctions.

    A bidder may be a *syndicate*: `K` agents who bid together and share what they pay and earn.

    value:  float64 [..., n], currency. What each bidder reports (its private value may differ).
    active: bool [..., n]. False: this bidder stays away from the auction. Default: all take part.
    budget: float64 [..., n] or None. A hard cap on what a bidder may be charged, currency.
    side:   int8 [..., n] or None. +1 buyer, -1 seller; None: all are buyers.
    bidder: int64 [..., n, K] or None. Numbers of the agents behind each bidder, counted from 0 in their population.
    """

    value: np.ndarray
    active: np.ndarray = None  # type: ignore[assignment]  # replaced by an array in __post_init__
    budget: np.ndarray | None = None
    side: np.ndarray | None = None
    bidder: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.active is None:
            object.__setattr__(self, "active", np.ones(np.shape(self.value), dtype=bool))


@njit(cache=True, forceinline=True)
def quantise(value, active, tick, rounded, admitted):  # type: ignore[no-untyped-def]
    """Round bids to the ledger's grid and refuse the ones that are no finite amounts.

    value, rounded: float64 [B, n]; active, admitted: bool [B, n]; tick: currency per tick.
    Bids of those who stay away become 0. Returns the number of active bids that were refused. `rounded` and
    `admitted` may be `value` and `active` themselves. Rounding comes *before* clearing and never after it: rounding a
    price would break truthfulness.
    """
    refused = 0
    largest = min(LARGEST_BID, 2.0**60 * tick)
    for row in range(value.shape[0]):
        for i in range(value.shape[1]):
            bid, asked = value[row, i], active[row, i]
            sound = -largest <= bid <= largest  # false for NaN as well
            admitted[row, i] = asked and sound
            rounded[row, i] = np.rint(bid / tick) * tick if asked and sound else 0.0
            if asked and not sound:
                refused += 1
    return refused
