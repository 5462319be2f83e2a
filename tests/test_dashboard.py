"""The live page without a browser: it follows a folder that it only reads, shows the log's numbers, and stays small."""

import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
from seeing_runs import HEADER, add_part, hand_run, trained

from marketic.dashboard.feed import MOST_PARTS, MOST_POINTS, Feed, thin
from marketic.dashboard.scenes import Layout, frame_width, graph_columns, ledger_columns, window_figures
from marketic.errors import InputError
from marketic.events.manifest import Manifest
from marketic.reporting.plots import PLOTS, save_plot
from marketic.run import train
from marketic.run_config import RunConfig


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("lake") / "run")


@pytest.fixture
def run(tmp_path):
    return hand_run(tmp_path / "run")


def contents(folder):
    """All files of a folder with their bytes and times of change."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_feed_reads_what_was_written_and_writes_nothing(run):
    before = contents(run)
    feed = Feed(run)
    assert (feed.steps, feed.finished, feed.config["env"]) == (6, False, "by-hand-v0")
    assert window_figures(feed.sales(0, 3)) == {"sales": 3, "paid": 5.0, "mean_price": 2.0, "reward": 5.0, "agents": 3}
    assert feed.sales(3, 6).paid.tolist() == [2.0, 3.0]
    assert [part.tolist() for part in feed.wealth(3)] == [[2, 3, 4, 5], [-1.0, 1.0, 2.5, 0.0]]  # 5 entered at step 2
    assert [part.tolist() for part in feed.wealth(6)] == [[2, 3, 4, 5], [0.5, 2.5, 2.5, 0.0]]
    assert contents(run) == before


def test_feed_grows_with_the_log_and_starts_again_with_a_new_one(run):
    feed = Feed(run)
    assert not feed.refresh()
    manifest = Manifest.read(run / "events")
    add_part(manifest, [(6, 2, 1, 0, 1, 4, 8, 8, 0)], 7, 9, {})
    assert feed.refresh()
    assert (feed.steps, len(feed.sales(0, 9)), feed.sales(6, 9).buyer.tolist()) == (9, 6, [4])
    Manifest.read(run / "events").truncate(1)
    assert feed.refresh()
    assert len(feed.sales(0, 9)) == 3


def test_nodes_and_edges_are_the_logs(run):
    feed = Feed(run)
    nodes, edges = graph_columns(feed.sales(0, 6), feed.wealth(6), Layout())
    assert sorted(nodes["account"].tolist()) == [2, 3, 4]
    assert dict(zip(nodes["account"].tolist(), nodes["wealth"].tolist(), strict=True)) == {2: 0.5, 3: 2.5, 4: 2.5}
    found = zip(*(edges[name].tolist() for name in ("payer", "payee", "volume", "count")), strict=True)
    assert set(found) == {(3, 2, 4.5, 2), (4, 3, 2.5, 1)}
    ledger = ledger_columns(feed.sales(0, 6), 3)
    assert ledger["step"].tolist() == [4, 2, 1]
    assert ledger["paid"].tolist() == [3.0, 2.5, 1.5]
    assert ledger_columns(feed.sales(0, 6), 4, 3)["buyer"] == ["agent 2"]


def test_what_agents_pay_themselves_hides_nothing():
    """Where many owners keep their rights, all 150 arrows once went to loops, and the page said that nobody paid another."""
    from marketic.graph.trades import Trades

    many = np.arange(400)
    keep = {"buyer": 2 + many, "seller": 2 + many, "price": np.full(400, 9.0)}
    pairs = {"buyer": np.array([2, 300]), "seller": np.array([399, 77]), "price": np.array([0.5, 0.25])}
    both = {name: np.concatenate([keep[name], pairs[name]]) for name in keep}
    nodes, edges = graph_columns(Trades.of(step=np.zeros(402), **both), (np.zeros(0), np.zeros(0)), Layout())
    drawn = set(zip(edges["payer"].tolist(), edges["payee"].tolist(), strict=True))
    assert drawn == {(2, 399), (300, 77)}
    assert {2, 399, 300, 77} <= set(nodes["account"].tolist())
    assert dict(zip(nodes["account"].tolist(), nodes["spent"].tolist(), strict=True))[2] == 9.5


def test_places_stay(run):
    feed, layout = Feed(run), Layout()
    first, _ = graph_columns(feed.sales(0, 2), feed.wealth(3), layout)
    where = dict(zip(first["account"].tolist(), zip(first["x"], first["y"], strict=True), strict=True))
    again, _ = graph_columns(feed.sales(0, 6), feed.wealth(6), layout)
    for account, x, y in zip(again["account"].tolist(), again["x"], again["y"], strict=True):
        assert where.get(account, (x, y)) == (x, y)


def test_an_hour_at_a_thousand_events_a_second_does_not_grow(tmp_path):
    """60 parts of 60,000 sales, watched as they come; later parts may take no more room than the first ones did."""
    run = hand_run(tmp_path / "run")
    for file in (run / "events").rglob("part-*"):
        file.unlink()
    manifest = Manifest.create(run / "events", HEADER)
    rng, size = np.random.default_rng(0), 60_000
    feed, layout, memory = Feed(run), Layout(), []
    for number in range(60):
        buyer = rng.integers(2, 500, size)
        step = number * size + np.arange(size)
        rows = np.stack(
            [step, step // 50, np.ones(size), np.zeros(size), np.roll(buyer, 1), buyer, buyer, buyer, buyer]
        )
        _whole_part(manifest, rows.astype(int), number * size, int(step[-1]))
        assert feed.refresh()
        graph_columns(feed.sales(int(step[0]), int(step[-1]) + 1), feed.wealth(int(step[-1])), layout)
        memory.append(_resident())
    assert len(feed.parts) == 60
    assert len(feed._parts) <= MOST_PARTS
    assert memory[-1] - memory[14] < 30e6, "bytes that 45 more minutes took"
    assert memory[-1] - memory[0] < 150e6
    assert len(feed.sales(0, int(step[-1]) + 1)) <= 200_000 + size


def _whole_part(manifest, rows, first, step):
    """A large part, written as one array."""
    from marketic.events.parts import write_part
    from marketic.events.schema import TABLES

    names = ("step", "episode", "kind", "bidder", "seller", "buyer", "price", "paid", "reward")
    columns = dict(zip(names, rows, strict=True)) | {"trade": first + np.arange(rows.shape[1])}
    nothing = np.zeros(rows.shape[1], dtype=int)
    columns = {c.name: columns.get(c.name, nothing > 0 if c.kind == "bool" else nothing) for c in TABLES["trades"]}
    entry = write_part(manifest.folder, "trades", len(manifest.parts), columns)
    manifest.append({"step": step, "trades": first + rows.shape[1], "tables": {"trades": entry}})


def _resident() -> int:
    """Bytes of memory in use by this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_figures_are_thinned_and_keep_their_end():
    columns = {"step": np.arange(5000), "return_mean": np.arange(5000.0)}
    thinned = thin(columns)
    assert len(thinned["step"]) == MOST_POINTS
    assert thinned["return_mean"][-1] == 4999
    assert all(-(-steps // frame_width(steps)) <= 100 for steps in (1, 99, 101, 12_345, 10**7))


def test_port_in_use_is_refused(lake):
    pytest.importorskip("bokeh", reason="no Bokeh: pip install 'marketic[dashboard]'")
    from marketic.dashboard.server import open_server

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="in use"):
            open_server(lake, taken.getsockname()[1])


def test_without_bokeh_one_sentence(lake, monkeypatch):
    from marketic.dashboard.server import open_server

    monkeypatch.setitem(sys.modules, "bokeh.application", None)
    with pytest.raises(InputError, match=r"marketic\[dashboard\]"):
        open_server(lake)


@pytest.mark.parametrize("command", [["dashboard"], ["watch"], ["plot"], ["report"]])
def test_no_such_run_is_one_sentence_and_exit_2(command, tmp_path):
    line = [sys.executable, "-m", "marketic.cli", *command, str(tmp_path / "nowhere")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no run folder")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("what", PLOTS)
def test_plots_are_drawn_and_reproducible(lake, tmp_path, what):
    first = save_plot(lake, what, tmp_path / "a.svg").read_bytes()
    assert first == save_plot(lake, what, tmp_path / "b.svg").read_bytes()
    assert b"<svg" in first


def test_unknown_plots_are_refused(lake, tmp_path):
    with pytest.raises(InputError, match="wanted one of returns, prices"):
        save_plot(lake, "nonsense", tmp_path / "a.svg")
    with pytest.raises(InputError, match="svg"):
        save_plot(lake, "returns", tmp_path / "a.doc")


def test_a_damaged_part_is_named_on_the_page(tmp_path):
    """The page comes up, and says which part cannot be read, instead of failing with every click."""
    pytest.importorskip("bokeh")
    from bokeh.document import Document

    from marketic.dashboard.books import Books
    from marketic.dashboard.page import Page

    run = hand_run(tmp_path / "run")
    part = run / "events/trades/part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-50])
    feed = Feed(run)
    page = Page(Document(), feed, Books(feed))
    assert "part-00001.parquet is damaged" in page.told.text
    manifest = run / "events/manifest.jsonl"
    manifest.write_text("not JSON\n" + manifest.read_text())
    page.follow()
    assert "line 1 of" in page.head.text


def test_the_page_says_where_there_is_nothing_to_see(tmp_path):
    """No sale, no ended episode, no sale from one agent to another; and a run that is started afresh under its eyes."""
    from bokeh.document import Document

    from marketic.dashboard.books import Books
    from marketic.dashboard.page import Page

    def open_page(name, config):
        train(config, tmp_path / name)
        feed = Feed(tmp_path / name)
        return Page(Document(), feed, Books(feed))

    page = open_page("none", RunConfig("FrozenLake-v1", steps=0, seed=1, log="trades"))
    assert page.told.text == "Nothing was sold yet."
    assert [figure.title.text for figure in page.curves] == [
        "Return per episode, units of reward\nnothing was recorded yet",
        "Price error: |bid − worth|, units of reward\nnothing was recorded yet",
        "How wealth is shared, %\nno agent holds any",
    ]
    page = open_page("alone", RunConfig("marketic/Multiplexer-v0", agents="programs", steps=300, seed=1, log="trades"))
    assert "Nobody paid another agent." in page.told.text
    assert page.curves[0].title.text == "Return per episode, units of reward"
    shutil.rmtree(tmp_path / "alone/events")
    page.follow()
    assert "no event log in" in page.head.text
