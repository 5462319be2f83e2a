"""How far the defaults get that are tuned to no task: market research for tables, the bank for everything else.

    marketic bench one-preset [--quick] [--json]

On the four toy-text tasks and LunarLander the presets *are* these defaults, so that their lines in `marketic bench
learning` count here as well. This bench runs the other three tasks with the bank as it comes, and says how that compares
with the bars of the tuned presets. Same protocol, criteria and seeds as `marketic.benchmarks.learning` (seeds 100-104).
"""

import time
from dataclasses import replace
from typing import Any

from marketic.benchmarks.learning import TASKS, Task, run_seed, summarise
from marketic.result import result

SEEDS = tuple(range(100, 105))
LIMITS = {"CartPole-v1": 60_000, "MountainCar-v0": 100_000, "Acrobot-v1": 60_000}


def tasks() -> list[Task]:
    """The tasks of the learning bench that have presets of their own, played by the untuned bank."""
    tuned = {task.env: task for task in TASKS if task.agents is None}
    return [
        replace(tuned[env], name=f"{env}, untuned bank", agents="bank", seeds=SEEDS, passes=len(SEEDS), limit=limit)
        for env, limit in LIMITS.items()
    ]


def run(quick: bool = False) -> dict[str, Any]:
    """Rows of the three tasks; quick: CartPole alone, one seed."""
    began = time.perf_counter()
    chosen = tasks()[:1] if quick else tasks()
    rows, details = [], {}
    for task in chosen:
        runs = [run_seed(task, seed) for seed in (SEEDS[:1] if quick else SEEDS)]
        rows += summarise(task, runs)
        details[task.name] = runs
    return result("one-preset", rows, time.perf_counter() - began, details)
