"""Prices that follow excess demand: where they settle, they are the equilibrium; where they do not, they are refused."""

import numpy as np
import pytest

from marketic.errors import InputError
from marketic.mechanisms.equilibrium import fisher, tatonnement
from marketic.mechanisms.tatonnement import Tatonnement, fisher_demand, scarf_demand

RNG = np.random.default_rng(0)
WEIGHTS, BUDGETS, SUPPLY = RNG.uniform(0.1, 1, (20, 5)), RNG.uniform(0.5, 1.5, 20), RNG.uniform(0.5, 2, 5)


@pytest.mark.parametrize(
    ("utility", "elasticity"),
    [("ces", 6.0), ("ces", 2.0), ("ces", 0.3), ("cobb-douglas", None)],
    ids=["strong substitutes", "substitutes", "complements", "cobb-douglas"],
)
def test_it_settles_where_demand_is_smooth(utility, elasticity):
    demand = fisher_demand(WEIGHTS, BUDGETS, utility=utility, elasticity=elasticity)
    found = tatonnement(demand, SUPPLY, income=lambda prices: BUDGETS)
    truth = fisher(WEIGHTS, BUDGETS, SUPPLY, utility=utility, elasticity=elasticity, tolerance=1e-12)
    assert found.certificate.status == "optimal"
    assert found.certificate.clearing <= 1e-8 * SUPPLY.max()
    assert found.certificate.budget <= 1e-12
    np.testing.assert_allclose(found.prices, truth.prices, rtol=1e-5)


def test_linear_utilities_are_refused():
    """Demand jumps at the prices that would clear: some good is 2 % short or more, at all prices that were tried."""
    found = tatonnement(fisher_demand(WEIGHTS, BUDGETS, utility="linear"), SUPPLY, max_rounds=4_000)
    assert found.refused
    assert np.isnan(found.prices).all()
    assert found.certificate.clearing > 0.02
    assert fisher(WEIGHTS, BUDGETS, SUPPLY).certificate.status == "optimal", "the equilibrium is there all the same"


@pytest.mark.parametrize("step", [0.2, 0.01])
def test_scarfs_economy_is_refused(step):
    """Its only equilibrium has equal prices; from anywhere else they circle (Scarf 1960)."""
    assert tatonnement(scarf_demand, np.ones(3)).prices.tolist() == [1.0, 1.0, 1.0]
    found = tatonnement(scarf_demand, np.ones(3), start=[1.0, 2.0, 3.0], step=step, max_rounds=4_000)
    assert found.refused
    assert found.certificate.clearing > 0.1
    assert found.certificate.budget <= 1e-12, "Walras's law holds on the way"


def test_a_free_good_needs_no_buyers():
    """A Leontief buyer needs both goods alike; there is twice as much of the second."""
    found = tatonnement(
        fisher_demand([[1.0, 1.0]], [3.0], utility="leontief"), [1.0, 2.0], income=lambda p: np.array([3.0])
    )
    np.testing.assert_allclose(found.prices, [3.0, 0.0], atol=1e-6)
    assert found.certificate.clearing <= 1e-7


@pytest.mark.parametrize("utility", ["cobb-douglas", "leontief"])
@pytest.mark.parametrize("power", [-9, -4, 4, 9])
def test_goods_may_be_counted_in_any_unit(utility, power):
    """A unit 10^power as small: as many times the supply and the need, and that part of the price."""
    units = np.array([10.0**power, 1.0, 1.0])
    supply = np.array([1.0, 2.0, 0.5])
    plain = np.array([[1.0, 3.0, 1.0], [2.0, 1.0, 1.0]])
    weights = plain * units if utility == "leontief" else plain
    found = tatonnement(
        fisher_demand(weights, [1.0, 2.0], utility=utility), supply * units, income=lambda prices: np.array([1.0, 2.0])
    )
    truth = fisher(plain, [1.0, 2.0], supply, utility=utility, tolerance=1e-12)
    assert found.certificate.status == "optimal"
    np.testing.assert_allclose(found.prices * units, truth.prices, rtol=1e-5, atol=1e-6)


