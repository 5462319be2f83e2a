"""Looking at large runs: how long a report takes, how fast its page opens, and what an hour of live page costs.

Command: marketic bench seeing [--quick] [--json]. The run is a real one: FrozenLake8x8, agents in a table, with its
trades logged. The report is written in a fresh process (its CPU time and largest resident memory, libraries included;
greedy episodes are left out: they belong to the task, not to the page). The page is opened in headless Chromium where
there is one: wall time until the trade graph is drawn, the best of 3. The live page is fed an hour of 1,000 sales a
second, a minute at a time.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from marketic.benchmarks.measure import fresh_python
from marketic.result import Row, result
from marketic.run import train
from marketic.run_config import RunConfig

TRADES, QUICK_TRADES = 1_000_000, 30_000
REPORT_SECONDS, REPORT_BYTES, OPEN_SECONDS, PAGE_BYTES, HOUR_BYTES = 20.0, 1e9, 5.0, 3e6, 150e6
REPORT = """
import resource, time
from pathlib import Path
from marketic.report import write_report
path = write_report([Path({folder!r})], Path({page!r}), episodes=0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(time.process_time())
"""
HOUR = """
import time
from marketic.benchmarks.seeing import hour
print(hour({folder!r}, {minutes}))
print(time.process_time())
"""


def run(quick: bool = False) -> dict[str, Any]:
    """Rows for `marketic bench seeing`. quick: a smaller run and fewer minutes; the bars stay."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder, page = Path(name) / "run", Path(name) / "report.html"
        trades = QUICK_TRADES if quick else TRADES
        config = RunConfig("FrozenLake8x8-v1", agents="tabular", steps=trades, seed=0, compiled=True, log="trades",
                           checkpoint_every=max(trades // 4, 10_000), record_every=max(trades // 100, 1000))  # fmt: skip
        train(config, folder)
        seconds, said = fresh_python(REPORT.format(folder=str(folder), page=str(page)))
        memory, size = float(said.splitlines()[-1]), page.stat().st_size
        rows = [
            Row(
                f"report of {trades:,} trades, CPU seconds",
                round(seconds, 2),
                f"<= {REPORT_SECONDS:g}",
                seconds <= REPORT_SECONDS,
            ),
            Row("its largest memory, MB", round(memory / 1e6), f"<= {REPORT_BYTES / 1e6:.0f}", memory <= REPORT_BYTES),
            Row("the page, MB", round(size / 1e6, 3), f"<= {PAGE_BYTES / 1e6:g}", size <= PAGE_BYTES),
        ]
        opened = open_page(page)
        if opened is not None:
            rows.append(
                Row(
                    "opening it in Chromium, wall seconds",
                    round(opened, 2),
                    f"<= {OPEN_SECONDS:g}",
                    opened <= OPEN_SECONDS,
                )
            )
        minutes = 6 if quick else 60
        _, said = fresh_python(HOUR.format(folder=str(Path(name) / "hour"), minutes=minutes))
        grown = float(said.splitlines()[-1])
        what = f"live page, {minutes} minutes at 1,000 sales a second: growth, MB"
        rows.append(Row(what, round(grown / 1e6, 1), f"<= {HOUR_BYTES / 1e6:.0f}", grown <= HOUR_BYTES))
    return result("seeing", rows, time.perf_counter() - started)


def open_page(page: Path) -> float | None:
    """Wall seconds until a page's trade graph is drawn in Chromium, the best of 3; None (and a line) without a browser."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        print("no browser here: the row about opening the page is left out", file=sys.stderr)
        return None
    best = float("inf")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        for _ in range(3):
            tab = browser.new_page()
            started = time.perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_selector(".graph .edge", state="attached", timeout=120_000)
            best = min(best, time.perf_counter() - started)
            tab.close()
        browser.close()
    return best


def hour(folder: str, minutes: int) -> float:
    """Bytes by which this process grows while it shows `minutes` x 60,000 sales as they come, after the first minute."""
    from marketic.dashboard.feed import Feed
    from marketic.dashboard.scenes import Layout, graph_columns
    from marketic.events.manifest import Manifest

    events = Path(folder) / "events"
    (events / "trades").mkdir(parents=True)
    (Path(folder) / "config.toml").write_text('env = "an-hour-v0"\n')
    header = {"level": "trades", "marketic": "bench", "tick": 2.0**-20, "rows": 1, "rights": 1, "members": 1, "agents": 500,
              "first_account": 2, "step": 0, "discount": 0.99, "royalty": 0.0}  # fmt: skip
    manifest = Manifest.create(events, header)
    feed, layout, rng, first = Feed(Path(folder)), Layout(), np.random.default_rng(0), 0.0
    for minute in range(minutes):
        begin, end = minute * 60_000, (minute + 1) * 60_000
        _minute(manifest, rng, begin, end)
        feed.refresh()
        graph_columns(feed.sales(begin, end), feed.wealth(end), layout)
        first = first or _resident()
    return _resident() - first


def _minute(manifest: Any, rng: np.random.Generator, begin: int, end: int) -> None:
    """One part of the log: 60,000 sales between 500 agents."""
    from marketic.events.parts import write_part
    from marketic.events.schema import TABLES

    step = np.arange(begin, end)
    buyer = rng.integers(2, 502, end - begin)
    known = {"trade": step, "step": step, "episode": step // 50, "kind": np.ones(end - begin, dtype=int), "buyer": buyer,
             "seller": np.roll(buyer, 1), "price": buyer << 10, "paid": buyer << 10}  # fmt: skip
    nothing = np.zeros(end - begin, dtype=int)
    columns = {c.name: known.get(c.name, nothing > 0 if c.kind == "bool" else nothing) for c in TABLES["trades"]}
    entry = write_part(manifest.folder, "trades", len(manifest.parts), columns)
    manifest.append({"step": end, "trades": end, "tables": {"trades": entry}})


def _resident() -> float:
    """Bytes of memory in use by this process."""
    with open("/proc/self/statm") as file:
        return float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
