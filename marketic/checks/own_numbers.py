"""The numbers that a mechanism holds: reserve prices, caps, rates. Rules change at them, so bidders should name them, too.

They are read from its attributes, its class, and what its methods are written with. A case drawn at random never meets
such a number exactly, and the telling cases lie there, and between two of them.
"""

import inspect
from dataclasses import fields, is_dataclass
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from marketic.demand_bids import DemandBids
from marketic.domains.base import changed
from marketic.domains.draws import HUGE

MOST = 24
"""So many numbers are tried, and those between them."""

DEEP = 3
"""How far we look into what a mechanism holds."""

FIRST = 16
"""Entries of arrays and lists that are looked at."""

DRAWN_ANYWAY = frozenset({*(k / 4 for k in range(8)), *map(float, range(11))})


def own_numbers(mechanism: Any) -> np.ndarray:
    """Amounts above 0 that the mechanism is made of, and the middles between neighbours: float64 [k], ascending."""
    found: set[float] = set()
    _gather(mechanism, found, DEEP)
    numbers = np.array(sorted(x for x in found - DRAWN_ANYWAY if 0.0 < x <= HUGE))
    if len(numbers) > MOST:
        numbers = numbers[np.linspace(0, len(numbers) - 1, MOST).astype(int)]
    return np.sort(np.concatenate([numbers, (numbers[1:] + numbers[:-1]) / 2]))


def planted(domain: Any, rng: np.random.Generator, truth: Any, numbers: np.ndarray) -> Any:
    """The reports with half of the amounts of every eighth case replaced by some of `numbers`, if they are ones that the
    domain draws: it must be one of ours, where any amount goes, and they must lie between those that were drawn.
    """
    value = getattr(truth, "value", None)
    ours = type(domain).draw.__module__.startswith("marketic.domains.")
    if not ours or value is None or not value.size:
        return truth
    usual = numbers[(numbers >= value.min()) & (numbers <= value.max())]
    if not len(usual):
        return truth
    here = (rng.random((len(value), *(1,) * (value.ndim - 1))) < 1 / 8) & (rng.random(value.shape) < 0.5)
    value = np.where(here, rng.choice(usual, size=value.shape), value)
    if isinstance(truth, DemandBids):
        value = np.sort(value, axis=-1)[..., ::-1]
    return changed(truth, value=value)


def _gather(part: Any, found: set[float], deep: int) -> None:
    part = part.item() if isinstance(part, np.generic) else part
    if isinstance(part, (bool, str)) or part is None or deep < 0:
        return
    if isinstance(part, (int, float)):
        if abs(part) <= HUGE:  # false for NaN as well
            found.add(float(part))
    elif isinstance(part, np.ndarray):
        if part.dtype.kind in "iuf":
            _gather(part.flat[:FIRST].tolist(), found, deep)
    elif isinstance(part, (list, tuple, dict)):
        for item in list(part.values() if isinstance(part, dict) else part)[:FIRST]:
            _gather(item, found, deep - 1)
    elif isinstance(part, FunctionType):
        _read(part.__code__, part.__globals__, found)
        _gather(list(inspect.getclosurevars(part).nonlocals.values()), found, deep)
    elif not isinstance(part, type):
        _gather_object(part, found, deep)


def _gather_object(part: Any, found: set[float], deep: int) -> None:
    held = dict(getattr(part, "__dict__", {}))
    if is_dataclass(part):
        held |= {field.name: getattr(part, field.name, None) for field in fields(part)}
    for value in held.values():
        _gather(value, found, deep - 1)
    for kind in type(part).__mro__:
        if kind.__module__ in ("builtins", "typing", "enum", "abc") or kind.__module__.startswith("numpy"):
            continue
        for value in vars(kind).values():
            method = _function(value)
            if method is not None:
                _gather(method, found, deep)
            elif isinstance(value, (int, float, tuple, list, np.ndarray)):
                _gather(value, found, deep - 1)


def _function(value: Any) -> FunctionType | None:
    """The Python function behind a method, a property, or compiled code; None if there is none."""
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, cached_property):
        value = value.func
    value = getattr(value, "__func__", value)
    value = getattr(value, "py_func", value)
    return value if isinstance(value, FunctionType) else None


def _read(code: CodeType, world: dict[str, Any], found: set[float]) -> None:
    """The numbers that a function is written with, by value or by the name of a number of its module."""
    for constant in (*code.co_consts, *(world.get(name) for name in code.co_names)):
        if isinstance(constant, CodeType):
            _read(constant, world, found)
        elif isinstance(constant, (int, float, tuple)):
            _gather(constant, found, 1)
