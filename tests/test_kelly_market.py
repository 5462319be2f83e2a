"""Bettors of logarithmic utility: their market against wealth-weighted beliefs, Bayes' posterior and the papers."""

import math

import numpy as np
import pytest

from marketic.errors import InputError
from marketic.mechanisms.kelly_market import KellyMarket
from marketic.mechanisms.parimutuel import Parimutuel
from marketic.trade_orders import TargetPrices, TradeOrders


def test_log_utility_bettors_make_the_price_their_wealth_weighted_belief() -> None:
    rng = np.random.default_rng(2)
    wealth, views = rng.random(5), rng.dirichlet(np.ones(3), size=5)
    pari, state = Parimutuel(3), Parimutuel(3).open(5)
    state, cleared = pari.step(state, TradeOrders(wealth[:, None] * views))
    expected = wealth @ views / wealth.sum()
    np.testing.assert_allclose(cleared.prices, expected, rtol=1e-12)
    kelly = KellyMarket(3, tuple(wealth))
    books, bets = kelly.step(kelly.open(5), TargetPrices(views))
    np.testing.assert_allclose(bets.prices, expected, rtol=1e-12)
    for outcome in range(3):
        np.testing.assert_allclose(kelly.settle(books, outcome), pari.settle(state, outcome), rtol=1e-12)
    # and betting in proportion to belief is what log utility wants at these prices
    own, best = views[0], float((views[0] * np.log(views[0] / expected)).sum())
    for other in rng.dirichlet(np.ones(3), size=200):
        assert (own * np.log(other / expected)).sum() <= best


def test_kelly_wealth_is_bayes_posterior() -> None:
    """Beygelzimer, Langford and Pennock 2012."""
    market = KellyMarket(wealth=(0.2, 0.5, 0.3))
    rain, state = np.array([0.3, 0.6, 0.9]), market.open(3)
    for outcome in (1, 1, 0, 1):
        state, _ = market.step(state, TargetPrices(np.stack([1 - rain, rain], axis=-1)))
        state = market.resolve(state, outcome)
    posterior = np.array([0.2, 0.5, 0.3]) * rain**3 * (1 - rain)
    np.testing.assert_allclose(market.owned(state), posterior / posterior.sum(), rtol=1e-12)
    np.testing.assert_allclose(market.owned(state), [0.0549, 0.6274, 0.3176], atol=6e-5)


def digits_of_pi(count: int) -> np.ndarray:
    """The first decimals, by Machin's (1706) formula in whole numbers with ten guard digits: int64 [count]."""
    one = 10 ** (count + 10)

    def arctan_of_inverse(x: int) -> int:
        power, total, k = one // x, 0, 0
        while power:
            total += (-1) ** k * (power // (2 * k + 1))
            power, k = power // (x * x), k + 1
        return total

    pi, digits = (16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)) // 10**10, []
    for _ in range(count):
        pi, last = divmod(pi, 10)
        digits.append(last)
    return np.array(digits[::-1])


@pytest.mark.parametrize(("question", "regret"), [("is below 3", 2.671), ("is 7", 2.785)])
def test_kelly_market_on_the_digits_of_pi(question: str, regret: float) -> None:
    """Beygelzimer et al. 2012: regret <= ln 20. 20 traders who always say .025, .075, ... .975, 1/20 each, on 5000 digits."""
    digits = digits_of_pi(5_000)
    assert digits[:8].tolist() == [1, 4, 1, 5, 9, 2, 6, 5]
    events = (digits < 3 if question == "is below 3" else digits == 7).astype(int)
    pool = (np.arange(20) + 0.5) / 20
    views = TargetPrices(np.stack([1 - pool, pool], axis=-1))
    market, prices = KellyMarket(), np.zeros(len(events))
    state = market.open(20)
    for day, event in enumerate(events):
        state, cleared = market.step(state, views)
        prices[day] = cleared.prices[1]
        state = market.resolve(state, int(event))
    losses = -np.where(events[:, None] == 1, np.log(pool), np.log(1 - pool)).sum(axis=0)
    loss = -np.where(events == 1, np.log(prices), np.log(1 - prices)).sum()
    assert loss - losses.min() == pytest.approx(regret, abs=1e-3)
    assert loss - losses.min() <= math.log(20)
    np.testing.assert_allclose(loss - losses, state.log_wealth + math.log(20), atol=1e-7)
    assert market.owned(state).sum() == pytest.approx(1.0, abs=1e-9)
    if question == "is below 3":  # it ends between the two neighbours of .3 on the traders' grid
        assert abs(prices[-50:] - 0.3).mean() == pytest.approx(0.012, abs=5e-4)


def test_kelly_market_forgets_nobody() -> None:
    market, state = KellyMarket(), KellyMarket().open(2)
    views = TargetPrices([[1 - 1e-9, 1e-9], [1e-9, 1 - 1e-9]])
    for outcome in [0] * 100 + [1] * 101:  # exp(-2000) is no number, but its logarithm is
        state = market.resolve(market.step(state, views)[0], outcome)
    assert market.owned(state)[1] == pytest.approx(1.0)
    sitting = TargetPrices([[0.9, 0.1], [0.2, 0.8]], active=[False, True])
    after, cleared = market.step(state, sitting)
    assert cleared.payments[0] == 0.0
    assert market.owned(market.resolve(after, 0))[0] == pytest.approx(market.owned(state)[0])


def test_kelly_bets_on_the_impossible_are_void() -> None:
    market = KellyMarket()
    state, cleared = market.step(market.open(2), TargetPrices([[1.0, 0.0], [1.0, 0.0]]))
    assert cleared.prices.tolist() == [1.0, 0.0]
    assert market.settle(state, 1).tolist() == [0.5, 0.5]
    np.testing.assert_allclose(market.owned(market.resolve(state, 1)), 0.5)
    with pytest.raises(InputError, match="resolve"):
        market.step(state, TargetPrices([[0.5, 0.5], [0.5, 0.5]]))
    with pytest.raises(InputError, match="no bets"):
        market.resolve(market.open(2), 0)
    with pytest.raises(InputError, match="wealth for 2"):
        KellyMarket(wealth=(1.0, 1.0)).open(3)
