"""Auctions of many units, against textbook examples, brute force and each other."""

import itertools

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.checks import check_mechanism
from marketic.claims import Claim
from marketic.demand_bids import DemandBids, demand, highest_bids
from marketic.domains.units import Units
from marketic.errors import InputError
from marketic.mechanisms.ausubel import Ausubel, ClinchingClock
from marketic.mechanisms.discriminatory import Discriminatory
from marketic.mechanisms.second_price import SecondPrice
from marketic.mechanisms.uniform_price import UniformPrice
from marketic.mechanisms.vickrey_units import VickreyUnits
from marketic.session import direct

KRISHNA = DemandBids([(50, 47, 40, 32, 15, 5), (42, 28, 20, 12, 7, 3), (45, 35, 24, 14, 9, 6)])
"""Krishna 2010, chapter 12: six units, three bidders."""
LICENCES = DemandBids([(123, 113, 103), (75, 5, 3), (125, 125, 49), (85, 65, 7), (45, 25, 5)])
"""Ausubel 2004, section I: five licences, five bidders."""

ALL = [
    UniformPrice(2),
    UniformPrice(3, lowest_winning=True),
    UniformPrice(3, unit_demand=True),
    UniformPrice(1),
    Discriminatory(2),
    VickreyUnits(1),
    VickreyUnits(3),
    Ausubel(2),
]


@pytest.mark.parametrize("mechanism", ALL, ids=repr)
def test_the_conformance_kit_passes(mechanism):
    check_mechanism(mechanism, budget=4_000)


@pytest.mark.parametrize(
    ("mechanism", "payments", "price"),
    [
        (Discriminatory(6), (137, 42, 80), 35),
        (UniformPrice(6), (96, 32, 64), 32),
        (UniformPrice(6, lowest_winning=True), (105, 35, 70), 35),
        (VickreyUnits(6), (72, 32, 60), 32),
        (Ausubel(6), (72, 32, 60), 32),
    ],
    ids=repr,
)
def test_krishnas_six_units(mechanism, payments, price):
    cleared = mechanism.clear(KRISHNA)
    assert cleared.allocation.tolist() == [3, 1, 2]
    assert cleared.payments.tolist() == list(payments)
    assert float(cleared.prices) == price


@pytest.mark.parametrize("mechanism", [VickreyUnits(5), Ausubel(5)], ids=repr)
def test_ausubels_five_licences(mechanism):
    cleared = mechanism.clear(LICENCES)
    assert cleared.allocation.tolist() == [3, 0, 2, 0, 0]
    assert cleared.payments.tolist() == [65 + 75 + 85, 0, 75 + 85, 0, 0]


def test_ausubels_licences_are_clinched_at_65_75_and_85():
    clock = ClinchingClock(5)
    state, clinched = clock.open(5), {}
    while clock.is_open(state):
        state, cleared = clock.step(state, clock.proxy(LICENCES, state, clock.quote(state)))
        if cleared.allocation.any():
            clinched[float(state.price)] = cleared.allocation.tolist()
    assert clinched == {65.0: [1, 0, 0, 0, 0], 75.0: [1, 0, 1, 0, 0], 85.0: [1, 0, 1, 0, 0]}


@pytest.mark.parametrize("units", [1, 2, 3, 5, 12])
def test_the_clock_pays_what_vickrey_pays_to_the_bit(units):
    rng = np.random.default_rng(units)
    for bidders in (0, 1, 2, 3, 5):
        truth = Units(units, 4).draw(rng, 200, bidders)
        clock, sealed = Ausubel(units).clear(truth), VickreyUnits(units).clear(truth)
        assert np.array_equal(clock.allocation, sealed.allocation)
        assert np.array_equal(clock.payments, sealed.payments)
        assert np.array_equal(clock.prices, sealed.prices, equal_nan=True)


def _best(value, units):
    """The highest worth of up to `units` units among bidders, by trying every allocation."""
    n, k = value.shape
    worth = np.concatenate([np.zeros((n, 1)), value.cumsum(axis=1)], axis=1)
    ways = [w for w in itertools.product(range(k + 1), repeat=n) if sum(w) <= units]
    return max(sum(worth[i, w[i]] for i in range(n)) for w in ways)


