"""A counterexample as five lines of Python that run as they stand."""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from marketic.checks.scenario import Scenario, single


def reproducer(mechanism: Any, scenario: Scenario, shows: tuple[str, ...] = (), before: str = "") -> str:
    """Lines that rebuild the mechanism and the case, and print what it answers, or what `shows` says. No trailing newline.

    before: one more line, run before anything is shown; MAKER in it stands for the Python that makes the mechanism.
    """
    homes: dict[str, str] = {}
    maker = written(mechanism, homes)
    truth = written(single(scenario.truth), homes)
    other = None if scenario.other is None else written(single(scenario.other), homes)
    imports = "; ".join(f"from {module} import {name}" for name, module in sorted(homes.items()))
    lines = [f"import numpy as np; {imports}", f"mechanism = {maker}", f"truth = {truth}"]
    if other is not None:
        lines.append(f"other = {other}")
    if before:
        lines.append(before.replace("MAKER", maker))
    reports = ("truth",) if other is None else ("truth", "other")
    lines.append(f'print({", ".join(shows or [f"mechanism.clear({name})" for name in reports])}, sep="\\n")')
    return "\n".join(lines)


def written(part: Any, homes: dict[str, str]) -> str:
    """Python that makes an equal object. `homes` collects class name -> module to import it from."""
    if isinstance(part, np.ndarray):
        return f"np.array({_plain(part.tolist())}, dtype={part.dtype.name!r})"
    if is_dataclass(part) and not isinstance(part, type):
        kind = type(part)
        _note(kind, homes)
        given = [
            f"{field.name}={written(getattr(part, field.name), homes)}"
            for field in fields(part)
            if field.init and getattr(part, field.name) is not None
        ]
        return f"{_called(kind)}({', '.join(given)})"
    if isinstance(part, (list, tuple)):
        inner = ", ".join(written(item, homes) for item in part)
        return f"[{inner}]" if isinstance(part, list) else f"({inner}{',' if len(part) == 1 else ''})"
    if part is None or isinstance(part, (bool, int, float, str, np.generic)):
        return _plain(part.item() if isinstance(part, np.generic) else part)
    kind = part if isinstance(part, type) or callable(part) else type(part)
    _note(kind, homes)
    return _called(kind, part) if kind is part else f"{_called(kind)}()"


def _note(kind: Any, homes: dict[str, str]) -> None:
    """Enter where a class or function is imported from; what was made in a script or in a function is taken as known."""
    name = getattr(kind, "__qualname__", "<locals>")
    if getattr(kind, "__module__", "__main__") != "__main__" and "<locals>" not in name:
        homes[name.split(".")[0]] = kind.__module__


def _called(kind: Any, part: Any = None) -> str:
    return str(getattr(kind, "__qualname__", repr(part))).split("<locals>.")[-1]


def _plain(value: Any) -> str:
    """`repr`, but of numbers that are no literals too."""
    if isinstance(value, list):
        return f"[{', '.join(_plain(item) for item in value)}]"
    if isinstance(value, float) and not np.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)
