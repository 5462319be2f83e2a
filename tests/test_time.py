"""Dated goods: Riccati's prices, Hotelling's rule, costates, backpropagation through time."""

import numpy as np
import pytest

from marketic import InputError
from marketic.economy import Consumer, Dense, Economy, Firm, Good, Table, unroll
from marketic.economy.consumer import log_consumer
from marketic.economy.sharing import share_out
from marketic.economy.structure import evict_edges
from marketic.economy.time import costates, current_price, linear_quadratic, storage

I = np.eye(2)  # noqa: E741


def test_the_linear_quadratic_economy_has_riccatis_prices() -> None:
    rng = np.random.default_rng(0)
    A, B = 0.4 * rng.standard_normal((4, 4)), rng.standard_normal((4, 2))
    Q, R = np.diag([1.0, 2, 0.5, 1]), np.diag([0.3, 0.7])
    plan = linear_quadratic(A, B, Q, R, 30, discount=0.95)
    start = rng.standard_normal(4)
    state = plan.economy.produce(plan.plan(start))
    prices = plan.economy.prices(state)
    assert plan.economy.welfare(state)[0] == pytest.approx(-start @ plan.values[0] @ start, rel=1e-12)
    for t in range(31):
        price = current_price(prices, "state", t, 0.95)[0]
        assert np.allclose(price, -2 * plan.values[t] @ state[f"state@{t}"][0], rtol=1e-10, atol=1e-13)
        if t < 30:  # at the optimum one more unit of control is worth nothing
            assert np.allclose(prices[f"control@{t}"], 0, atol=1e-12)
            tomorrow = current_price(prices, "state", t + 1, 0.95)[0]
            effort = -2 * R @ state[f"control@{t}"][0]
            assert np.allclose(effort + 0.95 * B.T @ tomorrow, 0, atol=1e-12)
    assert prices.certificate.worst == 0
    worse = plan.plan(start)
    worse["control@3"] = worse["control@3"] + 0.1
    assert plan.economy.welfare(plan.economy.produce(worse))[0] < plan.economy.welfare(state)[0] - 1e-6


def test_posted_prices_are_the_costates() -> None:
    rng = np.random.default_rng(1)
    W = rng.standard_normal((3, 3))
    goal = rng.standard_normal(3)
    consumer = Consumer("c", "x", lambda x: -np.sum((x - goal) ** 2, axis=1), lambda x: 2 * (goal - x))
    economy = unroll(
        [Good("x", 3, dated=True)],
        [Dense("f", ["x"], ["x'"], W, activation="tanh")],
        [consumer],
        6,
        discount=0.9,
        terminal=[Consumer("end", "x", consumer.utility, consumer.gradient)],
    )
    state = economy.produce({"x@0": rng.standard_normal((1, 3))})
    prices = economy.prices(state)
    path = [state[f"x@{t}"][0] for t in range(7)]
    jacobians = [((1 - path[t + 1] ** 2) * W).T for t in range(6)]
    truth = costates([2 * (goal - x) for x in path[:-1]], jacobians, 2 * (goal - path[-1]), 0.9)
    assert np.allclose([current_price(prices, "x", t, 0.9)[0] for t in range(7)], truth, rtol=1e-12, atol=1e-13)
    before = W.copy()
    shared = economy.firms["f@0"].capital["weights"]
    economy.invest(prices, 0.01)
    marginal = sum(prices.marginal[f"f@{t}"]["weights"] for t in range(6))
    assert (
        shared is economy.firms["f@5"].capital["weights"]
    )  # one capital for all periods: gradients through time add up
    assert np.allclose(shared, before + 0.01 * marginal, atol=1e-14)
    assert economy.welfare(economy.produce({"x@0": path[0][None]}))[0] > economy.welfare(state)[0]


@pytest.mark.parametrize("keeps", [1.0, 1.03, 0.9])
def test_hotellings_rule(keeps: float) -> None:
    horizon, discount = 12, 0.95
    economy = unroll(
        [Good("oil", rival=True, dated=True)],
        [storage("tank", "oil", keeps=keeps)],
        [log_consumer("driver", ["oil"], [1.0])],
        horizon,
        discount=discount,
        terminal=[log_consumer("heir", ["oil"], [1.0])],
    )
    prices = share_out(economy, {"oil@0": [[100.0]]}, tolerance=1e-9)
    assert prices.certificate.disagreement <= 1e-9 * max(prices[f"oil@{t}"].item() for t in range(horizon + 1))
    present = np.array([prices[f"oil@{t}"].item() for t in range(horizon + 1)])
    assert np.allclose(present[:-1] / present[1:], keeps, rtol=1e-7)
    current = np.array([current_price(prices, "oil", t, discount).item() for t in range(horizon + 1)])
    assert np.allclose(current[1:] / current[:-1], 1 / (keeps * discount), rtol=1e-7)
    # with log utility consumption is p_t^-1 discount^t, and the stock is used up exactly
    weights = discount ** np.arange(horizon + 1)
    assert present[0] == pytest.approx(weights.sum() / 100, rel=1e-7)
    used = [prices.state.inputs[f"driver@{t}"].item() for t in range(horizon)]
    assert np.allclose(used, weights[:-1] / present[:-1], rtol=1e-6)