def test_vickrey_payments_are_the_surplus_taken_from_the_others():
    rng = np.random.default_rng(0)
    for _ in range(100):
        value = np.sort(rng.integers(0, 9, size=(3, 3)).astype(float), axis=1)[:, ::-1]
        cleared = VickreyUnits(4).clear(DemandBids(value))
        received = Units(4, 3).worth(DemandBids(value[None]), _batched(cleared))[0]
        assert received.sum() == _best(value, 4)
        for i in range(3):
            others = np.delete(value, i, axis=0)
            assert cleared.payments[i] == _best(others, 4) - (received.sum() - received[i])


def _batched(cleared):
    return type(cleared)(cleared.allocation[None], cleared.payments[None], cleared.prices[None])


def test_the_domains_optimum_is_that_of_brute_force():
    rng = np.random.default_rng(1)
    for _ in range(50):
        value = np.sort(rng.random((3, 3)), axis=1)[:, ::-1]
        assert Units(4, 3).optimum(DemandBids(value[None]))[0] == pytest.approx(_best(value, 4))


def test_with_one_unit_all_are_single_good_auctions():
    rng = np.random.default_rng(2)
    bids = Bids(rng.random((100, 4)) + 0.1, rng.random((100, 4)) < 0.8)
    second = SecondPrice().clear(bids)
    for mechanism in (UniformPrice(1), VickreyUnits(1), Ausubel(1)):
        cleared = mechanism.clear(bids)
        assert np.array_equal(cleared.allocation, second.allocation)
        assert np.array_equal(cleared.payments, second.payments)
        assert np.array_equal(cleared.prices, second.prices, equal_nan=True)


def test_demand_reduction_pays_in_the_uniform_price_auction():
    mechanism = UniformPrice(2)
    truthful = mechanism.clear(DemandBids([[5, 4], [3, 0]]))
    reduced = mechanism.clear(DemandBids([[5, 0], [3, 0]]))
    assert (9 - truthful.payments[0], 5 - reduced.payments[0]) == (3, 5)
    assert Claim.DSIC not in mechanism.claims
    assert Claim.DSIC in UniformPrice(2, unit_demand=True).claims
    assert Claim.DSIC not in UniformPrice(2, unit_demand=True, lowest_winning=True).claims


def test_with_unit_demand_the_highest_losing_bid_is_the_price():
    cleared = UniformPrice(2, unit_demand=True).clear(Bids([5.0, 3.0, 4.0]))
    assert (cleared.allocation.tolist(), cleared.payments.tolist()) == ([1, 0, 1], [3, 0, 3])
    lowest = UniformPrice(2, unit_demand=True, lowest_winning=True).clear(Bids([5.0, 3.0, 4.0]))
    assert lowest.payments.tolist() == [4, 0, 4]
    refused = UniformPrice(2, unit_demand=True).clear(DemandBids([[5, 1], [3, 0]]))
    assert (refused.allocation.tolist(), refused.payments.tolist()) == ([0, 1], [0, 0])


@pytest.mark.parametrize("mechanism", [UniformPrice(3), Discriminatory(3), VickreyUnits(3), Ausubel(3)], ids=repr)
def test_refused_and_absent_bidders_and_units_nobody_wants(mechanism):
    bids = DemandBids([[1, 2], [4, 3], [np.nan, 1], [-1, -2], [9, 9]], np.array([True, True, True, True, False]))
    cleared = mechanism.clear(bids)
    assert cleared.allocation.tolist() == [0, 2, 0, 0, 0]
    assert cleared.payments.tolist() == [0, 7 if isinstance(mechanism, Discriminatory) else 0, 0, 0, 0]
    nobody = mechanism.clear(DemandBids(np.zeros((2, 2))))
    assert not nobody.allocation.any()
    assert np.isnan(nobody.prices)
    assert mechanism.clear(DemandBids(np.zeros((0, 2)))).payments.shape == (0,)
    assert mechanism.clear(DemandBids(np.ones((2, 0)))).payments.tolist() == [0, 0]


def test_reasons_of_refusal():
    bids = DemandBids([[1, 2], [np.inf, 1], [-1, -2], [2e12, 0]])
    assert set(bids.reasons()) == {1, 3}
    assert set(demand(bids, 2).reasons()) == {0, 1, 2, 3}
    assert "increase" in demand(bids, 2).reasons()[0]


