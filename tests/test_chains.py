"""Sequences of sales: their money identities to the tick, what they are equal to, and how they are known to fail."""

from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_envs import Script, Walk

from marketic import Chain, Individuals, InputError, LearningRate, Market, Novices
from marketic.agents import Tabular
from marketic.ledger import HOUSE, WORLD
from marketic.mechanisms import FirstPrice, bucket_brigade, credit_conserving_vickrey, minted_vickrey
from marketic.streams import Streams

TICK = 2.0**-20


class Scripted:
    """Bids offers[t] at time t."""

    def __init__(self, offers, action=0) -> None:
        self.offers, self.action = offers, action

    def bid(self, observation):
        return self.offers[int(observation[0])]

    def act(self, observation):
        return self.action

    def learn(self, trade):
        pass


AMOUNT = st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(-1e3, 1e3), st.floats(0, 1e6))


@st.composite
def episodes(draw):
    steps, agents = draw(st.integers(1, 6)), draw(st.integers(2, 4))
    rewards = draw(st.lists(AMOUNT, min_size=steps, max_size=steps))
    offers = draw(st.lists(st.lists(AMOUNT, min_size=steps, max_size=steps), min_size=agents, max_size=agents))
    return rewards, offers


def ticks(amount: float) -> int:
    return round(amount / TICK)


def identity(name: str, rewards: list, offers: list) -> int:
    """What the profits of all owners must add up to, in ticks."""
    ranked = [sorted((ticks(agent[t]) for agent in offers), reverse=True) for t in range(len(rewards))]
    earned = sum(ticks(reward) for reward in rewards)
    if name == "bucket_brigade":
        return earned - ranked[0][0]
    minted = sum(bids[0] - bids[1] for bids in ranked[1:]) if name == "minted_vickrey" else 0
    return earned - ranked[0][1] + minted


@pytest.mark.parametrize("chain", [bucket_brigade, minted_vickrey, credit_conserving_vickrey], ids=lambda c: c.__name__)
@pytest.mark.filterwarnings("ignore:the returns of the last")
@settings(max_examples=40, derandomize=True, deadline=None)
@given(episode=episodes())
def test_profits_add_up_to_the_identity_of_the_chain(chain, episode) -> None:
    rewards, offers = episode
    market = Market(Script(rewards), Individuals([Scripted(o) for o in offers]), chain(discount=1.0), seed=0)
    market.learn(len(rewards))
    assert int(market.ledger.balance[market.accounts].sum()) == identity(chain.__name__, rewards, offers)
    assert int(market.ledger.balance[WORLD]) == -sum(ticks(reward) for reward in rewards)
    assert int(market.ledger.balance.sum()) == 0


def test_the_identities_tell_the_chains_apart() -> None:
    rewards, offers = [1.0, 2.0], [[3.0, 8.0], [2.0, 5.0]]
    names = ("bucket_brigade", "minted_vickrey", "credit_conserving_vickrey")
    assert [identity(name, rewards, offers) * TICK for name in names] == [0.0, 4.0, 1.0]


@pytest.mark.parametrize(("discount", "reward"), [(0.5, 1.0), (0.9, 1e5)])
def test_credit_conserving_clones_that_bid_the_truth_earn_nothing(discount: float, reward: float) -> None:
    """T = 5, b_t = gamma^(T-1-t) R: every owner buys at what it will get (Chang et al. 2020, cloned societies)."""
    offers = [float(round(reward * discount**age, 6)) for age in range(4, -1, -1)]
    agents = Individuals([Scripted(offers), Scripted(offers)])
    chain = credit_conserving_vickrey(discount=discount)
    market = Market(Script([0.0] * 4 + [reward]), agents, chain, seed=0).learn(5)
    assert market.wealth().tolist() == [0.0, 0.0]
    assert market.ledger.balance[HOUSE] == ticks(reward)


def q_learning(market: Market, steps: int, alpha: float, novices: Novices | None) -> np.ndarray:
    """Watkins's Q-learning: no market, no money; values read on the ledger's grid, actions chosen before the update."""
    q, gamma = market.population.prices()[:, :, 0].copy(), market.chain.discount
    streams, env = Streams(market.seed), gym.make(market.env.spec)
    state, action = env.reset(seed=streams.env_seed())[0], -1
    for step in range(steps):
        if action < 0:
            action = int(np.rint(q[state] / TICK).argmax())
        if novices is not None and streams.selection.random() < novices.at(step):
            action = int(streams.selection.integers(q.shape[1]))
        after, reward, terminated, truncated, _ = env.step(action)
        offers = np.rint(q[after] / TICK) * TICK
        q[state, action] += alpha * (reward + gamma * (0.0 if terminated else offers.max()) - q[state, action])
        state, action = (env.reset()[0], -1) if terminated or truncated else (after, int(offers.argmax()))
    return q


