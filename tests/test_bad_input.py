"""Bad input is refused at the door: what was given, what was wanted, the repair; and nothing is left half done."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Text
from numba import njit
from tiny_envs import Broken, Walk

import marketic
from marketic import Bids, Clearing, ClearingRule, InputError, Market, Novices
from marketic.agents import Tabular
from marketic.mechanisms import FirstPrice, SecondPrice


def refused(action, *words: str) -> str:
    """`action()` raises an InputError of one line in which all `words` stand."""
    with pytest.raises(InputError) as refusal:
        action()
    message = str(refusal.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message


@pytest.mark.parametrize("name", ["NoSuchTask-v0", "CartPole-v99", "nonsense", "no_such_module:Task-v0"])
def test_unknown_environment(name: str) -> None:
    refused(lambda: marketic.make(name), repr(name))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aplha": 0.1}, ("unknown option 'aplha'", "wanted one of", "learning_rate", "royalty")),
        ({"agents": "banana"}, ("no agents named 'banana'", "tabular", "module:Name")),
        ({"mechanism": "banana"}, ("no mechanisms named 'banana'", "second-price", "module:Name")),
        ({"mechanism": "nowhere:Thing"}, ("cannot import 'nowhere:Thing'", "wanted module:Name")),
        ({"discount": 2.0}, ("discount=2.0", "from 0 to 1")),
        ({"royalty": 1.0}, ("royalty=1.0", "below 1")),
        ({"novices": 3.0}, ("probability=3.0", "from 0 to 1")),
        ({"credit": "cash"}, ("credit='cash'", "'bid' or 'payment'")),
        ({"initial_bid": float("nan")}, ("initial_bid=nan", "finite")),
        ({"env_options": {"wind": 3}}, ("CartPole-v1", "wind")),
    ],
)
def test_unknown_and_impossible_options(options: dict, words: tuple) -> None:
    refused(lambda: marketic.make("CartPole-v1", **options), *words)


@pytest.mark.parametrize("seed", [-1, 1.5, "one", True, [1]])
def test_bad_seed(seed) -> None:
    refused(lambda: marketic.make("FrozenLake-v1", seed=seed), f"seed={seed!r}", "wanted an integer >= 0")


@pytest.mark.parametrize("steps", [-1, 2.0, "10", None, True, float("nan")])
def test_bad_number_of_steps(steps) -> None:
    market = marketic.make("FrozenLake-v1", seed=0)
    refused(lambda: market.learn(steps), f"total_timesteps={steps!r}", "wanted an integer >= 0")
    assert market.num_timesteps == 0


@pytest.mark.parametrize("episodes", [0, -3])
def test_bad_number_of_episodes(episodes: int) -> None:
    market = marketic.make("FrozenLake-v1", seed=0)
    refused(lambda: market.evaluate(episodes), f"episodes={episodes}", "wanted a number >= 1")


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_bad_novices(probability: float) -> None:
    refused(lambda: Novices(probability), f"{probability}", "from 0 to 1")
    refused(lambda: Novices(0.1, final=probability), f"{probability}", "from 0 to 1")
    refused(lambda: Novices(0.1, horizon=0), "horizon=0", "horizon >= 1")


def test_unsupported_space() -> None:
    env = Broken(Text(4))
    refused(lambda: marketic.make(env), "Text", "supported: Discrete, Box", "gymnasium.wrappers")


BOX, TABLE = Box(-1.0, 1.0, (2,), np.float64), Discrete(4)
FINE, NAN, INF = np.zeros(2), float("nan"), float("inf")
BROKEN = [
    # observation space, what step answers, words of the message
    (BOX, (FINE, NAN, False, False, {}), ("reward [nan]", "finite", "TransformReward")),
    (BOX, (FINE, INF, False, False, {}), ("reward [inf]", "finite")),
    (BOX, (FINE, -INF, False, False, {}), ("reward [-inf]", "finite")),
    (BOX, (FINE, 1e300, False, False, {}), ("reward [1e+300]", "finite")),
    (BOX, (FINE, NAN, True, False, {}), ("reward [nan]", "finite")),
    (BOX, (FINE, NAN, False, True, {}), ("reward [nan]", "finite")),
    (BOX, (FINE, None, False, False, {}), ("gave reward", "finite")),
    (BOX, (FINE, "much", False, False, {}), ("returned", "a number as reward")),
    (BOX, (FINE, 1.0, False, {}), ("returned", "wanted (observation, reward, terminated, truncated, info)")),
    (BOX, 5, ("returned 5", "wanted (observation, reward, terminated, truncated, info)")),
    (
        BOX,
        (np.array([0.0, NAN]), 1.0, False, False, {}),
        ("observation[1]", "nan", "finite numbers", "TransformObservation"),
    ),
    (BOX, (np.array([INF, 0.0]), 1.0, False, False, {}), ("observation[0]", "inf", "finite numbers")),
    (BOX, (np.array([0.0, NAN]), 1.0, False, True, {}), ("observation[1]", "nan", "finite numbers")),
    (BOX, (np.zeros(3), 1.0, False, False, {}), ("3 components instead of 2", "TransformObservation")),
    (BOX, (np.zeros(1), 1.0, False, False, {}), ("1 components instead of 2",)),
    (BOX, (None, 1.0, False, False, {}), ("None is no value",)),
    (BOX, ("here", 1.0, False, False, {}), ("'here' is no value",)),
    (TABLE, (4, 1.0, False, False, {}), ("observation = [4.0]", "whole numbers from 0 to 3")),
    (TABLE, (-1, 1.0, False, False, {}), ("observation = [-1.0]", "whole numbers from 0 to 3")),
    (TABLE, (1.5, 1.0, False, False, {}), ("observation = [1.5]", "whole numbers from 0 to 3")),
    (TABLE, (NAN, 1.0, False, False, {}), ("observation = [nan]", "whole numbers")),
    (TABLE, (10**9, 1.0, False, True, {}), ("observation", "whole numbers from 0 to 3")),
    (Dict(a=TABLE, b=TABLE), ({"a": 1}, 1.0, False, False, {}), ("is no value", "Dict")),
    (
        Dict(a=TABLE, b=TABLE),
        ({"a": 1, "b": 9}, 1.0, False, False, {}),
        ("observation.b = [9.0]", "whole numbers from 0 to 3"),
    ),
]


@pytest.mark.parametrize(("space", "answer", "words"), BROKEN, ids=lambda x: str(x)[:50])
@pytest.mark.parametrize("compiled", [True, False])
def test_an_environment_that_breaks_the_api(space, answer, words, compiled) -> None:
    env = Broken(space, answer, after=5)
    table = (
        Tabular([4] * (2 if isinstance(space, Dict) else 1), 2, rng=np.random.default_rng(0))
        if space is not BOX
        else marketic.make(Broken(BOX), agents="tiles", seed=0).population
    )
    market = Market(env, table, SecondPrice(), seed=0, compiled_parts=compiled)
    refused(lambda: market.learn(100), *words)
    assert int(market.ledger.balance.sum()) == 0
    assert market.num_timesteps in (5, 6)
    assert np.abs(market.ledger.balance).max() < 2**40, "no garbage was paid"
    assert np.isfinite(table.price).all()
    env.answer = None  # repaired: the market goes on
    assert market.learn(10).num_timesteps in (15, 16)


@pytest.mark.parametrize(
    ("space", "first", "words"),
    [
        (BOX, np.array([NAN, 0.0]), ("observation[0]", "finite")),
        (TABLE, 7, ("observation", "0 to 3")),
        (BOX, np.zeros(5), ("5 components instead of 2",)),
    ],
)
def test_a_bad_first_observation(space, first, words) -> None:
    market = marketic.make(Broken(space, first=first), seed=0)
    refused(lambda: market.learn(10), *words)
    assert not market.ledger.balance.any()


def test_a_vector_environment_that_breaks_the_api() -> None:
    bad = gym.vector.SyncVectorEnv([lambda: Broken(BOX), lambda: Broken(BOX, (FINE, NAN, True, False, {}), after=5)])
    market = marketic.make(bad, seed=0)
    refused(lambda: market.learn(100), "reward [1.0, nan]", "finite")
    assert int(market.ledger.balance.sum()) == 0
    assert np.abs(market.ledger.balance).max() < 2**40


def test_predict_refuses_what_is_no_observation() -> None:
    cart, lake = marketic.make("CartPole-v1", seed=0), marketic.make("FrozenLake-v1", seed=0)
    for market, value in (
        (cart, np.zeros(3)), (cart, np.zeros((2, 3))), (cart, np.full(4, NAN)), (cart, "left"), (cart, None),
        (cart, {}),
        (lake, 16), (lake, -1), (lake, 0.5), (lake, np.array([3, 99])), (lake, "up"), (lake, NAN),
    ):  # fmt: skip
        refused(lambda market=market, value=value: market.predict(value, deterministic=True))


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
        (Bids(np.ones(2)), ("value(2,)", "for 1 rows", "[rows, bidders]")),
        (Bids(np.ones((2, 2))), ("value(2, 2)", "for 1 rows")),
        (Bids.unchecked(np.ones((1, 2)), np.ones((1, 3), dtype=bool)), ("active(1, 3)",)),
        (Bids(np.ones((1, 2)), bidder=np.zeros((1, 2), dtype=np.int64)), ("bidder(1, 2)", "[rows, bidders, members]")),
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


@pytest.mark.parametrize(
    "action", [np.array([2]), np.array([-1]), np.array([0, 0]), np.array(0), np.array([[0]]), None, 7], ids=repr
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


def test_a_market_with_parts_of_ones_own_needs_them_again_to_load(tmp_path) -> None:
    table = Tabular(4, 2, rng=np.random.default_rng(0))
    Market(Walk(4), table, SecondPrice(), seed=0).learn(5).save(tmp_path / "own.market")
    refused(lambda: marketic.load(tmp_path / "own.market"), "pass env=, population= and mechanism=")
    refused(lambda: marketic.load(tmp_path / "none.market"), "no file", "none.market")
    (tmp_path / "torn.market").write_bytes((tmp_path / "own.market").read_bytes()[:-40])
    refused(lambda: marketic.load(tmp_path / "torn.market"), "damaged", "earlier checkpoint")
    smaller = Tabular(3, 2, rng=np.random.default_rng(0))
    refused(
        lambda: marketic.load(tmp_path / "own.market", env=Walk(3), population=smaller, mechanism=SecondPrice()),
        "8 agents",
        "6",
    )


def test_saving_to_an_impossible_place_leaves_nothing(tmp_path) -> None:
    market = marketic.make("FrozenLake-v1", seed=0)
    refused(lambda: market.save(tmp_path / "no" / "folder" / "a.market"), "cannot write", "another folder")
    (tmp_path / "taken").mkdir()
    refused(lambda: market.save(tmp_path / "taken"), "cannot write")
    assert [path.name for path in tmp_path.rglob("*")] == ["taken"]
