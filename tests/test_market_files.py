"""Files of markets: damaged ones, and those of other tasks, are refused in a line; compiled code never sees their arrays."""

import contextlib
import random

import gymnasium as gym
import numpy as np
import pytest

import marketic
from marketic.errors import CorruptFile
from marketic.storage import read_arrays, write_arrays

DISCRETE, BINARY = gym.spaces.Discrete, gym.spaces.MultiBinary


class Task(gym.Env):
    """Random observations, rewards and ends, with any spaces."""

    def __init__(self, observation_space, action_space):
        self.observation_space, self.action_space = observation_space, action_space

    def _observe(self):
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        return self.observation_space.sample()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observe(), {}

    def step(self, action):
        return self._observe(), self.np_random.random(), bool(self.np_random.random() < 0.1), False, {}


@pytest.fixture
def lake(tmp_path):
    """The file of a small market."""
    path = tmp_path / "lake.market"
    marketic.make("FrozenLake-v1", agents="tabular", seed=0).learn(30).save(path)
    return path


@pytest.mark.parametrize(
    "family", ["tabular", "research", "programs", "expressions", "rules", "goods", "firms", "bank"]
)
@pytest.mark.parametrize(
    ("observations", "actions"),
    [(DISCRETE(3), DISCRETE(6)), (DISCRETE(6), DISCRETE(2)), (DISCRETE(6), gym.spaces.MultiDiscrete([3, 2])),
     (BINARY(6), DISCRETE(3))],
    ids=["fewer-states", "fewer-actions", "more-rights", "more-components"],
)  # fmt: skip
def test_a_market_of_another_task_is_refused(family, observations, actions, tmp_path):
    """Programs, rules, research and goods took its arrays, and wrote beyond their own."""
    path = tmp_path / "six.market"
    marketic.make(Task(DISCRETE(6), DISCRETE(3)), agents=family, seed=0).learn(20).save(path)
    with pytest.raises(CorruptFile, match="it was saved by another kind of market"):
        marketic.load(path, env=Task(observations, actions))


def test_copies_and_other_names_of_the_same_spaces_are_no_other_task(tmp_path):
    path = tmp_path / "six.market"
    marketic.make(Task(DISCRETE(6), DISCRETE(3)), agents="programs", seed=0).learn(20).save(path)
    copies = gym.vector.SyncVectorEnv([lambda: Task(DISCRETE(6, start=4), DISCRETE(3, start=-1))] * 2)
    assert marketic.load(path, env=copies).learn(20).num_timesteps >= 40


def test_files_without_a_word_on_spaces_are_read(lake):
    arrays, config = read_arrays(lake)
    del arrays["market/goods"], arrays["market/rights"]
    write_arrays(lake, arrays, config)
    assert marketic.load(lake).num_timesteps == 30


def test_a_wrong_bit_anywhere_is_refused_or_harmless(lake):
    sound, draw = lake.read_bytes(), random.Random(0)
    places = [*range(60), *(draw.randrange(len(sound)) for _ in range(100)), *range(len(sound) - 400, len(sound))]
    for place in places:
        damaged = bytearray(sound)
        damaged[place] ^= 1 << draw.randrange(8)
        lake.write_bytes(damaged)
        with contextlib.suppress(CorruptFile):  # no other error, and no fault
            assert marketic.load(lake).ledger.balance.sum() == 0


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("ledger/balance", np.zeros(9, dtype=np.int64), r"accounts of 64 agents are int64\(64,\), of 9 in the ledger"),
        ("ledger/balance", np.zeros(66), "ledger state has float64"),
        ("ledger/tick", np.zeros(1), "a tick of 0.0: wanted a finite amount > 0"),
        ("ledger/flows", np.zeros(2, dtype=np.int64), "ledger state has int64"),
        ("market/accounts", np.arange(60), "wanted an account for each agent"),
        ("market/accounts", np.zeros(64, dtype=np.int64), "wanted an account for each agent"),
        ("market/surprise", np.zeros(3), "does not fit this market"),
        ("streams/env", np.zeros(2, dtype=np.uint64), "does not fit this market"),
    ],
)
def test_arrays_of_no_market_are_refused(lake, name, array, message):
    arrays, config = read_arrays(lake)
    assert name in arrays
    write_arrays(lake, {**arrays, name: array}, config)
    with pytest.raises(CorruptFile, match=message):
        marketic.load(lake)
