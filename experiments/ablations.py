"""Which parts of the economy of programs matter: each is taken out of Blocks World in turn.

Claim: ours, after Baum and Durdanovic 2000, who say that property rights and conservation of money are what makes such
economies work. Command: marketic reproduce ablations [--quick] [--json] (writes ablations.png where it is called, if
matplotlib is there). Measured figures: experiments/README.md.

Every variant gets the same budget of auctions per seed. "Level" is the highest size of instance that the curriculum reached;
"solved" is the share of held-out instances of 50 blocks that the best validated snapshot solves, without further learning.
A part breaks the economy if the median level falls below half of the unchanged economy's.
"""

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from marketic.agents.program_species import MacroPrograms
from marketic.envs.blocks_world_vocabulary import world
from marketic.hayek.books import HIGHEST
from marketic.hayek.economy import Economy
from marketic.hayek.rules import Auction, Births, Curriculum, Novices, Taxes
from marketic.hayek.validation import NOTHING, Validation
from marketic.result import Row, result

SOUND = Validation(((20, 30), (50, 20), (200, 10)), every=600, level=8.0)
TEST_SEED = 4 * 10**6


@dataclass(frozen=True)
class Variant:
    """name; parts: what differs in the economy; loops, number_correct: of the programs and of what they see."""

    name: str
    parts: dict[str, Any] = field(default_factory=dict)
    loops: bool = True
    number_correct: bool = True


VARIANTS = (
    Variant("nothing taken out"),
    Variant("idle bodies may bid", {"auction": Auction(idle_ban=False)}),
    Variant("no stop-loss", {"auction": Auction(stop_loss=np.inf)}),
    Variant("bids may sink below 0 (slopes up to 2)", {"births": Births(slope=2.0)}),
    Variant("bids without progress", {"births": Births(slope=0.0)}),
    Variant("no number correct in guards", {}, number_correct=False),
    Variant("novices in nine of ten instances", {"novices": Novices(trial=0.9)}),  # the curriculum counts the others
    Variant("random first bids", {"novices": Novices(entry="random")}),
    Variant("no wealth tax", {"taxes": Taxes(wealth=0.0)}),
    Variant("wealth tax of 0.5 %", {"taxes": Taxes(wealth=0.005)}),
    Variant("no move tax", {"taxes": Taxes(move=0.0)}),
    Variant("parents pay endowments", {"births": Births(payer="parent")}),
    Variant("nothing for parents", {"births": Births(share=0.0)}),
    Variant("no repetitions", {}, loops=False),
    Variant("second price", {"auction": Auction(price="second")}),
    Variant("bids as progress", {"auction": Auction(form="progress")}),
    Variant("twins may enter", {"novices": Novices(twins=True)}),
    Variant("bankrupts play on in the instance", {"auction": Auction(insolvency=False)}),
    Variant("no prefixes", {"curriculum": Curriculum(prefix=0.0)}),
)
DECISIVE = ("bids without progress",)
"""What is held to breaking the economy when it is taken out; of the others the figures are reported."""


def measure(variant: Variant, seed: int, auctions: int) -> tuple[float, float, float]:
    """Highest level, solved share of 50 blocks, and CPU seconds."""
    start = time.process_time()
    species = MacroPrograms(world(number_correct=variant.number_correct), loops=variant.loops)
    economy = Economy(species, seed=seed, **variant.parts)
    best, agents, highest = NOTHING, None, 0.0
    while economy.auctions < auctions:
        economy.run(SOUND.every)
        highest = max(highest, float(economy.books.signal[HIGHEST]))
        if economy.level >= SOUND.level and best.stages < len(SOUND.stages):
            snapshot = economy.snapshot()
            score = SOUND.score(economy, snapshot)
            if score > best:
                best, agents = score, snapshot
    solved = 0.0 if agents is None else economy.evaluate(50, 50, seed=TEST_SEED, agents=agents).rate
    return highest, solved, time.process_time() - start


def run(
    quick: bool = False, auctions: int = 2_000_000, seeds: int = 5, plot: str | None = "ablations.png"
) -> dict[str, Any]:
    """Every variant on seeds 100 to 104. `quick`: two variants, seed 104 alone, 0.6 million auctions, no plot."""
    start, table = time.perf_counter(), []
    chosen = [v for v in VARIANTS if v.name in ("nothing taken out", *DECISIVE)] if quick else VARIANTS
    numbers, auctions = ([104], 600_000) if quick else (range(100, 100 + seeds), auctions)
    for variant in chosen:
        found = [measure(variant, seed, auctions) for seed in numbers]
        levels, solved, seconds = zip(*found, strict=True)
        table.append({
            "without": variant.name, "level": round(statistics.median(levels), 1), "levels": [round(x, 1) for x in levels],
            "solved": round(statistics.median(solved), 3), "all solved": [round(x, 2) for x in solved],
            "cpu seconds": round(sum(seconds), 1),
        })  # fmt: skip
    if plot and not quick:
        draw(table, Path(plot))
    whole = table[0]["level"]
    rows = [
        Row(
            "nothing taken out: median of the highest level",
            whole,
            ">= 8" if quick else ">= 20",
            whole >= (8 if quick else 20),
        )
    ]
    for entry in table[1:]:
        held, level = entry["without"] in DECISIVE, entry["level"]
        bar = f"< {whole / 2:.3g}" if held else "(reported)"
        rows.append(Row(f"{entry['without']}: median of the highest level", level, bar, not held or level < whole / 2))
    return result("ablations", rows, time.perf_counter() - start, table)


def draw(table: list[dict[str, Any]], path: Path) -> None:
    """One plot: every seed's highest level, by what was taken out."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.35 * len(table) + 1))
    axes = figure.add_subplot()
    for place, entry in enumerate(reversed(table)):
        axes.plot(entry["levels"], [place] * len(entry["levels"]), "o", color="tab:blue", alpha=0.6)
        axes.plot([entry["level"]], [place], "|", color="black", markersize=16)
    axes.set_yticks(range(len(table)), [entry["without"] for entry in reversed(table)])
    axes.set_xscale("log")
    axes.set_xlabel("highest level of the curriculum (dots: seeds, bar: median)")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
