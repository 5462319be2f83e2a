"""Following a run folder from another process: it is only read, and what is kept of it is bounded.

Files of a run appear whole (they are written under another name and renamed), and a part that the log's manifest does not
name does not count, so that a reader never sees half of anything and never makes the writer wait.

Memory: sales of at most `MOST_PARTS` parts of the log (65,536 sales each) and one row per account; figures are thinned to
`MOST_POINTS`. What is looked at is read again from disk.
"""

import contextlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from marketic.errors import CorruptFile, InputError
from marketic.graph.balances import Wealth
from marketic.graph.from_log import programs_of_the_gone, trades_of
from marketic.graph.kin import Register, registers_of
from marketic.graph.trades import Trades
from marketic.metrics import COLUMNS, read_metrics
from marketic.part_files import numbered
from marketic.reporting.history import has_log
from marketic.reporting.run_record import read_config
from marketic.run_folder import RunFolder

MOST_PARTS, MOST_POINTS, MOST_SALES = 8, 1000, 200_000
Stamps = tuple[tuple[str, int, int, int], ...]
"""Of each file: name, number on the disk, bytes, nanoseconds of its last change."""


class Feed:
    """A run, as far as it has been written.

    config: `config.toml`.  metrics: column -> float64 [rows], thinned.  steps: environment steps on record.
    finished: whether the run's final market is there.  notes: sentences about what is missing.
    changes: how often there was news; all tabs share the feed, and each must hear of what another one found first.

    Raises InputError for no run folder, and whatever is wrong with its event log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"no run folder {folder}: wanted a folder that `marketic train ... --out {folder}` wrote")
        self.run = RunFolder(self.folder)
        self.config, self._config_file = read_config(self.run.config), stamps([self.run.config])
        self.changes = 0
        self.metrics: dict[str, np.ndarray] = {name: np.zeros(0) for name in COLUMNS}
        self.log: Any = None
        self.notes: list[str] = []
        self._parts: OrderedDict[int, Trades] = OrderedDict()
        self._seen: Stamps = ()
        self._wealth: Wealth | None
        self._gone: tuple[str, dict[int, str]]
        self._kin: tuple[str, list[Register]]
        self._forget()
        self.cut = False
        self.refresh()

    @property
    def finished(self) -> bool:
        """Whether training has come to its end."""
        return self.run.final.is_file()

    @property
    def steps(self) -> int:
        """Environment steps on record, in the metrics or in the log."""
        logged = [int(part["step"]) for part in self.parts[-1:]]
        return max([int(self.metrics["step"][-1]) if len(self.metrics["step"]) else 0, *logged])

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The log's parts so far, as its manifest names them."""
        return [] if self.log is None else list(self.log.parts)

    def refresh(self) -> bool:
        """Read what is new; True if there was anything. Raises InputError for a log that cannot be read, or is gone."""
        before = self.changes
        self._follow_config()
        self._follow_metrics()
        if self.log is None and has_log(self.folder):
            from marketic.events import open_log

            self.log = open_log(self.folder)
            self.changes += 1
        elif self.log is not None:
            self.changes += self._newer()
        if self.changes != before and self.log is not None:
            self.notes = list(self.log.notes)
        return self.changes != before

    def _follow_config(self) -> None:
        """A run that is started afresh here, or goes on otherwise, has another configuration, and perhaps no log yet."""
        file = stamps([self.run.config])
        if not file or file == self._config_file:
            return
        self.config, self._config_file = read_config(self.run.config), file
        self.changes += 1
        if self.log is not None and not has_log(self.folder):
            self.log, self.notes = None, []
            self._forget()

    def _follow_metrics(self) -> None:
        files = stamps(numbered(self.run.metrics))
        if files == self._seen:
            return
        try:
            self.metrics, self._seen = thin(read_metrics(self.run.metrics)), files
            self.changes += 1
        except CorruptFile as error:  # a resumed run removes parts while we read: next time it is whole again
            self.notes = [str(error)]

    def _newer(self) -> bool:
        """Look for new parts of the log; a run that was started afresh or resumed makes us forget the old ones."""
        parts, waited = self.log.manifest.parts, self.log.waiting
        before = [self.log.header["chain"], *(part["chain"] for part in parts)]
        found = bool(self.log.refresh()) or (waited is not None and self.log.waiting is None)
        if found:
            last = max((k for k, part in enumerate(parts) if "trades" in part["tables"]), default=0)
            for number in [k for k in self._parts if k >= last]:  # its last owners' rewards may be known now
                del self._parts[number]
        if [self.log.header["chain"], *(part["chain"] for part in self.log.manifest.parts)][: len(before)] != before:
            self._forget()
            found = True
        return found

    def _forget(self) -> None:
        """What was read from parts that are not those of the log any more."""
        self._parts.clear()
        self._wealth, self._gone, self._kin = None, ("", {}), ("", [])

    def sales(self, first: int, last: int) -> Trades:
        """Sales at steps first <= step < last, the newest `MOST_SALES` of them at most; `cut` says whether there were more."""
        self.cut = False
        if self.log is None or "trades" not in self.log.tables:
            return Trades.none()
        spans, begun = [], 0
        for number, part in enumerate(self.parts):
            if "trades" in part["tables"] and int(part["step"]) >= first and begun <= last:
                spans.append(number)
            begun = int(part["step"])
        found: list[Trades] = []
        for number in reversed(spans):
            if sum(map(len, found)) >= MOST_SALES:
                self.cut = True
                break
            found.append(self._part(number).between(first, last))
        if not found:
            return Trades.none()
        columns = Trades.__dataclass_fields__
        together = Trades(**{name: np.concatenate([getattr(t, name) for t in reversed(found)]) for name in columns})
        self.cut = self.cut or len(together) > MOST_SALES
        return together.where(slice(max(0, len(together) - MOST_SALES), None))

    def _part(self, number: int) -> Trades:
        """The sales of one part of the log."""
        if number not in self._parts:
            self._parts[number] = trades_of(self.log, parts=[number])
            while len(self._parts) > MOST_PARTS:
                self._parts.popitem(last=False)
        self._parts.move_to_end(number)
        return self._parts[number]

    @property
    def gone(self) -> dict[int, str]:
        """Account -> rule in words, of agents that left; read again when the log has grown."""
        parts = self.parts
        newest = parts[-1]["chain"] if parts else ""
        if newest != self._gone[0]:
            self._gone = newest, programs_of_the_gone(self.log)
        return self._gone[1]

    @property
    def kin(self) -> list[Register]:
        """Who descends from whom, by the log; read again when it has grown."""
        parts = self.parts
        newest = parts[-1]["chain"] if parts else ""
        if newest != self._kin[0]:
            self._kin = newest, registers_of(self.log)
        return self._kin[1]

    def wealth(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Accounts of agents and their balances at `step`: int64 [n] and currency, float64 [n]."""
        if self.log is None:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        if self._wealth is None:
            self._wealth = Wealth(self.log)
        return self._wealth(step)


def stamps(paths: list[Path]) -> Stamps:
    """What tells files from others that were written under the same names; files that are not there are left out."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            about = path.stat()
            found.append((path.name, about.st_ino, about.st_size, about.st_mtime_ns))
    return tuple(found)


def thin(columns: dict[str, np.ndarray], most: int = MOST_POINTS) -> dict[str, np.ndarray]:
    """The same columns with at most `most` rows, the last one always among them."""
    rows = len(columns["step"])
    order = np.argsort(columns["step"], kind="stable")
    kept = order if rows <= most else order[np.unique(np.linspace(0, rows - 1, most).astype(int))]
    return {name: np.asarray(values, dtype=float)[kept] for name, values in columns.items() if len(values) == rows}
