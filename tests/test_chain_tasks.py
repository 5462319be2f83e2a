"""The tasks of Chang et al. 2020: Gymnasium's contract, their tables, and their values by hand."""

import gymnasium as gym
import numpy as np
import pytest

import marketic.envs  # noqa: F401  registers them
from marketic.checks.environment import check_env
from marketic.envs.chain_tasks import Bandit, Chain, Duality
from marketic.envs.reversing import ReversingActions
from marketic.envs.tables import TransitionTable
from marketic.errors import InputError


@pytest.mark.parametrize("name", ["Bandit", "Chain", "Duality"])
@pytest.mark.parametrize("options", [{}, {"one_hot": True}], ids=["numbers", "one-hot"])
def test_they_keep_gymnasiums_contract(name, options):
    assert check_env(lambda: gym.make(f"marketic/{name}-v0", **options)).passed


def test_the_noisy_bandit_too():
    assert check_env(lambda: Bandit(noisy=True), episodes=20).passed


def test_values_by_hand():
    assert TransitionTable.of(Bandit()).optimal_value(0.9) == pytest.approx(0.8)
    assert TransitionTable.of(Chain()).optimal_value(0.9) == pytest.approx(0.8 * 0.9**4)
    duality = TransitionTable.of(Duality())
    assert duality.optimal_values(0.9) == pytest.approx([5.0, 5.0, -10.0])  # 0.5 / (1 - 0.9); -1 / (1 - 0.9)
    assert duality.policy_value(np.array([1, 1, 0]), 0.9) == pytest.approx(0.5 + 0.9 * 3.0)  # stays, for 0.3 a step


@pytest.mark.parametrize("env", [Chain(4), Duality(), Bandit(3, noisy=True)], ids=["chain", "duality", "noisy bandit"])
def test_steps_follow_the_table(env):
    rng = np.random.default_rng(0)
    state, _ = env.reset(seed=0)
    seen = set()
    for _ in range(300):
        action = int(rng.integers(env.action_space.n))
        following, reward, terminated, truncated, _ = env.step(action)
        assert (following, reward, terminated, truncated) in [(s, r, t, False) for _, s, r, t in env.P[state][action]]
        seen.add((state, action, reward))
        state = env.reset()[0] if terminated or following == 2 else following
    reachable = {0, 1, 2} if isinstance(env, Chain) else {0, 1} if isinstance(env, Duality) else {0}
    wanted = {(s, a, r) for s in reachable for a in env.P[s] for _, _, r, _ in env.P[s][a]}
    assert seen <= wanted | {(2, a, -1.0) for a in (0, 1)}
    assert len(seen) >= len(wanted) - 2


def test_a_noisy_arm_pays_its_chance():
    env = Bandit(noisy=True)
    env.reset(seed=0)
    assert np.mean([env.step(2)[1] for _ in range(4000)]) == pytest.approx(0.6, abs=0.03)


def test_time_limits_and_one_hot():
    env = gym.make("marketic/Chain-v0", one_hot=True)
    observation, _ = env.reset(seed=0)
    assert observation.tolist() == [1, 0, 0, 0, 0, 0]
    flags = [env.step(0)[2:4] for _ in range(20)]
    assert flags[18:] == [(False, False), (False, True)]


@pytest.mark.parametrize(
    "build",
    [
        lambda: Bandit(0),
        lambda: Bandit(noisy="no"),
        lambda: Chain(1),
        lambda: Chain(one_hot="no"),
        lambda: Chain().step(2),
        lambda: ReversingActions(Chain(), every=0),
        lambda: ReversingActions(Chain(), every="often"),
        lambda: ReversingActions(Chain(), phase=-1),
    ],
)
def test_bad_input_is_refused(build):
    with pytest.raises(InputError):
        build()
