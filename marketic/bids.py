"""What bidders report to a mechanism, and the check that every report passes before an auction."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from marketic.screening import LARGEST_BID, Reason, keep, mask, numbers, screen, sentences, sides

__all__ = ["LARGEST_BID", "Bids", "quantise"]


@dataclass(frozen=True, slots=True, init=False)
class Bids:
    """Scalar bids of `n` bidders in each of a batch of auctions, screened at the door.

    A bidder may be a *syndicate*: `K` agents who bid together and share what they pay and earn.

    value:  float64 [..., n], currency. What each bidder reports (its private value may differ).
    active: bool [..., n]. False: this bidder stays away from the auction. Default: all take part.
    budget: float64 [..., n] or None. A hard cap on what a bidder may be charged, currency, >= 0; +inf: none.
    side:   int8 [..., n] or None. +1 buyer, -1 seller (its value is its cost); None: all are buyers.
    bidder: int64 [..., n, K] or None. Numbers of the agents behind each bidder, counted from 0 in their population.
    refused: int8 [..., n] or None, set here: why a bidder was turned away (`marketic.screening.Reason`, 0: it was not).

    Whoever bids NaN, an infinite or absurd amount, or has a budget below zero is refused: its bid becomes 0, it is not
    active, and the others' auction goes on. Raises InputError for what is no array of numbers or has the wrong shape.

    >>> Bids([3.0, float("nan"), 2.0]).reasons()
    {1: 'the bid is not a number'}
    """

    value: np.ndarray
    active: np.ndarray
    budget: np.ndarray | None
    side: np.ndarray | None
    bidder: np.ndarray | None
    refused: np.ndarray | None = field(init=False)

    def __init__(
        self,
        value: npt.ArrayLike,
        active: npt.ArrayLike | None = None,
        budget: npt.ArrayLike | None = None,
        side: npt.ArrayLike | None = None,
        bidder: npt.ArrayLike | None = None,
    ) -> None:
        amounts = numbers("Bids.value", value)
        here = mask("Bids.active", active, amounts.shape)
        caps = None if budget is None else numbers("Bids.budget", budget, amounts.shape)
        reason = screen(amounts, caps)
        if reason is not None:
            amounts, here = np.where(reason > 0, 0.0, amounts), here & (reason == 0)
        keep(self, "value", amounts)
        keep(self, "active", here)
        keep(self, "budget", caps)
        keep(self, "side", None if side is None else sides("Bids.side", side, amounts.shape))
        keep(self, "bidder", None if bidder is None else np.asarray(bidder))
        keep(self, "refused", reason)

    @classmethod
    def unchecked(
        cls,
        value: np.ndarray,
        active: np.ndarray | None = None,
        budget: np.ndarray | None = None,
        side: np.ndarray | None = None,
        bidder: np.ndarray | None = None,
    ) -> "Bids":
        """The same without screening, for loops in which the engine screens the arrays anyway."""
        bids: Bids = object.__new__(cls)
        keep(bids, "value", value)
        keep(bids, "active", np.ones(np.shape(value), dtype=bool) if active is None else active)
        keep(bids, "budget", budget)
        keep(bids, "side", side)
        keep(bids, "bidder", bidder)
        keep(bids, "refused", None)
        return bids

    def refusing(self, rule: Any, reason: Reason) -> "Bids":
        """These bids without the bidders where `rule` bool [..., n] holds; they are refused for `reason`."""
        bad = rule & self.active
        if not bad.any():
            return self
        changed = Bids.unchecked(
            np.where(bad, 0.0, self.value), self.active & ~bad, self.budget, self.side, self.bidder
        )
        before = np.zeros(self.value.shape, dtype=np.int8) if self.refused is None else self.refused
        keep(changed, "refused", np.where(bad, np.int8(reason), before))
        return changed

    def at_least(self, lowest: float = 0.0) -> "Bids":
        """These bids without those below `lowest`, which are refused: for auctions of goods that are no burden."""
        return self.refusing(self.value < lowest, Reason.NEGATIVE)

    def reasons(self) -> dict[Any, str]:
        """Who was refused and why: index of the bidder (a tuple if there are batch axes) -> sentence."""
        return sentences(self.refused)


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
