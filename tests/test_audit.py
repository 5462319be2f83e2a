"""The audit: sound logs of every kind are proven, and every way of tampering is caught, with the first bad transfer named."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from forged_logs import POLE, forge, train_pole
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tiny_envs import Script, Walk
from typer.testing import CliRunner

import marketic
from marketic import Chain, Individuals, Market, Selection
from marketic.cli import app
from marketic.errors import InputError
from marketic.events import audit, open_log
from marketic.events.manifest import Manifest, link
from marketic.events.parts import path_of, read_part
from marketic.events.sql import query
from marketic.mechanisms import FirstPrice, SecondPrice
from marketic.mechanisms.all_pay import AllPay
from marketic.run import train
from marketic.run_folder import RunFolder
from marketic.storage import read_arrays, write_arrays


class Restless:
    """Bids at random, acts at random."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def bid(self, observation):
        return float(self.rng.normal(1.0, 1.0)) if self.rng.random() < 0.8 else None

    def act(self, observation):
        return int(self.rng.integers(2))

    def learn(self, trade):
        pass


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train_pole(tmp_path_factory.mktemp("audit") / "run")


@pytest.fixture
def copied(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "copy"))


def test_a_run_is_proven_from_reward_to_the_last_checkpoint(run):
    found = audit(run)
    assert found.sound
    assert found.trades == open_log(run).trades
    assert found.checkpoints == 3
    assert found.snapshots >= 2
    arrays, _ = read_arrays(RunFolder(run).final)
    flows = dict(zip(marketic.ledger.MEMOS, (arrays["ledger/flows"] * 2.0**-20).tolist(), strict=True))
    assert found.flows == flows
    assert found.world + found.house + found.agents == 0
    assert found.world == -flows["reward"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mechanism=st.sampled_from([FirstPrice, SecondPrice, AllPay]),
    credit=st.sampled_from(["bid", "payment"]),
    discount=st.sampled_from([0.0, 0.9, 1.0]),
    royalty=st.sampled_from([0.0, 0.3, 0.9]),
    level=st.sampled_from(["trades", "everything"]),
    rent=st.sampled_from([0.0, 0.1]),
    part_rows=st.sampled_from([7, 65_536]),
    seed=st.integers(0, 1_000),
)
@example(SecondPrice, "bid", 0.0, 0.0, "trades", 0.0, 7, 167)  # an agent was gone before the log began
def test_whatever_the_rules_the_books_close(
    tmp_path, mechanism, credit, discount, royalty, level, rent, part_rows, seed
):
    """Random bidders, novices where nobody bids, entries and bankruptcies under any chain of sales."""
    selection = Selection(
        rent=rent,
        tax=rent / 2,
        stop_loss=-2.0,
        entrants=lambda market, rng: [Restless(int(rng.integers(99)))] if rng.random() < 0.3 else [],
        endowment=0.3,
    )
    chain = Chain(mechanism(), credit=credit, discount=discount, royalty=royalty)
    agents = Individuals([Restless(seed + k) for k in range(3)])
    market = Market(Script([0.5, -1.0, 2.25]), agents, chain, selection=selection, seed=seed)
    market.learn(5)  # a log may start late
    market.log_to(tmp_path, level, snapshot_every=20)
    market.log.part_rows = part_rows
    market.learn(30)
    market.learn(25)
    assert market.events.trades
    found = audit(tmp_path)
    assert found.problems == []
    assert found.flows == dict(zip(marketic.ledger.MEMOS, (market.ledger.flows * 2.0**-20).tolist(), strict=True))
    assert found.house == market.ledger.balance[1] * 2.0**-20
    assert found.notes == ["there is no checkpoint to compare the final balances with"]


def edit(column, place, by):
    def change(columns):
        columns[column][place] += by

    return change


@pytest.mark.parametrize(("column", "by"), [("price", 1_000), ("paid", 1), ("reward", 1), ("check", 1)], ids=str)
def test_an_altered_amount_is_found_at_its_trade(copied, column, by):
    """A price by more than rounding hides: of this royalty, two fifths of a price change hands, in whole ticks."""
    trade = int(read_part(copied / "events", "trades", 1).column("trade")[40].as_py())
    forge(copied, 1, edit(column, 40, by))
    found = audit(copied)
    assert len(found.problems) == 1
    assert f"trade {trade} (step " in found.problems[0]
    assert "does not leave the balances that were logged" in found.problems[0]


def test_a_payment_redirected_to_another_agent_is_found(copied):
    def swap(columns):
        columns["buyers"][40, 3] = columns["buyers"][41, 3] + 2

    forge(copied, 1, swap)
    (problem,) = audit(copied).problems
    assert "trade" in problem


def test_another_seller_is_found(copied):
    forge(copied, 1, edit("seller", 40, 1))
    (problem,) = audit(copied).problems
    assert "sold the right, but account" in problem


def test_an_unknown_account_and_a_double_end_are_found(copied):
    def stranger(columns):
        columns["buyer"][40] = columns["buyers"][40, 0] = 10**6

    forge(copied, 1, stranger)
    assert "an account that was never opened" in audit(copied).problems[0]


