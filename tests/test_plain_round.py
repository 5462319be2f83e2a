"""Plain agents in one row: the short way and the general way leave the same bits behind, and refuse the same nonsense."""

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from marketic.callbacks import Callback, EpisodeEnd
from marketic.chain import Chain
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.exploration import Novices
from marketic.individuals import Individuals, Trade
from marketic.ledger import NOVICE
from marketic.market import Market
from marketic.plain_round import PlainTrade
from marketic.selection import Selection


class Learner:
    """Bids what its action usually brings in; the answers in `odd` come in between, one at every 50th bid."""

    def __init__(self, action: int, odd: tuple[Any, ...] = ()) -> None:
        self.action, self.offer, self.odd, self.asked = action, 100.0, itertools.cycle(odd or (None,)), 0
        self.strange, self.heard = bool(odd), []  # type: bool, list[Trade]

    def bid(self, observation: np.ndarray) -> Any:
        self.asked += 1
        if self.strange and self.asked % 50 == 0:
            answer = next(self.odd)
            if answer is ValueError:
                raise ValueError("not today")
            return answer
        return self.offer

    def act(self, observation: np.ndarray) -> int:
        return self.action

    def learn(self, trade: Trade) -> None:
        self.heard.append(trade)
        self.offer += 0.1 * (trade.realised - self.offer)


class Highest:
    """The highest bid wins and pays itself; `dress` changes the answer."""

    claims: frozenset = frozenset()

    def __init__(self, dress: Any = None) -> None:
        self.dress = dress or (lambda clearing, rng: clearing)

    def clear(self, bids, *, rng=None):
        value = np.where(bids.active, bids.value, -np.inf)
        wins = (np.arange(value.shape[-1]) == value.argmax(-1)[..., None]) & bids.active
        return self.dress(Clearing(wins, np.where(wins, bids.value, 0.0), value.max(-1)), rng)


def unsold(clearing: Clearing, rng: np.random.Generator) -> Clearing:
    if rng.random() < 0.9:
        return clearing
    return Clearing(np.zeros_like(clearing.allocation), np.zeros_like(clearing.payments), clearing.prices)


def in_columns(clearing: Clearing, rng: np.random.Generator) -> Clearing:
    wide = np.repeat(clearing.payments, 2, axis=-1)
    return Clearing(clearing.allocation, wide[:, ::2], clearing.prices)


def in_numbers(clearing: Clearing, rng: np.random.Generator) -> Clearing:
    return Clearing(clearing.allocation.astype(float), clearing.payments.tolist(), clearing.prices)


def all_pay(clearing: Clearing, rng: np.random.Generator) -> Clearing:
    return Clearing(clearing.allocation, clearing.payments + 0.25, clearing.prices)


def trained(quick: bool, env: str, mechanism: Any, odd: tuple[Any, ...] = (), selection: Any = None) -> Market:
    agents = Individuals([Learner(number % 2, odd if number == 3 else ()) for number in range(5)])
    chosen = Selection(**selection) if selection else None
    market = Market(gym.make(env), agents, mechanism, seed=3, compiled_parts=quick, selection=chosen)
    market.learn(700)
    return market.learn(123)  # a second call starts from a clean break


def assert_same(one: Market, other: Market) -> None:
    assert one.ledger.balance.tolist() == other.ledger.balance.tolist()
    assert one.ledger.flows.tolist() == other.ledger.flows.tolist()
    assert int(one.ledger.balance.sum()) == 0
    assert one.surprise.tolist() == other.surprise.tolist()
    assert list(one.recent_returns) == list(other.recent_returns)
    assert one.auction.refused == other.auction.refused
    first, second = one.population, other.population
    assert first.refused == second.refused  # type: ignore[attr-defined]
    for left, right in zip(first.agents, second.agents, strict=True):  # type: ignore[attr-defined]
        assert (left.offer, left.asked, len(left.heard)) == (right.offer, right.asked, len(right.heard))
        for told, heard in zip(left.heard, right.heard, strict=True):
            assert told.observation.tolist() == heard.observation.tolist()
            assert (told.reward, told.credit, told.realised) == (heard.reward, heard.credit, heard.realised)
            assert (told.terminated, told.truncated) == (heard.terminated, heard.truncated)


ODD = (
    None,
    float("nan"),
    float("inf"),
    1e300,
    7,
    10**400,
    True,
    "3",
    "three",
    [4.0],
    np.array([5.0]),
    -2.5,
    ValueError,
)
CASES = {
    "plain": {},
    "royalties": {"mechanism": Chain(Highest(), royalty=0.8)},
    "credit is the payment": {"mechanism": Chain(Highest(all_pay), credit="payment")},
    "odd bids": {"odd": ODD},
    "unsold": {"mechanism": Highest(unsold)},
    "not contiguous": {"mechanism": Highest(in_columns)},
    "numbers for flags": {"mechanism": Highest(in_numbers)},
    "selection": {"selection": {"rent": 1.0, "tax": 0.01, "stop_loss": -50.0}},
}


