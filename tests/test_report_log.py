"""The report's figures about trade are the log's, the drawing holds the same numbers, and damaged logs are refused."""

import json
import re

import numpy as np
import pytest
from seeing_runs import TICK, hand_run, trained
from test_report import Elements

from marketic.errors import InputError
from marketic.events import open_log
from marketic.graph import price_error
from marketic.report import write_report
from marketic.reporting.graph_view import WINDOWS, graph_card
from marketic.reporting.history import read_history
from marketic.run import train
from marketic.run_config import RunConfig
from marketic.storage import load
from marketic.words import NO_WORDS


def drawn(path) -> list[dict]:
    """The data behind each trade graph of a page."""
    text = path.read_text(encoding="utf-8")
    found = [json.loads(data) for data in re.findall(r'<script type="application/json">(.*?)</script>', text)]
    return [data for data in found if "nodes" in data]


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    run = hand_run(tmp_path_factory.mktemp("hand") / "run")
    return run, write_report([run], run / "report.html", episodes=0)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    run = trained(tmp_path_factory.mktemp("lake") / "run")
    return run, write_report([run], run / "report.html", episodes=1)


def test_figures_of_a_run_known_by_hand(by_hand):
    page = Elements(by_hand[1])
    assert page.figure("sales") == 5
    assert page.figure("volume") == 10.0
    assert (page.figure("births"), page.figure("deaths")) == (1, 0)


def test_drawing_of_a_run_known_by_hand(by_hand):
    (data,) = drawn(by_hand[1])
    assert [node["account"] for node in data["nodes"]] == [2, 3, 4]
    frames = data["windows"]
    assert [(f["first"], f["last"], f["sales"], f["volume"]) for f in frames] == [
        (0, 1, 1, 1.0), (1, 2, 1, 1.5), (2, 3, 1, 2.5), (3, 4, 1, 2.0), (4, 5, 1, 3.0), (5, 6, 0, 0),
    ]  # fmt: skip
    assert [f["edges"] for f in frames] == [[], [[1, 0, 1.5, 1]], [[2, 1, 2.5, 1]], [], [[1, 0, 3.0, 1]], []]
    assert frames[2]["size"] == [-1.0, 1.0, 2.5]  # balances after 3 steps, in currency
    assert frames[5]["size"] == [0.5, 2.5, 2.5]


def test_drawing_of_a_trained_run_adds_up_to_its_log(lake):
    run, path = lake
    table = open_log(run).to_arrow("trades", ["step", "kind", "paid"])
    step, kind, paid = (table.column(name).to_numpy() for name in ("step", "kind", "paid"))
    (data,) = drawn(path)
    assert len(data["windows"]) == WINDOWS
    tick = open_log(run).tick
    for frame in data["windows"]:
        inside = (kind == 1) & (step >= frame["first"]) & (step < frame["last"])
        assert frame["sales"] == inside.sum()
        assert frame["volume"] == pytest.approx(paid[inside].sum() * tick)
    assert sum(frame["sales"] for frame in data["windows"]) == (kind == 1).sum() == Elements(path).figure("sales")
    assert all(re.match(r"in state \d+ \(row \d, column \d\): \w+, bids ", node["program"]) for node in data["nodes"])


def test_truth_is_shown_where_it_is_known(lake):
    run, path = lake
    error = price_error(load(run / "final.market"))
    page = Elements(path)
    assert page.figure("value-error-mean") == pytest.approx(error.mean)
    assert page.figure("value-error-largest") == pytest.approx(error.largest)
    assert page.figure("value-states") == len(error.state)


