"""Restarts: several economies from different seeds, one validated winner. `marketic.hayek.islands`: those that trade programs.

A budget is counted in auctions, not in seconds, so that the answer depends on the seed alone: not on the machine, nor on how
many processes share the islands.
"""

import functools
import pickle
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.hayek.doors import part, seed_of, seeds_of
from marketic.hayek.economy import Economy
from marketic.hayek.genealogy import EconomyGenealogy
from marketic.hayek.processes import share_out, started
from marketic.hayek.snapshot import Snapshot
from marketic.hayek.validation import NOTHING, Score, Validation
from marketic.numbers import all_finite, check_wholes

MOST_ATTEMPTS = 10**6
"""Their seeds are drawn at once."""


@dataclass(frozen=True)
class Restarts:
    """auctions: after which, or after as many instances (there are economies in which nobody bids), an economy is given up if
    nothing was complete, >= 1. attempts: economies at most, >= 1."""

    auctions: int = 8_000_000
    attempts: int = 6

    def __post_init__(self) -> None:
        if not all_finite(self.auctions, self.attempts) or self.auctions < 1 or self.attempts < 1:
            raise InputError(f"{self}: wanted auctions and attempts >= 1")
        check_wholes(self, auctions=1)
        check_wholes(self, MOST_ATTEMPTS, attempts=1)


@dataclass(frozen=True)
class Champion:
    """The best validated snapshot of a search.

    agents: the snapshot, possibly none. score: on validation. complete: whether nothing was left to wish for. seed: of its
    economy. level: of the curriculum then. attempts, instances, auctions, steps: of the whole search. seconds: its process
    CPU time, compilation included. family: everybody born in the champion's economy until then; None if agents is.
    """

    agents: Snapshot | None
    score: Score
    complete: bool
    seed: int
    level: float
    attempts: int
    instances: int
    auctions: int
    steps: int
    seconds: float
    family: EconomyGenealogy | None


def search(
    build: Callable[[int], Economy],
    seed: int,
    *,
    validation: Validation | None = None,
    restarts: Restarts | None = None,
) -> Champion:
    """Run economies until a snapshot is complete, or the budget is spent.

    build: makes an economy from a seed. seed: of the whole search, >= 0. Raises InputError for other things.
    """
    restarts, start = part("restarts", restarts, Restarts), time.process_time()
    record, totals = Record(part("validation", validation, Validation)), np.zeros(3, dtype=np.int64)
    attempts = 0
    for number in seeds_of(seed, restarts.attempts):
        attempts += 1
        economy = built("search", build, number)
        record.found = record.score
        while max(economy.auctions, economy.instances) < restarts.auctions and not record.validation.complete(
            record.found
        ):
            record.advance(economy, number)
        totals += (economy.instances, economy.auctions, economy.steps)
        if record.complete:
            break
    return record.champion(attempts, totals, time.process_time() - start)


class Record:
    """The best validated snapshot so far, and where it comes from. found: the score of the last one that was looked at."""

    def __init__(self, validation: Validation) -> None:
        self.validation, self.score, self.found = validation, NOTHING, NOTHING
        self.agents: Snapshot | None = None
        self.family: EconomyGenealogy | None = None
        self.origin, self.level = -1, 0.0

    @property
    def complete(self) -> bool:
        """Whether nothing is left to wish for."""
        return self.validation.complete(self.score)

    def advance(self, economy: Economy, seed: int) -> None:
        """Train until the next validation, and look. seed: the economy's."""
        economy.run(self.validation.every)
        if economy.level >= self.validation.level:
            agents, self.found = _look(self.validation, economy, self.score)
            if self.found > self.score:
                self.agents, self.score = agents, self.found
                self.origin, self.level, self.family = seed, economy.level, economy.genealogy()

    def champion(self, attempts: int, totals: np.ndarray, seconds: float) -> Champion:
        """The answer. totals: int64 [3], instances, auctions and steps of the whole search."""
        instances, auctions, steps = (int(total) for total in totals)
        return Champion(self.agents, self.score, self.complete, self.origin, self.level, attempts, instances, auctions, steps,
                        seconds, self.family)  # fmt: skip


def _look(validation: Validation, economy: Economy, best: Score) -> tuple[Snapshot, Score]:
    """The economy's agents now, pruned where that may make them the best so far."""
    agents = economy.snapshot()
    score = validation.score(economy, agents)
    if score.stages >= max(2, best.stages):
        agents, score = validation.prune(economy, agents, score)
    return agents, score


def islands(
    build: Callable[[int], Economy],
    seeds: Iterable[int],
    *,
    processes: int = 1,
    validation: Validation | None = None,
    restarts: Restarts | None = None,
) -> list[Champion]:
    """One search per seed, side by side in `processes` >= 1 processes; the answers are the same for any number of them. Nothing
    is sent between them: see `marketic.hayek.islands.migrate` for that.

    build: must be importable, as `multiprocessing` asks (no lambda) if processes > 1. Raises InputError for one that is not,
    for no seeds, and if a process ends before its search does.
    """
    seeds = seeds_and_processes("islands", seeds, processes)
    one = functools.partial(
        search,
        build,
        validation=part("validation", validation, Validation),
        restarts=part("restarts", restarts, Restarts),
    )
    workers = min(processes, len(seeds))
    if workers == 1:
        return [one(seed) for seed in seeds]
    check_importable("islands", processes, build)
    with started(_handler, [(one,)] * workers) as others:
        return share_out(others, seeds)


def _handler(search_from: Callable[[int], Champion]) -> Callable[[int], Champion]:
    """What a process does with the seeds that it is sent."""
    return search_from


def built(caller: str, build: Any, seed: int) -> Economy:
    """The economy for a seed. Raises InputError if `build` makes none."""
    if not callable(build):
        raise InputError(f"{caller}: build={build!r}: wanted a function of a seed that makes an Economy")
    economy = build(seed)
    if not isinstance(economy, Economy):
        raise InputError(f"{caller}: build({seed}) made {economy!r}: wanted a marketic.hayek.Economy")
    return economy


def seeds_and_processes(caller: str, seeds: Any, processes: Any) -> list[int]:
    """The seeds as a list. Raises InputError for none, for what is no seed, and for a number of processes below 1."""
    if not isinstance(seeds, Iterable) or isinstance(seeds, str | bytes):
        raise InputError(f"{caller}(seeds={seeds!r}): wanted a list of whole numbers >= 0")
    given = list(seeds)
    wanted = isinstance(processes, int | np.integer) and not isinstance(processes, bool)
    if not wanted or processes < 1 or not given:
        raise InputError(f"{caller}(seeds={given}, processes={processes!r}): wanted at least one of each")
    return [seed_of(seed) for seed in given]


def check_importable(caller: str, processes: int, build: Any) -> None:
    """Raise InputError for a function that cannot be sent to another process."""
    try:
        pickle.dumps(build)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"{caller}(processes={processes}): {error}: wanted a `build` that other processes can import "
            "(a function of a module, no lambda)"
        ) from None


def best_of(champions: Iterable[Champion]) -> Champion:
    """The champion with the best score; the first of equals. Raises InputError for none at all, and for other things."""
    found = list(champions) if isinstance(champions, Iterable) else []
    if not found or not all(isinstance(one, Champion) for one in found):
        raise InputError(f"best_of({champions!r}): wanted at least one champion, as `islands` returns them")
    return max(found, key=lambda champion: champion.score)
