"""Random S-expressions trade their way to solving Blocks World.

Claim: Baum and Durdanovic 2000 (Evolution of cooperative problem solving in an artificial economy): an economy
of programs that are typed S-expressions, random at first and paid only for whole solutions, solves goal stacks
of up to 200 blocks. Command: marketic reproduce blocks-world-sexpr [--quick] [--json]. Measured figures: experiments/README.md.

Programs are free-form: any well-typed expression of up to 24 words over the sensors, with `and`, `or`, `not`, comparisons,
arithmetic, `if`, `then`, `when`, `twice` and loops (`marketic.agents.expression_language`); the economy is the one of
`blocks-world`, with the same prices. Per seed: up to 3 economies of up to 6 million auctions, and the snapshot
that does best on validation instances. Tests are on other instances, without learning. CPU seconds are of the whole search.

Differences from the paper: a price is a linear function of how many blocks are right, not an expression; a move from stack to
stack is one action; the engine sees that the task is solved. Sensors are the vocabulary's, "number correct" among them.
"""

import statistics
import time
from typing import Any

from marketic.agents.expression_language import Language
from marketic.agents.expression_species import ExpressionPrograms
from marketic.envs.blocks_world_vocabulary import world
from marketic.hayek.economy import Economy
from marketic.hayek.genealogy import explain
from marketic.hayek.restarts import Champion, Restarts, islands
from marketic.hayek.validation import Validation
from marketic.result import Row, result

VALIDATION = Validation(((20, 60), (60, 40), (120, 40), (250, 30)), every=600, thrift=20.0)
QUICK = Validation(((10, 20), (20, 20), (50, 10)), every=600, level=8.0)
TESTS = ((10, 200), (20, 200), (50, 200), (100, 200), (200, 100), (500, 40))
"""Sizes and numbers of test instances."""
TEST_SEED = 3 * 10**6


def build(seed: int) -> Economy:
    """The economy."""
    return Economy(ExpressionPrograms(Language(world()), tokens=24), seed=seed)


def held_out(champion: Champion, sizes: tuple[tuple[int, int], ...] = TESTS) -> dict[int, float]:
    """Success rate of a champion on fresh instances, by size."""
    if champion.agents is None:
        return {size: 0.0 for size, _ in sizes}
    economy = build(0)
    return {
        size: economy.evaluate(size, count, seed=TEST_SEED + size, agents=champion.agents).rate for size, count in sizes
    }


def run(quick: bool = False, processes: int = 1) -> dict[str, Any]:
    """Seeds 0 to 9 (`quick`: one seed, up to four economies of a million auctions each, up to 20 blocks).
    processes: for the seeds."""
    start = time.perf_counter()
    seeds, validation = (range(1, 2), QUICK) if quick else (range(10), VALIDATION)
    restarts = Restarts(1_000_000, 4) if quick else Restarts(6_000_000, 3)
    champions = islands(build, seeds, processes=processes, validation=validation, restarts=restarts)
    found = [held_out(champion, TESTS[:2] if quick else TESTS) for champion in champions]
    seconds = round(statistics.median(champion.seconds for champion in champions), 1)
    if quick:
        rows = [Row("n = 10: success rate, one seed", found[0][10], ">= 0.8", found[0][10] >= 0.8)]
    else:
        hundred, two = (sum(rates[size] >= 0.9 for rates in found) for size in (100, 200))
        rows = [
            Row(f"n = 100: seeds of {len(found)} that solve at least 90 %", hundred, ">= 5", hundred >= 5),
            Row(f"n = 200: seeds of {len(found)} that solve at least 90 %", two, ">= 5", two >= 5),
        ]
    rows.append(Row("CPU seconds of a seed's search, median", seconds, "<= 180", seconds <= 180))
    return result("blocks-world-sexpr", rows, time.perf_counter() - start, _details(seeds, champions, found))


def _details(seeds: range, champions: list[Champion], found: list[dict[int, float]]) -> list[dict[str, Any]]:
    """Per seed: what the search cost, the success rate at each size, and the programs."""
    details, economy = [], build(0)
    for seed, champion, rates in zip(seeds, champions, found, strict=True):
        entry: dict[str, Any] = {
            "seed": seed, "complete": champion.complete, "economies": champion.attempts, "instances": champion.instances,
            "auctions": champion.auctions, "cpu seconds": round(champion.seconds, 1), "level": round(champion.level),
            "success": {str(size): round(rate, 3) for size, rate in rates.items()},
        }  # fmt: skip
        if champion.agents is not None:
            shown = economy.evaluate(20, 40, seed=TEST_SEED, agents=champion.agents)
            entry["programs"] = explain(economy.species, champion.agents, shown)
        details.append(entry)
    return details