@pytest.mark.parametrize("which", ["by_hand", "lake"])
def test_pages_with_scripts_load_nothing(which, request):
    path = request.getfixturevalue(which)[1]
    text = path.read_text(encoding="utf-8")
    assert len(text) < 3_000_000
    tags = {tag for tag, _ in Elements(path).found}
    assert not tags & {"link", "img", "iframe", "object", "embed"}
    assert not any({"src", "srcset", "xlink:href"} & set(attributes) for _, attributes in Elements(path).found)
    for forbidden in ("http", "@import", "fetch(", "XMLHttpRequest", "import(", "nan,", "NaN"):
        assert forbidden not in text, forbidden
    assert set(re.findall(r"url\((.*?)\)", text)) <= {"#'+data.arrow+'"}


def test_words_of_agents_cannot_become_code(lake):
    history = read_history(lake[0])
    words = type(NO_WORDS)(moves=("</script><b>left",) * 4)
    market = load(lake[0] / "final.market")
    card = graph_card(market, history, words, 0)
    market.env.close()
    assert "</script><b>" not in card
    assert "\\u003c/script>\\u003cb>left" in card


def test_summary_logs_have_no_graph_but_wealth(tmp_path):
    run = trained(tmp_path / "run", steps=2000, log="summary")
    page = Elements(write_report([run], tmp_path / "report.html", episodes=0))
    names = page.with_("data-series")
    assert "Gini coefficient of wealth" in names
    assert not drawn(tmp_path / "report.html")


def test_run_without_a_log_says_how_to_keep_one(tmp_path):
    run = trained(tmp_path / "run", steps=300, log="off")
    assert "--log trades" in write_report([run], tmp_path / "report.html", episodes=0).read_text(encoding="utf-8")


def test_half_written_last_line_is_passed_over_and_said(tmp_path):
    run = hand_run(tmp_path / "run")
    with open(run / "events/manifest.jsonl", "a") as file:
        file.write('{"part": 2, "st')
    path = write_report([run], tmp_path / "report.html", episodes=0)
    assert Elements(path).figure("sales") == 5
    assert "half-written" in path.read_text(encoding="utf-8")


def _other_version(run):
    manifest = run / "events/manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 99'))


BROKEN = {
    "schema version 99": _other_version,
    "is damaged": lambda run: (run / "events/trades/part-00001.parquet").write_bytes(b"PAR1 half"),
    "is missing": lambda run: (run / "events/trades/part-00000.parquet").unlink(),
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_damaged_logs_are_refused_with_a_sentence(tmp_path, sentence):
    run = hand_run(tmp_path / "run")
    BROKEN[sentence](run)
    with pytest.raises(InputError, match=sentence):
        write_report([run], tmp_path / "report.html", episodes=0)
    assert not (tmp_path / "report.html").exists()


def test_ticks_become_currency(by_hand):
    history = read_history(by_hand[0])
    assert history.trades.price.tolist() == [4 * TICK, 8 * TICK, 12 * TICK, 8 * TICK, 12 * TICK]
    assert np.array_equal(
        history.wealth(3)[1], [-1.0, 1.0, 2.5, 0.0]
    )  # the last entered at step 2, and has nothing yet


def test_births_and_deaths_on_seats_are_counted(tmp_path):
    """Programs breed on a fixed number of seats, whose accounts never enter or leave: the page once said that none was born."""
    run = tmp_path / "run"
    options = {"births": 0.5, "slots": 60, "few": 2}
    train(
        RunConfig("marketic/Multiplexer-v0", agents="programs", steps=1500, seed=0, log="trades", options=options), run
    )
    rows = open_log(run).to_arrow("genealogy", ["uid", "born", "died"]).to_pylist()
    born = {row["uid"] for row in rows if row["born"] > 0}
    died = {row["uid"] for row in rows if row["died"] != -1}
    history = read_history(run)
    assert (len(history.births), len(history.deaths)) == (len(born), len(died))
    assert born
    assert history.births.max() <= 1500
    page = write_report([run], run / "report.html", episodes=0).read_text()
    assert f'data-figure="births" data-value="{float(len(born))}"' in page
    assert "who was born and forgotten between two snapshots is not counted" in page
