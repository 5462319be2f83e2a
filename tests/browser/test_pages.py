"""The report and the live page in a real browser: no error, no outside request, and the log's numbers on the screen."""

import subprocess
import sys
import time

import pytest
from seeing_runs import hand_run, trained

from marketic.dashboard.watch import write_replay
from marketic.events import open_log, query
from marketic.report import write_report
from marketic.reporting.page import SHOW, number

WINDOW = ("first", "last", "sales", "volume")


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("lake") / "FrozenLake", steps=6000)


@pytest.fixture(scope="module")
def report(lake):
    return write_report([lake], lake / "report.html", episodes=20)


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    run = hand_run(tmp_path_factory.mktemp("hand") / "run")
    write_report([run], run / "report.html", episodes=0)
    return run


def move_slider(page, value: int) -> None:
    """As a hand does: the browser's own event."""
    page.locator(".graph input").evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')) }", value)


def sales_between(run, first: float, last: float) -> tuple[int, float]:
    """Number of sales and currency paid at steps first to below last, by the log itself."""
    log = open_log(run)
    table = log.to_arrow("trades", ["step", "kind", "paid"], steps=(int(first), int(last)))
    sale = table.column("kind").to_numpy() == 1
    return int(sale.sum()), float(table.column("paid").to_numpy()[sale].sum()) * log.tick


def test_figures_on_the_screen_are_those_known_by_hand(watched, by_hand):
    one = watched()
    one.page.goto((by_hand / "report.html").as_uri())
    assert one.figure("sales") == 5
    assert one.figure("volume") == 10.0
    move_slider(one.page, 2)
    assert [one.figure(f"window-{name}") for name in WINDOW] == [2, 3, 1, 2.5]
    assert one.page.locator(".edge").count() == 1
    assert one.page.locator(".edge").get_attribute("data-volume") == "2.5"
    one.page.locator(".edge").dispatch_event("click", {"bubbles": True})
    assert one.page.locator(".told").inner_text() == "agent 2 paid agent 1 2.5 for 1 right, 2.5 each."


def test_slider_moves_the_graph(watched, lake, report):
    one = watched()
    one.page.goto(report.as_uri())
    seen = set()
    for value in (0, 11, 23):
        move_slider(one.page, value)
        first, last, sales, volume = (one.figure(f"window-{name}") for name in WINDOW)
        assert (sales, pytest.approx(volume)) == sales_between(lake, first, last)
        seen.add(one.page.locator(".edges").inner_html())
    assert len(seen) == 3


def test_play_button_walks_through_time(watched, report):
    one = watched()
    one.page.goto(report.as_uri())
    one.page.locator(".graph").get_by_role("button", name="Play").click()
    one.page.wait_for_function("() => +document.querySelector('.graph input').value >= 2")
    one.page.locator(".graph").get_by_role("button", name="Pause").click()
    stopped = one.page.locator(".graph input").input_value()
    time.sleep(1)
    assert one.page.locator(".graph input").input_value() == stopped


def test_slider_of_the_map_walks_through_time(watched, lake, report, pictures):
    one = watched()
    one.page.goto(report.as_uri())
    slider = one.page.locator(".map-time input")
    seen = set()
    for value in (1, 12, 23):
        slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')) }", value)
        first, last = one.figure("map-first"), one.figure("map-last")
        cells = one.page.locator(".map-time .cell[data-value]:not(.old)")
        count = cells.count()
        there = query(
            lake,
            f"SELECT count(DISTINCT (buyer - 2) // 4) AS n, min(p) AS low FROM (SELECT *, avg(price) OVER (PARTITION BY "
            f"(buyer - 2) // 4) AS p FROM trades WHERE event = 'sale' AND step >= {first} AND step < {last})",
        ).to_pylist()[0]
        assert count == there["n"] > 0
        shown = [float(value) for value in cells.evaluate_all("es => es.map(e => e.dataset.value)")]
        assert min(shown) == pytest.approx(there["low"], abs=1e-8)
        assert one.page.locator(".map-time .price").first.text_content() != ""
        seen.add(one.page.locator(".map-time svg").first.inner_html())
    assert len(seen) == 3
    one.page.locator("section:has(.map-time)").screenshot(path=pictures / "map-over-time.png", timeout=90_000)


def test_numbers_read_the_same_in_page_and_script(watched):
    """Once the script wrote step 1,234 as 1,230."""
    one = watched()
    values = [0, 7, 999, 1234, 20001, 7667, 1234567, 1234.56, 16179.94, 0.01999, 0.5, -12.3456, -2875, 99999.6, 1e-3]
    shown = one.page.evaluate(f"values => {{ {SHOW} return values.map(v => show(v)) }}", values)
    assert shown == [number(value) for value in values]


def test_click_on_an_agent_shows_its_program(watched, report):
    one = watched()
    one.page.goto(report.as_uri())
    node = one.page.locator(".node:not(.faded)").first
    node.locator("circle").click()
    agent = int(node.get_attribute("data-account")) - 2
    told = one.page.locator(".told").inner_text()
    assert told.startswith(f"agent {agent}: in state ")
    assert ", bids " in told
    one.page.keyboard.press("Tab")
    one.page.keyboard.press("Enter")
    assert one.page.locator(".told").inner_text() != told


