"""All equilibrium solvers in one shape: each answers with a certificate, which a wrong answer does not get."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic.assignment_bids import AssignmentBids
from marketic.bundle_bids import BundleBids
from marketic.clearing import Certificate
from marketic.economy import Consumer, Dense, Economy, Good
from marketic.economy.firm import CobbDouglas
from marketic.errors import InputError
from marketic.experiments import economy_scale, fisher, mdp_as_economy, two_resources
from marketic.mechanisms import equilibrium
from marketic.mechanisms.assignment_ascending import AscendingAssignment
from marketic.mechanisms.assignment_market import AssignmentMarket
from marketic.mechanisms.tatonnement import fisher_demand


def chain() -> Economy:
    mill = Dense("mill", ["grain"], ["flour"], [[0.5]])
    baker = Consumer("baker", "flour", lambda x: np.log(x[:, 0]), lambda x: 1 / x, concave=True)
    return Economy([Good("grain"), Good("flour")], [mill], [baker])


SOLVED = {
    "walras_lp": lambda: equilibrium.walras_lp([3, 2], [[1, 1], [2, 1]], [4, 6]),
    "walras_bundles": lambda: equilibrium.walras_bundles(BundleBids.of({"AB": 5}, {"A": 2, "B": 2})),
    "fisher": lambda: equilibrium.fisher([[2.0, 1.0], [1.0, 2.0]], [4.0, 1.0]),
    "exchange": lambda: equilibrium.exchange([[1.0, 2.0], [2.0, 1.0]], np.eye(2)),
    "assignment": lambda: equilibrium.assignment(AssignmentBids([[5, 3], [4, 1]])),
    "ascending": lambda: equilibrium.assignment(AssignmentBids([[5, 3], [4, 1]]), ascending=True),
    "tatonnement": lambda: equilibrium.tatonnement(
        fisher_demand([[1.0, 2.0]], [3.0], utility="cobb-douglas"), np.ones(2)
    ),
    "lagrange_price": lambda: equilibrium.lagrange_price(
        lambda p: (np.array([max(0.0, 2 - p[0])]), 0.5 * max(0.0, 2 - p[0]) ** 2), [1.0]
    ),
    "post": lambda: equilibrium.post(chain(), {"grain": [[4.0]]}),
}
PRICES = {
    "walras_lp": [1, 1],
    "fisher": [10 / 3, 5 / 3],
    "exchange": [1, 1],
    "assignment": [2, 0],
    "ascending": [2, 0],
    "tatonnement": [1, 2],
    "lagrange_price": [1],
}


@pytest.mark.parametrize("name", SOLVED)
def test_every_solver_answers_with_a_certificate(name):
    found = SOLVED[name]()
    assert isinstance(found, equilibrium.Equilibrium)
    assert isinstance(found.certificate, Certificate)
    assert found.certificate.status == "optimal"
    assert not found.refused
    proof = found.certificate
    assert max(proof.clearing, proof.budget, proof.optimality) <= 1e-4
    assert not proof.gap > 1e-5
    if name in PRICES:
        np.testing.assert_allclose(found.prices, PRICES[name], atol=2e-4)
    if name not in ("fisher", "exchange", "tatonnement", "post"):
        assert found.welfare <= found.bound + 1e-9


def test_posting_settles_rival_goods_too():
    """Two bakers share grain, sqrt(a) + 2 sqrt(5 - a): shares of 1 and 4, at one price."""
    goods = [Good("grain", rival=True), Good("bread"), Good("cake")]
    firms = [CobbDouglas("baker", ["grain"], "bread", [0.5]), CobbDouglas("cook", ["grain"], "cake", [0.5], scale=2.0)]
    eater = Consumer("eater", ("bread", "cake"), lambda x: x.sum(axis=1), lambda x: np.ones_like(x), concave=True)
    found = equilibrium.post(Economy(goods, firms, [eater]), {"grain": [[5.0]]}, tolerance=1e-12)
    assert found.certificate.status == "optimal"
    assert found.prices["grain"][0, 0] == pytest.approx(0.5, abs=1e-9)
    short = equilibrium.post(Economy(goods, firms, [eater]), {"grain": [[5.0]]}, tolerance=1e-12, limit=0)
    assert short.certificate.status == "approximate"
    with pytest.raises(InputError, match="post wants"):
        equilibrium.post("economy", {})


@pytest.mark.parametrize("elasticity", [0.5, 0.2])
def test_shares_of_complements_settle_when_damped(elasticity):
    """Two CES buyers with budgets: Fisher's prices; without damping their shares swing."""
    weights, budgets, rho = np.array([[1.0, 0.3], [0.4, 1.0]]), np.array([1.0, 0.5]), 1.0 - 1.0 / elasticity
    goods = [Good("a", rival=True), Good("b", rival=True)]

    def buyer(i: int) -> Consumer:
        def utility(x):
            return ((weights[i] * x) ** rho).sum(axis=1) ** (1 / rho)

        def gradient(x):
            return utility(x)[:, None] ** (1 - rho) * weights[i] ** rho * x ** (rho - 1)

        return Consumer(f"buyer {i}", ["a", "b"], utility, gradient, budget=budgets[i])

    economy = Economy(goods, [], [buyer(0), buyer(1)])
    endowment = {"a": [[1.0]], "b": [[2.0]]}
    if elasticity == 0.5:
        assert equilibrium.post(economy, endowment, limit=30).certificate.status == "approximate"
    else:
        words = r"shares .* ran away: after \d+ rounds 'buyer 1' has .* smaller damping than 1"
        with pytest.raises(InputError, match=words), np.errstate(all="ignore"):
            equilibrium.post(economy, endowment)
        assert all((share == 0.5).all() for shares in economy.shares.values() for share in shares.values())
    found = equilibrium.post(economy, endowment, damping=elasticity)
    truth = equilibrium.fisher(weights, budgets, [1.0, 2.0], utility="ces", elasticity=elasticity, tolerance=1e-12)
    assert found.certificate.status == "optimal"
    np.testing.assert_allclose([found.prices[good].item() for good in "ab"], truth.prices, rtol=1e-5)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), whole=st.booleans())
