"""Worked examples of the field's textbooks and founding papers, by hand: one test, one example, with its place."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from marketic import Bids, Claim
from marketic.assignment_bids import AssignmentBids
from marketic.bundle_bids import BundleBids
from marketic.checks.equilibrium import check_equilibrium
from marketic.claims import Holds, Terms
from marketic.clearing import Clearing
from marketic.demand_bids import DemandBids
from marketic.domains import SingleGood
from marketic.domains.rankings import RankedObjects
from marketic.mechanisms.all_pay import AllPay
from marketic.mechanisms.assignment_market import AssignmentMarket
from marketic.mechanisms.clarke_pivot import ClarkePivot
from marketic.mechanisms.core_selecting import CoreSelecting
from marketic.mechanisms.deferred_acceptance import DeferredAcceptance
from marketic.mechanisms.first_price import FirstPrice
from marketic.mechanisms.greedy_single_minded import GreedySingleMinded
from marketic.mechanisms.lmsr import LMSR
from marketic.mechanisms.mcafee import McAfee
from marketic.mechanisms.myerson import Myerson
from marketic.mechanisms.parimutuel import Parimutuel
from marketic.mechanisms.position import GSP, VCGPosition
from marketic.mechanisms.proxy_auction import AscendingProxy
from marketic.mechanisms.reserve import SecondPriceReserve
from marketic.mechanisms.second_price import SecondPrice
from marketic.mechanisms.tatonnement import Tatonnement
from marketic.mechanisms.third_price import ThirdPrice
from marketic.mechanisms.top_trading_cycles import TopTradingCycles
from marketic.mechanisms.trade_reduction import TradeReduction
from marketic.mechanisms.uniform_price import UniformPrice
from marketic.mechanisms.vcg import VCG
from marketic.mechanisms.vcg_exchange import VCGExchange
from marketic.mechanisms.vickrey_units import VickreyUnits
from marketic.rankings import Rankings
from marketic.trade_orders import TargetPrices, TradeOrders

# --- one good (Krishna, Auction Theory, 2nd edition, 2010)

EXPONENTIAL = stats.expon()
SQUARE = stats.beta(2, 1)  # F(x) = x^2


def exponential_shading(value, n):
    """Example 2.2, two bidders, F(x) = 1 - exp(-x): b = 1 - x exp(-x) / (1 - exp(-x)), never above 1."""
    safe = np.maximum(value, 1e-12)
    return 1.0 - safe / np.expm1(safe)


def power_shading(value, n):
    """F(x) = x^a: b = a (n - 1) / (a (n - 1) + 1) x, from example 2.1; here a = 2."""
    return 2 * (n - 1) / (2 * (n - 1) + 1) * value


def reserve_shading(value, n, reserve=0.5):
    """Section 2.5, U[0, 1]: b = ((n - 1) x + r^n / x^(n - 1)) / n from the reserve on, and no bid (0) below."""
    safe = np.maximum(value, reserve)
    return np.where(value < reserve, 0.0, ((n - 1) * safe + reserve**n / safe ** (n - 1)) / n)


def power_overbidding(value, n):
    """Proposition 3.2, third price: b = x + F(x) / ((n - 2) f(x)); for F = x^2: x + x / (2 (n - 2))."""
    return value + value / (2 * (n - 2))


def square_effort(value, n):
    """Section 3.2, all-pay: b is the integral of y (n - 1) F^(n-2) f; for F = x^2: 2 (n - 1) / (2 n - 1) x^(2n - 1)."""
    return 2 * (n - 1) / (2 * n - 1) * value ** (2 * n - 1)


EQUILIBRIA = {
    "first price, exponential": (FirstPrice(), exponential_shading, EXPONENTIAL, (2,)),
    "first price, F = x^2": (FirstPrice(), power_shading, SQUARE, (2, 4)),
    "third price, F = x^2": (ThirdPrice(), power_overbidding, SQUARE, (3, 4)),
    "all-pay, F = x^2": (AllPay(), square_effort, SQUARE, (2, 3)),
}


@pytest.mark.parametrize("case", EQUILIBRIA.values(), ids=EQUILIBRIA)
def test_krishnas_equilibria_and_no_others(case):
    auction, strategy, prior, sizes = case
    terms = Terms(Holds.EQUILIBRIUM, strategy=strategy, prior=prior, sizes=sizes)
    assert check_equilibrium(auction, SingleGood(), Claim.BIC, terms, seed=0)[0] == ""
    bolder = Terms(Holds.EQUILIBRIUM, strategy=lambda v, n: 0.7 * strategy(v, n), prior=prior, sizes=sizes[:1])
    assert check_equilibrium(auction, SingleGood(), Claim.BIC, bolder, seed=0)[0] != ""


def test_revenue_of_two_exponential_bidders():
    """The expected second highest of two exponential values is 1/2, and first price collects it as well (section 2.4)."""
    value = np.random.default_rng(0).exponential(size=(200_000, 2))
    for auction, bids in ((SecondPrice(), value), (FirstPrice(), exponential_shading(value, 2))):
        revenue = auction.clear(Bids(bids)).payments.sum(axis=1)
        assert revenue.mean() == pytest.approx(0.5, abs=4 * revenue.std() / math.sqrt(len(revenue)))


def test_reserve_of_half_in_a_second_price_auction_of_two():
    """Section 2.5, U[0, 1], n = 2: the reserve 1/2 collects 5/12; so does the formula of what a bidder of value x pays."""
    grid = (np.arange(1_000) + 0.5) / 1_000
    value = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    cleared = SecondPriceReserve(0.5).clear(Bids(value))
    assert cleared.payments.sum(axis=1).mean() == pytest.approx(5 / 12, abs=1e-5)
    assert Myerson().clear(Bids(value)).payments.sum(axis=1).mean() == pytest.approx(5 / 12, abs=1e-5)
    own = value[:, 0] == grid[799]  # x = .7995: r F(r) + integral of y from r to x
    assert cleared.payments[own, 0].mean() == pytest.approx(0.25 + (grid[799] ** 2 - 0.25) / 2, abs=1e-3)
    shaded = reserve_shading(value, 2)
    sold = np.where(shaded.max(axis=1) >= 0.5, shaded.max(axis=1), 0.0)
    assert sold.mean() == pytest.approx(5 / 12, abs=1e-5), "revenue equivalence with a reserve"


def test_the_cheapest_contractor_gets_the_second_lowest_cost():
    """Nisan, Roughgarden, Tardos and Vazirani 2007, section 9.3.5.2: a reverse auction is a Vickrey auction of a burden."""
    cleared = SecondPrice().clear(Bids([-30.0, -10.0, -20.0]))
    assert cleared.allocation.tolist() == [False, True, False]
    assert cleared.payments.tolist() == [0.0, -20.0, 0.0]


def test_myersons_two_uniform_bidders_of_different_strength():
    """Roughgarden, Twenty Lectures (2016), lecture 5: virtual values 2v - 1 and 2v - 2; 0.9 beats 1.3, and pays .8."""
    auction = Myerson((stats.uniform(0, 1), stats.uniform(0, 2)))
    cleared = auction.clear(Bids([0.9, 1.3]))
    assert cleared.allocation.tolist() == [True, False]
    assert cleared.payments == pytest.approx([0.8, 0.0])
    cleared = auction.clear(Bids([0.9, 1.5]))
    assert cleared.payments == pytest.approx([0.0, 1.4])
    assert not auction.clear(Bids([0.49, 0.99])).allocation.any()


# --- slots (Easley and Kleinberg, Networks, Crowds, and Markets, 2010, chapter 15)


def test_three_slots_by_vcg():
    """Section 15.3: 10, 5, 2 clicks, 3, 2, 1 per click: the harm to others is 13, 3, 0."""
    assert VCGPosition((10, 5, 2)).clear(Bids([3.0, 2.0, 1.0])).payments.tolist() == [13.0, 3.0, 0.0]
    slots = AssignmentBids([[30, 15, 6], [20, 10, 4], [10, 5, 2]])
    assert AssignmentMarket(0.0).clear(slots).payments.tolist() == [13.0, 3.0, 0.0], "and as a matching market"


def test_truth_in_gsp_is_no_equilibrium():
    """Section 15.5: 10 and 4 clicks, values 7, 6, 1. x earns 10 with the truth and 24 by bidding 5."""
    auction = GSP((10, 4))

    def earned(bids):
        cleared = auction.clear(Bids(bids))
        return (np.array([7.0, 6.0, 1.0]) * cleared.allocation - cleared.payments).tolist()

    assert earned([7.0, 6.0, 1.0]) == [10.0, 20.0, 0.0]
    assert earned([5.0, 6.0, 1.0])[0] == 24.0
    assert sum(auction.clear(Bids([5.0, 4.0, 2.0])).payments) == 48.0, "one equilibrium"
    assert sum(auction.clear(Bids([3.0, 5.0, 1.0])).payments) == 34.0, "another, and not the best assignment"
    for bids in ([5.0, 4.0, 2.0], [3.0, 5.0, 1.0]):  # nobody gains by any other bid
        for who, other in itertools.product(range(3), np.arange(0.25, 9.0, 0.5)):
            assert earned([*bids[:who], other, *bids[who + 1 :]])[who] <= earned(bids)[who]
    assert VCGPosition((10, 4)).clear(Bids([7.0, 6.0, 1.0])).payments.tolist() == [40.0, 4.0, 0.0]


def test_market_clearing_prices():
    """Section 10.3: values (12, 4, 2), (8, 7, 6), (7, 5, 2): the ascending procedure stops at the lowest prices, 3, 1, 0."""
    houses = AssignmentBids([[12, 4, 2], [8, 7, 6], [7, 5, 2]])
    lowest, highest = AssignmentMarket(0.0).clear(houses), AssignmentMarket(1.0).clear(houses)
    assert lowest.prices.tolist() == [3.0, 1.0, 0.0]
    assert lowest.allocation.argmax(axis=-1).tolist() == [0, 2, 1]
    assert (highest.prices >= lowest.prices).all()
    surplus = houses.value - highest.prices
    assert np.take_along_axis(surplus, lowest.allocation.argmax(axis=-1)[:, None], 1)[:, 0] == pytest.approx(
        surplus.max(1)
    )


# --- several units and packages


def test_identical_items_with_unit_demand():
    """Nisan et al. 2007, section 9.3.5: k items, unit demand: the k highest win and pay the (k + 1)st bid."""
    bids = DemandBids([[8.0], [3.0], [6.0], [5.0], [7.0]])
    for auction in (VickreyUnits(3), UniformPrice(3)):
        assert auction.clear(bids).payments.tolist() == [5.0, 0.0, 5.0, 0.0, 5.0]


def test_vickreys_payments_differ_for_equal_units():
    """Two units, marginal values (10, 5) and (8, 6): each pays the bid that it displaces (Krishna 2010, chapter 12)."""
    bids = DemandBids([[10.0, 5.0], [8.0, 6.0]])
    assert VickreyUnits(2).clear(bids).payments.tolist() == [6.0, 5.0]
    assert UniformPrice(2).clear(bids).payments.tolist() == [6.0, 6.0]


def test_lovely_but_lonely_vickrey():
    """Ausubel and Milgrom 2006: 2 for the pair against 2 for either item, revenue 0; with one item bidder gone, 2; and the
    losers with 1/2 each win both for nothing if they both say 2."""
    wealthy = BundleBids.of({"AB": 2.0}, {"A": 2.0, "B": 2.0, "AB": 2.0}, {"A": 2.0, "B": 2.0, "AB": 2.0})
    assert VCG().clear(wealthy).payments.tolist() == [0.0, 0.0, 0.0]
    assert VCG().clear(BundleBids.of({"AB": 2.0}, {"A": 2.0, "B": 2.0, "AB": 2.0})).payments.sum() == 2.0
    honest = VCG().clear(BundleBids.of({"AB": 2.0}, {"A": 0.5}, {"B": 0.5}))
    assert honest.allocation[0].all()
    assert honest.payments.tolist() == [1.0, 0.0, 0.0]
    assert AscendingProxy().clear(wealthy).payments.sum() == pytest.approx(2.0)
    assert CoreSelecting().clear(wealthy).payments == pytest.approx([0.0, 1.0, 1.0])


def test_day_and_cramtons_quadratic_rule():
    """Day and Cramton 2012: 28 A, 20 B, 32 AB, 14 A, 12 B. VCG 14 and 12; the core wants 32 together: nearest 17 and 15."""
    bids = BundleBids.of({"A": 28.0}, {"B": 20.0}, {"AB": 32.0}, {"A": 14.0}, {"B": 12.0})
    assert VCG().clear(bids).payments.tolist() == [14.0, 12.0, 0.0, 0.0, 0.0]
    assert CoreSelecting().clear(bids).payments == pytest.approx([17.0, 15.0, 0.0, 0.0, 0.0], abs=1e-9)
    assert CoreSelecting("zero").clear(bids).payments == pytest.approx([16.0, 16.0, 0.0, 0.0, 0.0], abs=1e-9)


def test_package_bids_that_are_substitutes_make_vcg_a_core_outcome():
    """Milgrom, Putting Auction Theory to Work (2004), chapter 8: with substitutes VCG is the bidders' best core point."""
    bids = BundleBids.of(
        {"A": 6.0, "B": 5.0, "AB": 9.0}, {"A": 4.0, "B": 4.0, "AB": 7.0}, {"A": 3.0, "B": 1.0, "AB": 4.0}
    )
    vcg = VCG().clear(bids)
    assert vcg.payments.tolist() == [3.0, 3.0, 0.0]  # 10 together; without 0: 7, without 1: 8
    for rule in (CoreSelecting("vcg"), CoreSelecting("bid"), AscendingProxy()):
        assert rule.clear(bids).payments == pytest.approx(vcg.payments, abs=1e-9)


def test_greedy_package_auction_with_critical_values():
    """Lehmann, O'Callaghan and Shoham 2002, section 1: 10 for A, 19 for AB, 8 for B, ranked by v / sqrt(size)."""
    cleared = GreedySingleMinded().clear(BundleBids.of({"A": 10.0}, {"AB": 19.0}, {"B": 8.0}))
    assert cleared.allocation.any(axis=-1).tolist() == [False, True, False]
    assert cleared.payments == pytest.approx([0.0, 10.0 * math.sqrt(2), 0.0])
    less = GreedySingleMinded().clear(BundleBids.of({"A": 10.0}, {"AB": 14.0}, {"B": 8.0}))
    assert less.allocation.any(axis=-1).tolist() == [True, False, True]
    assert less.payments == pytest.approx([14.0 / math.sqrt(2), 0.0, 0.0]), "B would win with any bid: AB has lost to A"


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
