"""Edges of a Fisher market, and bids of proportional response. Second-order steps: `fisher_newton`.

All work on a market in normal form: total budget 1, one unit of every good, buyers as rows of a CSR matrix. A *bid* b_ij is
the money of buyer i on good j; prices p_j = sum_i b_ij and quantities b_ij / p_j clear the market by construction.

Proportional response (Wu and Zhang 2007; Zhang 2011), CES with 0 < rho <= 1: spend in proportion to the utility that each
good brought, b_ij <- B_i (c_ij x_ij)^rho / sum. It is mirror descent on a convex program, gap O(1/t) for linear utilities
(Birnbaum, Devanur and Xiao 2011), and it needs no calculation but a buyer's own: a decentralised market.
"""

from typing import Any

import numpy as np
from numba import njit
from scipy.sparse import csr_array, issparse

from marketic.errors import InputError
from marketic.mechanisms.equilibrium import floats


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
