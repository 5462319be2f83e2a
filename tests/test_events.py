"""The event log: what is written, that it changes nothing, that kills and resumes leave no trace, and bad input."""

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from tiny_envs import Match, Walk

import marketic
from marketic import Chain, Individuals, Market, Selection
from marketic.callbacks import Callback
from marketic.errors import CorruptFile, InputError
from marketic.events import audit, open_log, query
from marketic.events.manifest import Manifest, link
from marketic.events.parts import path_of, read_part
from marketic.events.schema import TABLES, decoded
from marketic.mechanisms import SecondPrice
from marketic.mechanisms.all_pay import AllPay
from marketic.run import Run, resume, train
from marketic.run_config import RunConfig
from marketic.side_by_side import SideBySide

pytest.importorskip("duckdb")

LAKE = RunConfig("FrozenLake-v1", agents="tabular", steps=2_500, seed=3, checkpoint_every=500, log="trades",
                 options={"novices": 0.1})  # fmt: skip


class Steady:
    """Always bids and acts the same."""

    def __init__(self, bid, action):
        self.offer, self.action = bid, action

    def bid(self, observation):
        return self.offer

    def act(self, observation):
        return self.action

    def learn(self, trade):
        pass


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


CASES = {
    "tiles": lambda: marketic.make("CartPole-v1", seed=2, agents="tiles", royalty=0.7, paper_trades=None, greedy=None),
    "compiled": lambda: marketic.make("CartPole-v1", seed=2, compiled=True),
    "growing": lambda: marketic.make("CartPole-v1", seed=2, agents="growing"),
    "research": lambda: marketic.make("FrozenLake-v1", seed=2),
    "vector": lambda: marketic.make(gym.make_vec("CartPole-v1", num_envs=3), seed=2),
    "all-pay": lambda: Market(
        gym.make("CartPole-v1"), Individuals([Steady(3.0, 0), Steady(2.0, 1)]), Chain(AllPay(), royalty=0.5), seed=2
    ),
}


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


def test_the_views_agree_with_the_ledger(tmp_path):
    market = CASES["tiles"]().log_to(tmp_path, snapshot_every=500)
    market.learn(2_000)
    assert market.events.trades
    flows = dict(zip(marketic.ledger.MEMOS, market.ledger.flows.tolist(), strict=True))
    statement = "SELECT sum(subsidy_ticks) s, sum(withheld_ticks) w, sum(paid_ticks) p, sum(reward_ticks) r FROM trades"
    (row,) = query(tmp_path, statement).to_pylist()
    assert int(row["s"]) == flows["subsidy"] + flows["buyback"]
    assert (int(row["w"]), int(row["p"]), int(row["r"])) == (flows["discount"], flows["payment"], flows["reward"])
    wealth = query(
        tmp_path, "SELECT account, arg_max(balance_ticks, trade) AS b FROM accounts GROUP BY account"
    ).to_pylist()
    assert all(market.ledger.balance[row["account"]] == row["b"] for row in wealth)
    price = query(tmp_path, "SELECT account, arg_max(price, trade) AS p FROM prices GROUP BY account").to_pylist()
    assert all(market.population.price[row["account"] - 2] == row["p"] for row in price)
    for name in TABLES:
        assert query(tmp_path, f"SELECT count(*) AS n FROM {name}").to_pylist()[0]["n"] >= 0


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad") / "run"
    train(LAKE, folder)
    return folder


def copy(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "copy"))


def test_bad_input_is_named(run, tmp_path):
    with pytest.raises(InputError, match=r"no run in .*nowhere"):
        open_log(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no event log in .* --log trades"):
        open_log(tmp_path / "empty")
    with pytest.raises(InputError, match="wanted one of off, summary, trades, everything"):
        RunConfig("CartPole-v1", log="all")
    with pytest.raises(InputError, match="compiled loop does not show"):
        CASES["compiled"]().log_to(tmp_path, "everything")
    with pytest.raises(InputError, match="no table 'sales'"):
        open_log(run).to_arrow("sales")
    with pytest.raises(InputError, match="no column 'cost'"):
        open_log(run).to_arrow("trades", ["cost"])
    with pytest.raises(InputError, match="keeps no event log"):
        _ = CASES["research"]().events
    for statement in ("SELEC 1", "SELECT * FROM sales", "", "DROP VIEW trades"):
        with pytest.raises(InputError, match="DuckDB refuses"):
            query(run, statement)


def test_another_schema_version_is_refused_by_name(run, tmp_path):
    folder = copy(run, tmp_path)
    path = folder / "events" / "manifest.jsonl"
    first, *rest = path.read_text().splitlines()
    header = json.loads(first) | {"format": 99, "marketic": "9.9"}
    header["chain"] = link("", header)
    path.write_text("\n".join([json.dumps(header), *rest]) + "\n")
    with pytest.raises(CorruptFile, match=r"schema version 99, written by marketic 9.9; this version reads 1 and 2"):
        open_log(folder)


def test_a_half_written_line_is_passed_over_and_a_half_written_part_is_named(run, tmp_path):
    folder = copy(run, tmp_path)
    path = folder / "events" / "manifest.jsonl"
    parts = len(open_log(folder).parts)
    path.write_text(path.read_text()[:-40])
    log = open_log(folder)
    assert len(log.parts) == parts - 1
    assert "half-written" in log.notes[0]
    part = path_of(folder / "events", "trades", 1)
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(CorruptFile, match=r"part-00001.parquet is damaged"):
        log.to_arrow("trades")
    part.unlink()
    with pytest.raises(CorruptFile, match=r"part-00001.parquet is missing"):
        log.to_arrow("trades")


def test_without_duckdb_the_sentence_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(InputError, match=r"pip install 'marketic\[query\]'"):
        query(run, "SELECT 1")


def test_resuming_without_the_log_is_refused(run, tmp_path):
    folder = copy(run, tmp_path)
    Manifest.read(folder / "events").truncate(2)
    with pytest.raises(InputError, match=r"does not hold the . parts that the checkpoint counts"):
        resume(folder, steps=3_000, say=lambda _: None)


def test_a_log_of_schema_version_1_is_read_and_continued_as_such(tmp_path, monkeypatch):
    """Members were lists on the disk then; a run that began so, and goes on, says the same as one of today."""
    config = RunConfig("CartPole-v1", steps=600, seed=2, checkpoint_every=200, log="trades")
    train(config, tmp_path / "new")
    with monkeypatch.context() as then:
        then.setattr("marketic.events.manifest.FORMAT", 1)
        train(replace(config, steps=400), tmp_path / "old")
    resume(tmp_path / "old", steps=600)
    old, new = (open_log(tmp_path / name) for name in ("old", "new"))
    assert (old.manifest.version, new.manifest.version) == (1, 2)
    assert old.to_arrow("trades").equals(new.to_arrow("trades"))
    statement = "SELECT buyers[1] AS first, buyers[64] AS last, buyer, len(buyers::INTEGER[]) AS members FROM trades"
    answers = [query(tmp_path / name, statement).to_pylist() for name in ("old", "new")]
    assert answers[0] == answers[1]
    assert all(row["first"] == row["buyer"] and row["members"] == 64 for row in answers[1])
    assert audit(tmp_path / "old").sound
    kinds = [read_part(log.folder, "trades", 0).schema.field("buyers").type for log in (old, new)]
    assert kinds[0] == kinds[1]