@pytest.mark.parametrize(("outside", "inside"), [(0.9, 1.0), (1.0, 0.9), (1.0, 1.0)])
def test_tables_through_time_have_bellmans_values(outside: float, inside: float) -> None:
    kernel, reward, final = np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1.0, 2.0]), np.array([5.0, 7.0])
    economy = unroll(
        [Good("s", 2, kind="finite", dated=True)],
        [Table("step", "s", "s'", kernel, reward, discount=inside)],
        [],
        3,
        discount=outside,
        terminal=[Consumer("c", "s", lambda x: final[x[:, 0].astype(int)], lambda x: np.tile(final, (len(x), 1)))],
    )
    prices = economy.prices(economy.produce({"s@0": [[0]]}))
    value = final
    for t in (2, 1, 0):
        value = reward + outside * inside * kernel @ value
        assert np.allclose(current_price(prices, "s", t, outside)[0], value, rtol=1e-14)
    if outside * inside == 0.9:
        assert np.allclose(value, [8.35, 9.03], rtol=0, atol=0.005)


@pytest.mark.parametrize("discount", [1.0, 0.7])
def test_prices_of_varieties_are_what_they_add_to_welfare_rewards_included(discount: float) -> None:
    """Moves without chance, so that production is the outcome: another variety at the start changes welfare by the prices."""
    rng, varieties = np.random.default_rng(0), 4
    moves = [Table(f"step{k}", s, t, np.eye(varieties)[rng.permutation(varieties)], rng.normal(size=varieties))
             for k, (s, t) in enumerate([("s", "t"), ("t", "s'")])]  # fmt: skip
    tastes = rng.normal(size=varieties)
    eater = Consumer("eater", "t", lambda x: tastes[x[:, 0].astype(int)], lambda x: np.tile(tastes, (len(x), 1)))
    economy = unroll(
        [Good("s", varieties, kind="finite", dated=True), Good("t", varieties, kind="finite", dated=True)],
        moves, [eater], 3, discount=discount,
    )  # fmt: skip
    state = economy.produce({"s@0": np.arange(varieties)[:, None]})
    prices, welfare = economy.prices(state), economy.welfare(state)
    assert prices["s@0"][0] == pytest.approx(welfare, abs=1e-12)
    assert economy.profit(prices) == pytest.approx(dict.fromkeys(economy.firms, 0.0), abs=1e-12)


def test_what_is_paid_later_counts_less() -> None:
    tank = storage("tank", "oil")
    tank.rent = 2.0
    driver = Consumer("driver", "oil", lambda x: 3.0 * x[:, 0], lambda x: np.full_like(x, 3.0), budget=4.0)
    economy = unroll([Good("oil", rival=True, dated=True)], [tank], [driver], 3, discount=0.5, terminal=[driver])
    state = economy.produce({"oil@0": [[8.0]]})
    profits = economy.profit(economy.prices(state))
    assert [profits[f"tank@{t}"] for t in range(3)] == pytest.approx([-2 / 2**t for t in range(3)])  # constant returns
    used = [state.inputs[f"driver@{t}"].item() for t in range(4)]
    assert economy.welfare(state)[0] == pytest.approx(sum(4 * 0.5**t * np.log(3 * x) for t, x in enumerate(used)))


def test_firms_may_write_what_they_make_and_offer_into_one_array() -> None:
    """All periods share the firm's functions, and so its arrays."""
    made, offer, earned = np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1)

    def earn(capital, x, y, p):
        earned[:] = (p * x).sum()
        return np.multiply(p, capital["share"], out=offer), {"share": earned}

    firm = Firm("f", "x", "x'", lambda capital, x: np.multiply(x, capital["share"], out=made), earn, {"share": [0.5]})
    eater = Consumer("c", "x", lambda x: x[:, 0] ** 2, lambda x: 2 * x)
    economy = unroll([Good("x", dated=True)], [firm], [eater], 3)
    state = economy.produce({"x@0": [[8.0]]})
    prices = economy.prices(state)
    assert [state[f"x@{t}"].item() for t in range(4)] == [8, 4, 2, 1]
    assert [prices[f"x@{t}"].item() for t in range(4)] == [21, 10, 4, 0]
    assert [prices.marginal[f"f@{t}"]["share"].item() for t in range(3)] == [80, 16, 0]
    assert prices.certificate.status == "optimal"


