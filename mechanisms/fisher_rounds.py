"""Decentralised rounds beyond proportional response (see `fisher_response`), in the normal form of a Fisher market.

Damped best response, CES of any elasticity: b_ij <- sqrt(b_ij * BR_ij(p)), scaled to the budget, where BR spends in shares
proportional to (c_ij / p_j)^(elasticity - 1). Plain best response overshoots for strong complements and substitutes.

Multiplicative prices, Leontief (Codenotti and Varadarajan 2004; Cheung, Cole and Devanur 2013): p_j <- p_j z_j, with z_j the
demand for the one unit of good j. The money stays what it is, and prices of goods that are left over vanish.
"""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from marketic.mechanisms.fisher_response import by_good, by_row, log_sum, row_of


def best_responses(weights: csr_array, budgets: np.ndarray, s: float) -> Iterator[tuple[int, np.ndarray]]:
    """Endless (1, bids [edges]); s = elasticity - 1."""
    row, log_weight = row_of(weights), np.log(weights.data)
    bids = (budgets / np.diff(weights.indptr))[row]
    while True:
        power = s * (log_weight - np.log(np.maximum(by_good(bids, weights), 1e-300))[weights.indices])
        mixed = 0.5 * (np.log(np.maximum(bids, 1e-300)) + power)
        # normalising the best response is a factor per buyer, which drops out here
        bids = budgets[row] * np.exp(mixed - log_sum(mixed, weights)[row])
        yield 1, bids


def multiplicative_prices(needs: csr_array, budgets: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Endless (1, prices [m])."""
    row = row_of(needs)
    prices = np.full(needs.shape[1], 1.0 / needs.shape[1])
    while True:
        cost = by_row(needs.data * prices[needs.indices], needs)
        demand = by_good((budgets / cost)[row] * needs.data, needs)
        yield 1, np.where(prices < 1.0 - demand, 0.0, prices)
        prices = prices * demand
