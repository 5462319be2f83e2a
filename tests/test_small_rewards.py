"""Rewards near the ledger's tick are learned badly: training says so once, and what to do; it is silent otherwise."""

import warnings

import gymnasium as gym
import pytest

import marketic
import marketic.ledger


def train(scale: float, task: str = "CartPole-v1", steps: int = 600, **options) -> marketic.Market:
    env = gym.wrappers.TransformReward(gym.make(task), lambda reward: scale * reward)
    return marketic.make(env, agents=options.pop("agents", "tabular"), seed=0, **options).learn(steps)


@pytest.mark.parametrize("scale", [1e-6, 1e-7, -1e-6])
def test_rewards_near_the_tick_are_told_of_once(scale) -> None:
    with pytest.warns(RuntimeWarning, match="too coarse to learn from. Scale the reward.*TransformReward"):
        market = train(scale, agents="tiles")
    market.learn(600)  # warnings are errors here


def test_a_single_small_reward_at_the_end_is_told_of() -> None:
    with pytest.warns(RuntimeWarning, match="at most 1e-05.*lambda reward: 1e\\+05"):
        train(1e-5, "FrozenLake-v1", 5_000)


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize(("task", "agents"), [("CartPole-v1", "tiles"), ("FrozenLake-v1", "tabular")])
def test_other_rewards_are_not(scale, task, agents) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(scale, task, 2_000, agents=agents)


def test_large_rewards_that_cancel_are_not() -> None:
    """0.1 + 0.2 - 0.3 leaves 5.6e-17."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        market = train(1.0, "FrozenLake-v1", 50)
        market.recent_returns.extend([0.1 + 0.2 - 0.3] * 100)
        market.learn(1)


def test_whoever_chose_a_coarse_tick_knows() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        market = train(1.0, "FrozenLake-v1", 0)
        ledger = marketic.ledger.Ledger(tick=0.25)
        marketic.Market(market.env, market.population, market.chain, seed=0, ledger=ledger).learn(2_000)
