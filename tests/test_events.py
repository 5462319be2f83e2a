"""The event log: what is written, that it changes nothing, and that kills and resumes leave no trace."""

import os
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from logged_runs import CASES, LAKE, Steady
from tiny_envs import Match, Walk

import marketic
from marketic import Chain, Individuals, Market, Selection
from marketic.callbacks import Callback
from marketic.events import audit, open_log, query
from marketic.events.schema import decoded
from marketic.mechanisms import SecondPrice
from marketic.run import Run, resume, train
from marketic.run_config import RunConfig
from marketic.side_by_side import SideBySide

pytest.importorskip("duckdb")


def table(log, name):
    return log.to_arrow(name).to_pylist()


def contents(folder):
    """Every table of a log as text, in which NaN is NaN, and its chain: digests of all bytes."""
    log = open_log(folder)
    return {name: repr(log.to_arrow(name).to_pydict()) for name in log.tables}, [part["chain"] for part in log.parts]


def test_figures_of_a_corridor_counted_by_hand(tmp_path):
    """Two agents, one of which always outbids the other: 3 with price 2, for a reward of 1 at the third step."""
    market = Market(Walk(3), Individuals([Steady(3.0, 0), Steady(2.0, 0)]), Chain(SecondPrice(), discount=0.5), seed=0)
    market.log_to(tmp_path / "log")
    market.learn(6)
    log = market.events
    tick = log.tick
    rows = [
        (
            row["event"],
            row["seller"],
            row["buyer"],
            row["price"],
            row["paid"],
            row["reward"],
            row["subsidy"],
            row["withheld"],
        )
        for row in query(tmp_path / "log", "SELECT * FROM trades ORDER BY trade").to_pylist()
    ]
    length = int(table(log, "episodes")[0]["length"])
    episode = [
        ("sale", 1, 2, 3.0, 2.0, 0.0, 0.0, 0.0),
        *[("sale", 2, 2, 3.0, 2.0, 0.0, 1.0, 1.5)] * (length - 1),
        ("terminated", 2, 0, 0.0, 0.0, 1.0, 0.0, 0.0),
    ]
    assert rows[: length + 1] == episode
    assert tick == 2.0**-20
    assert [row["event"] for row in table(log, "agents")] == ["entry", "entry"]
    assert log.trades == len(rows)
    balance = {row["account"]: row["balance"] for row in table(log, "accounts")}
    assert balance == {account: int(ticks) for account, ticks in enumerate(market.ledger.balance) if account in balance}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("level", ["summary", "trades", "everything"])
def test_a_log_changes_nothing_and_counts_everything(case, level, tmp_path):
    if level == "everything" and case == "compiled":
        level = "trades"  # compiled loops are refused, see below
    plain, logged = CASES[case](), CASES[case]()
    logged.log_to(tmp_path, level, snapshot_every=400)
    for market in (plain, logged):
        market.learn(700)
        market.learn(500)
    log = logged.events
    if hasattr(plain.population, "state_dict"):
        before, after = plain.state_dict(), logged.state_dict()
        assert all(np.array_equal(before[name], after[name], equal_nan=True) for name in before)
    assert (plain.ledger.balance == logged.ledger.balance).all()
    episodes = table(log, "episodes")
    assert len(episodes) == logged.episodes
    assert [row["return"] for row in episodes][-100:] == list(logged.recent_returns)
    assert all(row["step"] <= logged.num_timesteps for row in episodes)
    assert log.step == logged.num_timesteps
    if level == "summary":
        assert log.trades == 0
        return
    trades = log.to_arrow("trades")
    kind, step = trades.column("kind").to_numpy(), trades.column("step").to_numpy()
    assert (trades.column("trade").to_numpy() == np.arange(len(trades))).all()
    copies = logged.world.rows
    assert (np.diff(step) >= 0).all()
    assert (np.bincount(step[kind == 1]) <= copies).all()
    assert np.count_nonzero(kind == 1) == logged.num_timesteps
    world = logged.ledger.balance[0]
    assert -int(trades.column("reward").to_numpy().sum()) == world
    ended = np.isin(kind, (2, 3))
    assert np.count_nonzero(ended) == logged.episodes
    lengths = {row["episode"]: row["length"] for row in episodes}
    sold = np.bincount(trades.column("episode").to_numpy()[kind == 1])
    assert all(sold[number] == length for number, length in lengths.items())


