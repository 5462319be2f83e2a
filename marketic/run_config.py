"""The settings of a training run: `config.toml`, complete, so that the file alone runs the run again."""

import dataclasses
import secrets
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from marketic.atomic import write_atomically
from marketic.environments import open_copies
from marketic.errors import CorruptFile, InputError
from marketic.events.schema import LEVELS, SNAPSHOT_EVERY
from marketic.market import Market
from marketic.numbers import LARGEST_WHOLE, number
from marketic.run_folder import KEPT
from marketic.toml_text import to_toml

OWN = ("env", "agents", "mechanism", "seed", "env_options", "preset")
"""What `marketic.make` takes beside options, and a run has settings for."""
MOST = {"vector": 2**16}
"""Most copies of an environment, so that they fit into memory."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that a run depends on.

    env:        an id or "module:Name".               env_options: keyword arguments of `gymnasium.make`.
    agents, mechanism: a name or "module:Name".      options: as for `marketic.make`, in plain data.
    preset:     True: what is left out comes from the preset. False: nothing is left out (as in a run's config.toml).
    seed:       int >= 0; None: one is drawn when training starts.
    steps:      environment steps, >= 0.             vector: copies of the environment, >= 1.
    compiled:   use the compiled copy of the environment.
    checkpoint_every: steps from one checkpoint to the next, >= 1; training makes a clean break there.
    keep_checkpoints: how many of them stay, 0: all; `marketic rerun --at` starts from the nearest one before.
    record_every: steps from one row of metrics to the next, >= 1.
    evaluate_every: steps from one greedy evaluation to the next, 0: none; of `evaluate_episodes` episodes, the first
                one seeded with `evaluate_seed`; training ends when their mean return reaches `threshold`.
    tensorboard: also write TensorBoard scalars.
    log:        how much the event log holds: off, summary, trades or everything (see docs/event_log.md).
    without:    accounts of agents that take no part (see `marketic rerun --without`).
    breaks:     steps of further clean breaks, where training was interrupted or had been meant to end.

    Raises InputError for a number out of range.
    """

    env: str
    steps: int = 100_000
    seed: int | None = None
    agents: str | None = None
    mechanism: Any = None
    preset: bool = True
    vector: int = 1
    compiled: bool = False
    checkpoint_every: int = 10_000
    keep_checkpoints: int = KEPT
    record_every: int = 1_000
    evaluate_every: int = 0
    evaluate_episodes: int = 10
    evaluate_seed: int = 10_000
    threshold: float | None = None
    tensorboard: bool = False
    log: str = "off"
    without: tuple[int, ...] = ()
    breaks: tuple[int, ...] = ()
    env_options: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        least = {"steps": 0, "seed": 0, "vector": 1, "checkpoint_every": 1, "keep_checkpoints": 0, "record_every": 1,
                 "evaluate_every": 0,
                 "evaluate_episodes": 1, "evaluate_seed": 0}  # fmt: skip
        for name, bound in least.items():
            value = getattr(self, name)
            if name == "seed" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < bound:
                raise InputError(f"{name} = {value!r}: wanted an integer >= {bound}")
            if name != "seed" and value > MOST.get(name, LARGEST_WHOLE):
                raise InputError(f"{name} = {value!r}: wanted at most {MOST.get(name, LARGEST_WHOLE):,}")
        if not isinstance(self.env, str) or not self.env:
            raise InputError(f"env = {self.env!r}: wanted the id of a Gymnasium environment, e.g. CartPole-v1")
        if self.threshold is not None:
            number("threshold", self.threshold)
        if self.threshold is not None and not self.evaluate_every:
            raise InputError(
                f"threshold = {self.threshold}: wanted evaluate_every > 0 with it, to know when it is reached"
            )
        if self.log not in LEVELS:
            raise InputError(f"log = {self.log!r}: wanted one of {', '.join(LEVELS)}")
        if not isinstance(self.options, dict) or not isinstance(self.env_options, dict):
            raise InputError("options and env_options: wanted tables of name = value")
        named = [name for name in OWN if name in self.options]
        if named:
            raise InputError(f"option {named[0]!r} is a setting of its own: leave it out of the options (--set)")

    @property
    def snapshot_every(self) -> int:
        """Steps between two snapshots in the event log: about a hundred in a long run."""
        return max(SNAPSHOT_EVERY, self.steps // 100)

    def boundary(self, step: int) -> int:
        """Where the leg of training that begins at `step` ends: at the next checkpoint, break or the end of the run."""
        ends = [(step // self.checkpoint_every + 1) * self.checkpoint_every, self.steps]
        return min(ends + [stop for stop in self.breaks if stop > step])

    def open(self) -> Market:
        """The market at the start of this run. Raises InputError as `marketic.make` does."""
        market = self._open()
        if self.without:
            from marketic.events.absent import leave_out

            leave_out(market, list(self.without))
        return market

    def _open(self) -> Market:
        from marketic.presets import make, rebuild

        env = open_copies(self.env, self.vector, self.env_options) if self.vector > 1 else None
        extra: dict[str, Any] = {"compiled": True} if self.compiled else {}
        if not self.preset:
            return rebuild(dataclasses.asdict(self), env, **extra)
        options: dict[str, Any] = {} if env is not None else {"env_options": dict(self.env_options)}
        return make(self.env if env is None else env, agents=self.agents, mechanism=self.mechanism, seed=self.seed,
                    **options, **self.options, **extra)  # fmt: skip

    def complete(self) -> tuple["RunConfig", Market]:
        """These settings with nothing left to presets or chance, and their market.

        Raises InputError for parts that cannot be written down.
        """
        seeded = self if self.seed is not None else replace(self, seed=secrets.randbits(32))
        market = seeded.open()
        parts = {key: market.config[key] for key in ("agents", "mechanism", "options")}
        lost = [name for name in market.config["objects"] if name != "env"]
        if lost:
            raise InputError(
                f"a run cannot write down {lost[0]!r}, an object: give it as module:Name, importable from here"
            )
        market.env.close()
        complete = replace(seeded, preset=False, **parts)
        return complete, complete.open()  # opened as a resumed run opens it: the same bytes in its files

    def write(self, path: Path) -> None:
        """Write `config.toml`, atomically."""
        from marketic import __version__

        data = dataclasses.asdict(self) | {"breaks": list(self.breaks), "without": list(self.without)}
        text = (
            f"# Written by marketic {__version__}. To run it again: marketic train {path.name} --out FOLDER\n"
            + to_toml(data)
        )

        def write(file: IO[bytes]) -> None:
            file.write(text.encode())

        write_atomically(path, write)

    @classmethod
    def read(cls, path: Path) -> "RunConfig":
        """The settings in a file. Raises InputError if there is none, CorruptFile if it is not one."""
        if not path.is_file():
            raise InputError(
                f"no run in {path.parent}: wanted a folder with a config.toml, as `marketic train --out` makes it"
            )
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise CorruptFile(f"{path} cannot be read ({error}): repair it, or train again") from None
        names = [part.name for part in dataclasses.fields(cls)]
        unknown = sorted(set(data) - set(names))
        if unknown or "env" not in data:
            raise InputError(f"{path}: {unknown or 'no env'}: wanted env, and some of {', '.join(names)}")
        lists = {name: data.get(name, []) for name in ("breaks", "without")}
        for name, numbers in lists.items():
            if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
                raise InputError(f"{path}: {name} = {numbers!r}: wanted a list of whole numbers")
        return cls(**data | {name: tuple(numbers) for name, numbers in lists.items()})
