"""The market of a run, from one of its files."""

import contextlib
import tomllib
from pathlib import Path
from typing import Any

from marketic.events.absent import leave_out
from marketic.storage import load


def load_of_run(file: Path) -> Any:
    """The market in a run's file, without the agents that the run leaves out; of a file elsewhere: all of it."""
    market = load(file)
    config = next((c for folder in file.resolve().parents[:2] if (c := folder / "config.toml").is_file()), None)
    if config is not None:
        with contextlib.suppress(tomllib.TOMLDecodeError, UnicodeDecodeError):  # a broken file says nothing
            without = tomllib.loads(config.read_text(encoding="utf-8")).get("without", [])
            leave_out(market, [account for account in without if (market.accounts == account).any()])
    return market
