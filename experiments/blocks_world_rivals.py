"""Blocks World without a market: Q-learning, genetic programming and hill climbing with ten times the market's CPU time.

Claim: Baum and Durdanovic 2000: on the same task genetic programming and hill climbing over programs, and reinforcement
learning over the same sensors, stay at a few blocks. Here all four see the same terms, make the same moves and climb the
same curriculum; what is measured is the largest n of which 90 % of held-out random instances are solved.
Command: marketic reproduce blocks-world-rivals [--quick] [--json]. Measured figures: experiments/README.md.

- market: until a snapshot solves all validation instances of 20, 60 and 200 blocks. Its CPU time is the unit.
- Q-learning (Watkins and Dayan 1992): a table over the colours that the terms tell and over which stacks are empty, and which
  heights equal the number correct; epsilon-greedy, with potential-based shaping by the number correct (Ng, Harada and
  Russell 1999), which the market does not get.
- genetic programming: an individual is a whole solution, an ordered list of 12 programs of the market's own kind, of which the
  first that applies acts. 100 individuals, tournaments of 4, crossover of lists, the market's mutations. Fitness is the
  share of instances solved plus half of the progress on the others (nobody pays the market for progress, but its bids may
  rise with it), or the share solved alone.
- hill climbing: one such list; a mutant replaces it if it is no worse on the same fresh instances. Fitness likewise.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import njit

from marketic.agents.program_species import MacroPrograms
from marketic.array_table import ints_1d
from marketic.envs import blocks_world_kernels as blocks
from marketic.envs.blocks_world_vocabulary import blank_state, world
from marketic.hayek.economy import Economy
from marketic.hayek.instance import APPLIES, BEGIN, PERFORM
from marketic.hayek.interface import ACTS, CAP, OVER, PROGRESS, SIZE, SOLVED, STATE, TICKS, call_species
from marketic.hayek.random_numbers import below, random_state, uniform
from marketic.hayek.restarts import Restarts, search
from marketic.hayek.validation import Validation
from marketic.result import Row, result

SIZES = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50, 100, 200, 500)
INSTANCES = 200
"""Of a test, at each size (a tenth as many from 100 blocks on)."""
TEST_SEED = 3 * 10**6
LIST, FEW = 12, 20
"""Programs of an individual, and instances of its fitness."""


def build(seed: int) -> Economy:
    """The market's economy, as it ships."""
    return Economy(MacroPrograms(world()), seed=seed)


