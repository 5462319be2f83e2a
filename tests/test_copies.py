"""Copies of a market within a process go on by themselves; pickles, for another process, are refused."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control import CartPoleEnv
from refusals import refused

import marketic
from marketic.errors import InputError

FAMILIES = {
    "research": "FrozenLake-v1",
    "tabular": "FrozenLake-v1",
    "tiles": "CartPole-v1",
    "growing": "CartPole-v1",
    "expressions": "CartPole-v1",
    "rules": "marketic/Multiplexer-v0",
    "programs": "marketic/BlocksWorld-v0",
}


def trained(family):
    return marketic.make(FAMILIES[family], agents=family, seed=1).learn(60)


def assert_same(market, wanted):
    arrays = market.state_dict()
    assert arrays.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_deep_copy_learns_as_the_original_and_neither_disturbs_the_other(family):
    before, after = trained(family).state_dict(), trained(family).learn(60).state_dict()
    market = trained(family)
    twin = copy.deepcopy(market)
    twin.learn(60)
    assert_same(twin, after)
    assert_same(market, before)
    market.learn(60)
    assert_same(market, after)
    assert_same(twin, after)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pickle_is_refused_with_what_to_do_instead(family):
    """Addresses of compiled functions are others in another process: calling them there ended it without a word."""
    with pytest.raises(InputError, match=r"cannot be pickled.*market\.save"):
        pickle.dumps(trained(family))


@pytest.mark.parametrize("family", ["tabular", "tiles", "growing", "expressions", "rules"])
def test_populations_with_compiled_code_are_no_pickles_either(family):
    with pytest.raises(InputError, match="cannot be pickled"):
        pickle.dumps(trained(family).population)


class ItsOwnCopy(CartPoleEnv):
    """Evaluating in its copies would play in the environment itself, twenty episodes at once."""

    def __deepcopy__(self, memo):
        return self


def test_an_environment_that_is_its_own_copy_is_not_evaluated_in() -> None:
    market = marketic.make(ItsOwnCopy(), agents="tiles", seed=0)
    refused(lambda: market.evaluate(2), "copy.deepcopy gives the environment itself", "pass env=")
    wrapped = marketic.make(gym.wrappers.TimeLimit(ItsOwnCopy(), 50), agents="tiles", seed=0)
    refused(lambda: wrapped.evaluate(2), "copy.deepcopy gives the environment itself")
    assert market.evaluate(2, env=gym.make("CartPole-v1")).shape == (2,)
