"""Cases from textbooks: trade and public goods, matching, information, general equilibrium."""

import itertools
import math

import numpy as np
import pytest

from marketic import Bids
from marketic.clearing import Clearing
from marketic.domains.rankings import RankedObjects
from marketic.mechanisms.clarke_pivot import ClarkePivot
from marketic.mechanisms.deferred_acceptance import DeferredAcceptance
from marketic.mechanisms.lmsr import LMSR
from marketic.mechanisms.mcafee import McAfee
from marketic.mechanisms.parimutuel import Parimutuel
from marketic.mechanisms.tatonnement import Tatonnement
from marketic.mechanisms.top_trading_cycles import TopTradingCycles
from marketic.mechanisms.trade_reduction import TradeReduction
from marketic.mechanisms.vcg_exchange import VCGExchange
from marketic.rankings import Rankings
from marketic.trade_orders import TargetPrices, TradeOrders

# --- trade and public goods


def test_bilateral_trade_by_vcg_costs_the_difference():
    """Nisan et al. 2007, section 9.3.5.3: the buyer pays the cost, the seller gets the value, the house the deficit."""
    cleared = VCGExchange().clear(Bids([10.0, 4.0], side=[1, -1]))
    assert cleared.payments.tolist() == [4.0, -10.0]
    assert not VCGExchange().clear(Bids([4.0, 10.0], side=[1, -1])).payments.any()


def test_mcafees_two_cases():
    """McAfee 1992: the price (b_(k+1) + s_(k+1)) / 2 suits the last pair, or that pair stays out and sets the prices."""
    clear = lambda buyers, sellers: McAfee().clear(Bids([*buyers, *sellers], side=[1] * 4 + [-1] * 4)).payments  # noqa: E731
    assert clear([10, 8, 5, 3], [1, 4, 6, 9]).tolist() == [5.5, 5.5, 0, 0, -5.5, -5.5, 0, 0]
    assert clear([10, 8, 1, 0], [1, 4, 9, 9]).tolist() == [5, 5, 0, 0, -5, -5, 0, 0]
    assert clear([10, 8, 7.9, 0], [1, 4, 12, 12]).tolist() == [8, 0, 0, 0, -4, 0, 0, 0]
    reduced = TradeReduction().clear(Bids([10, 8, 5, 3, 1, 4, 6, 9], side=[1] * 4 + [-1] * 4))
    assert reduced.payments.tolist() == [8, 0, 0, 0, -4, 0, 0, 0]


def test_clarke_taxes_of_a_vote():
    """Clarke 1971: at 100, 100, -50 nobody is pivotal; at 30, 40, -50 the first two are; at 30, 10, -50 the last one is."""
    assert ClarkePivot().clear(Bids([100.0, 100.0, -50.0])).payments.tolist() == [0.0, 0.0, 0.0]
    assert ClarkePivot().clear(Bids([30.0, 40.0, -50.0])).payments.tolist() == [10.0, 20.0, 0.0]
    refused = ClarkePivot().clear(Bids([30.0, 10.0, -50.0]))
    assert refused.payments.tolist() == [0.0, 0.0, 40.0], "who blocks it pays what the others lose"


# --- matching (Roth and Sotomayor, Two-Sided Matching, 1990)

KNUTH = Rankings(
    order=[[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]],
    priority=[[3, 2, 1, 0], [2, 3, 0, 1], [1, 0, 3, 2], [0, 1, 2, 3]],
)


def test_knuths_ten_stable_matchings_are_a_lattice():
    """Example 2.17: ten of the 24 matchings are stable; men's and women's choices between two of them are stable again."""
    batch = Rankings(KNUTH.order[None], KNUTH.priority[None])
    stable = set()
    for match in itertools.permutations(range(4)):
        clearing = Clearing(np.eye(4)[None, list(match)], np.zeros((1, 4)), np.full((1, 4), np.nan))
        if not RankedObjects().blocking_pairs(batch, clearing)[0]:
            stable.add(match)
    assert len(stable) == 10
    place = np.argsort(KNUTH.order, axis=1)
    for one, other in itertools.product(stable, repeat=2):
        better = tuple(min(a, b, key=lambda j: place[i, j]) for i, (a, b) in enumerate(zip(one, other, strict=True)))
        worse = tuple(max(a, b, key=lambda j: place[i, j]) for i, (a, b) in enumerate(zip(one, other, strict=True)))
        assert {better, worse} <= stable
    men = DeferredAcceptance().clear(KNUTH).allocation.argmax(axis=-1).tolist()
    women = DeferredAcceptance().clear(Rankings(KNUTH.priority, KNUTH.order)).allocation.argmax(axis=-1).tolist()
    assert (men, women) == ([0, 1, 2, 3], [3, 2, 1, 0]), "everybody's first choice, in turn"
    assert tuple(men) in stable
    assert tuple(np.argsort(women).tolist()) in stable


