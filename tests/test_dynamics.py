"""Compiled twins step like Gymnasium."""

import gymnasium as gym
import numpy as np
import pytest

from marketic.dynamics import TwinWorld
from marketic.envs.twins import twin_of
from marketic.errors import InputError

CLASSIC = {"CartPole-v1": 500, "MountainCar-v0": 200, "Acrobot-v1": 500}
TABLES = {
    "FrozenLake-v1": 100,
    "FrozenLake8x8-v1": 200,
    "CliffWalking-v1": 0,
    "CliffWalkingSlippery-v1": 0,
    "Taxi-v4": 200,
}


def pair(task: str, **options) -> tuple[gym.Env, TwinWorld]:
    env = gym.make(task, **options)
    return env, TwinWorld(env, twin_of(env))


@pytest.mark.parametrize("task", [*CLASSIC, *TABLES])
def test_twins_follow_gymnasium_for_whole_episodes_from_the_same_seed(task):
    env, twin = pair(task)
    actions = np.random.default_rng(1)
    observation, _ = env.reset(seed=7)
    twin.reset(seed=7)
    for _ in range(3000):
        np.testing.assert_allclose(
            twin.observation[0], env.unwrapped.observation_space.dtype.type(observation), rtol=2e-7, atol=1e-9
        )
        action = int(actions.integers(env.action_space.n))
        observation, reward, terminated, truncated, _ = env.step(action)
        twin.step(np.array([action]))
        assert twin.reward[0] == reward
        assert twin.ended == (terminated or truncated)
        if twin.ended:
            assert (twin.terminated[0], twin.truncated[0]) == (terminated, truncated and not terminated)
            np.testing.assert_allclose(twin.final[0], observation, rtol=2e-7, atol=1e-9)
            observation, _ = env.reset()
            twin.ended = False


@pytest.mark.parametrize("task", CLASSIC)
def test_single_steps_from_random_states_agree_to_the_last_digits(task):
    env, twin = pair(task)
    plain, rng = env.unwrapped, np.random.default_rng(2)
    env.reset(seed=0)
    spread = {"CartPole-v1": (2.0, 2.0, 0.2, 2.0), "MountainCar-v0": (0.8, 0.07), "Acrobot-v1": (3.1, 3.1, 9.0, 20.0)}[
        task
    ]
    for _ in range(4000):
        state = rng.uniform(-1, 1, len(spread)) * spread
        plain.state, twin.state[:] = state.copy(), state
        plain.steps_beyond_terminated = None
        action = int(rng.integers(plain.action_space.n))
        observation, reward, terminated, _, _ = plain.step(action)
        parts = twin.dynamics
        parts.step(twin.state, action, twin.uniform, parts.integers, parts.reals, twin.observation[0], twin.outcome)
        np.testing.assert_allclose(twin.state, np.asarray(plain.state, dtype=float), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(twin.observation[0], observation, rtol=2e-7, atol=1e-12)
        assert (twin.outcome[0], bool(twin.outcome[1])) == (reward, terminated)


@pytest.mark.parametrize(("task", "limit"), (CLASSIC | TABLES).items())
def test_time_limits_are_the_wrappers(task, limit):
    assert twin_of(gym.make(task)).time_limit == limit


def test_changed_constants_change_the_twin():
    env = gym.make("CartPole-v1")
    env.unwrapped.gravity = 20.0
    assert twin_of(env).reals[0] == 20.0


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        (lambda: gym.make("Pendulum-v1"), "PendulumEnv has no compiled twin"),
        (lambda: gym.wrappers.TransformReward(gym.make("CartPole-v1"), lambda r: r / 2), "wrapper TransformReward"),
        (lambda: gym.make("CartPole-v1", render_mode="rgb_array"), "renders"),
        (lambda: gym.make("Taxi-v4", fickle_passenger=True), "fickle_passenger"),
        (lambda: gym.make_vec("CartPole-v1", 2), "no compiled twin"),
    ],
)
def test_what_has_no_twin_is_refused_by_name(env, reason):
    with pytest.raises(InputError, match=reason):
        twin_of(env())
