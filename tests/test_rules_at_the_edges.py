"""Rules at the edges: limits of a population, saved books that are none, tables and parts that make no sense, large stakes."""

import signal
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from marketic.agents import rule_exchanges
from marketic.agents.rule_alphabet import Alphabet, Component
from marketic.agents.rule_bets import Bets
from marketic.agents.rule_entry import Offspring, PublicRecord
from marketic.agents.rule_pay import Pivotal
from marketic.agents.rule_prices import Prices
from marketic.agents.rule_proposals import Cover
from marketic.agents.rule_scores import Bound
from marketic.agents.rules import Rules
from marketic.errors import InputError


def rules(contract, positions=3, actions=2, capacity=16, seed=0):
    alphabet = Alphabet([Component(size=2)] * positions)
    return Rules(alphabet, actions, contract=contract, capacity=capacity, rng=np.random.default_rng(seed))


def problems(count, positions, seed=0):
    shown = np.random.default_rng(seed).integers(0, 2, (count, positions))
    return shown, shown[:, [0]] == np.arange(2)


def test_no_more_children_than_the_limit_even_where_most_seats_are_empty():
    market = rules(Bets(entry=Offspring(limit=10)), positions=10, capacity=400)
    rng = np.random.default_rng(0)
    for i in range(350):
        text = "".join(rng.choice(list("01#"), 10))
        market.admit(text, i % 2, endowment=3.0 if i == 349 else 0.2001)
    for _ in range(6):
        market.study(*problems(500, 10))
    assert 0 < market.n_rules <= 10


def test_a_limit_beyond_the_seats_makes_room_all_the_same():
    """Nobody left, so nobody came: the market stood still as soon as it was full."""
    market = rules(Bets(entry=Offspring(limit=2000), tax=0.0, bankrupt=0.0), positions=10, capacity=8)
    market.study(*problems(400, 10))
    before = market.births
    market.study(*problems(400, 10, 1))
    assert market.n_rules == 8
    assert market.births > before + 100


def test_a_child_on_the_seat_of_a_rule_that_matched_counts_once():
    """One seat, so that every child sits where the last one sat: it stood among the matching rules once for each of them."""
    market = rules(Bets(entry=Offspring(children=64, limit=1, proposals=((Cover(1), 1.0),))), positions=40, capacity=1)
    market.study(*problems(60, 40))
    x = market.alphabet.encode(np.ones((1, 40)))[0]
    market.exchange.books.hits[:] = -1
    market.exchange.learn(x, 0, 1.0, False)
    hits = market.exchange.books.hits
    assert (hits == 0).sum() <= 1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(1e-100, 2.0**16), st.booleans())
def test_no_stake_of_the_house_breaks_the_books(seed, house, bets):
    rng = np.random.default_rng(seed)
    entry = Offspring(limit=5)
    market = rules(Bets(house=house, tax=0.0, entry=entry) if bets else Prices(house=house, tax=0.0), seed=seed)
    for x in market.alphabet.encode(rng.integers(0, 2, (300, 3))):
        market.exchange.learn(x, 0, 1.0, False)
    books = market.exchange.books
    assert market.imbalance == 0
    assert (books.wealth >= 0).all()
    value = market.appraise(rng.integers(0, 2, (8, 3)).astype(float)).value
    assert np.isfinite(value).all()
    assert (value >= 0).all()
    assert (value <= 1).all()


@pytest.mark.parametrize(
    "contract",
    [
        lambda: Bets(house=1e12),
        lambda: Bets(house=5e-324),
        lambda: Prices(house=1e12),
        lambda: Prices(house=5e-324),
        lambda: Prices(floor=1e-310),
    ],
)
def test_stakes_with_which_money_or_prices_overflow_are_refused(contract):
    with pytest.raises(InputError, match=r"65,536|1e-100"):
        contract()


@njit
def generous(wealth, parameters, shares):
    """Everybody gets the same."""
    for i in range(wealth.shape[0]):
        shares[i] = parameters[0]


@njit
def lazy(wealth, parameters, shares):
    """Writes about lone advocates only."""
    if wealth.shape[0] == 1:
        shares[0] = 1.0


@pytest.mark.parametrize("share", [1.0, -0.1, 1e30])
def test_a_pay_rule_that_gives_away_what_there_is_not_is_refused(share):
    with pytest.raises(InputError, match="together at most 1"):
        rules(Bets(pay=SimpleNamespace(rule=generous, parameters=np.array([share]))))


def test_a_pay_rule_that_writes_nothing_pays_nothing():
    """It paid what the rule before had left in the array."""
    pay, entry = SimpleNamespace(rule=lazy, parameters=np.zeros(1)), Offspring(children=0)
    found = []
    for part in (pay, Pivotal()):
        market = rules(Bets(pay=part, entry=entry))
        for text in ("###", "##0"):
            market.admit(text, 0)
        market.study(np.random.default_rng(1).integers(0, 2, (40, 3)), np.ones((40, 2), dtype=bool))
        found.append(market.accounts)
    assert found[0] == found[1]


STEPS = {"observation": np.zeros((2, 3)), "following": [[1, -1], [-1, 0]], "reward": np.zeros((2, 2)), "starts": [0]}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"reward": np.full((2, 2), np.nan)}, "rewards as finite currency"),
        ({"reward": np.full((2, 2), np.inf)}, "rewards as finite currency"),
        ({"reward": np.full((2, 2), 1e300)}, "rewards as finite currency"),
        ({"reward": [["a", "b"]] * 2}, "arrays of numbers"),
        ({"following": np.full((2, 2), 0.5)}, "whole numbers"),
        ({"starts": [0.5]}, "whole numbers"),
        ({"starts": [[0]]}, "starts among them"),
        ({"episodes": 2.5}, "episodes=2.5"),
        ({"longest": -1}, "longest=-1"),
        ({"explore": np.nan}, "explore=nan"),
        ({"discount": np.nan}, "discount=nan"),
        ({"discount": 5}, "discount=5"),
    ],
)
def test_tables_that_cannot_be_walked_are_refused_and_cost_nobody_anything(changed, says):
    market = rules(Prices())
    with pytest.raises(InputError, match=says):
        market.wander(**{**STEPS, "episodes": 3, **changed})
    assert market.accounts == {"rules": 0, "house": 0, "world": 0}