def test_a_cheap_good_is_not_a_free_one():
    """One spends 5e-10 of its money on a good: less than the tolerance of all, and its price is right all the same."""
    spends = np.array([1e-9, 2.0])
    found = tatonnement(
        lambda prices: (spends / prices)[None], [1.0, 1.0], income=lambda prices: spends.sum(keepdims=True)
    )
    assert found.certificate.status == "optimal"
    np.testing.assert_allclose(found.prices, spends, rtol=1e-7)


def test_money_that_nobody_has_is_not_spent():
    for wanted in (np.ones((1, 2)), np.ones(2)):
        found = tatonnement(lambda prices, wanted=wanted: wanted, np.ones(2), income=lambda prices: np.array([5.0]))
        assert found.refused
        assert found.certificate.budget == 3.0


def test_the_certificate_is_of_the_prices_not_of_the_rule():
    demand = fisher_demand(WEIGHTS, BUDGETS, utility="cobb-douglas")
    prices = tatonnement(demand, SUPPLY).prices
    judge = Tatonnement().certificate
    wrong = 1.1 * prices
    found = judge(wrong, demand(wrong), SUPPLY, lambda p: BUDGETS)
    assert found.status == "approximate"
    assert found.clearing == pytest.approx(SUPPLY.max() * (1 - 1 / 1.1), rel=1e-6)
    assert judge(prices, 2.0 * demand(prices), SUPPLY, lambda p: BUDGETS).budget == pytest.approx(BUDGETS.max())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tatonnement(scarf_demand, np.ones(3), step=0.0), "step=0.0"),
        (lambda: tatonnement(scarf_demand, [1.0, 0.0, 1.0]), "supply"),
        (lambda: tatonnement(scarf_demand, np.ones(3), start=[1.0, 2.0]), "start"),
        (lambda: tatonnement(scarf_demand, ["x", "y", "z"]), "supply: wanted numbers"),
        (lambda: tatonnement(lambda p: "x", np.ones(3)), "demand: wanted numbers"),
        (
            lambda: fisher_demand([[1.0, 2.0]], 1.0, utility="linear"),
            r"budget of shape \(\): wanted one number for each of 1 buyers",
        ),
        (lambda: tatonnement(lambda p: p[:2], np.ones(3)), r"demand of shape \(2,\)"),
        (lambda: tatonnement(lambda p: np.array([1.0, np.nan]), np.ones(2)), "demand for good 1 is nan"),
        (lambda: tatonnement(lambda p: np.array([-1.0, 1.0]), np.ones(2)), "demand for good 0 is -1.0"),
        (lambda: fisher_demand([[-1.0, 2.0]], [1.0], utility="linear"), "weight of buyer 0 for good 0 is -1.0"),
        (lambda: fisher_demand([[1.0], [0.0]], [1.0, 1.0], utility="cobb-douglas"), "buyer 1 wants nothing"),
        (lambda: fisher_demand([[1.0]], [1.0], utility="ces", elasticity=-1.0), "elasticity = -1.0"),
        (lambda: tatonnement(lambda p: 1 / p, []), "supply"),
        (lambda: tatonnement(lambda p: 1 / p, [1.0], tolerance=np.nan), "tolerance=nan"),
        (lambda: tatonnement(lambda p: 1 / p, [1.0], max_rounds=2.5), "max_rounds=2.5"),
        (lambda: fisher_demand([[1.0]], [1.0], utility="ces"), "elasticity = None with utility = 'ces'"),
    ],
)
def test_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_demand_may_use_one_array_again_and_again():
    """What is reported is the demand at the best prices seen, not at the last."""
    table = np.zeros((3, 3))

    def again(prices):
        table[:] = scarf_demand(prices)
        return table

    one, other = (tatonnement(tell, np.ones(3), start=[1, 2, 3], max_rounds=500) for tell in (scarf_demand, again))
    assert one.refused
    assert one.certificate.clearing == other.certificate.clearing
    assert np.array_equal(one.allocation, other.allocation)
