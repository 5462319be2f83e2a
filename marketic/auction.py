"""Holding an auction: bids are checked and put on the ledger's grid, the mechanism clears, the answer is checked."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from marketic.bids import LARGEST_BID, Bids, quantise
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.mechanism import Mechanism, rule_of, sells_one_right
from marketic.screening import Reason


class Auction:
    """A mechanism ready to clear batches of single-good auctions.

    Uses the mechanism's compiled `rule` if it offers one and `compiled` is True, else its `clear`; both give the same
    winners and payments. `refused` counts bids that were turned away (not finite, or absurdly large); `unsold` says
    whether some right of the last batch found no buyer.
    """

    def __init__(self, mechanism: Mechanism, rng: np.random.Generator, tick: float, *, compiled: bool = True) -> None:
        if not sells_one_right(mechanism) or isinstance(mechanism, list | dict | set):
            raise _no_auction(mechanism)
        self.mechanism, self.rng, self.tick = mechanism, rng, tick
        self.rule = rule_of(mechanism) if compiled else None
        self.refused, self.unsold = 0, False
        self._uniform = np.zeros(1)
        self._known: np.ndarray | None = None

    def hold(
        self, ask: Callable[[np.ndarray], Bids], observation: np.ndarray, bidders: int, agents: int | None = None
    ) -> tuple[Bids, np.ndarray, np.ndarray]:
        """Ask for bids at `observation` and clear them. A budget caps the bid. bidders: how many must be asked for, n.
        agents: how many there are; bidders who name others are refused (None: no check).

        Returns the bids admitted, on the ledger's grid, [B, n]; winners int64 [B] (-1: unsold); payments [B, n].
        Raises InputError if bids or clearing have the wrong shape or are not finite.
        """
        bids = ask(observation)
        check_bids(bids, len(observation), bidders)
        asked = bids.value if bids.budget is None else np.minimum(bids.value, bids.budget)
        if agents is not None and bids.bidder is not None and bids.bidder is not self._known:
            bids = self._known_bidders(bids, agents)
        value, admitted = np.empty(bids.value.shape), np.empty(bids.value.shape, dtype=bool)
        refused = quantise(asked, bids.active, self.tick, value, admitted)
        if bids.refused is not None:
            refused += int(np.count_nonzero(bids.refused))
        if refused:
            self.refused += refused
        bids = Bids.unchecked(value, admitted, bids.budget, bids.side, bids.bidder)
        winner, payments = self._clear(bids)
        self.unsold = bool((winner < 0).any()) if len(winner) > 1 else winner[0] < 0
        return bids, winner, payments

    def _known_bidders(self, bids: Bids, agents: int) -> Bids:
        """The bids of those who exist. What passed once is not looked at again: populations send the same array each time."""
        assert bids.bidder is not None
        unknown = ((bids.bidder < 0) | (bids.bidder >= agents)).any(axis=-1)
        if not unknown.any():
            self._known = bids.bidder
            return bids
        known = Bids.unchecked(bids.value, bids.active, bids.budget, bids.side, np.clip(bids.bidder, 0, agents - 1))
        return known.refusing(unknown, Reason.UNKNOWN_BIDDER)

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
        if not sound_answer(winner, payments, bids.active):
            raise self.nonsense(winner, payments)
        return winner, payments

    def nonsense(self, winner: np.ndarray, payments: np.ndarray) -> InputError:
        """The error for a rule's answer that cannot be settled."""
        return InputError(
            f"the rule of {type(self.mechanism).__name__} wrote winners {winner.tolist()} and payments "
            f"{payments.tolist()}: wanted active bidders (or -1) and finite currency up to {LARGEST_BID:.3g}"
        )


def _no_auction(mechanism: Any) -> InputError:
    """The error for what cannot auction rights: no mechanism, or one of another kind."""
    clears = callable(getattr(mechanism, "clear", None)) and not isinstance(mechanism, list | dict | set)
    trades = callable(getattr(mechanism, "open", None)) and callable(getattr(mechanism, "step", None))
    if not clears and not trades:
        return InputError(f"mechanism {mechanism!r} has no method clear(bids, *, rng=None): see marketic.Mechanism")
    kind = (
        f"trades in {type(getattr(mechanism, 'domain', None)).__name__}"
        if clears
        else "trades in sessions of rounds (a clock may be direct(clock))"
    )
    return InputError(
        f"{type(mechanism).__name__} {kind}: a market wanted a mechanism that sells one right to one of several bidders, "
        "e.g. SecondPrice() or 'first-price'"
    )


