"""Two speeds, one meaning: plain methods and compiled rounds leave the same bits behind."""

import gymnasium as gym
import numpy as np
import pytest

from marketic.agents.tiles import BLOCK, Tiles, Tiling
from marketic.chain import Settlement
from marketic.market import Market
from marketic.presets import make

FAMILIES = {"FrozenLake-v1": "tabular", "CartPole-v1": "tiles"}
MECHANISMS = ("first-price", "second-price", "softmax")
TERMS = ({"royalty": 0.0}, {"royalty": 0.8, "credit": "payment"}, {"royalty": 0.5, "clones": 2, "novices": 0.2})

NO_LIEN = {"royalty": 0.005}  # so small that nobody holds a claim to it, but not nothing


def assert_same(one: Market, other: Market) -> None:
    first, second = one.state_dict(), other.state_dict()
    assert first.keys() == second.keys()
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key], err_msg=key)


def both(env, steps: int, **options) -> tuple[Market, Market]:
    """The same market trained in compiled rounds and in plain ones; `env` is called twice."""
    quick, plain = (make(env(), seed=3, **options) for _ in range(2))
    plain.compiled_parts, plain.auction.rule = False, None  # the mechanism's own `clear`
    for market in (quick, plain):
        market.learn(steps)
        market.learn(37)  # a second call starts from a clean break
    return quick, plain


@pytest.mark.parametrize("terms", TERMS, ids=str)
@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("task", FAMILIES)
def test_compiled_rounds_equal_plain_ones(task, mechanism, terms):
    assert_same(*both(lambda: gym.make(task), 600, mechanism=mechanism, agents=FAMILIES[task], **terms))


@pytest.mark.parametrize("mode", list(gym.vector.AutoresetMode))
@pytest.mark.parametrize("terms", [*TERMS, NO_LIEN], ids=str)
def test_compiled_rounds_equal_plain_ones_in_vector_environments(mode, terms):
    def env():
        return gym.make_vec("FrozenLake-v1", 5, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode})

    assert_same(*both(env, 1000, agents="tabular", **terms))


def test_a_market_that_can_trade_in_compiled_code_never_trades_otherwise(monkeypatch):
    """Else a first training would compile both ways."""
    market = make(gym.make("CartPole-v1"), seed=3, agents="tiles", royalty=0.5)
    monkeypatch.setattr(Settlement, "settle", None)
    market.learn(200)
    market.learn(37)
    assert market.num_timesteps == 237


def test_gymnasiums_own_vector_environment():
    assert_same(*both(lambda: gym.make_vec("CartPole-v1", 16, vectorization_mode="vector_entry_point"), 2000))


def test_many_rows_fall_into_the_same_tiles_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    tilings = (Tiling((0, 1), (5, 4), 7), Tiling((2,), (9,), 3), Tiling((0, 1, 2), (3, 4, 5), 1))
    tiles = Tiles([-3.2, -1, -2], [3.1416, 1, 2], 3, tilings, angles=((1, 3),), rng=rng)
    observation = rng.normal(size=(3 * BLOCK + 1, 4)) * 2
    observation[:BLOCK] = np.rint(observation[:BLOCK])
    together = tiles.match(observation)
    assert together.tolist() == [tiles.match(row[None])[0].tolist() for row in observation]
    assert 0 <= together.min() <= together.max() < tiles.n_agents
