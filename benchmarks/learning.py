"""How many environment steps the greedy market needs until it solves a task, and whether it stays solved.

    marketic bench learning [--quick] [--json]

Each run starts from the frozen preset of its task (seeds 100-109, on which no setting was searched; BENCHMARKS.md says how
often they were looked at). The greedy market is evaluated every `every` steps: on toy-text tasks exactly, as the value of its
policy at discount 0.99 against V* (within 1 %); elsewhere by the mean return of 100 episodes on other seeds (20 first, and
the 100 only if those are near). "First pass" is the first evaluation that meets the bar. Training goes on to three times that
many steps (or the limit), and "stability" is the share of the later evaluations that still meet the bar.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.callbacks import Callback, StepEnd
from marketic.envs.reversing import ReversingActions
from marketic.envs.tables import TransitionTable
from marketic.market import Market
from marketic.presets import make
from marketic.result import Row, result

DISCOUNT = 0.99
SEEDS = range(100, 110)
EVALUATION_SEED = 1_000_000


@dataclass(frozen=True)
class Task:
    """One line of the table.

    env: id; agents: family, or None for the preset's. bar: mean return to reach, or None: 1 % of V*, exactly.
    median: the bar for the median first pass, steps; passes: how many of the seeds must pass; limit: steps allowed.
    every: steps between evaluations. confirm: pass only if 100 other episodes meet the bar too.
    """

    name: str
    env: str
    median: int
    passes: int
    limit: int
    every: int
    bar: float | None = None
    agents: str | None = None
    seeds: tuple[int, ...] = tuple(SEEDS)
    confirm: bool = False
    options: dict[str, Any] = field(default_factory=dict)


TASKS = (
    Task("CartPole-v1", "CartPole-v1", 4_000, 10, 30_000, 500, 475.0),
    Task("MountainCar-v0", "MountainCar-v0", 13_500, 10, 60_000, 500, -110.0),
    Task("Acrobot-v1", "Acrobot-v1", 7_500, 10, 40_000, 500, -100.0),
    Task("Taxi-v4", "Taxi-v4", 8_500, 10, 40_000, 100),
    Task("CliffWalking-v1", "CliffWalking-v1", 400, 10, 4_000, 50),
    Task("FrozenLake-v1", "FrozenLake-v1", 2_000, 9, 30_000, 100),
    Task("FrozenLake8x8-v1", "FrozenLake8x8-v1", 45_000, 9, 200_000, 500),
    Task(
        "LunarLander-v3",
        "LunarLander-v3",
        250_000,
        4,
        250_000,
        5_000,
        200.0,
        seeds=tuple(range(100, 105)),
        confirm=True,
    ),
    Task(
        "MountainCarContinuous-v0",
        "MountainCarContinuous-v0",
        20_000,
        5,
        30_000,
        1_000,
        90.0,
        seeds=tuple(range(100, 105)),
    ),
    Task("growing: CartPole-v1", "CartPole-v1", 10_000, 9, 60_000, 500, 475.0, agents="growing"),
    Task("growing: MountainCar-v0", "MountainCar-v0", 35_000, 9, 100_000, 500, -110.0, agents="growing"),
    Task("growing: Acrobot-v1", "Acrobot-v1", 12_500, 9, 50_000, 500, -100.0, agents="growing"),
)


class Watch(Callback):
    """Evaluates the greedy market every so often and remembers when it met the bar.

    times: training goes on to so many times the steps of the first pass, >= 1.
    seconds: process CPU seconds of evaluations; passed_after: of training alone, from when this was made to the first pass.
    """

    def __init__(self, every: int, meets: Callable[[Market], bool], limit: int, times: int = 3) -> None:
        self.every, self.meets, self.limit, self.times = every, meets, limit, times
        self.period = every
        self.first: int | None = None
        self.later: list[bool] = []
        self.seconds, self.began = 0.0, time.process_time()
        self.passed_after: float | None = None
        self._next = every

    def on_step(self, event: StepEnd) -> None:
        """Evaluate, if it is time; stop at `times` times the first pass."""
        market = event.market
        if market.num_timesteps < self._next:
            return
        self._next += self.every if self._next < 20_000 or self.every >= 1_000 else 1_000
        began = time.process_time()
        met = self.meets(market)
        self.seconds += time.process_time() - began
        if self.first is not None:
            self.later.append(met)
        elif met:
            self.first, self.passed_after = market.num_timesteps, time.process_time() - self.began - self.seconds
        if self.first is not None and market.num_timesteps >= min(self.times * self.first, self.limit):
            market.stopping = True


def exact_test(env_id: str) -> Callable[[Market], bool]:
    """Does the greedy policy's exact value come within 1 % of V*?"""
    table = TransitionTable.of(gym.make(env_id))
    best = table.optimal_value(DISCOUNT)
    states = np.arange(len(table.start), dtype=float)[:, None]

    def meets(market: Market) -> bool:
        return bool(table.policy_value(market.choose(states)[:, 0], DISCOUNT) >= best - 0.01 * abs(best))

    return meets


