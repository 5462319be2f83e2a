"""Fisher markets and linear exchange: closed forms, the Eisenberg-Gale program, and certificates that catch wrong prices."""

import cvxpy as cp
import numpy as np
import pytest
from fisher_truths import shortfall
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from marketic.errors import InputError
from marketic.mechanisms.fisher import FisherMarket

MARKETS = [
    FisherMarket("linear"),
    FisherMarket("cobb-douglas"),
    FisherMarket("ces", elasticity=3.0),
    FisherMarket("ces", elasticity=0.4),
    FisherMarket("leontief"),
]


def random_market(seed: int, n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 2.0, (n, m)) * (rng.random((n, m)) < 0.6)
    weights[np.arange(n), rng.integers(m, size=n)] = 1.0
    weights[rng.integers(n, size=m), np.arange(m)] = 0.5
    return weights, rng.uniform(0.2, 3.0, n), rng.uniform(0.3, 4.0, m)


def eisenberg_gale(weights, budgets, supply, leontief=False) -> tuple[float, np.ndarray]:
    """The optimum sum B log u by cvxpy, and the duals of the supplies."""
    x = cp.Variable(weights.shape, nonneg=True)
    if leontief:
        u = cp.Variable(len(budgets))
        sold = cp.sum(cp.multiply(weights, cp.reshape(u, (len(budgets), 1), order="C")), axis=0) <= supply
    else:
        u = cp.sum(cp.multiply(weights, x), axis=1)
        sold = cp.sum(x, axis=0) <= supply
    problem = cp.Problem(cp.Maximize(budgets @ cp.log(u)), [sold])
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    return float(problem.value), sold.dual_value


def test_cobb_douglas_spends_fixed_shares():
    weights, budgets, supply = np.array([[1.0, 3.0], [1.0, 1.0]]), np.array([4.0, 2.0]), np.array([2.0, 4.0])
    outcome = FisherMarket("cobb-douglas").solve(weights, budgets, supply)
    np.testing.assert_allclose(outcome.prices, [(1 + 1) / 2, (3 + 1) / 4])
    np.testing.assert_allclose(outcome.allocation.toarray(), [[1, 3], [1, 1]])
    assert outcome.certificate.status == "optimal"


@pytest.mark.parametrize("method", ["newton", "response"])
def test_two_by_two_linear_by_hand(method):
    """Each buys what it likes better: p = (1, 1), for 2/1 >= p1/p2 >= 1/2; with budgets 4 and 1 the rich one shares good 2."""
    market, likes = FisherMarket(method=method), [[2.0, 1.0], [1.0, 2.0]]
    even = market.solve(likes, [1.0, 1.0])
    np.testing.assert_allclose(even.prices, [1, 1], atol=1e-6)
    np.testing.assert_allclose(even.allocation.toarray(), np.eye(2), atol=1e-6)
    rich = market.solve(likes, [4.0, 1.0])  # p1 = 2 p2 and p1 + p2 = 5
    np.testing.assert_allclose(rich.prices, [10 / 3, 5 / 3], atol=1e-5)
    np.testing.assert_allclose(rich.allocation.toarray(), [[1, 0.4], [0, 0.6]], atol=1e-5)


def test_symmetric_ces_and_a_free_good():
    twins = FisherMarket("ces", elasticity=0.5).solve([[1.0, 2.0], [2.0, 1.0]], [1.0, 1.0])
    np.testing.assert_allclose(twins.prices, [1, 1], atol=1e-9)
    free = FisherMarket("leontief").solve([[1.0, 1.0]], [3.0], [1.0, 2.0])  # good 1 is left over
    np.testing.assert_allclose(free.prices, [3, 0], atol=1e-6)
    np.testing.assert_allclose(free.allocation.toarray(), [[1, 1]], atol=1e-7)
    assert free.certificate.clearing <= 1e-7


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: f"{market.utility}-{market.elasticity}")
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7), m=st.integers(1, 5))
def test_every_certificate_is_tight(market, seed, n, m):
    weights, budgets, supply = random_market(seed, n, m)
    outcome = market.solve(weights, budgets, supply)
    found, money = outcome.certificate, budgets.sum()
    assert found.status == "optimal"
    assert -1e-12 <= found.gap / money <= 1e-8
    assert found.clearing <= 1e-6 * supply.max()
    assert found.budget <= 1e-6 * money
    assert found.optimality <= 1e-4 * money
    assert outcome.prices @ supply == pytest.approx(money, rel=1e-6)
    again = market.certificate(csr_array(weights), budgets, supply, outcome.prices, outcome.allocation.toarray())
    assert again.gap == pytest.approx(found.gap, abs=1e-10 * money)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), m=st.integers(1, 4), leontief=st.booleans())
