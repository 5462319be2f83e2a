"""A portfolio of societies: who rules, who learns, what the books say, and that money and randomness are kept."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marketic
from marketic import Market
from marketic.agents import Bank, Portfolio, Research, Tabular, Tiles
from marketic.agents.portfolio_books import RevenueBooks
from marketic.agents.portfolio_guests import GuestBank, GuestResearch
from marketic.callbacks import Callback
from marketic.chain import Chain
from marketic.checks import check_population
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.mechanisms.second_price import SecondPrice
from marketic.population import Receipt


class Corridor(gym.Env):
    """Action 1 ends the episode with reward 1; action 0 goes nowhere, for -1, for ever."""

    observation_space = gym.spaces.Discrete(3)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        return (1, 1.0, True, False, {}) if action else (0, -1.0, False, False, {})


class Stubborn(Tabular):
    """Takes one action, whatever it learns."""

    def __init__(self, action):
        super().__init__(3, 2, rng=np.random.default_rng(0))
        self.favourite = action

    def bid(self, observation):
        bids = super().bid(observation)
        bids.value[:] = np.arange(2) == self.favourite
        return bids


def portfolio(*favourites, **options):
    societies = [Stubborn(action) for action in favourites]
    return Portfolio(societies, rng=np.random.default_rng(1), novice=options.pop("novice", 0.0), **options)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k], equal_nan=True) for k in one)


def receipt(reward=1.0, winner=0, terminated=False, there=1.0):
    no = np.zeros(1, dtype=bool)
    return Receipt(
        np.ones(1, dtype=bool), np.zeros((1, 1)), np.array([winner]), np.array([reward]), np.zeros(1), np.array([reward]),
        np.array([terminated]), no, np.full((1, 1), there), 0.5, 0.0,
    )  # fmt: skip


def test_it_keeps_the_protocol():
    assert check_population(Portfolio).passed


@pytest.mark.parametrize("favourites", [(1, 0), (0, 1), (1, 0, 0)])
def test_the_society_that_earns_most_rules_and_is_shown(favourites):
    societies = portfolio(*favourites, novice=0.1)  # with novices even the stubborn reach the end
    market = Market(Corridor(), societies, Chain(SecondPrice()), seed=0).learn(1200)
    good = favourites.index(1)
    assert societies.incumbent == good
    assert societies.rules[good] > 5 * max(np.delete(societies.rules, good))
    assert market.predict(0)[0] == 1
    assert int(market.ledger.balance.sum()) == 0


def test_whoever_stalls_is_deposed_in_mid_episode_and_it_is_booked():
    societies = portfolio(1, 0)  # the second one would go on for ever
    Market(Corridor(), societies, Chain(SecondPrice()), seed=0).learn(500)
    mean, _ = societies.books.estimates()
    assert societies.longest > 1
    assert mean[0] == 1.0
    assert mean[1] < 0.0
    assert societies.rules[0] > 100


def test_all_learn_from_a_trade_each_at_its_own_prices():
    first, second = (Tabular(3, 2, initial_bid=value, tie_noise=0.0, rng=np.random.default_rng(0)) for value in (0, 8))
    alone = Tabular(3, 2, initial_bid=8, tie_noise=0.0, rng=np.random.default_rng(0))
    both = Portfolio([first, second], rng=np.random.default_rng(0))
    both.bid(np.zeros((1, 1)))
    both.learn(receipt())
    assert first.trades.sum() == second.trades.sum() == 1
    alone.learn(replace(receipt(), credit=np.array([8.0]), realised=np.array([1.0 + 0.5 * 8.0])))
    np.testing.assert_array_equal(second.price, alone.price)
    assert second.price[0] != 8.0
    both.learn(receipt(terminated=True))
    alone.learn(receipt(terminated=True))
    np.testing.assert_array_equal(second.price, alone.price)


def test_terms_are_a_societys_own():
    seen = []

    class Reads(Tabular):
        def learn(self, receipt):
            seen.append((receipt.discount, receipt.royalty))

    societies = [Reads(3, 2, rng=np.random.default_rng(0)) for _ in range(2)]
    both = Portfolio(societies, terms=[{}, {"discount": 0.9, "royalty": 0.3}], rng=np.random.default_rng(0))
    both.bid(np.zeros((1, 1)))
    both.learn(receipt())
    assert seen == [(0.5, 0.0), (0.9, 0.3)]


@pytest.mark.parametrize(
    ("env", "families"), [("FrozenLake-v1", (GuestResearch, GuestBank)), ("CartPole-v1", (Tiles, GuestBank))]
)
def test_money_stays_constant_and_a_loaded_market_goes_on_to_the_bit(env, families, tmp_path):
    market = marketic.make(env, agents="portfolio", seed=3)
    assert tuple(type(society) for society in market.population.societies) == families
    market.learn(900)
    assert int(market.ledger.balance.sum()) == 0
    edge = market.population.societies[0].n_agents
    assert market.wealth()[:edge].any()
    assert market.wealth()[edge:].any()  # all families have ruled
    assert market.population.describe(edge).startswith("bank, ")
    market.save(tmp_path / "market")
    again = marketic.load(tmp_path / "market")
    for one in (market, again):
        one.learn(300)
    assert same(market.state_dict(), again.state_dict())


def test_several_rows():
    env = gym.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync")
    market = marketic.make(env, agents="portfolio", seed=0).learn(700)
    assert int(market.ledger.balance.sum()) == 0
    assert (market.population.rules > 0).all()


def test_appraisal_changes_nothing():
    market = marketic.make("CartPole-v1", agents="portfolio", seed=0).learn(300)
    before = market.state_dict()
    market.evaluate(2)
    assert same(before, market.state_dict())


def test_looking_does_not_tell_in_what_is_paid():
    class Look(Callback):
        """Reads greedy play now and then."""

        def on_step(self, event):
            if event.market.num_timesteps % 50 == 0:
                event.market.choose(np.arange(16.0)[:, None])

    blind, seen = (
        marketic.make("FrozenLake-v1", agents="portfolio", seed=2).learn(1500, callback=callback)
        for callback in (None, Look())
    )
    differs = [k for k, v in seen.state_dict().items() if not np.array_equal(v, blind.state_dict()[k], equal_nan=True)]
    assert set(differs) <= {"population/0/read", "population/0/unread"}
    everywhere = np.arange(16.0)[:, None]
    np.testing.assert_allclose(
        blind.population.appraise(everywhere).value, seen.population.appraise(everywhere).value, atol=1e-3
    )


def test_a_guest_ranks_its_copies_by_its_own_episodes():
    guest, host = (kind(1, 2, rng=np.random.default_rng(0)) for kind in (GuestBank, Bank))
    for bank in (guest, host):
        bank.learn(receipt(terminated=True))
    assert (guest.episodes, host.episodes) == (0, 1)
    guest.ruling = True
    guest.learn(receipt(terminated=True))
    assert guest.episodes == 1
    assert guest.place[1] == 2  # claims of both are in the record


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-100, 100)), min_size=1, max_size=30), st.sampled_from([0.5, 4.0])
)
@settings(max_examples=60, deadline=None)
def test_books_are_means_and_know_no_scale(entries, unit):
    books, scaled = RevenueBooks(3, 2.0), RevenueBooks(3, 2.0)
    for time, (society, revenue) in enumerate(entries, 1):
        books.enter(society, revenue, time)
        scaled.enter(society, revenue * unit, time)
    mean, error = books.estimates()
    for society in range(3):
        own = [revenue for who, revenue in entries if who == society]
        assert np.isinf(error[society]) == (not own)
        if own:
            assert min(own) - 1e-6 <= mean[society] <= max(own) + 1e-6
    if len(set(entries)) == len(entries) > 6 and np.isfinite(error).all() and error.min() > 1e-3:
        assert books.best() == scaled.best()
        drawn = [each.auction(np.random.default_rng(7)) for each in (books, scaled)]
        assert drawn[0] == drawn[1]


def test_what_is_old_counts_less():
    books = RevenueBooks(2, 2.0)
    for time in range(1, 101):
        books.enter(0, 10.0 if time <= 50 else 0.0, time)
    mean, _ = books.estimates()
    assert 0.5 < mean[0] < 2.5  # sum of t^2 to 50 over that to 100, times 10: 1.27
    assert np.isclose(mean[0], 10.0 * sum(t * t for t in range(51)) / sum(t * t for t in range(101)))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda rng: Portfolio([], rng=rng), "one society or more"),
        (lambda rng: Portfolio([Tabular(3, n, rng=rng) for n in (2, 3)], rng=rng), "same number of bidders"),
        (lambda rng: Portfolio([Tabular(3, 2, rng=rng)], rng=rng, forgetting=-1.0), "forgetting"),
        (lambda rng: Portfolio([Tabular(3, 2, rng=rng)], rng=rng, novice=2.0), "novice"),
        (lambda rng: Portfolio([Tabular(3, 2, rng=rng)], rng=rng, terms=[{}, {}]), "2 terms for 1 societies"),
        (lambda rng: portfolio(1, 0).load_state_dict(portfolio(1).state_dict()), "has 1 societies, this one 2"),
    ],
)
def test_refused(build, said):
    with pytest.raises(InputError, match=said):
        build(np.random.default_rng(0))


def test_families_can_be_named():
    goods = Goods.from_space(gym.spaces.Discrete(4))
    named = Portfolio.for_spaces(goods, 2, rng=np.random.default_rng(0), families=("tabular", Research))
    assert [type(society) for society in named.societies] == [Tabular, GuestResearch]
    with pytest.raises(InputError, match="no agents named 'tabla'"):
        Portfolio.for_spaces(goods, 2, rng=np.random.default_rng(0), families=("tabla",))
