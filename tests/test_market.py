"""The market over an environment: every kind of action learns, rewards are split exactly, no agent can hurt the run."""

import math
import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from tiny_envs import Fixed, Match, Walk

import marketic
from marketic import (
    Individuals,
    LearningRate,
    Market,
    Novices,
    SideBySide,
)
from marketic.agents import Tabular
from marketic.ledger import NOVICE, WORLD
from marketic.mechanisms import SecondPrice

STATES = 3
# action space, wanted(state) -> the right action numbers, action_bins
KINDS = [
    (Discrete(3, start=5), lambda s: s + 5, None),
    (MultiDiscrete([3, 2, 4]), lambda s: [s, s % 2, 3 - s], None),
    (MultiDiscrete([3, 2], start=[4, -1]), lambda s: [4 + s, s % 2 - 1], None),
    (MultiBinary(2), lambda s: [s % 2, 1 - s % 2], None),
    (Box(-1.0, 1.0, (2,), np.float64), lambda s: [s - 1, 1 - s], 3),
    (Tuple([Discrete(3), Discrete(2, start=1)]), lambda s: (s, 1 + s % 2), None),
    (Dict(gas=Discrete(3), turn=MultiDiscrete([2, 3])), lambda s: {"gas": s, "turn": [s % 2, 2 - s]}, None),
]


def flat(action) -> list[float]:
    if isinstance(action, dict):
        return [x for key in sorted(action) for x in flat(action[key])]
    if isinstance(action, tuple):
        return [x for part in action for x in flat(part)]
    return [float(x) for x in np.asarray(action).ravel()]


@pytest.mark.parametrize(
    ("space", "wanted", "bins"), KINDS, ids=[type(kind[0]).__name__ + str(n) for n, kind in enumerate(KINDS)]
)
def test_every_right_of_every_kind_of_action_learns(space, wanted, bins) -> None:
    def score(state, action):
        return sum(abs(a - b) < 1e-9 for a, b in zip(flat(action), flat(wanted(state)), strict=True))

    env = Match(STATES, space, score)
    market = marketic.make(
        env,
        agents="tabular",
        seed=1,
        novices=0.3,
        learning_rate=LearningRate(0.2),
        **({"action_bins": bins} if bins else {}),
    )
    market.learn(1500)
    for state in range(STATES):
        action, _ = market.predict(state, deterministic=True)
        assert space.contains(action)
        assert flat(action) == flat(wanted(state)), f"state {state}"
    best = len(flat(wanted(0)))
    assert market.evaluate(10).tolist() == [float(best)] * 10
    assert int(market.ledger.balance.sum()) == 0
    actions, _ = market.predict(np.arange(STATES), deterministic=True)
    rows = list(gym.vector.utils.iterate(gym.vector.utils.batch_space(space, STATES), actions))
    assert [flat(row) for row in rows] == [flat(wanted(state)) for state in range(STATES)]


@pytest.mark.filterwarnings("ignore:the returns of the last")
@pytest.mark.parametrize("reward", [1.0, 0.1, -7.3, 1e-6, 12345.678])
def test_rewards_are_split_exactly_among_rights(reward: float) -> None:
    """Three rights: the world pays the whole reward, to the tick, and each owner hears of its own part."""
    owners = [Fixed(0.0) for _ in range(3)]
    rights = SideBySide([Individuals([owner], actions=2) for owner in owners])
    market = Market(Match(1, MultiDiscrete([2, 2, 2]), lambda s, a: reward), rights, SecondPrice(), seed=0).learn(50)
    assert int(market.ledger.balance[WORLD]) == -50 * round(reward * 2**20)
    parts = [owner.trades[0].reward * 2**20 for owner in owners]
    assert sum(parts) == round(reward * 2**20)
    assert max(parts) - min(parts) <= 1
    assert market.ledger.balance[market.accounts].tolist() == [50 * part for part in parts]