def test_the_ascending_auction_ends_at_the_lowest_competitive_prices(seed, whole):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 8, 2)
    value = rng.integers(0, 9, (n, m)).astype(float) if whole else rng.random((n, m))
    cost = rng.integers(0, 4, m).astype(float) if whole else rng.random(m) / 2
    bids = AssignmentBids(value, cost, rng.random(n) < 0.9)
    one, other = AssignmentMarket().clear(bids), AscendingAssignment().clear(bids)
    gains = [((value - cost) * found.allocation).sum() for found in (one, other)]
    assert gains[0] == pytest.approx(gains[1], abs=1e-12)
    asked = [np.where(np.isnan(found.prices), cost, found.prices) for found in (one, other)]
    np.testing.assert_allclose(asked[0], asked[1], atol=1e-12)
    assert other.certificate.status == "optimal"


def test_the_ascending_auction_refuses_other_bids_and_answers_batches():
    with pytest.raises(InputError, match="AssignmentBids"):
        AscendingAssignment().clear([[1.0]])
    rng = np.random.default_rng(0)
    value = rng.random((2, 3, 4, 5))
    batch = AscendingAssignment().clear(AssignmentBids(value))
    single = AscendingAssignment().clear(AssignmentBids(value[1, 2]))
    np.testing.assert_array_equal(batch.payments[1, 2], single.payments)


@pytest.mark.parametrize("experiment", [fisher, mdp_as_economy, two_resources, economy_scale], ids=lambda m: m.__name__)
def test_the_experiments_reproduce(experiment):
    import json

    found = experiment.run(quick=True)
    assert found["met"], [row for row in found["rows"] if not row["met"]]
    assert sum(bool(row["bar"]) for row in found["rows"]) >= 2
    json.dumps(found, allow_nan=False)


def test_the_spot_market_keeps_the_capacities():
    """The spot market keeps the capacities at any prices, and leaves nobody idle who could gain by what is left."""
    rng = np.random.default_rng(5)
    shop = two_resources.Workshop.draw(6, rng)
    assert np.allclose(shop.chance.sum(axis=3), 1.0)
    worth = rng.random((6, 4))
    for prices in (np.zeros(2), np.array([0.3, 0.2]), np.full(2, 1e9)):
        action = two_resources.clear(worth, two_resources.USE, shop.capacity, prices.copy(), np.arange(6), 5)
        left = shop.capacity - two_resources.USE[action].sum(axis=0)
        assert (left >= 0).all()
        more = two_resources.USE[None] - two_resources.USE[action][:, None]
        better = worth > worth[np.arange(6), action][:, None] + 1e-12
        assert not (better & (more <= left).all(axis=2)).any()


def test_a_decision_process_by_hand():
    """One state, rewards 1 and 2, discount 0.99: worth 200; the price of what nobody visits is a value all the same."""
    from scipy.sparse import csr_array

    from marketic.envs.tables import TransitionTable

    table = TransitionTable(csr_array(np.ones((2, 1))), np.array([[1.0, 2.0]]), np.ones(1))
    assert mdp_as_economy.economy_prices(table).prices[0] == pytest.approx(200.0)
    value, policy = mdp_as_economy.exact_values(table)
    assert (value[0], policy[0]) == (pytest.approx(200.0), 1)
    assert mdp_as_economy.visits(table, policy)[0] == pytest.approx(100.0)
