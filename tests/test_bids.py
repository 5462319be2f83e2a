"""The door of every auction: what is no report raises, what is a bad one turns its bidder away."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import Bids, InputError
from marketic.mechanisms import FirstPrice, SecondPrice, Softmax
from marketic.screening import SENTENCES, Reason


def test_everyone_who_is_refused_hears_why_and_the_others_go_on():
    bids = Bids(
        [[3.0, math.nan, math.inf, -math.inf, 1e300, 5.0, 4.0]],
        budget=[[9.0, 9.0, 9.0, 9.0, 9.0, -1.0, math.inf]],
    )
    assert bids.reasons() == {
        (0, 1): "the bid is not a number",
        (0, 2): "the bid is infinite",
        (0, 3): "the bid is infinite",
        (0, 4): "the bid is beyond 1.1e+12",
        (0, 5): "the budget is negative or not a number",
    }
    cleared = SecondPrice().clear(bids)
    assert cleared.allocation.tolist() == [[False] * 6 + [True]]
    assert cleared.payments.tolist() == [[0, 0, 0, 0, 0, 0, 3.0]]


def test_sound_bids_are_kept_as_they_are():
    value = np.array([1.0, 2.0])
    bids = Bids(value)
    assert bids.value is value
    assert bids.refused is None
    assert bids.reasons() == {}
    assert Bids(value, budget=[math.inf, 0.0]).refused is None


def test_a_mechanism_that_sells_no_burdens_refuses_negative_bids():
    bids = Bids([-1.0, 2.0, math.nan]).at_least(0.0)
    assert bids.reasons() == {0: SENTENCES[Reason.NEGATIVE], 2: SENTENCES[Reason.NOT_A_NUMBER]}
    assert bids.active.tolist() == [False, True, False]
    assert bids.value.tolist() == [0.0, 2.0, 0.0]
    assert Bids([1.0]).at_least(0.0).refused is None


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Bids("much"), "wanted an array of numbers"),
        (lambda: Bids([["a", "b"]]), "wanted an array of numbers"),
        (lambda: Bids([[1.0], [1.0, 2.0]]), "wanted an array of numbers"),
        (lambda: Bids(3.0), "wanted an array with one entry per bidder"),
        (lambda: Bids(np.ones(2), np.ones(3, dtype=bool)), r"Bids.active has shape \(3,\)"),
        (lambda: Bids(np.ones(2), np.ones(2)), "wanted \\(2,\\) of bool"),
        (lambda: Bids(np.ones(2), budget=np.ones(3)), r"Bids.budget has shape \(3,\): wanted \(2,\)"),
        (lambda: Bids(np.ones(2), side=[1, 0]), r"\+1 \(buyer\) and -1 \(seller\)"),
    ],
    ids=["word", "words", "ragged", "one number", "mask length", "mask type", "budget length", "side"],
)
def test_what_is_no_report_raises(build, words):
    with pytest.raises(InputError, match=words):
        build()


BAD = st.sampled_from([math.nan, math.inf, -math.inf, 2e12, -1e300])


@pytest.mark.parametrize("mechanism", [FirstPrice(), SecondPrice(), Softmax()], ids=lambda m: type(m).__name__)
@settings(deadline=None)  # the first call compiles
@given(good=st.lists(st.floats(0, 100), max_size=5), bad=st.lists(BAD, min_size=1, max_size=3), seed=st.integers(0, 99))
def test_bad_bidders_change_nothing_for_the_others(mechanism, good, bad, seed):
    order = np.random.default_rng(seed).permutation(len(good) + len(bad))
    cleared = mechanism.clear(Bids(np.array(good + bad)[order]))
    sound = np.flatnonzero(order < len(good))
    alone = mechanism.clear(Bids(np.array(good)[order[sound]]))
    assert cleared.allocation[sound].tolist() == alone.allocation.tolist()
    assert cleared.payments[sound].tolist() == alone.payments.tolist()
    others = np.flatnonzero(order >= len(good))
    assert not cleared.allocation[others].any()
    assert not cleared.payments[others].any()
