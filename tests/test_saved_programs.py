"""Programs and expressions whose saved arrays are not theirs: refused, before compiled code reads or writes beyond them."""

import functools

import gymnasium as gym
import numpy as np
import pytest

import marketic
from marketic.agents.programs import Programs
from marketic.errors import InputError
from marketic.goods import Goods


@functools.cache
def trained(family):
    found = marketic.make(
        "CartPole-v1", agents=family, seed=0, slots=200, **({"licence": 2} if family == PROGRAMS else {})
    )
    found.learn(303)
    return found


PROGRAMS, EXPRESSIONS = "programs", "expressions"


@pytest.fixture(params=[PROGRAMS, EXPRESSIONS])
def market(request):
    return trained(request.param)


def test_what_was_saved_is_taken(market):
    state = market.population.state_dict()
    market.population.load_state_dict(state)
    for name, array in market.population.state_dict().items():
        np.testing.assert_array_equal(array, state[name], err_msg=name)


BEYOND = [("kin", 2**40), ("kin", -7), ("trades", -1), ("price", np.nan), ("merit", np.inf)]
GUARDS = [
    ("guard", 2**40),
    ("guard", -2),
    ("action", 2),
    ("until", 2**40),
    ("licensed_guard", 2**40),
    ("repeats", 2**40),
]
WRONG = [(family, *pair) for family in (PROGRAMS, EXPRESSIONS) for pair in BEYOND] + [
    (PROGRAMS, *pair) for pair in GUARDS
]


@pytest.mark.parametrize(("family", "name", "value"), WRONG)
def test_numbers_that_lead_beyond_the_arrays_are_refused(family, name, value):
    state = trained(family).population.state_dict()
    state[name][:] = value
    with pytest.raises(InputError, match=name):
        trained(family).population.load_state_dict(state)


def test_arrays_that_are_missing_or_of_another_kind_are_refused(market):
    state = market.population.state_dict()
    with pytest.raises(InputError, match="have nothing as"):
        market.population.load_state_dict({})
    with pytest.raises(InputError, match="use the same options"):
        market.population.load_state_dict({**state, "price": state["price"].astype(np.float32)})
    with pytest.raises(InputError, match="use the same options"):
        market.population.load_state_dict({**state, "trades": state["trades"][1:]})


def test_programs_with_fewer_literals_do_not_take_those_with_more():
    """A range with two ends has more constants than one without: the same shapes, and literals that are not there."""
    narrow, wide = (
        Programs.for_spaces(
            Goods.from_space(gym.spaces.Box(-end, end, (2,), dtype=np.float64)), 2, rng=np.random.default_rng(0)
        )
        for end in (1.0, np.inf)
    )
    assert len(narrow.literals) > len(wide.literals)
    narrow.guard[0, 0] = len(narrow.literals) - 1
    with pytest.raises(InputError, match="guard of saved programs goes from"):
        wide.load_state_dict(narrow.state_dict())


@pytest.mark.parametrize("shape", [(1, 2), (1, 5), (4,), (1, 1, 4)])
def test_observations_of_another_width_are_refused(market, shape):
    """Guards were asked about components beyond the last one."""
    with pytest.raises(InputError, match=r"wanted \[B, 4\]"):
        market.population.appraise(np.zeros(shape))
    assert market.population.appraise(np.zeros((3, 4))).value.shape == (3, 2)
