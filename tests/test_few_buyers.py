"""Fisher markets with fewer buyers than goods: Newton's systems are solved by buyers, to the same answers."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from marketic.mechanisms.fisher import FisherMarket
from marketic.mechanisms.fisher_newton import outer_solver


def market(n, m, seed, density=1.0, spread=0.0):
    """Weights with at least one edge per buyer and good, and budgets."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 1, (n, m)) * np.exp(spread * rng.normal(size=(n, m)))
    kept = rng.random((n, m)) < density
    kept[rng.integers(0, n, m), np.arange(m)] = True
    kept[np.arange(n), rng.integers(0, m, n)] = True
    return weights * kept, rng.uniform(0.5, 1.5, n)


@pytest.mark.parametrize("shape", [(1, 6), (3, 7), (7, 7), (9, 4)], ids=str)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_system_is_solved_alike_by_buyers_and_by_goods(shape, sign):
    """Against numpy on the whole matrix."""
    rng = np.random.default_rng(0)
    weights, _ = market(*shape, 1, density=0.5)
    edges = csr_array(weights)
    v, scale = edges.data, sign * rng.uniform(0.01, 0.05, shape[0])
    diagonal, right = rng.uniform(1, 2, shape[1]), rng.normal(size=shape[1])
    whole = np.diag(diagonal) + weights.T @ np.diag(scale) @ weights
    np.testing.assert_allclose(
        outer_solver(diagonal, edges, v, scale)(right), np.linalg.solve(whole, right), rtol=1e-11
    )


UTILITIES = [("linear", None), ("ces", 3.0), ("ces", 0.4), ("leontief", None)]


@pytest.mark.parametrize(("utility", "elasticity"), UTILITIES, ids=str)
@pytest.mark.parametrize("density", [1.0, 0.2])
def test_prices_are_those_of_the_program(utility, elasticity, density):
    weights, budgets = market(4, 40, 2, density)
    found = FisherMarket(utility, elasticity).solve(weights, budgets)
    program = FisherMarket(utility, elasticity, method="program").solve(weights, budgets, tolerance=1e-6)
    assert found.certificate.status == "optimal"
    np.testing.assert_allclose(found.prices, program.prices, rtol=2e-3, atol=2e-5 * budgets.sum())


@pytest.mark.parametrize(("utility", "elasticity"), UTILITIES, ids=str)
@pytest.mark.parametrize("spread", [0.0, 3.0])
def test_many_goods_are_cleared(utility, elasticity, spread):
    """By goods, one Newton step would factor a table of 1,500 x 1,500."""
    weights, budgets = market(30, 1500, 3, 0.3, spread)
    found = FisherMarket(utility, elasticity).solve(weights, budgets)
    assert found.certificate.status == "optimal"
    assert abs(found.certificate.gap) <= 1e-8 * budgets.sum()
