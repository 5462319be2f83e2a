"""The continuous double auction: a limit order book with price-time priority (Gode and Sunder 1993; Gould et al. 2013).

A limit order trades at once with the resting orders of the other side that are at least as good as its limit, the best price
first, then the oldest, each at the *resting* price; what is left of it rests. A market order takes any price, and
what is left of it is void. A cancellation takes away one resting order, or all that a trader has. So the book is never
crossed, nobody trades beyond its limit, and units and cash only change hands.

Not strategyproof (the resting side would rather name another price), and not efficient even at truthful limits: who comes
first may trade with whom it should not. Traders with no intelligence at all, whose limits are random but never at a
loss, still reach most of the gains from trade (Gode and Sunder).
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.exchange import Exchange
from marketic.errors import InputError
from marketic.mechanisms.order_book_records import BookState, OrderKind, Orders
from marketic.mechanisms.order_matching import best_prices, match_orders

_SLOTS = 16
"""Slots of a new book; it grows when they might not do."""


@dataclass(frozen=True)
class OrderBook:
    """A session: in each step every trader may send one order. Trades are `Clearing.allocation` float64 [..., n], units
    bought (below 0: sold), and payments [..., n], currency; prices [...]: the last trade of the step, NaN where there was none.

    Orders of one step come in the order of the traders' numbers, or, with `rng`, in a random one. A book is taken to be at
    rest after a step in which nobody sent an order; a later order wakes it up. A trader may meet its own order.
    Money is exact (sums are 0 to the bit) as long as prices times units are whole numbers of some power of two.
    """

    domain: ClassVar[Exchange] = Exchange(share=0.5)
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.BUDGET_BALANCED, Claim.CONSERVES}
    )
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(
            Claim.DSIC,
            Bids([4.0, 2.0], side=[1, -1]),
            Bids([3.0, 2.0], side=[1, -1]),
            source="it rests at its own price",
        ),
        Refutation(
            Claim.EFFICIENT, Bids([4.0, 3.0, 9.0], side=[1, -1, 1]), source="the first buyer takes the only unit"
        ),
    )

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> BookState:
        """Empty books."""
        slots, traders = (*batch, _SLOTS), (*batch, bidders)
        return BookState(
            price=np.zeros(slots),
            quantity=np.zeros(slots, dtype=np.int64),
            side=np.zeros(slots, dtype=np.int8),
            owner=np.zeros(slots, dtype=np.int64),
            number=np.zeros(slots, dtype=np.int64),
            arrivals=np.zeros(batch, dtype=np.int64),
            last=np.full(batch, np.nan),
            units=np.zeros(traders, dtype=np.int64),
            cash=np.zeros(traders),
            rest=np.zeros(batch, dtype=bool),
        )

    def quote(self, state: BookState) -> np.ndarray:
        """The best bid and the best ask, float64 [..., 2], currency; NaN where there is none."""
        return best_prices(state.price, state.quantity, state.side)

    def is_open(self, state: BookState) -> np.ndarray:
        """False after a step without orders, bool [...]."""
        return ~state.rest

    def proxy(self, bids: Bids, state: BookState, quote: np.ndarray) -> Orders:
        """What traders do who want one unit at a time and name their value or cost, once: a limit order."""
        if bids.side is None:
            raise InputError("Bids without sides: an order book wants Bids(value, side=[1, -1, ...])")
        side, sound = bids.side, bids.at_least(0.0)
        return Orders(sound.value, side, active=sound.active & (state.arrivals == 0)[..., None])

    def step(
        self, state: BookState, orders: Orders, *, rng: np.random.Generator | None = None
    ) -> tuple[BookState, Clearing]:
        """Match one order of each trader. Raises InputError if the orders are not one per trader."""
        if not isinstance(orders, Orders):
            raise InputError(f"{type(orders).__name__}: an order book wants Orders(value, side, quantity, kind)")
        shape = state.units.shape
        if orders.value.shape != shape:
            raise InputError(f"orders have shape {orders.value.shape}: wanted one order per trader, {shape}")
        n, rows = shape[-1], math.prod(shape[:-1])
        sent = orders.active & (orders.kind != OrderKind.NOTHING)
        sent &= (orders.quantity > 0) | (orders.kind == OrderKind.CANCEL)
        turn = np.broadcast_to(np.arange(n), shape) if rng is None else rng.random(shape).argsort(axis=-1)
        turn = np.where(np.take_along_axis(sent, turn, axis=-1), turn, -1).reshape(rows, n)
        arrays = _room(state, n, rows)
        bought, paid = np.zeros((rows, n), dtype=np.int64), np.zeros((rows, n))
        printed = np.full(rows, np.nan)
        sent_by = [np.ascontiguousarray(getattr(orders, name)).reshape(rows, n) for name in _READ]
        match_orders(turn, tuple(sent_by), tuple(arrays.values()), bought, paid, printed)
        units, money, price = bought.reshape(shape), paid.reshape(shape) + 0.0, printed.reshape(shape[:-1])
        after = BookState(
            **{name: array.reshape((*shape[:-1], *array.shape[1:])) for name, array in arrays.items()},
            units=state.units + units,
            cash=state.cash - money,
            last=np.where(np.isnan(price), state.last, price),
            rest=~sent.any(axis=-1),
        )
        return after, Clearing(units.astype(np.float64), money, price)


_READ = ("value", "side", "quantity", "kind", "number")
_SLOTTED = ("price", "quantity", "side", "owner", "number")


def _room(state: BookState, orders: int, rows: int) -> dict[str, np.ndarray]:
    """Copies of the book's arrays with one batch axis, each book with free slots for `orders` more orders."""
    slots = state.price.shape[-1]
    free = slots - int((state.quantity > 0).sum(axis=-1).max(initial=0))
    wanted = slots
    while wanted - slots + free < orders:
        wanted *= 2
    arrays = {}
    for name in _SLOTTED:
        array = getattr(state, name)
        arrays[name] = np.zeros((rows, wanted), dtype=array.dtype)
        arrays[name][:, :slots] = array.reshape(rows, slots)
    arrays["arrivals"] = state.arrivals.reshape(rows).copy()
    return arrays
