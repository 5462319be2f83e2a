"""The live page as its viewer uses it: windows, clicks on agents and arrows, play, and the stage."""

import re

import numpy as np
import pytest
from seeing_runs import trained

from marketic.dashboard.feed import Feed
from marketic.events import open_log
from marketic.graph import graph_of
from marketic.run import train
from marketic.run_config import RunConfig

pytest.importorskip("bokeh", reason="no Bokeh: pip install 'marketic[dashboard]'")
from bokeh.document import Document

from marketic.dashboard.books import Books
from marketic.dashboard.page import Page


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("lake") / "run")


@pytest.fixture
def page(lake):
    feed = Feed(lake)
    return Page(Document(), feed, Books(feed))


def test_page_shows_the_newest_window_and_steps_back(page, lake):
    assert page.span[1] == page.feed.steps == 3000
    page._step(-1)
    assert not page.live.active
    first, last = page.span
    assert last == 3000 - page.width
    table = open_log(lake).to_arrow("trades", ["step", "kind", "paid"], steps=(first, last))
    sales = table.column("kind").to_numpy() == 1
    assert f'data-figure="window-sales" data-value="{sales.sum()}"' in page.told.text
    paid = float(re.search(r'window-paid" data-value="([^"]+)"', page.told.text)[1])
    assert paid == pytest.approx(table.column("paid").to_numpy()[sales].sum() * open_log(lake).tick)
    page.slider.value = 0
    assert page.span == (0, page.width)


def test_click_tells_an_agents_program_and_trades(page):
    nodes = page.sources["nodes"].data
    page.sources["nodes"].selected.indices = [0]
    account = int(nodes["account"][0])
    assert re.search(
        rf"<b>agent {account - 2}</b>: in state \d+ \(row \d, column \d\): \w+, bids ", page.details.text.text
    )
    ledger = page.sources["ledger"].data
    assert len(ledger["step"])
    assert all(f"agent {account - 2}" in pair for pair in zip(ledger["buyer"], ledger["seller"], strict=True))


def test_click_tells_the_parents_of_families_with_seats(tmp_path):
    """Their lineages are in the log's table `genealogy`; `agents` knows seats alone, which have no parents."""
    options = {"births": 0.5, "slots": 60, "few": 2}
    train(RunConfig("marketic/Multiplexer-v0", agents="programs", steps=1500, seed=0, log="trades", options=options),
          tmp_path / "run")  # fmt: skip
    feed = Feed(tmp_path / "run")
    page, graph = Page(Document(), feed, Books(feed)), graph_of(feed.log, members=True)
    parents = {account: facts.parents for account, facts in graph.facts.items() if facts.parents}
    assert parents
    for account, names in parents.items():
        assert page.details._family(account)[0] == ", ".join(names)
    children = {child for account in graph.facts for child in page.details._family(account)[1]}
    assert children >= {f"agent {a - 2}" for a, names in parents.items() if names[0].startswith("agent ")}


def test_the_page_says_when_a_window_holds_more_sales_than_it_counts(page, monkeypatch):
    monkeypatch.setattr("marketic.dashboard.feed.MOST_SALES", 10)
    page.show(0)
    assert "These are the newest 10 sales of the window: it has more." in page.told.text
    monkeypatch.undo()
    page.show(0)
    assert "newest" not in page.told.text


def test_click_on_an_arrow_tells_its_trades(page):
    edges = page.sources["edges"].data
    page.sources["edges"].selected.indices = [0]
    count = int(edges["count"][0])
    assert f"for {count:,} right" in page.details.text.text
    assert len(page.sources["ledger"].data["step"]) == min(count, 60)


def test_play_walks_to_the_end(page):
    page.show(page._last - 2)
    page.play.active = True
    for _ in range(3):
        page._tick()
    assert page.window == page._last
    assert not page.play.active


def test_stage_plays_the_environment(page):
    page.stage.start()
    page.stage.tick()
    assert page.sources["frame"].data["image"][0].dtype == np.uint32
    assert "bids" in page.stage.text.text
