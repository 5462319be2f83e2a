"""The form in which every benchmark and experiment reports: rows, each with a value and the bar that it must meet."""

import math
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any


@dataclass(frozen=True)
class Row:
    """One measured figure. bar: in words, e.g. "<= 4000"; met: whether the value meets it."""

    what: str
    value: float
    bar: str
    met: bool


def result(name: str, rows: list[Row], seconds: float, details: Any = None) -> dict[str, Any]:
    """One JSON-able object: name, met (all rows), rows, wall seconds, versions and, if given, details."""
    packages = ("marketic", "numpy", "numba", "gymnasium")
    plain = [asdict(row) for row in rows]
    for row in plain:
        row["value"] = float(row["value"]) if math.isfinite(row["value"]) else None
        row["met"] = bool(row["met"])  # numpy's would not go into JSON
    answer = {
        "name": name,
        "met": all(bool(row.met) for row in rows),
        "rows": plain,
        "seconds": round(seconds, 1),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}},
    }
    return answer if details is None else {**answer, "details": details}
