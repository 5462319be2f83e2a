"""A counterexample as five lines of Python that run as they stand."""

import enum
import inspect
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from marketic.checks.scenario import Scenario, single

DEEPEST = 3
"""Objects inside more objects than this are not written out: they may hold each other."""


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


def written(part: Any, homes: dict[str, str], depth: int = 0) -> str:
    """Python that makes an equal object. `homes` collects class name -> module to import it from. depth: inside how many
    objects of unknown kind it is found.
    """
    if isinstance(part, enum.Enum):
        _note(type(part), homes)
        return f"{_called(type(part))}.{part.name}"
    if isinstance(part, np.ndarray):
        if not part.size and part.ndim > 1:  # a list of nothing says no shape
            return f"np.zeros({part.shape}, dtype={part.dtype.name!r})"
        return f"np.array({_plain(part.tolist())}, dtype={part.dtype.name!r})"
    if is_dataclass(part) and not isinstance(part, type):
        kind = type(part)
        _note(kind, homes)
        usual = {wanted.name: wanted.default for wanted in inspect.signature(kind).parameters.values()}
        given = [
            f"{field.name}={written(getattr(part, field.name), homes, depth)}"
            for field in fields(part)
            if field.init and not (getattr(part, field.name) is None and usual.get(field.name) is None)
        ]
        return f"{_called(kind)}({', '.join(given)})"
    if isinstance(part, (list, tuple)):
        inner = ", ".join(written(item, homes, depth) for item in part)
        return f"[{inner}]" if isinstance(part, list) else f"({inner}{',' if len(part) == 1 else ''})"
    if part is None or isinstance(part, (bool, int, float, str, np.generic)):
        return _plain(part.item() if isinstance(part, np.generic) else part)
    if isinstance(part, (set, frozenset)):
        return f"{type(part).__name__}({written(sorted(part, key=repr), homes, depth)})"
    if isinstance(part, dict):
        items = (f"{written(key, homes, depth)}: {written(value, homes, depth)}" for key, value in part.items())
        return f"{{{', '.join(items)}}}"
    if getattr(part, "__name__", "") == "<lambda>":
        return "..."
    kind = part if hasattr(part, "__qualname__") else type(part)
    _note(kind, homes)
    if kind is part:
        return _called(kind, part)
    return f"{_called(kind)}({'...' if depth > DEEPEST else _given(part, homes, depth)})"


def _given(part: Any, homes: dict[str, str], depth: int) -> str:
    """What the class of an object asks for to make it, read from the attributes of the same name (or `_name`).

    What cannot be found there, and has no default, is left as `...`: only who made the object knows it.
    """
    try:
        asked = inspect.signature(type(part)).parameters.values()
    except (TypeError, ValueError):  # a class in C, or one that says nothing
        return ""
    said = []
    for wanted in asked:
        name = next((own for own in (wanted.name, f"_{wanted.name}") if hasattr(part, own)), None)
        if wanted.kind in (wanted.VAR_POSITIONAL, wanted.VAR_KEYWORD):
            continue
        if name is not None:
            value = written(getattr(part, name), homes, depth + 1)
        elif wanted.default is wanted.empty:
            value = "..."
        else:
            continue
        said.append(value if wanted.kind is wanted.POSITIONAL_ONLY else f"{wanted.name}={value}")
    return ", ".join(said)


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