@pytest.mark.parametrize(("scheme", "width"), [("light", 1180), ("dark", 1180), ("light", 380)])
def test_report_renders_on_desk_and_phone(watched, report, pictures, scheme, width):
    one = watched(scheme=scheme, width=width)
    started = time.monotonic()
    one.page.goto(report.as_uri())
    one.page.wait_for_selector(".graph .edge")
    assert time.monotonic() - started < 30
    wide = one.page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= width, "nothing sticks out to the right"
    cut = one.page.evaluate("""() => [...document.querySelectorAll('.tile b, h3, .legend span, .node text')].filter(e =>
        e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map(e => e.textContent)""")
    assert cut == []
    name = f"report-{scheme}.png" if width > 600 else "report-phone.png"
    one.page.screenshot(path=pictures / name, timeout=90_000)
    one.page.locator("section:has(.graph)").screenshot(path=pictures / f"graph-{name}", timeout=90_000)


def test_replay_page_shows_the_auction_of_each_step(watched, lake, tmp_path, pictures):
    one = watched()
    one.page.goto(write_replay(lake, tmp_path / "watch.html", steps=30).as_uri())
    first = one.page.locator("tbody tr").first.inner_text()
    assert "pays the house" in first
    assert one.page.locator("tbody tr").count() == 4
    one.page.locator("input").evaluate("e => { e.value = 3; e.dispatchEvent(new Event('input')) }")
    assert "pays agent " in one.page.locator("tbody tr").first.inner_text()
    assert one.page.locator("img").evaluate("e => e.complete && e.naturalWidth > 100")
    one.page.screenshot(path=pictures / "watch.png", timeout=90_000)


def test_live_page_shows_the_log_and_answers_clicks(watched, serve, lake, pictures):
    pytest.importorskip("bokeh", reason="no Bokeh: pip install 'marketic[dashboard]'")
    one = watched(width=1280)
    one.page.goto(serve(lake))
    one.wait_for_bokeh()
    text = one.page.get_by_text("steps ").filter(has_text="sales by").first.inner_text()
    first, last = (float(word.replace(",", "")) for word in (text.split()[1], text.split()[3].rstrip(":")))
    assert (one.figure("window-sales"), pytest.approx(one.figure("window-paid"))) == sales_between(lake, first, last)
    nodes = one.source("nodes")
    x, y = one.page.evaluate(
        """k => { const d = Bokeh.documents[0], n = d.get_model_by_name('nodes').data, g = d.get_model_by_name('graph');
           const v = Bokeh.index.find_one(g), box = v.el.getBoundingClientRect();
           return [box.x + v.frame.x_scale.compute(n.x[k]), box.y + v.frame.y_scale.compute(n.y[k])] }""",
        0,
    )
    one.page.mouse.click(x, y)
    one.page.get_by_text(f"agent {nodes['account'][0] - 2}: in state").wait_for()
    assert len(one.source("ledger")["step"]) > 0
    before = one.source("edges")
    one.page.get_by_role("button", name="◀").click()
    there = "n => Bokeh.documents[0].get_model_by_name('time').value === n"
    one.page.wait_for_function(there, arg=int(first // (last - first)) - 1)
    assert one.source("edges") != before
    one.page.get_by_text("Watch the market play").click()
    one.page.get_by_text("return so far").wait_for()
    assert len(one.source("frame")["image"]) == 1
    one.page.screenshot(path=pictures / "dashboard.png", full_page=True, timeout=90_000)


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 400), ("dark", 400)])
def test_live_page_is_legible_in_the_dark_and_on_a_phone(watched, serve, lake, pictures, scheme, width):
    pytest.importorskip("bokeh", reason="no Bokeh: pip install 'marketic[dashboard]'")
    one = watched(scheme=scheme, width=width)
    one.page.goto(serve(lake))
    one.wait_for_bokeh()
    one.page.wait_for_timeout(1500)
    one.page.screenshot(path=pictures / f"dashboard-{scheme}-{width}.png", full_page=True, timeout=90_000)
    assert one.page.evaluate("() => document.documentElement.scrollWidth") <= width, "nothing sticks out to the right"


def test_sources_grow_while_a_training_runs(watched, serve, tmp_path):
    pytest.importorskip("bokeh", reason="no Bokeh: pip install 'marketic[dashboard]'")
    run = tmp_path / "run"
    command = [sys.executable, "-m", "marketic.cli", "train", "FrozenLake-v1", "--steps", "2000000", "--seed", "0", "--log",
               "trades", "--checkpoint-every", "1000", "--out", str(run), "--quiet"]  # fmt: skip
    training = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        one = watched()
        one.page.goto(serve(run))
        one.wait_for_bokeh()
        length = "() => Bokeh.documents[0].get_model_by_name('metrics').data.step.length"
        before = one.page.evaluate(length)
        one.page.wait_for_function(f"n => ({length})() > n && ({length})() > 3", arg=before)
        one.page.wait_for_function("() => Bokeh.documents[0].get_model_by_name('nodes').data.account.length > 0")
        assert training.poll() is None, "training goes on"
        assert one.page.get_by_text("running").count() == 1
    finally:
        training.terminate()
        training.wait(60)
