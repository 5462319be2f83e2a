"""What is shown: bids that earned, and a counted model that knows even chances when it sees them."""

import numpy as np
import pytest

from marketic import InputError
from marketic.agents import Research, SteadyBids
from marketic.agents.hindsight import Hindsight, look_back
from marketic.population import Receipt
from marketic.settlement import TERMINATED


def shown_after(returns, licence, tie=1.0):
    """The bid shown after each of some one-step episodes; the agents' bid is the episode's number, and steady at once."""
    price, shown = np.zeros(1), []
    hindsight = Hindsight(price, None, SteadyBids(1e-6, licence, tie))
    row, nothing = np.zeros((1, 1)), np.zeros(1, dtype=np.int64)
    for number, earned in enumerate(returns, start=1):
        price[0] = number
        look_back(0, 0, earned, TERMINATED, 1.0, row, row, 0, nothing, np.zeros(1), price, np.zeros(4), number, 1, 1,
                  hindsight.arrays)  # fmt: skip
        shown.append(hindsight.shown[0])
    return shown


def test_the_copy_shown_is_renewed_when_recent_episodes_earned_at_least_as_much_as_ever():
    # means of the last two: 1, 2, 2, 1.5, 3.5, 3.5
    assert shown_after([1.0, 3.0, 1.0, 2.0, 5.0, 2.0], licence=2) == [1, 2, 3, 3, 5, 6]


def test_the_first_episodes_have_to_earn_their_licence_too():
    assert shown_after([4.0, 2.0, 3.0], licence=3) == [1, 1, 1]


@pytest.mark.parametrize(("tie", "shown"), [(1.0, [1, 2, 3, 3]), (0.5, [1, 1.5, 2.25, 2.25]), (0.0, [1, 1, 1, 1])])
def test_among_equals_the_licence_is_a_mean_that_leans_to_the_newest(tie, shown):
    assert shown_after([5.0, 5.0, 5.0, 4.0], licence=1, tie=tie) == shown


def test_a_better_copy_is_shown_whole():
    assert shown_after([5.0, 6.0], licence=1, tie=0.0) == [1, 2]


@pytest.mark.parametrize("tie", [-0.1, 1.1, float("nan")])
def test_a_tie_is_a_share(tie):
    with pytest.raises(InputError, match="tie in"):
        SteadyBids(4000, 3, tie)


def test_without_a_licence_the_newest_bids_are_shown():
    assert shown_after([4.0, 2.0, 3.0], licence=0) == [1, 2, 3]


def watched(outcomes, claims=20):
    """Research whose every claim led to each state as often as `outcomes` says, in random order."""
    rng = np.random.default_rng(0)
    population = Research(claims, 1, rng=rng)
    for state in range(claims):
        for following in rng.permutation(np.repeat(np.arange(len(outcomes)), outcomes)):
            here, there = np.array([[state]], dtype=float), np.array([[following]], dtype=float)
            none, no = np.zeros(1), np.zeros(1, dtype=bool)
            owner = np.zeros(1, dtype=np.int64)
            population.learn(Receipt(~no, here, owner, none, none, none, no, no, there, 0.9, 0.0))
    return population


def test_even_chances_are_told_from_uneven_ones():
    even, uneven = watched([20, 20, 20]), watched([40, 15, 5])
    assert even.evenness[3] >= 128
    assert uneven.evenness[3] <= 8


def test_a_population_with_other_degrees_of_evenness_is_refused():
    population = Research(2, 1, rng=np.random.default_rng(0))
    state = population.state_dict()
    state["likelihood"] = state["likelihood"][:, :8]
    with pytest.raises(InputError, match="8 degrees of evenness"):
        population.load_state_dict(state)
