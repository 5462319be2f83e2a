"""The price map through time: its figures are the log's, read back from the page."""

import itertools
import json
import re

import numpy as np
import pytest
from seeing_runs import trained

from marketic.events import query
from marketic.report import write_report
from marketic.reporting.map_over_time import WINDOWS
from marketic.storage import load


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("lake") / "run")


def drawn(page):
    """What the page's script reads."""
    return json.loads(re.search(r'class="map-time">.*?<script type="application/json">(.*?)</script>', page, re.S)[1])


def test_cells_hold_the_mean_price_of_their_sales(lake, tmp_path):
    text = write_report([lake], tmp_path / "r.html", episodes=0).read_text()
    assert len(text) < 3_000_000
    windows = drawn(text)["windows"]
    assert len(windows) == WINDOWS
    market = load(lake / "final.market")
    bidders, first = market.population.n_bidders, int(market.accounts[0])
    seen = 0
    for window in (windows[0], windows[5], windows[-1]):
        rows = query(
            lake,
            f"SELECT (buyer - {first}) // {bidders} AS cell, avg(price) AS price FROM trades WHERE event = 'sale' "
            f"AND step >= {window['first']} AND step < {window['last']} GROUP BY cell",
        ).to_pylist()
        new = {int(cell): facts[1] for cell, facts in window["cells"].items() if facts[3]}
        assert new == pytest.approx({row["cell"]: row["price"] for row in rows}, abs=1e-8)
        seen += len(new)
    assert seen > 10
    for before, after in itertools.pairwise(windows):  # what was known stays, faded
        assert set(before["cells"]) <= set(after["cells"])
        stale = [cell for cell, facts in after["cells"].items() if not facts[3]]
        assert all(after["cells"][cell][:3] == before["cells"][cell][:3] for cell in stale)


def test_moves_are_those_sold_most(lake, tmp_path):
    data = drawn(write_report([lake], tmp_path / "r.html", episodes=0).read_text())
    market = load(lake / "final.market")
    last = data["windows"][-1]
    sales = query(
        lake,
        f"SELECT (buyer - {int(market.accounts[0])}) // {market.population.n_bidders} AS cell, bidder FROM trades "
        f"WHERE event = 'sale' AND step >= {last['first']} AND step < {last['last']}",
    ).to_pylist()
    for cell in {row["cell"] for row in sales}:
        moves = [row["bidder"] // getattr(market.population, "clones", 1) for row in sales if row["cell"] == cell]
        assert last["cells"][str(cell)][2] == int(np.bincount(moves).argmax())
    assert len(set(data["turns"])) == 4


def test_tasks_without_a_map_have_no_slider(tmp_path):
    pole = trained(tmp_path / "pole", "CartPole-v1", 1000)
    assert 'class="map-time"' not in write_report([pole], tmp_path / "r.html", episodes=0).read_text()
