"""Wrapped and unusual environments: presets, evaluation, saving and spaces follow what the market really sees."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from refusals import refused
from tiny_envs import Broken

import marketic
from marketic.evaluation import evaluation_env
from marketic.goods import Goods

POLE = "CartPole-v1"


def seen_from(env, columns):
    return gym.wrappers.TransformObservation(
        env, lambda o: o[columns], Box(-np.inf, np.inf, (len(columns),), np.float32)
    )


class Flipped(gym.ObservationWrapper):
    """A user's own wrapper, which Gymnasium cannot make again; it counts what it has seen."""

    def __init__(self, env, sign):
        super().__init__(env)
        self.sign, self.seen = sign, 0

    def observation(self, observation):
        self.seen += 1
        return (self.sign * observation).astype(np.float32)


@pytest.mark.parametrize("family", ["tiles", "growing", "firms", None])
def test_settings_of_a_task_are_not_used_for_another_observation(family):
    market = marketic.make(seen_from(gym.make(POLE), [2, 3]), agents=family, seed=1).learn(500)
    appraise = getattr(market.population, "appraise", market.population.bid)
    here = np.array([0.05, 0.1])
    alone = appraise(here[None]).value[0]
    for other in ([0.0, 0.0], [0.2, 1.5]):
        assert appraise(np.array([here, other])).value[0] == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize("family", ["tiles", "growing"])
def test_settings_that_do_not_fit_the_observation_are_refused(family):
    wrapped = seen_from(gym.make(POLE), [2, 3])
    refused(
        lambda: marketic.make(wrapped, agents=family, preset=POLE), "low has 4 entries", "2 features", "another task"
    )
    refused(lambda: marketic.make("MountainCar-v0", agents=family, preset="none", angles=[(0, 5)], low=[0], high=[1]),
            "(0, 5)", "of the 2")  # fmt: skip


@pytest.mark.parametrize("family", ["tiles", "growing", "portfolio", "bank"])
def test_components_that_never_change_disturb_nobody(family):
    space = Box(np.array([0.0, 1.0]), np.array([1.0, 1.0]), dtype=np.float64)
    env = Broken(space, (np.array([0.5, 1.0]), 1.0, True, False, {}))
    assert marketic.make(env, agents=family, seed=0).learn(50).num_timesteps == 50


def test_evaluation_plays_in_copies_with_what_wrappers_have_learned():
    env = gym.wrappers.NormalizeObservation(gym.make(POLE))
    marketic.make(env, seed=1, agents="bank").learn(300)
    copy = evaluation_env(env)
    assert copy.obs_rms.count == env.obs_rms.count > 300
    mine = Flipped(gym.make(POLE), -1.0)
    market = marketic.make(mine, seed=1).learn(300)
    before = mine.seen
    assert len(market.evaluate(3)) == 3
    assert mine.seen == before


@pytest.mark.parametrize("mode", ["sync", "vector_entry_point"])
def test_vector_environments_of_every_kind_are_evaluated(mode):
    market = marketic.make(gym.make_vec(POLE, 2, vectorization_mode=mode), seed=1).learn(200)
    assert evaluation_env(market.env).spec.max_episode_steps == 500
    assert len(market.evaluate(2)) == 2


def test_wrappers_of_vector_environments_are_not_forgotten(tmp_path):
    flipped = gym.wrappers.vector.TransformObservation(gym.make_vec(POLE, 2, vectorization_mode="sync"), lambda o: -o)
    market = marketic.make(flipped, seed=1).learn(200)
    refused(lambda: market.evaluate(2), "pass env=")
    assert market.config["objects"] == ["env"]
    each = gym.make_vec(POLE, 2, vectorization_mode="sync", wrappers=[lambda env: Flipped(env, -1.0)])
    market = marketic.make(each, seed=1).learn(200)
    assert evaluation_env(market.env).sign == -1.0
    assert market.config["objects"] == ["env"]
    market.save(tmp_path / "pole.market")
    refused(lambda: marketic.load(tmp_path / "pole.market"), "env=")


def test_a_time_limit_that_was_taken_off_stays_off(tmp_path):
    market = marketic.make(gym.make("MountainCar-v0", max_episode_steps=-1), seed=1).learn(50)
    market.save(tmp_path / "car.market")
    again = marketic.load(tmp_path / "car.market")
    assert again.env.spec.max_episode_steps is None
    assert (market.learn(600).episodes, again.learn(600).episodes) == (0, 0)


@pytest.mark.parametrize(
    ("low", "high", "bins", "levels"),
    [(-1, 1, 5, [-1, 0, 1]), (0, 1, 5, [0, 1]), (0, 10, 5, [0, 2, 5, 8, 10]), (0, 4, 5, [0, 1, 2, 3, 4])],
)
def test_whole_actions_have_whole_levels_once_each(low, high, bins, levels):
    rights = Goods.from_space(Box(low, high, (1,), np.int64), rival=True, action_bins=bins)
    assert [int(rights.decode(np.array([k]))[0]) for k in range(rights.sizes[0])] == levels


def test_tables_of_another_shape_are_no_observations():
    goods = Goods.from_space(Box(0, 1, (2, 3)))
    assert goods.encode(np.zeros((2, 3))).shape == (6,)
    refused(lambda: goods.encode(np.zeros((3, 2))), "shape (3, 2) instead of (2, 3)")
    refused(lambda: goods.encode_rows(np.zeros((5, 3, 2)), 5), "shape (5, 3, 2) instead of (5, 2, 3)")


def test_no_observations_have_no_actions():
    for task in ("FrozenLake-v1", "CartPole-v1"):
        market = marketic.make(task, seed=0)
        nothing = np.zeros((0, *market.world.goods.space.shape), dtype=market.world.goods.space.dtype)
        assert market.predict(nothing)[0].shape == (0,)


def test_what_evaluation_and_learning_cannot_use_is_refused():
    market = marketic.make("FrozenLake-v1", seed=0)
    refused(lambda: market.evaluate(2.5), "episodes=2.5", "whole number >= 1")
    refused(lambda: market.evaluate(2, seed=-1), "seed=-1", "whole number >= 0")
    refused(lambda: market.evaluate(2, seed=None), "seed=None")
    refused(lambda: market.evaluate(2, env="CartPole-v1"), "'CartPole-v1'", "single gymnasium.Env")
    refused(lambda: market.evaluate(2, env=gym.make_vec(POLE, 1)), "single gymnasium.Env")
    refused(lambda: market.learn(10, callback=print), "derive it from marketic.Callback")


def test_a_reset_without_info_is_named():
    class Bare(gym.Env):
        observation_space, action_space = Discrete(3), Discrete(2)

        def reset(self, *, seed=None, options=None):
            return 0

    refused(lambda: marketic.make(Bare(), seed=0).learn(10), "reset returned 0", "(observation, info)")
