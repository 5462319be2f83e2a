"""The compiled passes of `marketic.economy.sparse`, over edges sorted by buyer: those of node k at starts[k] : starts[k + 1].

sellers: int32 [edges]; weights: float64 [edges]; bias: float64 [n]; quantities and prices: float64 [n, days]; f: number of the
activation, 0 linear, 1 relu, 2 tanh.
"""

import numpy as np
from numba import njit


@njit(cache=True)
def order(n: int, sellers: np.ndarray, starts: np.ndarray) -> tuple:
    """Kahn's algorithm: nodes so that sellers come before buyers, and how many could be ordered."""
    waiting = np.zeros(n, dtype=np.int64)
    first = np.zeros(n + 1, dtype=np.int64)
    for node in range(n):
        waiting[node] = starts[node + 1] - starts[node]
    for edge in range(len(sellers)):
        first[sellers[edge] + 1] += 1
    for node in range(n):
        first[node + 1] += first[node]
    buyers = np.empty(len(sellers), dtype=np.int32)
    place = first[:-1].copy()
    for node in range(n):
        for edge in range(starts[node], starts[node + 1]):
            buyers[place[sellers[edge]]] = node
            place[sellers[edge]] += 1
    order = np.empty(n, dtype=np.int32)
    done = 0
    for node in range(n):
        if waiting[node] == 0:
            order[done] = node
            done += 1
    next_ = 0
    while next_ < done:
        node = order[next_]
        next_ += 1
        for position in range(first[node], first[node + 1]):
            buyer = buyers[position]
            waiting[buyer] -= 1
            if waiting[buyer] == 0:
                order[done] = buyer
                done += 1
    return order[:done], done


@njit(cache=True)
def produce(
    order: np.ndarray,
    sellers: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    bias: np.ndarray,
    y: np.ndarray,
    f: int,
) -> np.ndarray:
    """Adds what firms make to the endowments in y [n, days]."""
    days = y.shape[1]
    for node in order:
        if starts[node + 1] == starts[node]:
            continue
        for day in range(days):
            z = bias[node]
            for edge in range(starts[node], starts[node + 1]):
                z += weights[edge] * y[sellers[edge], day]
            y[node, day] += activate(z, f)[0]
    return y


@njit(cache=True)
def activate(z: float, f: int) -> tuple:
    """f(z) and its slope."""
    if f == 1:
        return max(z, 0.0), 1.0 if z > 0.0 else 0.0
    if f == 2:
        made = np.tanh(z)
        return made, 1.0 - made * made
    return z, 1.0


@njit(cache=True)
def slopes(
    sellers: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    bias: np.ndarray,
    given: np.ndarray,
    y: np.ndarray,
    f: int,
) -> tuple:
    """What one more unit before its activation makes a firm produce, [n, days]; 0 for those that buy nothing.

    Computed from the quantities bought: beside a large endowment, what was made cannot be seen in y. Also a good of which y is
    not what was `given` and made, up to rounding, or -1.
    """
    n, days = y.shape
    slope, stray = np.zeros_like(y), -1
    for node in range(n):
        for day in range(days):
            made, size = 0.0, abs(given[node, day])
            if starts[node + 1] > starts[node]:
                z = bias[node]
                size += abs(z)
                for edge in range(starts[node], starts[node + 1]):
                    bought = weights[edge] * y[sellers[edge], day]
                    z += bought
                    size += abs(bought)
                made, slope[node, day] = activate(z, f)
            if not abs(y[node, day] - given[node, day] - made) <= 1e-12 * size:
                stray = node
    return slope, stray


@njit(cache=True)
def post(
    order: np.ndarray,
    sellers: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    y: np.ndarray,
    slope: np.ndarray,
    price: np.ndarray,
) -> tuple:
    """Adds the buyers' offers to the prices [n, days], buyers before sellers; returns them and the marginal profits."""
    marginal, marginal_bias = np.zeros(len(sellers)), np.zeros(len(price))
    days = price.shape[1]
    book = np.empty((len(price), days, 2))  # price and quantity side by side: one visit to memory per edge
    book[:, :, 0], book[:, :, 1] = price, y
    for position in range(len(order) - 1, -1, -1):
        node = order[position]
        for day in range(days):
            earned = book[node, day, 0] * slope[node, day]
            marginal_bias[node] += earned
            for edge in range(starts[node], starts[node + 1]):
                seller = sellers[edge]
                book[seller, day, 0] += weights[edge] * earned
                marginal[edge] += book[seller, day, 1] * earned
    return book[:, :, 0].copy(), marginal, marginal_bias
