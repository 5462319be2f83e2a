"""Random programs trade their way to solving Blocks World at any height.

Claim: Baum and Durdanovic 2000 (Evolution of cooperative problem solving in an artificial economy): an economy of programs,
starting from random code and paid only for whole solutions, solves goal stacks of up to 200 blocks, where other learners of
their day reached 8. As in their stronger variant, programs may read how many blocks are right ("number correct").
Command: marketic reproduce blocks-world [--quick] [--json]. Measured figures: experiments/README.md.

Per seed: up to 6 economies of up to 8 million auctions (`marketic.hayek.restarts`), trained on at most 200 scrambled blocks;
snapshots are chosen on validation instances of 20 to 5,000 blocks and pruned there (`marketic.hayek.validation`), and the
first to solve all of them in at most 9.7 moves per block is the answer. Tests are on other instances, without learning. One
economy solves all sizes; larger ones take more auctions, and the exponent says how many.

Differences from the paper: programs are guarded macros, not S-expressions; a move from stack to stack is one action; the
engine sees that the task is solved, nobody says "done".
"""

import math
import statistics
import time
from typing import Any

import numpy as np

from marketic.agents.program_species import MacroPrograms
from marketic.envs.blocks_world_vocabulary import world
from marketic.hayek.economy import Economy
from marketic.hayek.genealogy import explain
from marketic.hayek.restarts import Champion, Restarts, islands
from marketic.hayek.validation import Validation
from marketic.result import Row, result

VALIDATION = Validation(((20, 100), (60, 60), (200, 60), (1000, 40), (5000, 4)), every=600, thrift=9.7)
QUICK = Validation(((20, 60), (60, 30), (200, 20)), every=300, thrift=12.0)
TESTS = ((10, 400), (20, 400), (50, 400), (100, 200), (200, 200), (500, 100), (1000, 100), (5000, 10))
"""Sizes and numbers of test instances."""
TEST_SEED = 2 * 10**6


def build(seed: int) -> Economy:
    """The economy as it ships."""
    return Economy(MacroPrograms(world()), seed=seed)


def held_out(champion: Champion, sizes: tuple[tuple[int, int], ...] = TESTS) -> list[dict[str, float]]:
    """A champion on fresh instances: per size its success rate, moves and auctions per instance (of those solved)."""
    economy, found = build(0), []
    for size, count in sizes:
        if champion.agents is None:
            found.append({"size": size, "rate": 0.0, "moves": float("nan"), "auctions": float("nan")})
            continue
        outcomes = economy.evaluate(size, count, seed=TEST_SEED + size, agents=champion.agents)
        good = outcomes.solved
        steps, auctions = (
            float(x[good].mean()) if good.any() else float("nan") for x in (outcomes.steps, outcomes.auctions)
        )
        found.append({"size": size, "rate": outcomes.rate, "moves": steps, "auctions": auctions})
    return found


def exponent(tests: list[dict[str, float]]) -> float:
    """b of auctions = a * size ** b, least squares in logarithms over the sizes that are solved."""
    points = [(np.log(t["size"]), np.log(t["auctions"])) for t in tests if t["rate"] > 0.0]
    sizes, auctions = [x for x, _ in points], [y for _, y in points]
    return float(np.polyfit(sizes, auctions, 1)[0]) if len(points) > 1 else float("nan")


def run(quick: bool = False, processes: int = 1) -> dict[str, Any]:
    """Seeds 0 to 9 (`quick`: one seed, one economy of 3 million auctions, blocks up to 200). processes: for the seeds."""
    start = time.perf_counter()
    seeds, validation = (range(1), QUICK) if quick else (range(10), VALIDATION)
    restarts = Restarts(3_000_000, 1) if quick else Restarts()
    champions = islands(build, seeds, processes=processes, validation=validation, restarts=restarts)
    sizes = tuple((size, min(count, 40)) for size, count in TESTS if size <= 200) if quick else TESTS
    tests = [held_out(champion, sizes) for champion in champions]
    rows = _quick_rows(champions, tests) if quick else _rows(champions, tests)
    return result("blocks-world", rows, time.perf_counter() - start, _details(champions, tests))


def _rates(tests: list[list[dict[str, float]]], size: int, what: str = "rate") -> list[float]:
    return [entry[what] for found in tests for entry in found if entry["size"] == size]


def _rows(champions: list[Champion], tests: list[list[dict[str, float]]]) -> list[Row]:
    seeds, at_200, at_1000 = len(tests), min(_rates(tests, 200)), sum(rate == 1.0 for rate in _rates(tests, 1000))
    moves = statistics.median(m / 1000 if m == m else math.inf for m in _rates(tests, 1000, "moves"))  # failed: inf
    minutes = max(champion.seconds for champion in champions) / 60
    grows = statistics.median(b if b == b else 0.0 for b in map(exponent, tests))  # not known: no growth
    return [
        Row(f"n = 200: worst success rate of {seeds} seeds", at_200, ">= 0.99", at_200 >= 0.99),
        Row(f"n = 1,000: seeds of {seeds} that solve all test instances", at_1000, ">= 8", at_1000 >= 8),
        Row("n = 1,000: moves per block, median of seeds", round(moves, 2), "<= 10", moves <= 10.0),
        Row("CPU minutes of training, worst seed", round(minutes, 2), "<= 3", minutes <= 3.0),
        Row("auctions grow as n to the power, median of seeds", round(grows, 3), ">= 0.9", grows >= 0.9),
    ]


def _quick_rows(champions: list[Champion], tests: list[list[dict[str, float]]]) -> list[Row]:
    rate, grows = _rates(tests, 50)[0], exponent(tests[0])
    return [
        Row("n = 50: success rate, one seed", rate, ">= 0.9", rate >= 0.9),
        Row("auctions grow as n to the power, one seed", round(grows, 3), ">= 0.9", grows >= 0.9),
    ]


def _details(champions: list[Champion], tests: list[list[dict[str, float]]]) -> list[dict[str, Any]]:
    """Per seed: what the search cost, how the champion did at each size, and its programs in words."""
    details, economy = [], build(0)
    for number, (champion, found) in enumerate(zip(champions, tests, strict=True)):
        entry: dict[str, Any] = {
            "seed": number, "complete": champion.complete, "economies": champion.attempts, "instances": champion.instances,
            "auctions": champion.auctions, "cpu seconds": round(champion.seconds, 1), "level": round(champion.level),
            "tests": [{key: round(v, 3) if v == v else None for key, v in line.items()} for line in found],
        }  # fmt: skip
        if champion.agents is not None:
            shown = economy.evaluate(50, 40, seed=TEST_SEED, agents=champion.agents)
            entry |= {"agents": len(champion.agents), "programs": explain(economy.species, champion.agents, shown)}
        details.append(entry)
    return details
