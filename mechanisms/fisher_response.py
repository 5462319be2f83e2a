"""The iterations behind `fisher`: bids of proportional response, and second-order steps to the same equilibrium.

All work on a market in normal form: total budget 1, one unit of every good, buyers as rows of a CSR matrix. A *bid* b_ij is
the money of buyer i on good j; prices p_j = sum_i b_ij and quantities b_ij / p_j clear the market by construction.

Proportional response (Wu and Zhang 2007; Zhang 2011), CES with 0 < rho <= 1: spend in proportion to the utility that each
good brought, b_ij <- B_i (c_ij x_ij)^rho / sum. It is mirror descent on a convex program, gap O(1/t) for linear utilities
(Birnbaum, Devanur and Xiao 2011), and it needs no calculation but a buyer's own: a decentralised market.

Interior point (Ye 2008, "A path to the Arrow-Debreu competitive market equilibrium"), linear utilities: Newton's method on
p_j - B_i u_ij / U_i = z_ij, x_ij z_ij = mu, sum_i x_ij = 1 with mu -> 0. The Hessian of each buyer is a diagonal plus rank one,
so a step costs sum_i degree_i^2 and one Cholesky factor of goods by goods. Of goods that start out cheap mu is as much smaller,
or their prices would drown in it. Leontief likewise, on the dual in prices:
min sum p - sum_i B_i log(a_i . p), p >= 0.

CES is smooth: with s = elasticity - 1 and log prices q, minimise sum_j exp(q_j) + sum_i (B_i / s) log sum_j (c_ij exp(-q_j))^s.
Its gradient is excess supply times price; the Hessian is diag(p) + s sum_i B_i (diag(w_i) - w_i w_i'), w_i = the shares that
the buyer spends. For complements (s < 0) diag(p) is taken no smaller than diag(spending), which keeps it positive definite.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import csr_array, issparse

from marketic.errors import InputError
from marketic.mechanisms.equilibrium import floats

CHEAP = 1e-3
"""Share of the highest price at the start below which a good is cheap."""


def row_of(weights: csr_array) -> np.ndarray:
    """The buyer of every stored edge: int64 [edges]."""
    return np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))


def by_row(values: np.ndarray, weights: csr_array) -> np.ndarray:
    """Sums of edge values over the edges of each buyer: float64 [n]."""
    return np.bincount(row_of(weights), values, weights.shape[0])


def by_good(values: np.ndarray, weights: csr_array) -> np.ndarray:
    """Sums of edge values over the edges of each good: float64 [m]."""
    return np.bincount(weights.indices, values, weights.shape[1])


def row_max(values: np.ndarray, weights: csr_array) -> np.ndarray:
    """Largest edge value of each buyer: float64 [n]. Every buyer has an edge."""
    return np.asarray(np.maximum.reduceat(values, weights.indptr[:-1]))


def log_sum(logs: np.ndarray, edges: csr_array) -> np.ndarray:
    """log of the sum of exp over each buyer's edges; infinite where a term is."""
    top = row_max(logs, edges)
    safe = np.where(np.isfinite(top), top, 0.0)
    return np.where(np.isfinite(top), np.log(by_row(np.exp(logs - safe[row_of(edges)]), edges)) + safe, top)


def checked_weights(
    weights: Any,
    row: str = "buyer",
    what: str = "weight",
    row_why: str = "wants nothing",
    column_why: str = "is wanted by nobody",
) -> csr_array:
    """Dense or sparse numbers >= 0 as CSR without stored zeros; InputError names a bad entry or an empty row or good."""
    dense = weights if issparse(weights) else floats(f"{what}s", weights)
    if dense.ndim != 2 or 0 in dense.shape:
        raise InputError(f"{what}s of shape {dense.shape}: wanted {row}s x goods, at least one of each")
    edges = csr_array(dense, dtype=float, copy=True)
    edges.sum_duplicates()
    bad = ~(np.isfinite(edges.data) & (edges.data >= 0.0))
    if bad.any():
        at = int(bad.argmax())
        where = f"{row} {row_of(edges)[at]} for good {edges.indices[at]}"
        raise InputError(f"{what} of {where} is {edges.data[at]}: wanted a finite number >= 0")
    edges.eliminate_zeros()
    ones = np.ones(edges.nnz)
    for name, count, why in ((row, by_row(ones, edges), row_why), ("good", by_good(ones, edges), column_why)):
        if not count.all():
            raise InputError(f"{name} {int(count.argmin())} {why}: leave it out")
    return edges


