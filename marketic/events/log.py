"""Reading a log: as Arrow tables, part by part or whole, also while a training run is still writing it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marketic.errors import CorruptFile, InputError
from marketic.events.manifest import Manifest
from marketic.events.part_columns import columns_fault
from marketic.events.parts import path_of, read_part, unpacked
from marketic.events.schema import TABLES, decoded
from marketic.events.waiting import read_waiting


def open_log(run: str | Path) -> "EventLog":
    """The event log of a run (its folder, or the log's own). Raises InputError if there is none, CorruptFile as `Manifest`."""
    return EventLog(log_folder(Path(run)))


def log_folder(run: Path) -> Path:
    """Where the log of a run lies. Raises InputError if there is no such run."""
    if not run.is_dir():
        raise InputError(f"no run in {run}: wanted a folder that `marketic train --out` made")
    return run / "events" if (run / "config.toml").is_file() or (run / "events").is_dir() else run


class EventLog:
    """A log to read.

    header: level, tick (currency per tick), discount, royalty, credit, rows, rights, members, first_account and more.
    notes:  sentences on what is missing, such as a half-written part.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = Manifest.read(folder)
        self._look_for_waiting()
        if (folder.parent / "config.toml").is_file() and not (folder.parent / "final.market").is_file():
            self.manifest.notes.append(
                f"the run has not finished: the log ends at step {self.step:,}, what came after is not written yet, or was "
                "lost with the part that waited"
            )

    def _look_for_waiting(self) -> None:
        """Read the open part, if there is one, into memory: it may be replaced at any time."""
        found = read_waiting(self.folder, self.manifest.head)
        number = len(self.manifest.parts)
        self.waiting: dict[str, Any] | None = None if found is None else {"part": number, **found[0]}
        self.waiting_tables: dict[str, Any] = {} if found is None else found[1]

    @property
    def header(self) -> dict[str, Any]:
        """What the log says about itself: see docs/event_log.md."""
        return self.manifest.header

    @property
    def notes(self) -> list[str]:
        """What was passed over, in sentences."""
        return self.manifest.notes

    @property
    def level(self) -> str:
        """ "summary", "trades" or "everything"."""
        return str(self.header["level"])

    @property
    def tick(self) -> float:
        """Currency per tick: amount = ticks * tick."""
        return float(self.header["tick"])

    @property
    def members(self) -> int:
        """K, how many agents own a right together."""
        return int(self.header["members"])

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The manifest's lines, oldest first; at the end, with `open`, rows that still wait for their part, if any."""
        return self.manifest.parts if self.waiting is None else [*self.manifest.parts, self.waiting]

    @property
    def trades(self) -> int:
        """How many trades the log holds."""
        return int(self.parts[-1]["trades"]) if self.parts else 0

    @property
    def step(self) -> int:
        """Environment steps made when the last part was written."""
        return int(self.parts[-1]["step"]) if self.parts else int(self.header["step"])

    @property
    def tables(self) -> list[str]:
        """Tables that hold rows."""
        return [name for name in TABLES if any(name in part["tables"] for part in self.parts)]

    def refresh(self) -> int:
        """Look for parts that were written since; returns how many are new (all, if the run was started afresh).

        An open part that changed counts as one.
        """
        before, waited = self.manifest, self.waiting
        self.manifest = Manifest.read(self.folder)
        self._look_for_waiting()
        grown = self.waiting is not None and (waited is None or waited["chain"] != self.waiting["chain"])
        kept = self.manifest.parts[: len(before.parts)]
        same = [part["chain"] for part in kept] == [part["chain"] for part in before.parts]
        return len(self.manifest.parts) - (len(before.parts) if same else 0) + grown

    def batches(self, table: str, columns: list[str] | None = None, *, first_part: int = 0) -> Iterator[Any]:
        """A table's parts from number `first_part` on as pyarrow tables, one at a time: memory stays that of one part.

        Raises InputError for a table or column that is not there, CorruptFile for a damaged part.
        """
        for part in self.parts[first_part:]:
            if table in part["tables"]:
                yield self.read(table, part["part"], columns)

    def read(self, table: str, part: int, columns: list[str] | None = None) -> Any:
        """A table's rows in one part, as a pyarrow table; the part must have some (see `parts`)."""
        wanted = self._columns(table, columns)
        if self.waiting is not None and part == self.waiting["part"]:
            return _decode(unpacked(self.waiting_tables[table].select(_stored(wanted))), table, wanted)
        added = any(column.default is not None for column in TABLES[table])  # older parts lack it, and Arrow would stop
        stored = None if added else _stored(wanted)
        found = read_part(self.folder, table, part, stored)
        wrong = columns_fault(table, found, self.members, stored)
        if wrong is not None:
            raise CorruptFile(f"{path_of(self.folder, table, part)} is damaged ({wrong}): the log was altered")
        return _decode(found, table, wanted)

    def to_arrow(
        self, table: str = "trades", columns: list[str] | None = None, *, steps: tuple[int, int] | None = None
    ) -> Any:
        """A whole table as a pyarrow table; `.to_pandas()` and `polars.from_arrow` are one call away.

        steps: only rows with steps[0] <= step < steps[1] (tables with a column `step`, which must then be among `columns`).
        """
        import pyarrow
        import pyarrow.compute as compute

        found = []
        for batch in self.batches(table, columns):
            if steps is not None:
                step = batch.column("step")
                batch = batch.filter(compute.and_(compute.greater_equal(step, steps[0]), compute.less(step, steps[1])))
            found.append(batch)
        return pyarrow.concat_tables(found) if found else _empty(self._columns(table, columns), self.members, table)

    def _columns(self, table: str, columns: list[str] | None) -> list[str]:
        if table not in TABLES:
            raise InputError(f"the event log has no table {table!r}: wanted one of {', '.join(TABLES)}")
        there = decoded(table, self.members)
        unknown = [name for name in columns or [] if name not in there]
        if unknown:
            raise InputError(f"table {table} has no column {unknown[0]!r}: wanted some of {', '.join(there)}")
        return list(columns or there)

    def __repr__(self) -> str:
        rows = json.dumps(
            {name: sum(p["tables"].get(name, {}).get("rows", 0) for p in self.parts) for name in self.tables}
        )
        return f"EventLog({str(self.folder)!r}, level {self.level}, rows {rows})"


def _stored(columns: list[str]) -> list[str]:
    """The columns to read for those that are wanted."""
    stored = [name for name in columns if name != "bid"]
    return [*dict.fromkeys([*stored, *(["bid_over_price", "price"] if "bid" in columns else [])])]


def _decode(table: Any, name: str, columns: list[str]) -> Any:
    import pyarrow
    import pyarrow.compute as compute

    for column in TABLES[name]:
        if column.default is not None and column.name in columns and column.name not in table.column_names:
            table = table.append_column(column.name, pyarrow.array([column.default] * len(table), pyarrow.string()))
    if "bid" in columns:
        table = table.append_column("bid", compute.add(table.column("bid_over_price"), table.column("price")))
    return table.select(columns)


def _empty(columns: list[str], members: int, table: str) -> Any:
    import pyarrow

    from marketic.events.schema import arrow_type

    kinds = {"bid" if c.name == "bid_over_price" else c.name: arrow_type(c.kind) for c in TABLES[table]}
    kinds["buyers"] = pyarrow.list_(pyarrow.int32(), members)
    return pyarrow.schema([(name, kinds[name]) for name in columns]).empty_table()
