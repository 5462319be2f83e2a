"""Scarcity prices when only demand is seen, not what it is worth: prices rise where too much is wanted.

One resource: demand falls with the price, so bisection brackets the price at which it passes the capacity. Several:
p <- max(0, p + step * scale * e / sqrt(sum of e^2 so far)), e = (use - capacity) / capacity, the subgradient method for the
bound in `lagrange_price` (Shor 1985) with a step per resource that does not depend on how elastic its demand is (Duchi 2011);
the answer is the mean of the later half of the prices, which also bears noisy demand (Nemirovski 2009). What is certified is
the mean excess demand at those prices; no gap is known.
"""

from typing import TYPE_CHECKING

import numpy as np

from marketic.clearing import Certificate
from marketic.errors import InputError

if TYPE_CHECKING:
    from marketic.economy.lagrange_price import ScarcityPrices, _Market


def follow(
    market: "_Market", prices: np.ndarray, use: np.ndarray, tolerance: float, limit: int, step: float
) -> "ScarcityPrices":
    """Prices [K] from excess demand alone; `use` [parts, K] is the demand at `prices`. See `lagrange_price`."""
    if len(prices) == 1:
        return _bisect(market, float(use.sum()), tolerance, limit)
    return _steps(market, prices, use, tolerance, limit, step)


def _bisect(market: "_Market", use: float, tolerance: float, limit: int) -> "ScarcityPrices":
    capacity = float(market.capacity[0])

    def wanted(price: float) -> float:
        return float(market.ask(np.array([price]))[0].sum())

    low, high, at_low = 0.0, 1.0, wanted(0.0)
    at_high = at_low
    if at_low > capacity:
        at_high = wanted(high)
        while at_high > capacity and market.asked < limit:
            low, at_low, high = high, at_high, 4.0 * high
            at_high = wanted(high)
            if high > 1e12:
                raise InputError(
                    f"resource 0 is infeasible: {at_high:g} units are wanted at price {high:g}, there are {capacity:g}"
                )
        while market.asked < limit and high - low > tolerance * max(1.0, high):
            middle = 0.5 * (low + high)
            at_middle = wanted(middle)
            low, at_low, high, at_high = (
                (middle, at_middle, high, at_high) if at_middle > capacity else (low, at_low, middle, at_middle)
            )
    else:
        high = 0.0
    # at a jump of demand the two sides mix to the capacity
    mix = (capacity - at_high) / (at_low - at_high) if high > 0.0 and at_low > at_high else 0.0
    plan = at_high + mix * (at_low - at_high)
    return _answer(market, np.array([high]), np.array([plan]), tolerance, high - low if high else 0.0)


def _steps(
    market: "_Market", prices: np.ndarray, use: np.ndarray, tolerance: float, limit: int, step: float
) -> "ScarcityPrices":
    capacity = np.maximum(market.capacity, 1e-300)
    scale, squares = np.maximum(prices, 1.0), np.zeros_like(prices)
    kept_prices, kept_use, rounds = np.zeros_like(prices), np.zeros_like(prices), 0
    while market.asked < limit:
        excess = (use.sum(axis=0) - market.capacity) / capacity
        squares += np.clip(excess, -1.0, 1.0) ** 2
        move = np.clip(excess, -1.0, 1.0) / np.sqrt(np.maximum(squares, 1e-300))
        prices = np.maximum(prices + step * scale * move, 0.0)
        scale = np.maximum(scale, prices)
        use, _ = market.ask(prices)
        if market.asked > limit // 2:
            rounds += 1
            kept_prices += (prices - kept_prices) / rounds
            kept_use += (use.sum(axis=0) - kept_use) / rounds
    return _answer(market, kept_prices, kept_use, tolerance, 0.0)


def _answer(market: "_Market", prices: np.ndarray, use: np.ndarray, tolerance: float, width: float) -> "ScarcityPrices":
    from marketic.economy.lagrange_price import ScarcityPrices

    short = float(np.maximum(use - market.capacity, 0.0).max())
    slack = float((prices * np.abs(market.capacity - use)).max())
    scale = max(1.0, float(market.capacity.max()))
    sound = short <= tolerance * scale and slack <= tolerance * scale * max(1.0, float(prices.max()))
    status = "optimal" if sound and width <= tolerance * max(1.0, float(prices.max())) else "approximate"
    found = Certificate(short, 0.0, slack, float("nan"), status)
    nothing = float("nan")
    return ScarcityPrices(
        prices.reshape(market.shape), nothing, nothing, use.reshape(market.shape), found, market.asked
    )
