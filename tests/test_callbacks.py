"""Looking over the market's shoulder: every moment is seen, training stops early and ends cleanly."""

import copy

import numpy as np
import pytest
from tiny_envs import Fixed, Walk

import marketic
from marketic import (
    Callback,
    Evaluate,
    Individuals,
    InputError,
    Market,
)
from marketic.agents import Tabular
from marketic.events import audit
from marketic.ledger import WORLD
from marketic.mechanisms import SecondPrice


class Diary(Callback):
    def __init__(self, stop_at: int | None = None) -> None:
        self.log, self.returns, self.lengths, self.sold, self.stop_at = [], [], [], 0.0, stop_at

    def on_start(self, market, total_timesteps):
        self.log.append(f"start {total_timesteps}")

    def on_step(self, event):
        if self.stop_at is not None and event.market.num_timesteps >= self.stop_at:
            event.market.stopping = True

    def on_episode(self, event):
        self.returns.append(event.episode_return)
        self.lengths.append(event.length)

    def on_trade(self, event):
        self.sold += event.outcome[:, 2].sum()

    def on_stop(self, market):
        self.log.append(f"stop {market.num_timesteps}")


def test_callbacks_see_every_moment() -> None:
    diary = Diary()
    market = Market(Walk(4), Individuals([Fixed(1.0)]), SecondPrice(), seed=0).learn(20, callback=diary)
    assert diary.log == ["start 20", "stop 20"]
    assert diary.returns == [1.0] * 5
    assert diary.lengths == [4] * 5
    assert diary.sold == 5 * 3, "in each walk three rights are resold; the fourth ends with it"
    assert market.episodes == 5
    assert list(market.recent_returns) == [1.0] * 5


def test_early_stop_and_failure_still_end_cleanly() -> None:
    diary = Diary(stop_at=7)
    market = marketic.make("FrozenLake-v1", seed=3, novices=0.2).learn(1000, callback=[diary])
    assert market.num_timesteps == 7
    assert diary.log[-1] == "stop 7"
    assert market.learn(3).num_timesteps == 10, "a new call goes on"

    class Bang(Callback):
        def on_step(self, event):
            raise KeyboardInterrupt

    diary = Diary()
    with pytest.raises(KeyboardInterrupt):
        market.learn(10, callback=[diary, Bang()])
    assert diary.log == ["start 10", "stop 11"]
    assert int(market.ledger.balance.sum()) == 0
    with pytest.raises(InputError, match=r"derive it from marketic\.Callback"):
        market.learn(1, callback=[print])


def test_learning_inside_of_learning_is_refused(tmp_path) -> None:
    class Again(Callback):
        def on_step(self, event):
            if event.market.num_timesteps == 10:
                event.market.learn(5)

    market = marketic.make("FrozenLake-v1", seed=0).log_to(tmp_path)
    with pytest.raises(InputError, match="while this market learns"):
        market.learn(50, callback=Again())
    assert market.learn(20).num_timesteps == 30

    class Copies(Callback):
        def on_episode(self, event):
            twin = copy.deepcopy(event.market)
            assert twin.learn(3).num_timesteps == event.market.num_timesteps + 3
            event.market.stopping = True

    marketic.make("FrozenLake-v1", seed=0).learn(100, callback=Copies())
    assert audit(market.events.folder).sound


def test_an_interrupted_step_is_not_paid_twice() -> None:
    class Interrupted(Walk):
        def step(self, action):
            if self.state == 2:
                raise KeyboardInterrupt
            observation, _, *rest = super().step(action)
            return observation, 5.0, *rest

    for population in (Individuals([Fixed(1.0)]), Tabular(4, 1, rng=np.random.default_rng(0))):
        market = Market(Interrupted(4, actions=1), population, SecondPrice(), seed=0)
        with pytest.raises(KeyboardInterrupt):
            market.learn(10)
        assert market.ledger.balance[WORLD] == -2 * 5 * 2**20


def test_evaluate_keeps_the_best_snapshot_and_stops_at_a_threshold() -> None:
    evaluate = Evaluate(every=200, episodes=5)
    market = marketic.make("FrozenLake-v1", seed=0, env_options={"is_slippery": False}).learn(1000, callback=evaluate)
    assert [step for step, _ in evaluate.history] == [200, 400, 600, 800, 1000]
    assert evaluate.best_mean == max(mean for _, mean in evaluate.history)
    again = marketic.make("FrozenLake-v1", seed=0, env_options={"is_slippery": False})
    again.load_state_dict(evaluate.best)
    assert again.evaluate(5, seed=evaluate.seed).mean() == evaluate.best_mean
    stopping = Evaluate(every=200, episodes=5, threshold=1.0)
    market = marketic.make("FrozenLake-v1", seed=0, env_options={"is_slippery": False}).learn(
        100_000, callback=stopping
    )
    assert market.num_timesteps < 100_000
    assert stopping.history[-1][1] == 1.0
    with pytest.raises(InputError, match="every=0"):
        Evaluate(every=0)


class Opener(Callback):
    """Opens something at the start, closes it at the stop, and fails where it is told to."""

    def __init__(self, fails=""):
        self.open, self.fails = 0, fails

    def on_start(self, market, total_timesteps):
        if self.fails == "start":
            raise OSError(self.fails)
        self.open += 1

    def on_stop(self, market):
        self.open -= 1
        if self.fails == "stop":
            raise OSError(self.fails)


@pytest.mark.parametrize("fails", ["start", "stop"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_whatever_started_is_stopped_though_one_of_them_fails(fails, place):
    callbacks = [Opener(), Opener()]
    callbacks.insert(place, Opener(fails))
    market = marketic.make("FrozenLake-v1", seed=0)
    with pytest.raises(OSError, match=fails):
        market.learn(20, callback=callbacks)
    assert [callback.open for callback in callbacks] == [0, 0, 0]
    assert market.learn(20).ledger.balance.sum() == 0
