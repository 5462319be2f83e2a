"""Market makers against closed forms, the papers' bounds, and each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic.errors import InputError
from marketic.mechanisms.bayesian_market_maker import GaussianMaker, GlostenMilgrom
from marketic.mechanisms.constant_product import ConstantProduct
from marketic.mechanisms.cost_function import CostFunctionMarket, Quadratic
from marketic.mechanisms.kelly_market import KellyMarket
from marketic.mechanisms.liquidity_sensitive import LiquiditySensitive
from marketic.mechanisms.lmsr import LMSR
from marketic.mechanisms.parimutuel import Parimutuel
from marketic.screening import Reason
from marketic.trade_orders import TargetPrices, TradeOrders

MAKERS = [
    LMSR(), LMSR(10.0, 3), LMSR(0.01, 4, (0.1, 0.2, 0.3, 0.4)), CostFunctionMarket(), CostFunctionMarket(Quadratic(5.0, 4)),
    LiquiditySensitive(), LiquiditySensitive(0.3, 4, 3.0), ConstantProduct(), ConstantProduct(7.0, 3, (0.2, 0.3, 0.5)),
]  # fmt: skip
EVERY = pytest.mark.parametrize("maker", MAKERS, ids=repr)


def bought(maker, *steps):
    """The last state and the payment of each step, for one trader."""
    state, paid = maker.open(1), []
    for shares in steps:
        state, cleared = maker.step(state, TradeOrders([shares]))
        paid.append(float(cleared.payments[0]))
    return state, paid


# --- LMSR


def test_lmsr_closed_forms() -> None:
    """Hanson 2003: b = 100, ten shares of one of two outcomes."""
    state, (cost,) = bought(LMSR(100.0), [10.0, 0.0])
    assert cost == pytest.approx(100 * math.log((math.exp(0.1) + 1) / 2), rel=1e-14)
    assert cost == pytest.approx(5.12495, abs=5e-6)
    assert LMSR(100.0).quote(state)[0] == pytest.approx(1 / (1 + math.exp(-0.1)), rel=1e-14)
    assert LMSR(100.0).quote(state)[0] == pytest.approx(0.52498, abs=5e-6)


@pytest.mark.parametrize("outcomes", [2, 4, 10])
def test_lmsr_worst_loss_is_b_ln_n(outcomes: int) -> None:
    """Hanson 2003."""
    maker = LMSR(10.0, outcomes)
    sure = [1e4] + [0.0] * (outcomes - 1)
    state, (cost,) = bought(maker, sure)
    loss = -maker.house(state, 0)
    assert loss == pytest.approx(10.0 * math.log(outcomes), rel=1e-12)
    assert loss == pytest.approx(1e4 - cost)
    assert maker.worst_loss == pytest.approx(10.0 * math.log(outcomes), rel=1e-14)


@given(
    p=st.lists(st.floats(1e-6, 1), min_size=3, max_size=3), q=st.lists(st.floats(1e-6, 1), min_size=3, max_size=3),
    b=st.sampled_from([0.01, 1.0, 250.0]),
)  # fmt: skip
@settings(max_examples=60, deadline=None, derandomize=True)
def test_lmsr_truth_earns_b_times_the_divergence(p, q, b) -> None:
    p, q = np.array(p) / sum(p), np.array(q) / sum(q)
    maker = LMSR(b, 3)
    state, _ = maker.step(maker.open(2), TargetPrices([p, p], active=[False, True]))
    after, cleared = maker.step(state, TargetPrices([q, p], active=[True, False]))
    np.testing.assert_allclose(maker.quote(after), q, rtol=1e-9)
    profit = sum(q[o] * maker.settle(after, o)[0] for o in range(3)) - cleared.payments[0]
    assert profit == pytest.approx(b * float((q * np.log(q / p)).sum()), rel=1e-9, abs=1e-11 * b)
    assert (cleared.allocation >= 0).all(), "never sells short"
    for o in range(3):  # the logarithmic score, paid in advance
        assert maker.settle(after, o)[0] - cleared.payments[0] == pytest.approx(b * math.log(q[o] / p[o]), abs=1e-9 * b)


def test_lmsr_keeps_its_digits() -> None:
    assert bought(LMSR(1e6), [1e-6, 0.0])[1][0] == pytest.approx(5e-7, rel=1e-12)
    assert bought(LMSR(1e-3), [1e9, 0.0])[1][0] == pytest.approx(1e9 - 1e-3 * math.log(2), rel=1e-15)
    state, paid = bought(LMSR(1.0), [2000.0, 0.0], [0.0, 1.0], [0.0, 1999.0])
    assert paid[1] == 0.0, "a share at a price of exp(-2000)"
    assert sum(paid) == pytest.approx(2000.0)
    assert LMSR(1.0).quote(state).tolist() == [0.5, 0.5]
    assert bought(LMSR(), [3.0, 3.0])[1][0] == pytest.approx(3.0), "a complete set costs what it pays"


# --- any cost function


def test_quadratic_closed_forms() -> None:
    maker = CostFunctionMarket(Quadratic(100.0, 2))
    state, (cost,) = bought(maker, [10.0, 0.0])  # in the interior p moves by s / 4b and the cost is the mean price
    assert maker.quote(state)[0] == pytest.approx(0.525)
    assert cost == pytest.approx(10 * (0.5 + 0.525) / 2)
    state, (cost,) = bought(maker, [1000.0, 0.0])  # p reaches 1 at 200 shares
    assert maker.quote(state).tolist() == [1.0, 0.0]
    assert cost == pytest.approx(200 * 0.75 + 800)
    assert -maker.house(state, 0) == pytest.approx(50.0)
    assert Quadratic(100.0, 2).worst_loss == pytest.approx(50.0)
    assert Quadratic(100.0, 4).worst_loss == pytest.approx(75.0)


def test_quadratic_truth_earns_the_brier_distance() -> None:
    maker, p, q = CostFunctionMarket(Quadratic(20.0, 3)), np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.6, 0.3])
    state, _ = maker.step(maker.open(2), TargetPrices([p, p], active=[False, True]))
    after, cleared = maker.step(state, TargetPrices([q, p], active=[True, False]))
    profit = sum(q[o] * maker.settle(after, o)[0] for o in range(3)) - cleared.payments[0]
    assert profit == pytest.approx(20.0 * ((q - p) ** 2).sum())


@EVERY
def test_prices_are_the_gradient_of_the_cost(maker) -> None:
    rng = np.random.default_rng(0)
    m, h = maker.quote(maker.open(1)).shape[-1], 1e-4
    for _ in range(5):
        state, _ = bought(maker, np.abs(rng.normal(size=m)) * 0.5 + 0.5)
        quoted = maker.quote(state)
        for k in range(m):
            up, down = (maker.step(state, TradeOrders([sign * h * np.eye(m)[k]]))[1].payments[0] for sign in (1, -1))
            assert (up - down) / (2 * h) == pytest.approx(quoted[k], abs=2e-5 if maker != MAKERS[2] else 2e-3)


@EVERY
def test_the_books_balance_at_every_outcome(maker) -> None:
    rng = np.random.default_rng(1)
    m = maker.quote(maker.open(1)).shape[-1]
    state, paid = maker.open(3, (4,)), 0.0
    for _ in range(6):
        state, cleared = maker.step(state, TradeOrders(rng.normal(size=(4, 3, m)), rng.random((4, 3)) < 0.8))
        paid = paid + cleared.payments
        assert not np.signbit(cleared.payments[cleared.payments == 0]).any()
    np.testing.assert_allclose(state.paid, paid, atol=1e-12)
    for outcome in range(m):
        payoffs = maker.settle(state, outcome)
        np.testing.assert_allclose((payoffs - paid).sum(-1) + maker.house(state, outcome), 0.0, atol=1e-11)
    mixed = maker.settle(state, np.array([0, 1, 0, 1]))
    assert np.array_equal(mixed[1], maker.settle(state, 1)[1])


@EVERY
def test_traders_act_in_order_of_number_and_bad_orders_stay_out(maker) -> None:
    m = maker.quote(maker.open(1)).shape[-1]
    shares = np.zeros((4, m))
    shares[0, 0], shares[1, 0], shares[2], shares[3, 1] = 0.5, np.nan, np.inf, 0.25
    orders = TradeOrders(shares)
    assert orders.refused.tolist() == [0, Reason.NOT_A_NUMBER, Reason.INFINITE, 0]
    _, cleared = maker.step(maker.open(4), orders)
    one_by_one = bought(maker, shares[0], shares[3])[1]
    np.testing.assert_allclose(cleared.payments, [one_by_one[0], 0.0, 0.0, one_by_one[1]], atol=1e-15)


# --- LS-LMSR


@given(
    q=st.lists(st.floats(0, 1e6), min_size=2, max_size=6).filter(lambda q: sum(q) > 1e-3),
    alpha=st.floats(0.001, 2),
)  # fmt: skip
@settings(max_examples=100, deadline=None, derandomize=True)
def test_liquidity_sensitive_price_sums(q, alpha) -> None:
    maker, n = LiquiditySensitive(alpha, len(q)), len(q)
    total = maker.prices(np.array(q)).sum()
    assert 1 - 1e-9 <= total <= 1 + alpha * n * math.log(n) + 1e-9
    even = maker.prices(np.full(n, 3.0)).sum()
    assert even == pytest.approx(1 + alpha * n * math.log(n)), "the upper end is reached at equal quantities"
    cost = maker.cost(np.array(q))
    assert maker.cost(2.0 * np.array(q)) == pytest.approx(2.0 * cost, rel=1e-12), (
        "homogeneous, so not translation invariant"
    )
    assert cost == pytest.approx(float((maker.prices(np.array(q)) * np.array(q)).sum()), rel=1e-9)  # Euler
    assert cost >= max(q)


def test_liquidity_sensitive_is_liquid_when_it_has_traded() -> None:
    maker = LiquiditySensitive(0.05, 2, 1.0)
    moves = []
    for volume in (1.0, 100.0):
        state, _ = bought(maker, [volume, volume])
        after, _ = maker.step(state, TradeOrders([[1.0, 0.0]]))
        moves.append(maker.quote(after)[0] - maker.quote(state)[0])
    assert moves[0] > 0.4 > 0.05 > moves[1]
    complete = bought(maker, [1.0, 1.0])[1][0]
    assert complete == pytest.approx(1 + 0.05 * 2 * math.log(2)), "a complete set costs more than it pays"


def test_liquidity_sensitive_refuses_to_go_below_zero() -> None:
    maker = LiquiditySensitive(0.05, 2, 1.0)
    state, cleared = maker.step(maker.open(1), TradeOrders([[-1.5, 0.0]]))
    assert not cleared.allocation.any()
    assert not cleared.payments.any()
    assert state.outstanding.tolist() == [1.0, 1.0]
    with pytest.raises(InputError, match="TradeOrders only"):
        maker.step(maker.open(1), TargetPrices([[0.4, 0.6]]))


# --- constant product


def test_constant_product_closed_forms() -> None:
    # pool 100 : 100, pay 10 for the first outcome: 110 complete sets in, 110 - 100^2 / 110 shares out
    maker = ConstantProduct(100.0)
    shares = float(maker.shares_for(maker.open(1), 0, 10.0))
    assert shares == pytest.approx(110 - 10_000 / 110, rel=1e-14)
    state, (cost,) = bought(maker, [shares, 0.0])
    assert cost == pytest.approx(10.0, rel=1e-12)
    np.testing.assert_allclose(state.reserves, [10_000 / 110, 110.0], rtol=1e-12)
    np.testing.assert_allclose(maker.quote(state), [110 / (110 + 10_000 / 110), 1 - 110 / (110 + 10_000 / 110)])
    selling = bought(maker, [shares, 0.0], [-shares, 0.0])[1]
    assert sum(selling) == pytest.approx(0.0, abs=1e-12)


@given(prob=st.floats(0.01, 0.99), money=st.floats(0.01, 1e4), outcome=st.integers(0, 1))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_manifold_semantics(prob, money, outcome) -> None:
    """y^p n^(1-p) = k; a purchase of YES gives y + a - (k (n + a)^(p - 1))^(1 / p) shares; price p n / ((1 - p) y + p n)."""
    maker = ConstantProduct(100.0, prior=(prob, 1 - prob))
    start = maker.open(1)
    assert maker.quote(start)[0] == pytest.approx(prob)
    y, n, p = 100.0, 100.0, prob
    k = y**p * n ** (1 - p)
    yes = y + money - (k * (n + money) ** (p - 1)) ** (1 / p)
    no = n + money - (k * (y + money) ** -p) ** (1 / (1 - p))
    shares = float(maker.shares_for(start, outcome, money))
    assert shares == pytest.approx((yes, no)[outcome], rel=1e-9)
    state, (cost,) = bought(maker, shares * np.eye(2)[outcome])
    assert cost == pytest.approx(money, rel=1e-7)
    y, n = state.reserves
    assert y**p * n ** (1 - p) == pytest.approx(k, rel=1e-9)
    assert maker.quote(state)[0] == pytest.approx(p * n / ((1 - p) * y + p * n), rel=1e-9)


def test_constant_product_loses_no_more_than_the_deposit() -> None:
    maker = ConstantProduct(50.0, 3, (0.2, 0.3, 0.5))
    for outcome in range(3):
        state, _ = bought(maker, 1e7 * np.eye(3)[outcome])
        assert 49.9 < -maker.house(state, outcome) <= 50.0
    state, cleared = maker.step(maker.open(1), TradeOrders([[2.0**40, 0.0, 0.0]]))
    assert np.isfinite(cleared.payments).all()
    extreme = ConstantProduct(100.0, prior=(0.001, 0.999))
    state, cleared = extreme.step(extreme.open(1), TradeOrders([[1e12, 0.0]]))
    assert not cleared.allocation.any(), "the pool would be empty to the last bit"
    assert (state.reserves == 100.0).all()


def test_constant_product_fees_and_liquidity() -> None:
    maker = ConstantProduct(100.0, fee=0.02)
    state, paid = bought(maker, [10.0, 0.0], [-10.0, 0.0])
    plain = bought(ConstantProduct(100.0), [10.0, 0.0])[1][0]
    assert paid[0] == pytest.approx(1.02 * plain)
    assert sum(paid) == pytest.approx(0.04 * plain)
    assert maker.house(state, 1) == pytest.approx(sum(paid))
    assert float(maker.shares_for(maker.open(1), 0, paid[0])) == pytest.approx(10.0)
    state, _ = bought(maker, [40.0, 0.0])
    more = maker.add_liquidity(state, 300.0)
    np.testing.assert_allclose(maker.quote(more), maker.quote(state), rtol=1e-12)
    assert maker.house(more, 0) == pytest.approx(float(maker.house(state, 0))), "adding money is no gain and no loss"
    moved = [maker.quote(maker.step(s, TradeOrders([[1.0, 0.0]]))[0])[0] - maker.quote(s)[0] for s in (state, more)]
    assert moved[1] < 0.5 * moved[0]
    with pytest.raises(InputError):
        maker.add_liquidity(state, 0.0)
    with pytest.raises(InputError):
        maker.shares_for(state, 0, -1.0)


# --- parimutuel


def test_parimutuel() -> None:
    market = Parimutuel(2, take=0.1)
    state, cleared = market.step(market.open(3), TradeOrders([[30.0, 0.0], [10.0, 0.0], [0.0, 60.0]]))
    assert cleared.prices.tolist() == [0.4, 0.6]
    assert cleared.payments.tolist() == [30.0, 10.0, 60.0]
    np.testing.assert_allclose(market.settle(state, 0), [67.5, 22.5, 0.0])
    np.testing.assert_allclose(market.settle(state, 1), [0.0, 0.0, 90.0])
    assert market.house(state, 0) == pytest.approx(10.0)
    state, cleared = market.step(market.open(2), TradeOrders([[5.0, 0.0], [-1.0, 3.0]]))
    assert cleared.payments.tolist() == [5.0, 0.0], "stakes are final"
    assert market.settle(state, 1).tolist() == [5.0, 0.0], "nobody backed the winner"
    assert market.house(state, 1) == 0.0
    assert np.isnan(market.quote(market.open(2))).all()


# --- doors


def test_parameters_are_checked() -> None:
    for wrong in (
        lambda: LMSR(0.0), lambda: LMSR(math.nan), lambda: LMSR(outcomes=1), lambda: LMSR(prior=(0.5, 0.6)),
        lambda: LMSR(prior=(1.0, 0.0)), lambda: Quadratic(-1.0), lambda: LiquiditySensitive(0.0),
        lambda: LiquiditySensitive(opening=0.0), lambda: ConstantProduct(0.0), lambda: ConstantProduct(fee=1.0),
        lambda: Parimutuel(1), lambda: Parimutuel(take=1.0), lambda: KellyMarket(1), lambda: KellyMarket(wealth=(-1.0, 2.0)),
        lambda: GlostenMilgrom(1.0), lambda: GlostenMilgrom(prior=0.0), lambda: GaussianMaker(noise=0.0),
        lambda: TradeOrders([1.0, 2.0]), lambda: TradeOrders([["a", "b"]]), lambda: TargetPrices([0.5, 0.5]),
        lambda: LMSR().step(LMSR().open(1), TradeOrders([[1.0, 0.0, 0.0]])),
        lambda: LMSR().step(LMSR().open(1), "buy"),
        lambda: LMSR().settle(LMSR().open(1), 2), lambda: LMSR().settle(LMSR().open(1), 0.5),
        lambda: Parimutuel().step(Parimutuel().open(1), TargetPrices([[0.5, 0.5]])),
    ):  # fmt: skip
        with pytest.raises(InputError):
            wrong()


def test_target_prices_are_screened() -> None:
    orders = TargetPrices([[2.0, 6.0], [np.nan, 1.0], [-0.1, 1.1], [0.0, 0.0]])
    assert orders.price[0].tolist() == [0.25, 0.75]
    assert orders.active.tolist() == [True, False, False, False]
    assert sorted(orders.reasons()) == [1, 2, 3]
    for maker in (LMSR(), ConstantProduct()):  # a price of 0 would take infinitely many shares
        _, cleared = maker.step(maker.open(1), TargetPrices([[0.0, 1.0]]))
        assert not cleared.allocation.any()
    sure = CostFunctionMarket()
    state, _ = sure.step(sure.open(1), TargetPrices([[0.0, 1.0]]))
    assert sure.quote(state).tolist() == [0.0, 1.0]
