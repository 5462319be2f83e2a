"""Clocks: proxies on the English clock play the second-price auction, on the Dutch clock the first-price auction."""

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.checks import check_mechanism
from marketic.domains import SingleGood
from marketic.errors import InputError
from marketic.mechanisms import ClinchingClock, CombinatorialClock, FirstPrice, SecondPrice
from marketic.mechanisms.dutch_clock import Dutch, DutchClock
from marketic.mechanisms.english_clock import English, EnglishClock
from marketic.mechanisms.reserve import SecondPriceReserve, WithReserve
from marketic.session import direct

SAME = [
    (English(), SecondPrice()),
    (Dutch(), FirstPrice()),
    (English(start=0.5), SecondPriceReserve(0.5)),
    (Dutch(floor=0.5), WithReserve(FirstPrice(), 0.5)),
]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize(("clock", "sealed"), SAME, ids=["english", "dutch", "english-start", "dutch-floor"])
def test_continuous_clocks_are_sealed_bid_auctions(clock, sealed, n):
    bids = SingleGood().draw(np.random.default_rng(n), 1_000, n)
    played, wanted = clock.clear(bids), sealed.clear(bids)
    assert np.array_equal(played.allocation, wanted.allocation)
    assert np.array_equal(played.payments, wanted.payments)
    assert np.array_equal(played.prices, wanted.prices, equal_nan=True)
    assert direct(clock.session).clear(bids).payments.tolist() == played.payments.tolist()


@pytest.mark.parametrize("increment", [0.25, 0.3, 1e-3])
@pytest.mark.parametrize(
    ("kind", "sealed"), [(English, SecondPrice()), (Dutch, FirstPrice())], ids=["english", "dutch"]
)
def test_ticking_clocks_are_within_one_increment(kind, sealed, increment):
    for n in (1, 2, 3, 5):
        bids = SingleGood().draw(np.random.default_rng(n), 1_000, n)
        played, wanted = kind(increment).clear(bids), sealed.clear(bids)
        top = np.maximum(bids.value.max(axis=1), 1.0)
        price = np.nan_to_num(played.prices)
        assert (np.abs(price - np.nan_to_num(wanted.prices)) <= increment + 1e-9 * top).all()
        assert (played.payments <= np.where(played.allocation, bids.value, 0.0)).all()
        lost = np.where(bids.active, bids.value, 0).max(axis=1) - (bids.value * played.allocation).sum(axis=1)
        assert (lost < increment + 1e-9 * top).all()
        assert np.array_equal(played.allocation.sum(axis=1), bids.active.any(axis=1))


@pytest.mark.parametrize(
    "clock",
    [English(), English(0.25), English(0.25, 1.0), English(None, 0.5), Dutch(), Dutch(0.25), Dutch(0.3, 0.5)],
    ids=repr,
)
def test_clocks_keep_their_claims(clock):
    assert check_mechanism(clock, budget=500).passed


def test_an_english_auction_step_by_step():
    clock = EnglishClock()
    orders = Bids([3.0, 9.0, 5.0, 5.0])
    state = clock.open(4)
    seen = [float(clock.quote(state))]
    while clock.is_open(state).any():
        state, cleared = clock.step(state, orders)
        seen.append(float(clock.quote(state)))
    assert seen == [0.0, 3.0, 5.0, 5.0]
    assert state.staying.tolist() == [False, True, False, False]
    assert (cleared.allocation.tolist(), cleared.payments.tolist()) == (
        [False, True, False, False],
        [0.0, 5.0, 0.0, 0.0],
    )
    again, nothing = clock.step(state, orders)
    assert not nothing.allocation.any()
    assert np.isnan(nothing.prices)
    assert again.price == 5.0


def test_bidders_may_change_their_minds_while_they_stay():
    clock = EnglishClock()
    state, _ = clock.step(clock.open(3), Bids([1.0, 4.0, 6.0]))
    assert (float(state.price), state.staying.tolist()) == (1.0, [False, True, True])
    late = Bids([99.0, 8.0, 6.0])  # who has dropped out does not come back
    state, cleared = clock.step(state, late)
    assert cleared.payments.tolist() == [0.0, 6.0, 0.0]
    state, _ = clock.step(clock.open(2), Bids([3.0, 5.0], np.array([True, False])))
    assert state.closed
    assert state.price == 0.0


def test_ticks_of_the_english_clock():
    assert English(0.25).clear(Bids([0.9, 0.6, 0.3])).payments.tolist() == [0.75, 0.0, 0.0]
    tie = English(0.25).clear(Bids([0.6, 0.7]))  # both are gone at 0.75: the first one has it at 0.5
    assert tie.payments.tolist() == [0.5, 0.0]
    assert English(0.25).clear(Bids([0.75, 0.5])).payments.tolist() == [0.75, 0.0]


def test_a_dutch_auction_stops_once():
    clock = DutchClock(0.25)
    state, cleared = clock.step(clock.open(3), Bids([0.6, 0.9, 0.8]))
    assert (float(clock.quote(state)), bool(clock.is_open(state))) == (0.75, False)
    assert cleared.payments.tolist() == [0.0, 0.75, 0.0]
    state, cleared = clock.step(clock.open(2), Bids([1.0, 2.0], np.array([False, False])))
    assert (float(state.price), cleared.allocation.any(), np.isnan(cleared.prices)) == (0.0, False, True)


def test_clocks_refuse_nonsense():
    for increment in (0.0, -1.0, np.nan, np.inf):
        for kind in (EnglishClock, DutchClock):
            with pytest.raises(InputError, match="wanted a finite amount > 0"):
                kind(increment)
    with pytest.raises(InputError, match="start=-1"):
        EnglishClock(start=-1.0)
    with pytest.raises(InputError, match="floor=-1"):
        DutchClock(floor=-1.0)
    with pytest.raises(InputError, match=r"shape \(3,\) for a clock of shape \(2,\)"):
        EnglishClock().step(EnglishClock().open(2), Bids([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    "clock",
    [DutchClock(), EnglishClock(), ClinchingClock(), CombinatorialClock()],
    ids=lambda clock: type(clock).__name__,
)
def test_orders_that_are_not_one_for_each_bidder_are_refused(clock):
    """Two markets of three bidders: a Dutch clock took one list of two orders for both, and sold."""
    state = clock.open(3, (2,))
    for nonsense in (None, 3, "x", np.zeros((2, 3)), Bids([1.0, 2.0]), Bids([1.0, 2.0, 3.0]), Bids(np.ones((3, 3)))):
        with pytest.raises(InputError, match=r"step of an? .* clock got"):
            clock.step(state, nonsense)