@pytest.mark.parametrize("env", ["CartPole-v1", "MountainCar-v0", "FrozenLake-v1"])
@pytest.mark.parametrize("case", CASES)
def test_both_ways_leave_the_same_bits(case, env):
    options: dict[str, Any] = {"mechanism": Highest(), **CASES[case]}
    assert_same(trained(True, env, **options), trained(False, env, **options))


def test_the_short_way_is_taken(monkeypatch):
    taken, trade = [], PlainTrade.trade
    monkeypatch.setattr(PlainTrade, "trade", lambda self: taken.append(1) or trade(self))
    trained(True, "CartPole-v1", Highest())
    assert len(taken) == 823 - 2  # all but the first step after each start, which opens the books
    taken.clear()
    trained(False, "CartPole-v1", Highest())
    assert taken == []


NONSENSE = {
    "two winners": (lambda c, rng: Clearing(np.ones_like(c.allocation), c.payments, c.prices), "one winner"),
    "NaN": (lambda c, rng: Clearing(c.allocation, c.payments * np.nan, c.prices), "finite currency"),
    "shape": (lambda c, rng: Clearing(c.allocation[:, :2], c.payments, c.prices), r"wanted two of \(1, 5\)"),
    "type": (lambda c, rng: None, "wanted a marketic.Clearing"),
}


@pytest.mark.parametrize("quick", [True, False], ids=["short", "general"])
@pytest.mark.parametrize("kind", NONSENSE)
def test_a_bad_clearing_is_refused_and_moves_no_money(kind, quick):
    dress, words = NONSENSE[kind]
    steps = itertools.count()
    late = Highest(lambda clearing, rng: dress(clearing, rng) if next(steps) == 30 else clearing)
    agents = Individuals([Learner(number % 2) for number in range(5)])
    market = Market(gym.make("MountainCar-v0"), agents, late, seed=0, compiled_parts=quick)
    with pytest.raises(InputError, match=words):
        market.learn(100)
    assert market.num_timesteps == 30
    assert int(market.ledger.balance.sum()) == 0
    assert market.surprise[1] == 30  # 29 sales, and the clean break; nothing of the refused one


def test_newcomers_during_training_are_noticed():
    class Newcomers(Callback):
        def on_episode(self, event: EpisodeEnd) -> None:
            if event.market.episodes in (2, 5):
                event.market.population.admit([Learner(1)])  # type: ignore[attr-defined]
                opened = event.market.ledger.open(1)
                event.market.accounts = np.concatenate([event.market.accounts, opened])

    markets = []
    for quick in (True, False):
        agents = Individuals([Learner(number % 2) for number in range(3)])
        market = Market(gym.make("CartPole-v1"), agents, Highest(), seed=5, compiled_parts=quick)
        markets.append(market.learn(300, callback=Newcomers()))
        assert agents.n_agents == 5
    assert_same(*markets)


def test_novices_that_enter_later_are_noticed():
    class Enter(Callback):
        def on_episode(self, event: EpisodeEnd) -> None:
            event.market.novices = Novices(0.3) if event.market.episodes % 2 else None

    markets = []
    for quick in (True, False):
        agents = Individuals([Learner(number % 2) for number in range(3)])
        market = Market(gym.make("CartPole-v1"), agents, Highest(), seed=5, compiled_parts=quick)
        markets.append(market.learn(300, callback=Enter()))
    assert markets[0].ledger.flows[NOVICE] > 0
    assert_same(*markets)


def test_an_action_that_the_environment_lacks_is_refused():
    agents = Individuals([Learner(2)], actions=3)  # CartPole has two
    with pytest.raises(InputError, match="from 0 to below"):
        Market(gym.make("CartPole-v1"), agents, Highest(), seed=0).learn(10)


class Vandal(Learner):
    """Writes into whatever it is shown."""

    def bid(self, observation: np.ndarray) -> Any:
        observation[:] = 77.0
        return super().bid(observation)

    def act(self, observation: np.ndarray) -> int:
        observation[:] = -55.0
        return super().act(observation)


class Witness(Learner):
    """Keeps whatever it is shown, without a copy."""

    def __init__(self, action: int) -> None:
        super().__init__(action)
        self.kept: list[np.ndarray] = []

    def bid(self, observation: np.ndarray) -> Any:
        self.kept.append(observation)
        return super().bid(observation)


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("copies", [1, 2])
def test_no_agent_changes_what_others_see_and_what_was_seen_stays(short, copies) -> None:
    """An agent could write into the market's own observation, and one that kept it had the last one many times over."""
    env: Any = gym.make("CartPole-v1") if copies == 1 else gym.make_vec("CartPole-v1", num_envs=copies)
    witness = Witness(0)
    agents = Individuals([Vandal(1), witness, Learner(1)])
    Market(env, agents, Highest(), seed=0, compiled_parts=short).learn(40)
    seen = np.array(witness.kept)
    assert np.abs(seen).max() < 10.0
    assert len(np.unique(seen, axis=0)) >= 40
    assert "read-only" in agents.refused[0]
