"""What traders tell a market maker: how many shares they want, or where the prices should be."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.screening import Reason, keep, mask, numbers, screen, sentences

__all__ = ["TargetPrices", "TradeOrders", "of_outcome", "orders_for"]


@dataclass(frozen=True, slots=True)
class TradeOrders:
    """Bundles of shares. Within a step traders act in order of number, each at the prices that the one before left.

    shares:  float64 [..., n, m]. How many shares of each outcome a trader buys; negative: sells, or sells short. One share of
             the outcome that comes true pays one unit of currency.
    active:  bool [..., n]. False: this trader does nothing. None: all trade.
    refused: int8 [..., n] or None, set here: why an order was turned away (`marketic.screening.Reason`).

    An order with NaN, infinite or absurd numbers is refused, and the others' go on. Raises InputError for wrong shapes.

    >>> TradeOrders([[1.0, 0.0], [float("nan"), 0.0]]).reasons()
    {1: 'the bid is not a number'}
    """

    shares: np.ndarray
    active: np.ndarray = None  # type: ignore[assignment]  # replaced by an array in __post_init__
    refused: np.ndarray | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        shares = _per_trader("TradeOrders.shares", self.shares)
        active = mask("TradeOrders.active", self.active, shares.shape[:-1])
        reason = screen(shares)
        _admit(self, "shares", shares, active, None if reason is None else reason.max(axis=-1, initial=0))

    def reasons(self) -> dict[Any, str]:
        """Which orders were refused and why: index of the trader -> sentence."""
        return sentences(self.refused)


@dataclass(frozen=True, slots=True)
class TargetPrices:
    """Beliefs. A trader buys what moves the prices to `price`, never selling short; in a Kelly market it bets by them.

    price:   float64 [..., n, m], probabilities (amounts >= 0 in proportion; they are made to sum to 1 here).
    active:  bool [..., n]. False: this trader does nothing. None: all trade.
    refused: int8 [..., n] or None, set here.

    Whoever names NaN, a negative price, or zeros only, is refused. Raises InputError for wrong shapes.

    >>> TargetPrices([[3.0, 1.0]]).price.tolist()
    [[0.75, 0.25]]
    """

    price: np.ndarray
    active: np.ndarray = None  # type: ignore[assignment]  # replaced by an array in __post_init__
    refused: np.ndarray | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        price = _per_trader("TargetPrices.price", self.price)
        active = mask("TargetPrices.active", self.active, price.shape[:-1])
        reason = screen(price)
        codes = np.zeros(active.shape, dtype=np.int8) if reason is None else reason.max(axis=-1, initial=0)
        codes = np.where((codes == 0) & (price < 0).any(axis=-1), np.int8(Reason.NEGATIVE), codes)
        total = np.where(codes == 0, price.sum(axis=-1), 1.0)
        codes = np.where(total == 0, np.int8(Reason.NOT_A_NUMBER), codes)
        scaled = np.where((codes > 0)[..., None], 1.0, price) / np.where(total == 0, 1.0, total)[..., None]
        _admit(self, "price", scaled, active, codes if (codes > 0).any() else None)

    def reasons(self) -> dict[Any, str]:
        """Which orders were refused and why: index of the trader -> sentence."""
        return sentences(self.refused)


def orders_for(orders: Any, shape: tuple[int, ...], *kinds: type) -> None:
    """Raises InputError unless `orders` is one of `kinds` with arrays of `shape` [..., n, m]."""
    wanted = " or ".join(kind.__name__ for kind in kinds)
    if not isinstance(orders, kinds):
        raise InputError(f"step got {type(orders).__name__}: this market takes {wanted}")
    given = (orders.shares if isinstance(orders, TradeOrders) else orders.price).shape  # type: ignore[attr-defined]
    if given != shape:
        raise InputError(f"{type(orders).__name__} of shape {given}: this market was opened for {shape} [..., n, m]")


def of_outcome(array: np.ndarray, outcome: Any) -> np.ndarray:
    """The entries [...] of array [..., m] that belong to the outcomes int64 [...]. Raises InputError for no such outcome."""
    chosen, m = np.asarray(outcome), array.shape[-1]
    if chosen.dtype.kind not in "iu" or ((chosen < 0) | (chosen >= m)).any():
        raise InputError(f"outcome = {outcome!r}: wanted whole numbers from 0 to {m - 1}")
    chosen = np.broadcast_to(chosen, array.shape[:-1])
    return np.take_along_axis(array, chosen[..., None], axis=-1)[..., 0]


def _per_trader(name: str, given: Any) -> np.ndarray:
    array = numbers(name, given)
    if array.ndim < 2:
        raise InputError(f"{name} has shape {array.shape}: wanted [..., traders, outcomes]")
    return array


def _admit(orders: Any, name: str, array: np.ndarray, active: np.ndarray, codes: np.ndarray | None) -> None:
    """Set the fields, without those who are refused."""
    refused = None if codes is None else codes > 0
    neutral = 0.0 if name == "shares" else 1.0 / max(array.shape[-1], 1)
    keep(orders, name, array if refused is None else np.where(refused[..., None], neutral, array))
    keep(orders, "active", active if refused is None else active & ~refused)
    keep(orders, "refused", codes)
