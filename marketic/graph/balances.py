"""Who had how much at any step: exact where the log holds every trade, by moving the money again; else by its snapshots.

Snapshots are thousands of steps apart, so a log with trades is replayed (`marketic.events.replay`) up to the step that is
asked for. Asking for later steps goes on from there; asking for an earlier one starts again. Answers are kept for a while.
"""

import copy
from typing import Any

import numpy as np

from marketic.graph.from_log import SALE, Following

MOST_KEPT = 4_000_000
"""Amounts in kept answers."""


class Wealth:
    """Balances of the living agents of a log: call with a step. Accounts int64 [n] in order, amounts float64 [n], currency.

    exact: whether the log is replayed. It is not if it began in the middle of a market's life, its header was altered, or
    it does not add up (then `marketic audit` says where); snapshots are read in that case.
    """

    def __init__(self, log: Any) -> None:
        self.log = log
        header = log.header
        began = header.get("baseline") == 0 and header.get("step") == 0
        self.exact = log.level != "summary" and began and not log.manifest.header_altered
        self._snapshots = Following("accounts", "balance")
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._begin()

    def _begin(self) -> None:
        if self.exact:
            from marketic.events.replay import Books

            self._books, self._part = Books.open(self.log.header), 0
            self._born = np.zeros(len(self._books.balance), dtype=np.int64)

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """What the agents had after `step` environment steps, before the sale of the next right."""
        if step not in self._kept:
            answer = self._replayed(step) if self.exact else None
            if answer is None:
                answer = self._snapshots.at(self.log, step)
            if sum(len(kept[0]) for kept in self._kept.values()) + len(answer[0]) > MOST_KEPT:
                self._kept.clear()
            if not self.log.parts or step <= self.log.parts[-1]["step"]:  # later steps may still change
                self._kept[step] = answer
            return answer
        return self._kept[step]

    def _replayed(self, step: int) -> tuple[np.ndarray, np.ndarray] | None:
        """None if the log does not add up."""
        parts = self.log.parts
        if self._part > len(parts) or (self._part and parts[self._part - 1]["step"] > step):
            self._begin()
        while self._part < len(parts) and parts[self._part]["step"] <= step and not parts[self._part].get("open"):
            if not self._move(self._books, self._part, step):
                return None
            self._part += 1
        books = self._books
        if self._part < len(parts):
            books = copy.deepcopy(books)
            if not self._move(books, self._part, step):
                return None
        account = np.arange(int(self.log.header["first_account"]), len(books.balance))
        account = account[~books.closed[account] & (self._born[account] <= step)]
        return account, books.balance[account] * self.log.tick

    def _move(self, books: Any, number: int, step: int) -> bool:
        """Replay a part up to a step; whether it adds up."""
        from marketic.events.evidence import outside_trade
        from marketic.events.replay import FINE, NO_ROOM, Trades

        entries, outside, table = (self._read(number, name) for name in ("agents", "transfers", "trades"))
        if entries is not None:
            self._enter(books, entries)
        rows = None if table is None else Trades(table, int(self.log.header["members"]))
        first = int(self.log.parts[number - 1]["trades"]) if number else 0
        stop = 0 if table is None else _until(table, step)
        if outside is not None:
            outside = outside.slice(0, int((outside.column("step").to_numpy() <= step).sum()))
        at = 0
        for trade, memo, payer, payee, ticks in [*outside_trade(outside), (first + stop, None, 0, 0, 0)]:
            until = min(trade - first, stop)
            if rows is not None and until > at:
                for _, answer, _ in rows.replay(books, at, until, np.zeros((0, 4), dtype=np.int64)):
                    if answer not in (FINE, NO_ROOM):
                        self.exact = False
                        return False
                at = until
            if memo is not None:
                books.transfer(memo, payer, payee, ticks)
                books.closed[payer] |= memo == "exit"
        return True

    def _enter(self, books: Any, entries: Any) -> None:
        account, step = (entries.column(name).to_numpy().astype(np.int64) for name in ("account", "step"))
        books.enter(int(account.max()))
        born = np.zeros(len(books.balance), dtype=np.int64)
        born[: len(self._born)] = self._born[: len(born)]
        entry = np.array(entries.column("event").to_pylist(), dtype=object) == "entry"
        born[account[entry]] = step[entry]
        self._born = born

    def _read(self, number: int, table: str) -> Any:
        """One part of a table; None if it has no rows."""
        if table not in self.log.parts[number]["tables"]:
            return None
        return next(self.log.batches(table, first_part=number))


def _until(table: Any, step: int) -> int:
    """How many entries of a part lie before the sale that follows `step` environment steps."""
    at, kind = table.column("step").to_numpy(), table.column("kind").to_numpy()
    beyond = (at > step) | ((at == step) & (kind == SALE))
    return int(beyond.argmax()) if beyond.any() else len(at)