class Faulty(Fixed):
    """Fails in one of its methods."""

    def __init__(self, where, how) -> None:
        super().__init__(offer=5.0)
        self.where, self.how = where, how

    def _fail(self, where, usual):
        if self.where != where:
            return usual
        if isinstance(self.how, Exception):
            raise self.how
        return self.how

    def bid(self, observation):
        return self._fail("bid", 5.0)

    def act(self, observation):
        return self._fail("act", 0)

    def learn(self, trade):
        self._fail("learn", None)


@pytest.mark.parametrize(
    ("where", "how", "reason"),
    [
        ("bid", RuntimeError("boom"), "RuntimeError: boom"),
        ("bid", math.nan, "bid nan"),
        ("bid", math.inf, "bid inf"),
        ("bid", "much", "ValueError"),
        ("bid", [1.0, 2.0], "ValueError|TypeError"),
        ("act", RuntimeError("boom"), "RuntimeError: boom"),
        ("act", None, "TypeError"),
        ("act", 1.5, "TypeError"),
        ("act", 2, "act 2: wanted a number from 0 to 1"),
        ("act", -1, "act -1: wanted"),
        ("learn", RuntimeError("boom"), "RuntimeError: boom"),
    ],
)
def test_no_agent_can_hurt_the_run(where, how, reason) -> None:
    good = Fixed(2.0)
    agents = Individuals([Faulty(where, how), good])
    market = Market(Walk(4), agents, SecondPrice(), seed=0).learn(40)
    assert int(market.ledger.balance.sum()) == 0
    assert market.num_timesteps == 40
    assert re.search(reason, agents.refused[0])
    assert 1 not in agents.refused
    assert len(good.trades) == (40 if where == "bid" else 0), "whose bid is refused buys nothing"
    action, _ = market.predict(0, deterministic=True)
    assert action == 0


def test_greedy_play_ignores_bids_that_are_no_numbers() -> None:
    market = Market(
        Walk(4, actions=3),
        Individuals([Fixed(1.0, 1), Fixed(math.nan, 0), Fixed(3.0, 2), Fixed(None, 0)]),
        SecondPrice(),
    )
    assert market.predict(0, deterministic=True)[0] == 2


def test_every_seat_may_send_a_novice() -> None:
    """More agents than actions: the house must not forget the last ones."""
    agents = [Fixed(1.0) for _ in range(3)]
    Market(Walk(4), Individuals(agents), SecondPrice(), novices=Novices(1.0), seed=0).learn(60)
    assert min(len(agent.trades) for agent in agents) > 5


def test_nobody_bids_and_the_house_sends_somebody() -> None:
    agents = Individuals([Fixed(None), Fixed(None)])
    market = Market(Walk(4), agents, SecondPrice(), seed=0).learn(40)
    assert market.num_timesteps == 40
    assert all(agent.trades for agent in agents.agents)
    assert market.ledger.flows[NOVICE] == 0, "who did not bid pays nothing"


def test_side_by_side_agents_bid_only_for_their_own_right() -> None:
    rng = np.random.default_rng(0)
    small, large = Tabular(2, 2, rng=rng, initial_bid=1.0), Tabular(2, 5, rng=rng, initial_bid=2.0)
    pair = SideBySide([small, large])
    bids = pair.bid(np.zeros((4, 1)))
    assert bids.active.tolist() == [[True, True, False, False, False], [True] * 5] * 2
    assert bids.bidder[0, :2, 0].tolist() == [0, 1]
    assert bids.bidder[1, :, 0].tolist() == [4, 5, 6, 7, 8]
    assert pair.seats.tolist() == [2, 5]
    market = Market(
        Match(2, MultiDiscrete([2, 5]), lambda s, a: 0.0), pair, SecondPrice(), novices=Novices(1.0), seed=0
    )
    assert market.learn(200).num_timesteps == 200  # a novice for a seat that a right lacks would name a wrong action
