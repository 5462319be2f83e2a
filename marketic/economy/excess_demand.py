"""Scarcity prices when only demand is seen, not what it is worth: prices rise where too much is wanted.

One resource: demand falls with the price, so bisection brackets the price at which it passes the capacity. Several:
p <- max(0, p + step * scale * e / sqrt(sum of e^2 so far)), e = (use - capacity) / capacity, the subgradient method for the
bound in `lagrange_price` (Shor 1985) with a step per resource that does not depend on how elastic its demand is (Duchi 2011);
the answer is the mean of the later half of the prices, which also bears noisy demand (Nemirovski 2009). What is certified is
the mean excess demand over those prices, and that these lie close together: the bound at their mean is above the least one by
at most what mean excess demand is worth and - sum_k cov(use_k, price_k), since every use is a subgradient at its own price.
The gap itself is not known.
"""

import numpy as np

from marketic.clearing import Certificate
from marketic.economy.resource_market import ResourceMarket, ScarcityPrices
from marketic.errors import InputError


def follow(
    market: ResourceMarket, prices: np.ndarray, use: np.ndarray, tolerance: float, limit: int, step: float
) -> ScarcityPrices:
    """Prices [K] from excess demand alone; `use` [parts, K] is the demand at `prices`. See `lagrange_price`."""
    if len(prices) == 1:
        return _bisect(market, float(use.sum()), tolerance, limit)
    return _steps(market, prices, use, tolerance, limit, step)


def _bisect(market: ResourceMarket, use: float, tolerance: float, limit: int) -> ScarcityPrices:
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
        while market.asked < limit and high - low > tolerance * high:
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
    return _answer(market, np.array([high]), np.array([plan]), tolerance, high - low if high else 0.0, np.array([use]))


def _steps(
    market: ResourceMarket, prices: np.ndarray, use: np.ndarray, tolerance: float, limit: int, step: float
) -> ScarcityPrices:
    capacity, at_first = np.maximum(market.capacity, 1e-300), np.abs(use.sum(axis=0))
    scale, squares = np.maximum(prices, 1.0), np.zeros_like(prices)
    kept_prices, kept_use, spread, rounds = np.zeros_like(prices), np.zeros_like(prices), 0.0, 0
    while market.asked < limit:
        excess = (use.sum(axis=0) - market.capacity) / capacity
        squares += np.clip(excess, -1.0, 1.0) ** 2
        move = np.clip(excess, -1.0, 1.0) / np.sqrt(np.maximum(squares, 1e-300))
        prices = np.maximum(prices + step * scale * move, 0.0)
        scale = np.maximum(scale, prices)
        use, _ = market.ask(prices)
        if market.asked > limit // 2:
            rounds += 1
            total = use.sum(axis=0)
            kept_prices += (prices - kept_prices) / rounds
            spread -= float((total - kept_use) @ (prices - kept_prices))
            kept_use += (total - kept_use) / rounds
    return _answer(market, kept_prices, kept_use, tolerance, 0.0, at_first, max(spread, 0.0) / max(rounds, 1))


def _answer(
    market: ResourceMarket,
    prices: np.ndarray,
    use: np.ndarray,
    tolerance: float,
    width: float,
    at_first: np.ndarray,
    spread: float = 0.0,
) -> ScarcityPrices:
    """What is short counts as a share of its capacity (of the demand at first where that is 0), what is left by its worth.

    width: of the bracket of a single price; spread: what prices that differ from their mean may cost, value.
    """
    excess, left = np.maximum(use - market.capacity, 0.0), prices * np.abs(market.capacity - use)
    units = np.where(market.capacity > 0.0, market.capacity, at_first)
    sound = (excess <= tolerance * units).all() and max(float(left.max()), spread) <= tolerance * float(prices @ units)
    status = "optimal" if sound and width <= tolerance * float(prices.max()) else "approximate"
    found = Certificate(float(excess.max()), 0.0, float(left.max()), float("nan"), status)
    nothing = float("nan")
    return ScarcityPrices(
        prices.reshape(market.shape), nothing, nothing, use.reshape(market.shape), found, market.asked
    )
