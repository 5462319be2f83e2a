"""The combinatorial clock: prices, the activity rule, supplementary caps, and the outcome under truthful proxies."""

import numpy as np
import pytest

from marketic import InputError
from marketic.bundle_bids import BundleBids
from marketic.checks import check_mechanism
from marketic.domains.bundles import Bundles
from marketic.mechanisms.combinatorial_clock import CLOCK, CLOSED, SUPPLEMENTARY, ClockByProxy, CombinatorialClock
from marketic.mechanisms.core_selecting import CoreSelecting

CLOCK_AUCTION = CombinatorialClock(goods=2, increment=1.0, rate=0.0)


def demand(*wanted: str) -> BundleBids:
    bundle = np.array([[[good in goods for good in "AB"]] for goods in wanted])
    return BundleBids(np.ones((len(wanted), 1)), bundle)


def play(*rounds: tuple[str, ...]):
    state = CLOCK_AUCTION.open(len(rounds[0]))
    for wanted in rounds:
        state, _ = CLOCK_AUCTION.step(state, demand(*wanted))
    return state


def test_only_what_is_wanted_twice_gets_dearer():
    state = play(("AB", "A"), ("AB", "A"))
    assert state.prices.tolist() == [2.0, 0.0]
    assert state.phase == CLOCK
    assert play(("A", "A"), ("A", "")).phase == SUPPLEMENTARY


def test_demand_against_revealed_preference_counts_as_nothing():
    """Who wanted B when both were free cannot want A, and no B, now that only A became dearer."""
    state = play(("B", "A", "A"), ("A", "A", "A"))
    assert state.refused.tolist() == [True, False, False]
    assert not state.demand[0, 1].any()
    assert state.prices.tolist() == [2.0, 0.0]


def test_supplementary_bids_are_cut_to_the_last_demand():
    state = play(("A", "A", ""), ("A", "A", ""), ("A", "", ""))
    orders = BundleBids.of({"A": 5.0, "AB": 50.0}, {"A": 9.0, "B": 9.0}, {"AB": 7.0})
    final = CLOCK_AUCTION.final_bids(state, orders)
    cut = final.value[:, :2]
    assert cut[0] == pytest.approx([5.0, 5.0])  # last: A at 2; AB at most 5 + 0
    assert cut[1] == pytest.approx([2.0, 0.0], abs=1e-6)  # last: nothing; so at most the prices
    assert cut[2, 0] == pytest.approx(2.0)
    assert final.value[0, 2:].tolist() == [0.0, 1.0, 2.0]  # the bids of the clock


def test_closes_after_the_supplementary_round():
    state = play(("A", "B"))
    state, cleared = CLOCK_AUCTION.step(state, BundleBids.of({"A": 3.0}, {"B": 2.0}))
    assert state.phase == CLOSED
    assert not CLOCK_AUCTION.is_open(state)
    assert cleared.allocation.tolist() == [[True, False], [False, True]]


def test_stops_after_the_last_round():
    stubborn, state = CombinatorialClock(goods=2, rounds=3), None
    state = stubborn.open(2)
    for _ in range(3):
        assert state.phase == CLOCK
        state, _ = stubborn.step(state, demand("A", "A"))
    assert state.phase == SUPPLEMENTARY


def test_truthful_proxies_reach_the_core_selecting_outcome():
    truth = Bundles().draw(np.random.default_rng(1), 30, 3)
    played, sealed = ClockByProxy().clear(truth), CoreSelecting().clear(truth)
    largest = np.maximum(truth.value.max(axis=(1, 2)), 1.0)
    for measure in (
        lambda cleared: Bundles().worth(truth, cleared),
        lambda cleared: cleared.payments,
    ):  # whatever the ties
        assert (np.abs(measure(played).sum(axis=1) - measure(sealed).sum(axis=1)) <= 1e-6 * largest).all()


def test_proxies_never_break_the_activity_rule():
    clock = CombinatorialClock()
    truth = Bundles().draw(np.random.default_rng(2), 30, 3)
    state = clock.open(3, (30,))
    while (state.phase == CLOCK).any():
        state, _ = clock.step(state, clock.proxy(truth, state, clock.quote(state)))
    assert not state.refused.any()
    assert state.history.shape[1] > 10


def test_keeps_its_claims():
    assert check_mechanism(ClockByProxy(CombinatorialClock(rate=1.0)), budget=4000).passed


@pytest.mark.parametrize(
    "change", [{"goods": 0}, {"increment": 0.0}, {"rate": -1.0}, {"rounds": 0}, {"start": np.nan}], ids=str
)
def test_bad_parameters(change):
    with pytest.raises(InputError):
        CombinatorialClock(**change)


def test_orders_for_other_goods():
    with pytest.raises(InputError, match="wanted 2"):
        CLOCK_AUCTION.step(CLOCK_AUCTION.open(1), BundleBids.of({"ABC": 1.0}))
