"""Parts of a user's own that return nonsense: mechanisms, compiled rules and populations are named with what they did."""

import numpy as np
import pytest
from numba import njit
from refusals import refused
from tiny_envs import Walk

from marketic import Bids, Clearing, ClearingRule, Market, Novices
from marketic.agents import Tabular
from marketic.mechanisms import FirstPrice, SecondPrice

NAN, INF = float("nan"), float("inf")


class Answers:
    """A mechanism that answers what it is told to."""

    claims = frozenset()

    def __init__(self, answer) -> None:
        self.answer = answer

    def clear(self, bids, *, rng=None):
        return self.answer(bids)


def outcome(allocation, payments, prices=0.0):
    return lambda bids: Clearing(np.array(allocation), np.array(payments), np.array([prices]))


NONSENSE = [
    (lambda bids: None, ("returned NoneType", "wanted a marketic.Clearing")),
    (lambda bids: (1, 2, 3), ("returned tuple", "wanted a marketic.Clearing")),
    (outcome([True, False], [0.0, 0.0]), ("allocation(2,)", "wanted two of (1, 2)")),
    (outcome([[True, False, False]], [[0.0, 0.0, 0.0]]), ("allocation(1, 3)", "wanted two of (1, 2)")),
    (outcome([[True, False]], [[0.0]]), ("payments(1, 1)", "wanted two of (1, 2)")),
    (outcome([[True, False]], [[NAN, 0.0]]), ("payments [[nan, 0.0]]", "finite")),
    (outcome([[True, False]], [[0.0, INF]]), ("payments [[0.0, inf]]", "finite")),
    (outcome([[True, False]], [[1e300, 0.0]]), ("payments [[1e+300, 0.0]]", "finite currency up to")),
    (outcome([[True, False]], [["much", "more"]]), ("wanted arrays of numbers",)),
    (lambda bids: Clearing(None, None, None), ("wanted two of (1, 2)",)),
    (outcome([[True, True]], [[0.0, 0.0]]), ("[[True, True]]", "one winner at most")),
    (outcome([[0.5, 0.5]], [[0.0, 0.0]]), ("[[0.5, 0.5]]", "one winner at most")),
    (outcome([[NAN, 0.0]], [[0.0, 0.0]]), ("nan", "one winner at most")),
    (outcome([[2, -1]], [[0.0, 0.0]]), ("[[2, -1]]", "one winner at most")),
]


@pytest.mark.parametrize(("answer", "words"), NONSENSE, ids=range(len(NONSENSE)))
def test_a_mechanism_that_returns_nonsense(answer, words) -> None:
    table = Tabular(4, 2, rng=np.random.default_rng(0), initial_bid=1.0)
    mechanism = Answers(lambda bids: SecondPrice().clear(bids))
    market = Market(Walk(4), table, mechanism, seed=0).learn(10)
    mechanism.answer = answer
    refused(lambda: market.learn(10), "Answers.clear", *words)
    assert int(market.ledger.balance.sum()) == 0
    assert np.abs(market.ledger.balance).max() < 2**40
    mechanism.answer = lambda bids: SecondPrice().clear(bids)
    assert market.learn(10).num_timesteps == 20


def test_a_mechanism_that_sells_to_somebody_who_stayed_away() -> None:
    class Absent(Answers):
        n_agents = n_bidders = 2

        def bid(self, observation):
            return Bids(np.array([[3.0, 1.0]]), np.array([[False, True]]))

        def act(self, winner, observation):
            return winner

        def learn(self, receipt):
            pass

    market = Market(Walk(4), Absent(None), Answers(outcome([[True, False]], [[0.0, 0.0]])), seed=0)
    refused(lambda: market.learn(5), "a bidder who did not bid", "active bidders only")
    assert not market.ledger.balance.any()


def test_an_object_that_is_no_mechanism() -> None:
    table = Tabular(4, 2, rng=np.random.default_rng(0))
    for thing in (object(), 3, "second-price"):
        refused(
            lambda thing=thing: Market(Walk(4), table, thing), "has no method clear(bids, *, rng=None)", repr(thing)
        )


@njit
def winner_99(value, active, uniform, parameters, winner, payments):
    for row in range(value.shape[0]):
        winner[row] = 99
        payments[row, :] = 0.0


@njit
def pays_nan(value, active, uniform, parameters, winner, payments):
    for row in range(value.shape[0]):
        winner[row] = 0
        payments[row, :] = np.nan


@njit
def nonsense_later(value, active, uniform, parameters, winner, payments):
    for row in range(value.shape[0]):
        winner[row] = 0
        payments[row, :] = 0.0
        parameters[0] += 1.0
        if parameters[0] > 5:
            winner[row] = 99


@pytest.mark.parametrize("function", [winner_99, pays_nan, nonsense_later], ids=lambda f: f.__name__)
def test_a_compiled_rule_that_writes_nonsense(function) -> None:
    """A wild winner number must end in a message, not in foreign memory."""

    class Wild(FirstPrice):
        rule = ClearingRule(function, parameters=np.zeros(1))

    market = Market(Walk(4), Tabular(4, 2, rng=np.random.default_rng(0)), Wild(), seed=0)
    refused(lambda: market.learn(50), "Wild", "wanted active bidders (or -1)")
    assert int(market.ledger.balance.sum()) == 0


