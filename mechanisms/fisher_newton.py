"""Second-order steps to the equilibrium of a Fisher market in normal form (see `fisher_response`).

Interior point (Ye 2008, "A path to the Arrow-Debreu competitive market equilibrium"), linear utilities: Newton's method on
p_j - B_i u_ij / U_i = z_ij, x_ij z_ij = mu, sum_i x_ij = 1 with mu -> 0. The Hessian of each buyer is a diagonal plus rank one,
so a step costs sum_i degree_i^2 and one Cholesky factor of goods by goods; where buyers are fewer, sum_j degree_j^2 and one of
buyers by buyers (Woodbury 1950, "Inverting modified matrices"). Of goods that start out cheap mu is as much smaller,
or their prices would drown in it. Leontief likewise, on the dual in prices:
min sum p - sum_i B_i log(a_i . p), p >= 0.

CES is smooth: with s = elasticity - 1 and log prices q, minimise sum_j exp(q_j) + sum_i (B_i / s) log sum_j (c_ij exp(-q_j))^s.
Its gradient is excess supply times price; the Hessian is diag(p) + s sum_i B_i (diag(w_i) - w_i w_i'), w_i = the shares that
the buyer spends. For complements (s < 0) diag(p) is taken no smaller than diag(spending), which keeps it positive definite.
"""

from collections.abc import Callable

import numpy as np
from numba import njit
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import csr_array

from marketic.errors import InputError
from marketic.mechanisms.fisher_response import by_good, by_row, row_max, row_of

CHEAP = 1e-3
"""Share of the highest price at the start below which a good is cheap."""


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


def outer_solver(
    diagonal: np.ndarray, edges: csr_array, vector: np.ndarray, scale: np.ndarray, own: np.ndarray | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """How to solve (diag(d) + sum_i scale_i v_i v_i') x = b, positive definite, for any b: by goods, or by buyers if they are
    fewer (Woodbury 1950).

    diagonal: d > 0, [m]. vector: v on the edges. scale: [n], of one sign, not 0. own: the diagonal of the system that is
    solved, if the caller knows it better than by differences: [m], or, if n < m, [n] of
    diag(1 / |scale|) + sign V diag(1 / d) V'.
    """
    n, m = edges.shape
    if m <= n:
        matrix = np.diag(diagonal)
        add_outer(matrix, edges.indptr, edges.indices, vector, scale)
    else:
        turned = csr_array((vector, edges.indices, edges.indptr), shape=(n, m)).T.tocsr()
        matrix, sign = np.diag(1.0 / np.abs(scale)), np.sign(scale[0])
        add_outer(matrix, turned.indptr, turned.indices, turned.data, sign / diagonal)
    if own is not None:
        np.fill_diagonal(matrix, own)
    solve = positive_solver(matrix)
    if m <= n:
        return solve

    def by_buyers(right: np.ndarray) -> np.ndarray:
        first = right / diagonal
        money = solve(by_row(vector * first[edges.indices], edges))
        return first - sign * by_good(vector * money[row_of(edges)], edges) / diagonal

    return by_buyers


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
        spread = by_good(inverse, edges)
        # diagonals without the difference of nearly equal numbers that they are for a buyer's main good, a good's main buyer
        if len(self.budgets) < len(self.p):
            own = 1.0 + by_row(curve * pull * np.maximum(1.0 - inverse / spread[goods], 0.0), edges)
        else:
            rest = np.maximum(total[self.row] - curve * pull, 0.0)
            own = by_good(inverse * scale[self.row] * (1.0 + rest), edges)
        solve = outer_solver(spread, edges, pull, -scale, own)
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
        target = 0.1 * float((self.p * self.z).mean())
        dp = outer_solver(self.z / self.p, needs, rate, self.budgets)(target / self.p - self.z - residual)
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
        slope = prices - spending
        move = -outer_solver(own + self.s * spending, self.weights, shares, -self.s * self.budgets)(slope)
        along = min(1.0, 2.0 / max(float(np.abs(move).max()), 1e-300))
        while along > 1e-9:
            if self._shares(self.q + along * move)[0] <= value + 1e-4 * along * float(slope @ move) + 1e-14:
                self.q = self.q + along * move
                return
            along *= 0.5
