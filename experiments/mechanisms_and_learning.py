"""What does the auction do to learning? The same tabular market on FrozenLake-v1 under every single-winner mechanism.

    marketic reproduce mechanisms-and-learning [--quick] [--json]

We know of no such table. One agent per state and action, model-free, learning from its own sales only; the preset for
unknown tables (novices 0.1, discount 0.99, no royalties). Each mechanism runs under both credit rules of a chain: the seller
is credited what the buyer *bid* (the house pays the gap) or what it *pays* (money is conserved). We report the exact value of
the greedy market's policy after 20,000 steps as a share of V*, median over 5 seeds, with the worst and the best. There is no
bar: the table is the result (BENCHMARKS.md).

Known limits: one task, one set of learning settings, tuned for none of the mechanisms.
"""

import time
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.envs.tables import TransitionTable
from marketic.mechanism import sells_one_right
from marketic.presets import make
from marketic.registry import built, names
from marketic.result import Row, result

TASK = "FrozenLake-v1"
DISCOUNT = 0.99


def share_of_optimum(mechanism: Any, credit: str, seed: int, steps: int) -> float:
    """Value of the greedy policy after `steps` steps, divided by V*."""
    market = make(TASK, agents="tabular", mechanism=mechanism, credit=credit, discount=DISCOUNT, seed=seed)
    market.learn(steps)
    table = TransitionTable.of(gym.make(TASK))
    states = np.arange(len(table.start), dtype=float)[:, None]
    return float(table.policy_value(market.choose(states)[:, 0], DISCOUNT) / table.optimal_value(DISCOUNT))


def single_winner_mechanisms() -> dict[str, Any]:
    """Installed mechanisms that sell one right to one bidder: name -> mechanism."""
    parts = {name: built("mechanisms", name) for name in sorted(names("mechanisms"))}
    return {name: part for name, part in parts.items() if sells_one_right(part)}


def run(quick: bool = False) -> dict[str, Any]:
    """One row per mechanism and credit rule."""
    began = time.perf_counter()
    steps, seeds = (2_000, range(1)) if quick else (20_000, range(5))
    rows = []
    for name, mechanism in single_winner_mechanisms().items():
        for credit in ("bid", "payment"):
            shares = [share_of_optimum(mechanism, credit, seed, steps) for seed in seeds]
            what = f"{name}, seller credited the {credit}: share of V* ({min(shares):.2f}..{max(shares):.2f})"
            median = float(np.median(shares))
            rows.append(Row(what, median, "reported", bool(np.isfinite(median))))
    return result("mechanisms-and-learning", rows, time.perf_counter() - began)