class Bidders:
    """Two bidders whose answers can be broken."""

    n_agents = n_bidders = 2

    def __init__(self, bids=None, action=None) -> None:
        self.bids, self.action = bids, action

    def bid(self, observation):
        return Bids(np.ones((1, 2))) if self.bids is None else self.bids

    def act(self, winner, observation):
        return winner if self.action is None else self.action

    def learn(self, receipt):
        pass


@pytest.mark.parametrize(
    ("bids", "words"),
    [
        (Bids(np.ones(2)), ("value(2,)", "for 1 rows", "[rows, n_bidders]")),
        (Bids(np.ones((2, 2))), ("value(2, 2)", "for 1 rows")),
        (Bids.unchecked(np.ones((1, 2)), np.ones((1, 3), dtype=bool)), ("active(1, 3)",)),
        (
            Bids(np.ones((1, 2)), bidder=np.zeros((1, 2), dtype=np.int64)),
            ("bidder(1, 2)", "[rows, n_bidders, members]"),
        ),
        (Bids.unchecked([[1.0, 2.0]]), ("wanted marketic.Bids with arrays",)),
        (Bids.unchecked(np.array([["a", "b"]])), ("wanted marketic.Bids with arrays",)),
        (np.ones((1, 2)), ("a ndarray", "wanted marketic.Bids")),
        ("much", ("a str", "wanted marketic.Bids")),
    ],
)
def test_a_population_that_bids_nonsense(bids, words) -> None:
    market = Market(Walk(4), Bidders(bids=bids), SecondPrice(), seed=0)
    refused(lambda: market.learn(5), "population bid", *words)
    assert not market.ledger.balance.any()


class Columns(Bidders):
    """Four bidders, of whom later only some are named, each for so many agents."""

    n_agents = n_bidders = 4

    def __init__(self, columns, members=1, since=0) -> None:
        super().__init__()
        self.columns, self.members, self.since, self.asked = columns, members, since, 0

    def bid(self, observation):
        self.asked += 1
        columns, members = (self.columns, self.members) if self.asked > self.since else (4, 1)
        shape = (len(observation), columns)
        return Bids(np.ones(shape), bidder=np.zeros((*shape, members), dtype=np.int64))

    def act(self, winner, observation):
        return winner % 2


@pytest.mark.parametrize("since", [0, 3])
@pytest.mark.parametrize("columns", [0, 1, 3, 5])
def test_a_population_that_bids_for_some_of_its_bidders(columns, since) -> None:
    """Novices are drawn among all bidders: without this they would stand beside the row, in foreign memory."""
    market = Market(Walk(4), Columns(columns, since=since), FirstPrice(), novices=Novices(0.5), seed=0)
    refused(lambda: market.learn(300), f"value(1, {columns})", "n_bidders 4", "not active")
    assert int(market.ledger.balance.sum()) == 0


def test_a_population_whose_bidders_stand_for_more_agents_than_before() -> None:
    market = Market(Walk(4), Columns(4, members=2, since=3), FirstPrice(), seed=0)
    refused(lambda: market.learn(300), "2 agents each, at first of 1")
    assert int(market.ledger.balance.sum()) == 0


def test_a_population_that_acts_on_its_own_copy_of_the_winners() -> None:
    class Tampers(Columns):
        told: set[int]

        def act(self, winner, observation):
            winner %= 2
            return winner

        def learn(self, receipt):
            self.told = getattr(self, "told", set()) | set(receipt.winner.tolist())

    market = Market(Walk(4), Tampers(4), FirstPrice(), novices=Novices(0.5), seed=0).learn(200)
    assert market.population.told - {-1} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "action",
    [
        np.array([2]),
        np.array([-1]),
        np.array([0.5]),
        np.array([NAN]),
        np.array([0, 0]),
        np.array(0),
        np.array([[0]]),
        None,
        7,
    ],
    ids=repr,
)
def test_a_population_that_acts_nonsense(action) -> None:
    market = Market(Walk(4), Bidders(action=np.array([9]) if action is None else action), SecondPrice(), seed=0)
    refused(lambda: market.learn(5), "Bidders.act returned", "wanted one whole number per row", "from 0 to below [2]")
    assert int(market.ledger.balance.sum()) == 0


def test_a_family_with_compiled_bids_that_acts_nonsense_late() -> None:
    class Late(Tabular):
        calls = 0

        def act(self, winner, observation):
            self.calls += 1
            return winner if self.calls < 3 else winner + 9

    market = Market(Walk(4), Late(4, 2, rng=np.random.default_rng(0)), SecondPrice(), seed=0)
    refused(lambda: market.learn(5), "Late.act returned", "from 0 to below [2]")
    assert market.num_timesteps == 2
    assert int(market.ledger.balance.sum()) == 0


def test_an_object_that_is_no_population() -> None:
    for thing in (object(), [], "tabular", 5):
        refused(lambda thing=thing: Market(Walk(4), thing, SecondPrice()), repr(thing), "bid, act and learn")
