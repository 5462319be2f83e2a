"""What is true of a Fisher market's answer, computed without the library's certificate."""

import numpy as np


def shortfall(market, weights, budgets, prices, x):
    """What each buyer misses of the best that its own money buys, as a share: straight from the utilities."""
    rho = 1.0 if market.elasticity is None else 1.0 - 1.0 / market.elasticity
    with np.errstate(divide="ignore"):
        terms = np.where(weights > 0, (weights * x) ** rho, 0.0)
        got = terms.sum(axis=1) ** (1.0 / rho)
    value = np.where(weights > 0, weights / prices, 0.0)
    if market.elasticity is None:
        best = value.max(axis=1)
    else:
        power = market.elasticity - 1.0
        top = np.where(weights > 0, value, np.nan)
        top = np.nanmax(top, axis=1) if power > 0 else np.nanmin(top, axis=1)
        ratio = np.where(weights > 0, value, top[:, None]) / top[:, None]
        best = top * (np.where(weights > 0, ratio**power, 0.0)).sum(axis=1) ** (1.0 / power)
    return 1.0 - got / (budgets * best)
