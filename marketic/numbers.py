"""Checks of numbers that users choose: each returns the number, or raises InputError with what was given and wanted."""

import dataclasses
import math
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.screening import LARGEST_BID, keep, numbers

LARGEST_WHOLE = 2**53
"""Whole numbers up to here are exact as floats, too."""
MOST_ENTRIES = 2**28
"""Most numbers in one array: beyond that it would need more than 2 GiB."""


def number(what: str, given: Any, *, least: float | None = None, above: float | None = None) -> float:
    """A finite number, if wanted of at least `least` or above `above`; no bool."""
    if not (_is_finite(given) and (least is None or given >= least) and (above is None or given > above)):
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


def check_room(entries: int, why: str, repair: str) -> None:
    """Raise InputError for more than MOST_ENTRIES numbers in one array. why: what needs them, with the options behind it."""
    if entries > MOST_ENTRIES:
        wanted = f"wanted at most {MOST_ENTRIES:,}, to fit into memory"
        raise InputError(f"{why} needs {count_text(int(entries))} numbers: {wanted}; {repair}")


def check_observations(observation: np.ndarray, components: int) -> None:
    """Raise InputError unless observations are [B, components]: compiled code would read beyond narrower ones."""
    if observation.ndim != 2 or observation.shape[1] != components:
        raise InputError(f"observations{observation.shape}: wanted [B, {components}], one column per component")


def count_text(count: int) -> str:
    """A count for a message: in full, or as a power of ten where nobody reads its digits."""
    return f"{count:,}" if count < 10**15 else f"about 10**{int(math.log10(count))}"


def all_finite(*given: Any) -> bool:
    """Are all of these finite numbers? For checks with a sentence of their own."""
    return all(_is_finite(one) for one in given)


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
    """Fields of a dataclass as `share`; numpy's numbers become Python's."""
    for name in names:
        share(_field(record, name), getattr(record, name), positive=positive)
        _keep_plain(record, name)


def check_numbers(record: Any, *names: str, least: float | None = None, above: float | None = None) -> None:
    """Fields of a dataclass as `number`; numpy's numbers become Python's."""
    for name in names:
        number(_field(record, name), getattr(record, name), least=least, above=above)
        _keep_plain(record, name)


def check_flags(record: Any, *names: str) -> None:
    """Fields of a dataclass as `flag`."""
    for name in names:
        flag(_field(record, name), getattr(record, name))


def check_kinds(record: Any) -> None:
    """Fields of a dataclass that are declared as float, int or bool hold such; ranges are its own affair.

    numpy's numbers, and whole numbers where a float is declared that are too long for int64, become Python's.
    """
    for field in dataclasses.fields(record):
        value, union = getattr(record, field.name), isinstance(field.type, types.UnionType)
        kind, *others = [
            one for one in (typing.get_args(field.type) if union else [field.type]) if one is not type(None)
        ]
        if others or kind not in KINDS or (value is None and union):
            continue
        fits, wanted = KINDS[kind]
        if not fits(value):
            raise InputError(f"{_field(record, field.name)}={value!r}: wanted {wanted}")
        if kind is float and (isinstance(value, np.generic) or abs(value) > LARGEST_WHOLE):
            keep(record, field.name, float(value))


def check_list(record: Any, name: str, axes: int = 1) -> np.ndarray:
    """A field of a frozen dataclass that holds numbers in a list (`axes` = 2: rows of equal length), as float64 array.

    It is kept as tuples, which nobody can change later. NaN and ranges are the record's own affair.
    """
    given, what = getattr(record, name), _field(record, name)
    try:
        array = numbers(what, given)
    except InputError:
        array = np.zeros(())
    if array.ndim != axes:
        kind = "a list of numbers" if axes == 1 else "rows of numbers, all of one length"
        raise InputError(f"{what}={' '.join(repr(given).split())}: wanted {kind}")
    keep(record, name, _tuples(array))
    return array


def _tuples(array: np.ndarray) -> Any:
    return tuple(map(_tuples, array)) if array.ndim else array.item()


def _keep_plain(record: Any, name: str) -> None:
    """A number of another precision would spread through all that is reckoned with it."""
    value = getattr(record, name)
    if isinstance(value, np.generic):
        keep(record, name, float(value))


def _field(record: Any, name: str) -> str:
    return f"{type(record).__name__}: {name}"


def _is_finite(given: Any) -> bool:
    if isinstance(given, np.floating):  # its own kind may be too narrow to be compared with the largest float
        return math.isfinite(given)
    return _is_number(given) and abs(given) <= sys.float_info.max


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)


KINDS: dict[Any, tuple[Callable[[Any], bool], str]] = {
    float: (lambda given: _is_number(given), "a number"),
    int: (lambda given: _is_number(given) and abs(given) < np.inf and given == int(given), "a whole number"),
    bool: (lambda given: isinstance(given, bool | np.bool_), "True or False"),
}
"""Kinds of fields that `check_kinds` knows: what holds of them, and its words."""
