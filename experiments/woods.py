"""Rules with prices find the shortest way to food in the mazes of the classifier literature, and fewer and fewer of them.

Wilson 1994 (Woods1), 1995 (Woods2); Cliff and Ross 1994 (Woods14); Lanzi 1999 (Maze4, Maze5, Maze6). The measure in print is
the mean number of steps to food over all free cells; the least possible one is computed exactly.
Command: marketic reproduce woods [--quick] [--json]. Measured figures: experiments/README.md.

Three phases, one population (`marketic.agents.rule_prices`): rules cover exactly what they see and are priced by a bucket
brigade, which is as fast as a table, and no faster; then they take over neighbours of the same price; at last the market is
closed (no entrants, no exploration). Rules that nobody buys from then die of the tax, and a cheap rule may become as
general as it likes, as long as it outbids nobody: a default hierarchy (Holland 1986), with dear rules as the exceptions.

"Optimal" is exact: the greedy policy is followed from every free cell. Half of the training episodes are fully random; an
episode has at most 50 steps. Difference from print: papers give learning curves of the last 50 explored problems, not counts.
"""

import time
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.agents.rule_prices import Prices
from marketic.agents.rules import Rules
from marketic.goods import Goods
from marketic.result import Row, result

MAZES = {"Woods1": 400, "Maze4": 400, "Maze5": 400, "Maze6": 400, "Woods14": 400, "Woods2": 2_000}
"""Maze -> episodes within which it must be solved."""
SEEDS = range(400, 410)
EVERY = 10
"""Episodes between two tests."""
TOO_LONG = 1_000
"""Steps after which a greedy walk counts as lost."""


@dataclass(frozen=True)
class Table:
    """A maze as arrays. observation: float64 [S, D]. following: int64 [S, 8], -1 at food. reward: float64 [S, 8]."""

    goods: Goods
    observation: np.ndarray
    following: np.ndarray
    reward: np.ndarray
    optimum: float

    @classmethod
    def of(cls, name: str) -> "Table":
        """Ask the environment what follows every move."""
        env: Any = gym.make(f"marketic.envs:marketic/{name}-v0").unwrapped
        at = {cell: number for number, cell in enumerate(env.free)}
        following = np.array([[at.get(env.after(cell, move), -1) for move in range(8)] for cell in env.free])
        observation = np.array([env.observe(cell) for cell in env.free], dtype=float)
        reward = (following < 0).astype(float)
        return cls(Goods.from_space(env.observation_space), observation, following, reward, env.optimal_steps())

    @property
    def situations(self) -> int:
        """How many different observations there are."""
        return len(np.unique(self.observation, axis=0))

    def mean_steps(self, rules: Rules) -> float:
        """Of the greedy policy from all cells, exactly; infinite if it does not arrive from one of them."""
        move = rules.appraise(self.observation).value.argmax(axis=1)
        here, steps = np.arange(len(self.observation)), 0
        for _ in range(TOO_LONG):
            steps += len(here)
            here = self.following[here, move[here]]
            here = here[here >= 0]
            if not len(here):
                return steps / len(self.observation)
        return np.inf

    def train(self, rules: Rules, episodes: int, explore: float) -> None:
        """Play episodes from cells drawn uniformly."""
        starts = np.arange(len(self.observation))
        rules.wander(self.observation, self.following, self.reward, starts, episodes, explore=explore, discount=0.9)


def learn(name: str, seed: int, open_episodes: int = 2_000, closed_episodes: int = 8_000) -> dict[str, Any]:
    """One run through the three phases."""
    table = Table.of(name)
    rules = Rules.for_spaces(table.goods, 8, contract=Prices(), rng=np.random.default_rng([seed, 3]))
    first, late, began = None, [], time.process_time()
    for episode in range(EVERY, open_episodes + 1, EVERY):
        table.train(rules, EVERY, 0.5)
        met = np.isclose(table.mean_steps(rules), table.optimum)
        if met and first is None:
            first = episode
        late += [met] if episode > open_episodes - 500 else []
    full = rules.n_rules
    rules.close()
    for _ in range(closed_episodes // 500):
        table.train(rules, 500, 0.0)
    assert rules.imbalance == 0, "money was made or lost"
    return {
        "seed": seed, "episodes": first, "late": float(np.mean(late)), "optimum": table.optimum, "rules": full,
        "closed rules": rules.n_rules, "closed steps": table.mean_steps(rules), "situations": table.situations,
        "seconds": round(time.process_time() - began, 3), "rules in words": [str(rule) for rule in rules.rules()],
    }  # fmt: skip


def rows_of(name: str, bar: int, runs: list[dict[str, Any]]) -> list[Row]:
    """The bars of one maze."""
    found = sorted(run["episodes"] or np.inf for run in runs)
    in_time = sum(episodes <= bar for episodes in found)
    optimum, situations = runs[0]["optimum"], runs[0]["situations"]
    late = float(np.mean([run["late"] for run in runs]))
    full, closed = (float(np.median([run[key] for run in runs])) for key in ("rules", "closed rules"))
    kept = sum(bool(np.isclose(run["closed steps"], optimum)) for run in runs)
    what = f"{name}, optimum {optimum:.4g}: "
    return [
        Row(f"{what}episodes to it, median ({found[0]:g}..{found[-1]:g})", float(np.median(found)), "reported", True),
        Row(f"{what}seeds within {bar} episodes, of {len(runs)}", in_time, f">= {len(runs)}", in_time == len(runs)),
        Row(f"{what}share of the last 50 tests at the optimum", late, "reported", True),
        Row(f"{what}rules while open, median (situations x actions: {situations * 8})", full, "reported", True),
        Row(
            f"{what}rules when closed, median (situations: {situations})",
            closed,
            f"<= {situations}",
            closed <= situations,
        ),
        Row(f"{what}seeds still optimal when closed, of {len(runs)}", kept, f">= {len(runs)}", kept == len(runs)),
    ]


def run(quick: bool = False) -> dict[str, Any]:
    """All mazes, 10 seeds each (`quick`: Woods1 and Maze4, 2 seeds)."""
    start = time.perf_counter()
    rows, details = [], []
    for name in ("Woods1", "Maze4") if quick else MAZES:
        runs = [learn(name, seed) for seed in (list(SEEDS)[:2] if quick else SEEDS)]
        rows += rows_of(name, MAZES[name], runs)
        details.append({"maze": name, "runs": runs})
    return result("woods", rows, time.perf_counter() - start, details)
