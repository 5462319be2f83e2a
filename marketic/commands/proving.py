"""bench, reproduce and check: what measures something, and holds it against a bar or a claim."""

import importlib
import sys
from typing import Any

from marketic.commands import print_json
from marketic.commands.looking import modules
from marketic.errors import InputError


def run_rows(kind: str, name: str | None, *, quick: bool, as_json: bool) -> int:
    """Run `marketic.<kind>.<name>` and show its rows. Returns 0 if all bars are met, 1 otherwise.

    kind: "benchmarks" or "experiments". The module's `run(quick)` returns {"name", "met", "rows": [{"what", "value",
    "bar", "met"}], "seconds", "versions"}. Raises InputError for a name that is not there.
    """
    known = modules(kind)
    if name not in known:
        there = ", ".join(known) or "none yet"
        raise InputError(f"no {kind} named {name!r}: wanted one of {there}")
    result = importlib.import_module(f"marketic.{kind}.{name}").run(quick)
    show(result, sys.stderr if as_json else sys.stdout)
    if as_json:
        print_json(result)
    return 0 if result["met"] else 1


def run_check(kind: str, target: str, as_json: bool) -> int:
    """Hold the part named `target` to its claims. Returns 0 if all are kept, 1 if one is refuted."""
    from marketic.checks import check_mechanism
    from marketic.registry import resolve

    if kind != "mechanism":
        raise InputError(f"cannot check {kind!r}: wanted mechanism")
    part = resolve("mechanisms", target)
    report = check_mechanism(part() if isinstance(part, type) else part, raises=False)
    for promise, verdict in report.verdicts.items():
        print(
            f"{promise:<24}{'kept' if verdict is None else 'REFUTED ' + verdict}",
            file=sys.stderr if as_json else sys.stdout,
        )
    if as_json:
        print_json({"name": report.name, "passed": report.passed, "verdicts": report.verdicts})
    return 0 if report.passed else 1


def show(result: dict[str, Any], file: Any) -> None:
    """The rows as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result['name']}: {'met' if result['met'] else 'NOT met'} ({result['seconds']:.1f} s)")
    for column in ("what", "value", "bar", "met"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for row in result["rows"]:
        verdict = {True: "yes", False: "NO", None: ""}[row.get("met")]
        table.add_row(str(row["what"]), _figure(row.get("value")), _figure(row.get("bar")), verdict)
    Console(file=file).print(table)


def _figure(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
