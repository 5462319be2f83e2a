"""Prices of scarce resources: against the linear program's duals, by tangents and from quantities alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, linprog

from marketic.economy.lagrange_price import lagrange_price
from marketic.economy.resource_market import Plan, ResourceMarket
from marketic.errors import InputError
from marketic.mechanisms import equilibrium


def choices(seed: int, parts: int, options: int, resources: tuple[int, ...]):
    """Parts that each choose one option; rewards [parts, options], use [parts, options, *resources], option 0 is nothing."""
    rng = np.random.default_rng(seed)
    reward, use = rng.uniform(0, 1, (parts, options)), rng.uniform(0, 1, (parts, options, *resources))
    use *= rng.random(use.shape) < 0.6
    reward[:, 0], use[:, 0] = 0.0, 0.0
    return reward, use


def best_responses(reward, use):
    def demand(prices):
        net = reward - (use * prices).reshape(*reward.shape, -1).sum(axis=-1)
        best = net.argmax(axis=1)
        rows = np.arange(len(reward))
        return use[rows, best], net[rows, best]

    return demand


def by_program(reward, use, capacity):
    """The relaxed optimum and the duals, by HiGHS."""
    parts, options = reward.shape
    flat = use.reshape(parts * options, -1).T
    one = np.kron(np.eye(parts), np.ones(options))
    answer = linprog(-reward.ravel(), A_ub=flat, b_ub=np.ravel(capacity), A_eq=one, b_eq=np.ones(parts))
    return -answer.fun, -answer.ineqlin.marginals


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    parts=st.integers(1, 30),
    shape=st.sampled_from([(), (1,), (3,), (4, 2)]),
    scarcity=st.floats(0.05, 0.6),
    apart=st.booleans(),
)
def test_bound_and_plan_enclose_the_programs_optimum(seed, parts, shape, scarcity, apart):
    reward, use = choices(seed, parts, 5, shape)
    capacity = np.full(shape, scarcity * parts * 0.3)
    demand = best_responses(reward, use)

    def together(prices):
        used, value = demand(prices)
        return used.sum(axis=0), value.sum()

    found = lagrange_price(demand if apart else together, capacity)
    optimum, duals = by_program(reward, use, capacity)
    assert found.certificate.status == "optimal"
    assert found.prices.shape == np.shape(capacity)
    assert found.value - 1e-8 <= optimum <= found.bound + 1e-8
    assert found.bound - found.value <= 1e-7
    assert found.certificate.clearing <= 1e-7
    assert (found.prices >= 0).all()
    # any optimal duals are worth the same; where they are the only ones, they are equal
    assert np.ravel(found.prices) @ np.ravel(capacity) + demand(found.prices)[1].sum() == pytest.approx(
        optimum, abs=1e-7
    )
    assert np.ravel(duals) @ np.ravel(capacity) + demand(duals.reshape(shape))[1].sum() == pytest.approx(
        optimum, abs=1e-7
    )


def test_prices_are_the_duals_where_these_are_unique():
    reward, use = choices(0, 200, 12, (3,))
    capacity = np.full(3, 15.0)
    found = lagrange_price(best_responses(reward, use), capacity)
    np.testing.assert_allclose(found.prices, by_program(reward, use, capacity)[1], atol=1e-9)
    assert found.evaluations <= 15
    same = equilibrium.lagrange_price(best_responses(reward, use), capacity)
    assert (same.prices == found.prices).all()
    assert same.bound == found.bound


def test_smooth_demand_by_hand():
    """Two parts with 2 sqrt(x) share 1 unit equally: p = 1 / sqrt(1/2)."""

    def demand(prices):
        x = 1.0 / np.maximum(prices, 1e-3) ** 2
        return np.repeat(x[None], 2, axis=0), np.full(2, float((2 * np.sqrt(x) - prices * x)[0]))

    found = lagrange_price(demand, [1.0], start=[1.0], tolerance=1e-9)
    assert found.prices[0] == pytest.approx(np.sqrt(2), abs=1e-4)  # an error of the prices is a root of the gap
    assert 0.0 <= found.bound - 2 * np.sqrt(2) <= found.certificate.gap <= 1e-8


@pytest.mark.parametrize("shape", [(), (3,)], ids=["bisection", "steps"])
def test_quantities_alone_lead_to_the_same_prices(shape):
    reward, use = choices(1, 100, 8, shape)
    capacity = np.full(shape, 8.0)
    truth = lagrange_price(best_responses(reward, use), capacity)
    blind = lagrange_price(lambda p: best_responses(reward, use)(p)[0].sum(axis=0), capacity, tolerance=1e-2)
    np.testing.assert_allclose(blind.prices, truth.prices, rtol=0.05)
    assert np.isnan(blind.certificate.gap)
    assert np.isnan(blind.bound)
    assert blind.certificate.status == "optimal"
    plenty = lagrange_price(lambda p: best_responses(reward, use)(p)[0].sum(axis=0), capacity + 1e3, tolerance=1e-2)
    assert (plenty.prices <= 1e-9).all()


def test_quantities_seen_through_noise():
    reward, use = choices(2, 100, 8, (2,))
    capacity, rng = np.full(2, 8.0), np.random.default_rng(0)
    truth = lagrange_price(best_responses(reward, use), capacity)

    def noisy(prices):
        return best_responses(reward, use)(prices)[0].sum(axis=0) * rng.uniform(0.7, 1.3, 2)

    blind = lagrange_price(noisy, capacity, max_evaluations=2_000)
    np.testing.assert_allclose(blind.prices, truth.prices, rtol=0.1)


def test_what_is_short_at_any_price_is_named():
    def stubborn(prices):
        return np.array([1.0, 2.0]), 5.0 - prices @ [1.0, 2.0]

    with pytest.raises(InputError, match="resource 1 is infeasible: it is short of its capacity 1"):
        lagrange_price(stubborn, [3.0, 1.0])
    with pytest.raises(InputError, match="resource 0 is infeasible: 2 units are wanted"):
        lagrange_price(lambda p: 2.0, 1.0)


def test_a_resource_that_is_not_there_costs_what_keeps_everybody_away():
    reward, use = choices(3, 10, 4, (2,))
    found = lagrange_price(best_responses(reward, use), [0.0, 1.0])
    optimum, _ = by_program(reward, use, [0.0, 1.0])
    assert found.certificate.status == "optimal"
    assert found.bound == pytest.approx(optimum, abs=1e-8)
    assert found.use[0] <= 1e-9


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    parts=st.integers(2, 8),
    money=st.integers(-10, 10),
    units=st.tuples(st.integers(-8, 8), st.integers(-8, 8)),
    kind=st.sampled_from(["balance", "scarce", "plain"]),
)
def test_no_unit_of_money_or_of_a_resource_is_special(seed, parts, money, units, kind):
    """Makers and users, in any units; a balance has capacity 0, and a scarce one a millionth of what is wanted."""
    reward, use = choices(seed, parts, 4, (2,))
    use[::2, 1] *= -1.0
    reward[::2, 1] *= -0.1
    sparse = {"balance": 0.0, "scarce": 1e-6, "plain": 0.2}[kind]
    capacity = np.full(2, sparse * parts)
    optimum, _ = by_program(reward, use / (sparse or 1.0), capacity / (sparse or 1.0))
    value, size = 10.0**money, 10.0 ** np.array(units)
    found = lagrange_price(best_responses(reward * value, use * size), capacity * size)
    assert found.certificate.status == "optimal"
    assert found.bound == pytest.approx(optimum * value, rel=1e-7, abs=1e-10 * (sparse or 1.0) * value)
    assert found.value == pytest.approx(found.bound, rel=1e-8)


@pytest.mark.parametrize("costs", [(0.7, 0.9, 0.1, 1.234), (0.5, 0.8, 0.0123, 0.77), (0.123, 0.456, 0.01, 0.3333)])
def test_one_part_makes_what_the_other_uses(costs):
    """Capacity 0: b units used at a gain of w, a units made at most at cost c."""
    a, b, c, w = costs
    use, reward = np.array([[0.0, -a], [0.0, b]]), np.array([[0.0, -c], [0.0, w]])
    found = lagrange_price(best_responses(reward, use), 0.0)
    level = min(1.0, a / b)
    assert found.certificate.status == "optimal"
    assert found.value == pytest.approx(w * level - c * level * b / a, rel=1e-12)


def test_gross_rewards_reported_as_values_are_refused():
    def gross(prices):
        worth = np.array([3.0, 2.5, 2.0, 1.0])
        wants = worth > prices
        return wants * 1.0, np.where(wants, worth, 0.0)

    with pytest.raises(InputError, match=r"a later answer of its own is worth .* \(is what the use costs left out"):
        lagrange_price(gross, 2.0)


def test_a_plan_that_takes_too_much_or_beats_the_bound_is_not_optimal():
    market = ResourceMarket(lambda prices: None, np.array([1e-7, 1e7]))
    prices = np.array([1e7, 1e-7])
    for use, value, status in (
        ([1e-7, 1e7], 2.0, "optimal"),
        ([1.003e-7, 1e7], 2.0, "approximate"),
        ([1e-7, 1e7], 2.001, "approximate"),
        ([1e-7, 1e7], 1.999, "approximate"),
    ):
        plan = Plan(np.array(use), np.abs(use), value, value, 0.0)
        assert market.judge(prices, plan, 2.0, 1e-9).certificate.status == status


@pytest.mark.parametrize("power", [-8, 0, 8])
def test_quantities_alone_in_any_unit(power):
    """Demand exp(-p / m) * u clears u / 4 at m log 4."""
    money, unit = 10.0**power, 10.0**-power
    found = lagrange_price(lambda p: unit * np.exp(-p / money), 0.25 * unit)
    assert found.certificate.status == "optimal"
    assert found.prices == pytest.approx(money * np.log(4.0), rel=1e-8)
    wants = np.array([2.0, 1.0]) * unit
    off = lagrange_price(lambda p: wants / (p + 0.1), [4.0 * unit, 2.0 * unit], tolerance=1e-3, max_evaluations=4)
    assert off.certificate.status == "approximate"


def test_prices_that_swing_around_the_right_one_are_not_called_optimal():
    """Where demand has kinks, its mean over 0.8 and 1.7 is not demand at the mean: prices were up to half too high or low."""
    rng, sure = np.random.default_rng(0), 0
    for _ in range(150):
        n, unit = int(rng.integers(1, 20)), 10.0 ** rng.uniform(-6, 6)
        most, slope = rng.random((n, 2)) + 0.2, rng.random((n, 2)) + 0.1
        capacity = most.sum(axis=0) * rng.uniform(0.2, 0.9, 2)

        def demand(prices, most=most, slope=slope, unit=unit):
            return np.maximum(most - slope * prices / unit, 0.0)

        found = lagrange_price(demand, capacity, tolerance=1e-2, max_evaluations=300)
        if found.certificate.status == "optimal":
            each = [lambda p, k=k, e=capacity[k], f=demand: f(np.full(2, p))[:, k].sum() - e for k in (0, 1)]
            truth = [brentq(excess, 0.0, 20.0 * unit) for excess in each]
            np.testing.assert_allclose(found.prices, truth, rtol=0.1)
            sure += 1
    assert sure > 40


def test_a_part_that_does_not_maximise_is_named():
    def liar(prices):
        wanted = max(1.0 - prices[0], 0.0)
        honest = 0.5 * wanted**2
        return np.full((2, 1), wanted), np.array([honest, 0.1 * honest])

    with pytest.raises(InputError, match="part 1 reports a value of"):
        lagrange_price(liar, [0.5], start=[0.8])


@pytest.mark.parametrize(
    ("demand", "capacity", "options", "words"),
    [
        (lambda p: p, [-1.0], {}, "capacity"),
        (lambda p: p, [np.nan], {}, "capacity"),
        (lambda p: p, [], {}, "capacity"),
        (lambda p: p, [1.0], {"start": [-1.0]}, "start"),
        (lambda p: p, [1.0], {"tolerance": 0.0}, "tolerance"),
        (lambda p: np.ones(3), [1.0], {}, r"demand uses an array of shape \(3,\)"),
        (lambda p: (np.ones((2, 1)), 1.0), [1.0], {}, "demand has values"),
        (lambda p: (np.array([np.nan]), 1.0), [1.0], {}, "demand uses an array"),
    ],
)
def test_refused(demand, capacity, options, words):
    with pytest.raises(InputError, match=words):
        lagrange_price(demand, capacity, **options)


def test_demand_may_write_its_answers_into_one_array():
    rng = np.random.default_rng(0)
    use, reward = rng.random((6, 4, 2)), rng.random((6, 4))
    use[:, 0], reward[:, 0], rows = 0.0, 0.0, np.arange(6)
    used, gained = np.zeros((6, 2)), np.zeros(6)

    def fresh(prices):
        net = reward - use @ prices
        return use[rows, net.argmax(axis=1)], net.max(axis=1)

    def again(prices):
        used[:], gained[:] = fresh(prices)
        return used, gained

    one, other = (lagrange_price(demand, 0.4 * use.max(axis=1).sum(axis=0)) for demand in (fresh, again))
    assert one.certificate == other.certificate
    assert one.certificate.status == "optimal"
    assert np.array_equal(one.prices, other.prices)
