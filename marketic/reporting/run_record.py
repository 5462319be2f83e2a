"""A run folder read back: its configuration, its metrics as arrays, its event log, and its market as it ended."""

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.errors import CorruptFile, InputError
from marketic.evaluation import evaluation_env
from marketic.market import Market
from marketic.metrics import read_metrics
from marketic.reporting.history import History, read_history
from marketic.run_folder import RunFolder
from marketic.run_market import load_of_run

EVALUATION_SEED = 20_000
"""Seed of the first episode of the report's own evaluation."""
LONGEST_EPISODE = 1000
"""Steps after which a greedy episode is cut short where the task itself sets no limit."""
REQUIRED = ("step", "return_mean")


@dataclass(frozen=True)
class RunRecord:
    """What a report needs to know about one run.

    name:     the folder's name.                    config: `config.toml` as it stands.
    metrics:  column -> float64 [rows], in order of steps; NaN where nothing was recorded.
    market:   the final market (or the newest checkpoint); None if there is none that can be rebuilt, and `why` says why.
    episodes: how many episodes the report plays greedily to measure the market; 0: none.
    history:  what its event log tells; None without a log.
    """

    name: str
    folder: Path
    config: dict[str, Any]
    metrics: dict[str, np.ndarray]
    market: Market | None
    why: str
    episodes: int
    history: History | None = None

    @property
    def task(self) -> str:
        """The environment's id, or its class if it has none."""
        found = self.setting("env")
        return str(found or (type(self.market.env.unwrapped).__name__ if self.market else "an environment"))

    def setting(self, *names: str) -> Any:
        """The first of these settings that the run's configuration or its market gives; None if neither does."""
        for source in (self.config, self.market.config if self.market else {}):
            for name in names:
                if source.get(name) not in (None, "", {}):
                    return source[name]
        return None

    def column(self, name: str) -> np.ndarray:
        """One metric, float64 [rows]; all NaN if it was not recorded."""
        return self.metrics.get(name, np.full(len(self.metrics["step"]), np.nan))

    def last(self, name: str) -> float:
        """The last number recorded for a metric, NaN if there is none."""
        values = self.column(name)
        known = values[np.isfinite(values)]
        return float(known[-1]) if len(known) else float("nan")

    @property
    def steps(self) -> int:
        """Environment steps made."""
        return self.market.num_timesteps if self.market else int(self.last("step"))

    @property
    def finished_episodes(self) -> float:
        """Episodes that ended during training."""
        return float(self.market.episodes) if self.market else self.last("episodes")

    @cached_property
    def greedy_returns(self) -> np.ndarray:
        """Returns of greedy episodes of the final market, float64 [episodes]; empty without a market."""
        if self.market is None or not self.episodes:
            return np.zeros(0)
        arena = greedy_arena(self.market)
        try:
            return self.market.evaluate(self.episodes, seed=EVALUATION_SEED, env=arena)
        finally:
            arena.close()


def greedy_arena(market: Market) -> gym.Env:
    """A fresh environment to play in, with a time limit even where the task has none: a greedy market may go in circles."""
    env = evaluation_env(market.env)
    limited = env.spec is not None and env.spec.max_episode_steps is not None
    return env if limited else gym.wrappers.TimeLimit(env, LONGEST_EPISODE)


def read_record(folder: Path, episodes: int) -> RunRecord:
    """Read one run folder. Raises InputError for what is not one, CorruptFile for one that is damaged."""
    if not folder.is_dir():
        raise InputError(f"no run folder {folder}: wanted a folder that `marketic train ... --out {folder}` wrote")
    config = read_config(folder / "config.toml")
    metrics = _read_metrics(folder, config.get("steps"))
    market, why = _read_market(folder)
    return RunRecord(folder.resolve().name, folder, config, metrics, market, why, episodes, read_history(folder))


def read_config(path: Path) -> dict[str, Any]:
    """The settings in `config.toml`. Raises InputError if there is none, CorruptFile for a damaged one."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent} has no config.toml: it is not a run folder of marketic") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CorruptFile(f"{path} cannot be read ({error}): restore it or train the run again") from None


def _read_metrics(folder: Path, steps: Any) -> dict[str, np.ndarray]:
    columns = read_metrics(folder / "metrics")
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise CorruptFile(f"{folder / 'metrics'} has no column {missing[0]}: wanted {', '.join(REQUIRED)}, ...")
    if not len(columns["step"]) and steps == 0:
        raise InputError(
            f"{folder} made no steps, so there is nothing to report: train it further with "
            f"`marketic resume {folder} --steps N`"
        )
    if not len(columns["step"]):
        raise InputError(f"{folder} has no metrics yet (metrics/part-*.parquet): go on with `marketic resume {folder}`")
    order = np.argsort(columns["step"], kind="stable")
    return {name: np.asarray(values, dtype=float)[order] for name, values in columns.items()}


def _read_market(folder: Path) -> tuple[Market | None, str]:
    run = RunFolder(folder)
    if not run.final.is_file() and not run.steps():
        return None, "the run has no final.market and no checkpoint yet"
    try:
        return load_of_run(run.market_file()), ""
    except CorruptFile:
        raise
    except InputError as error:  # parts of the user's own: the metrics can be shown all the same
        return None, str(error)
