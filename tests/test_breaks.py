"""Training that breaks off in the middle of a step: no right stays in the air, no money is lost, and the log stays sound."""

import gymnasium as gym
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from tiny_envs import Fixed, Walk

import marketic
from marketic import Callback, Individuals, InputError, Market
from marketic.events.auditing import audit
from marketic.ledger import REWARD, WORLD
from marketic.mechanisms import SecondPrice

NAN = float("nan")


class Fails(gym.Env):
    """Pays 1 a step in episodes of five; what it answers at its step 23, or shows first in episode 5, is the fault's."""

    def __init__(self, fault: str) -> None:
        self.fault, self.made, self.resets = fault, 0, 0
        self.observation_space = gym.spaces.MultiDiscrete([6, 2])
        self.action_space = gym.spaces.MultiDiscrete([2, 2])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time, self.resets = 0, self.resets + 1
        if self.fault == "reset" and self.resets == 5:
            raise InputError("no lake today")
        return ([9, 9] if self.fault == "start" and self.resets == 5 else [0, 0]), {}

    def step(self, action):
        self.time, self.made = self.time + 1, self.made + 1
        seen, reward, terminated, truncated = [self.time, self.time % 2], 1.0, self.time == 5, False
        if self.made == 23:
            seen = [9, 9] if self.fault in ("observation", "cut short") else seen
            reward = NAN if self.fault in ("reward", "end") else reward
            terminated, truncated = terminated or self.fault == "end", self.fault == "cut short"
        return seen, reward, terminated, truncated, {}


@pytest.mark.parametrize("copies", [None, AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED])
@pytest.mark.parametrize("fault", ["observation", "reward", "end", "cut short", "start", "reset"])
@pytest.mark.parametrize("family", ["research", "tiles", "bank"])
def test_no_right_stays_in_the_air(family, fault, copies, tmp_path) -> None:
    env = Fails(fault)
    if copies is not None:
        env = SyncVectorEnv([lambda: Fails(""), lambda: Fails(fault)], autoreset_mode=copies)
    market = marketic.make(env, agents=family, seed=0).log_to(tmp_path)
    with pytest.raises(InputError):
        market.learn(300)
    market.learn(300)
    assert int(market.ledger.balance.sum()) == 0
    assert audit(market.events.folder).problems == []


@pytest.mark.parametrize("family", ["research", "tiles", "bank", "tabular"])
def test_what_cannot_be_traded_on_is_as_if_it_had_not_happened(family) -> None:
    market = marketic.make(Fails("reward"), agents=family, seed=0)
    with pytest.raises(InputError, match="reward"):
        market.learn(300)
    assert market.ledger.flows[REWARD] == 22 * 2**20, "22 steps were paid before the fault"
    assert market.ledger.balance[WORLD] == -22 * 2**20


class Late(Walk):
    """Cannot start a second time."""

    def reset(self, *, seed=None, options=None):
        if self.state:
            raise RuntimeError("no second walk")
        return super().reset(seed=seed)


class Interrupts(Callback):
    def on_trade(self, event):
        if event.market.world.ended:
            raise RuntimeError("stop")


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("env", [Walk, Late])
def test_an_end_that_was_not_settled_yet_is_an_end(env, compiled) -> None:
    agent = Fixed(1.0)
    market = Market(env(3), Individuals([agent]), SecondPrice(), seed=0, compiled_parts=compiled)
    with pytest.raises(RuntimeError):
        market.learn(10, callback=Interrupts() if env is Walk else None)
    last = agent.trades[-1]
    assert (last.realised, last.terminated) == (1.0, True), "the prize, and no price of where the next walk begins"
    assert market.ledger.flows[REWARD] == 2**20
