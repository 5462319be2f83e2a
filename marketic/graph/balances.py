"""Who had how much at any step: exact where the log holds every trade, by moving the money again; else by its snapshots.

Snapshots are thousands of steps apart, so a log with trades is replayed (`marketic.events.replay`) up to the step that is
asked for. Asking for later steps goes on from there; asking for an earlier one starts again. Answers are kept for a while.
"""

import copy
from typing import Any

import numpy as np

from marketic.graph.from_log import SALE, Following
from marketic.graph.residents import Residents

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
        self._snapshots, self._residents = Following("accounts", "balance"), Residents(log)
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._begin()

    def _begin(self) -> None:
        if self.exact:
            from marketic.events.replay import Books

            self._books, self._part = Books.open(self.log.header), 0

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """What the agents had after `step` environment steps, before the sale of the next right."""
        if step not in self._kept:
            answer = self._there(self._amounts(step), step)
            if sum(len(kept[0]) for kept in self._kept.values()) + len(answer[0]) > MOST_KEPT:
                self._kept.clear()
            if not self.log.parts or step <= self.log.parts[-1]["step"]:  # later steps may still change
                self._kept[step] = answer
            return answer
        return self._kept[step]

    def _there(self, amount: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Of all accounts' amounts those of agents that are in the market, the ones without any money included."""
        resident, left = self._residents.at(step, len(amount))
        there = np.flatnonzero(resident | ((amount != 0) & ~left))  # newborns trade before a snapshot tells of them
        there = there[there >= int(self.log.header["first_account"])]
        return there, amount[there]

    def _amounts(self, step: int) -> np.ndarray:
        """Every account's amount, float64 [accounts], currency."""
        balance = self._replayed(step) if self.exact else None
        if balance is not None:
            return balance * self.log.tick
        account, amount = self._snapshots.at(self.log, step)
        amounts = np.zeros(max(int(account.max(initial=-1)) + 1, self._residents.highest + 1))
        amounts[account] = amount
        return amounts

    def _replayed(self, step: int) -> np.ndarray | None:
        """Balances in ticks, int64 [accounts]; None if the log does not add up."""
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
        return np.where(books.closed, 0, books.balance)

    def _move(self, books: Any, number: int, step: int) -> bool:
        """Replay a part up to a step; whether it adds up."""
        from marketic.events.evidence import outside_trade
        from marketic.events.replay import FINE, NO_ROOM, Trades

        entries, outside, table = (self._read(number, name) for name in ("agents", "transfers", "trades"))
        if entries is not None:
            books.enter(int(entries.column("account").to_numpy().max()))
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
