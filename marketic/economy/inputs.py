"""Checks of what users give to an economy: each returns the value, or raises InputError with what was given and wanted."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.numbers import number, share, whole

__all__ = ["answered", "finite_array", "lent", "names", "number", "share", "whole"]


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
    """What a user's function returned, as float64 of this shape, copied: it may write there again. Numbers may be NaN."""
    try:
        told = np.asarray(given)
        array = told if told.dtype.kind == "c" else told.astype(float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} that is not of numbers: wanted shape {shape} ({meaning}; {error})") from None
    if array.dtype.kind == "c":
        raise InputError(f"{what} of complex numbers: wanted real ones, shape {shape} ({meaning})")
    if array.shape != shape:
        raise InputError(f"{what} of shape {array.shape}: wanted {shape} ({meaning})")
    return array


def lent(array: np.ndarray) -> np.ndarray:
    """A view that a user's function may read, and not write to: others read the same numbers."""
    view = array.view()
    view.flags.writeable = False
    return view


def names(who: str, what: str, given: Sequence[str] | str) -> tuple[str, ...]:
    """Names of goods, each once; a single one may stand alone."""
    found = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Sequence) else None
    if found is None or any(not isinstance(name, str) or not name for name in found):
        raise InputError(f"{who} has {what}={given!r}: wanted names of goods")
    if len(set(found)) != len(found):
        raise InputError(f"{who} lists a good twice in {what}={found}: wanted each once")
    return found
