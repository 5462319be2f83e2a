"""Training that breaks off in the middle of a step: no right stays in the air, no money is lost, and the log stays sound."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from tiny_envs import Fixed, Walk

import marketic
from marketic import Callback, Individuals, InputError, Market
from marketic.agents import Tabular
from marketic.chain import Settlement
from marketic.events import tape as tapes
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


class Counted(Walk):
    """Pays 1 a step, whatever one does, and counts what it has paid."""

    paid = 0

    def step(self, action):
        self.paid += 1
        seen, _, ended, truncated, info = super().step(0)
        return seen, 1.0, ended, truncated, info


def failing(kind, method, at, times):
    """The class with a `method` that fails from its call number `at` on, so many times."""
    calls = iter(range(1, 10**9))

    def fails(self, *args, **options):
        if at <= next(calls) < at + times:
            raise RuntimeError(method)
        return getattr(kind, method)(self, *args, **options)

    return type(kind.__name__, (kind,), {method: fails})


@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("at", [2, 7, 13, 14])
@pytest.mark.parametrize(
    ("kind", "method"), [(SecondPrice, "clear"), (Tabular, "bid"), (Tabular, "act"), (Tabular, "learn")]
)
def test_whoever_fails_every_reward_is_paid_once(kind, method, at, copies, times, tmp_path) -> None:
    """Also if it fails again while training winds up: nobody prices the right then, and its owner has what it earned."""
    parts = [Counted(6) for _ in range(copies)]
    env = parts[0]
    if copies > 1:
        env = SyncVectorEnv([lambda part=part: part for part in parts], autoreset_mode=AutoresetMode.SAME_STEP)
    broken = failing(kind, method, at, times)
    agents = (broken if kind is Tabular else Tabular)(6, 2, rng=np.random.default_rng(0))
    market = Market(env, agents, (broken if kind is SecondPrice else SecondPrice)(), seed=0).log_to(tmp_path)
    failures = 0
    while market.num_timesteps < 60:
        try:
            market.learn(60)
        except RuntimeError:
            failures += 1
        assert market.log.state[tapes.CUT] == 0, "ends of chains are clean breaks only while training winds up"
        assert market.ledger.flows[REWARD] == sum(part.paid for part in parts) * 2**20
        assert int(market.ledger.balance.sum()) == 0
    assert 1 <= failures <= times
    assert audit(market.events.folder).problems == []


@pytest.mark.parametrize("at", [2, 7, 13])
def test_an_interrupt_right_after_a_sale_pays_nobody_twice(at, tmp_path, monkeypatch) -> None:
    real, calls = Settlement.settle, iter(range(1, 10**6))

    def interrupted(self, *args) -> None:
        real(self, *args)
        if next(calls) == at:
            raise KeyboardInterrupt

    monkeypatch.setattr(Settlement, "settle", interrupted)
    env = Counted(6)
    agents = Tabular(6, 2, rng=np.random.default_rng(0))
    market = Market(env, agents, SecondPrice(), seed=0, compiled_parts=False).log_to(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        market.learn(60)
    market.learn(60)
    assert market.ledger.flows[REWARD] == env.paid * 2**20
    assert audit(market.events.folder).problems == []
