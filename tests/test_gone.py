"""Agents that have left: the log keeps their rules, and who shows agents shows them."""

import pytest
from seeing_runs import hand_run
from tiny_envs import Walk

from marketic.dashboard.books import Books
from marketic.dashboard.feed import Feed
from marketic.events import audit, open_log, query
from marketic.graph.from_log import programs_of_the_gone
from marketic.individuals import Individuals
from marketic.market import Market
from marketic.mechanisms import SecondPrice
from marketic.metrics import COLUMNS
from marketic.metrics import write_part as write_metrics
from marketic.report import write_report
from marketic.reporting.history import read_history
from marketic.selection import Selection


class Told:
    """Bids the same for ever, and says so."""

    def __init__(self, price, breaks=False):
        self.price, self.breaks = price, breaks

    def bid(self, observation):
        return self.price

    def act(self, observation):
        return 0

    def learn(self, trade):
        pass

    def __str__(self):
        if self.breaks:
            raise RuntimeError("no words")
        return f"always bids {self.price}"


def market_with_exits(folder, level, breaks=False):
    def enter(market, rng):
        return [Told(float(rng.integers(1, 5)), breaks)] if market.episodes % 3 == 0 else []

    selection = Selection(rent=0.25, stop_loss=-3.0, entrants=enter, endowment=2.0)
    market = Market(Walk(3), Individuals([Told(3.0), Told(2.0)]), SecondPrice(), selection=selection, seed=0)
    return market.log_to(folder / "events", level).learn(200)


@pytest.mark.parametrize("level", ["trades", "everything"])
def test_the_rules_of_agents_that_left_are_kept(level, tmp_path):
    market = market_with_exits(tmp_path, level)
    log = market.events
    rows = log.to_arrow("agents").to_pylist()
    assert {row["program"] for row in rows if row["event"] == "entry"} == {""}
    left = {row["account"]: row["program"] for row in rows if row["event"] == "exit"}
    assert len(left) > 5
    assert set(left.values()) <= {f"always bids {price:.1f}" for price in range(1, 5)}
    assert programs_of_the_gone(log) == left
    first = query(tmp_path, "SELECT program FROM agents WHERE event = 'exit' ORDER BY trade, account LIMIT 1")
    assert first.to_pylist() == [{"program": next(iter(left.values()))}]
    bids = query(
        tmp_path, "SELECT DISTINCT buyer, bid FROM trades JOIN agents ON buyer = account AND agents.event = 'exit'"
    )
    said = {row["buyer"]: f"always bids {row['bid']}" for row in bids.to_pylist()}
    assert said
    assert all(left[account] == words for account, words in said.items())
    assert audit(tmp_path).sound


def test_summaries_and_agents_without_words_leave_nothing(tmp_path):
    assert programs_of_the_gone(market_with_exits(tmp_path / "summary", "summary").events) == {}
    market = market_with_exits(tmp_path / "broken", "trades", breaks=True)
    assert set(programs_of_the_gone(market.events).values()) <= {"always bids 3.0", "always bids 2.0"}


def test_page_and_report_show_them(tmp_path):
    market = market_with_exits(tmp_path, "trades")
    account, words = next(iter(programs_of_the_gone(market.events).items()))
    (tmp_path / "config.toml").write_text('env = "walk"\nsteps = 200\nseed = 0\n')
    feed = Feed(tmp_path)
    assert Books(feed).program(account) == f"{words} (has left the market)"
    (tmp_path / "metrics").mkdir()
    row = {name: [0.0] for name in COLUMNS} | {"step": [200]}
    write_metrics(tmp_path / "metrics/part-00000.parquet", row)
    assert "(has left the market)" in write_report([tmp_path], tmp_path / "r.html", episodes=0).read_text()


def test_logs_from_before_the_column_can_be_read(tmp_path, monkeypatch):
    import marketic.events.parts as parts

    older = {name: tuple(c for c in columns if c.default is None) for name, columns in parts.TABLES.items()}
    with monkeypatch.context() as past:
        past.setattr(parts, "TABLES", older)
        run = hand_run(tmp_path / "run")
    log = open_log(run)
    assert log.to_arrow("agents", ["account", "program"]).to_pylist()[0] == {"account": 2, "program": ""}
    assert query(run, "SELECT DISTINCT program FROM agents").to_pylist() == [{"program": ""}]
    history = read_history(run)
    assert history is not None
    assert history.gone == {}
