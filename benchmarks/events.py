"""What the event log costs, in time and on the disk, and how fast it answers.

    marketic bench events [--quick] [--json]

Slowdowns compare three markets that train in turns in one process, in process CPU time, with all parts written: without a
log, at level summary, at level trades (see `added_shares`). The long log is a real part, copied under new names until it
holds 100 million trades (1 million if quick), with a real manifest; its trade numbers repeat, which no query here depends on.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from marketic.benchmarks.engine import LIVE, TASK, at_most
from marketic.benchmarks.measure import cpu_seconds, speed_ratios
from marketic.events import audit, open_log
from marketic.events.manifest import Manifest
from marketic.events.parts import path_of
from marketic.events.waiting import NAME as OPEN_PART
from marketic.presets import make
from marketic.result import Row, result

LEVELS = ("off", "summary", "trades")
PIECES = 5
QUESTION = (
    "SELECT buyer, count(*) AS n, sum(paid_ticks) AS paid FROM trades WHERE kind = 1 GROUP BY buyer ORDER BY paid DESC"
)
"""Who spent most: reads three columns of every trade, and groups them by agent."""


def run(quick: bool = False) -> dict[str, Any]:
    """Measure everything; about a minute, or half of one if `quick`. Returns the result as a JSON-able object."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = [
            *slowdowns("8 tilings", LIVE, folder / "live", quick),
            *slowdowns("the preset, 64 tilings, no rehearsals", {"rehearsals": None}, folder / "preset", quick),
            *compiled_path(folder / "compiled", quick),
            *disk(folder, quick),
            *long_log(folder, quick),
        ]
    return result("events", rows, time.perf_counter() - start)


def logged(level: str, folder: Path, **options: Any) -> Callable[..., None]:
    """Train a CartPole market for so many steps, with all its parts on the disk at the end (unless told not to)."""
    market = make(TASK, seed=1, **options)
    if level != "off":
        market.log_to(folder / level, level)

    def work(steps: int, flush: bool = True) -> None:
        market.learn(steps)
        if market.log is not None and flush:
            market.log.flush()

    return work


def slowdowns(what: str, options: dict[str, Any], folder: Path, quick: bool) -> list[Row]:
    """How much longer training takes on the generic path."""
    added = added_shares(options, folder, markets=1 if quick else 3, blocks=3 if quick else 7)
    name = f"generic path, CartPole, {what}"
    return [
        at_most(f"{name}: share of time that level summary adds", added[0], 0.03),
        at_most(f"{name}: share of time that level trades adds", added[1], 0.15),
    ]


def added_shares(options: dict[str, Any], folder: Path, markets: int, blocks: int) -> tuple[float, float]:
    """Shares of process CPU time that the levels summary and trades add to training without a log.

    One share per block of 20,000 steps, in pieces of 4,000 that the three markets train in turns, each first as often as
    the others; a block ends with all its parts on the disk. Pieces of some 50 ms meet the same neighbours on a busy
    machine. Fresh markets, because where their arrays lie changes speeds by a few per cent. The answer is the median.
    """
    shares: list[list[float]] = []
    for number in range(markets):
        works = [logged(level, folder / str(number), **options) for level in LEVELS]
        for work in works:
            work(2_000, True)
        for _ in range(blocks):
            spent = [0.0] * len(works)
            for piece in range(PIECES):
                for k in range(len(works)):
                    turn = (piece + k) % len(works)
                    spent[turn] += cpu_seconds(partial(works[turn], 20_000 // PIECES, piece == PIECES - 1))
            shares.append([spent[1] / spent[0] - 1, spent[2] / spent[0] - 1])
    summary, trades = (statistics.median(column) for column in zip(*shares, strict=True))
    return summary, trades


def compiled_path(folder: Path, quick: bool) -> list[Row]:
    """The same in the compiled loop, where a step takes a microsecond: how many more each one takes."""
    works: list[Callable[[int], object]] = [logged(level, folder, compiled=True, **LIVE) for level in ("off", "trades")]
    rounds = speed_ratios(works, [100_000 if quick else 400_000] * 2, repeats=3 if quick else 7)
    seconds = [statistics.median(1e6 / speeds[k] for speeds in rounds) for k in range(2)]
    return [
        at_most("compiled path, CartPole: microseconds that level trades adds to a step", seconds[1] - seconds[0], 1.5)
    ]


def log_of(folder: Path, name: str) -> Path:
    """Where a bench left its log of level trades."""
    return folder / name / "trades" if name == "compiled" else folder / name / "0" / "trades"


def disk(folder: Path, quick: bool) -> list[Row]:
    """Bytes per trade of the logs that were just written, all tables and the manifest included; and the audit's speed.

    An open part that a slow run left is not counted: it is no part of the log, and a run's last checkpoint removes it.
    """
    rows = []
    for name in ("live", "preset", "compiled"):
        log = open_log(log_of(folder, name))
        size = sum(path.stat().st_size for path in log.folder.rglob("*") if path.is_file() and path.name != OPEN_PART)
        rows.append(at_most(f"{name}: bytes per trade, all tables ({log.trades:,} trades)", size / log.trades, 20.0))
    target = folder / "compiled" / "trades"
    audit(target)  # compiles
    taken = cpu_seconds(lambda: audit(target))
    sound, trades = audit(target).sound, open_log(target).trades
    rows.append(Row(f"audit of {trades:,} trades: CPU microseconds per trade", round(1e6 * taken / trades, 3), "<= 10", sound
                    and 1e6 * taken / trades <= 10))  # fmt: skip
    return rows


def long_log(folder: Path, quick: bool) -> list[Row]:
    """Seconds and memory of one question to a long log, in a process of its own."""
    wanted = 1_000_000 if quick else 100_000_000
    trades = stretch(folder / "compiled" / "trades", folder / "long", wanted)
    program = (
        "import json, resource, sys, time\nfrom marketic.events import query\nbegan = time.perf_counter()\n"
        f"answer = query({str(folder / 'long')!r}, {QUESTION!r})\nseconds = time.perf_counter() - began\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(json.dumps([seconds, peak / 2**20, sum(int(n) for n in answer.column('n').to_pylist())]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, memory, counted = json.loads(done.stdout)
    sold = counted / trades
    return [
        Row(
            f"who spent most, of {trades:,} trades: wall seconds",
            round(seconds, 2),
            "<= 60",
            0.9 < sold <= 1 and seconds <= 60,
        ),
        at_most("the same: peak memory of the process, GiB", memory, 4.0),
    ]


def stretch(source: Path, target: Path, wanted: int) -> int:
    """A log of at least `wanted` trades, made of links to the largest part of another. Returns its trades."""
    log = open_log(source)
    part = max(log.parts, key=lambda part: part["tables"].get("trades", {"rows": 0})["rows"])
    entry, file = part["tables"]["trades"], path_of(log.folder, "trades", part["part"])
    manifest = Manifest.create(
        target, {key: value for key, value in log.header.items() if key not in ("chain", "format")}
    )
    (target / "trades").mkdir()
    copies = -(-wanted // entry["rows"])
    lines = []
    for number in range(copies):
        os.link(file, path_of(target, "trades", number))
        lines.append(
            {
                "part": number,
                "step": 0,
                "trades": (number + 1) * entry["rows"],
                "tables": {"trades": entry},
                "chain": "",
            }
        )
    manifest.parts = lines
    manifest.truncate(len(lines))
    return copies * int(entry["rows"])
