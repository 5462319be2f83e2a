"""The figures of a training run: recorded while it learns, kept as Parquet parts, read back as arrays."""

import io
import math
import time
from collections import deque
from pathlib import Path
from typing import IO, Any

import numpy as np

from marketic.atomic import write_atomically
from marketic.callbacks import Callback, EpisodeEnd
from marketic.errors import CorruptFile
from marketic.market import Market
from marketic.part_files import numbered

INTEGERS = ("step", "episodes", "agents_alive")
COLUMNS = (*INTEGERS, "seconds", "return_mean", "length_mean", "price_error", "steps_per_second", "evaluation")
"""step: environment steps so far; episodes: ended so far; agents_alive: that have traded (all, where the population
does not tell); seconds: process CPU time so far; return_mean (currency), length_mean (steps): of the last 100 episodes;
price_error: mean |realised - bid| of the sales since the row before, currency; steps_per_second: of CPU time in
training, since the row before; evaluation: mean return of greedy episodes at this step. NaN: nothing to tell."""


def agents_alive(market: Market) -> int:
    """Agents that have traded, where the population counts trades; otherwise all agents."""
    return sum(_alive(part) for part in getattr(market.population, "populations", [market.population]))


def _alive(population: Any) -> int:
    trades = getattr(population, "trades", None)
    return int(np.count_nonzero(trades)) if isinstance(trades, np.ndarray) else int(population.n_agents)


class PriceError:
    """How wrong bids were lately: mean |realised - bid| over the sales since the last call, currency.

    seen: the market's `surprise` at the last call.
    """

    def __init__(self, market: Market) -> None:
        self.seen = market.surprise.copy()

    def recent(self, market: Market) -> float:
        """NaN if nothing was sold since the last call."""
        total, count = market.surprise - self.seen
        self.seen = market.surprise.copy()
        return float(total / count) if count > 0 else math.nan


class Recorder(Callback):
    """Keeps a row of figures at the first episode's end after every `every` steps, and whenever `record` is called."""

    def __init__(self, market: Market, every: int, *, seconds: float = 0.0) -> None:
        self.every = every
        self.rows: dict[str, list[float]] = {name: [] for name in COLUMNS}
        self.lengths: deque[int] = deque(maxlen=100)
        self.errors = PriceError(market)
        self._started = time.process_time() - seconds
        self._last = (market.num_timesteps, seconds)
        self._next = self._after(market.num_timesteps)

    def _after(self, step: int) -> int:
        return (step // self.every + 1) * self.every

    def on_episode(self, event: EpisodeEnd) -> None:
        """Count the episode, and write a row when it is time."""
        self.lengths.append(event.length)
        if event.market.num_timesteps >= self._next:
            self.record(event.market)

    def record(self, market: Market, evaluation: float = math.nan) -> None:
        """A row for this step; if it has one already, only the evaluation is added to it."""
        step = market.num_timesteps
        if step == self._last[0]:
            if self.rows["step"] and not math.isnan(evaluation):
                self.rows["evaluation"][-1] = evaluation
            return
        seconds = time.process_time() - self._started
        row = {
            "step": step,
            "episodes": market.episodes,
            "agents_alive": agents_alive(market),
            "seconds": seconds,
            "return_mean": _mean(market.recent_returns),
            "length_mean": _mean(self.lengths),
            "price_error": self.errors.recent(market),
            "steps_per_second": (step - self._last[0]) / max(seconds - self._last[1], 1e-9),
            "evaluation": evaluation,
        }
        for name, value in row.items():
            self.rows[name].append(value)
        self._last = (step, seconds)
        self._next = self._after(step)

    def exclude(self, seconds: float) -> None:
        """CPU seconds since the last row that were not spent on training: they do not slow `steps_per_second` down."""
        self._last = (self._last[0], self._last[1] + seconds)

    def take(self) -> dict[str, list[float]]:
        """The rows so far; they are forgotten here."""
        taken, self.rows = self.rows, {name: [] for name in COLUMNS}
        return taken


def _mean(values: deque[Any]) -> float:
    return sum(values) / len(values) if values else math.nan


def part_path(folder: Path, number: int) -> Path:
    """The file of a part, number >= 0."""
    return folder / f"part-{number:05d}.parquet"


def write_part(path: Path, rows: dict[str, list[float]]) -> None:
    """Write rows to one Parquet file, atomically."""
    import pyarrow
    import pyarrow.parquet

    kinds = {name: pyarrow.int64() if name in INTEGERS else pyarrow.float64() for name in rows}
    table = pyarrow.table({name: pyarrow.array(values, type=kinds[name]) for name, values in rows.items()})
    memory = io.BytesIO()  # a full disk is then met by our own write, with its errno
    pyarrow.parquet.write_table(table, memory, compression="zstd")

    def write(file: IO[bytes]) -> None:
        file.write(memory.getvalue())

    write_atomically(path, write)


def read_metrics(folder: Path) -> dict[str, np.ndarray]:
    """All parts in a run's `metrics` folder: column -> int64 or float64 [rows].

    Raises CorruptFile for a damaged part.
    """
    import pyarrow
    import pyarrow.parquet

    tables = []
    for path in numbered(folder):
        try:
            tables.append(pyarrow.parquet.read_table(path))
        except (pyarrow.ArrowException, OSError) as error:
            raise CorruptFile(f"{path} is damaged ({str(error).splitlines()[0]}): remove it") from None
    if not tables:
        return {name: np.zeros(0) for name in COLUMNS}
    table = pyarrow.concat_tables(tables, promote_options="permissive")
    return {name: table.column(name).to_numpy() for name in table.column_names}
