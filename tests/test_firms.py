"""A market of firms: an old world that comes back finds its old firm; books, write-offs and copies are exact."""

import gymnasium as gym
import numpy as np
import pytest
from tiny_envs import Walk

from marketic.agents.firm_books import Firm, Statute
from marketic.agents.firms import Firms
from marketic.agents.learning_rate import LearningRate
from marketic.agents.research import Research
from marketic.agents.tabular import Tabular
from marketic.callbacks import Callback
from marketic.chain import Chain
from marketic.envs.reversing import ReversingActions
from marketic.errors import InputError
from marketic.market import Market
from marketic.mechanisms import SecondPrice
from marketic.population import Receipt

STATES = 6


def table(rng: np.random.Generator) -> Tabular:
    return Tabular(STATES, 2, initial_bid=0.5, learning_rate=LearningRate(0.5), rng=rng)


def firms_of_tables(seed: int = 0, **rules) -> Firms:
    return Firms(table, rng=np.random.default_rng(seed), **rules)


def two_worlds(seed: int = 0, every: int = 300, **rules) -> Market:
    """A walk on which now one action and now the other leads to the prize."""
    env = ReversingActions(Walk(STATES), every)
    return Market(env, firms_of_tables(seed, **rules), Chain(SecondPrice()), seed=seed)


class Diary(Callback):
    """Who played each episode in which world, and what it earned."""

    def __init__(self) -> None:
        self.episodes: list[tuple[int, int, float]] = []

    def on_episode(self, event) -> None:
        market = event.market
        self.episodes.append((market.env.phase, market.population.acting.serial, event.episode_return))

    def of(self, phase: int) -> list[tuple[int, float]]:
        """(firm, return) of the episodes that ended in a phase."""
        return [(firm, earned) for when, firm, earned in self.episodes if when == phase]


def step(firms: Firms, reward: float, ended: bool) -> None:
    """One right is sold, and what it earned is reported."""
    here = np.zeros((1, 1))
    winner = firms.bid(here).value.argmax(axis=-1)
    yes, no = np.ones(1, bool), np.zeros(1, bool)
    paid, zero = np.full(1, reward), np.zeros(1)
    firms.learn(Receipt(no, here, winner, zero, zero, zero, no, no, here, 0.99, 0.0))  # nothing was owned before
    firms.learn(Receipt(yes, here, winner, paid, zero, paid, yes if ended else no, no, here, 0.99, 0.0))


def play(firms: Firms, *returns: float) -> None:
    """Episodes of one step each."""
    for value in returns:
        step(firms, value, True)


def decide(firms: Firms) -> Firm:
    """Who acts next."""
    firms.bid(np.zeros((1, 1)))
    return firms.acting


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(value, other[key]) for key, value in one.items())


SEASONED = (0.0,) * 5 + (1.0,) * 30


def test_books_on_hand_numbers():
    firm = Firm(table(np.random.default_rng(0)), np.random.default_rng(0), 0, 0)
    statute = Statute()
    for value in (0.0, 2.0, 1.0, 1.0, 1.0):
        firm.book(value)
    assert firm.mean == pytest.approx(1.0) == firm.novice
    # deviations from the mean so far: 2 at rate 1/2, then 0 at 1/3, 1/4 and 1/5
    assert firm.dev == pytest.approx(2 * (1 / 2) * (2 / 3) * (3 / 4) * (4 / 5))
    firm.book(11.0)  # rate .2, not 1/6; the novice years are over
    assert (firm.mean, firm.dev, firm.novice) == (pytest.approx(3.0), pytest.approx(2.32), pytest.approx(1.0))
    firm.episodes, firm.mean, firm.novice, firm.dev = 10, 10.0, 2.0, 3.0
    assert firm.established(statute)  # 8 > 2 * 3
    assert not firm.established(Statute(sigma=8 / 3))
    assert not firm.established(Statute(seasoned=11))
    assert firm.collapsed(3.99, statute)  # below 10 - 6 and below 2 + 8 / 4
    assert not firm.collapsed(4.0, statute)
    assert not firm.collapsed(3.5, Statute(share=0.125))
    assert not firm.collapsed(3.5, Statute(sigma=2.5))
    firm.episodes = 9
    assert not firm.collapsed(-100.0, statute)


