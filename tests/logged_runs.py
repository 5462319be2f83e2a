"""Runs whose logs the tests read."""

import gymnasium as gym

import marketic
from marketic import Chain, Individuals, Market
from marketic.mechanisms.all_pay import AllPay
from marketic.run_config import RunConfig

LAKE = RunConfig("FrozenLake-v1", agents="tabular", steps=2_500, seed=3, checkpoint_every=500, log="trades",
                 options={"novices": 0.1})  # fmt: skip


class Steady:
    """Always bids and acts the same."""

    def __init__(self, bid, action):
        self.offer, self.action = bid, action

    def bid(self, observation):
        return self.offer

    def act(self, observation):
        return self.action

    def learn(self, trade):
        pass


CASES = {
    "tiles": lambda: marketic.make("CartPole-v1", seed=2, agents="tiles", royalty=0.7, paper_trades=None, greedy=None),
    "compiled": lambda: marketic.make("CartPole-v1", seed=2, compiled=True),
    "growing": lambda: marketic.make("CartPole-v1", seed=2, agents="growing"),
    "research": lambda: marketic.make("FrozenLake-v1", seed=2),
    "vector": lambda: marketic.make(gym.make_vec("CartPole-v1", num_envs=3), seed=2),
    "all-pay": lambda: Market(
        gym.make("CartPole-v1"), Individuals([Steady(3.0, 0), Steady(2.0, 1)]), Chain(AllPay(), royalty=0.5), seed=2
    ),
}
