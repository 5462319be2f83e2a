"""The door for auction mechanisms: one method, one set of claims, and an optional compiled rule.

A mechanism is any object with `claims` and `clear`; it inherits nothing and registers nothing.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from marketic.bids import Bids
from marketic.clearing import Clearing


class Claim(enum.Enum):
    """What a mechanism may promise about one auction with truthful or reported bids. Undeclared means not asserted."""

    DSIC = "truth is a dominant strategy (strategyproof)"
    INDIVIDUALLY_RATIONAL = "a truthful bidder never ends below zero (ex post)"
    NO_DEFICIT = "the house never pays in (weak budget balance)"
    BUDGET_BALANCED = "the house neither gains nor pays (strong budget balance)"
    EFFICIENT = "the good goes to a bidder with the highest reported value"
    ANONYMOUS = "names do not matter, ties apart"


@dataclass(frozen=True)
class ClearingRule:
    """A mechanism's rule as a compiled function, for the loops in which every microsecond counts.

    function:   a numba function `f(value[B, n], active[B, n], uniform[B], parameters[p], winner[B], payments[B, n])`
                that writes the winner's number (-1: not sold) and every bidder's payment. Bids are on the ledger's grid.
    parameters: float64 [p], passed on unchanged (temperature, reserve price ...).
    random:     True: the function reads `uniform`, one draw from [0, 1) per auction.
    """

    function: Callable[..., None]
    parameters: np.ndarray = field(default_factory=lambda: np.zeros(1))
    random: bool = False


@runtime_checkable
class Mechanism(Protocol):
    """One auction among `n` bidders, or a batch of them side by side.

    `clear` is pure: the same bids and the same generator state give the same clearing. Every array may carry leading
    batch axes `...`. Without `rng` a randomised mechanism returns its lottery and expected payments; with `rng`
    it returns one draw. Zero bidders, one bidder and ties are ordinary cases.

    A mechanism may also offer `rule`, a `ClearingRule` that does the same in compiled code; without it the
    engine calls `clear`.
    """

    @property
    def claims(self) -> frozenset[Claim]:
        """What it promises; a plain class attribute will do."""
        ...

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Decide who wins and who pays what."""
        ...


def single_winner(value: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rank the bids of each auction: the sorting that most single-good mechanisms start from.

    value: float64 [..., n]; active: bool [..., n]. Returns `wins` bool [..., n] (the first highest bid; all False
    where nobody bids), `top` and `second` float64 [...] (-inf where there is no such bid), `sold` bool [...].

    >>> wins, top, second, sold = single_winner(np.array([3.0, 5.0, 4.0]), np.array([True, True, True]))
    >>> wins.tolist(), float(top), float(second), bool(sold)
    ([False, True, False], 5.0, 4.0, True)
    """
    if value.shape[-1] == 0:
        empty = np.full(value.shape[:-1], -np.inf)
        return np.zeros(value.shape, dtype=bool), empty, empty.copy(), np.zeros(value.shape[:-1], dtype=bool)
    ranked = np.where(active, value, -np.inf)
    sold: np.ndarray = np.asarray(active.any(axis=-1))
    wins = (np.arange(value.shape[-1]) == ranked.argmax(axis=-1)[..., None]) & sold[..., None]
    top = ranked.max(axis=-1) + 0.0  # turns -0.0 into 0.0, so that equal bids are equal to the bit
    second = np.where(wins, -np.inf, ranked).max(axis=-1) + 0.0
    return wins, top, second, sold