def test_rights_side_by_side_have_one_episode(tmp_path):
    owners = SideBySide([Individuals([Steady(1.0, 0)], actions=2) for _ in range(3)])
    market = Market(Match(1, gym.spaces.MultiDiscrete([2, 2, 2]), lambda s, a: 1.0), owners, SecondPrice(), seed=0)
    market.log_to(tmp_path).learn(20)
    trades = market.events.to_arrow("trades")
    row, kind, episode = (trades.column(name).to_numpy() for name in ("row", "kind", "episode"))
    assert np.bincount(row[kind == 1]).tolist() == [20, 20, 20]
    assert np.bincount(episode[kind == 1]).tolist() == [3] * 20
    assert audit(tmp_path).sound


def test_a_folder_that_cannot_be_used_leaves_the_log_that_there_is(tmp_path):
    (tmp_path / "file").write_text("")
    market = CASES["tiles"]()
    with pytest.raises(marketic.InputError, match="cannot use the folder"):
        market.log_to(tmp_path / "file")
    market.learn(20)
    assert market.log is None
    market.log_to(tmp_path / "log", "everything").learn(100)
    with pytest.raises(marketic.InputError, match="cannot use the folder"):
        market.log_to(tmp_path / "file")
    market.learn(100)
    assert audit(market.events.folder).sound


def test_everything_has_every_transfer_and_bid(tmp_path):
    market = CASES["tiles"]()
    market.log_to(tmp_path, "everything").learn(300)
    log = market.events
    moved = log.to_arrow("transfers")
    payer, payee, ticks = (moved.column(name).to_numpy() for name in ("payer", "payee", "ticks"))
    balance = np.zeros(len(market.ledger.balance), dtype=np.int64)
    np.subtract.at(balance, payer, ticks)
    np.add.at(balance, payee, ticks)
    assert (balance == market.ledger.balance).all()
    assert moved.column("settled").to_numpy().all()
    best = query(tmp_path, "SELECT trade, max(ticks) AS best FROM bids GROUP BY trade ORDER BY trade").to_pylist()
    sales = query(tmp_path, "SELECT trade, bid_ticks FROM trades WHERE event = 'sale' AND NOT novice ORDER BY trade")
    assert {row["trade"]: row["best"] for row in best} == {row["trade"]: row["bid_ticks"] for row in sales.to_pylist()}


def test_entries_and_exits_carry_their_cause(tmp_path):
    def enter(market, rng):
        return [Steady(float(rng.integers(1, 5)), 0)] if market.episodes % 3 == 0 else []

    selection = Selection(rent=0.25, stop_loss=-3.0, entrants=enter, endowment=2.0)
    market = Market(Walk(3), Individuals([Steady(3.0, 0), Steady(2.0, 0)]), SecondPrice(), selection=selection, seed=0)
    market.log_to(tmp_path).learn(200)
    agents = table(market.events, "agents")
    causes = {cause: sum(row["cause"] == cause for row in agents) for cause in ("founder", "entrant", "bankrupt")}
    assert causes["founder"] == 2
    assert causes["entrant"] > 0
    assert causes["bankrupt"] > 0
    assert 2 + causes["entrant"] - causes["bankrupt"] == market.population.n_agents
    sums = query(tmp_path, "SELECT memo, sum(ticks) AS ticks FROM transfers GROUP BY memo").to_pylist()
    flows = dict(zip(marketic.ledger.MEMOS, market.ledger.flows.tolist(), strict=True))
    assert {row["memo"]: int(row["ticks"]) for row in sums} == {m: flows[m] for m in ("endowment", "rent", "exit")}


