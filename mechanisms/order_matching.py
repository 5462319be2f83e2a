"""Price-time priority in compiled code: an arriving order meets the resting ones, the best price first, then the oldest."""

import numpy as np
from numba import njit

NONE = -1
"""No slot."""


@njit(cache=True)
def match_orders(turn, orders, book, bought, paid, printed):  # type: ignore[no-untyped-def]
    """Take the orders of a step one after the other, in every book of a batch.

    turn: int64 [B, n], the traders in order of arrival (-1: no order). orders: (value, side, quantity, kind, number: [B, n]).
    book: (price, quantity, side, owner, number: [B, S]; arrivals: [B]), changed in place. Each book needs n free slots.
    bought int64 [B, n] and paid float64 [B, n] receive what each trader bought (less sold) and paid (less received),
    printed float64 [B] the price of the last trade, if there was one.
    """
    value, side, quantity, kind, target = orders
    resting_price, resting_quantity, resting_side, resting_owner, resting_number, arrivals = book
    for row in range(turn.shape[0]):
        for place in range(turn.shape[1]):
            i = turn[row, place]
            if i < 0:
                continue
            if kind[row, i] == 3:
                for slot in range(resting_quantity.shape[1]):
                    mine = resting_owner[row, slot] == i
                    if mine and (target[row, i] < 0 or target[row, i] == resting_number[row, slot]):
                        resting_quantity[row, slot] = 0
                continue
            left, own, limit = quantity[row, i], side[row, i], kind[row, i] == 1
            while left > 0:
                slot = _best(resting_price[row], resting_quantity[row], resting_side[row], resting_number[row], -own)
                if slot == NONE or (limit and own * (value[row, i] - resting_price[row, slot]) < 0):
                    break
                traded = min(left, resting_quantity[row, slot])
                price, other = resting_price[row, slot], resting_owner[row, slot]
                amount = own * traded * price
                bought[row, i] += own * traded
                bought[row, other] -= own * traded
                paid[row, i] += amount
                paid[row, other] -= amount
                resting_quantity[row, slot] -= traded
                left -= traded
                printed[row] = price
            if left > 0 and limit:
                slot = _free(resting_quantity[row])
                resting_price[row, slot], resting_quantity[row, slot] = value[row, i], left
                resting_side[row, slot], resting_owner[row, slot] = own, i
                resting_number[row, slot] = arrivals[row]
            arrivals[row] += 1


@njit(cache=True)
def _best(price, quantity, side, number, wanted):  # type: ignore[no-untyped-def]
    """The slot with the best price on one side, the oldest of those; NONE where there is none."""
    best = NONE
    for slot in range(len(quantity)):
        if quantity[slot] > 0 and side[slot] == wanted:
            if best == NONE:
                best = slot
                continue
            better = wanted * (price[slot] - price[best])
            if better > 0 or (better == 0 and number[slot] < number[best]):
                best = slot
    return best


@njit(cache=True)
def _free(quantity):  # type: ignore[no-untyped-def]
    """The first free slot."""
    for slot in range(len(quantity)):
        if quantity[slot] == 0:
            return slot
    return NONE


def best_prices(price: np.ndarray, quantity: np.ndarray, side: np.ndarray) -> np.ndarray:
    """The best bid and the best ask, float64 [..., 2], currency; NaN where there is none. Arguments [..., S]."""
    bid = np.where((quantity > 0) & (side == 1), price, -np.inf).max(axis=-1, initial=-np.inf)
    ask = np.where((quantity > 0) & (side == -1), price, np.inf).min(axis=-1, initial=np.inf)
    both = np.stack([bid, ask], axis=-1)
    return np.where(np.isfinite(both), both, np.nan)
