"""Makers that learn from who trades: against closed forms and quadrature."""

import itertools
import math

import numpy as np
import pytest

from marketic.mechanisms.bayesian_market_maker import GaussianMaker, GlostenMilgrom
from marketic.trade_orders import TradeOrders


@pytest.mark.parametrize("mu", [0.0, 0.2, 0.5, 0.9])
def test_glosten_and_milgrom(mu: float) -> None:
    maker = GlostenMilgrom(informed=mu)
    np.testing.assert_allclose(maker.quote(maker.open(1)), [(1 - mu) / 2, (1 + mu) / 2], atol=1e-15)
    for prior, history in itertools.product((0.1, 0.5, 0.8), ((), (1,), (1, 1, -1), (-1, -1))):
        maker, state, high, low = GlostenMilgrom(mu, prior), GlostenMilgrom(mu, prior).open(1), prior, 1 - prior
        for side in history:
            state, _ = maker.step(state, TradeOrders([[side]]))
            high, low = high * (1 + side * mu) / 2, low * (1 - side * mu) / 2
        buy, sell = (
            high * (1 + mu) / (high * (1 + mu) + low * (1 - mu)),
            high * (1 - mu) / (high * (1 - mu) + low * (1 + mu)),
        )
        np.testing.assert_allclose(maker.quote(state), [sell, buy], rtol=1e-12)
    for side in (1.0, -1.0):  # zero expected profit, by its own beliefs
        profit = 0.0
        for outcome, chance in ((1, 0.3), (0, 0.7)):
            maker = GlostenMilgrom(mu, 0.3)
            state, _ = maker.step(maker.open(1), TradeOrders([[side]]))
            likely = (1 + mu) / 2 if (side > 0) == (outcome == 1) else (1 - mu) / 2
            profit += chance * likely * maker.house(state, outcome)
        assert profit == pytest.approx(0.0, abs=1e-15)


def test_glosten_and_milgrom_learns_and_can_be_led() -> None:
    maker = GlostenMilgrom(informed=0.3)
    state, rng = maker.open(1, (500,)), np.random.default_rng(3)
    for _ in range(200):  # V = 1
        informed = rng.random((500, 1, 1)) < 0.3
        state, _ = maker.step(state, TradeOrders(np.where(informed, 1.0, rng.choice([-1.0, 1.0], size=(500, 1, 1)))))
    quoted = maker.quote(state)
    assert (quoted[:, 1] - quoted[:, 0]).mean() < 1e-3
    assert quoted.mean() > 0.999
    state = maker.open(1)
    for side in [1.0] * 30 + [-1.0] * 60:
        state, _ = maker.step(state, TradeOrders([[side]]))
    assert float(maker.quote(state)[1]) < 1e-6, "and if V is 1 all the same, it has bought them cheap"
    assert not maker.step(maker.open(1), TradeOrders([[2.0]]))[1].allocation.any()


@pytest.mark.parametrize(("deviation", "noise"), [(1.0, 1.0), (2.0, 1.2), (0.3, 5.0)])
def test_gaussian_maker_against_quadrature(deviation: float, noise: float) -> None:
    maker = GaussianMaker(10.0, deviation, noise)
    state = maker.open(1)
    bid, ask = maker.quote(state)
    assert (bid + ask) / 2 == pytest.approx(10.0)
    v = 10.0 + deviation * np.linspace(-9, 9, 40_001)
    tail = np.array([math.erfc((ask - x) / (noise * math.sqrt(2))) / 2 for x in v])  # chance to buy, given V
    weight = np.exp(-0.5 * ((v - 10.0) / deviation) ** 2) * tail
    weight /= weight.sum()
    mean = float((weight * v).sum())
    assert ask == pytest.approx(mean, abs=1e-7), "zero profit: the ask is what V is worth given a purchase"
    after, cleared = maker.step(state, TradeOrders([[1.0]]))
    assert cleared.payments[0] == ask
    assert float(after.mean) == pytest.approx(mean, abs=1e-7)
    assert float(after.variance) == pytest.approx(float((weight * (v - mean) ** 2).sum()), rel=1e-6)
    for _ in range(50):
        after, _ = maker.step(after, TradeOrders([[1.0]]))
        after, _ = maker.step(after, TradeOrders([[-1.0]]))
    spread = maker.quote(after)
    assert spread[1] - spread[0] < 0.9 * (ask - bid)
