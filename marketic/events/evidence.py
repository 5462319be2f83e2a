"""What an audit holds the replay against: checkpoints, the ledger's own journal, and balances."""

from pathlib import Path
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.ledger import MEMOS
from marketic.storage import read_arrays


def checkpoints(run: Path, notes: list[str]) -> dict[str, dict[str, np.ndarray]]:
    """Checkpoints of a run that know of its log, oldest first, by name. Those that cannot be read are noted."""
    found = {}
    for path in sorted((run / "checkpoints").glob("step-*.market"), key=lambda path: (len(path.name), path.name)):
        arrays = _read(path, notes)
        if arrays is not None and "run/events" in arrays:
            found[path.name] = arrays
    return found


def final_market(run: Path, notes: list[str]) -> dict[str, np.ndarray] | None:
    """The arrays of a run's final market; None if there is none, or it cannot be read, which is noted."""
    path = run / "final.market"
    return _read(path, notes) if path.is_file() and (run / "config.toml").is_file() else None


def _read(path: Path, notes: list[str]) -> dict[str, np.ndarray] | None:
    try:
        return read_arrays(path)[0]
    except InputError as error:  # no fault of the log's
        notes.append(f"{path.name} was not compared: {error}")
        return None


def outside_trade(table: Any) -> list[tuple[int, str, int, int, int]]:
    """Transfers outside of trade: (trade that they stand before, memo, payer, payee, ticks)."""
    if table is None:
        return []
    import pyarrow.compute as compute

    outside = table.filter(compute.invert(table.column("settled")))  # few; the others may be millions
    columns = (outside.column(name).to_pylist() for name in ("trade", "memo", "payer", "payee", "ticks"))
    return list(zip(*columns, strict=True))


def difference(replayed: np.ndarray, logged: np.ndarray, where: str) -> str | None:
    """The first account whose balances differ, in words."""
    logged = np.concatenate([logged, np.zeros(len(replayed) - len(logged), dtype=np.int64)])
    different = np.flatnonzero(replayed != logged)
    if not len(different):
        return None
    account = int(different[0])
    return (
        f"account {account} has {int(replayed[account])} ticks by the transfers, but {int(logged[account])} by {where} "
        f"({len(different)} accounts differ)"
    )


def unsettled(replayed: np.ndarray, table: Any) -> str | None:
    """The first transfer of the journal that the trades do not explain, or the other way round, in words.

    replayed: int64 [k, 5]: memo, payer, payee, ticks, trade. table: a part's `transfers`. Compared round by round, because
    the journal names the first trade of each round, and in no order within it.
    """
    names = ("memo", "payer", "payee", "ticks", "trade")
    if table is None:
        logged = np.zeros((0, 5), dtype=np.int64)
    else:
        settled = table.column("settled").to_numpy()
        memos = table.column("memo").combine_chunks().dictionary_encode()
        numbers = np.array([MEMOS.index(name) if name in MEMOS else -1 for name in memos.dictionary.to_pylist()])
        memo = numbers[memos.indices.to_numpy()]
        others = [table.column(name).to_numpy() for name in names[1:]]
        logged = np.stack([memo, *others], axis=1).astype(np.int64)[settled]
    rounds = np.unique(logged[:, 4])
    if len(rounds):
        replayed = replayed.copy()
        replayed[:, 4] = rounds[np.maximum(np.searchsorted(rounds, replayed[:, 4], side="right") - 1, 0)]
    one, other = (rows[np.lexsort(rows.T)] for rows in (replayed, logged))
    shorter = min(len(one), len(other))
    wrong = np.flatnonzero((one[:shorter] != other[:shorter]).any(axis=1))
    if not len(wrong) and len(one) == len(other):
        return None
    place = int(wrong[0]) if len(wrong) else shorter
    words = [_words(rows[place]) if place < len(rows) else "nothing" for rows in (other, one)]
    return f"the journal says {words[0]}, the trades say {words[1]}"


def _words(row: np.ndarray) -> str:
    memo, payer, payee, ticks, trade = row.tolist()
    name = MEMOS[memo] if 0 <= memo < len(MEMOS) else "an unknown memo"
    return f"{ticks} ticks from account {payer} to {payee} as {name} (round of trade {trade})"
