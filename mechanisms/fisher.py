"""Fisher markets: buyers with budgets, divisible goods, prices at which the money buys everything (Fisher 1891; Brainard
and Scarf 2005). Buyer i has B_i units of money, of no other use, and a utility u_i of degree 1; good j has supply s_j.

Equilibrium = Eisenberg-Gale (1959): the allocation that maximises sum_i B_i log u_i(x_i) subject to the supplies; prices are
the duals. Equal budgets make it the Nash bargaining solution and free of envy (Varian 1974). Utilities, weights c_ij >= 0
(0 = not wanted):
  linear        sum_j c_ij x_ij
  ces           (sum_j (c_ij x_ij)^rho)^(1/rho), rho = 1 - 1/elasticity; elasticity > 1 substitutes, < 1 complements
  cobb-douglas  product of x_ij^(c_ij / sum_j c_ij): the share c_ij / sum_j c_ij of money goes to good j, a closed form
  leontief      min_j x_ij / c_ij over the goods needed: c_ij units of good j per unit of utility

The certificate rests on weak duality, for any prices p and any allocation, whoever found them:
  sum_i B_i log u_i(x_i)  <=  optimum  <=  p . s - sum_i B_i + sum_i B_i log V_i(p),
with V_i(p) the best utility that B_i buys, and x scaled down where it exceeds the supply. How the prices are found:
`fisher_response`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from marketic.clearing import Certificate
from marketic.errors import InputError
from marketic.mechanisms.equilibrium import floats
from marketic.mechanisms.fisher_newton import CESDescent, LeontiefPath, LinearPath
from marketic.mechanisms.fisher_program import eisenberg_gale
from marketic.mechanisms.fisher_response import (
    by_good,
    by_row,
    checked_weights,
    log_sum,
    respond,
    row_max,
    row_of,
)
from marketic.mechanisms.fisher_rounds import best_responses, multiplicative_prices
from marketic.numbers import check_kinds

UTILITIES = ("linear", "cobb-douglas", "ces", "leontief")
METHODS = ("newton", "response", "best-response", "multiplicative", "program")
ROUNDS = 20_000
"""At most, of the decentralised methods."""


@dataclass(frozen=True, slots=True)
class FisherOutcome:
    """An equilibrium, or the nearest point reached, with the evidence.

    prices: float64 [m], currency per unit. allocation: csr_array [n, m], units. iterations: steps or rounds of response.
    certificate: clearing leaves out what is unsold of free goods; optimality: currency, the most that a buyer could save and be
    as well off; gap: currency, Eisenberg-Gale; "optimal": gap within tolerance of all money; within its root (the gap is the
    square, in order) clearing, of each good's supply, and budget and saving of each buyer, of its own budget. So the poorest
    buyer is served as well as the richest, but prices of what only the poor want are known less well than the gap says.
    """

    prices: np.ndarray
    allocation: csr_array
    certificate: Certificate
    iterations: int


@dataclass(frozen=True)
class FisherMarket:
    """A solver, no `Mechanism`: budgets and divisible goods do not fit `clear(bids)`. See the module for the theory.

    utility: "linear", "cobb-douglas", "ces" or "leontief". elasticity: of substitution, for "ces" only; > 0, not 1.
    method: "newton" (second order, exact in tens of steps); decentralised and slow to the last digits: "response"
    (proportional response: linear, and ces with elasticity > 1), "best-response" (damped: ces), "multiplicative" (prices:
    leontief); "program" (cvxpy on Eisenberg-Gale, the reference). max_iterations: steps or rounds; None = 200 or 20,000.
    Raises InputError for anything else.
    """

    utility: str = "linear"
    elasticity: float | None = None
    method: str = "newton"
    max_iterations: int | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        if not isinstance(self.utility, str) or self.utility not in UTILITIES:
            raise InputError(f"utility = {self.utility!r}: wanted one of {', '.join(UTILITIES)}")
        sigma = self.elasticity
        if (sigma is not None) != (self.utility == "ces"):
            raise InputError(f"elasticity = {sigma} with utility = {self.utility!r}: ces, and only ces, has one")
        if sigma is not None and (not 0.0 < sigma < np.inf or sigma == 1.0):
            raise InputError(f"elasticity = {sigma}: wanted a finite number > 0; 1 is cobb-douglas")
        if not isinstance(self.method, str) or self.method not in METHODS:
            raise InputError(f"method = {self.method!r}: wanted one of {', '.join(METHODS)}")
        only = {"best-response": "ces", "multiplicative": "leontief"}.get(self.method, self.utility)
        if only != self.utility:
            raise InputError(f"method = {self.method!r} with utility = {self.utility!r}: it converges for {only} only")
        if self.method == "response" and not (self.utility == "linear" or (sigma is not None and sigma > 1.0)):
            raise InputError("method = 'response' converges for linear utilities and for ces with elasticity > 1")
        if self.max_iterations is not None and self.max_iterations < 1:
            raise InputError(f"max_iterations = {self.max_iterations}: wanted at least 1")

    def solve(self, weights: Any, budgets: Any, supply: Any = 1.0, *, tolerance: float = 1e-8) -> FisherOutcome:
        """Find equilibrium prices.

        weights: float [n, m] >= 0, dense or scipy.sparse. budgets: [n] > 0, currency. supply: [m] or one number, > 0,
        units. tolerance: gap as a share of all money at which to stop.
        Raises InputError that names the buyer or the good: NaN, negative or empty rows and columns, budgets <= 0.
        """
        edges, budgets, supply = checked(weights, budgets, supply)
        if not tolerance > 0.0:
            raise InputError(f"tolerance = {tolerance}: wanted a number > 0")
        money = budgets.sum()
        share, goods = budgets / money, edges.indices
        units = 1.0 / supply if self.utility == "leontief" else supply
        scaled = edges.data if self.utility == "cobb-douglas" else edges.data * units[goods]
        normal = csr_array((scaled / row_max(scaled, edges)[row_of(edges)], goods, edges.indptr), shape=edges.shape)

        def judged(prices: np.ndarray, amounts: np.ndarray) -> float:
            allocation = csr_array((amounts, goods, edges.indptr), shape=edges.shape)
            return self._evidence(normal, share, np.ones(len(supply)), prices, allocation, tolerance)[1]

        prices, amounts, iterations = self._iterate(normal, share, judged)
        prices = prices * money / supply
        allocation = csr_array((amounts * supply[goods], goods, edges.indptr), shape=edges.shape)
        found, _ = self._evidence(edges, budgets, supply, prices, allocation, tolerance)
        return FisherOutcome(prices, allocation, found, iterations)

    def certificate(
        self, weights: Any, budgets: Any, supply: Any, prices: Any, allocation: Any, *, tolerance: float = 1e-8
    ) -> Certificate:
        """Judge any prices [m] and allocation [n, m], arguments as for `solve`; nothing of the iteration is used.

        Prices may be 0 (a good that somebody wants and that is no complement then makes the gap infinite).
        Raises InputError for negative or non-finite prices or amounts, and for shapes that do not fit.
        """
        edges, budgets, supply = checked(weights, budgets, supply)
        prices = floats("prices", prices)
        if prices.shape != supply.shape or not (np.isfinite(prices) & (prices >= 0.0)).all():
            raise InputError(f"prices = {prices!r}: wanted {len(supply)} finite numbers >= 0")
        amounts = csr_array(allocation, dtype=float)
        if amounts.shape != edges.shape or not (np.isfinite(amounts.data) & (amounts.data >= 0.0)).all():
            raise InputError(f"allocation of shape {amounts.shape}: wanted finite amounts >= 0 of shape {edges.shape}")
        return self._evidence(edges, budgets, supply, prices, amounts, tolerance)[0]

    def _evidence(
        self,
        edges: csr_array,
        budgets: np.ndarray,
        supply: np.ndarray,
        prices: np.ndarray,
        allocation: csr_array,
        tolerance: float,
    ) -> tuple[Certificate, float]:
        """The gap by weak duality, the residuals of the equilibrium conditions, and the worst of all as a share of what is
        allowed: "optimal" is at most 1.
        """
        sold = by_good(allocation.data, allocation)
        spent = by_row(allocation.data * prices[allocation.indices], allocation)
        excess = np.where(prices > 0.0, np.abs(sold - supply), np.maximum(sold - supply, 0.0))
        same = np.array_equal(edges.indptr, allocation.indptr) and np.array_equal(edges.indices, allocation.indices)
        amounts = allocation.data if same else allocation.toarray()[row_of(edges), edges.indices]
        feasible = amounts * np.minimum(1.0, supply / np.maximum(sold, 1e-300))[edges.indices]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            best = self._log_best(edges, prices) + np.log(budgets)
            lost = best - self._log_utility(edges, amounts)
            gap = prices @ supply - budgets.sum() + budgets @ (best - self._log_utility(edges, feasible))
            saving = np.maximum(-np.expm1(-lost), 0.0)
        gap = float(gap) if np.isfinite(gap) else np.inf
        money, off = budgets.sum(), np.abs(spent - budgets)
        root = np.concatenate([excess / supply, off / budgets, saving]).max()
        worst = float(np.maximum(gap / (tolerance * money), root / np.sqrt(tolerance)))
        status = "optimal" if worst <= 1.0 else "approximate"
        return Certificate(float(excess.max()), float(off.max()), float((budgets * saving).max()), gap, status), worst

    def _log_utility(self, edges: csr_array, amounts: np.ndarray) -> np.ndarray:
        """log u_i at amounts [edges]: float64 [n], -inf for a buyer left with nothing."""
        if self.utility == "linear":
            return np.asarray(np.log(by_row(edges.data * amounts, edges)))
        if self.utility == "cobb-douglas":
            return by_row(edges.data * np.log(amounts), edges) / by_row(edges.data, edges)
        if self.utility == "leontief":
            return -row_max(np.log(edges.data) - np.log(amounts), edges)
        rho = 1.0 - 1.0 / float(self.elasticity or np.nan)
        return log_sum(rho * np.log(edges.data * amounts), edges) / rho

    def _log_best(self, edges: csr_array, prices: np.ndarray) -> np.ndarray:
        """log of the best utility that one unit of money buys: float64 [n]."""
        price = prices[edges.indices]
        if self.utility == "linear":
            return row_max(np.log(edges.data) - np.log(price), edges)
        if self.utility == "cobb-douglas":
            share = edges.data / by_row(edges.data, edges)[row_of(edges)]
            return by_row(share * (np.log(share) - np.log(price)), edges)
        if self.utility == "leontief":
            return -np.log(by_row(edges.data * price, edges))
        s = float(self.elasticity or np.nan) - 1.0
        return log_sum(s * (np.log(edges.data) - np.log(price)), edges) / s

    def _iterate(self, normal: csr_array, share: np.ndarray, judged: Any) -> tuple[np.ndarray, np.ndarray, int]:
        """Prices, amounts on the edges and iterations in the normal form; `judged` certifies a candidate."""
        row = row_of(normal)

        def sold(bids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            prices = by_good(bids, normal)
            return prices, bids / np.maximum(prices, 1e-300)[normal.indices]

        rho = None if self.elasticity is None else 1.0 - 1.0 / self.elasticity
        if self.method == "program":
            return *eisenberg_gale(normal, share, self.utility, rho), 1
        if self.utility == "cobb-douglas":
            return *sold(share[row] * normal.data / by_row(normal.data, normal)[row]), 1
        candidates = self._candidates(normal, share)
        best, least, limit = None, np.inf, self.max_iterations or (200 if self.method == "newton" else ROUNDS)
        stalled = iterations = 0
        while iterations < limit and stalled < 30 and least > 1.0:
            rounds, reply = next(candidates)
            iterations += rounds
            point = _baskets(normal, share, reply) if self.utility == "leontief" else sold(reply)
            worst = judged(*point)
            stalled = 0 if worst < least or self.method != "newton" else stalled + 1
            if best is None or worst < least:
                best, least = point, worst
        assert best is not None
        return *best, iterations

    def _candidates(self, normal: csr_array, share: np.ndarray) -> Any:
        """Endless (rounds, bids [edges] or, for leontief, prices [m])."""
        if self.method == "response":
            rho = 1.0 if self.elasticity is None else 1.0 - 1.0 / self.elasticity
            bids = (share / np.diff(normal.indptr))[row_of(normal)]
            rounds = min(20, self.max_iterations or 20)
            while True:
                respond(normal.indptr, normal.indices, normal.data, share, rho, bids, rounds)
                yield rounds, bids.copy()
        if self.method == "best-response":
            yield from best_responses(normal, share, float(self.elasticity or np.nan) - 1.0)
        if self.method == "multiplicative":
            yield from multiplicative_prices(normal, share)
        path: Any
        if self.utility == "ces":
            path = CESDescent(normal, share, float(self.elasticity or np.nan) - 1.0)
        else:
            path = (LeontiefPath if self.utility == "leontief" else LinearPath)(normal, share)
        while True:
            path.step()
            yield 1, path.prices() if self.utility == "leontief" else path.bids()


def _baskets(needs: csr_array, share: np.ndarray, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leontief demand at the prices, all scaled down alike to the supply of one; prices scaled up to the money."""
    with np.errstate(divide="ignore"):
        level = np.minimum(share / by_row(needs.data * prices[needs.indices], needs), 1e300)
    amounts = needs.data * level[row_of(needs)]
    most = max(float(by_good(amounts, needs).max()), 1e-300)
    return prices * most, amounts / most


def checked(weights: Any, budgets: Any, supply: Any) -> tuple[csr_array, np.ndarray, np.ndarray]:
    """Weights as CSR without stored zeros, budgets [n], supply [m]; InputError names the first bad buyer or good."""
    edges = checked_weights(weights)
    n, m = edges.shape
    budgets, supply = floats("budgets", budgets), floats("supply", supply)
    supply = np.full(m, supply) if supply.ndim == 0 else supply
    for noun, of, values, size in (("budget", "buyer", budgets, n), ("supply", "good", supply, m)):
        if values.shape != (size,):
            raise InputError(f"{noun} of shape {values.shape}: wanted one number for each of {size} {of}s")
        wrong = ~((values > 0.0) & np.isfinite(values))
        if wrong.any():
            raise InputError(f"{noun} of {of} {int(wrong.argmax())} is {values[wrong][0]}: wanted a finite number > 0")
    return edges, budgets, supply