def test_the_lone_wolf_is_alone_in_every_stable_matching():
    """Theorem 2.22 (Gale and Sotomayor 1985): who is single in one stable matching is so in all; three men, two women."""
    order, priority = [[0, 1], [0, 1], [1, 0]], [[2, 0, 1], [0, 2, 1]]
    by_men = DeferredAcceptance().clear(Rankings(order, priority)).allocation
    by_women = DeferredAcceptance().clear(Rankings(priority, order)).allocation
    assert by_men.any(axis=-1).tolist() == [True, False, True]
    assert by_women.argmax(axis=-1).tolist() == [2, 0]


def test_trading_cycles_of_six_houses():
    """A ring of three, then a pair, then one who keeps what is left, and has no list that would change that."""
    ring, rest = [[1, 0, 2, 3, 4, 5], [2, 0, 1, 3, 4, 5], [0, 1, 2, 3, 4, 5]], [0, 1, 2, 3, 4, 5]
    order = [*ring, [0, 4, 3, 1, 2, 5], [1, 3, 4, 0, 2, 5], rest]
    outcome = TopTradingCycles().clear(Rankings(order, endowment=range(6))).allocation.argmax(axis=-1).tolist()
    assert outcome == [1, 2, 0, 4, 3, 5]
    for lie in itertools.islice(itertools.permutations(range(6)), 0, 720, 7):
        told = Rankings([*order[:5], list(lie)], endowment=range(6))
        assert order[5].index(TopTradingCycles().clear(told).allocation[5].argmax()) >= order[5].index(5)


# --- information


def test_hansons_market_maker_pays_the_surprise_of_a_true_report():
    """Hanson 2003: with b = 1 / ln 2, from 1/2 to 3/4 and on to 1/4 earns log2 of the ratio; together they telescope."""
    maker = LMSR(1 / math.log(2))
    state, first = maker.step(maker.open(2), TargetPrices([[0.75, 0.25], [0.5, 0.5]], active=[True, False]))
    state, second = maker.step(state, TargetPrices([[0.5, 0.5], [0.25, 0.75]], active=[False, True]))
    paid = first.payments + second.payments
    scores = [(maker.settle(state, outcome) - paid).tolist() for outcome in (0, 1)]
    assert scores[0] == pytest.approx([math.log2(1.5), math.log2(1 / 3)])
    assert scores[1] == pytest.approx([-1.0, math.log2(3)])
    assert -maker.house(state, 1) == pytest.approx(math.log2(1.5))


def test_a_race_of_two_horses():
    """Easley and Kleinberg 2010, chapter 22: equal wealth, beliefs (1/2, 1/2) and (1/3, 2/3): prices 5/12 and 7/12."""
    track = Parimutuel(2)
    state, cleared = track.step(track.open(2), TradeOrders([[1 / 2, 1 / 2], [1 / 3, 2 / 3]]))
    assert cleared.prices == pytest.approx([5 / 12, 7 / 12])
    assert track.settle(state, 0) == pytest.approx([6 / 5, 4 / 5])
    assert track.settle(state, 1) == pytest.approx([6 / 7, 8 / 7])


# --- general equilibrium


def test_two_cobb_douglas_traders():
    """Shares 1/4 and 1/2 of good 1, one unit of good 1 and of good 2: p1 / p2 = b / (1 - a) = 2/3 (Mas-Colell et al. 1995)."""
    share = np.array([[0.25, 0.75], [0.5, 0.5]])

    def demand(prices):
        return share * prices[:, None] / prices  # trader i owns one unit of good i

    found = Tatonnement().solve(demand, [1.0, 1.0], start=[3.0, 1.0])
    assert found.prices[0] / found.prices[1] == pytest.approx(2 / 3, rel=1e-6)
    assert found.certificate.status == "optimal"


def scarf(prices):
    """Trader i owns good i, and wants it and the next one in equal amounts."""
    amount = prices / (prices + np.roll(prices, -1))
    return np.diag(amount) + np.roll(np.diag(amount), 1, axis=1)


def test_scarfs_prices_circle_for_ever():
    """Scarf 1960: under dp/dt = z(p) the sum of squares stays, by Walras's law, and the prices come no nearer to (1, 1, 1)."""
    prices, step = np.array([1.0, 0.5, 0.25]), 0.02
    excess = lambda p: scarf(p).sum(axis=0) - 1.0  # noqa: E731
    apart = []
    for _ in range(3_000):  # Runge and Kutta, to t = 60
        k1 = excess(prices)
        k2 = excess(prices + step / 2 * k1)
        k3 = excess(prices + step / 2 * k2)
        prices = prices + step / 6 * (k1 + 2 * k2 + 2 * k3 + excess(prices + step * k3))
        apart.append(np.ptp(prices))
    assert (prices**2).sum() == pytest.approx(1.3125, abs=1e-8)
    assert min(apart) > 0.4
    assert (
        Tatonnement(max_rounds=2_000).solve(scarf, np.ones(3), start=[1.0, 0.5, 0.25]).certificate.status == "refused"
    )
    assert scarf(np.ones(3)).sum(axis=0).tolist() == [1.0, 1.0, 1.0], "although there is an equilibrium"
