"""Checks of what users give to an economy: each returns the value, or raises InputError with what was given and wanted."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from marketic.errors import InputError


def number(what: str, given: Any, *, least: float = -np.inf, most: float = np.inf) -> float:
    """A finite number from `least` to `most`, as a float; no bool."""
    fits = isinstance(given, float | int | np.number) and not isinstance(given, bool)
    if not (fits and np.isfinite(given) and least <= given <= most):
        low = f" >= {least:g}" if np.isfinite(least) else ""
        high = f"{',' if low else ''} <= {most:g}" if np.isfinite(most) else ""
        raise InputError(f"{what}={given!r}: wanted a finite number{low}{high}")
    return float(given)


def whole(what: str, given: Any, least: int) -> int:
    """A whole number of at least `least`; no bool."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < least:
        raise InputError(f"{what}={given!r}: wanted a whole number >= {least}")
    return int(given)


def finite_array(what: str, given: Any, shape: tuple[int | None, ...] | None) -> np.ndarray:
    """A new float64 array of finite numbers with this shape, None for any length; shape=None: of any shape."""
    wanted = "wanted finite numbers"
    if shape is not None:
        wanted += f", [{', '.join('n' if size is None else str(size) for size in shape)}]"
    if isinstance(given, np.ndarray) and np.iscomplexobj(given):
        raise InputError(f"{what}, which is complex: {wanted}")
    try:
        array = np.array(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: {wanted} ({error})") from None
    fits = shape is None or (
        array.ndim == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape, strict=True))
    )
    if not fits or not np.isfinite(array).all():
        raise InputError(f"{what} of shape {array.shape}{'' if not fits else ', with NaN or infinity'}: {wanted}")
    return array


def answered(what: str, given: Any, shape: tuple[int, ...], meaning: str) -> np.ndarray:
    """What a user's function returned, as float64 of this shape; numbers may be NaN."""
    try:
        array = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} that is not of numbers: wanted shape {shape} ({meaning}; {error})") from None
    if array.shape != shape:
        raise InputError(f"{what} of shape {array.shape}: wanted {shape} ({meaning})")
    return array


def names(who: str, what: str, given: Sequence[str] | str) -> tuple[str, ...]:
    """Names of goods, each once; a single one may stand alone."""
    found = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Sequence) else None
    if found is None or any(not isinstance(name, str) or not name for name in found):
        raise InputError(f"{who} has {what}={given!r}: wanted names of goods")
    if len(set(found)) != len(found):
        raise InputError(f"{who} lists a good twice in {what}={found}: wanted each once")
    return found