def test_edges_come_and_go_in_all_periods_at_once() -> None:
    firm = Dense("f", ["x"], ["x'"], np.ones((2, 2)))
    eater = Consumer("c", "x", lambda x: -(x**2).sum(axis=1), lambda x: -2 * x, concave=True)
    economy = unroll([Good("x", 2, dated=True)], [firm], [eater], 3)
    evict_edges([economy.firms["f@0"]], [np.array([[1.0, 2], [3, 4]])], 3)
    assert [economy.firms[f"f@{t}"].edges for t in range(3)] == [3, 3, 3]
    economy.invest(economy.prices(economy.produce({"x@0": [[1.0, 2.0]]})), 0.01)
    weights = economy.firms["f@2"].capital["weights"]
    assert (weights != 0).ravel().tolist() == [False, True, True, True]


def test_goods_without_dates_are_the_same_in_all_periods() -> None:
    economy = unroll(
        [Good("x", dated=True), Good("land")],
        [Dense("farm", ["x", "land"], ["x'"], [[1.0], [1.0]])],
        [],
        3,
        terminal=[Consumer("c", "x", lambda x: x[:, 0], lambda x: np.ones_like(x))],
    )
    state = economy.produce({"x@0": [[0.0]], "land": [[2.0]]})
    assert [state[f"x@{t}"].item() for t in range(4)] == [0, 2, 4, 6]
    assert economy.prices(state)["land"].item() == 3


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: unroll([Good("x", dated=True)], [], [], 0), "horizon=0"),
        (lambda: unroll([Good("x", dated=True)], [], [], 2, discount=1.5), "discount=1.5"),
        (lambda: unroll([Good("x")], [storage("s", "x")], [], 2), "firm 's' sells \"x'\" tomorrow"),
        (
            lambda: unroll(
                [Good("x", kind="finite", dated=True)],
                [Table("s", "x", "x'", [[1.0]], discount=0.9)],
                [],
                2,
                discount=0.9,
            ),
            "firm 's' has discount=0.9 and unroll has discount=0.9: tomorrow would be discounted twice",
        ),
        (lambda: storage("s", "x", keeps=-1.0), "storage 's' keeps -1.0"),
        (lambda: storage("s", "x", keeps="a"), "storage 's' keeps 'a'"),
        (lambda: costates([np.ones(2)], [I], np.ones(2), np.nan), "costates: discount=nan"),
        (lambda: linear_quadratic(1.0, 1.0, -1.0, 1.0, 3), "'household' is not concave"),
        (lambda: linear_quadratic(1.0, 1.0, -1e-13, 1.0, 3), "'household' is not concave"),
        (lambda: linear_quadratic(I, I, [[1, 5], [0, 1]], I, 3), r"Q is not symmetric: wanted \(Q \+ Q'\) / 2"),
        (lambda: linear_quadratic(I, I, I, [[1, 1e-9], [0, 1]], 3), "R is not symmetric"),
        (lambda: linear_quadratic(I, [1, 1], I, 1.0, 3), r"linear_quadratic: B of shape \(2,\): wanted"),
        (lambda: linear_quadratic(I, [[1.0, 2.0]], I, I, 3), r"B of shape \(1, 2\): wanted \[D, D\], \[D, controls\]"),
        (lambda: linear_quadratic(I, I, I, 1.0, 3), r"R of shape \(1, 1\)"),
        (lambda: linear_quadratic(I * np.nan, I, I, I, 3), "A of shape .*NaN"),
        (lambda: linear_quadratic(I, I, I, I, 3).plan([1.0]), r"plan: start of shape \(1,\)"),
        (lambda: costates([np.ones(2)], [I, I], np.ones(2)), r"jacobians of shape \(2, 2, 2\)"),
        (lambda: costates([np.ones(3)], [I], np.ones(2)), r"gradients of shape \(1, 3\)"),
    ],
)
def test_refused(build, words: str) -> None:
    with pytest.raises(InputError, match=words):
        build()


def test_a_loss_that_is_the_small_rest_of_large_terms_is_still_concave():
    """Near the plane that costs nothing, x'Qx is rounding of its terms, which looked like a violation."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        costly = rng.normal(size=(2, 1))
        lq = linear_quadratic(
            3 * rng.normal(size=(2, 2)), rng.normal(size=(2, 2)), 1e6 * costly @ costly.T, 1e-4 * np.eye(2), 5
        )
        start = 1e3 * rng.normal(size=2)
        state = lq.economy.produce(lq.plan(start))
        lq.economy.prices(state)
        assert lq.economy.welfare(state)[0] == pytest.approx(-start @ lq.values[0] @ start, rel=1e-9)


def test_a_convex_corner_in_such_a_loss_is_still_found():
    costly = np.array([[1.0], [-0.3]])
    wrong = 1e6 * costly @ costly.T - np.array([[0.0, 0.0], [0.0, 1.0]])
    consumer = Consumer("c", "x", lambda x: -np.sum(x @ wrong * x, axis=1), lambda x: -2 * x @ wrong, concave=True)
    economy = Economy([Good("x", 2)], [], [consumer])
    with pytest.raises(InputError, match="claims a concave utility"):
        economy.prices(economy.produce({"x": [[300.0, 1000.0]]}))
