"""The compiled loop is the same market as the steps it replaces."""

import gymnasium as gym
import numpy as np
import pytest

import marketic
import marketic.mechanisms
from marketic.callbacks import Callback, Evaluate
from marketic.compiled_loop import CompiledLoop
from marketic.envs.twins import twin_of
from marketic.errors import InputError
from marketic.individuals import Individuals
from marketic.market import Market
from marketic.presets import make

CASES = [
    ("CliffWalking-v1", {"agents": "tabular"}),
    ("Taxi-v4", {"agents": "tabular"}),
    (
        "FrozenLake-v1",
        {"agents": "tabular", "novices": marketic.Novices(0.5, final=0.1, horizon=700), "mechanism": "softmax"},
    ),
    (
        "FrozenLake-v1",
        {"agents": "tabular", "royalty": 0.7, "clones": 2, "credit": "payment", "mechanism": "first-price"},
    ),
    ("MountainCar-v0", {}),
    ("CartPole-v1", {}),
    ("CartPole-v1", {"mechanism": "softmax", "novices": 0.1}),
]


def states(market):
    return market.state_dict()


def assert_same(one, other):
    first, second = states(one), states(other)
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key], err_msg=key)


@pytest.mark.parametrize(("task", "options"), CASES, ids=str)
def test_the_loop_leaves_the_same_bits_as_gymnasium_step_by_step(task, options):
    quick, slow = make(task, seed=4, compiled=True, **options), make(task, seed=4, **options)
    for market in (quick, slow):
        market.learn(2500)
        market.learn(99)
    assert quick.num_timesteps == slow.num_timesteps == 2599
    assert_same(quick, slow)


def test_the_loop_equals_steps_on_the_twin(monkeypatch):
    quick = make("Acrobot-v1", seed=4, compiled=True).learn(1500)
    monkeypatch.setattr(CompiledLoop, "leg", lambda self, target: self.round.step())
    assert_same(quick, make("Acrobot-v1", seed=4, compiled=True).learn(1500))


class Episodes(Callback):
    """Writes down episodes; stops after the third."""

    def __init__(self):
        self.seen = []

    def on_episode(self, event):
        self.seen.append((event.market.num_timesteps, event.market.episodes, event.episode_return, event.length))
        event.market.stopping = event.market.episodes == 3


def test_episodes_are_told_as_they_end():
    heard = []
    for compiled in (True, False):
        callback = Episodes()
        make("CartPole-v1", seed=4, compiled=compiled).learn(5000, callback=callback)
        heard.append(callback.seen)
    assert len(heard[0]) == 3
    assert heard[0] == heard[1]


def test_evaluations_happen_at_their_steps_and_snapshots_are_kept():
    histories = []
    for compiled in (True, False):
        evaluate = Evaluate(every=400, episodes=2)
        make("CartPole-v1", seed=4, compiled=compiled).learn(1300, callback=evaluate)
        histories.append(evaluate.history)
    assert [step for step, _ in histories[0]] == [400, 800, 1200]
    assert histories[0] == histories[1]


def test_saving_and_going_on(tmp_path):
    market = make("CartPole-v1", seed=4, compiled=True).learn(1000)
    market.save(tmp_path / "a.market")
    loaded = marketic.load(tmp_path / "a.market")
    assert loaded.dynamics is not None
    assert_same(market.learn(500), loaded.learn(500))


class WatchesSteps(Callback):
    def on_step(self, event):
        pass


class WatchesTrades(Callback):
    def on_trade(self, event):
        pass


@pytest.mark.parametrize(("callback", "reason"), [(WatchesSteps(), "every step"), (WatchesTrades(), "every trade")])
def test_callbacks_that_need_every_step_are_refused(callback, reason):
    market = make("CartPole-v1", seed=4, compiled=True)
    with pytest.raises(InputError, match=reason):
        market.learn(10, callback=callback)
    assert market.num_timesteps == 0


class Agent:
    def bid(self, observation):
        return 1.0

    def act(self, observation):
        return 0

    def learn(self, trade):
        pass


def test_parts_without_compiled_code_are_refused_by_name():
    env = gym.make("CartPole-v1")
    with pytest.raises(InputError, match="the population Individuals is no family of syndicates"):
        Market(env, Individuals([Agent()]), marketic.mechanisms.SecondPrice(), dynamics=twin_of(env))
    with pytest.raises(InputError, match="Rotation offers no compiled rule"):
        make(
            "FrozenLake-v1",
            agents="tabular",
            mechanism=marketic.mechanisms.Rotation(marketic.mechanisms.SecondPrice()),
            compiled=True,
        )
    with pytest.raises(InputError, match="compiled='yes'"):
        make("CartPole-v1", compiled="yes")
