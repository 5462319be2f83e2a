"""Where demand and supply cross: the sorting that every double auction starts from (McAfee 1992).

Values from the highest down are b_1 >= b_2 >= ..., costs from the lowest up s_1 <= s_2 <= .... The k pairs with b_i >= s_i are
the efficient trades: at any price from max(s_k, b_k+1) to min(b_k, s_k+1) exactly the first k of each side want to trade.
"""

from dataclasses import dataclass

import numpy as np

from marketic.bids import Bids
from marketic.errors import InputError


@dataclass(frozen=True, slots=True)
class Crossing:
    """The sorted sides of a batch of exchanges. Ties: the lower-numbered trader comes first.

    trades: int64 [...], k. buyer, seller: int64 [..., n], places 0, 1 ... among the buyers (sellers); n for all others.
    value, cost: float64 [...], b_k and s_k; NaN where nothing is traded.
    next_value, next_cost: float64 [...], b_k+1 and s_k+1; -inf and +inf where there is no such trader.
    """

    trades: np.ndarray
    buyer: np.ndarray
    seller: np.ndarray
    value: np.ndarray
    cost: np.ndarray
    next_value: np.ndarray
    next_cost: np.ndarray


def cross(bids: Bids) -> Crossing:
    """Sort both sides and count the efficient trades. Negative bids are refused. Raises InputError without sides.

    >>> c = cross(Bids([9.0, 4.0, 3.0, 8.0], side=[1, 1, -1, -1]))
    >>> int(c.trades), float(c.next_value), float(c.next_cost)
    (1, 4.0, 8.0)
    """
    if not isinstance(bids, Bids) or bids.side is None:
        raise InputError(f"{type(bids).__name__} without sides: an exchange wants Bids(value, side=[1, -1, ...])")
    side = bids.side
    bids = bids.at_least(0.0)
    buys, sells = bids.active & (side == 1), bids.active & (side == -1)
    value, buyer = _sorted(np.where(buys, -bids.value, np.inf), buys)
    cost, seller = _sorted(np.where(sells, bids.value, np.inf), sells)
    value = 0.0 - value  # not -value: a price of -0.0 is no price
    trades = (value >= cost).sum(axis=-1)
    last = np.maximum(trades - 1, 0)[..., None]
    b, s = (np.take_along_axis(ranked, last, axis=-1)[..., 0] for ranked in (value, cost))
    next_b, next_s = (np.take_along_axis(ranked, trades[..., None], axis=-1)[..., 0] for ranked in (value, cost))
    some = trades > 0
    return Crossing(trades, buyer, seller, np.where(some, b, np.nan), np.where(some, s, np.nan), next_b, next_s)


def _sorted(keys: np.ndarray, on_side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys from the lowest up with +inf behind, [..., n + 1], and each trader's place among those on its side, [..., n]."""
    n = keys.shape[-1]
    order = np.argsort(keys, axis=-1, kind="stable")
    place = np.empty(keys.shape, dtype=np.int64)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(n), keys.shape), axis=-1)
    behind = np.full((*keys.shape[:-1], 1), np.inf)
    ranked = np.concatenate([np.take_along_axis(keys, order, axis=-1), behind], axis=-1) + 0.0
    return ranked, np.where(on_side, place, n)


def settle(
    crossing: Crossing, trades: np.ndarray, paid: np.ndarray, received: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The first `trades` [...] of each side trade; each buyer pays `paid`, each seller gets `received` ([...], currency).

    Returns the allocation float64 [..., n] (+1 buys, -1 sells) and the payments [..., n].
    """
    buys = crossing.buyer < trades[..., None]
    sells = crossing.seller < trades[..., None]
    payments = np.where(buys, paid[..., None], 0.0) - np.where(sells, received[..., None], 0.0)
    return buys.astype(np.float64) - sells, payments + 0.0
