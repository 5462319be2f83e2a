"""Training runs: legs between clean breaks, a checkpoint after each, and exact resumption.

A leg is one call of `Market.learn`: fresh episodes, seeded from the market's own stream, and nothing in the air at its
end. All that the next leg depends on is therefore in the checkpoint, and a run that was killed and resumed ends with
the same bytes as one that was not. The breaks are part of the configuration: `config.toml` names every one of them.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from marketic.callbacks import Callback
from marketic.errors import InputError, NewerFormat
from marketic.events.writer import EventWriter
from marketic.interrupts import Interrupts
from marketic.market import Market
from marketic.metrics import Recorder, agents_alive, part_path, write_part
from marketic.options import finite
from marketic.run_config import RunConfig
from marketic.run_folder import RunFolder
from marketic.schedule import ScheduledEvaluation
from marketic.storage import restore, write_arrays


def tell(message: str) -> None:
    """A line on stderr."""
    print(message, file=sys.stderr, flush=True)


def train(config: RunConfig, out: str | Path | None = None, *, progress: bool = False, force: bool = False) -> "Run":
    """Train a market in a new run folder, and return the run with its market.

    out: the folder; None: `runs/<env>-<time>`. force: overwrite a former run there. progress: a bar on stderr.

    Raises InputError for bad settings, a folder that is not empty or in which somebody else trains, a full disk, or an
    environment that fails.
    """
    folder = RunFolder(out if out is not None else default_folder(config.env))
    complete, market = config.complete()
    run = Run(complete, folder, market)
    with folder.held():
        folder.create(force)
        complete.write(folder.config)
        folder.prepare()
        return run.train(progress)


def resume(
    out: str | Path, *, steps: int | None = None, progress: bool = False, say: Callable[[str], None] = tell
) -> "Run":
    """Go on with a run from its last readable checkpoint, to its end or to `steps` steps in all.

    Raises InputError if there is no run in `out`, somebody else trains there, it has made more than `steps` steps, or its
    checkpoints do not fit its configuration; NewerFormat if a later version of marketic wrote it.
    """
    folder = RunFolder(out)
    RunConfig.read(folder.config)  # raises before a folder is made, if there is none
    with folder.held():
        config = RunConfig.read(folder.config)
        folder.prepare()
        run = _restored(config, folder, say)
        if steps is not None and steps != config.steps:
            run.extend(steps)
        return run.train(progress)


def default_folder(env: str) -> Path:
    """A folder in `runs` that nobody uses yet."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in env)
    first = Path("runs") / f"{safe}-{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = [first, *(first.with_name(f"{first.name}-{k}") for k in range(2, 1000))]
    return next(candidate for candidate in candidates if not candidate.exists())


def _restored(config: RunConfig, folder: RunFolder, say: Callable[[str], None]) -> "Run":
    """The run at its newest readable checkpoint; at step 0 if there is none."""
    for path, arrays in folder.newest_first(say):
        run = Run(config, folder, config.open())
        try:
            run.restore(arrays, path)
        except NewerFormat:
            raise
        except InputError as error:  # the file is whole: to begin again would write over what it has learned
            raise InputError(
                f"{error}; if {folder.config} was edited, put back what it said; to begin again, train into another --out"
            ) from error
        run.go_on_logging(arrays)
        return run
    say(f"{folder.path} has no readable checkpoint: starting again from step 0")
    run = Run(config, folder, config.open())
    run.start_again()
    return run


