"""What happened in a run, read back from its event log: sales, balances, bids, births and deaths."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.graph.balances import Wealth
from marketic.graph.from_log import Balances, entries_and_exits, programs_of_the_gone, trades_of
from marketic.graph.trades import Trades, windows

MOST_SALES = 4_000_000
"""Beyond so many only some parts of the log are read, so that a report stays within a gigabyte."""


@dataclass(frozen=True)
class History:
    """A run's past.

    trades: sales (see `Trades`); empty at level "summary".  steps: environment steps covered.
    wealth: step -> accounts and balances (currency), None: not on record.  bids: the same for the agents' own bids.
    births, deaths: int64 [k], steps of entries (founders left out) and exits, those on seats included.
    episodes: steps at which episodes ended, int64 [e], and their returns (undiscounted), float64 [e].
    gone:   account -> rule in words, of agents that left.
    level:  how much was logged.  notes: sentences about what is missing.
    """

    trades: Trades
    steps: int
    wealth: Wealth | None = None
    bids: Balances | None = None
    births: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    deaths: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    episodes: tuple[np.ndarray, np.ndarray] = field(default_factory=lambda: (np.zeros(0, dtype=np.int64), np.zeros(0)))
    gone: dict[int, str] = field(default_factory=dict)
    level: str = "trades"
    notes: tuple[str, ...] = ()

    def windows(self, count: int) -> Iterator[tuple[int, int, Trades]]:
        """`count` windows of equally many steps: first step, last step + 1, sales."""
        for first, last in windows(self.steps, count):
            yield first, last, self.trades.between(first, last)


def has_log(folder: Path) -> bool:
    """Whether a run folder holds an event log."""
    return (Path(folder) / "events" / "manifest.jsonl").is_file()


def read_history(folder: Path) -> History | None:
    """The history of a run; None if it was not logged. Raises InputError or CorruptFile for a log that cannot be read."""
    if not has_log(folder):
        return None
    from marketic.events import open_log

    return history_of(open_log(folder))


def history_of(log: Any, steps: int = 0) -> History:
    """The history in an open event log. steps: length of the run, if that is more than the log covers."""
    there = set(log.tables)
    notes = list(log.notes)
    trades = Trades.none()
    if "trades" in there:
        trades, note = _sales(log)
        notes += [note] if note else []
    if "genealogy" in there:
        notes.append(
            "Births and deaths on seats are those that the log's snapshots tell of, dated by them where the family does not "
            "count in steps: who was born and forgotten between two snapshots is not counted."
        )
    births, deaths = entries_and_exits(log) if "agents" in there else (np.zeros(0, dtype=np.int64),) * 2
    wealth = Wealth(log) if "accounts" in there else None
    bids = Balances.of(log, "prices", "price") if "prices" in there else None
    covered = [steps, int(trades.step.max(initial=-1)) + 1]
    covered += [int(part["step"]) for part in log.parts[-1:]]
    ended = log.to_arrow("episodes", ["step", "return"])
    episodes = ended.column("step").to_numpy(), ended.column("return").to_numpy()
    return History(
        trades, max(covered), wealth, bids, births, deaths, episodes, programs_of_the_gone(log), log.level, tuple(notes)
    )


def _sales(log: Any) -> tuple[Trades, str]:
    """All sales, or those of some parts of a very long log, evenly spread, and a sentence that says so."""
    rows = {k: int(part["tables"]["trades"]["rows"]) for k, part in enumerate(log.parts) if "trades" in part["tables"]}
    total = sum(rows.values())
    if total <= MOST_SALES:
        return trades_of(log), ""
    numbers = list(rows)
    most = max(1, MOST_SALES * len(numbers) // total)
    chosen = [numbers[k] for k in np.unique(np.linspace(0, len(numbers) - 1, most).astype(int)).tolist()]
    return trades_of(log, parts=chosen), (
        f"The log holds {total:,} trades in {len(numbers):,} parts; {len(chosen):,} parts, evenly spread, are shown."
    )


def require(history: History | None, folder: Path) -> History:
    """The history, or InputError with what to do about it."""
    if history is None:
        raise InputError(f"{folder} has no event log: train with --log trades (or summary) to see what happened inside")
    return history
