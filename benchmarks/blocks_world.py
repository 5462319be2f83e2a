"""How fast the economy of programs trades on Blocks World.

    marketic bench blocks-world [--quick] [--json]

Auctions per second of process CPU time, on one core, after compilation: everything included that happens around an auction
(matching up to 300 programs, moving blocks, payments, taxes, births, deaths, the curriculum). Training: a fresh economy from
random programs, the best and the worst of its spells of some 600 instances told apart, since small instances have few auctions
each. Frozen: a trained snapshot on 1,000 blocks.
"""

import statistics
import time
from functools import partial
from typing import Any

from marketic.agents.program_species import MacroPrograms
from marketic.benchmarks.measure import cpu_seconds
from marketic.envs.blocks_world_vocabulary import world
from marketic.hayek.economy import Economy
from marketic.result import Row, result

BAR = 200_000.0
SEEDS = (301, 302, 303)


def run(quick: bool = False) -> dict[str, Any]:
    """Three economies of 3 million auctions each (`quick`: one of half a million). Returns the result as a JSON-able object."""
    start = time.perf_counter()
    speeds, spells, frozen = [], [], []
    for seed in SEEDS[:1] if quick else SEEDS:
        speed, parts, still = train(seed, 500_000 if quick else 3_000_000)
        speeds.append(speed)
        spells += parts
        frozen += still
    rows = [at_least("training: auctions per CPU second, median economy", statistics.median(speeds))]
    if frozen:
        rows.append(at_least("frozen, 1,000 blocks: auctions per CPU second", statistics.median(frozen)))
    details = {"slowest spell": round(min(spells)), "fastest spell": round(max(spells)), "spells": len(spells)}
    return result("blocks-world", rows, time.perf_counter() - start, details)


def at_least(what: str, value: float) -> Row:
    """A row whose value must reach BAR."""
    return Row(what, round(value), f">= {BAR:,.0f}", value >= BAR)


def train(seed: int, auctions: int) -> tuple[float, list[float], list[float]]:
    """Auctions per CPU second over all spells, of each, and frozen (empty if there is nobody to freeze)."""
    economy = Economy(MacroPrograms(world()), seed=seed)
    economy.run(1)  # compile
    spells, seconds, first = [], 0.0, economy.auctions
    while economy.auctions < auctions:
        before = economy.auctions
        spell = cpu_seconds(partial(economy.run, 600))
        spells.append((economy.auctions - before) / spell)
        seconds += spell
    agents, frozen = economy.snapshot(), []
    if len(agents):
        before_frozen = time.process_time()
        outcomes = economy.evaluate(1000, 3, seed=0, agents=agents)
        frozen = [float(outcomes.auctions.sum()) / (time.process_time() - before_frozen)]
    return (economy.auctions - first) / seconds, spells, frozen