@pytest.mark.parametrize("seed", range(3))
def test_an_old_world_finds_its_old_firm(seed):
    market, diary = two_worlds(seed), Diary()
    market.learn(2100, callback=diary)
    assert all(earned == 1.0 for _, earned in diary.of(0)[-20:])
    assert all(firm == 1 for firm, _ in diary.of(1)[-20:])
    for phase in range(2, 7):
        # the first entry ended the phase before; two collapses, and the old firm earns the prize at once
        (_, first), *strikes, back = diary.of(phase)[:4]
        newer, older = (0, 1) if phase % 2 else (1, 0)
        assert first == 1.0
        assert strikes == [(newer, 0.0), (newer, 0.0)]
        assert back == (older, 1.0)
        assert set(diary.of(phase)[3:]) == {(older, 1.0)}
    assert market.population.register.founded == 2


def test_ledger_sums_to_nothing_and_firms_keep_their_accounts():
    market = two_worlds()
    market.learn(450)
    assert int(market.ledger.balance.sum()) == 0
    assert market.population.register.founded == 2
    wealth, size = market.wealth(), STATES * 2
    assert len(wealth) == market.population.n_agents == 8 * size
    assert wealth[:size].any()
    assert wealth[size : 2 * size].any()
    assert not wealth[2 * size :].any()
    assert not market.population.trades[2 * size :].any()
    assert market.population.describe(size).startswith("firm 1, in state 0: action 0, bids ")
    assert "vacant" in market.population.describe(5 * size)


def test_two_collapses_write_off_what_was_learned_to_the_bit():
    firms = firms_of_tables()
    play(firms, *SEASONED)
    old = decide(firms)
    before = old.backup[0]
    assert before.keys() == old.society.state_dict().keys()
    play(firms, 1.0, 0.0)
    standing = decide(firms).backup[0]  # the start of the last episode in good standing
    assert old.strikes == 1
    assert not same(standing, old.society.state_dict())
    books = old.episodes, old.mean, old.dev
    play(firms, 0.0)
    new = decide(firms)
    assert (new.serial, old.suspended, firms.incumbent) == (1, True, new)
    assert same(standing, old.society.state_dict())
    assert (old.episodes, old.mean, old.dev, old.strikes, old.backup) == (*books, 0, [])


def test_one_collapse_is_forgiven_and_booked():
    firms = firms_of_tables()
    play(firms, *SEASONED, 0.0, 1.0)
    firm = decide(firms)
    assert (firm.serial, firm.strikes, firm.episodes) == (0, 0, len(SEASONED) + 2)


def test_a_trial_reinstates_or_is_written_off():
    firms = firms_of_tables()
    play(firms, *SEASONED, 0.0, 0.0)
    old, new = decide(firms) and firms.register.firms
    kept = old.society.state_dict()
    trials = 0
    for _ in range(30):
        if decide(firms) is old:
            trials += 1
            assert firms.register.trial
            assert firms.incumbent is new
        play(firms, 0.0)
    assert trials == 2  # after every 10 episodes of the entrant
    assert same(kept, old.society.state_dict())
    while decide(firms) is new:
        play(firms, 0.0)
    play(firms, 1.0)
    assert decide(firms) is old
    assert firms.register.firms == [old]  # the entrant never got established: it closes
    assert not old.suspended


def test_training_that_stops_books_nothing_and_undoes_a_trial():
    firms = firms_of_tables()
    play(firms, *SEASONED)
    firms.start(1)
    assert firms.register.current.episodes == len(SEASONED) - 1
    play(firms, 0.0, 0.0)
    decide(firms)
    while decide(firms) is firms.register.current:
        play(firms, 0.0)
    old, kept = firms.acting, firms.acting.society.state_dict()
    step(firms, 0.5, False)
    assert not same(kept, old.society.state_dict())
    firms.start(1)
    assert same(kept, old.society.state_dict())
    assert not firms.register.trial