def largest(solves: Callable[[int, int], float]) -> int:
    """The largest of SIZES that is solved in 90 % of its instances, whatever happens at smaller ones; 0: none."""
    downwards = (n for n in reversed(SIZES) if solves(n, INSTANCES if n < 100 else INSTANCES // 10) >= 0.9)
    return next(downwards, 0)


def market(seed: int, quick: bool) -> tuple[int, float]:
    """Largest n, and the CPU seconds of training."""
    stages = ((20, 60), (60, 30)) if quick else ((20, 60), (60, 60), (200, 60))
    restarts = Restarts(3_000_000, 1) if quick else Restarts()
    champion = search(build, seed, validation=Validation(stages, every=300), restarts=restarts)
    economy, agents = build(0), champion.agents
    if agents is None:
        return 0, champion.seconds
    return largest(lambda n, k: economy.evaluate(n, k, seed=TEST_SEED + n, agents=agents).rate), champion.seconds


class ListSolver:
    """Ordered lists of programs, played and bred in one table; the list at work is in its first LIST rows."""

    def __init__(self, seed: int, shaped: float = 0.5) -> None:
        self.shaped = shaped
        self.species = MacroPrograms(world())
        self.table = self.species.table(2 * LIST, max(SIZES), seed)
        self.address = self.species.functions.addresses()
        self.code = self.table.arrays[2]
        self.rng = np.random.default_rng(seed)

    def random(self) -> np.ndarray:
        """A random list, int64 [LIST, L]."""
        for row in range(LIST):
            self.species.functions.breed(self.table.rows, row, -1, -1)
        return self.code[:LIST].copy()

    def mutant(self, of: np.ndarray) -> np.ndarray:
        """A list with one to three changes: a program mutated or made afresh, or two that change places."""
        self.code[:LIST], child = of, of.copy()
        for _ in range(int(self.rng.integers(1, 4))):
            row, other = (int(x) for x in self.rng.integers(0, LIST, 2))
            if self.rng.random() < 0.2:
                child[[row, other]] = child[[other, row]]
            else:
                self.code[row] = child[row]
                self.species.functions.breed(self.table.rows, LIST, row if self.rng.random() < 0.8 else -1, other)
                child[row] = self.code[LIST]
        return child

    def play(self, programs: np.ndarray, size: int, count: int, seed: int) -> tuple[float, float]:
        """Share of instances solved, and of the others' progress."""
        self.code[:LIST] = programs
        self.table.arrays[1][:] = random_state(seed)
        solved, progress = play_list(self.table.rows, self.address, LIST, size, count)
        return solved / count, progress / count

    def fitness(self, programs: np.ndarray, level: int, seed: int) -> float:
        """Half of the instances at the level, half below; solved plus `shaped` times the progress."""
        scores = [self.play(programs, n, FEW // 2, seed + n) for n in (level, max(2, level // 2))]
        return sum(solved + self.shaped * progress for solved, progress in scores) / 2


@njit(cache=True)
def play_list(table, address, length, size, count):  # type: ignore[no-untyped-def]
    """The first program that applies acts, again and again. Returns how many instances were solved, and the progress left."""
    state, solved, progress = ints_1d(table, STATE), 0, 0.0
    for _ in range(count):
        call_species(address[BEGIN], table, size, 0, 0)
        state[TICKS] = 0
        acted = True
        while acted and state[OVER] == 0 and state[TICKS] < state[CAP]:
            acted = False
            for row in range(length):
                if call_species(address[APPLIES], table, row, 0, 0) == ACTS:
                    state[TICKS] += max(call_species(address[PERFORM], table, row, 0, 0), 1)
                    acted = True
                    break
        solved += state[SOLVED]
        progress += 0.0 if state[SOLVED] == 1 else state[PROGRESS] / state[SIZE]
    return solved, progress


def higher(level: int) -> int:
    """The curriculum's next level, at most the largest size of the test."""
    return min(max(level + 1, int(level * 1.1)), max(SIZES))


def hill_climbing(seed: int, seconds: float, shaped: float = 0.5) -> tuple[int, float]:
    """Largest n after this much CPU time, or when the largest size is solved; and the CPU seconds of the search."""
    solver, start, level, round_ = ListSolver(seed, shaped), time.process_time(), 2, 0
    best = solver.random()
    while time.process_time() - start < seconds:
        round_ += 1
        child = solver.mutant(best)
        if solver.fitness(child, level, round_) >= solver.fitness(best, level, round_):
            best = child
        if round_ % 20 == 0 and solver.play(best, level, 50, round_)[0] >= 0.9:
            if level == max(SIZES):
                break
            level = higher(level)
    spent = time.process_time() - start
    return largest(lambda n, k: solver.play(best, n, k, TEST_SEED + n)[0]), spent


def genetic_programming(seed: int, seconds: float, shaped: float = 0.5, individuals: int = 100) -> tuple[int, float]:
    """Largest n after this much CPU time, or when the largest size is solved; and the CPU seconds of the search."""
    solver, start, level, generation = ListSolver(seed, shaped), time.process_time(), 2, 0
    crowd = [solver.random() for _ in range(individuals)]
    best = crowd[0]
    while time.process_time() - start < seconds:
        generation += 1
        fitness = np.array([solver.fitness(one, level, generation * 1000) for one in crowd])
        best = crowd[int(fitness.argmax())]
        if solver.play(best, level, 50, generation)[0] >= 0.9:
            if level == max(SIZES):
                break
            level = higher(level)
        winner = [int(c[fitness[c].argmax()]) for c in solver.rng.integers(0, individuals, (2 * individuals, 4))]
        children = []
        for mother, father in zip(winner[1:individuals], winner[individuals + 1 :], strict=False):
            cut = int(solver.rng.integers(0, LIST)) if solver.rng.random() < 0.7 else LIST
            children.append(solver.mutant(np.concatenate([crowd[mother][:cut], crowd[father][cut:]])))
        crowd = [best, *children]
    spent = time.process_time() - start
    return largest(lambda n, k: solver.play(best, n, k, TEST_SEED + n)[0]), spent


CELLS = 4**7 * 2**6


def q_learning(seed: int, seconds: float) -> tuple[int, float]:
    """Largest n after this much CPU time, and the CPU seconds of learning."""
    start, level, success = time.process_time(), 2, 0.6
    table, random, state = np.zeros((CELLS, 6)), random_state(seed), blank_state(max(SIZES))
    while time.process_time() - start < seconds:
        solved = q_episodes(table, random, state, level, 50, 0.1, 0.1)
        success = 0.8 * success + 0.2 * solved / 50
        if success > 0.9:
            level, success = higher(level), 0.6
        elif success < 0.3 and level > 2:
            level, success = level - 1, 0.6
    spent, frozen = time.process_time() - start, random_state(TEST_SEED)
    return largest(lambda n, k: q_episodes(table, frozen, state, n, k, 0.0, 0.02) / k), spent


@njit(cache=True)
def cell(terms):  # type: ignore[no-untyped-def]
    """Seven colours, which stacks are empty, whether stack 1 has no wrong block, and how heights 2 and 3 compare."""
    number = 0
    for k in range(7):
        number = number * 4 + terms[k]
    correct, first, second, third = terms[7], terms[9], terms[10], terms[11]
    for fact in (first == 0, second == 0, third == 0, correct == first, correct == 0, second < third):
        number = number * 2 + (1 if fact else 0)
    return number


@njit(cache=True)
def q_episodes(table, random, state, level, count, rate, epsilon):  # type: ignore[no-untyped-def]
    """Play episodes of 2 to `level` blocks (half of them, all if rate is 0, of `level`); returns how many were solved."""
    terms, solved, discount = np.zeros(16, dtype=np.int64), 0, 0.99
    for _ in range(count):
        size = level if rate == 0.0 or uniform(random) < 0.5 else 2 + below(random, level - 1)
        blocks.begin(state, size, 0, random)
        blocks.sense(state, 0, 0, terms)
        here = cell(terms)
        for _ in range(state[CAP]):
            if state[OVER] == 1:
                break
            action = below(random, 6) if uniform(random) < epsilon else int(np.argmax(table[here]))
            before = state[PROGRESS] / state[SIZE]
            blocks.move(state, action, 0, terms)
            blocks.sense(state, 0, 0, terms)
            there = cell(terms)
            gain = 1.0 - before if state[SOLVED] == 1 else discount * table[there].max()
            gain += 0.0 if state[SOLVED] == 1 else discount * state[PROGRESS] / state[SIZE] - before
            table[here, action] += rate * (gain - table[here, action])
            here = there
        solved += state[SOLVED]
    return solved


RIVALS: dict[str, Callable[[int, float], tuple[int, float]]] = {
    "Q-learning": q_learning,
    "genetic programming": genetic_programming,
    "genetic programming, whole solutions only": partial(genetic_programming, shaped=0.0),
    "hill climbing": hill_climbing,
    "hill climbing, whole solutions only": partial(hill_climbing, shaped=0.0),
}


def run(quick: bool = False, seeds: int = 3) -> dict[str, Any]:
    """The market first, then each rival with ten times its CPU time; `quick`: one seed, at most 2 s for each rival."""
    start, details = time.perf_counter(), []
    build(0).run(1)  # compile
    for seed in range(1 if quick else seeds):
        reached, unit = market(seed, quick)
        entry: dict[str, Any] = {"seed": seed, "market": reached, "market's CPU seconds": round(unit, 2)}
        for name, rival in RIVALS.items():
            entry[name], spent = rival(seed, min(0.2 * unit, 2.0) if quick else 10.0 * unit)
            entry[f"{name}'s CPU seconds"] = round(spent, 2)
        details.append(entry)
    ours = statistics.median(entry["market"] for entry in details)
    rows = [Row(f"market: largest n at 90 %, median of {len(details)} seeds", ours, ">= 20" if quick else ">= 200",
                ours >= (20 if quick else 200))]  # fmt: skip
    for name in RIVALS:
        theirs = statistics.median(entry[name] for entry in details)
        given = "at most 2 s" if quick else "10 x the market's CPU time"
        rows.append(Row(f"{name}, {given}: largest n at 90 %", theirs, "(reported)", True))
    return result("blocks-world-rivals", rows, time.perf_counter() - start, details)