@pytest.mark.parametrize(
    ("task", "options", "novices", "steps"),
    [
        ("CliffWalking-v1", {}, None, 3000),
        ("FrozenLake-v1", {}, Novices(0.3, final=0.1, horizon=2000), 4000),
        ("FrozenLake-v1", {"map_name": "8x8", "max_episode_steps": 30}, Novices(1.0), 3000),
    ],
)
def test_a_minted_vickrey_chain_with_a_public_table_is_q_learning(task, options, novices, steps) -> None:
    env = gym.make(task, **options)
    table = Tabular(
        int(env.observation_space.n), int(env.action_space.n), learning_rate=LearningRate(0.1), initial_bid=0.5,
        tie_noise=1e-3, rng=np.random.default_rng(1),
    )  # fmt: skip
    market = Market(env, table, minted_vickrey(), novices=novices, seed=3)
    wanted = q_learning(market, steps, 0.1, novices)
    start = table.prices().copy()
    market.learn(steps)
    assert np.abs(table.prices()[:, :, 0] - wanted).max() < 1e-9
    assert np.abs(start - table.prices()).max() > 0.1, "something was learned"


def first_bids(chain: Chain, shade: float, length: int) -> float:
    """The price at the start of a walk whose agents know what they will get, and shade their bids."""

    class Shading:
        def __init__(self) -> None:
            self.worth = np.zeros(length)

        def bid(self, observation):
            return (1 - shade) * self.worth[int(observation[0])]

        def act(self, observation):
            return 0

        def learn(self, trade):
            self.worth[int(trade.observation[0])] = trade.realised

    agents = Individuals([Shading()])
    Market(Walk(length, prize=1.0), agents, chain, seed=0).learn(length * length)
    return agents.bid(np.zeros((1, 1))).value[0, 0]


@pytest.mark.parametrize("shade", [0.0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("length", [1, 5, 10])
def test_shading_in_a_first_price_chain_is_a_discount_per_sale(shade: float, length: int) -> None:
    price = first_bids(bucket_brigade(discount=0.95), shade, length)
    assert price == pytest.approx((1 - shade) ** length * 0.95 ** (length - 1), abs=length * TICK)


def start_price(clones: int, public: bool) -> float:
    """Mean price at the start of a noisy walk, in a credit-conserving Vickrey chain; the truth is .9^5."""
    table = Tabular(6, 2, learning_rate=LearningRate(0.2), clones=clones, public=public, rng=np.random.default_rng(0))
    chain = credit_conserving_vickrey(clones=1 if public else clones, discount=0.9)
    market = Market(Walk(6, noisy=True), table, chain, novices=Novices(0.1), seed=0).learn(3000)
    prices = [np.sort(market.learn(200).population.prices()[0].ravel())[-2] for _ in range(40)]
    return float(np.mean(prices))  # second bids: what the seller of the start gets


def test_credit_conserving_prices_collapse_without_clones_and_hold_with_a_public_ledger() -> None:
    """Private twins in rotation stand in between: the second price is then the smaller of two noisy estimates."""
    alone, rotation, public = start_price(1, True), start_price(2, False), start_price(2, True)
    truth = 0.9**5
    assert alone < 0.02 * truth, "without twins the second bid is the wrong action's: nothing flows back"
    assert public == pytest.approx(truth, rel=0.1)
    assert 0.2 * truth < rotation < 0.8 * truth


def test_minted_prices_hold_without_clones() -> None:
    table = Tabular(6, 2, learning_rate=LearningRate(0.5), rng=np.random.default_rng(0))
    Market(Walk(6), table, minted_vickrey(discount=0.9), novices=Novices(0.3), seed=0).learn(6000)
    best = table.prices()[:, 0, 0]
    assert best == pytest.approx(0.9 ** np.arange(5, -1, -1), rel=0.02)
    assert all(later > earlier for earlier, later in pairwise(best))


@pytest.mark.parametrize(
    "options", [{"discount": -0.1}, {"discount": 1.1}, {"royalty": 1.0}, {"royalty": -0.1}, {"credit": "value"}]
)
def test_a_chain_refuses_numbers_out_of_range(options: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        Chain(FirstPrice(), **options)
