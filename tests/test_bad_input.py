"""Bad input is refused at the door: what was given, what was wanted, the repair; and nothing is left half done."""

import io

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Text
from refusals import refused
from tiny_envs import Broken, Walk

import marketic
from marketic import Market, Novices
from marketic.agents import Tabular
from marketic.mechanisms import SecondPrice


@pytest.mark.parametrize("name", ["NoSuchTask-v0", "CartPole-v99", "nonsense", "no_such_module:Task-v0"])
def test_unknown_environment(name: str) -> None:
    refused(lambda: marketic.make(name), repr(name))


@pytest.mark.parametrize("given", [None, 5, gym.spec("CartPole-v1"), Discrete(2)])
def test_what_is_no_environment(given) -> None:
    refused(lambda: marketic.make(given), "env=", "wanted the id of an environment, module:Name, a gymnasium.Env")


def test_a_function_that_makes_an_environment_is_to_be_called() -> None:
    refused(lambda: marketic.make(lambda: Walk()), "call it, and pass what it returns")


@pytest.mark.parametrize("path", [None, 5, io.BytesIO(), b"lake.market"])
def test_what_names_no_file(path) -> None:
    market = marketic.make("FrozenLake-v1", seed=0)
    for use in (market.save, marketic.load):
        refused(lambda use=use: use(path), "path", "wanted the name of a file")


def test_a_name_that_is_too_long(tmp_path) -> None:
    path = tmp_path / ("x" * 300)
    refused(lambda: marketic.make("FrozenLake-v1", seed=0).save(path), "too long")
    refused(lambda: marketic.load(path), "x" * 300)


def test_evaluation_takes_numbers_of_numpy() -> None:
    market = marketic.make("FrozenLake-v1", agents="tabular", seed=0)
    assert np.array_equal(market.evaluate(np.int64(3), seed=np.uint8(2)), market.evaluate(3, seed=2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aplha": 0.1}, ("unknown option 'aplha'", "wanted one of", "learning_rate", "royalty")),
        ({"agents": "banana"}, ("no agents named 'banana'", "tabular", "module:Name")),
        ({"agents": 3}, ("agents=3", "a family's name", "a population")),
        ({"agents": ["tiles"]}, ("agents=['tiles']", "a family's name")),
        ({"mechanism": {}}, ("{}", "wanted a table that says class = 'module:Name'")),
        ({"mechanism": ["first-price"]}, ("mechanism ['first-price'] has no method clear",)),
        ({"mechanism": "lmsr"}, ("LMSR trades in sessions", "sells one right", "'first-price'")),
        ({"mechanism": "vcg"}, ("VCG trades in Bundles", "sells one right")),
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
    refused(lambda: market.evaluate(episodes), f"episodes={episodes}", "wanted a whole number >= 1")


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_bad_novices(probability: float) -> None:
    refused(lambda: Novices(probability), f"{probability}", "from 0 to 1")
    refused(lambda: Novices(0.1, final=probability), f"{probability}", "from 0 to 1")
    refused(lambda: Novices(0.1, horizon=0), "horizon=0", "horizon >= 1")
    table = Tabular(4, 2, rng=np.random.default_rng(0))
    refused(lambda: Market(Walk(4), table, SecondPrice(), novices=probability), "novices=", "Novices(0.1)")


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
    (BOX, (FINE, 10**400, False, False, {}), ("returned", "a number as reward")),
    (TABLE, (10**400, 1.0, False, False, {}), ("is no value of observation space",)),
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
    (BOX, (np.array([{}, {}]), 1.0, False, False, {}), ("is no value of observation space",)),
    (TABLE, (1, 1.0, np.array([True, False]), False, {}), ("step returned", "wanted (observation, reward, terminated")),
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
        (BOX, np.array([{}, {}]), ("is no value of observation space",)),
    ],
)
def test_a_bad_first_observation(space, first, words) -> None:
    market = marketic.make(Broken(space, first=first), seed=0)
    refused(lambda: market.learn(10), *words)
    assert not market.ledger.balance.any()


@pytest.mark.parametrize(
    "answer", [(0, None, False, False, {}), (0, 10**400, False, False, {}), (0, 1.0, False, {}), 5]
)
def test_an_environment_that_breaks_the_api_while_it_is_evaluated(answer) -> None:
    market = marketic.make(Broken(TABLE), seed=0).learn(20)
    refused(lambda: market.evaluate(2, env=Broken(TABLE, answer)), "step returned", "a number as reward")


def test_an_environment_of_old() -> None:
    class Old(Broken):
        def reset(self, *, seed=None, options=None):
            return 0

    class Seedless(Broken):
        def reset(self):
            return 0, {}

    market = marketic.make(Broken(TABLE), seed=0).learn(20)
    refused(lambda: market.evaluate(1, env=Old(TABLE)), "reset returned 0", "wanted (observation, info)")
    refused(lambda: market.evaluate(1, env=Seedless(TABLE)), "Seedless.reset takes no seed")
    refused(lambda: marketic.make(Seedless(TABLE)), "Seedless.reset takes no seed", "reset(self, *, seed=None")


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
    for nameless in ("", "/", "."):
        refused(lambda path=nameless: market.save(path), "cannot write", "name of a file")
    assert [path.name for path in tmp_path.rglob("*")] == ["taken"]