def test_agrees_with_eisenberg_gale(seed, n, m, leontief):
    weights, budgets, supply = random_market(seed, n, m)
    optimum, duals = eisenberg_gale(weights, budgets, supply, leontief)
    market = FisherMarket("leontief" if leontief else "linear")
    outcome = market.solve(weights, budgets, supply, tolerance=1e-10)
    x = outcome.allocation.toarray()
    if leontief:
        needed = np.where(weights > 0, weights, 1.0)
        utility = np.where(weights > 0, x / needed, np.inf).min(axis=1)
    else:
        utility = (weights * x).sum(axis=1)
    assert abs(budgets @ np.log(utility) - optimum) <= 1e-6 * budgets.sum()
    np.testing.assert_allclose(outcome.prices * supply, duals * supply, atol=1e-3 * budgets.sum())


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: f"{market.utility}-{market.elasticity}")
def test_wrong_prices_and_allocations_are_caught(market):
    weights, budgets, supply = random_market(1, 6, 4)
    outcome = market.solve(weights, budgets, supply)
    wrong = outcome.prices + np.array([0.3, 0.0, 0.1, 0.0])
    found = market.certificate(weights, budgets, supply, wrong, outcome.allocation)
    assert found.status == "approximate"
    assert found.gap > 1e-4
    assert found.budget > 1e-3
    greedy = market.certificate(weights, budgets, supply, outcome.prices, outcome.allocation * 2.0)
    assert greedy.clearing >= 0.9 * supply.max() * (outcome.prices[supply.argmax()] > 0)
    assert greedy.status == "approximate"
    assert greedy.budget == pytest.approx(budgets.max(), rel=1e-5)
    lazy = market.certificate(weights, budgets, supply, outcome.prices, outcome.allocation * 0.5)
    assert lazy.gap == pytest.approx(budgets.sum() * np.log(2.0), rel=1e-5)
    assert lazy.optimality == pytest.approx(budgets.max() / 2.0, rel=1e-4)


@pytest.mark.parametrize(
    "market",
    [MARKETS[0], *(FisherMarket("ces", elasticity=e) for e in (3.0, 0.4, 0.05))],
    ids=lambda m: str(m.elasticity),
)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7), m=st.integers(1, 5))
def test_the_poor_are_served_like_the_rich(market, seed, n, m):
    weights, _, supply = random_market(seed, n, m)
    budgets = 10.0 ** np.random.default_rng(seed).uniform(-6, 6, n)
    found = market.solve(weights, budgets, supply)
    x = found.allocation.toarray()
    assert found.certificate.status == "optimal"
    np.testing.assert_allclose(x @ found.prices, budgets, rtol=1e-4)
    np.testing.assert_allclose(x.sum(axis=0), supply, rtol=1e-4)
    assert shortfall(market, weights, budgets, found.prices, x).max() <= 1.1e-4


def test_a_poor_corner_of_a_market_by_hand():
    """Buyers 1 and 2 share goods 1 and 2; the first is indifferent: p2 = 2 p1 and p1 + p2 = 2e-8."""
    found = FisherMarket().solve([[1.0, 0, 0], [0, 1, 2], [0, 0, 1]], [1.0, 1e-8, 1e-8])
    assert found.certificate.status == "optimal"
    np.testing.assert_allclose(found.prices, [1.0, 2e-8 / 3, 4e-8 / 3], rtol=1e-3)
    wrong = FisherMarket().certificate(np.eye(2), [1.0, 1e-9], 1.0, [1.0, 1e-12], np.eye(2))
    assert wrong.status == "approximate"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 5), m=st.integers(1, 5), power=st.sampled_from([3, 6, 9]))
def test_supplies_of_all_sizes(seed, n, m, power):
    weights, budgets, _ = random_market(seed, n, m)
    supply = 10.0 ** np.random.default_rng(seed).uniform(-power, power, m)
    found = FisherMarket().solve(weights, budgets, supply)
    assert found.certificate.status == "optimal"
    assert shortfall(FisherMarket(), weights, budgets, found.prices, found.allocation.toarray()).max() <= 1.1e-4


def test_equal_budgets_leave_no_envy():
    weights, _, supply = random_market(3, 8, 5)
    x = FisherMarket().solve(weights, np.ones(8), supply).allocation.toarray()
    utility = weights @ x.T  # of buyer i for the basket of k
    assert (utility <= utility.diagonal()[:, None] * (1 + 1e-5)).all()


def test_proportional_response_reaches_the_same_prices():
    weights, budgets, supply = random_market(4, 8, 5)
    for utility, sigma in (("linear", None), ("ces", 3.0)):
        exact = FisherMarket(utility, elasticity=sigma).solve(weights, budgets, supply)
        slow = FisherMarket(utility, elasticity=sigma, method="response").solve(
            weights, budgets, supply, tolerance=1e-6
        )
        assert slow.certificate.status == "optimal"
        np.testing.assert_allclose(slow.prices, exact.prices, rtol=2e-2)
    short = FisherMarket(method="response", max_iterations=3).solve(weights, budgets, supply, tolerance=1e-14)
    assert (short.certificate.status, short.iterations) == ("approximate", 3)