def check_bids(bids: Any, rows: int, bidders: int) -> None:
    """Raise InputError unless a population bid for that many rows and bidders."""
    if not _well_formed(bids, (rows, bidders)):
        raise InputError(
            f"population bid {_describe(bids)} for {rows} rows and n_bidders {bidders}: wanted marketic.Bids with arrays value "
            "and active of shape [rows, n_bidders] (who stays away is not active), and bidder None or of shape [rows, "
            "n_bidders, members]"
        )


def _well_formed(bids: Any, wanted: tuple[int, int]) -> bool:
    if not (isinstance(bids, Bids) and isinstance(bids.value, np.ndarray) and isinstance(bids.active, np.ndarray)):
        return False
    shape, bidder = bids.value.shape, bids.bidder
    if shape != wanted or shape != bids.active.shape or bids.value.dtype.kind not in "fiu":
        return False
    if bidder is None:
        return True
    members = bidder.shape if isinstance(bidder, np.ndarray) else np.shape(bidder)
    return len(members) == 3 and members[:2] == shape


def _describe(bids: Any) -> str:
    if not isinstance(bids, Bids):
        return f"a {type(bids).__name__}"
    names = ("value", "active") if bids.bidder is None else ("value", "active", "bidder")
    return ", ".join(f"{name}{np.shape(getattr(bids, name))}" for name in names)


@njit(cache=True, forceinline=True)
def sound_answer(winner, payments, active):  # type: ignore[no-untyped-def]
    """Whether a rule's answer may be settled: winner int64 [B], payments float64 [B, n], active bool [B, n]."""
    for row in range(payments.shape[0]):
        if not -1 <= winner[row] < payments.shape[1] or (winner[row] >= 0 and not active[row, winner[row]]):
            return False
        for i in range(payments.shape[1]):
            if not -LARGEST_BID <= payments[row, i] <= LARGEST_BID:
                return False
    return True


@njit(cache=True)
def _read_sound(allocation, payments, active, winner):  # type: ignore[no-untyped-def]
    """Write the winner of each auction, int64 [B] (-1: none), of allocation bool [B, n].

    Returns whether there is one at most, and payments float64 [B, n] and active bool [B, n] are sound as well.
    """
    for row in range(allocation.shape[0]):
        winner[row], count = -1, 0
        for i in range(allocation.shape[1]):
            if allocation[row, i]:
                winner[row] = i
                count += 1
        if count > 1:
            return False
    return sound_answer(winner, payments, active)


def read_clearing(mechanism: Any, bids: Bids, clearing: Clearing) -> tuple[np.ndarray, np.ndarray]:
    """Winners int64 [B] and payments float64 [B, n] of a clearing, checked.

    Raises InputError, naming the mechanism, for wrong shapes, payments that are not finite or absurdly large, several
    winners of one right, or a winner who did not bid.
    """
    name, shape = type(mechanism).__name__, bids.value.shape
    if not isinstance(clearing, Clearing):
        raise InputError(f"{name}.clear returned {type(clearing).__name__}: wanted a marketic.Clearing")
    try:
        allocation, payments = np.asarray(clearing.allocation), np.asarray(clearing.payments, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name}.clear returned {clearing}: wanted arrays of numbers of shape {shape} ({error})"
        ) from None
    if allocation.shape != shape or payments.shape != shape:
        raise InputError(
            f"{name}.clear returned allocation{allocation.shape} and payments{payments.shape}: wanted two of {shape}"
        )
    if allocation.dtype.char == "?" and allocation.ndim == 2:
        winner, payments = np.empty(shape[0], dtype=np.int64), np.ascontiguousarray(payments)
        if _read_sound(np.ascontiguousarray(allocation), payments, bids.active, winner):
            return winner, payments
    if not (np.abs(payments) <= LARGEST_BID).all():  # false for NaN as well
        raise InputError(
            f"{name}.clear returned payments {payments.tolist()}: wanted finite currency up to {LARGEST_BID:.3g}"
        )
    if not ((allocation == 0) | (allocation == 1)).all() or (allocation.sum(-1) > 1).any():
        raise InputError(
            f"{name}.clear returned allocation {allocation.tolist()}: wanted one winner at most per auction"
        )
    if (allocation.astype(bool) & ~bids.active).any():
        raise InputError(f"{name}.clear gave the right to a bidder who did not bid: allocate to active bidders only")
    if shape[-1] == 0:
        return np.full(shape[:-1], -1), payments
    return np.where(allocation.any(-1), allocation.argmax(-1), -1), np.ascontiguousarray(payments)
