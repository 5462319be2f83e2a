"""Upper bounds of weakly coupled decision processes: what the parts would earn if resources had prices instead of limits.

For any prices lambda_t >= 0, dated by period t,

    V*(start)  <=  sum_t discount^t lambda_t . capacity  +  sum_i V_i^lambda(start_i),

V_i^lambda the best value of part i alone, which pays lambda_t . u_i(a) for what it uses. The right side is convex in the
prices, and its slope is the excess supply that they leave, so the least bound is found where expected demand meets supply
(Hawkins 2003; Adelman and Mersereau 2008). One constant price is the classic bound; it is loose where the start is no
typical state, and dated prices, T periods and one price ever after, tighten it.

Any prices give a valid bound, so nothing rests on the search: parts mix their actions a little (temperature, in currency,
lowered in stages), which makes the slope continuous for a quasi-Newton method, and the bound that is returned is
evaluated without that, at the prices that were found.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from marketic.envs.weakly_coupled_parts import price_parts
from marketic.errors import InputError
from marketic.linear_systems import solver

TEMPERATURES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Of the smoothed problems, as shares of the mean size of a reward."""


@dataclass(frozen=True)
class Bound:
    """value: the bound, currency. prices: float64 [T + 1, K] >= 0, currency per unit in each period's own money; the last
    row holds from period T on (T = 0: one constant price). use: float64 [T + 1, K], expected use per step at these prices by
    the smoothed parts, discounted mean for the tail: it meets the capacity where a price is above 0.
    """

    value: float
    prices: np.ndarray
    use: np.ndarray


def lagrangian_bound(task: Any, *, periods: int = 0) -> Bound:
    """The least bound over prices for `periods` >= 0 dated steps and a constant tail. task: a `WeaklyCoupled`, or as many
    of its tables; with no resources at all it is what the parts are worth alone.
    """
    if isinstance(periods, bool) or not isinstance(periods, int | np.integer) or periods < 0:
        raise InputError(f"lagrangian_bound(periods={periods!r}): wanted a whole number >= 0")
    resources, scale = len(task.capacity), float(np.abs(task.rewards).mean()) or 1.0
    weight = task.discount ** np.arange(periods + 1)
    weight[-1] /= 1.0 - task.discount
    address = solver()
    one, alike = alike_parts(task)
    unit = _units(task.uses)
    tables = task.transitions[one], task.rewards[one], task.uses[one] / unit, task.start[one], alike
    capacity = task.capacity / unit

    def smoothed(prices: np.ndarray, temperature: float) -> tuple[float, np.ndarray]:
        table = prices.reshape(periods + 1, resources)
        value, use = price_parts(*tables, task.discount, table, temperature, address)
        return value + float(weight @ table @ capacity), (weight[:, None] * capacity - use).ravel()

    prices = np.full((periods + 1) * resources, scale)
    if periods:  # begin at the constant price, and never end above its bound
        prices = np.tile(lagrangian_bound(task).prices[0] * unit, periods + 1)
    free = np.zeros_like(prices)  # the best where nothing is scarce; the smoothed search only comes near it
    best, kept = min(((smoothed(p, 0.0)[0], p) for p in (free, prices)), key=lambda found: found[0])
    for share in TEMPERATURES if resources else ():
        units = np.repeat(scale / np.sqrt(weight), resources)  # so that late prices move as easily as early ones
        found = minimize(
            lambda y, t=share * scale, u=units: _scaled(smoothed, y, u, t, scale),
            prices / units,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, None)] * len(prices),
            options={"maxiter": 200},
        )
        prices = found.x * units
        value = smoothed(prices, 0.0)[0]
        if value < best:
            best, kept = value, prices
    _, slope = smoothed(prices, TEMPERATURES[-1] * scale)
    use = unit * (capacity - slope.reshape(periods + 1, resources) / weight[:, None])
    return Bound(best, kept.reshape(periods + 1, resources) / unit, use)


def _units(uses: np.ndarray) -> np.ndarray:
    """What an action takes of each resource where it takes any, on average, float64 [K]: the minimiser has no other scale."""
    total, takers = uses.sum(axis=(0, 1)), (uses > 0.0).sum(axis=(0, 1))
    return np.where(takers > 0, total / np.maximum(takers, 1), 1.0)


def alike_parts(task: Any) -> tuple[np.ndarray, np.ndarray]:
    """A part of each kind, int64 [kinds], and how many there are, float64 [kinds]; parts start alike within a kind."""
    kinds = getattr(task, "kinds", ())
    if not len(kinds):
        return np.arange(len(task.start)), np.ones(len(task.start))
    _, one, alike = np.unique(np.stack([kinds, task.start]), axis=1, return_index=True, return_counts=True)
    return one, alike.astype(float)


def _scaled(
    smoothed: Any, y: np.ndarray, units: np.ndarray, temperature: float, scale: float
) -> tuple[float, np.ndarray]:
    """Value and slope in units of a mean reward: the minimiser stops at absolute numbers."""
    value, slope = smoothed(y * units, temperature)
    return value / scale, slope * units / scale
