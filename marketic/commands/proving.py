"""bench, reproduce and check: what measures something, and holds it against a bar or a claim."""

import importlib
import sys
from typing import Any

from marketic.commands import print_json
from marketic.commands.looking import module_of, modules
from marketic.errors import InputError


def run_rows(kind: str, name: str | None, *, quick: bool, as_json: bool) -> int:
    """Run `marketic.<kind>.<name>` (dashes or underscores) and show its rows. Returns 0 if all bars are met, 1 otherwise.

    kind: "benchmarks" or "experiments". The module's `run(quick)` returns {"name", "met", "rows": [{"what", "value",
    "bar", "met"}], "seconds", "versions"}. Raises InputError for a name that is not there.
    """
    known = modules(kind)
    module = module_of(name or "")
    if module not in map(module_of, known):
        there = ", ".join(known) or "none yet"
        raise InputError(f"no {kind} named {name!r}: wanted one of {there}")
    result = importlib.import_module(f"marketic.{kind}.{module}").run(quick)
    show(result, sys.stderr if as_json else sys.stdout)
    if as_json:
        print_json(result)
    return 0 if result["met"] else 1


def run_check(kind: str, target: str, as_json: bool) -> int:
    """Hold a part to what it promises. kind: "mechanism", "population" or "env"; target: a name, or module:Name.

    Returns 0 if all promises are kept, 1 if one is refuted, 2 if none is but one could not be tested. Raises InputError
    for a kind or a target that is not there.
    """
    from rich.console import Console

    if kind not in CHECKS:
        raise InputError(f"cannot check {kind!r}: wanted one of {', '.join(CHECKS)}")
    report = CHECKS[kind](target)
    out = sys.stderr if as_json else sys.stdout
    Console(file=out).print(report.table())
    if report.reproducers():
        print(report.reproducers(), file=out)
    if as_json:
        print_json({"kind": kind, "target": target, **report.as_dict()})
    return 1 if report.refuted else 2 if report.untested else 0


def _check_mechanism(target: str) -> Any:
    from marketic.checks.mechanism import check_mechanism
    from marketic.registry import built

    return check_mechanism(built("mechanisms", target), raises=False)


def _check_population(target: str) -> Any:
    from marketic.checks.population import check_population
    from marketic.registry import resolve

    part = resolve("agents", target)
    family = hasattr(part, "for_spaces") or not isinstance(part, type)  # a family, a population or a factory
    return check_population(part if family else _built(part, target), name=target, raises=False)


def _check_env(target: str) -> Any:
    from marketic.checks.environment import check_env

    return check_env(target, name=target, raises=False)


CHECKS = {"mechanism": _check_mechanism, "population": _check_population, "env": _check_env}
"""What `marketic check` can look at: kind -> from a target to its report."""


def _built(part: Any, target: str) -> Any:
    """An object of a class that needs no arguments; anything else as it is."""
    try:
        return part() if isinstance(part, type) else part
    except TypeError as error:
        raise InputError(f"cannot build {target!r} without arguments: {error}") from None


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
