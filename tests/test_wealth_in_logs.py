"""What agents own by the log at any step, and what the owners of a part's seams were paid, against the market itself."""

import gymnasium as gym
import numpy as np
import pytest
from seeing_runs import hand_log

import marketic
from marketic.events import open_log
from marketic.events.writer import EventWriter
from marketic.graph import Trades, gini
from marketic.graph.balances import Wealth
from marketic.graph.from_log import trades_of
from marketic.graph.residents import present


def test_wealth_between_snapshots_is_the_ledgers(tmp_path):
    """A market that stops at any step holds what the log of a longer one says that it had there."""
    for env, options in (("FrozenLake-v1", {}), ("CartPole-v1", {})):  # single owners; syndicates with royalties
        market = marketic.make(env, seed=3, **options).log_to(tmp_path / env)
        held = {}
        for _ in range(3):
            market.learn(300)
            held[market.num_timesteps] = market.wealth()
        market.learn(500)
        wealth = Wealth(market.events)
        assert wealth.exact
        for step in [*held, *reversed(held)]:
            account, amount = wealth(step)
            assert account.tolist() == market.accounts.tolist()
            assert amount.tolist() == held[step].tolist()
        assert wealth.exact


@pytest.mark.parametrize("mechanism", ["second-price", "all-pay"])
def test_a_part_alone_knows_what_its_last_owners_were_paid(tmp_path, mechanism):
    """Parts are cut in the middle of episodes: what the owners of that moment earn stands in the next part."""
    env = gym.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync")
    market = marketic.make(env, seed=1, agents="tiles", mechanism=mechanism)
    market.log = EventWriter(tmp_path, market, "trades", part_rows=7)
    market.learn(900)
    market.log.cut()
    log, whole = market.events, trades_of(market.events)
    assert len(log.parts) > 50
    alone = [trades_of(log, parts=[k]) for k in range(len(log.parts)) if "trades" in log.parts[k]["tables"]]
    for name in Trades.__dataclass_fields__:
        assert np.concatenate([getattr(part, name) for part in alone]).tolist() == getattr(whole, name).tolist()
    some = trades_of(log, parts=range(0, len(log.parts) - 1, 5))  # no reward jumps over a gap
    assert some.reward.sum() == sum(alone[k].reward.sum() for k in range(0, len(alone) - 1, 5))


@pytest.mark.parametrize(
    ("env", "options"),
    [
        ("CartPole-v1", {"agents": "growing"}),
        ("marketic/Multiplexer-v0", {"agents": "rules"}),
        ("marketic/Multiplexer-v0", {"agents": "programs", "births": 0.5, "slots": 60, "few": 2}),
    ],
    ids=["room to grow", "rules on seats", "programs on seats"],
)
def test_wealth_is_that_of_the_agents_that_there_are(tmp_path, env, options):
    """All money is somebody's at every step, and neither empty seats nor room to grow count as agents without any."""
    market = marketic.make(env, seed=2, **options).log_to(tmp_path)
    held = {}
    for _ in range(3):
        market.learn(400)  # the log's snapshots are 20,000 steps apart
        held[market.num_timesteps] = market.wealth()
    market.log.cut()
    there = present(market)
    population = market.population
    family = population.genealogy() if hasattr(population, "genealogy") else None
    alive = population.alive if family is None else int((family.agent >= 0).sum())
    assert alive <= there.sum() <= alive + (market.wealth() != 0).sum()
    assert there.sum() < len(there) or family is not None
    for step, whole in held.items():
        account, amount = Wealth(market.events)(step)
        assert amount.sum() == whole.sum()
        assert np.isin(market.accounts[whole != 0], account).all()
    assert account.tolist() == market.accounts[there].tolist()
    assert amount.tolist() == market.wealth()[there].tolist()


def test_wealth_of_a_summary_counts_those_without_any(tmp_path):
    market = marketic.make("FrozenLake-v1", seed=0).log_to(tmp_path, "summary")
    market.learn(500)
    assert np.isnan(gini(Wealth(market.events)(250)[1]))  # once 1: nobody was on record
    market.log.cut()
    account, amount = Wealth(market.events)(500)
    assert account.tolist() == market.accounts.tolist()
    assert amount.tolist() == market.wealth().tolist()


def test_wealth_of_a_log_that_does_not_add_up_comes_from_its_snapshots(tmp_path):
    hand_log(tmp_path)
    assert Wealth(open_log(tmp_path))(3)[1].tolist() == [
        -1.0,
        1.0,
        2.5,
        0.0,
    ]  # the last entered at step 2, and has nothing yet
