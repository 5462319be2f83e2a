"""Checks of numbers that users choose: each returns the number, or raises InputError with what was given and wanted."""

import sys
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.screening import LARGEST_BID, keep

LARGEST_WHOLE = 2**53
"""Whole numbers up to here are exact as floats, too."""


def number(what: str, given: Any, *, least: float | None = None, above: float | None = None) -> float:
    """A finite number, if wanted of at least `least` or above `above`; no bool."""
    fits = _is_number(given) and abs(given) <= sys.float_info.max
    if not (fits and (least is None or given >= least) and (above is None or given > above)):
        bound = "" if least is None else f" >= {least:g}"
        bound += "" if above is None else f" > {above:g}"
        raise InputError(f"{what}={given!r}: wanted a finite number{bound}")
    return float(given)


def whole(what: str, given: Any, least: int, most: int = LARGEST_WHOLE) -> int:
    """A whole number from `least` to `most`; 1e4 is one, 2.5 and True are not."""
    if not (_is_number(given) and least <= given <= most and given == int(given)):
        bound = f"from {least} to {most:,}" if _is_number(given) and most < given else f">= {least}"
        raise InputError(f"{what}={given!r}: wanted a whole number {bound}")
    return int(given)


def share(what: str, given: Any, *, positive: bool = False) -> float:
    """A number in [0, 1], or in (0, 1] if it has to be `positive`."""
    if not (_is_number(given) and 0 <= given <= 1) or (positive and given == 0):
        raise InputError(f"{what}={given!r}: wanted a number {'above 0 and at most 1' if positive else 'from 0 to 1'}")
    return float(given)


def currency(what: str, given: Any, *, least: float = -LARGEST_BID) -> float:
    """An amount of currency, from `least` to the largest bid that auctions admit."""
    if not (_is_number(given) and least <= given <= LARGEST_BID):
        bound = f"from {least:.4g} to {LARGEST_BID:.4g} (the largest bid)"
        raise InputError(f"{what}={given!r}: wanted a finite amount of currency {bound}")
    return float(given)


def flag(what: str, given: Any) -> bool:
    """True or False, and nothing that only counts as one of them."""
    if not isinstance(given, bool | np.bool_):
        raise InputError(f"{what}={given!r}: wanted True or False")
    return bool(given)


def all_finite(*given: Any) -> bool:
    """Are all of these finite numbers? For checks with a sentence of their own."""
    return all(_is_number(one) and abs(one) <= sys.float_info.max for one in given)


def all_numbers(*given: Any) -> bool:
    """Are all of these numbers, infinite ones among them, but not NaN?"""
    return all(_is_number(one) and one == one for one in given)


def all_amounts(*given: Any) -> bool:
    """Are all of these amounts of currency that auctions admit?"""
    return all(_is_number(one) and abs(one) <= LARGEST_BID for one in given)


def check_wholes(record: Any, most: int = LARGEST_WHOLE, **least: int) -> None:
    """Fields of a frozen dataclass as `whole`; least: of each. They are kept as integers."""
    for name, lowest in least.items():
        keep(record, name, whole(_field(record, name), getattr(record, name), lowest, most))


def check_shares(record: Any, *names: str, positive: bool = False) -> None:
    """Fields of a dataclass as `share`."""
    for name in names:
        share(_field(record, name), getattr(record, name), positive=positive)


def check_numbers(record: Any, *names: str, least: float | None = None, above: float | None = None) -> None:
    """Fields of a dataclass as `number`."""
    for name in names:
        number(_field(record, name), getattr(record, name), least=least, above=above)


def check_flags(record: Any, *names: str) -> None:
    """Fields of a dataclass as `flag`."""
    for name in names:
        flag(_field(record, name), getattr(record, name))


def _field(record: Any, name: str) -> str:
    return f"{type(record).__name__}: {name}"


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)
