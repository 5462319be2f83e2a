"""What if: a run goes on from a point in its past twice, as it was and with one thing changed, on the same randomness.

Runs are exact: from the same checkpoint, the branch without a change is the original run to the bit. Branches start at
the run's own clean breaks, so that the change is the only difference. Each branch is a run folder of its own with its own
event log; `comparison.json` holds both side by side.
"""

import json
import signal
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from marketic.atomic import write_atomically
from marketic.errors import CorruptFile, InputError
from marketic.events.comparison import compare
from marketic.run import Run, tell
from marketic.run_config import RunConfig
from marketic.run_folder import RunFolder
from marketic.storage import read_arrays, restore


@dataclass(frozen=True)
class Change:
    """What is different in the second branch; at least one of: an agent's account that is left out, another mechanism,
    other options (plain data).
    """

    without: int | None = None
    mechanism: str | None = None
    options: dict[str, Any] | None = None

    def apply(self, config: RunConfig) -> RunConfig:
        """The settings of the changed branch. Raises InputError if nothing changes, or it cannot be done."""
        if self.without is None and self.mechanism is None and not self.options:
            raise InputError("rerun needs a change: wanted --without ACCOUNT, --mechanism NAME or --set KEY=VALUE")
        if self.without is not None and config.compiled:
            raise InputError("--without leaves an agent out in plain rounds: this run was trained with compiled=True")
        changed = config
        if self.without is not None:
            changed = replace(changed, without=(*config.without, self.without))
        if self.mechanism is not None:
            changed = replace(changed, mechanism=self.mechanism)
        if self.options:
            changed = replace(changed, options={**config.options, **self.options})
        return changed

    def as_dict(self) -> dict[str, Any]:
        """For JSON: what was given."""
        given = {"without": self.without, "mechanism": self.mechanism, "options": self.options}
        return {name: value for name, value in given.items() if value}


def rerun(
    run: str | Path,
    at: int,
    change: Change,
    out: str | Path | None = None,
    *,
    steps: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Rerun from the last clean break at or before step `at`, unchanged and changed; returns the comparison.

    out: folder for `factual`, `counterfactual` and `comparison.json`; None: beside the run. steps: where both branches
    end; None: where the run was to end. force: overwrite former branches there.

    Raises InputError for a run that is not there, a step outside of it, or a change that does not fit; KeyboardInterrupt (or
    SystemExit) if a signal stops a branch.
    """
    folder = RunFolder(run)
    config = RunConfig.read(folder.config)
    end = config.steps if steps is None else steps
    if not 0 <= at < end:
        raise InputError(f"--at {at}: wanted a step from 0 to below {end}, where the branches end")
    changed = change.apply(config)
    branch_at = _break_before(config, at)
    arrays = _state_at(config, folder, branch_at)
    for settings in (config, changed):  # refuse a change that does not fit before anything is written
        market = settings.open()
        if arrays is not None:
            restore(market, arrays, folder.path)
        market.env.close()
    target = Path(out) if out is not None else folder.path.with_name(f"{folder.path.name}-rerun-{branch_at}")
    level = config.log if config.log in ("trades", "everything") else "trades"
    branches = {}
    for name, settings in (("factual", config), ("counterfactual", changed)):
        tell(f"{name}: from step {branch_at:,} to {end:,}")
        breaks = tuple(stop for stop in settings.breaks if stop < end)
        branches[name] = _branch(replace(settings, steps=end, log=level, breaks=breaks), target / name, arrays, force)
    result = {"run": str(folder.path), "asked": at, "at": branch_at, "steps": end, "change": change.as_dict()}
    result |= compare(branches["factual"], branches["counterfactual"])
    text = json.dumps(result, indent=1, allow_nan=False)

    def write(file: IO[bytes]) -> None:
        file.write(text.encode())

    write_atomically(target / "comparison.json", write)
    return {"out": str(target), **result}


def _break_before(config: RunConfig, at: int) -> int:
    """The last clean break at or before a step."""
    regular = at // config.checkpoint_every * config.checkpoint_every
    return max([regular, *(stop for stop in config.breaks if stop <= at)])


def _state_at(config: RunConfig, folder: RunFolder, step: int) -> dict[str, np.ndarray] | None:
    """The market's arrays at a clean break; None at step 0. From the nearest checkpoint before, if not from the one there."""
    if step == 0:
        return None
    start, arrays = 0, None
    for path in reversed(folder.steps()):
        made = int(path.stem.removeprefix("step-"))
        if made <= step:
            try:
                start, arrays = made, read_arrays(path)[0]
                break
            except CorruptFile as error:
                tell(f"passing over a damaged checkpoint: {error}")
    if start == step:
        return arrays
    tell(f"the checkpoint at step {step:,} is not kept: training again from step {start:,} to get there")
    breaks = tuple(stop for stop in config.breaks if stop < step)
    with tempfile.TemporaryDirectory() as scratch:
        again = replace(config, steps=step, log="off", tensorboard=False, breaks=breaks)
        found = _branch(again, Path(scratch) / "run", arrays, False).market.state_dict()
    return found


def _branch(config: RunConfig, path: Path, arrays: dict[str, np.ndarray] | None, force: bool) -> Run:
    """Train a branch to its end, in a run folder of its own.

    Raises KeyboardInterrupt (SystemExit for SIGTERM) if a signal stopped it: a branch cut short can be compared with nothing.
    """
    folder = RunFolder(path)
    with folder.held():
        folder.create(force)
        config.write(folder.config)
        folder.prepare()
        market = config.open()
        if arrays is not None:
            restore(market, arrays, path)
        run = Run(config, folder, market)
        if arrays is not None:
            run.save()  # so that the branch can be resumed, too
        run.train()
    if run.interrupted:
        tell(
            f"stopped after {run.market.num_timesteps:,} steps: the branches are not complete, and nothing was compared"
        )
        raise KeyboardInterrupt if run.interrupted == signal.SIGINT else SystemExit(128 + run.interrupted)
    return run