@njit(cache=True)
def respond(start, goods, weight, budget, rho, bids, rounds):
    """`rounds` of proportional response, in place: bids float64 [edges]."""
    prices = np.zeros(goods.max() + 1)
    for _ in range(rounds):
        prices[:] = 0.0
        for edge in range(len(goods)):
            prices[goods[edge]] += bids[edge]
        for buyer in range(len(budget)):
            total = 0.0
            for edge in range(start[buyer], start[buyer + 1]):
                if bids[edge] > 0.0:
                    value = weight[edge] * bids[edge] / prices[goods[edge]]
                    bids[edge] = value if rho == 1.0 else value**rho
                    total += bids[edge]
            for edge in range(start[buyer], start[buyer + 1]):
                bids[edge] *= budget[buyer] / total


@njit(cache=True)
def add_outer(matrix, start, goods, vector, scale):
    """matrix += sum over rows i of scale_i v_i v_i', v_i float64 on the edges of row i; lower triangle, in place."""
    for row in range(len(scale)):
        for one in range(start[row], start[row + 1]):
            factor = scale[row] * vector[one]
            for two in range(start[row], one + 1):
                high, low = max(goods[one], goods[two]), min(goods[one], goods[two])
                matrix[high, low] += factor * vector[two]


def positive_solver(matrix: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """How to solve a symmetric system for any right side: lower triangle given, scaled to unit diagonal and shifted until a
    factor exists.

    Raises InputError if there is none: numbers of too different sizes.
    """
    scale = 1.0 / np.sqrt(matrix.diagonal().clip(1e-300))
    scaled = np.outer(scale, scale)
    scaled *= matrix  # large: one table beside the factor, and no more
    own, shift = scaled.diagonal().copy(), 1e-15
    while True:
        np.fill_diagonal(scaled, own + shift)
        try:
            factor = cho_factor(scaled, lower=True)
            break
        except LinAlgError:
            shift *= 100.0
            if shift > 1.0:
                raise InputError(
                    "no prices found: weights times supplies, or budgets, of too different sizes for this method; leave out "
                    "what is worth next to nothing, or try method='program'"
                ) from None
    return lambda right: scale * cho_solve(factor, scale * right)


def longest_step(value: np.ndarray, change: np.ndarray) -> float:
    """Largest step up to 1 that keeps value + step * change >= 0."""
    shrinks = change < 0.0
    return float(min(1.0, (value[shrinks] / -change[shrinks]).min(initial=1.0)))


class LinearPath:
    """Interior-point iterates for linear utilities: `step()` moves, `bids()` float64 [edges] reads the bids off."""

    def __init__(self, weights: csr_array, budgets: np.ndarray) -> None:
        self.weights, self.budgets, self.row = weights, budgets, row_of(weights)
        self.x = 1.0 / by_good(np.ones(weights.nnz), weights)[weights.indices]
        marginal = self.bids() / self.x
        self.p = np.zeros(weights.shape[1])
        np.maximum.at(self.p, weights.indices, 2.0 * marginal)
        self.worth = np.minimum(1.0, self.p / (CHEAP * self.p.max()))[weights.indices]
        self.z = self.p[weights.indices] - marginal

    def bids(self) -> np.ndarray:
        """Budgets split in proportion to the utility that each good brings."""
        utility = self.weights.data * self.x
        return self.budgets[self.row] * utility / by_row(utility, self.weights)[self.row]

    def step(self) -> None:
        """One predictor-corrector step (Mehrotra 1992)."""
        edges, x, z, goods = self.weights, self.x, self.z, self.weights.indices
        marginal = self.bids() / x
        curve = marginal / np.sqrt(self.budgets)[self.row]
        inverse = x / z
        pull = inverse * curve
        total = by_row(curve * pull, edges)
        scale = 1.0 / (1.0 + total)
        matrix = np.zeros((len(self.p), len(self.p)))
        add_outer(matrix, edges.indptr, goods, pull, -scale)
        # inverse - scale pull^2, without the difference of nearly equal numbers that it is for a buyer's main good
        rest = np.maximum(total[self.row] - curve * pull, 0.0)
        np.fill_diagonal(matrix, by_good(inverse * scale[self.row] * (1.0 + rest), edges))
        solve = positive_solver(matrix)
        short, dual = 1.0 - by_good(x, edges), self.p[goods] - marginal - z
        mu, worth = float((x * z / self.worth).mean()), self.worth

        def direction(target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            def respond_to(right: np.ndarray) -> np.ndarray:
                return inverse * right - pull * (scale * by_row(pull * right, edges))[self.row]

            right = target / x - z - dual
            dp = solve(by_good(respond_to(right), edges) - short)
            dx = respond_to(right - dp[goods])
            return dx, dp, (target - x * z - z * dx) / x

        dx, dp, dz = direction(np.zeros_like(x))
        along = min(longest_step(x, dx), longest_step(z, dz))
        centre = float(((x + along * dx) * (z + along * dz) / worth).mean()) / mu
        goal = centre**3 * mu * worth
        dx, dp, dz = direction(np.maximum(goal - dx * dz, 1e-3 * goal))
        along = 0.99 * min(longest_step(x, dx), longest_step(z, dz))
        self.x, self.p, self.z = x + along * dx, self.p + along * dp, z + along * dz


class LeontiefPath:
    """Interior-point iterates for Leontief utilities, in prices: `step()` moves, `prices()` float64 [m] reads them."""

    def __init__(self, needs: csr_array, budgets: np.ndarray) -> None:
        self.needs, self.budgets, self.row = needs, budgets, row_of(needs)
        self.p = np.full(needs.shape[1], 1.0 / needs.shape[1])
        self.z = np.ones(needs.shape[1])

    def step(self) -> None:
        """One Newton step towards p z = mu / 10, shortened to keep prices and excess supplies positive."""
        needs, goods = self.needs, self.needs.indices
        rate = self.needs.data / by_row(needs.data * self.p[goods], needs)[self.row]
        residual = 1.0 - by_good(self.budgets[self.row] * rate, needs) - self.z
        matrix = np.diag(self.z / self.p)
        add_outer(matrix, needs.indptr, goods, rate, self.budgets)
        target = 0.1 * float((self.p * self.z).mean())
        dp = positive_solver(matrix)(target / self.p - self.z - residual)
        dz = (target - self.p * self.z - self.z * dp) / self.p
        along = 0.95 * min(longest_step(self.p, dp), longest_step(self.z, dz))
        self.p, self.z = self.p + along * dp, self.z + along * dz

    def prices(self) -> np.ndarray:
        """Prices; a good with more excess supply (share of its supply) than price (share of all money) is free."""
        return np.where(self.p < self.z, 0.0, self.p)


class CESDescent:
    """Newton's method in log prices for CES utilities, s = elasticity - 1: `step()` moves, `bids()` are best responses."""

    def __init__(self, weights: csr_array, budgets: np.ndarray, s: float) -> None:
        self.weights, self.budgets, self.s, self.row = weights, budgets, s, row_of(weights)
        degree = np.diff(weights.indptr)
        self.q = np.log(by_good((budgets / degree)[self.row], weights))
        self.log_weight = np.log(weights.data)

    def _shares(self, q: np.ndarray) -> tuple[float, np.ndarray]:
        """The dual objective at log prices q, and the shares spent, float64 [edges]."""
        power = self.s * (self.log_weight - q[self.weights.indices])
        top = row_max(power, self.weights)
        parts = np.exp(power - top[self.row])
        total = by_row(parts, self.weights)
        value = np.exp(q).sum() + self.budgets @ (top + np.log(total)) / self.s
        return float(value), parts / total[self.row]

    def bids(self) -> np.ndarray:
        """What the buyers spend at the current prices."""
        return self.budgets[self.row] * self._shares(self.q)[1]

    def step(self) -> None:
        """One Newton step with backtracking."""
        value, shares = self._shares(self.q)
        spending, prices = by_good(self.budgets[self.row] * shares, self.weights), np.exp(self.q)
        own = prices if self.s > 0.0 else np.maximum(prices, spending)
        matrix = np.diag(own + self.s * spending)
        add_outer(matrix, self.weights.indptr, self.weights.indices, shares, -self.s * self.budgets)
        slope = prices - spending
        move = -positive_solver(matrix)(slope)
        along = min(1.0, 2.0 / max(float(np.abs(move).max()), 1e-300))
        while along > 1e-9:
            if self._shares(self.q + along * move)[0] <= value + 1e-4 * along * float(slope @ move) + 1e-14:
                self.q = self.q + along * move
                return
            along *= 0.5