class Run:
    """A market in training, and its folder.

    market: as it stands.  evaluation: past results, None without evaluations.  interrupted: stopped by a signal.
    """

    def __init__(self, config: RunConfig, folder: RunFolder, market: Market, *, seconds: float = 0.0) -> None:
        market.state_dict()  # raises now, rather than at the first checkpoint, if the agents cannot be saved
        self.config, self.folder, self.market = config, folder, market
        if config.log != "off":
            market.log = EventWriter(folder.events, market, config.log, snapshot_every=config.snapshot_every)
        self.recorder = Recorder(market, config.record_every, seconds=seconds)
        self.evaluation = ScheduledEvaluation(config, self.recorder) if config.evaluate_every else None
        self.parts = 0
        self.interrupted = 0
        self._scalars: Any = None
        if config.tensorboard:
            from marketic.scalars import Scalars

            self._scalars = Scalars(folder.tensorboard)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.market.num_timesteps >= self.config.steps or self.reached

    @property
    def reached(self) -> bool:
        """Whether an evaluation reached the threshold."""
        return self.evaluation is not None and self.evaluation.reached

    def train(self, progress: bool = False) -> "Run":
        """Train to the end, or until SIGINT or SIGTERM; the folder is left complete in both cases."""
        market, folder, extra = self.market, self.folder, []
        if progress:
            from marketic.progress import ProgressBar

            extra.append(ProgressBar(self.config.steps))
        try:
            with Interrupts(market) as interrupts:
                while not self.finished and not interrupts.signal:
                    self._leg([interrupts, *extra])
            self.interrupted = interrupts.signal
            if self.finished:
                # in case that a kill came between checkpoint and pruning
                folder.prune(market.num_timesteps, self.config.keep_checkpoints)
                write_arrays(folder.final, market.state_dict(), market.config)
        finally:
            for bar in extra:
                bar.close()
            if self._scalars is not None:
                self._scalars.close()
        return self

    def _leg(self, extra: list[Callback]) -> None:
        """Train to the next boundary and save; a leg that was cut short becomes part of the configuration."""
        market, began = self.market, self.market.num_timesteps
        target = self.config.boundary(began)
        watching = [self.recorder, *([self.evaluation] if self.evaluation else []), *extra]
        try:
            market.learn(target - began, callback=watching)
        except InputError:
            raise
        except Exception as error:
            if not _from_environment(error):
                raise
            kind = type(error).__name__
            raise InputError(f"the environment failed at step {market.num_timesteps}: {kind}: {error}") from error
        if market.num_timesteps == began:  # interrupted before anything happened
            return
        if market.num_timesteps < target and not self.reached:
            self.config = replace(self.config, breaks=(*self.config.breaks, market.num_timesteps))
            self.config.write(self.folder.config)
        self.save()

    def save(self) -> None:
        """Write metrics, the best market and a checkpoint, in the order in which a resumed run can rely on them."""
        market, folder = self.market, self.folder
        self.recorder.record(market)
        began = time.process_time()
        if market.log is not None:
            market.log.save(self.finished)
        rows = self.recorder.take()
        if rows["step"]:
            write_part(part_path(folder.metrics, self.parts), rows)
            self.parts += 1
        if self.evaluation is not None and self.evaluation.best is not None:
            write_arrays(folder.best, self.evaluation.best, market.config)
            self.evaluation.best = None
        if self._scalars is not None and rows["step"]:
            self._scalars.write(rows)
        write_arrays(
            folder.checkpoint(market.num_timesteps), {**market.state_dict(), **self._progress()}, market.config
        )
        folder.prune(market.num_timesteps, self.config.keep_checkpoints)
        self.recorder.exclude(time.process_time() - began)

    def _progress(self) -> dict[str, np.ndarray]:
        """What the run itself must remember, beside the market."""
        state = {
            "run/parts": np.array([self.parts]),
            "run/lengths": np.array(self.recorder.lengths, dtype=np.int64),
            "run/surprise": self.recorder.errors.seen,  # a row that an evaluation wrote does not know the leg's end
        }
        if self.market.log is not None:
            state |= self.market.log.state_dict()
        return state if self.evaluation is None else {**state, "run/evaluation": self.evaluation.state()}

    def restore(self, arrays: dict[str, np.ndarray], path: Path) -> None:
        """Go back to a checkpoint; metrics that were written after it are forgotten."""
        restore(self.market, arrays, path)
        lengths = arrays.get("run/lengths", np.zeros(0)).tolist()
        self.parts = int(arrays["run/parts"][0]) if "run/parts" in arrays else 0
        self.folder.drop_parts(self.parts)
        self.recorder = Recorder(self.market, self.config.record_every, seconds=self.folder.seconds())
        self.recorder.lengths.extend(lengths)
        self.recorder.errors.seen = arrays.get("run/surprise", self.recorder.errors.seen).copy()
        if self.evaluation is not None:
            self.evaluation = ScheduledEvaluation(self.config, self.recorder, arrays.get("run/evaluation"))
        if self._scalars is not None:
            self._scalars.forget_after(self.market.num_timesteps)

    def start_again(self) -> None:
        """Forget what was written before the first checkpoint."""
        self.folder.drop_parts(0)
        self.go_on_logging({})
        if self._scalars is not None:
            self._scalars.forget_after(0)

    def go_on_logging(self, arrays: dict[str, np.ndarray]) -> None:
        """Forget events that were written after a checkpoint. Raises InputError if those before it are not all there."""
        if self.market.log is not None:
            self.market.log.load_state_dict(arrays)

    def extend(self, steps: int) -> None:
        """Set another end. The old one stays a break, so that the configuration still tells the whole story."""
        old = self.config.steps
        if steps < self.market.num_timesteps or (steps < old and self.finished):
            raise InputError(
                f"--steps {steps}: this run has made {self.market.num_timesteps} steps already: wanted more"
            )
        breaks = self.config.breaks
        if self.finished and not self.reached and old % self.config.checkpoint_every:
            breaks = (*breaks, old)
        self.config = replace(self.config, steps=steps, breaks=breaks)
        self.folder.final.unlink(missing_ok=True)
        self.config.write(self.folder.config)

    def summary(self) -> dict[str, Any]:
        """The run in a few figures, fit for JSON (None for what is not known)."""
        market, evaluation = self.market, self.evaluation
        returns = market.recent_returns
        return {
            "run": str(self.folder.path),
            "env": self.config.env,
            "seed": self.config.seed,
            "steps": market.num_timesteps,
            "episodes": market.episodes,
            "return_mean": finite(float(np.mean(returns))) if returns else None,
            "price_error": finite(market.price_error),
            "agents_alive": agents_alive(market),
            "bids_refused": market.auction.refused or None,
            "evaluation_best": None if evaluation is None else finite(evaluation.best_mean),
            "threshold_reached": None if self.config.threshold is None else self.reached,
            "finished": self.finished,
            "seconds": round(self.folder.seconds(), 3),
        }


def _from_environment(error: BaseException) -> bool:
    """Whether an exception came out of the environment, rather than out of the market's own rooms."""
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_globals.get("__name__") == "marketic.worlds":
            return True
        frame = frame.tb_next
    return False
