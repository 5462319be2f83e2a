"""Rows that wait for their part: noted one by one or in chunks, and gathered as columns."""

from typing import Any

import numpy as np

from marketic.events import tape as tapes
from marketic.events.schema import TABLES

_PLACES = {
    "step": tapes.AT_STEP, "episode": tapes.AT_EPISODE, "row": tapes.AT_ROW, "kind": tapes.AT_KIND,
    "bidder": tapes.AT_BIDDER, "seller": tapes.AT_SELLER, "buyer": tapes.AT_BUYERS, "price": tapes.AT_PRICE,
    "paid": tapes.AT_PAID, "others_paid": tapes.AT_OTHERS, "reward": tapes.AT_REWARD, "check": tapes.AT_CHECK,
}  # fmt: skip


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


def trade_columns(rows: np.ndarray, first: int) -> dict[str, Any]:
    """Rows of the tape, int64 [k, columns], as columns of `trades`; first: the number of the first one."""
    columns = {name: rows[:, place] for name, place in _PLACES.items()}
    columns["trade"] = np.arange(first, first + len(rows))
    columns["bid_over_price"] = rows[:, tapes.AT_BID] - rows[:, tapes.AT_PRICE]
    columns["novice"] = rows[:, tapes.AT_NOVICE] == 1
    if rows.shape[1] > tapes.AT_BUYERS + 1:
        columns["buyers"] = rows[:, tapes.AT_BUYERS :]
    return columns


def last_bids(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Buyers on the tape: accounts, each one's last bid in ticks, and how many rights it bought; all int64 [k]."""
    sold = rows[rows[:, tapes.AT_KIND] == tapes.SALE][::-1]
    account, first, count = np.unique(sold[:, tapes.AT_BUYERS], return_index=True, return_counts=True)
    return account, sold[first, tapes.AT_BID], count
