"""Islands: economies that live side by side, in one process or several, and send each other their best programs.

The island model of parallel evolution (Cohoon, Hegde, Martin and Richards 1987; Tanese 1989): a ring, in which every so often
copies of each island's richest agents settle on the next. They keep their prices, which are shares of the prize and so mean the
same everywhere; the treasury there endows them. All islands meet at the end of each epoch, so the answer depends on the seeds
alone, and not on how many processes share the work. What is sent goes through pipes.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.hayek.doors import part, seeds_of
from marketic.hayek.economy import Economy
from marketic.hayek.processes import ask_all, started
from marketic.hayek.restarts import (
    Champion,
    Record,
    Restarts,
    built,
    check_importable,
    seeds_and_processes,
)
from marketic.hayek.snapshot import Snapshot
from marketic.hayek.validation import Validation
from marketic.numbers import check_wholes

Build = Callable[[int], Economy]
Letter = tuple[int, Snapshot]
"""Who sends (number of the island), and copies of agents."""


@dataclass(frozen=True)
class Migration:
    """every: epochs are so many validations long, >= 1. agents: how many of the richest are sent, >= 1.

    Raises InputError for anything but whole numbers >= 1.
    """

    every: int = 5
    agents: int = 10

    def __post_init__(self) -> None:
        check_wholes(self, every=1, agents=1)


class Island:
    """One economy, and the best snapshot that it has shown so far. number: its place in the ring."""

    def __init__(self, build: Build, seed: int, number: int, validation: Validation, budget: int) -> None:
        self.number, self.budget, self.start, self.seconds = number, budget, time.process_time(), 0.0
        self.economy, self.record = built("migrate", build, seed), Record(validation)
        self.seed = seed

    @property
    def over(self) -> bool:
        """Whether it has shown all, or spent its budget (see `Restarts`)."""
        return self.record.complete or max(self.economy.auctions, self.economy.instances) >= self.budget

    def epoch(self, migration: Migration, letter: Letter | None) -> Letter:
        """Let newcomers in, live, and copy the richest for the next island."""
        start = time.process_time()
        if letter is not None and len(letter[1]):
            self.economy.admit(letter[1], island=letter[0])
        for _ in range(migration.every):
            if not self.over:
                self.record.advance(self.economy, self.seed)
        agents = self.economy.snapshot()
        self.seconds += time.process_time() - start
        return self.number, agents.keep(np.argsort(-agents.wealth, kind="stable")[: migration.agents])

    def champion(self) -> Champion:
        """The island's answer."""
        totals = np.array([self.economy.instances, self.economy.auctions, self.economy.steps])
        return self.record.champion(1, totals, self.seconds)


def migrate(
    build: Build,
    seeds: Iterable[int],
    *,
    processes: int = 1,
    migration: Migration | None = None,
    validation: Validation | None = None,
    restarts: Restarts | None = None,
) -> list[Champion]:
    """One economy per seed, on a ring of islands, until one has shown all or the budgets are spent; their champions.

    build: makes an economy from a seed; must be importable, as `multiprocessing` asks (no lambda), if processes > 1. restarts:
    its auctions times its attempts are each island's budget; nothing is restarted. Raises InputError for no seeds.
    """
    numbers = [seeds_of(seed, 1)[0] for seed in seeds_and_processes("migrate", seeds, processes)]
    migration, restarts = part("migration", migration, Migration), part("restarts", restarts, Restarts)
    validation = part("validation", validation, Validation)
    budget, workers = restarts.auctions * restarts.attempts, min(processes, len(numbers))
    plans = [[(k, numbers[k]) for k in range(w, len(numbers), workers)] for w in range(workers)]
    given = [(build, plan, validation, budget, migration) for plan in plans]
    with _workers(given) as ask:
        letters: list[Letter | None] = [None] * len(numbers)
        while True:
            answers = ask(letters)
            if any(complete for _, _, complete, _ in answers) or all(over for _, _, _, over in answers):
                return sorted_champions(ask(None))
            for number, letter, _, _ in answers:
                letters[(number + 1) % len(numbers)] = letter if len(numbers) > 1 else None


def sorted_champions(found: Sequence[tuple[int, Champion]]) -> list[Champion]:
    """In the order of the seeds."""
    return [champion for _, champion in sorted(found, key=lambda pair: pair[0])]


class _Worker:
    """Some of the islands, told what to do by letters; None: hand over the champions."""

    def __init__(
        self, build: Build, plan: list[tuple[int, int]], validation: Validation, budget: int, migration: Migration
    ) -> None:
        self.islands = [Island(build, seed, number, validation, budget) for number, seed in plan]
        self.migration = migration

    def __call__(self, letters: list[Letter | None] | None) -> list[Any]:
        if letters is None:
            return [(island.number, island.champion()) for island in self.islands]
        answers = []
        for island in self.islands:
            letter = island.epoch(self.migration, letters[island.number])
            answers.append((island.number, letter, island.record.complete, island.over))
        return answers


@contextlib.contextmanager
def _workers(given: list[tuple[Any, ...]]) -> Iterator[Callable[[Any], list[Any]]]:
    """A function that hands letters to all workers and returns their answers: one here, or several in other processes."""
    if len(given) == 1:
        yield _Worker(*given[0])
        return
    check_importable("migrate", len(given), given[0][0])
    with started(_Worker, given) as processes:
        yield lambda letters: [answer for found in ask_all(processes, letters) for answer in found]
