"""Rows that wait for their part: noted one by one, in chunks or on the tape, and gathered as columns."""

from typing import Any

import numpy as np
from numba import njit

from marketic.events import tape as tapes
from marketic.events.schema import TABLES

_LONG = ("step", "episode", "price", "bid", "paid", "others_paid", "reward")
_SHORT = ("row", "kind", "bidder", "novice", "seller", "buyer", "check")
_LONG_AT = np.array([tapes.AT_STEP, tapes.AT_EPISODE, tapes.AT_PRICE, tapes.AT_BID, tapes.AT_PAID, tapes.AT_OTHERS,
                     tapes.AT_REWARD])  # fmt: skip
_SHORT_AT = np.array([tapes.AT_ROW, tapes.AT_KIND, tapes.AT_BIDDER, tapes.AT_NOVICE, tapes.AT_SELLER, tapes.AT_BUYERS,
                      tapes.AT_CHECK])  # fmt: skip
_KINDS = {column.name: np.dtype(column.kind) for column in TABLES["trades"]}


class Pending:
    """Rows of every table but trades."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._chunks: dict[str, list[dict[str, Any]]] = {}
        self.episodes: list[tuple[int, int, int, float, int]] = []

    def note(self, table: str, columns: dict[str, Any]) -> None:
        """Keep rows; a lone value stands for all of them (for one, if there are no arrays)."""
        columns = {c.name: c.default for c in TABLES[table] if c.default is not None} | columns
        size = max((len(values) for values in columns.values() if isinstance(values, np.ndarray)), default=1)
        rows = {
            name: values
            if isinstance(values, np.ndarray)
            else np.full(size, values, object if isinstance(values, str) else None)
            for name, values in columns.items()
        }
        self._chunks.setdefault(table, []).append(rows)

    def columns(self) -> dict[str, dict[str, Any]]:
        """Tables that have rows, as columns."""
        tables = {
            table: {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
            for table, chunks in self._chunks.items()
        }
        if self.episodes:
            names = [column.name for column in TABLES["episodes"]]
            tables["episodes"] = dict(zip(names, map(np.array, zip(*self.episodes, strict=True)), strict=True))
        return {table: columns for table, columns in tables.items() if len(next(iter(columns.values())))}


class TradeRows:
    """Trades that wait: on the tape (`marketic.events.tape`), which stays short and hot, and taken from it, column by column.

    members: K, how many agents own a right together.   room: rows to begin with, of the columns; they grow.
    """

    def __init__(self, state: np.ndarray, members: int, room: int) -> None:
        self.state, self.rows = state, 0
        self.tape = np.zeros((0, tapes.AT_BUYERS + members), dtype=np.int64)
        self._long = np.empty((len(_LONG), room), dtype=np.int64)
        self._short = np.empty((len(_SHORT), room), dtype=np.int32)
        self._buyers = np.empty((room if members > 1 else 0, members), dtype=np.int32)

    def __len__(self) -> int:
        return self.rows + int(self.state[tapes.CURSOR])

    def fits(self, members: int) -> bool:
        """Whether there is a tape, and for so many members."""
        return len(self.tape) > 0 and self.tape.shape[1] == tapes.AT_BUYERS + members

    @property
    def room(self) -> int:
        """Rows that the tape can still hold."""
        return len(self.tape) - int(self.state[tapes.CURSOR])

    def lengthen(self, rows: int) -> None:
        """Have a tape of at least so many rows."""
        if len(self.tape) < rows:
            self.take()
            self.tape = np.zeros((rows, self.tape.shape[1]), dtype=np.int64)

    def take(self) -> None:
        """Empty the tape into the columns."""
        tape = self.tape[: self.state[tapes.CURSOR]]
        if not len(tape):
            return
        after = self.rows + len(tape)
        if after > self._long.shape[1]:
            more = max(after, 2 * self._long.shape[1])
            self._long, self._short = (_widened(array, more) for array in (self._long, self._short))
            self._buyers = _widened(self._buyers.T, more).T.copy() if len(self._buyers) else self._buyers
        _turn(tape, self.rows, _LONG_AT, _SHORT_AT, self._long, self._short, self._buyers)
        self.rows, self.state[tapes.CURSOR] = after, 0  # last, and together: an interrupt loses nothing

    def columns(self, first: int) -> dict[str, Any]:
        """All rows as columns of `trades`; first: the number of the first one. Valid until more rows are taken."""
        columns: dict[str, Any] = dict(zip(_LONG, self._long[:, : self.rows], strict=True))
        columns["bid_over_price"] = columns.pop("bid") - columns["price"]
        short = zip(_SHORT, self._short[:, : self.rows], strict=True)
        columns |= {name: line.astype(_KINDS[name], copy=False) for name, line in short}
        columns["trade"] = np.arange(first, first + self.rows)
        if len(self._buyers):
            columns["buyers"] = self._buyers[: self.rows]
        return columns

    def last_bids(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Buyers among them: accounts, each one's last bid in ticks, and how many rights it bought; all int64 [k]."""
        sold = np.flatnonzero(self._short[_SHORT.index("kind"), : self.rows] == tapes.SALE)[::-1]
        buyers = self._short[_SHORT.index("buyer"), sold].astype(np.int64)
        account, first, count = np.unique(buyers, return_index=True, return_counts=True)
        return account, self._long[_LONG.index("bid"), sold[first]], count

    def clear(self) -> None:
        """Forget all rows."""
        self.rows = self.state[tapes.CURSOR] = 0


def _widened(array: np.ndarray, columns: int) -> np.ndarray:
    wider = np.empty((len(array), columns), dtype=array.dtype)
    wider[:, : array.shape[1]] = array
    return wider


@njit(cache=True)
def _turn(tape, after, long_at, short_at, long, short, buyers):  # type: ignore[no-untyped-def]
    """Write rows of the tape behind the first `after` rows of the columns, in one pass."""
    for t in range(tape.shape[0]):
        for k in range(long_at.shape[0]):
            long[k, after + t] = tape[t, long_at[k]]
        for k in range(short_at.shape[0]):
            short[k, after + t] = tape[t, short_at[k]]
        if buyers.shape[0] > 0:
            for k in range(buyers.shape[1]):
                buyers[after + t, k] = tape[t, tapes.AT_BUYERS + k]