def test_reordered_trades_are_found(copied):
    def swap(columns):
        for name, values in columns.items():
            if name != "trade":
                values[[40, 41]] = values[[41, 40]]

    forge(copied, 1, swap)
    assert len(audit(copied).problems) == 1


def test_a_forged_snapshot_is_found(copied):
    number = next(p["part"] for p in open_log(copied).parts if "accounts" in p["tables"])
    forge(copied, number, edit("balance", 5, 1), name="accounts")
    assert f"by the snapshot of part {number}" in audit(copied).problems[0]


def test_a_forged_checkpoint_is_found(copied):
    path = RunFolder(copied).steps()[-1]
    arrays, config = read_arrays(path)
    arrays["ledger/balance"][[1, 5]] += [-7, 7]
    write_arrays(path, arrays, config)
    (problem,) = audit(copied).problems
    assert f"by {path.name}" in problem


def test_altered_bytes_are_found_without_any_replay(copied):
    path = path_of(
        copied / "events", "prices", next(p["part"] for p in open_log(copied).parts if "prices" in p["tables"])
    )
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    (problem,) = audit(copied).problems
    assert "is not the file that was written" in problem


def test_a_rewritten_log_does_not_fit_its_checkpoints(copied):
    """Even a forger who keeps all balances has another chain than the checkpoints hold."""
    manifest = Manifest.read(copied / "events")
    manifest.parts[0]["step"] += 1
    before = manifest.header["chain"]
    for part in manifest.parts:
        part["chain"] = before = link(before, part)
    manifest._rewrite()
    assert any("holds another link than part" in problem for problem in audit(copied).problems)


def test_the_final_market_must_be_the_one_that_the_log_ends_with(copied):
    shutil.copy(copied / "checkpoints" / sorted(os.listdir(copied / "checkpoints"))[-2], copied / "final.market")
    found = audit(copied)
    assert len(found.problems) == 1
    assert "final.market says that" in found.problems[0] or "by final.market" in found.problems[0]


@pytest.mark.parametrize("name", ["checkpoints/step-*.market", "final.market"])
def test_a_market_that_cannot_be_read_is_no_fault_of_the_log_but_noted(copied, name):
    path = sorted(copied.glob(name))[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = audit(copied)
    assert found.sound
    assert any(note.startswith(f"{path.name} was not compared: ") for note in found.notes)


def test_a_journal_that_says_otherwise_is_found(tmp_path):
    market = Market(Walk(3), Individuals([Restless(0), Restless(1)]), SecondPrice(), seed=0)
    market.log_to(tmp_path / "events", "everything")
    market.learn(60)
    assert market.events.trades
    assert audit(tmp_path).sound
    forge(tmp_path, 0, edit("ticks", 3, 1), name="transfers")
    (problem,) = audit(tmp_path).problems
    assert "the journal says" in problem


def test_an_exit_that_leaves_money_behind_is_found(tmp_path):
    selection = Selection(rent=0.5, stop_loss=-1.0)
    agents = Individuals([Restless(k) for k in range(4)])
    market = Market(Walk(3), agents, SecondPrice(), selection=selection, seed=0).log_to(tmp_path / "events")
    market.learn(60)
    table = market.events.to_arrow("transfers").to_pylist()
    place = next(k for k, row in enumerate(table) if row["memo"] == "exit")
    forge(tmp_path, 0, edit("ticks", place, 1), name="transfers")
    (problem,) = audit(tmp_path).problems
    assert "its exit did not settle it" in problem


def test_a_run_cut_short_is_sound_so_far(copied):
    """Parts that are newer than the last checkpoint are no fault; they are named."""
    RunFolder(copied).steps()[-1].unlink()
    found = audit(copied)
    assert found.sound
    assert any("newer than the last checkpoint" in note for note in found.notes)


def test_a_summary_cannot_be_audited(tmp_path):
    train(replace(POLE, log="summary", steps=400), tmp_path / "run")
    with pytest.raises(InputError, match="a summary, without trades"):
        audit(tmp_path / "run")


def test_exit_statuses_and_json(run, copied, tmp_path):
    tell = CliRunner()
    good = tell.invoke(app, ["audit", str(run), "--json"])
    assert good.exit_code == 0
    assert json.loads(good.stdout.splitlines()[-1])["sound"] is True
    forge(copied, 1, edit("paid", 40, 5))
    bad = tell.invoke(app, ["audit", str(copied)])
    assert bad.exit_code == 1
    assert "NOT SOUND: trade" in bad.stderr
    assert isinstance(tell.invoke(app, ["audit", str(tmp_path / "nowhere")]).exception, InputError)
    answer = tell.invoke(app, ["query", str(run), "SELECT count(*) AS n FROM trades WHERE event = 'sale'", "--json"])
    assert json.loads(answer.stdout.splitlines()[-1]) == {"columns": ["n"], "rows": [{"n": 1_200}]}


@pytest.mark.parametrize("number", [0, 1])
def test_a_question_to_a_damaged_part_is_one_sentence(copied, number):
    pytest.importorskip("duckdb")
    part = path_of(copied / "events", "trades", number)
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
    with pytest.raises(InputError, match=f"part-0000{number}|cannot be read"):
        query(copied, "SELECT count(*) FROM trades")
