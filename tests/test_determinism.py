"""One seed, one market, to the bit; saved, loaded and gone on with as if nothing had happened."""

import gymnasium as gym
import numpy as np
from tiny_envs import Walk

import marketic
from marketic import (
    Ledger,
    Market,
    Novices,
)
from marketic.agents import Tabular
from marketic.mechanisms import SecondPrice, minted_vickrey


def fresh(seed: int = 3) -> Market:
    return marketic.make("FrozenLake-v1", seed=seed, novices=0.2)


def bits(market: Market) -> dict:
    return {name: array.tobytes() for name, array in market.state_dict().items()}


def test_same_seed_same_bits_and_numpys_global_generator_is_left_alone() -> None:
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first, second = fresh().learn(700), fresh().learn(700)
    assert bits(first) == bits(second)
    assert bits(first)["population/price"] != bits(fresh(4).learn(700))["population/price"]
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_saving_loading_and_going_on_equals_going_on(tmp_path) -> None:
    market = fresh().learn(500)
    market.save(tmp_path / "a.market")
    loaded = marketic.load(tmp_path / "a.market")
    assert bits(loaded) == bits(market)
    assert bits(loaded.learn(500)) == bits(market.learn(500))
    market.save(tmp_path / "b.market")
    loaded.save(tmp_path / "c.market")
    assert (tmp_path / "b.market").read_bytes() == (tmp_path / "c.market").read_bytes()


def test_a_loaded_market_bids_on_the_saved_grid(tmp_path) -> None:
    def build():
        return Walk(4), Tabular(4, 2, initial_bid=0.3, rng=np.random.default_rng(0)), SecondPrice()

    env, table, mechanism = build()
    market = Market(env, table, mechanism, seed=0, ledger=Ledger(tick=2.0**-4)).learn(30)
    market.save(tmp_path / "coarse.market")
    env, table, mechanism = build()
    loaded = marketic.load(tmp_path / "coarse.market", env=env, population=table, mechanism=mechanism)
    assert loaded.ledger.tick == loaded.auction.tick == 2.0**-4
    assert bits(loaded.learn(50)) == bits(market.learn(50))


def test_learning_nothing_changes_nothing() -> None:
    market = fresh()
    before = bits(market)
    assert market.learn(0) is market
    assert bits(market) == before


def test_plain_parts_give_the_same_bits_as_compiled_ones() -> None:
    def build(compiled):
        table = Tabular(16, 4, initial_bid=1.0, rng=np.random.default_rng(0))
        env = gym.make("FrozenLake-v1", max_episode_steps=9)
        return Market(
            env, table, minted_vickrey(royalty=0.5), novices=Novices(0.2), seed=0, compiled_parts=compiled
        ).learn(2000)

    assert bits(build(True)) == bits(build(False))
