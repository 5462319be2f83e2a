"""Reading a log: its views agree with the ledger, and what is damaged or missing is named."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from logged_runs import CASES, LAKE
from tiny_envs import Walk

import marketic
from marketic import Chain, Individuals, Market
from marketic.errors import CorruptFile, InputError
from marketic.events import audit, open_log, query
from marketic.events.manifest import Manifest, link
from marketic.events.parts import path_of, read_part
from marketic.events.schema import TABLES
from marketic.ledger import Ledger
from marketic.mechanisms import SecondPrice
from marketic.run import resume, train
from marketic.run_config import RunConfig


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


class Restless:
    """Bids anything, acts at random."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def bid(self, observation):
        return float(self.rng.normal(1.0, 1.0))

    def act(self, observation):
        return int(self.rng.integers(2))

    def learn(self, trade):
        pass


@pytest.mark.parametrize("royalty", [0.0, 0.55, 0.1 + 0.2])
@pytest.mark.parametrize("discount", [0.7, 0.55, 0.35, 0.99])
def test_what_views_derive_from_the_terms_is_rounded_as_the_ledger_does(discount, royalty, tmp_path):
    """A product such as 0.7 * 85 lies just below 59.5 in float64, on it in decimals: a tick apart when rounded."""
    chain = Chain(SecondPrice(), discount=discount, royalty=royalty)
    market = Market(Walk(3), Individuals([Restless(k) for k in range(3)]), chain, seed=0, ledger=Ledger(tick=2.0**-6))
    market.log_to(tmp_path, "everything").learn(600)
    assert market.events.trades
    statement = "SELECT sum(withheld_ticks) w, sum(subsidy_ticks) s, sum(royalty_ticks) r FROM trades"
    (row,) = query(tmp_path, statement).to_pylist()
    flows = dict(zip(marketic.ledger.MEMOS, market.ledger.flows.tolist(), strict=True))
    (put_aside,) = query(
        tmp_path, "SELECT coalesce(sum(ticks), 0) t FROM transfers WHERE memo = 'royalty' AND payee = 1"
    ).to_pylist()
    assert (int(row["w"]), int(row["s"])) == (flows["discount"], flows["subsidy"] + flows["buyback"])
    assert int(row["r"]) == int(put_aside["t"])


@pytest.mark.parametrize("tick", [0.25, 0.3, 1e-7, 2.0**-20, 3.0])
def test_money_is_float64_whatever_the_tick(tick, tmp_path):
    market = Market(Walk(3), Individuals([Restless(0), Restless(1)]), SecondPrice(), seed=0, ledger=Ledger(tick=tick))
    market.log_to(tmp_path, "everything").learn(50)
    assert market.events.trades
    for name in ("trades", "accounts", "transfers", "bids"):
        answer = query(tmp_path, f"SELECT * FROM {name}")
        money = [
            column for column in answer.column_names if f"{column}_ticks" in answer.column_names or column == "amount"
        ]
        assert money
        assert {str(answer.schema.field(column).type) for column in money} == {"double"}
        for column in money:
            ticks = answer.column("ticks" if column == "amount" else f"{column}_ticks").to_numpy()
            assert (answer.column(column).to_numpy() == ticks * tick).all()


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


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 42) TO '{file}' (USE_TMP_FILE false)",
        "EXPLAIN ANALYZE COPY (SELECT 42) TO '{file}' (USE_TMP_FILE false)",
        "WITH x AS (COPY (SELECT 42) TO '{file}' (USE_TMP_FILE false)) SELECT * FROM x",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM glob('{file}')",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x')",
        "ATTACH '{file}.db'",
        "INSTALL httpfs",
    ],
)
def test_a_query_touches_no_file(run, statement, tmp_path):
    """A statement that begins like one that reads may write: EXPLAIN ANALYZE does what it explains, and so does WITH."""
    for file in (tmp_path / "new.csv", path_of(open_log(run).folder, "trades", 0)):
        before = file.read_bytes() if file.exists() else None
        with pytest.raises(InputError, match="DuckDB refuses"):
            query(run, statement.format(file=file))
        assert (file.read_bytes() if file.exists() else None) == before
        assert not list(file.parent.glob("*.db"))


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
    with pytest.raises(InputError, match=r"part-00001.parquet.*marketic audit says which parts are sound"):
        query(folder, "SELECT max(price) FROM trades")
    with pytest.raises(CorruptFile, match=r"part-00001.parquet is damaged"):
        log.to_arrow("trades")
    part.unlink()
    with pytest.raises(InputError, match=r"part that cannot be read .*marketic audit"):
        query(folder, "SELECT max(price) FROM trades")
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
