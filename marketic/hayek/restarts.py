"""Restarts and islands: several economies from different seeds, one validated winner.

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
from marketic.hayek.genealogy import Genealogy
from marketic.hayek.validation import NOTHING, Score, Validation


@dataclass(frozen=True)
class Restarts:
    """auctions: after which an economy is given up if nothing was complete, >= 1. attempts: economies at most, >= 1."""

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
    family: Genealogy | None


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
    validation, restarts, start = validation or Validation(), restarts or Restarts(), time.process_time()
    best: tuple[Snapshot | None, Score] = (None, NOTHING)
    origin, level, family = -1, 0.0, None
    totals = np.zeros(3, dtype=np.int64)
    attempts = 0
    for number in _seeds(seed, restarts.attempts):
        attempts += 1
        economy = build(number)
        found = best[1]
        while economy.auctions < restarts.auctions and not validation.complete(found):
            economy.run(validation.every)
            if economy.level >= validation.level:
                agents, found = _look(validation, economy, best[1])
                if found > best[1]:
                    best, origin, level = (agents, found), number, economy.level
                    family = Genealogy.of(economy)
        totals += (economy.instances, economy.auctions, economy.steps)
        if validation.complete(best[1]):
            break
    instances, auctions, steps = (int(total) for total in totals)
    complete, seconds = validation.complete(best[1]), time.process_time() - start
    return Champion(*best, complete, origin, level, attempts, instances, auctions, steps, seconds, family)


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
    """One search per seed, side by side in `processes` >= 1 processes; the answers are the same for any number of them.

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


def _seeds(seed: int, count: int) -> list[int]:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={seed!r}: wanted a whole number >= 0")
    return [int(number) for number in np.random.SeedSequence(seed).generate_state(count, np.uint32)]