def test_growing_agents_name_their_parents(tmp_path):
    market = CASES["growing"]()
    market.log_to(tmp_path).learn(1_000)
    born = [row for row in table(market.events, "agents") if row["cause"] == "born"]
    assert len(born) == market.population.alive - len(table(market.events, "agents")) + len(born)
    parents = market.population.parents
    assert {row["account"]: row["parent"] for row in born} == {
        int(market.accounts[child]): int(market.accounts[parents[child]]) for child in (r["account"] - 2 for r in born)
    }


class Killed(BaseException):
    """Stands in for kill -9."""


VARIANTS = {
    "lake": LAKE,
    "vector": replace(LAKE, env="CartPole-v1", agents=None, vector=3, options={}),
    "everything": replace(LAKE, log="everything", steps=1_200),
    "summary": replace(LAKE, log="summary"),
    "compiled": replace(LAKE, env="CartPole-v1", agents="tiles", compiled=True, options={}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_killed_and_resumed_run_has_the_same_log(variant, tmp_path, monkeypatch):
    monkeypatch.setattr(RunConfig, "snapshot_every", 700)
    config = VARIANTS[variant]
    train(config, tmp_path / "straight")
    wanted = contents(tmp_path / "straight")
    rename, writes, deadline = os.replace, 0, 0

    def dying(source, target):
        nonlocal writes
        writes += 1
        if writes == deadline:
            raise Killed
        rename(source, target)

    monkeypatch.setattr(os, "replace", dying)
    for deadline in (9, 17):
        writes, folder = 0, tmp_path / str(deadline)
        with pytest.raises(Killed):
            train(config, folder)
        writes = 10**6
        resume(folder, say=lambda _: None)
        assert contents(folder) == wanted
        left = {path.name for path in (folder / "events" / "trades").glob("*")}
        assert left == {path.name for path in (tmp_path / "straight" / "events" / "trades").glob("*")}


def test_a_run_that_was_cut_short_says_so(tmp_path, monkeypatch):
    class Stop(Callback):
        def on_step(self, event):
            if event.market.num_timesteps == 1_300:
                raise Killed

    leg = Run._leg
    monkeypatch.setattr(Run, "_leg", lambda self, extra: leg(self, [*extra, Stop()]))
    with pytest.raises(Killed):
        train(LAKE, tmp_path / "run")
    log = open_log(tmp_path / "run")
    assert log.step == 1_000
    assert any("has not finished" in note and "1,000" in note for note in log.notes)


def test_a_full_tape_becomes_a_part_in_every_path(tmp_path):
    for name, market in (
        ("plain", CASES["all-pay"]()),
        ("compiled", CASES["compiled"]()),
        ("vector", CASES["vector"]()),
    ):
        market.log_to(tmp_path / name)
        market.log.part_rows = 100
        market.learn(1_500)
        market.learn(400)
        trades = market.events.to_arrow("trades").column("trade").to_numpy()
        assert (trades == np.arange(len(trades))).all()
        sizes = [part["tables"]["trades"]["rows"] for part in market.events.parts if "trades" in part["tables"]]
        assert len(sizes) > 10
        assert max(sizes) < 1_500


def test_a_following_reader_sees_new_parts(tmp_path):
    market = CASES["tiles"]().log_to(tmp_path)
    market.learn(200)
    log = market.events
    seen = log.trades
    market.learn(200)
    market.log.flush()
    assert log.refresh() > 0
    assert log.trades > seen
    assert sum(len(batch) for batch in log.batches("trades", ["trade"], first_part=1)) == log.trades - seen


def test_pandas_polars_and_columns_are_one_call_away(tmp_path):
    market = CASES["tiles"]().log_to(tmp_path)
    market.learn(100)
    log = market.events
    chosen = log.to_arrow("trades", ["trade", "bid", "price", "step"], steps=(10, 20))
    assert chosen.column_names == ["trade", "bid", "price", "step"]
    assert set(chosen.column("step").to_pylist()) == set(range(10, 20))
    everything = log.to_arrow()
    assert everything.column_names == list(decoded("trades", log.members))
    assert everything.column("buyers").type.list_size == log.members
    assert (np.stack(everything.column("buyers").to_numpy())[:, 0] == everything.column("buyer").to_numpy()).all()
    assert len(log.to_arrow("bids")) == 0
