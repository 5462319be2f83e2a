"""Islands: economies that live side by side, in one process or several, and send each other their best programs.

The island model of parallel evolution (Cohoon, Hegde, Martin and Richards 1987; Tanese 1989): a ring, in which every so often
copies of each island's richest agents settle on the next. They keep their prices, which are shares of the prize and so mean the
same everywhere; the treasury there endows them. All islands meet at the end of each epoch, so the answer depends on the seeds
alone, and not on how many processes share the work. What is sent goes through pipes.
"""

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.hayek.doors import part, seeds_of
from marketic.hayek.economy import Economy
from marketic.hayek.restarts import (
    LOST_PROCESS,
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
    with _workers(given) as handlers:
        letters: list[Letter | None] = [None] * len(numbers)
        while True:
            answers = [answer for handle in handlers for answer in handle(letters)]
            if any(complete for _, _, complete, _ in answers) or all(over for _, _, _, over in answers):
                return sorted_champions([found for handle in handlers for found in handle(None)])
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


class _Distant:
    """A worker in another process, at the end of a pipe; all are asked before the first is waited for."""

    def __init__(self, context: Any, given: tuple[Any, ...]) -> None:
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, given), daemon=True)
        self.process.start()
        other.close()

    def send(self, letters: Any) -> None:
        """Ask it; what has ended answers to `receive`."""
        with contextlib.suppress(OSError):
            self.pipe.send(letters)

    def receive(self) -> list[Any]:
        """Its answer. Raises what it raised."""
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):
            raise InputError(LOST_PROCESS) from None
        if isinstance(answer, Exception):
            raise answer
        found: list[Any] = answer
        return found


def _serve(pipe: Any, given: tuple[Any, ...]) -> None:
    try:
        worker = _Worker(*given)
        while True:
            pipe.send(worker(pipe.recv()))
    except EOFError:
        return
    except Exception as error:  # whatever it is, the caller has to hear of it
        pipe.send(error)


@contextlib.contextmanager
def _workers(given: list[tuple[Any, ...]]) -> Iterator[list[Callable[[Any], list[Any]]]]:
    """Handlers of letters: one here, or one that asks all processes at once."""
    if len(given) == 1:
        yield [_Worker(*given[0])]
        return
    context = multiprocessing.get_context("spawn")
    check_importable("migrate", len(given), given[0][0])
    distant = [_Distant(context, parts) for parts in given]

    def ask(letters: Any) -> list[Any]:
        for worker in distant:
            worker.send(letters)
        return [answer for worker in distant for answer in worker.receive()]

    try:
        yield [ask]
    finally:
        for worker in distant:
            worker.pipe.close()
            worker.process.terminate()
            worker.process.join()
