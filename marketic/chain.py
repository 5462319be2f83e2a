"""The rule that turns a one-shot auction into a sequence of sales: who is credited what when the right changes hands."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from marketic.array_table import ArrayTable
from marketic.errors import InputError
from marketic.events.tape import NOTHING
from marketic.ledger import Ledger
from marketic.mechanism import Mechanism
from marketic.numbers import check_shares
from marketic.settlement import settle_table

LIGHTEST_LIEN = 0.01
"""A royalty claim whose weight (discount * royalty)**age has fallen below this is closed."""
LONGEST_LIEN = 100_000
"""Owners that a royalty may reach back: each of them is paid at every sale."""


@dataclass(frozen=True)
class Chain:
    """An auction, repeated: today's winner pays yesterday's.

    mechanism: the auction of the right to act next.
    credit:    what the seller is credited: "bid", the winner's bid (the house makes up the difference to what it pays, a
               minted surplus), or "payment", what the bidders pay.
    discount:  gamma in [0, 1]: the share of the credit that the seller keeps; the rest goes to the house.
    royalty:   lambda in [0, 1): the share of every later income that a seller keeps a claim to.

    Raises InputError if a number is out of range.
    """

    mechanism: Mechanism
    credit: Literal["bid", "payment"] = "bid"
    discount: float = 0.99
    royalty: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.credit, str) or self.credit not in ("bid", "payment"):
            raise InputError(f"Chain: credit={self.credit!r}: wanted 'bid' or 'payment'")
        check_shares(self, "discount", "royalty")
        if self.royalty == 1:
            raise InputError(f"Chain: royalty={self.royalty!r}: wanted a number from 0 to below 1")
        if self.lien_length > LONGEST_LIEN:
            raise InputError(
                f"Chain: royalty={self.royalty!r} with discount={self.discount!r} reaches {self.lien_length:,} owners back: "
                f"wanted at most {LONGEST_LIEN:,}; choose one of them lower"
            )

    @property
    def lien_length(self) -> int:
        """How many owners back a royalty reaches (1: only the owner itself)."""
        return lien_length(self.discount * self.royalty)


def lien_length(decay: float) -> int:
    """How many owners back a claim reaches whose weight is decay**age, decay in [0, 1)."""
    return 1 if decay <= LIGHTEST_LIEN else math.ceil(math.log(LIGHTEST_LIEN) / math.log(decay))


class Settlement:
    """A chain at work on a ledger: who owns the right in each of `rows` rows, and which royalties are open.

    `outcome` float64 [rows, 4] holds the last call's results (columns REALISED, CREDIT, SOLD, BID of
    `marketic.settlement`); `surprise` float64 [2] adds up |realised - bid at purchase| and counts the sales. `log`: state
    and tape of the event log (`marketic.events.tape`).
    """

    def __init__(
        self,
        chain: Chain,
        ledger: Ledger,
        rows: int,
        members: int,
        surprise: np.ndarray,
        log: tuple[np.ndarray, np.ndarray] = NOTHING,
    ) -> None:
        length = chain.lien_length
        self.chain, self.ledger = chain, ledger
        self.terms = np.array([chain.discount, chain.royalty, ledger.tick, float(chain.credit == "bid")])
        self.weights = (chain.discount * chain.royalty) ** np.arange(length, dtype=float)
        self.position = np.zeros((rows, 3), dtype=np.int64)
        self.owner = np.zeros((rows, members), dtype=np.int64)
        self.lien_owner = np.zeros((rows, length, members), dtype=np.int64)
        self.lien_held = np.zeros((rows, length), dtype=np.int64)
        self.outcome, self.surprise, self.log = np.zeros((rows, 4)), surprise, log
        self._table = self._write_table(np.zeros((rows, 3), dtype=np.int64), np.zeros(rows))

    def settle(
        self, order: np.ndarray, value: np.ndarray, payments: np.ndarray, account: np.ndarray, reward: np.ndarray
    ) -> np.ndarray:
        """Settle a round (see `marketic.settlement.settle` for the arguments); returns `outcome`, which is reused."""
        if self.ledger.journal:
            rows, bidders, members = account.shape
            self.ledger.reserve(rows * members * (bidders + 8 + self.lien_held.shape[1]))
        ledger, held = self.ledger, self._table.arrays
        same = order is held[0] and reward is held[1] and ledger.balance is held[4] and ledger.tape is held[6]
        if not (same and self.log[1] is held[15]):
            self._table = self._write_table(order, reward)
        settle_table(self._table.rows, value, payments, account)
        return self.outcome

    def _write_table(self, order: np.ndarray, reward: np.ndarray) -> ArrayTable:
        """Note where the arrays are: the caller's and the ledger's may be others than last time."""
        return ArrayTable([
            order, reward, self.terms, self.weights, *self.ledger.books,
            self.position, self.owner, self.lien_owner, self.lien_held, self.outcome, self.surprise, *self.log,
        ])  # fmt: skip
