"""How a market compares with what others use for the same task: steps until solved, and CPU seconds, in one run.

    marketic bench peers [--quick] [--json]       # needs pip install 'marketic[peers]' (Stable-Baselines3); --quick does not

Peers are tabular Q-learning, Sarsa(lambda) with tile coding, and PPO, DQN and SAC of Stable-Baselines3 with the settings of
RL Baselines3 Zoo. Criteria and evaluation episodes are those of `marketic.benchmarks.learning` for everybody; peers are looked
at as often until their first pass as markets are in their first 20,000 steps. A run goes on to three times the steps of its
first pass, or to its limit (for peers at most 300,000 steps), and the share of the later evaluations that still pass is told.
CPU seconds are those of training to the first pass alone, without evaluations (to the limit, where there is none). Seeds 100
to 104, market and peers in turns. The first market of each kind compiles what it needs, within its CPU seconds.

Bars: the market needs no more steps in the median than each peer; its CPU seconds fewer than those of Stable-Baselines3.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.benchmarks.learning import TASKS, Task, run_seed, test_of
from marketic.benchmarks.one_preset import real_action_tasks
from marketic.benchmarks.peer_deep import Deep, stable_baselines
from marketic.benchmarks.peer_recipes import RECIPES
from marketic.benchmarks.peer_tables import QLearning, QSettings
from marketic.benchmarks.peer_tiles import Sarsa, SarsaSettings
from marketic.evaluation import play
from marketic.preset_table import PRESETS
from marketic.result import Row, result

SEEDS = tuple(range(100, 105))
TIMES = 3  # a run goes on to so many times the steps of its first pass
LONGEST = 300_000
"""Steps that a peer may take at most, whatever its settings say."""
_ARENAS = 20  # episodes evaluated side by side

TABLES = {
    "Taxi-v4": (QSettings(random=0.1), 100_000),
    "CliffWalking-v1": (QSettings(), 20_000),
    "FrozenLake-v1": (QSettings(discount=0.99, random=1.0, memory=60, floor=0.005), 60_000),
    "FrozenLake8x8-v1": (QSettings(discount=0.99, first=1.0, memory=60, floor=0.02), 300_000),
}
"""Settings of Q-learning and its limit, steps, by task."""

_PI = float(np.pi)
TILES = {
    "CartPole-v1": (
        SarsaSettings(
            (2, 3, 4, 4), 16, (-2.4, -3.0, -0.2095, -3.0), (2.4, 3.0, 0.2095, 3.0), 0.3, 0.8, 0.98, only_failure=True
        ),
        60_000,
    ),
    "MountainCar-v0": (SarsaSettings((8, 8), 8, (-1.2, -0.07), (0.6, 0.07), 0.5, 0.9), 100_000),
    "Acrobot-v1": (
        SarsaSettings(
            (8,) * 4, 16, (-_PI, -_PI, -12.57, -28.28), (_PI, _PI, 12.57, 28.28), 0.8, 0.95, angles=((0, 1), (2, 3))
        ),
        100_000,
    ),
}
"""Settings of Sarsa(lambda) and its limit, steps, by task."""


@dataclass
class Peer:
    """A rival learner as the criteria of the learning bench see it.

    learner: has `learn(steps, seen)` and `predict(observations)`. limit: steps that it may take.
    """

    learner: Any
    env_id: str
    limit: int

    def choose(self, rows: np.ndarray) -> np.ndarray:
        """Greedy actions, int64 [n, 1], for encoded states, float64 [n, 1]."""
        return self.learner.predict(rows[:, 0])[:, None]

    def evaluate(self, episodes: int, *, seed: int, env: gym.Env | None = None) -> np.ndarray:
        """Returns of greedy episodes, float64 [episodes], as `Market.evaluate` plays them."""
        arenas = [env] if env is not None else [gym.make(self.env_id) for _ in range(min(episodes, _ARENAS))]
        return play(self.learner.predict, arenas, episodes, seed)


@dataclass
class Run:
    """One training run. first_pass: steps, or None. seconds: CPU, of training alone to the first pass (None: to the end).

    steps: of all. later: whether each evaluation after the first pass still met the bar.
    """

    seed: int
    first_pass: int | None = None
    seconds: float = 0.0
    steps: int = 0
    later: list[bool] = field(default_factory=list)


def peers_of(task: Task) -> dict[str, Callable[[int], Peer]]:
    """Everybody who plays the task besides the market: name -> from a seed to a peer."""
    env, found = task.env, {}

    def add(name: str, limit: int, make: Callable[[int], Any]) -> None:
        found[name] = lambda seed: Peer(make(seed), env, limit)

    if env in TABLES:
        table, limit = TABLES[env]
        add("Q-learning", limit, partial(QLearning, env, table))
    if env in TILES:
        tiles, limit = TILES[env]
        add("Sarsa(lambda)", limit, partial(Sarsa, env, tiles))
    for name in (name for name, played in RECIPES if played == env):
        add(name, min(RECIPES[name, env]["n_timesteps"], LONGEST), partial(Deep, name, env))
    return found


def tasks() -> list[Task]:
    """The tasks of the learning bench that markets play by preset or default, and Pendulum, which has no preset."""
    ours = [replace(task, seeds=SEEDS) for task in TASKS if task.agents is None]
    return ours + [task for task in real_action_tasks() if task.env not in PRESETS]


def run_market(task: Task, seed: int) -> "Run":
    """The same of the market."""
    ours = run_seed(task, seed, TIMES)
    seconds = ours["seconds"] if ours["first_pass"] is None else ours["passed_after"]
    return Run(seed, ours["first_pass"], seconds, ours["steps"], ours["later"])


def run_peer(task: Task, peer: Peer, seed: int) -> "Run":
    """One training run of a peer, to `TIMES` times its first pass: see `Run`."""
    run, meets, due, evaluating = Run(seed), test_of(task), task.every, 0.0
    began = time.process_time()

    def seen(steps: int) -> bool:
        nonlocal due, evaluating
        run.steps = steps
        if steps < due:
            return False
        every = task.every if run.first_pass is None or steps < 20_000 else max(task.every, 1_000)
        due += every * -(-(steps + 1 - due) // every)
        looked = time.process_time()
        met = meets(peer)
        evaluating += time.process_time() - looked
        if run.first_pass is not None:
            run.later.append(met)
        elif met:
            run.first_pass, run.seconds = steps, time.process_time() - began - evaluating
        return run.first_pass is not None and steps >= TIMES * run.first_pass

    peer.learner.learn(peer.limit, seen)
    if run.first_pass is None:
        run.seconds = time.process_time() - began - evaluating
    return run


def compare(task: Task, names: list[str] | None = None) -> tuple[list[Row], dict[str, list[Run]]]:
    """Rows of one task, and all its runs by name. names: the peers wanted; None: all."""
    rivals = {name: make for name, make in peers_of(task).items() if names is None or name in names}
    runs: dict[str, list[Run]] = {"market": [], **{name: [] for name in rivals}}
    for seed in task.seeds:
        runs["market"].append(run_market(task, seed))
        for name, make in rivals.items():
            runs[name].append(run_peer(task, make(seed), seed))
    return rows_of(task, runs), runs


def rows_of(task: Task, runs: dict[str, list[Run]]) -> list[Row]:
    """The market's median, then each peer's against it."""
    ours, ours_seconds, told = _median(runs["market"])
    rows = [Row(f"{task.env}: market, median steps to first pass ({told})", ours, "", bool(np.isfinite(ours)))]
    for name in runs:
        if name == "market":
            continue
        steps, seconds, told = _median(runs[name])
        rows.append(Row(f"{task.env}: {name}, the same ({told})", steps, f">= {ours:g}", steps >= ours))
        if (name, task.env) in RECIPES:
            ratio = seconds / ours_seconds
            rows.append(Row(f"{task.env}: CPU seconds of {name} / the market's", ratio, "> 1", ratio > 1))
    return rows


def _median(runs: list[Run]) -> tuple[float, float, str]:
    """Median steps (infinite where most runs do not pass), median CPU seconds, and the spread in words."""
    firsts = [run.first_pass for run in runs if run.first_pass is not None]
    steps = float(np.median(sorted(run.first_pass or np.inf for run in runs)))
    seconds = float(np.median([run.seconds for run in runs]))
    spread = f"{min(firsts):,}..{max(firsts):,}" if firsts else f"none in {max(run.steps for run in runs):,}"
    later = [met for run in runs for met in run.later]
    stays = f"; {sum(later)} of {len(later)} later evaluations pass" if later else ""
    return steps, seconds, f"{len(firsts)} of {len(runs)} pass, {spread}{stays}; {seconds:.2f} CPU s"


def run(quick: bool = False) -> dict[str, Any]:
    """All tasks and peers; quick: Q-learning on CliffWalking and Sarsa on CartPole, one seed each."""
    began = time.perf_counter()
    chosen = tasks()
    if quick:
        chosen = [
            replace(task, seeds=task.seeds[:1]) for task in chosen if task.env in ("CartPole-v1", "CliffWalking-v1")
        ]
    else:
        stable_baselines()  # what is missing is said before the first hour, not after it
    rows, details = [], {}
    for task in chosen:
        more, runs = compare(task, ["Q-learning", "Sarsa(lambda)"] if quick else None)
        details[task.env] = {name: [asdict(one) for one in found] for name, found in runs.items()}
        rows += more
    return result("peers", rows, time.perf_counter() - began, details)
