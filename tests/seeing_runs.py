"""Run folders for tests of what people look at: one written by hand, whose every figure is known, and trained ones."""

from pathlib import Path

import numpy as np

from marketic.events.manifest import Manifest
from marketic.events.parts import write_part
from marketic.events.schema import TABLES
from marketic.metrics import COLUMNS
from marketic.metrics import write_part as write_metrics
from marketic.run import train
from marketic.run_config import RunConfig

TICK = 0.25
# step, episode, kind, bidder, seller, buyer, price, paid, reward (of the seller), in ticks: two episodes of three owners
HAND = [
    (0, 0, 1, 0, 1, 2, 4, 4, 0),
    (1, 0, 1, 1, 2, 3, 8, 6, 0),
    (2, 0, 1, 2, 3, 4, 12, 10, 0),
    (3, 0, 2, -1, 4, 0, 0, 0, 20),
    (3, 1, 1, 0, 1, 2, 8, 8, 0),
    (4, 1, 1, 1, 2, 3, 12, 12, 4),
    (5, 1, 2, -1, 3, 0, 0, 0, 16),
]
BALANCES = {2: (4, -4, 2), 3: (4, 4, 10), 4: (4, 10, 10)}
"""Account -> balance in ticks after 3 and 6 steps, the first entry is the step of the first snapshot."""
HEADER = {"level": "trades", "marketic": "test", "env": "by hand", "tick": TICK, "rows": 1, "rights": 1, "members": 1,
          "agents": 3, "first_account": 2, "step": 0, "discount": 1.0, "royalty": 0.0, "credit": "bid"}  # fmt: skip


def hand_log(folder: Path, rows: list[tuple[int, ...]] = HAND, header: dict | None = None) -> Manifest:
    """An event log in `folder`/events: two parts, of the first four entries and of the others."""
    events = folder / "events"
    for table in ("trades", "accounts", "agents", "episodes"):
        (events / table).mkdir(parents=True, exist_ok=True)
    manifest = Manifest.create(events, {**HEADER, **(header or {})})
    for number, part in enumerate((rows[:4], rows[4:])):
        add_part(manifest, part, number * 4, (number + 1) * 3, BALANCES if rows is HAND else {})
    return manifest


def add_part(manifest: Manifest, rows: list[tuple[int, ...]], first: int, step: int, balances: dict) -> None:
    """Write one more part of a log made by hand."""
    events, number = manifest.folder, len(manifest.parts)
    names = ("step", "episode", "kind", "bidder", "seller", "buyer", "price", "paid", "reward")
    columns = dict(zip(names, np.array(rows).T, strict=True))
    whole = np.zeros(len(rows), dtype=int)
    columns |= {"trade": np.arange(first, first + len(rows)), "row": whole, "novice": whole > 0}
    columns = {column.name: columns.get(column.name, whole) for column in TABLES["trades"]}
    tables = {"trades": write_part(events, "trades", number, columns)}
    if balances:
        accounts, held = list(balances), [amounts[1 + number] for amounts in balances.values()]
        same = {"trade": [first] * len(accounts), "step": [step] * len(accounts), "account": accounts}
        tables["accounts"] = write_part(events, "accounts", number, {**same, "balance": held})
    if number == 0:
        agents = {"trade": [0, 0, 0, 2], "step": [0, 0, 0, 2], "account": [2, 3, 4, 5], "event": ["entry"] * 4,
                  "cause": ["founder"] * 3 + ["born"], "parent": [-1, -1, -1, 3]}  # fmt: skip
        tables["agents"] = write_part(events, "agents", 0, agents)
    manifest.append({"step": step, "trades": first + len(rows), "tables": tables})


def hand_run(folder: Path) -> Path:
    """A run folder around the log made by hand: no market, one row of metrics."""
    (folder / "metrics").mkdir(parents=True)
    (folder / "config.toml").write_text('env = "by-hand-v0"\nsteps = 6\nseed = 0\n')
    row = {name: [0.0] for name in COLUMNS} | {"step": [6], "episodes": [2], "return_mean": [5.0]}
    write_metrics(folder / "metrics/part-00000.parquet", row)
    hand_log(folder)
    return folder


def trained(folder: Path, env: str = "FrozenLake-v1", steps: int = 3000, log: str = "trades") -> Path:
    """A run as `marketic train` leaves it."""
    train(RunConfig(env, steps=steps, seed=0, log=log, checkpoint_every=1000, record_every=250), folder)
    return folder
