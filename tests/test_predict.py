"""Stable-Baselines3's conventions: what `predict` takes and gives, and the callers that rely on it."""

import importlib.util

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Dict, Discrete, Tuple
from tiny_envs import Match

import marketic


def test_predict_returns_action_and_state_for_one_and_for_many() -> None:
    market = marketic.make("CartPole-v1", seed=0).learn(50)
    observation = np.zeros(4, dtype=np.float32)
    action, state = market.predict(observation, state=None, episode_start=None, deterministic=True)
    assert market.env.action_space.contains(action)
    assert state is None
    assert market.predict(observation, state=("memory",))[1] == ("memory",)
    actions, _ = market.predict(np.zeros((5, 4), dtype=np.float32), deterministic=True)
    assert actions.shape == (5,)
    assert actions.dtype == np.int64
    assert set(actions.tolist()) == {action}


def test_predict_takes_batches_of_dicts_and_tuples() -> None:
    class Pair(Match):
        def __init__(self, space):
            super().__init__(3, Discrete(3), lambda s, a: float(s == a))
            self.observation_space = space

        def reset(self, *, seed=None, options=None):
            gym.Env.reset(self, seed=seed)
            self.state = int(self.np_random.integers(3))
            return self._both(), {}

        def step(self, action):
            return self._both(), *super().step(action)[1:]

        def _both(self):
            return {"a": self.state, "b": 0} if isinstance(self.observation_space, Dict) else (self.state, 0)

    for space in (Dict(a=Discrete(3), b=Discrete(2)), Tuple([Discrete(3), Discrete(2)])):
        market = marketic.make(Pair(space), seed=0, novices=0.3).learn(300)
        batch = (
            {"a": np.arange(3), "b": np.zeros(3, int)} if isinstance(space, Dict) else (np.arange(3), np.zeros(3, int))
        )
        assert market.predict(batch, deterministic=True)[0].tolist() == [0, 1, 2]
        assert market.predict({"a": 2, "b": 0} if isinstance(space, Dict) else (2, 0), deterministic=True)[0] == 2


def sb3_evaluate_policy(model, env, n_eval_episodes: int, deterministic: bool = True) -> list[float]:
    """The calls that stable_baselines3.common.evaluation.evaluate_policy (2.x) makes, on a Gymnasium vector env."""
    n = env.num_envs
    counts = np.zeros(n, dtype=int)
    targets = np.array([(n_eval_episodes + i) // n for i in range(n)], dtype=int)
    current, returns = np.zeros(n), []
    observations, _ = env.reset(seed=7)
    states, episode_starts = None, np.ones((n,), dtype=bool)
    while (counts < targets).any():
        actions, states = model.predict(
            observations, state=states, episode_start=episode_starts, deterministic=deterministic
        )
        observations, rewards, terminated, truncated, _ = env.step(actions)
        dones = terminated | truncated
        current += rewards
        for i in range(n):
            if counts[i] < targets[i]:
                episode_starts[i] = dones[i]
                if dones[i]:
                    returns.append(float(current[i]))
                    counts[i] += 1
                    current[i] = 0
    return returns


@pytest.mark.parametrize("deterministic", [True, False])
def test_sb3s_evaluate_policy_works_on_a_market(deterministic: bool) -> None:
    market = marketic.make("FrozenLake-v1", seed=0, env_options={"is_slippery": False}).learn(2000)
    before = market.ledger.balance.copy(), market.population.price.copy()
    envs = gym.make_vec(
        "FrozenLake-v1", 4, vectorization_mode="sync", is_slippery=False,
        vector_kwargs={"autoreset_mode": gym.vector.AutoresetMode.SAME_STEP},
    )  # fmt: skip
    returns = sb3_evaluate_policy(market, envs, 10, deterministic)
    assert returns == [1.0] * 10
    assert (market.ledger.balance == before[0]).all(), "evaluation changes no balance"
    assert (market.population.price == before[1]).all()


@pytest.mark.skipif(
    importlib.util.find_spec("moviepy") is None, reason="moviepy is not installed (pip install marketic[video])"
)
def test_record_video_films_a_market(tmp_path) -> None:
    env = gym.wrappers.RecordVideo(
        gym.make("CartPole-v1", render_mode="rgb_array"), str(tmp_path / "videos"), episode_trigger=lambda k: True
    )
    market = marketic.make(env, seed=0).learn(30)
    market.evaluate(1, env=env)
    env.close()
    assert list(tmp_path.glob("videos/*.mp4"))


FAMILIES = [
    *[("CartPole-v1", name) for name in ("tiles", "growing", "bank", "firms", "programs", "portfolio", "expressions")],
    *[("Acrobot-v1", name) for name in ("tiles", "growing")],  # two angles stand for four of its components
    ("FrozenLake-v1", "tabular"),
]


@pytest.mark.parametrize(("task", "family"), FAMILIES)
def test_observations_of_another_width_are_refused(task: str, family: str) -> None:
    """Compiled code would read beyond the rows of narrower ones, and bid by what stands there."""
    market = marketic.make(task, agents=family, seed=0)
    width = len(market.world.goods)
    assert market.population.appraise(np.zeros((2, width))).value.shape == (2, market.population.n_bidders)
    for shape in ((1, width - 1), (1, width + 1), (width,)):
        with pytest.raises(marketic.errors.InputError, match="column per component"):
            market.population.appraise(np.zeros(shape))
