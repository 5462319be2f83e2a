"""Options as plain data: what `make` was given, in a form that TOML and JSON can hold, and back again.

Known records are tables named after their option: `learning_rate = {initial = 0.5, horizon = 1000}`, `novices =
{probability = 0.1}`, `tilings = [{features = [0, 1], bins = [8, 8], count = 4}]`; a bare number stands for
the first field, and "none" leaves a preset's part out. Any other dataclass carries its address: `{class =
"package.module:Name", field = ...}`. None is left out: TOML has no such value.
"""

import dataclasses
import math
import pkgutil
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.numbers import all_finite

LONG = ("tilings", "novices")
"""Records without a short form here: tilings have none, and novices are read where 0 of them means none (`presets`)."""


class NotData(InputError):
    """A value that cannot be written as plain data, such as an object of the user's own."""


def records() -> dict[str, type]:
    """The options that are records, and the records' classes."""
    from marketic.agents.hindsight import PaperTrades, SteadyBids
    from marketic.agents.learning_rate import LearningRate
    from marketic.agents.rehearsals import Rehearsals
    from marketic.agents.tiles import Tiling
    from marketic.exploration import Novices

    singles = {"learning_rate": LearningRate, "novices": Novices, "paper_trades": PaperTrades, "greedy": SteadyBids}
    return {**singles, "rehearsals": Rehearsals, "tilings": Tiling}


def plain(value: Any) -> Any:
    """`value` as numbers, strings, lists and tables. Raises NotData for what cannot be written so."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items() if part is not None}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tag = {} if type(value) in records().values() else {"class": address(type(value))}
        return tag | _fields(value)
    if not isinstance(value, type) and not callable(value) and getattr(value, "__dict__", None) == {}:
        return {"class": address(type(value))}
    raise NotData(f"{value!r} cannot be written as plain data: wanted numbers, strings, lists, tables or dataclasses")


def _fields(record: Any) -> dict[str, Any]:
    """A dataclass's fields; those that are no data may stay at their default."""
    fields = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        try:
            fields[field.name] = plain(value)
        except NotData:
            if value != field.default:
                raise
    return {name: value for name, value in fields.items() if value is not None}


def address(part: Any) -> str:
    """ "module:Name" of a class or function. Raises NotData if another process could not import it."""
    module, name = getattr(part, "__module__", "__main__"), getattr(part, "__qualname__", "")
    try:
        found = pkgutil.resolve_name(f"{module}:{name}") if module != "__main__" and name else None
    except (ImportError, AttributeError, ValueError):
        found = None
    if found is not part:
        raise NotData(f"{part!r} cannot be imported by name: define it at the top level of a module")
    return f"{module}:{name}"


def read_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options as `make` wants them: tables become `LearningRate`, `Novices`, `Tiling`s and tagged dataclasses.

    Values that are objects already pass through. Raises InputError for a table that its record refuses.
    """
    known = records()
    return {name: _read(name, value, known.get(name)) for name, value in options.items()}


def _read(name: str, value: Any, record: type | None) -> Any:
    if isinstance(value, list | tuple):
        if record is not None and name != "tilings":
            raise InputError(f"{name}={value!r}: {_forms(name, record)}")
        parts = [_read(name, part, record) for part in value]
        return tuple(parts) if isinstance(value, tuple) or name in ("tilings", "angles") else parts
    if isinstance(value, dict) and "class" in value:
        made = read_tagged(value)
        if record is not None and not isinstance(made, record):
            raise InputError(f"{name}={value!r}: wanted a {record.__name__}, or a class derived from it")
        return made
    if isinstance(value, dict) and record is not None:
        return _build(name, record, {key: tuple(v) if isinstance(v, list) else v for key, v in value.items()})
    if name == "tilings" and record is not None and not isinstance(value, record):
        raise InputError(f"tilings={value!r}: wanted a list of tables with features, bins, count")
    return value if record is None or name in LONG else _read_short(name, value, record)


def _read_short(name: str, value: Any, record: type) -> Any:
    """A record for a bare number, None for "none"; objects pass through."""
    fields = dataclasses.fields(record)
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        real = fields[0].type in (float, "float") and all_finite(value)
        return _build(name, record, {fields[0].name: float(value) if real else value})
    if isinstance(value, str) and value.lower() == "none":
        return None
    if value is not None and not isinstance(value, record):
        raise InputError(f"{name}={value!r}: {_forms(name, record)}")
    return value


def _forms(name: str, record: type) -> str:
    """What may stand for a record."""
    accepted = [field.name for field in dataclasses.fields(record)]
    none = "0" if name == "novices" else "none"
    return f"wanted a table with some of {', '.join(accepted)}, a number for {accepted[0]}, or {none}"


def read_tagged(table: dict[str, Any]) -> Any:
    """The object behind `{class = "module:Name", ...}`. Only dataclasses and classes without arguments are built."""
    if "class" not in table:
        raise InputError(f"{table!r}: wanted a table that says class = 'module:Name'")
    target, fields = table["class"], {key: value for key, value in table.items() if key != "class"}
    try:
        made = pkgutil.resolve_name(target)
    except TypeError:
        raise InputError(f"class = {target!r}: wanted the text 'module:Name'") from None
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"cannot import {target!r} ({error}): wanted module:Name, importable from here") from None
    # a file must not be able to call just anything
    if not isinstance(made, type) or (fields and not dataclasses.is_dataclass(made)):
        raise InputError(f"class = {target!r}: wanted a dataclass, or a class without arguments")
    return _build(target, made, {key: _read(key, value, records().get(key)) for key, value in fields.items()})


def _build(name: str, record: type, fields: dict[str, Any]) -> Any:
    if dataclasses.is_dataclass(record):
        accepted = [field.name for field in dataclasses.fields(record)]
        unknown = sorted(set(fields) - set(accepted))
        if unknown:
            raise InputError(f"{name} has no field {unknown[0]!r}: wanted some of {', '.join(accepted)}")
    try:
        return record(**fields)
    except TypeError as error:
        raise InputError(f"{name} = {fields}: {error}") from None


def finite(value: Any) -> Any:
    """`value`, or None for a float that JSON cannot hold (NaN, infinite)."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
