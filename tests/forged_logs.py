"""A logged run of CartPole, and how a clever forger would rewrite it: a part, and the whole chain behind it."""

import numpy as np
import pytest

from marketic.events.manifest import Manifest, link
from marketic.events.parts import read_part, write_part
from marketic.run import train
from marketic.run_config import RunConfig
from marketic.run_folder import RunFolder
from marketic.storage import read_arrays, write_arrays

POLE = RunConfig("CartPole-v1", agents="tiles", steps=1_200, seed=4, checkpoint_every=400, log="trades",
                 options={"royalty": 0.6, "novices": 0.1, "paper_trades": None, "greedy": None})  # fmt: skip


def train_pole(folder):
    """The run, with snapshots every 500 steps; returns its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunConfig, "snapshot_every", 500)
        train(POLE, folder)
    return folder


def forge(folder, number, change, name="trades"):
    """Rewrite a part of a table with `change`, and the whole chain behind it, as a clever forger would."""
    events = folder / "events"
    manifest = Manifest.read(events)
    table = read_part(events, name, number)
    columns = {column: table.column(column).to_numpy(zero_copy_only=False).copy() for column in table.column_names}
    if "buyers" in columns:
        columns["buyers"] = np.stack(columns["buyers"])
    change(columns)
    manifest.parts[number]["tables"][name] = write_part(events, name, number, columns)
    rechain(manifest)


def rechain(manifest):
    before = manifest.header["chain"]
    for part in manifest.parts:
        part["chain"] = before = link(before, part)
    manifest._rewrite()
    for path in RunFolder(manifest.folder.parent).steps():  # and the checkpoints' links
        arrays, config = read_arrays(path)
        parts = int(arrays["run/events"][0])
        if parts <= len(manifest.parts):
            chain = bytes.fromhex(manifest.parts[parts - 1]["chain"])
            write_arrays(path, {**arrays, "run/events_link": np.frombuffer(chain, np.uint8)}, config)
