"""Restarts: several economies from different seeds, one validated winner. `marketic.hayek.islands`: those that trade programs.

A budget is counted in auctions, not in seconds, so that the answer depends on the seed alone: not on the machine, nor on how
many processes share the islands.
"""

import functools
import multiprocessing
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from marketic.errors import InputError
from marketic.hayek.economy import Economy, Snapshot
from marketic.hayek.genealogy import EconomyGenealogy
from marketic.hayek.validation import NOTHING, Score, Validation


@dataclass(frozen=True)
class Restarts:
    """auctions: after which, or after as many instances (there are economies in which nobody bids), an economy is given up if
    nothing was complete, >= 1. attempts: economies at most, >= 1."""

    auctions: int = 8_000_000
    attempts: int = 6

    def __post_init__(self) -> None:
        if self.auctions < 1 or self.attempts < 1:
            raise InputError(f"{self}: wanted auctions and attempts >= 1")


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

    build: makes an economy from a seed. seed: of the whole search, >= 0.
    """
    restarts, start = restarts or Restarts(), time.process_time()
    record, totals, attempts = Record(validation or Validation()), np.zeros(3, dtype=np.int64), 0
    for number in seeds_of(seed, restarts.attempts):
        attempts += 1
        economy = build(number)
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

    build: must be importable, as `multiprocessing` asks (no lambda) if processes > 1.
    """
    seeds = list(seeds)
    if processes < 1 or not seeds:
        raise InputError(f"islands(seeds={seeds}, processes={processes}): wanted at least one of each")
    one = functools.partial(search, build, validation=validation, restarts=restarts)
    if processes == 1:
        return [one(seed) for seed in seeds]
    with multiprocessing.get_context("spawn").Pool(min(processes, len(seeds))) as pool:
        return pool.map(one, seeds, chunksize=1)


def best_of(champions: Iterable[Champion]) -> Champion:
    """The champion with the best score; the first of equals."""
    return max(champions, key=lambda champion: champion.score)


def seeds_of(seed: int, count: int) -> list[int]:
    """The seeds of economies, from the seed of a search. Raises InputError for one below 0."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={seed!r}: wanted a whole number >= 0")
    return [int(number) for number in np.random.SeedSequence(seed).generate_state(count, np.uint32)]