@pytest.mark.parametrize("mechanism", [UniformPrice(2), Discriminatory(2), VickreyUnits(2), Ausubel(2)], ids=repr)
def test_leading_axes(mechanism):
    truth = Units(2, 3).draw(np.random.default_rng(3), 6, 3)
    flat = mechanism.clear(truth)
    grid = mechanism.clear(DemandBids(truth.value.reshape(2, 3, 3, 3), truth.active.reshape(2, 3, 3)))
    assert grid.prices.shape == (2, 3)
    assert np.array_equal(grid.allocation.reshape(6, 3), flat.allocation)
    assert np.array_equal(grid.payments.reshape(6, 3), flat.payments)
    for case in range(6):
        alone = mechanism.clear(DemandBids(truth.value[case], truth.active[case]))
        assert np.array_equal(alone.payments, flat.payments[case])


def test_ties_go_to_the_lower_number_and_a_bidder_cannot_want_more_than_there_is():
    won, ranked, owner = highest_bids(DemandBids([[2, 2], [2, 2]]), units=3)
    assert (won.tolist(), ranked[:4].tolist(), owner[:4].tolist()) == ([2, 1], [2, 2, 2, 2], [0, 0, 1, 1])
    lone = UniformPrice(2).clear(DemandBids([[5, 4, 3]]))
    assert (lone.allocation.tolist(), lone.payments.tolist()) == ([2], [0])


def test_bidders_at_a_clock_may_leave_early_and_not_come_back():
    clock = ClinchingClock(2)
    state, _ = clock.step(clock.open(2), Bids([5.0, 5.0]))
    state, _ = clock.step(state, Bids([5.0, 4.0]))
    assert state.demand.tolist() == [2, 1]
    assert float(clock.quote(state)) == 4.0
    state, cleared = clock.step(state, Bids([9.0, 1.0]))  # "at 1" is "now"
    assert (state.demand.tolist(), state.price, bool(clock.is_open(state))) == ([2, 0], 4.0, False)
    assert cleared.payments.tolist() == [4.0, 0.0]
    after, nothing = clock.step(state, Bids([9.0, 9.0]))
    assert not nothing.allocation.any()
    assert np.array_equal(after.clinched, state.clinched)


@pytest.mark.parametrize(
    "call",
    [
        lambda: UniformPrice(0),
        lambda: Discriminatory(0),
        lambda: VickreyUnits(-1),
        lambda: Ausubel(0),
        lambda: UniformPrice(2.5),
        lambda: VickreyUnits(2).clear([[3.0]]),
        lambda: Units(0, 1),
        lambda: DemandBids([1.0, 2.0]),
        lambda: DemandBids([[1.0]], [True, True]),
        lambda: ClinchingClock(2).step(ClinchingClock(2).open(2), Bids([1.0])),
    ],
    ids=["uniform", "discriminatory", "vickrey", "ausubel", "half", "list", "domain", "flat", "mask", "clock"],
)
def test_bad_parameters_raise(call):
    with pytest.raises(InputError):
        call()


@pytest.mark.parametrize("auction", [VickreyUnits, Ausubel, UniformPrice, Discriminatory])
@pytest.mark.parametrize("units", [65, 10**6, 2**31])
def test_supplies_far_beyond_demand_cost_neither_time_nor_memory(auction, units):
    """The clock once struck out a million unwanted units one by one."""
    bids = Units(3, 3).draw(np.random.default_rng(units), 40, 4)
    plenty, enough = auction(units).clear(bids), auction(12).clear(bids)
    for name in ("allocation", "payments", "prices"):
        assert np.array_equal(getattr(plenty, name), getattr(enough, name), equal_nan=True)
    if units > 65:
        assert check_mechanism(auction(units), budget=40).passed


def test_a_supply_that_is_no_number_of_units_is_refused():
    for auction in (VickreyUnits, Ausubel, UniformPrice, Discriminatory, ClinchingClock):
        for units in (2**31 + 1, 10**30, 0, 2.5):
            with pytest.raises(InputError, match="wanted a whole number"):
                auction(units)


def test_the_clock_strikes_out_what_nobody_wants_as_the_auction_does():
    bids = Units(3, 3).draw(np.random.default_rng(0), 200, 3)
    clock, auction = direct(ClinchingClock(3)).clear(bids), Ausubel(3).clear(bids)
    for name in ("allocation", "payments", "prices"):
        assert np.array_equal(getattr(clock, name), getattr(auction, name), equal_nan=True)
