"""Tasks without a preset: what `make` chooses from the spaces solves small ones of every kind."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

import marketic


class Small(gym.Env):
    """`length` steps; `see()` is the observation, and `pay(action)` the reward and whether that was the end."""

    length = 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        self.begin()
        return self.see(), {}

    def step(self, action):
        reward, ended = self.pay(action)
        self.steps += 1
        return self.see(), float(reward), bool(ended), self.steps >= self.length, {}


class Corridor(Small):
    """Five steps to the right there is 1; every episode that gets there earns the same, however long it takes."""

    length = 100
    observation_space, action_space = Box(0, 5, (1,), np.float32), Discrete(2)
    best = 1.0

    def begin(self):
        self.place = 0

    def see(self):
        return np.array([self.place], np.float32)

    def pay(self, action):
        self.place = int(np.clip(self.place + (1 if action else -1), 0, 5))
        return self.place == 5, self.place == 5


class Quadrant(Small):
    observation_space, action_space = Box(-1, 1, (2,), np.float32), Discrete(4)
    best = 0.9

    def begin(self):
        self.point = self.np_random.uniform(-1, 1, 2).astype(np.float32)

    def see(self):
        return self.point

    def pay(self, action):
        return action == 2 * int(self.point[0] > 0) + int(self.point[1] > 0), True


class Follow(Quadrant):
    """A real action, of which five levels are tried: 1/8 off in the mean at best."""

    action_space = Box(-1, 1, (1,), np.float32)
    best = -0.16

    def pay(self, action):
        return -abs(float(action[0]) - float(self.point[0])), True


class Leave(Small):
    """Every step costs 1, but for leaving, which costs 3 once."""

    length = 50
    observation_space, action_space = Box(0, 1, (1,), np.float32), Discrete(3)
    best = -3.0

    def begin(self):
        pass

    def see(self):
        return np.array([self.steps / 50], np.float32)

    def pay(self, action):
        return (-3.0, True) if action == 2 else (-1.0, False)


class Parity(Small):
    observation_space, action_space = MultiBinary(4), Discrete(2)
    best = 1.0

    def begin(self):
        self.bits = self.np_random.integers(0, 2, 4).astype(np.int8)

    def see(self):
        return self.bits

    def pay(self, action):
        return action == self.bits.sum() % 2, True


class Dials(Small):
    """Three components of the action, of different sizes, each with a right setting."""

    observation_space, action_space = Discrete(3), MultiDiscrete([2, 4, 3])
    best = 3.0

    def begin(self):
        self.wanted = int(self.np_random.integers(3))

    def see(self):
        return self.wanted

    def pay(self, action):
        return np.sum([action[0] == self.wanted % 2, action[1] == self.wanted, action[2] == self.wanted]), True


class Mixed(Small):
    """A finite and a real component; the real one says how to read the other."""

    observation_space = Dict(letter=Discrete(4), key=Box(0, 1, (1,), np.float32))
    action_space = Discrete(4)
    best = 0.9

    def begin(self):
        self.letter, self.key = int(self.np_random.integers(4)), self.np_random.random()

    def see(self):
        return {"letter": self.letter, "key": np.array([self.key], np.float32)}

    def pay(self, action):
        return action == (self.letter if self.key > 0.5 else 3 - self.letter), True


@pytest.mark.parametrize("task", [Corridor, Quadrant, Follow, Leave, Parity, Dials, Mixed])
def test_defaults_solve_small_tasks(task):
    market = marketic.make(task(), seed=0).learn(5_000)
    assert market.evaluate(100).mean() >= task.best


@pytest.mark.parametrize("seed", range(1, 5))
def test_greedy_play_follows_training_where_every_success_earns_the_same(seed):
    """The copy that is shown must not stay one of the warm-up, when chance alone had found the end of the corridor."""
    market = marketic.make(Corridor(), seed=seed, agents="bank").learn(2_500)
    assert market.evaluate(1).tolist() == [1.0]