def test_a_full_register_replaces_a_suspended_firm():
    firms = firms_of_tables(limit=2)
    for world in range(4):  # in each, only the firm that is founded there earns anything
        good = 0
        while good < 30:
            mine = decide(firms).serial == world
            good += mine
            play(firms, (1.0 if good > 5 else 0.0) if mine else -1.0)
    assert firms.register.founded == 4
    assert len(firms.register.firms) == 2
    assert sorted(firm.slot for firm in firms.register.firms) == [0, 1]
    assert firms.bid(np.zeros((1, 1))).bidder.max() < firms.n_agents


@pytest.mark.parametrize("steps", [40, 307, 350, 620])
def test_a_saved_market_goes_on_to_the_bit(steps):
    market, again = two_worlds(), two_worlds(seed=9)
    market.learn(steps)
    again.load_state_dict(market.state_dict())
    assert same(market.state_dict(), again.state_dict())
    for one in (market, again):
        one.env.phase, one.env.steps = 1, 0
        one.learn(700)
    assert same(market.state_dict(), again.state_dict())
    assert market.population.register.founded >= 2


def test_a_society_that_draws_goes_on_with_its_own_generator():
    def market(seed: int) -> Market:
        firms = Firms(lambda rng: Research(STATES, 2, rng=rng), rng=np.random.default_rng(seed))
        return Market(ReversingActions(Walk(STATES), 10**9), firms, Chain(SecondPrice()), seed=seed)

    one, other = market(0), market(1)
    one.learn(50)
    other.load_state_dict(one.state_dict())
    everywhere = np.arange(STATES, dtype=float)[:, None]
    bids = [each.population.bid(everywhere).value for each in (one, other)]
    np.testing.assert_array_equal(*bids)


def test_saved_in_the_middle_of_an_episode():
    firms, again = firms_of_tables(), firms_of_tables(seed=5)
    play(firms, *SEASONED, 0.0)
    step(firms, 0.25, False)
    again.load_state_dict(firms.state_dict())
    for one in (firms, again):
        play(one, *[0.0] * 20, 1.0, 0.5)
        decide(one)
    assert same(firms.state_dict(), again.state_dict())
    assert firms.register.founded == 2


def test_appraisal_is_the_incumbents_and_changes_nothing():
    firms = firms_of_tables()
    play(firms, *SEASONED, 0.0, 0.0)
    while decide(firms) is firms.register.current:
        play(firms, 0.0)
    assert firms.register.trial
    everywhere = np.arange(STATES, dtype=float)[:, None]
    before = firms.state_dict()
    shown = firms.appraise(everywhere)
    assert same(before, firms.state_dict())
    np.testing.assert_array_equal(shown.value, firms.incumbent.society.bid(everywhere).value)
    assert shown.bidder.min() == firms.incumbent.slot * STATES * 2
    assert firms.bid(everywhere).bidder.min() == firms.acting.slot * STATES * 2
    assert same(before, firms.state_dict())  # other rows than those in training decide nothing


def test_several_rows():
    env = gym.vector.SyncVectorEnv([lambda: ReversingActions(Walk(STATES), 300) for _ in range(3)])
    market = Market(env, firms_of_tables(), Chain(SecondPrice(), royalty=0.5), seed=0)
    market.learn(6000)
    assert int(market.ledger.balance.sum()) == 0
    assert market.population.register.founded == 2
    assert np.mean(list(market.recent_returns)) > 0.9


def test_societies_of_one_size():
    sizes = iter((2, 3))
    firms = Firms(lambda rng: Tabular(next(sizes), 2, rng=rng), rng=np.random.default_rng(0))
    play(firms, *SEASONED, 0.0, 0.0)
    with pytest.raises(InputError, match="societies of one size"):
        decide(firms)
