"""query, audit and rerun: what a run's event log can answer."""

import contextlib
import datetime
import decimal
import math
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marketic.commands import print_json
from marketic.errors import InputError

ROWS_SHOWN = 1_000
"""Rows that a query prints as a table; --json prints all."""


def run_query(run: Path, statement: str, as_json: bool) -> int:
    """Answer one SQL statement. Returns the exit status."""
    from marketic.events.log import open_log
    from marketic.events.sql import query

    _tell(open_log(run).notes)
    with at_once():
        answer = query(run, statement)
    if as_json:
        rows = [{name: _plain(value) for name, value in row.items()} for row in _rows(answer)]
        print_json({"columns": answer.column_names, "rows": rows})
        return 0
    _show(answer.slice(0, ROWS_SHOWN))
    if len(answer) > ROWS_SHOWN:
        _tell([f"{len(answer):,} rows, of which {ROWS_SHOWN:,} are shown: use --json for all, or LIMIT"])
    return 0


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """While entered, Ctrl-C ends the program there and then: DuckDB, at work on a long query, would not hear of it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    former = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _rows(answer: Any) -> list[dict[str, Any]]:
    """An answer as plain Python. Raises InputError for dates and times beyond what Python can hold."""
    try:
        return list(answer.to_pylist())
    except (OverflowError, ValueError) as error:
        raise InputError(f"the answer holds a date or time out of range ({error}): wanted years 1 to 9999; ask for it as "
                         "text, CAST(column AS VARCHAR)") from None  # fmt: skip


def _show(answer: Any) -> None:
    """An answer as a table; on a screen that is too narrow for it, a block of lines per row. Nothing is left out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in answer.column_names:
        table.add_column(Text(name))
    rows = [["" if value is None else str(value) for value in row.values()] for row in _rows(answer)]
    for row in rows:
        table.add_row(*map(Text, row))  # text, so that brackets in it are no commands to the table
    console = Console()
    needed = console.measure(table, options=console.options.update(max_width=100_000)).maximum
    if needed <= console.width or not console.is_terminal:
        console.width = max(needed, console.width)
        console.print(table)
        return
    broad = max(map(len, answer.column_names))
    for number, row in enumerate(rows):
        print(f"row {number}")
        for name, value in zip(answer.column_names, row, strict=True):
            print(f"  {name:<{broad}}  {value}")


def run_audit(run: Path, as_json: bool) -> int:
    """Prove the log, or say what does not add up. Returns 0 if it is sound, 1 otherwise."""
    from marketic.events.auditing import audit

    found = audit(run)
    _tell(found.notes)
    for problem in found.problems:
        print(f"NOT SOUND: {problem}", file=sys.stderr)
    if as_json:
        print_json({name: _plain(value) for name, value in found.as_dict().items()})
    elif found.sound:
        print(
            f"sound: {found.trades:,} trades and {found.outside:,} other transfers replayed; {found.snapshots} snapshots and "
            f"{found.checkpoints} checkpoints agree\nworld {found.world:.6f}  house {found.house:.6f}  agents "
            f"{found.agents:.6f}  sum {found.world + found.house + found.agents:.6f}\nlink {found.link}"
        )
    return 0 if found.sound else 1


def run_rerun(
    run: Path,
    at: int,
    without: int | None,
    mechanism: str | None,
    assignments: list[str],
    steps: int | None,
    out: Path | None,
    *,
    as_json: bool,
    force: bool,
) -> int:
    """Train both branches and show them side by side. Returns the exit status."""
    from marketic.events.rerun import Change, rerun
    from marketic.toml_text import parse_assignments

    change = Change(without, mechanism, parse_assignments(assignments))
    result = rerun(run, at, change, out, steps=steps, force=force)
    if as_json:
        print_json(result)
        return 0
    factual, other = result["branches"]["factual"], result["branches"]["counterfactual"]
    print(f"branches part at step {result['at']:,} of {result['steps']:,}: {result['change']}")
    for name, value in factual.items():
        if not isinstance(value, str | list):
            print(f"{name:12} {_figure(value)} -> {_figure(other[name])}")
    parted = result["first_difference"]
    told = "no trade differs" if parted is None else "the first trade that differs is {trade}, at step {step}"
    print(told.format(**(parted or {})))
    print(f"look at {result['out']}/comparison.json")
    return 0


def _figure(value: Any) -> str:
    """A number, 14 wide; "-" for none."""
    return f"{value:14.9g}" if isinstance(value, int | float) else f"{'-':>14}"


def _tell(notes: list[str]) -> None:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta | bytes):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return value
