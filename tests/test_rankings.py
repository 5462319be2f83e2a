"""Rankings: bad lists are turned away one by one, lies are lists, worth is ordinal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic.domains.rankings import RankedObjects
from marketic.errors import InputError
from marketic.rankings import Rankings, matching, positions
from marketic.screening import Reason


@given(st.lists(st.lists(st.integers(-2, 4), min_size=3, max_size=3), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_bad_rankings_are_turned_away_one_by_one(lists) -> None:
    reports = Rankings(lists)
    for i, own in enumerate(lists):
        named = [j for j in own if j != -1]
        sound = (
            all(0 <= j < 3 for j in named) and len(set(named)) == len(named) and own == named + [-1] * (3 - len(named))
        )
        assert bool(reports.active[i]) is sound
        assert (i in reports.reasons()) is not sound
        if not sound:
            assert reports.refused[i] == Reason.BAD_RANKING
            assert (reports.order[i] == -1).all()


def test_what_is_no_market_raises() -> None:
    for wrong in (
        {"order": [0, 1]},
        {"order": "abc"},
        {"order": [[0, 1], [1]]},
        {"order": [[0, 1]], "priority": [[0]]},
        {"order": [[0, 1]], "priority": [[0], [-2]]},
        {"order": [[0, 1], [0, 1]], "priority": [[0, 0], [0, 1]]},
        {"order": [[0, 1]], "capacity": [1, -1]},
        {"order": [[0, 1]], "capacity": [1]},
        {"order": [[0, 1]], "active": [1]},
        {"order": [[0, 1], [0, 1]], "endowment": [1, 1]},
        {"order": [[0, 1]], "endowment": [0], "capacity": [0, 1]},
        {"order": [[0, 1]], "endowment": [7]},
    ):
        with pytest.raises(InputError):
            Rankings(**wrong)


def test_short_lists_and_fractions() -> None:
    reports = Rankings([[1.0], [0.5]], capacity=[1, 1, 1])
    assert reports.order.tolist() == [[1, -1, -1], [-1, -1, -1]]
    assert list(reports.reasons()) == [1]
    assert reports.places.tolist() == [[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]]
    assert positions(np.array([[2, 0, -1]]), 3).tolist() == [[1, 3, 0]]
    assert Rankings([[np.nan, 0.0]]).reasons()
    strangers = Rankings([[0], [0]], priority=[[7, 1, 9, 0]])
    assert strangers.priority.tolist() == [[1, 0]], "pupils who are not there keep nobody waiting"


def test_lies_are_lists_and_differ() -> None:
    rng = np.random.default_rng(8)
    truth = RankedObjects().draw(rng, 500, 3)
    who = rng.integers(0, 3, size=500)
    lie = RankedObjects().lie(rng, truth, who)
    assert lie.refused is None
    rows = np.arange(500)
    others = np.arange(3) != who[:, None]
    assert np.array_equal(lie.order[others], truth.order[others])
    assert (lie.order[rows, who] != truth.order[rows, who]).any(axis=-1).mean() > 0.4


def test_worth_is_ordinal() -> None:
    truth = Rankings([[[1, 0, -1], [2, -1, -1]]], endowment=[[0, -1]])
    domain = RankedObjects(endowed=True)
    assert domain.worth(truth, matching(truth, np.array([[1, 2]]))).tolist() == [[1.0, 3.0]]
    assert domain.worth(truth, matching(truth, np.array([[0, -1]]))).tolist() == [[0.0, 0.0]]
    assert domain.worth(truth, matching(truth, np.array([[2, 0]]))).tolist() == [[-3.0, -1.0]]
    assert domain.optimum(truth).tolist() == [4.0]
