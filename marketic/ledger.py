"""Exact money: accounts in integer ticks, double entry, and a journal.

Every transfer names a payer, a payee and a reason (memo); the sum over all accounts, "world" and "house" included, is
0 after each of them, compared with `==`. The default tick is 2**-20 (about a millionth) because every multiple of a
power of two is an exact float64, so that bids, prices and payments on the grid are exact outside the ledger as well.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from marketic.errors import InputError

WORLD, HOUSE = 0, 1
MEMOS = ("endowment", "payment", "subsidy", "discount", "reward", "royalty", "buyback", "novice", "rent", "tax", "exit")
"""Reasons for a transfer; `flows[k]` adds up the amounts of memo k. Their numbers are numpy's, since numba compiles a function
anew for every Python number that it is called with."""
ENDOWMENT, PAYMENT, SUBSIDY, DISCOUNT, REWARD, ROYALTY, BUYBACK, NOVICE, RENT, TAX, EXIT = np.arange(len(MEMOS))
_WORLD, _HOUSE = np.array([WORLD]), np.array([HOUSE])


class Ledger:
    """Accounts of a market. Account 0 is the world (it pays rewards), account 1 the house.

    Attributes: `balance` int64 [accounts], ticks; `flows` int64 [memos], ticks moved under each memo (a statistic, which counts
    modulo 2**64; balances never wrap around); `tick`, currency.
    With `journal=True` every single transfer is kept (`journal_rows`), for audits of short runs; `tape` holds the latest.
    `watcher`: None, or who wants to hear of accounts opened and of money moved outside of trade (the event log).

    >>> ledger = Ledger()
    >>> ann, bob = ledger.open(2, endowment=1.0)
    >>> ledger.transfer([ann], [bob], [0.25], "payment")
    >>> ledger.wealth([ann, bob]).tolist(), int(ledger.balance.sum())
    ([0.75, 1.25], 0)
    """

    def __init__(self, tick: float = 2.0**-20, *, journal: bool = False) -> None:
        if not (isinstance(tick, int | float | np.floating) and tick > 0 and math.isfinite(tick)):
            raise InputError(f"Ledger(tick={tick}): wanted a finite amount > 0, e.g. tick=2**-20")
        self.tick = float(tick)
        self.balance = np.zeros(2, dtype=np.int64)
        self.flows = np.zeros(len(MEMOS), dtype=np.int64)
        self.journal = journal
        self.tape = np.zeros((1024 if journal else 0, 4), dtype=np.int64)
        self._cursor = np.zeros(1, dtype=np.int64)
        self._flushed: list[np.ndarray] = []
        self.watcher: Any = None

    def open(self, count: int = 1, endowment: float = 0.0) -> np.ndarray:
        """Open `count` accounts and return their numbers, int64 [count]; the house pays each an endowment (currency)."""
        if count < 0:
            raise InputError(f"Ledger.open(count={count}): wanted a number >= 0")
        self._check_range(count * abs(int(self.to_ticks(endowment))))
        first = len(self.balance)
        self.balance = np.concatenate([self.balance, np.zeros(count, dtype=np.int64)])
        accounts = np.arange(first, first + count)
        if self.watcher is not None:
            self.watcher.opened(accounts)
        if endowment:
            self.transfer(np.full(count, HOUSE), accounts, np.full(count, endowment), "endowment")
        return accounts

    def to_ticks(self, amount: object) -> np.ndarray:
        """Round currency to ticks, int64. Raises InputError for amounts that are not finite or leave 62 bits."""
        scaled = np.rint(np.asarray(amount, dtype=float) / self.tick)
        if not np.all(np.abs(scaled) < 2.0**62):
            raise InputError(f"amount {amount}: wanted finite currency below {2.0**62 * self.tick:.3g}")
        return scaled.astype(np.int64)

    def transfer(self, payers: object, payees: object, amounts: object, memo: str) -> None:
        """Move `amounts` (currency, signed) from `payers` to `payees`; all three int/float [k]. All or nothing.

        Raises InputError for an unknown account or memo, lists of different lengths, an amount that is not finite, and
        amounts so large that a balance might leave the 64-bit range.
        """
        ticks = np.atleast_1d(self.to_ticks(amounts))
        sources, sinks = self._accounts(payers, ticks.shape), self._accounts(payees, ticks.shape)
        for accounts in (sources, sinks):
            if accounts.size and not (accounts.min() >= 0 and accounts.max() < len(self.balance)):
                raise InputError(f"transfer names an account outside 0..{len(self.balance) - 1}: open it first")
        if memo not in MEMOS:
            raise InputError(f"transfer memo {memo!r}: wanted one of {', '.join(MEMOS)}")
        self._check_range(sum(abs(amount) for amount in ticks.tolist()))
        self.reserve(len(ticks))
        for source, sink, amount in zip(sources.tolist(), sinks.tolist(), ticks.tolist(), strict=True):
            move(self.balance, self.flows, self.tape, self._cursor, MEMOS.index(memo), source, sink, amount)
        if self.watcher is not None:
            self.watcher.transferred(memo, sources, sinks, ticks)

    @staticmethod
    def _accounts(given: object, shape: tuple[int, ...]) -> np.ndarray:
        """Account numbers, one per amount, int64 [k]; a single number stands for all."""
        accounts = np.asarray(given)
        if len(shape) != 1 or accounts.shape not in ((), shape) or (accounts.size and accounts.dtype.kind not in "iu"):
            raise InputError(
                f"transfer of amounts{shape} with accounts {given}: wanted three lists of one length, accounts as "
                "integers"
            )
        return np.broadcast_to(accounts.astype(np.int64), shape)

    def _check_range(self, moved: int) -> None:
        """Refuse to move so many ticks in all that a balance might wrap around."""
        if moved + max(int(self.balance.max()), -int(self.balance.min())) >= 2**63:
            raise InputError(
                f"moving {moved * self.tick:.3g} currency would leave the ledger's 64-bit range: wanted amounts whose "
                f"sum stays below {2.0**63 * self.tick:.3g}; use a larger tick, e.g. Ledger(tick={self.tick * 1024})"
            )

    def wealth(self, accounts: object) -> np.ndarray:
        """Balances of `accounts` in currency, float64."""
        return self.balance[np.asarray(accounts, dtype=np.int64)] * self.tick

    def reserve(self, rows: int) -> None:
        """Make room for `rows` journal entries before compiled code writes them (a no-op without a journal)."""
        if self.journal and self._cursor[0] + rows > len(self.tape):
            self._flushed.append(self.tape[: self._cursor[0]].copy())
            self.tape = np.zeros((max(rows, len(self.tape)), 4), dtype=np.int64)
            self._cursor[0] = 0

    @property
    def journal_rows(self) -> np.ndarray:
        """All transfers so far, int64 [k, 4]: memo number, payer, payee, ticks. Needs `journal=True`."""
        if not self.journal:
            raise InputError("this ledger keeps no journal: create it with Ledger(journal=True)")
        return np.concatenate([*self._flushed, self.tape[: self._cursor[0]]])

    @property
    def journal_length(self) -> int:
        """Transfers in the journal."""
        return sum(map(len, self._flushed)) + int(self._cursor[0])

    def keep_journal(self) -> None:
        """Keep a journal from now on, if there is none yet."""
        if not self.journal:
            self.journal, self.tape = True, np.zeros((1024, 4), dtype=np.int64)
            self._cursor[0] = 0

    def forget_journal(self) -> None:
        """Empty the journal."""
        self._flushed = []
        self._cursor[0] = 0

    @property
    def books(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The arrays that compiled settlement writes to: balance, flows, tape, cursor."""
        return self.balance, self.flows, self.tape, self._cursor

    def state_dict(self) -> dict[str, np.ndarray]:
        """Arrays that restore this ledger (the journal apart)."""
        return {"tick": np.array([self.tick]), "balance": self.balance.copy(), "flows": self.flows.copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays. Raises InputError if they are none, or the accounts do not add up to zero."""
        for name, own in self.state_dict().items():
            given = state[name]
            if given.dtype != own.dtype or (given.shape != own.shape and (name != "balance" or given.ndim != 1)):
                raise InputError(f"ledger state has {given.dtype}{given.shape} as {name!r}: wanted {own.dtype}")
        if not 0 < state["tick"][0] < math.inf:
            raise InputError(f"ledger state has a tick of {state['tick'][0]}: wanted a finite amount > 0")
        total = sum(state["balance"].tolist())  # Python's integers do not wrap around
        if total != 0:
            raise InputError(f"ledger state sums to {total} ticks instead of 0: the file was altered")
        self.tick = float(state["tick"][0])
        self.balance = np.array(state["balance"], dtype=np.int64)
        self.flows = np.array(state["flows"], dtype=np.int64)


@njit(cache=True, forceinline=True)
def move(balance, flows, tape, cursor, memo, payer, payee, amount):  # type: ignore[no-untyped-def]
    """One transfer in ticks. Balances change here, in `move_shares` and in `pay_income` only."""
    balance[payer] -= amount
    balance[payee] += amount
    flows[memo] += amount
    if tape.shape[0] > 0:
        tape[cursor[0], 0], tape[cursor[0], 1], tape[cursor[0], 2], tape[cursor[0], 3] = memo, payer, payee, amount
        cursor[0] += 1


@njit(cache=True, forceinline=True)
def move_shares(books, memo, payers, payees, amount):  # type: ignore[no-untyped-def]
    """`payers` hand `amount` to `payees` in integer shares that add up to it exactly; a lone payer or payee takes part in all.

    payers, payees: int64 [K] or [1]. Share k is amount * (k + 1) // K - amount * k // K, here with one division in all.
    """
    balance, flows, tape, cursor = books
    parts = max(payers.shape[0], payees.shape[0])
    if parts == 1:
        move(balance, flows, tape, cursor, memo, payers[0], payees[0], amount)
        return
    whole = amount // parts
    rest, carry = amount - whole * parts, 0
    if tape.shape[0] == 0:  # nobody reads the single shares: a lone party moves once, by all of them
        flows[memo] += amount
        if payers.shape[0] == 1:
            balance[payers[0]] -= amount
        if payees.shape[0] == 1:
            balance[payees[0]] += amount
    for k in range(parts):
        part, carry = _next_share(whole, rest, carry, parts)
        if tape.shape[0] > 0:
            payer = payers[k] if payers.shape[0] > 1 else payers[0]
            payee = payees[k] if payees.shape[0] > 1 else payees[0]
            move(balance, flows, tape, cursor, memo, payer, payee, part)
            continue
        if payers.shape[0] > 1:
            balance[payers[k]] -= part
        if payees.shape[0] > 1:
            balance[payees[k]] += part


@njit(cache=True, forceinline=True)
def pay_income(books, owner, reward, grant, memo, withheld, royalty):  # type: ignore[no-untyped-def]
    """All that an owner, int64 [K], gets from world and house and hands to the house: the same as four times `move_shares`.

    reward comes from the world, `grant` (under `memo`) from the house; `withheld` (DISCOUNT) and `royalty` go to the house.
    Without a journal it takes one pass over the members instead of four.
    """
    balance, flows, tape, _ = books
    if tape.shape[0] > 0:
        move_shares(books, REWARD, _WORLD, owner, reward)
        if grant != 0:
            move_shares(books, memo, _HOUSE, owner, grant)
        if withheld != 0:
            move_shares(books, DISCOUNT, owner, _HOUSE, withheld)
        if royalty != 0:
            move_shares(books, ROYALTY, owner, _HOUSE, royalty)
        return
    flows[REWARD] += reward
    flows[memo] += grant
    flows[DISCOUNT] += withheld
    flows[ROYALTY] += royalty
    balance[WORLD] -= reward
    balance[HOUSE] += withheld + royalty - grant
    parts = owner.shape[0]
    if parts == 1:
        balance[owner[0]] += reward + grant - withheld - royalty
        return
    wholes = reward // parts, grant // parts, withheld // parts, royalty // parts
    rests = (
        reward - wholes[0] * parts,
        grant - wholes[1] * parts,
        withheld - wholes[2] * parts,
        royalty - wholes[3] * parts,
    )
    a, b, c, d = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for k in range(parts):
        rewarded, a = _next_share(wholes[0], rests[0], a, parts)
        granted, b = _next_share(wholes[1], rests[1], b, parts)
        kept, c = _next_share(wholes[2], rests[2], c, parts)
        passed, d = _next_share(wholes[3], rests[3], d, parts)
        balance[owner[k]] += rewarded + granted - kept - passed


@njit(cache=True, forceinline=True)
def _next_share(whole, rest, carry, parts):  # type: ignore[no-untyped-def]
    """One member's share, and what is carried over to the next one."""
    carry += rest
    over = (
        parts - 1 - carry
    ) >> 63  # -1 if carry >= parts, else 0: as good as a coin, and processors mispredict branches
    return whole - over, carry - (parts & over)