def episode_test(bar: float, confirm: bool, env: gym.Env | None = None) -> Callable[[Market], bool]:
    """Does the greedy market's mean return over 100 episodes meet the bar? 20 episodes first; the rest only if near."""
    slack = 0.1 * abs(bar)

    def meets(market: Market) -> bool:
        screen = market.evaluate(20, seed=EVALUATION_SEED, env=env).mean()
        if screen < bar - slack or market.evaluate(100, seed=EVALUATION_SEED + 20, env=env).mean() < bar:
            return False
        return not confirm or bool(market.evaluate(100, seed=2 * EVALUATION_SEED, env=env).mean() >= bar)

    return meets


def test_of(task: Task) -> Callable[[Any], bool]:
    """Does a learner meet the task's bar?"""
    return exact_test(task.env) if task.bar is None else episode_test(task.bar, task.confirm)


def run_seed(task: Task, seed: int, times: int = 3) -> dict[str, Any]:
    """One training run, to `times` times the steps of its first pass: first pass (steps or None), later evaluations,
    process CPU seconds of training alone, in all and to the first pass (None: none)."""
    market = make(task.env, agents=task.agents, seed=seed, **task.options)
    watch = Watch(task.every, test_of(task), task.limit, times)
    market.learn(task.limit, callback=watch)
    seconds = time.process_time() - watch.began - watch.seconds
    return {
        "seed": seed,
        "first_pass": watch.first,
        "later": watch.later,
        "seconds": seconds,
        "passed_after": watch.passed_after,
        "steps": market.num_timesteps,
    }


def summarise(task: Task, runs: list[dict[str, Any]]) -> list[Row]:
    """The rows of one task: median first pass, seeds that passed, stability."""
    firsts = [run["first_pass"] for run in runs if run["first_pass"] is not None]
    reached = sorted(run["first_pass"] or np.inf for run in runs)
    median = float(np.median(reached)) if len(firsts) * 2 > len(runs) else np.inf
    later = [met for run in runs for met in run["later"]]
    share = float(np.mean(later)) if later else float("nan")
    spread = f"{min(firsts)}..{max(firsts)}" if firsts else "none"
    seconds = float(np.median([run["seconds"] for run in runs]))
    wanted = task.passes * len(runs) // len(task.seeds)
    return [
        Row(f"{task.name}: median steps to first pass ({spread}; {seconds:.2f} CPU s a seed)", median,
            f"<= {task.median}", median <= task.median),
        Row(f"{task.name}: seeds that pass of {len(runs)}", len(firsts), f">= {wanted}", len(firsts) >= wanted),
        Row(f"{task.name}: later evaluations that still pass", share, ">= 0.9", share >= 0.9),
    ]  # fmt: skip


def continual_seed(seed: int, phases: int = 6, every: int = 15_000) -> list[int | None]:
    """CartPole with reversed actions in every second phase: steps within each phase until the bar is met."""
    env = ReversingActions(gym.make("CartPole-v1"), every)
    market = make(env, agents="firms", seed=seed, preset="CartPole-v1")
    arenas = [ReversingActions(gym.make("CartPole-v1"), 10**9, phase) for phase in (0, 1)]
    tests = [episode_test(475.0, False, arena) for arena in arenas]
    passed: list[int | None] = [None] * phases

    class Phases(Callback):
        """Tests the market in the world that it is in now."""

        def on_step(self, event: StepEnd) -> None:
            """Every 250 steps of a phase that has not passed yet."""
            if env.phase >= phases:
                event.market.stopping = True
            elif env.steps % 250 == 0 and passed[env.phase] is None and tests[env.phase % 2](event.market):
                passed[env.phase] = env.steps

    market.learn((phases + 1) * every, callback=Phases())
    return passed


def continual(seeds: list[int]) -> tuple[list[Row], list[list[int | None]]]:
    """The continual-learning rows: the worst later phase's median, and phases lost."""
    runs = [continual_seed(seed) for seed in seeds]
    later = [[run[phase] or np.inf for run in runs] for phase in range(1, 6)]
    worst = max(float(np.median(phase)) for phase in later)
    lost = sum(steps == np.inf for phase in later for steps in phase)
    rows = [
        Row("continual CartPole: steps to the bar, median of the worst later phase", worst, "<= 3000", worst <= 3000),
        Row(f"continual CartPole: later phases lost, of {5 * len(runs)}", lost, "<= 0", lost == 0),
    ]
    return rows, runs


def run(quick: bool = False) -> dict[str, Any]:
    """All tasks (quick: three small ones on 3 seeds), as one result."""
    began = time.perf_counter()
    rows: list[Row] = []
    details: dict[str, Any] = {}
    tasks = [t for t in TASKS if not quick or t.name in ("CartPole-v1", "CliffWalking-v1", "FrozenLake-v1")]
    for task in tasks:
        runs = [run_seed(task, seed) for seed in task.seeds[: 3 if quick else None]]
        rows += summarise(task, runs)
        details[task.name] = [{**run, "later": f"{sum(run['later'])}/{len(run['later'])}"} for run in runs]
    if not quick:
        extra, phases = continual(list(range(100, 105)))
        rows += extra
        details["continual CartPole"] = phases
    return result("learning", rows, time.perf_counter() - began, details)
