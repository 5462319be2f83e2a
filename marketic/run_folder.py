"""A run on disk: its folder, its checkpoints, and what of them can still be read.

config.toml   metrics/part-00000.parquet ...   checkpoints/step-000010000.market ... best.market   final.market
events/manifest.jsonl   events/trades/part-00000.parquet ...   (with --log; see docs/event_log.md)
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from marketic.errors import InputError
from marketic.metrics import read_metrics
from marketic.part_files import numbered
from marketic.run_lock import only_writer

KEPT = 3
"""Checkpoints that stay if nobody says otherwise, the best one apart."""
_OURS = ("config.toml", "final.market", "report.html", "metrics/part-*.parquet", "checkpoints/step-*.market",
         "checkpoints/best.market", "tensorboard/events.out.tfevents.*", "events/manifest.jsonl",
         "events/open-part", "events/*/part-*.parquet")  # fmt: skip


class RunFolder:
    """Paths of a run, and the housekeeping between them."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config, self.final = self.path / "config.toml", self.path / "final.market"
        self.metrics, self.checkpoints = self.path / "metrics", self.path / "checkpoints"
        self.events = self.path / "events"
        self.best, self.tensorboard = self.checkpoints / "best.market", self.path / "tensorboard"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While entered, nobody else can train here. Makes the folder.

        Raises InputError if somebody trains here, or the folder cannot be used.
        """
        with contextlib.ExitStack() as held:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                if not os.access(self.path, os.W_OK):  # said now, rather than at the first file that is to go
                    raise OSError(errno.EROFS, "it is read-only")
                held.enter_context(only_writer(self.path))
            except OSError as error:
                raise self._unusable(error) from None
            yield

    def create(self, force: bool = False) -> None:
        """Make the folder. Raises InputError for one that holds something, unless `force` clears a former run away."""
        try:
            if self.path.is_dir() and any(not _temporary(entry) for entry in self.path.iterdir()):
                if not force:
                    raise InputError(
                        f"{self.path} is not empty: continue with `marketic resume {self.path}`, choose another --out, "
                        "or overwrite it with --force"
                    )
                self._clear()
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from None

    def prepare(self) -> None:
        """Make the inner folders, and remove what killed writes left behind."""
        try:
            for folder in (self.metrics, self.checkpoints):
                folder.mkdir(exist_ok=True)
            for folder in (self.path, self.metrics, self.checkpoints, self.events, *self.events.glob("*/")):
                for file in folder.glob(".*.part"):
                    file.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> InputError:
        return InputError(f"cannot use the folder {self.path}: {error.strerror or error}; choose another --out")

    def _clear(self) -> None:
        """Remove the files of a former run, and nothing else that lies here."""
        for pattern in _OURS:
            for file in self.path.glob(pattern):
                file.unlink()
        for inner in (self.metrics, self.checkpoints, self.tensorboard, *self.events.glob("*"), self.events):
            with contextlib.suppress(OSError):  # somebody's own files keep the folder
                inner.rmdir()

    def checkpoint(self, step: int) -> Path:
        """The path of a checkpoint."""
        return self.checkpoints / f"step-{step:09d}.market"

    def steps(self) -> list[Path]:
        """All checkpoints, oldest first."""
        return sorted(self.checkpoints.glob("step-*.market"), key=_order)

    def prune(self, step: int, keep: int = KEPT) -> None:
        """Keep the last `keep` >= 0 checkpoints up to `step` only; 0: all.

        Later ones were passed over, as damaged: counted in, they would push out what is written now.
        """
        last = _order(self.checkpoint(step))
        made = [path for path in self.steps() if _order(path) <= last]
        for path in made[:-keep] if keep else []:
            path.unlink(missing_ok=True)

    def newest_first(self, say: Callable[[str], None]) -> Iterator[tuple[Path, dict[str, np.ndarray]]]:
        """Readable checkpoints; damaged ones are named and passed over.

        Raises NewerFormat for one of a later version.
        """
        from marketic.errors import CorruptFile, NewerFormat
        from marketic.storage import read_arrays

        for path in reversed(self.steps()):
            try:
                arrays, _ = read_arrays(path)
            except NewerFormat:
                raise
            except CorruptFile as error:
                say(f"passing over a damaged checkpoint: {error}")
                continue
            yield path, arrays

    def drop_parts(self, first: int) -> None:
        """Forget the metrics' parts from number `first` on: they will be written again."""
        for path in numbered(self.metrics, first):
            path.unlink(missing_ok=True)

    def seconds(self) -> float:
        """CPU seconds recorded so far; 0 if nothing readable was."""
        try:
            recorded = read_metrics(self.metrics)["seconds"]
        except (InputError, KeyError):
            return 0.0
        return float(recorded[-1]) if len(recorded) else 0.0

    def market_file(self) -> Path:
        """The file of the run's market: the final one, or the newest checkpoint.

        Raises InputError if there is neither.
        """
        found = [*self.steps(), *([self.final] if self.final.is_file() else [])]
        if not found:
            raise InputError(f"{self.path} holds no market yet: go on with `marketic resume {self.path}`")
        return found[-1]


def _order(checkpoint: Path) -> tuple[int, str]:
    """Checkpoints by their steps: beyond nine digits their names are longer."""
    return len(checkpoint.name), checkpoint.name


def _temporary(entry: Path) -> bool:
    return entry.name.startswith(".") and entry.name.endswith(".part")