@pytest.mark.parametrize(("action", "endowment"), [(0.5, 1), (True, 1), ("0", 1), (0, 1e300), (0, 1e-9), (0, None)])
def test_only_sound_rules_are_admitted(action, endowment):
    market = rules(Bets())
    with pytest.raises(InputError, match="an action below 2, money > 0"):
        market.admit("###", action, endowment=endowment)
    assert market.n_rules == 0


def taught(contract, **options):
    market = rules(contract, **options)
    rng = np.random.default_rng(1)
    for x in market.alphabet.encode(rng.integers(0, 2, (200, 3))):
        market.exchange.learn(x, int(rng.integers(market.actions)), float(x[0] & np.uint64(1)), True)
    assert market.n_rules > 0
    return market


@pytest.mark.parametrize(
    "contract", [Bets(entry=PublicRecord(64)), Bets(entry=Offspring()), Prices(after=20)], ids=repr
)
def test_books_go_from_one_market_to_another(contract):
    one, other = taught(contract), rules(contract, seed=5)
    other.load_state_dict(one.state_dict())
    x = one.alphabet.encode(np.eye(3))
    for k in range(300):
        for market in (one, other):
            market.exchange.learn(x[k % 3], k % 2, float(k % 3 == 0), True)
    for name, array in one.state_dict().items():
        np.testing.assert_array_equal(array, other.state_dict()[name], err_msg=name)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("action", 7, "wanted 0 to 1"),
        ("counts", 1000, "counts of"),
        ("empty", 0, "other empty seats"),
        ("mask", 0, "conditions on empty seats"),
        ("price", np.nan, "not finite"),
        ("wealth", -1, "money that does not add up"),
        ("money", 17, "money that does not add up"),
        ("kin", 10**6, "a table of births"),
        ("situations", 2, "wanted 3"),
        ("table", 10**6, "a table of situations"),
    ],
)
def test_books_that_are_none_are_refused_and_none_is_taken(name, value, says):
    state = taught(Prices(), capacity=32).state_dict()
    state[name][:] = value
    market = rules(Prices(), capacity=32)
    with pytest.raises(InputError, match=says):
        market.load_state_dict(state)
    assert market.n_rules == 0


def test_books_with_more_actions_are_refused():
    """Compiled code wrote beyond the quotes of the smaller market."""
    with pytest.raises(InputError, match="actions up to 2"):
        rules(Prices()).load_state_dict(taught(Prices(), actions=3).state_dict())


@pytest.mark.parametrize("missing", [{}, {"fee": 0.0}, {"fee": np.nan, "enter": 1.0}, {"fee": 0.0, "enter": "1"}])
def test_a_score_has_a_fee_and_a_hurdle(missing):
    score = SimpleNamespace(rule=Bound().rule, parameters=Bound().parameters, **missing)
    with pytest.raises(InputError, match="finite numbers fee and enter"):
        rules(Bets(entry=PublicRecord(64, score=score)))


@pytest.mark.parametrize(
    "part",
    [
        {"size": -3},
        {"size": 2.5},
        {"cuts": (1.0, 0.0)},
        {"cuts": (np.nan,)},
        {"cuts": 0.5},
        {"size": 3, "cuts": (0.0,)},
    ],
)
def test_components_that_are_none_are_refused(part):
    with pytest.raises(InputError, match="Component"):
        Component(**part)


@njit
def everything(x, parents, positions, parameters, random, mask):
    """Names the first position, and at random what is none."""
    mask[0] = np.uint64(1) | (random[0] << np.uint64(positions))
    random[0] += np.uint64(1)


def test_a_proposal_that_names_what_is_none_makes_no_twins():
    proposal = SimpleNamespace(rule=everything, parameters=np.zeros(1), parents=0)
    market = rules(Bets(entry=Offspring(proposals=((proposal, 1.0),)), tax=0.0, bankrupt=0.0))
    market.study(*problems(300, 3))
    found = [(rule.condition, rule.action) for rule in market.rules()]
    assert sorted(found) == [("0##", 0), ("1##", 1)]


class Enough(Exception):
    """Somebody pressed Ctrl-C."""


def test_a_long_walk_hears_an_interrupt_and_money_is_exact_after_it():
    """Nothing could end a compiled loop but its own end."""
    market = rules(Prices())
    market.wander(**STEPS, episodes=1)

    def interrupt(number, frame):
        raise Enough

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(Enough):
            market.wander(**STEPS, episodes=10**12)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert market.imbalance == 0
    assert market.n_rules > 0


def test_loops_in_pieces_are_loops_at_once(monkeypatch):
    shown, payoff = problems(500, 3)
    found = []
    for piece in (rule_exchanges.PIECE, 7):
        monkeypatch.setattr(rule_exchanges, "PIECE", piece)
        bets, prices = rules(Bets()), rules(Prices(after=50))
        told = bets.study(shown, payoff), prices.wander(**STEPS, episodes=60, longest=5)
        found.append((told, bets.state_dict(), prices.state_dict()))
    assert found[0][0] == found[1][0]
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name], err_msg=name)
