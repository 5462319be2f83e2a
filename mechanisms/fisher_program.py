"""The Eisenberg-Gale program of a Fisher market, by cvxpy and Clarabel: the reference that the fast methods are held to.

maximise sum_i B_i log u_i(x_i) subject to sum_i x_ij <= 1; the prices are the duals of the supplies. All four utilities are
written so that log u is concave by the rules of disciplined convex programming; powers are exact cones, since rational
approximations (cvxpy's default) would spoil the third digit of the prices.
"""

import warnings
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from marketic.errors import InputError
from marketic.mechanisms.fisher_response import by_row, row_of


def eisenberg_gale(
    weights: csr_array, budgets: np.ndarray, utility: str, rho: float | None, *, tolerance: float = 1e-11
) -> tuple[np.ndarray, np.ndarray]:
    """Prices [m] and amounts [edges] of a market in normal form (see `fisher_response`). rho: for "ces". tolerance:
    Clarabel's (its own default is 1e-8).

    Raises InputError if the solver fails, which it does for weights whose ratios are too large.
    """
    import cvxpy as cp

    (n, m), row, edges = weights.shape, row_of(weights), np.arange(weights.nnz)
    to_good = csr_array((np.ones(len(edges)), (weights.indices, edges)), shape=(m, len(edges)))
    x = cp.Variable(len(edges), nonneg=True)
    sold = to_good @ x <= 1.0
    rows: list[Any] = [sold]
    if utility == "cobb-douglas":
        share = weights.data / by_row(weights.data, weights)[row]
        welfare = (budgets[row] * share) @ cp.log(x)
    elif utility == "leontief":
        u = cp.Variable(n)
        rows.append(cp.multiply(weights.data, u[row]) <= x)
        welfare = budgets @ cp.log(u)
    elif utility == "linear" or (rho is not None and rho > 0.0):
        exponent = rho or 1.0
        useful = csr_array((weights.data**exponent, (row, edges)), shape=(n, len(edges)))
        welfare = (
            budgets @ cp.log(useful @ (x if utility == "linear" else cp.power(x, exponent, approx=False))) / exponent
        )
    else:
        assert rho is not None
        welfare = _complements(weights, budgets, rho, x)
    program = cp.Problem(cp.Maximize(welfare), rows)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "may be inaccurate": the certificate says how much
            program.solve(solver=cp.CLARABEL, tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance)
    except cp.error.SolverError as error:
        raise InputError(f"no prices found ({error}): use method='newton', or weights of like size") from None
    if x.value is None:
        raise InputError(f"no prices found ({program.status}): use method='newton', or weights of like size")
    prices, amounts = np.maximum(sold.dual_value, 0.0), np.maximum(x.value, 0.0)
    if utility == "leontief":  # more left over (share of supply) than price (share of all money): free
        prices = np.where(prices < 1.0 - to_good @ amounts, 0.0, prices)
    return prices, amounts


def _complements(weights: csr_array, budgets: np.ndarray, rho: float, x: Any) -> Any:
    """sum_i B_i log u_i for rho < 0, as minus a log-sum-exp of convex functions; buyers with fewer goods are padded."""
    import cvxpy as cp

    degree = np.diff(weights.indptr)
    width, row = int(degree.max()), row_of(weights)
    place = row * width + np.arange(weights.nnz) - weights.indptr[row]
    spread = csr_array(
        (np.ones(weights.nnz), (place, np.arange(weights.nnz))), shape=(len(degree) * width, weights.nnz)
    )
    floor = np.full(len(degree) * width, -200.0)
    floor[place] = rho * np.log(weights.data)
    terms = cp.reshape(rho * (spread @ cp.log(x)) + floor, (len(degree), width), order="C")
    return budgets @ cp.log_sum_exp(terms, axis=1) / rho
