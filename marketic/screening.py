"""The door of every auction: what is no report at all raises; what is a bad report turns its bidder away, with a reason."""

import enum
from typing import Any

import numpy as np

from marketic.errors import InputError

LARGEST_BID = float(2**40)
"""Bids beyond this absolute value (currency) are refused: their sums might leave the ledger's 64-bit range."""

keep = object.__setattr__
"""Sets a field of a frozen dataclass from its own `__post_init__`."""


class Reason(enum.IntEnum):
    """Why a bidder was refused. 0: it was not."""

    NONE = 0
    NOT_A_NUMBER = 1
    INFINITE = 2
    TOO_LARGE = 3
    NEGATIVE = 4
    BAD_BUDGET = 5
    UNKNOWN_BIDDER = 6
    BAD_RANKING = 7
    NOT_DECREASING = 8
    BAD_SIDE = 9
    TOO_MANY = 10


SENTENCES = {
    Reason.NOT_A_NUMBER: "the bid is not a number",
    Reason.INFINITE: "the bid is infinite",
    Reason.TOO_LARGE: f"the bid is beyond {LARGEST_BID:.3g}",
    Reason.NEGATIVE: "the bid is negative, and this mechanism sells no burdens",
    Reason.BAD_BUDGET: "the budget is negative or not a number",
    Reason.UNKNOWN_BIDDER: "no such bidder",
    Reason.BAD_RANKING: "the ranking names somebody twice or nobody there is",
    Reason.NOT_DECREASING: "the marginal values increase, and this mechanism needs them not to",
    Reason.BAD_SIDE: "a trader is a buyer (+1) or a seller (-1)",
    Reason.TOO_MANY: "more was asked for than there is",
}


def numbers(name: str, given: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """`given` as float64 array, of `shape` if one is wanted. Raises InputError otherwise."""
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"dtype {array.dtype}")
        array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} = {given!r}: wanted an array of numbers ({error})") from None
    if array.ndim == 0:
        raise InputError(f"{name} = {given!r}: wanted an array with one entry per bidder")
    if shape is not None and array.shape != shape:
        raise InputError(f"{name} has shape {array.shape}: wanted {shape}")
    return array


def mask(name: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`given` as bool array of `shape`; None: all True. Raises InputError for another shape or dtype."""
    if given is None:
        return np.ones(shape, dtype=bool)
    array = np.asarray(given)
    if array.shape != shape or array.dtype != bool:
        raise InputError(f"{name} has shape {array.shape} and dtype {array.dtype}: wanted {shape} of bool")
    return array


def sides(name: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`given` as int8 array of +1 (buyers) and -1 (sellers). Raises InputError for anything else."""
    array = np.asarray(given)
    if array.shape != shape or not np.isin(array, (-1, 1)).all():
        raise InputError(f"{name} = {given!r}: wanted an array of shape {shape} with +1 (buyer) and -1 (seller)")
    return array.astype(np.int8)


def screen(value: np.ndarray, budget: np.ndarray | None = None) -> np.ndarray | None:
    """Reasons to refuse, int8 [..., n], or None if all amounts are sound. value [..., n], budget [..., n] or None."""
    sound = value.max(initial=0.0) <= LARGEST_BID and value.min(initial=0.0) >= -LARGEST_BID  # both false for NaN
    if sound and (budget is None or budget.min(initial=0.0) >= 0.0):
        return None
    reason = np.zeros(value.shape, dtype=np.int8)
    if budget is not None:
        reason[~(budget >= 0.0)] = Reason.BAD_BUDGET
    reason[np.abs(value) > LARGEST_BID] = Reason.TOO_LARGE
    reason[np.isinf(value)] = Reason.INFINITE
    reason[np.isnan(value)] = Reason.NOT_A_NUMBER
    return reason


def sentences(refused: np.ndarray | None) -> dict[Any, str]:
    """Index of each refused bidder -> why. A plain number where there is one axis, else a tuple."""
    if refused is None:
        return {}
    where = [tuple(int(i) for i in index) for index in np.argwhere(refused)]
    return {(i[0] if len(i) == 1 else i): SENTENCES[Reason(int(refused[i]))] for i in where}
