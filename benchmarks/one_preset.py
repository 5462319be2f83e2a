"""How far settings get that are tuned to no task: the untuned bank, and a portfolio of societies of all families.

    marketic bench one-preset [--quick] [--json]

The bank: on the four toy-text tasks the presets *are* the defaults (market research for tables, the bank for everything
else), so that their lines in `marketic bench learning` count here as well. On LunarLander the preset is the bank with
trials; what the bank as it comes does there is told in BENCHMARKS.md. This bench runs the other three tasks with the
bank as it comes (seeds 100-104), and two with real actions, at five levels of each action. The
portfolio (`--agents portfolio`): all eight tasks, every society with its family's defaults, and revenue alone to choose
among them (seeds 400-404). Protocol, criteria and bars are those of `marketic.benchmarks.learning`.
"""

import time
from dataclasses import replace
from typing import Any

from marketic.agents.bank_terms import BankTerms
from marketic.benchmarks.learning import TASKS, Task, run_seed, summarise
from marketic.preset_table import preset_for
from marketic.result import result

SEEDS = tuple(range(100, 105))
LIMITS = {"CartPole-v1": 60_000, "MountainCar-v0": 100_000, "Acrobot-v1": 60_000}
REAL_ACTIONS = {"Pendulum-v1": -160.0, "MountainCarContinuous-v0": 90.0}
PORTFOLIO_SEEDS = tuple(range(400, 405))


def tasks() -> list[Task]:
    """The tasks of the learning bench that have presets of their own, played by the untuned bank."""
    tuned = {task.env: task for task in TASKS if task.agents is None}
    return [
        replace(tuned[env], name=f"{env}, untuned bank", agents="bank", seeds=SEEDS, passes=len(SEEDS), limit=limit)
        for env, limit in LIMITS.items()
    ]


def real_action_tasks() -> list[Task]:
    """Two tasks with five levels of each action, played by the untuned bank: a preset's options are taken back."""
    chosen = []
    for env, bar in REAL_ACTIONS.items():
        defaults = {name: getattr(BankTerms, name) for name in preset_for(env, None, "bank").options}
        name = f"{env}, untuned bank"
        chosen.append(Task(name, env, 20_000, len(SEEDS), 30_000, 1_000, bar, "bank", SEEDS, options=defaults))
    return chosen


def portfolio_tasks() -> list[Task]:
    """The eight tasks of the learning bench with actions to choose from, played by the portfolio."""
    chosen = []
    for task in TASKS:
        if task.agents is None and task.env not in REAL_ACTIONS:
            name, limit = f"{task.env}, portfolio", LIMITS.get(task.env, task.limit)
            seeds, passes = PORTFOLIO_SEEDS, len(PORTFOLIO_SEEDS)
            chosen.append(replace(task, name=name, agents="portfolio", seeds=seeds, passes=passes, limit=limit))
    return chosen


def run(quick: bool = False) -> dict[str, Any]:
    """Rows of all lines; quick: CartPole by the bank and FrozenLake by the portfolio, one seed each."""
    began = time.perf_counter()
    chosen = [*tasks(), *real_action_tasks(), *portfolio_tasks()]
    if quick:
        short = [chosen[0], *(task for task in portfolio_tasks() if task.env == "FrozenLake-v1")]
        chosen = [replace(task, seeds=task.seeds[:1], passes=1) for task in short]
    rows, details = [], {}
    for task in chosen:
        runs = [run_seed(task, seed) for seed in task.seeds]
        rows += summarise(task, runs)
        details[task.name] = runs
    return result("one-preset", rows, time.perf_counter() - began, details)
