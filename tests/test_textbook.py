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
from marketic.demand_bids import DemandBids
from marketic.domains import SingleGood
from marketic.mechanisms.all_pay import AllPay
from marketic.mechanisms.assignment_market import AssignmentMarket
from marketic.mechanisms.core_selecting import CoreSelecting
from marketic.mechanisms.first_price import FirstPrice
from marketic.mechanisms.greedy_single_minded import GreedySingleMinded
from marketic.mechanisms.myerson import Myerson
from marketic.mechanisms.position import GSP, VCGPosition
from marketic.mechanisms.proxy_auction import AscendingProxy
from marketic.mechanisms.reserve import SecondPriceReserve
from marketic.mechanisms.second_price import SecondPrice
from marketic.mechanisms.third_price import ThirdPrice
from marketic.mechanisms.uniform_price import UniformPrice
from marketic.mechanisms.vcg import VCG
from marketic.mechanisms.vickrey_units import VickreyUnits

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
