"""Agents in words: bidders of the bank, agents of several rights, levels of real actions."""

import re

import gymnasium as gym

import marketic
from marketic.vocabulary.words_of import words_of
from marketic.words import Words
from tests.tiny_envs import Match


def two_rights(agents, steps):
    world = Match(2, gym.spaces.MultiDiscrete([2, 3]), lambda state, action: float(action[1] == state))
    return marketic.make(world, agents=agents, seed=1).learn(steps).population


def test_bidders_of_the_bank_are_described_by_what_they_win():
    world = Match(3, gym.spaces.Discrete(2), lambda state, action: float(action == (state == 2)))
    market = marketic.make(world, agents="bank", seed=1)
    assert market.population.describe(0) == "action 0, bids by the shared valuation, which has seen nothing yet"
    market.learn(3000)
    shares = []
    for agent, move in enumerate(("wait", "go")):
        said = market.population.describe(agent, Words(moves=("wait", "go")))
        found = re.fullmatch(rf"in (\d+) % of what is remembered: {move}, bids \S+ on average", said)
        shares.append(int(found[1]))
    assert sum(shares) == 100
    assert 55 < shares[0] < 78  # two of three states want the first move


def test_agents_of_several_rights_are_counted_and_described_right_by_right():
    banks, tables = two_rights("bank", 600), two_rights("research", 50)
    assert [banks.describe(agent).partition(",")[0] for agent in range(5)] == ["right 0"] * 2 + ["right 1"] * 3
    assert "action 2," in banks.describe(4, Words(moves=("left", "right", "up")))  # names of another right's actions
    assert not hasattr(banks, "trades")
    assert tables.trades.sum() == 2 * 50
    assert tables.describe(4).startswith("right 1, in state 0: action 0")


def test_levels_of_one_real_action_are_named_and_numbers_are_not():
    levels, hands = (words_of(marketic.make(env, seed=0)).moves for env in ("Pendulum-v1", "Blackjack-v1"))
    assert levels == ("action -2", "action -1", "action 0", "action 1", "action 2")
    assert hands == ("stick", "hit")
    stranger = Match(2, gym.spaces.Discrete(3), lambda state, action: 0.0)
    assert words_of(marketic.make(stranger, seed=0)).moves == ()