@pytest.mark.parametrize(
    ("weights", "budgets", "supply", "words"),
    [
        ([[1.0, 0.0], [1.0, 0.0]], [1, 1], 1.0, "good 1 is wanted by nobody"),
        ([[1.0, 1.0], [0.0, 0.0]], [1, 1], 1.0, "buyer 1 wants nothing"),
        ([[1.0, np.nan]], [1], 1.0, "buyer 0 for good 1"),
        ([[1.0, -1.0]], [1], 1.0, "buyer 0 for good 1"),
        ([[1.0], [1.0]], [1, 0], 1.0, "budget of buyer 1"),
        ([[1.0], [1.0]], [1, np.nan], 1.0, "budget of buyer 1"),
        ([[1.0, 1.0]], [1], [1.0, 0.0], "supply of good 1"),
        ([[1.0, 1.0]], [1, 2], 1.0, "1 buyers"),
        (np.zeros((0, 2)), [], 1.0, "at least one"),
        ([["a"]], [1], 1.0, "weights: wanted numbers"),
        ([[1.0]], ["a"], 1.0, "budgets: wanted numbers"),
        ([[1.0]], [1], "a", "supply: wanted numbers"),
    ],
)
def test_refused_inputs_name_the_culprit(weights, budgets, supply, words):
    with pytest.raises(InputError, match=words):
        FisherMarket().solve(weights, budgets, supply)


@pytest.mark.parametrize(
    "options",
    [
        {"utility": "quadratic"},
        {"utility": "ces"},
        {"utility": "ces", "elasticity": 1.0},
        {"elasticity": 2.0},
        {"utility": "leontief", "method": "response"},
        {"method": "auction"},
        {"method": "best-response"},
        {"utility": "ces", "elasticity": 2.0, "method": "multiplicative"},
        {"max_iterations": 0},
    ],
)
def test_refused_options(options):
    with pytest.raises(InputError):
        FisherMarket(**options)


@pytest.mark.parametrize(
    ("weights", "supply"),
    [
        ([[1, 0.819], [1, 0.835], [1, 1]], [54610.44332041968, 1.1795816559697386e-07]),
        ([[0.343, 0, 1], [1, 1, 1]], [3.7757379411441625e-06, 0.00030851138432039146, 15790.197901727863]),
        ([[0.287, 1, 0.778, 1], [1, 0, 1, 1]], [0.0022749, 2460.883, 712670.8, 683695.3]),
    ],
)
def test_goods_that_are_worth_next_to_nothing(weights, supply):
    """Steps towards their prices are differences of nearly equal numbers, and drown in those of the dear goods."""
    weights = np.array(weights, dtype=float)
    found = FisherMarket().solve(weights, np.ones(len(weights)), supply)
    assert found.certificate.status == "optimal"
    x = found.allocation.toarray()
    assert shortfall(FisherMarket(), weights, np.ones(len(weights)), found.prices, x).max() <= 1.1e-4


@pytest.mark.parametrize(
    ("market", "reached"),
    [
        (FisherMarket("ces", elasticity=3.0, method="best-response"), 1e-7),
        (FisherMarket("ces", elasticity=0.4, method="best-response"), 1e-7),
        (FisherMarket("ces", elasticity=0.15, method="best-response"), 1e-7),
        (FisherMarket("leontief", method="multiplicative"), 1e-5),
        (FisherMarket("linear", method="program"), 1e-8),
        (FisherMarket("cobb-douglas", method="program"), 1e-8),
        (FisherMarket("ces", elasticity=3.0, method="program"), 1e-8),
        (FisherMarket("ces", elasticity=0.4, method="program"), 1e-8),
        (FisherMarket("leontief", method="program"), 1e-8),
    ],
    ids=lambda value: f"{value.utility}-{value.elasticity}-{value.method}" if isinstance(value, FisherMarket) else "",
)
def test_every_method_leads_to_the_same_prices(market, reached):
    weights, budgets, supply = random_market(5, 12, 5)
    found = market.solve(weights, budgets, supply, tolerance=reached)
    exact = FisherMarket(market.utility, market.elasticity).solve(weights, budgets, supply, tolerance=1e-12)
    money = budgets.sum()
    assert found.certificate.status == "optimal"
    assert -1e-9 <= found.certificate.gap / money <= reached
    # prices are as close as the root of the gap, not as the gap
    np.testing.assert_allclose(found.prices * supply, exact.prices * supply, atol=10 * np.sqrt(reached) * money)


def test_rounds_are_counted_and_may_be_too_few():
    weights, budgets, supply = random_market(6, 12, 5)
    for market in (
        FisherMarket("ces", elasticity=0.2, method="best-response", max_iterations=2),
        FisherMarket("leontief", method="multiplicative", max_iterations=2),
    ):
        found = market.solve(weights, budgets, supply, tolerance=1e-12)
        assert (found.iterations, found.certificate.status) == (2, "approximate")
        assert found.certificate.gap > 0
