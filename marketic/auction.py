"""Holding an auction: bids are checked and put on the ledger's grid, the mechanism clears, the answer is checked."""

from collections.abc import Callable
from typing import Any

import numpy as np

from marketic.bids import Bids, quantise
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.mechanism import Mechanism


class Auction:
    """A mechanism ready to clear batches of single-good auctions.

    Uses the mechanism's compiled `rule` if it offers one and `compiled` is True, else its `clear`; both give the same
    winners and payments. `refused` counts bids that were turned away (not finite, or absurdly large); `unsold` says
    whether some right of the last batch found no buyer.
    """

    def __init__(self, mechanism: Mechanism, rng: np.random.Generator, tick: float, *, compiled: bool = True) -> None:
        if not callable(getattr(mechanism, "clear", None)):
            raise InputError(f"mechanism {mechanism!r} has no method clear(bids, *, rng=None): see marketic.Mechanism")
        self.mechanism, self.rng, self.tick = mechanism, rng, tick
        self.rule = getattr(mechanism, "rule", None) if compiled else None
        self.refused, self.unsold = 0, False
        self._uniform = np.zeros(1)

    def hold(
        self, ask: Callable[[np.ndarray], Bids], observation: np.ndarray
    ) -> tuple[Bids, np.ndarray, np.ndarray]:
        """Ask for bids at `observation` and clear them.

        Returns the bids admitted, on the ledger's grid, [B, n]; winners int64 [B] (-1: unsold); and payments float64 [B, n].
        Raises InputError if bids or clearing have the wrong shape or are not finite.
        """
        bids = ask(observation)
        if np.shape(bids.value) != np.shape(bids.active) or len(bids.value) != len(observation):
            raise InputError(
                f"population bid value{np.shape(bids.value)}, active{np.shape(bids.active)} for {len(observation)} rows: "
                "wanted two arrays of shape [rows, bidders]"
            )
        value, admitted = np.empty(bids.value.shape), np.empty(bids.value.shape, dtype=bool)
        refused = quantise(bids.value, bids.active, self.tick, value, admitted)
        if refused:
            self.refused += refused
        bids = Bids(value, admitted, bids.budget, bids.side, bids.bidder)
        winner, payments = self._clear(bids)
        self.unsold = bool((winner < 0).any()) if len(winner) > 1 else winner[0] < 0
        return bids, winner, payments

    def _clear(self, bids: Bids) -> tuple[np.ndarray, np.ndarray]:
        if self.rule is None:
            return read_clearing(self.mechanism, bids, self.mechanism.clear(bids, rng=self.rng))
        rows = len(bids.value)
        winner, payments = np.empty(rows, dtype=np.int64), np.empty(bids.value.shape)
        if self.rule.random:
            self._uniform = self.rng.random(rows)
        elif len(self._uniform) != rows:
            self._uniform = np.zeros(rows)
        self.rule.function(bids.value, bids.active, self._uniform, self.rule.parameters, winner, payments)
        return winner, payments


def read_clearing(mechanism: Any, bids: Bids, clearing: Clearing) -> tuple[np.ndarray, np.ndarray]:
    """Winners int64 [B] and payments float64 [B, n] of a clearing, checked.

    Raises InputError, naming the mechanism, for wrong shapes, payments that are not finite, several winners of one
    right, or a winner who did not bid.
    """
    name, shape = type(mechanism).__name__, bids.value.shape
    if not isinstance(clearing, Clearing):
        raise InputError(f"{name}.clear returned {type(clearing).__name__}: wanted a marketic.Clearing")
    allocation, payments = np.asarray(clearing.allocation), np.asarray(clearing.payments, dtype=float)
    if allocation.shape != shape or payments.shape != shape:
        raise InputError(
            f"{name}.clear returned allocation{allocation.shape} and payments{payments.shape}: wanted two of {shape}"
        )
    if not np.isfinite(payments).all():
        raise InputError(f"{name}.clear returned payments {payments.tolist()}: wanted finite currency")
    if not ((allocation == 0) | (allocation == 1)).all() or (allocation.sum(-1) > 1).any():
        raise InputError(f"{name}.clear returned allocation {allocation.tolist()}: wanted one winner at most per auction")
    if (allocation.astype(bool) & ~bids.active).any():
        raise InputError(f"{name}.clear gave the right to a bidder who did not bid: allocate to active bidders only")
    return np.where(allocation.any(-1), allocation.argmax(-1), -1), np.ascontiguousarray(payments)
