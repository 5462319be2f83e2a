"""What a limit order book reads and remembers: orders and resting orders, as flat arrays."""

import enum
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from marketic.errors import InputError
from marketic.screening import Reason, keep, mask, numbers, screen, sentences, sides


class OrderKind(enum.IntEnum):
    """What a trader may do in a step."""

    NOTHING = 0
    LIMIT = 1
    MARKET = 2
    CANCEL = 3


@dataclass(frozen=True, slots=True)
class Orders:
    """One order of each of `n` traders, screened at the door.

    value:    float64 [..., n], currency per unit, >= 0: the limit. Not read for market orders and cancellations.
    side:     int8 [..., n], +1 buys, -1 sells.
    quantity: int64 [..., n], units, >= 0; an order for 0 units is none. Default: 1. Not read for cancellations.
    kind:     int8 [..., n], `OrderKind`. Default: limit orders.
    number:   int64 [..., n], which order a cancellation is for; -1 (default): all of this trader's.
    active:   bool [..., n]. False: this trader does nothing. Default: all act.
    refused:  int8 [..., n] or None, set here: why a trader's order was not taken (`marketic.screening.Reason`).

    Orders at NaN, infinite, absurd or negative prices or with negative quantities are refused, and the others' are taken.
    Raises InputError for wrong shapes, unknown kinds, quantities that are not whole.
    """

    PER_BIDDER: ClassVar[tuple[str, ...]] = ("value", "side", "quantity", "kind", "number", "active")
    value: np.ndarray
    side: np.ndarray
    quantity: np.ndarray
    kind: np.ndarray
    number: np.ndarray
    active: np.ndarray
    refused: np.ndarray | None = field(init=False)

    def __init__(
        self,
        value: npt.ArrayLike,
        side: npt.ArrayLike,
        quantity: npt.ArrayLike | None = None,
        kind: npt.ArrayLike | None = None,
        number: npt.ArrayLike | None = None,
        active: npt.ArrayLike | None = None,
    ) -> None:
        amounts = numbers("Orders.value", value)
        kinds = _whole("Orders.kind", kind, amounts.shape, OrderKind.LIMIT)
        if not np.isin(kinds, list(OrderKind)).all():
            raise InputError(f"Orders.kind = {kinds.tolist()}: wanted numbers of OrderKind, 0 to 3")
        units = _whole("Orders.quantity", quantity, amounts.shape, 1)
        limit, market = kinds == OrderKind.LIMIT, kinds == OrderKind.MARKET
        price = np.where(limit, amounts, 0.0)
        screened = screen(price)
        reason = np.zeros(amounts.shape, dtype=np.int8) if screened is None else screened
        reason[(reason == 0) & ((price < 0.0) | ((units < 0) & (limit | market)))] = Reason.NEGATIVE
        keep(self, "value", np.where(reason > 0, 0.0, price) + 0.0)
        keep(self, "side", sides("Orders.side", side, amounts.shape))
        keep(self, "quantity", np.where(reason > 0, 0, units))
        keep(self, "kind", kinds.astype(np.int8))
        keep(self, "number", _whole("Orders.number", number, amounts.shape, -1))
        keep(self, "active", mask("Orders.active", active, amounts.shape) & (reason == 0))
        keep(self, "refused", reason if reason.any() else None)

    def reasons(self) -> dict[Any, str]:
        """Whose order was refused and why: index of the trader (a tuple if there are batch axes) -> sentence."""
        return sentences(self.refused)


def _whole(name: str, given: Any, shape: tuple[int, ...], default: int) -> np.ndarray:
    """`given` as int64 array of `shape`; None: the default everywhere. Raises InputError otherwise."""
    if given is None:
        return np.full(shape, default, dtype=np.int64)
    array = np.asarray(given)
    if array.shape != shape or array.dtype.kind not in "iu":
        raise InputError(f"{name} has shape {array.shape} and dtype {array.dtype}: wanted {shape} of whole numbers")
    return array.astype(np.int64)


@dataclass(frozen=True)
class BookState:
    """The resting orders of a batch of books, and what has been traded. S slots; a slot with quantity 0 is free.

    price:    float64 [..., S], currency per unit. quantity: int64 [..., S], units left. side: int8 [..., S].
    owner:    int64 [..., S], the trader's number. number: int64 [..., S], of the order; lower ones came first.
    arrivals: int64 [...], orders that came so far: the number of the next one.
    last:     float64 [...], price of the last trade, currency; NaN before the first.
    units:    int64 [..., n], bought less sold. cash: float64 [..., n], received less paid, currency.
    rest:     bool [...], nobody sent an order in the last step.
    """

    price: np.ndarray
    quantity: np.ndarray
    side: np.ndarray
    owner: np.ndarray
    number: np.ndarray
    arrivals: np.ndarray
    last: np.ndarray
    units: np.ndarray
    cash: np.ndarray
    rest: np.ndarray
