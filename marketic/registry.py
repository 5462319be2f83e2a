"""Finding parts by name: entry points for what is installed, `module:Name` for anything else. Built-ins use the same door."""

import inspect
import pkgutil
import traceback
from importlib.metadata import entry_points
from typing import Any

from marketic.errors import InputError


def names(kind: str) -> dict[str, str]:
    """Installed parts of a kind ("mechanisms", "agents"): name -> "module:Name"."""
    return {point.name: point.value for point in entry_points(group=f"marketic.{kind}")}


def resolve(kind: str, name: str) -> Any:
    """The object behind an installed name or a `module:Name`. Raises InputError with what is there instead."""
    if ":" in name:
        return imported(name)
    installed = names(kind)
    if name not in installed:
        raise InputError(f"no {kind} named {name!r}: wanted one of {', '.join(sorted(installed))}, or module:Name")
    try:
        return pkgutil.resolve_name(installed[name])
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{kind} {name!r} is installed as {installed[name]}, but that does not load: {error}"
        ) from None


def imported(name: str) -> Any:
    """The object behind module:Name. Raises InputError if it is not there, or if its module fails while it is imported."""
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"cannot import {name!r} ({error}): wanted module:Name, importable from here") from None
    except Exception as error:  # a file of the user's own may fail in any way
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = "" if isinstance(error, SyntaxError) else f" in {place.filename}, line {place.lineno}"
        raise InputError(f"cannot import {name!r}: {type(error).__name__}: {error}{where}; repair it there") from error


def built(kind: str, name: str) -> Any:
    """The part behind a name, made without arguments if it is a class or a function. Raises InputError as `resolve` does."""
    part = resolve(kind, name)
    if not (isinstance(part, type) or inspect.isfunction(part)):
        return part
    try:
        return part()
    except TypeError as error:
        raise InputError(
            f"{name} needs arguments ({error}): build it in Python, or name an object: module:name"
        ) from None
