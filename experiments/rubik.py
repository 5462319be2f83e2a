"""Random programs trade their way into Rubik's cube.

Claim: Baum and Durdanovic 2000 (Evolution of cooperative problem solving in an artificial economy): an economy
of programs gets about half of a randomly scrambled 3x3x3 cube home.
Command: marketic reproduce rubik [--quick] [--json]. Measured figures: experiments/README.md.

A program is a typed S-expression with a plan: turns, commutators, conjugates, `undo`; all random at first. It
may imagine its plan from every side of the cube and see what it would gain
(`marketic.envs.rubiks_cube_world`); what it does about that is its own affair. The world pays for the share of
cubies that are home when the market stops, solved or not, and that share is also the
least that anybody can buy a state for: without such a reserve price junk that pays next to nothing runs the market. Training is
on random cubes and on cubes with only some cubies out of place, one economy per seed, and the snapshot that does best on
validation cubes is tested on others, drawn evenly from all states. For the 2x2x2 the exact distance of every
test cube is known.

Differences from the paper: programs see gains and numbers of cubies home, not colours; plans have symmetry built in.
"""

import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.agents.expression_species import ExpressionPrograms
from marketic.envs import rubiks_cube_kernels as kernels
from marketic.envs.cube_geometry import cube
from marketic.envs.rubiks_cube_distance import optimal_turns
from marketic.envs.rubiks_cube_world import language
from marketic.hayek.economy import Economy
from marketic.hayek.genealogy import explain
from marketic.hayek.random_numbers import random_state
from marketic.hayek.rules import Auction, Births, Curriculum, Exits, Novices
from marketic.hayek.snapshot import Snapshot
from marketic.hayek.trials import Outcomes
from marketic.result import Row, result

VALIDATION_SEED, TEST_SEED = 10**6, 2 * 10**6
FIRST_SEED = 10
"""Seeds below this one were looked at in development."""
EVERY = 500
"""Instances between two looks at the validation cubes."""


@dataclass(frozen=True)
class Args:
    """One part of the experiment. size: of the cube. auctions: of training at most, per seed. tests: cubes. seeds: how many."""

    size: int
    auctions: int
    tests: int = 500
    seeds: int = 5


@dataclass(frozen=True)
class Champion:
    """agents: the best validated snapshot. seconds: CPU time. instances: played. outcomes: on the test cubes."""

    agents: Snapshot
    seconds: float
    instances: int
    outcomes: Outcomes


SCRAMBLES = range(1, 15)
"""Random turns from solved, for the table of solved shares."""


def build(size: int, seed: int) -> Economy:
    """The economy for the cube of edge `size`; its level rises at once to all cubies, and stays there."""
    return Economy(
        ExpressionPrograms(language(size), tokens=24),
        auction=Auction(prize="progress"),
        curriculum=Curriculum(2, cube(size).cubies, prefix=0.0, rise=0.0, fall=0.0, patience=1),
        births=Births(rate=1.0, slope=1.0),
        novices=Novices(trial=0.5, premium=0.2),
        exits=Exits(idle=10_000),
        slots=1000,
        seed=seed,
    )


def train(args: Args, seed: int) -> Champion:
    """One economy; the snapshot with the largest share of cubies home on 100 validation cubes, tested on others.

    It is given up after `args.auctions`, and stops when every validation cube is solved.
    """
    start, economy, cubies = time.process_time(), build(args.size, seed), cube(args.size).cubies
    best: tuple[float, Snapshot | None] = (-1.0, None)
    while best[0] < cubies and (economy.auctions < args.auctions or best[1] is None):
        economy.run(EVERY)
        agents = economy.snapshot()
        if len(agents):
            score = float(economy.evaluate(cubies, 100, seed=VALIDATION_SEED, agents=agents).progress.mean())
            best = max(best, (score, agents), key=lambda one: one[0])
    assert best[1] is not None
    outcomes = economy.evaluate(cubies, args.tests, seed=TEST_SEED, agents=best[1])
    return Champion(best[1], time.process_time() - start, economy.instances, outcomes)


def distances(count: int, scramble: int = 0) -> np.ndarray:
    """How many turns the 2x2x2 test cubes need, int64 [count]: the same draws as in `train`, or in `by_scramble`."""
    state, random = kernels.blank_state(2), random_state(TEST_SEED + scramble)
    found = []
    for _ in range(count):
        kernels.begin(state, cube(2).cubies, scramble, random)
        found.append(optimal_turns(state[kernels.STICKERS :]))
    return np.array(found)


def by_scramble(economy: Economy, agents: Snapshot, count: int) -> list[dict[str, float]]:
    """For 2x2x2 cubes after so many random turns: the turns that they really need, on average, and the share solved."""
    found = []
    for turns in SCRAMBLES:
        outcomes = economy.evaluate(cube(2).cubies, count, seed=TEST_SEED + turns, agents=agents, prefix=turns)
        needed = round(float(distances(count, turns).mean()), 2)
        found.append({"turns": turns, "needed": needed, "solved": round(outcomes.rate, 3)})
    return found


def run(quick: bool = False) -> dict[str, Any]:
    """Both cubes, seeds 10 to 14 (`quick`: one seed, short)."""
    start = time.perf_counter()
    parts = (Args(3, 4_000, 50, 1), Args(2, 8_000, 50, 1)) if quick else (Args(3, 150_000), Args(2, 2_000_000))
    rows: list[Row] = []
    details = []
    for args in parts:
        champions = [train(args, seed) for seed in range(FIRST_SEED, FIRST_SEED + args.seeds)]
        home = [float(c.outcomes.progress.mean()) / cube(args.size).cubies for c in champions]
        solved = [c.outcomes.rate for c in champions]
        what, share, rate = (
            f"{args.size}x{args.size}x{args.size}, random cubes: ",
            statistics.median(home),
            statistics.median(solved),
        )
        bar = (0.5 if args.size == 3 else 0.7) if not quick else 0.3
        rows.append(Row(f"{what}share of cubies home {_range(home)}", round(share, 3), f">= {bar}", share >= bar))
        if args.size == 2 and not quick:
            rows.append(Row(f"{what}solved {_range(solved)}", round(rate, 3), ">= 0.95", rate >= 0.95))
        details.append(_details(args, champions))
    return result("rubik", rows, time.perf_counter() - start, details)


def _range(found: list[float]) -> str:
    return f"({min(found):.3f}..{max(found):.3f}, {len(found)} seeds)" if len(found) > 1 else "(one seed)"


def _details(args: Args, champions: list[Champion]) -> dict[str, Any]:
    """Per seed: costs, results and programs; for the 2x2x2 the solved share by the exact distance of the cube."""
    economy, seeds = build(args.size, 0), []
    for seed, champion in enumerate(champions, FIRST_SEED):
        good = champion.outcomes
        entry: dict[str, Any] = {
            "seed": seed, "cpu seconds": round(champion.seconds, 1), "instances": champion.instances,
            "agents": len(champion.agents),
            "share home": round(float(good.progress.mean()) / cube(args.size).cubies, 3), "solved": good.rate,
            "turns": round(float(good.steps.mean()), 1), "auctions": round(float(good.auctions.mean()), 1),
            "programs": explain(economy.species, champion.agents, good, 8),
        }  # fmt: skip
        if args.size == 2:
            far = distances(args.tests)
            entry["solved by distance"] = {
                int(d): round(float(good.solved[far == d].mean()), 3) for d in np.unique(far)
            }
            entry["by scramble"] = by_scramble(economy, champion.agents, min(args.tests, 200))
        seeds.append(entry)
    return {"cube": args.size, "seeds": seeds}
