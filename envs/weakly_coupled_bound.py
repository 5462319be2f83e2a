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
from numba import njit
from scipy.optimize import minimize

from marketic.errors import InputError

TAIL = 1e-10
"""Discount**steps below which the constant-price tail is cut; what is missing is added to the bound."""
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
    steps = int(np.ceil(np.log(TAIL) / np.log(task.discount)))
    one, alike = alike_parts(task)
    unit = _units(task.uses)
    tables = task.transitions[one], task.rewards[one], task.uses[one] / unit, task.start[one], alike
    capacity = task.capacity / unit

    def smoothed(prices: np.ndarray, temperature: float) -> tuple[float, np.ndarray]:
        table = prices.reshape(periods + 1, resources)
        value, use = price_parts(*tables, task.discount, table, temperature, steps)
        return value + float(weight @ table @ capacity), (weight[:, None] * capacity - use).ravel()

    prices = np.full((periods + 1) * resources, scale)
    if periods:  # begin at the constant price, and never end above its bound
        prices = np.tile(lagrangian_bound(task).prices[0] * unit, periods + 1)
    best, kept = smoothed(prices, 0.0)[0], prices
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
    largest = float(np.abs(task.rewards).max(axis=(1, 2)).sum())
    return Bound(best + TAIL * largest / (1.0 - task.discount), kept.reshape(periods + 1, resources) / unit, use)


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


@njit(cache=True)
def price_parts(transitions, rewards, uses, start, alike, discount, prices, temperature, steps):  # type: ignore[no-untyped-def]
    """All parts alone at given prices: their total value from the start, and what they use, discounted, [T + 1, K].

    Arguments as in `WeaklyCoupled`; alike float64 [n]: how many parts each of them stands for; prices float64 [T + 1, K];
    temperature of the mixed actions, currency (0: the best action); steps: of the constant-price tail.
    """
    parts, actions, states = transitions.shape[0], transitions.shape[1], transitions.shape[2]
    periods = prices.shape[0] - 1
    total, use = 0.0, np.zeros(prices.shape)
    value, update, quality = np.empty(states), np.empty(states), np.empty(actions)
    policy = np.empty((periods + 1, states, actions))
    for i in range(parts):
        value[:] = 0.0
        for t in range(steps + periods - 1, -1, -1):
            at = min(t, periods)
            for s in range(states):
                for a in range(actions):
                    q = rewards[i, s, a]
                    for k in range(prices.shape[1]):
                        q -= prices[at, k] * uses[i, a, k]
                    for y in range(states):
                        q += discount * transitions[i, a, s, y] * value[y]
                    quality[a] = q
                update[s] = _mix(quality, temperature, policy[at, s])
            value[:] = update
        total += alike[i] * value[start[i]]
        _spend(transitions[i], uses[i], start[i], alike[i], discount, policy, steps, use)
    return total, use


@njit(cache=True)
def _mix(quality, temperature, chance):  # type: ignore[no-untyped-def]
    """The value of the best action, or its soft maximum; writes the chances of the actions."""
    best = quality.max()
    if temperature == 0.0:
        chance[:] = 0.0
        chance[quality.argmax()] = 1.0
        return best
    total = 0.0
    for a in range(quality.shape[0]):
        chance[a] = np.exp((quality[a] - best) / temperature)
        total += chance[a]
    for a in range(quality.shape[0]):
        chance[a] /= total
    return best + temperature * np.log(total)


@njit(cache=True)
def _spend(transitions, uses, start, alike, discount, policy, steps, use):  # type: ignore[no-untyped-def]
    """Add `alike` parts' expected discounted use, by period, to `use`."""
    states, actions, periods = transitions.shape[1], transitions.shape[0], policy.shape[0] - 1
    here, following = np.zeros(states), np.zeros(states)
    here[start] = 1.0
    weight = alike
    for t in range(steps + periods):
        at = min(t, periods)
        following[:] = 0.0
        for s in range(states):
            if here[s] == 0.0:
                continue
            for a in range(actions):
                share = here[s] * policy[at, s, a]
                if share == 0.0:
                    continue
                for k in range(uses.shape[1]):
                    use[at, k] += weight * share * uses[a, k]
                for y in range(states):
                    following[y] += share * transitions[a, s, y]
        here[:] = following
        weight *= discount
