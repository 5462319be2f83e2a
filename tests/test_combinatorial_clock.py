"""The combinatorial clock: prices, the activity rule, supplementary caps, and the outcome under truthful proxies."""

import numpy as np
import pytest

from marketic import Claim, InputError
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


POINTS = {"goods": 2, "increment": 1.0, "rate": 0.0, "points": (2.0, 1.0)}


def eligibility(clock: CombinatorialClock, *rounds: tuple[str, ...]):
    state = clock.open(len(rounds[0]))
    for wanted in rounds:
        state, _ = clock.step(state, demand(*wanted))
    return state


@pytest.mark.parametrize(
    ("requirement", "rounds", "left"),
    [
        (1.0, [("AB", "A")], [3.0, 2.0]),  # all points at the start; kept as far as they are used
        (1.0, [("AB", "A"), ("A", "A")], [2.0, 2.0]),
        (0.5, [("AB", "A"), ("A", "A")], [3.0, 3.0]),  # half of them used is enough to keep 2 / .5 = 4 > 3
        (0.5, [("A", "A"), ("B", "A")], [2.0, 3.0]),  # 1 / .5
        (1.0, [("A", "A"), ("", "A")], [0.0, 2.0]),
    ],
    ids=["used", "unused", "half", "a quarter", "nothing"],
)
def test_eligibility_follows_activity(requirement, rounds, left):
    clock = CombinatorialClock(**POINTS, requirement=requirement, revealed_preference=False)
    assert eligibility(clock, *rounds).eligibility.tolist() == left


def test_who_has_given_up_points_may_not_want_more():
    """B has one point, A two: after B alone there are not enough for A (Milgrom 2000, on activity rules)."""
    clock = CombinatorialClock(**POINTS, revealed_preference=False)
    state = eligibility(clock, ("B", "AB", "AB"), ("A", "AB", "AB"))
    assert state.refused.tolist() == [True, False, False]
    assert not state.demand[0, 1].any()
    down = eligibility(clock, ("A", "AB", "AB"), ("B", "AB", "AB"))
    assert not down.refused.any(), "within its points a bidder may want what it likes"
    assert down.eligibility[0] == 1.0


def test_the_hybrid_rule_lets_revealed_preference_through():
    """B alone, then A alone: forbidden by points; consistent if B became dearer than A did, not if it did not."""
    hybrid, strict = (CombinatorialClock(**POINTS, revealed_preference=rule) for rule in (True, False))
    dearer = ("B", "B", "B"), ("A", "B", "B")
    assert eligibility(strict, *dearer).refused.tolist() == [True, False, False]
    assert not eligibility(hybrid, *dearer).refused.any()
    assert eligibility(hybrid, *dearer).eligibility[0] == 1.0, "points do not come back"
    cheaper = ("B", "A", "A"), ("A", "A", "A")
    assert eligibility(hybrid, *cheaper).refused.tolist() == [True, False, False]
    within = ("A", "B", "B"), ("B", "B", "B")  # against revealed preference, but within its points
    assert not eligibility(hybrid, *within).refused.any()
    assert eligibility(CLOCK_AUCTION, *within).refused[0]


def test_points_alone_can_turn_the_truth_away():
    """Bidder 0 moves from BC to A, which is contested, and has no points to come back: BC goes to bidder 2 at a price of 2."""
    truth = BundleBids.of({"A": 10.5, "BC": 11.0}, {"A": 9.5}, {"BC": 8.0})
    common = {"goods": 3, "increment": 1.0, "rate": 0.0, "points": (1.0, 1.0, 1.0)}
    strict, hybrid = (CombinatorialClock(**common, revealed_preference=rule) for rule in (False, True))
    by_points, by_preference = (
        ClockByProxy(clock).clear(truth).allocation.astype(int).tolist() for clock in (strict, hybrid)
    )
    assert by_points == [[0, 0, 0], [1, 0, 0], [0, 1, 1]], "9.5 + 8"
    assert by_preference == [[0, 1, 1], [1, 0, 0], [0, 0, 0]], "9.5 + 11"
    assert strict.claims == {Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT}
    assert check_mechanism(ClockByProxy(strict), budget=4_000).passed
    uneven = CombinatorialClock(goods=3, rate=1.0, points=(1.0, 2.0, 3.0), requirement=0.8)
    assert check_mechanism(ClockByProxy(uneven), budget=4_000).passed


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
    "change",
    [
        {"goods": 0},
        {"increment": 0.0},
        {"rate": -1.0},
        {"rounds": 0},
        {"start": np.nan},
        {"requirement": 0.0},
        {"revealed_preference": False},
        {"points": (1.0, 1.0)},
        {"points": (1.0, 0.0, 1.0)},
    ],
    ids=str,
)
def test_bad_parameters(change):
    with pytest.raises(InputError):
        CombinatorialClock(**change)


def test_orders_for_other_goods():
    with pytest.raises(InputError, match="wanted 2"):
        CLOCK_AUCTION.step(CLOCK_AUCTION.open(1), BundleBids.of({"ABC": 1.0}))
