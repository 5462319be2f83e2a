"""What the market costs beside its environment.

    marketic bench engine [--quick] [--json]

All ratios compare speeds measured in turns in one process, in process CPU time, after warm-up: training with learning on
against the environment's own steps with random actions (resets included). N is the number of agents in the market.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.agents.learning_rate import LearningRate
from marketic.agents.tiles import Tiling
from marketic.benchmarks.measure import fresh_python, median_ratio, speed_ratios
from marketic.bids import Bids
from marketic.clearing import Clearing
from marketic.individuals import Individuals, Trade
from marketic.market import Market
from marketic.presets import make
from marketic.result import Row, result

Works = list[Callable[[int], object]]
TASK = "CartPole-v1"
COPIES = 2048
LIVE: dict[str, Any] = {
    "low": (-2.4, -3.0, -0.21, -3.0),
    "high": (2.4, 3.0, 0.21, 3.0),
    "tilings": (Tiling((0, 1, 2, 3), (2, 2, 6, 6), 8),),
    "initial_bid": 100.0,
    "learning_rate": LearningRate(0.1),
    "paper_trades": None,
    "rehearsals": None,
    "greedy": None,
    "royalty": 0.8,
}
"""Eight tilings that learn at every step, with royalties: the settings of the speed figures."""
CROWDS = {100: (Tiling((2, 3), (4, 4), 2),), 100_000: (Tiling((0, 1, 2, 3), (8, 8, 8, 8), 8),)}
"""Tilings that make about so many agents: 100 and 104,976."""


class Learner:
    """A plain Python agent: it bids what its action usually brings in, and always takes that action."""

    def __init__(self, action: int) -> None:
        self.action, self.offer = action, 100.0

    def bid(self, observation: np.ndarray) -> float:
        """What I offer."""
        return self.offer

    def act(self, observation: np.ndarray) -> int:
        """My action."""
        return self.action

    def learn(self, trade: Trade) -> None:
        """Move the offer a tenth of the way."""
        self.offer += 0.1 * (trade.realised - self.offer)


class PlainAuction:
    """A user's mechanism in numpy: the highest bid wins and pays itself."""

    claims: frozenset = frozenset()

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the first highest active bid."""
        value = np.where(bids.active, bids.value, -np.inf)
        wins = np.arange(value.shape[-1]) == value.argmax(-1)[..., None]
        return Clearing(wins & bids.active, np.where(wins, bids.value, 0.0), value.max(-1))


class RandomActions:
    """The environment alone, with random actions: what training is measured against."""

    def __init__(self, env: Any) -> None:
        self.env = env
        env.action_space.seed(0)
        env.reset(seed=0)

    def single(self, steps: int) -> None:
        """Make `steps` steps in one environment."""
        env = self.env
        for _ in range(steps):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()

    def batched(self, steps: int) -> None:
        """Make `steps` steps, all copies together."""
        for _ in range(max(steps // self.env.num_envs, 1)):
            self.env.step(self.env.action_space.sample())


def run(quick: bool = False) -> dict[str, Any]:
    """Measure everything; about 20 seconds, fewer if `quick`. Returns the result as a JSON-able object."""
    start = time.perf_counter()
    rows = [*generic_path(quick), vector_path(quick), *compiled_path(quick), *start_up(quick)]
    return result("engine", rows, time.perf_counter() - start)


def at_least(what: str, value: float, bar: float) -> Row:
    """A row whose value must reach `bar`."""
    return Row(what, round(value, 3), f">= {bar:g}", value >= bar)


def at_most(what: str, value: float, bar: float) -> Row:
    """A row whose value must not exceed `bar`."""
    return Row(what, round(value, 3), f"<= {bar:g}", value <= bar)


def generic_path(quick: bool) -> list[Row]:
    """Any Gymnasium environment, step by step: built-in parts with few and many agents, and parts in plain Python."""
    crowds = [make(TASK, seed=1, **{**LIVE, "tilings": tilings}) for tilings in CROWDS.values()]
    agents: Any = Individuals([Learner(number % 2) for number in range(10)])
    plain = Market(gym.make(TASK), agents, PlainAuction(), seed=1)
    works: Works = [RandomActions(gym.make(TASK)).single, crowds[0].learn, crowds[1].learn, plain.learn]
    size = 2_000 if quick else 6_000
    rounds = speed_ratios(works, [size] * 4, repeats=5 if quick else 11)
    few, many = median_ratio(rounds, 1, 0), median_ratio(rounds, 2, 0)
    spread = median_ratio(rounds, 1, 2)
    return [
        at_least("generic path, 100 agents: training / random-action steps per second", few, 0.7),
        at_least("generic path, 100,000 agents: training / random-action steps per second", many, 0.7),
        at_most(
            "generic path: speed with 100 agents against 100,000, larger over smaller", max(spread, 1 / spread), 1.25
        ),
        at_least("plain-Python mechanism and 10 agents: training / random-action", median_ratio(rounds, 3, 0), 0.25),
    ]


def vector_path(quick: bool) -> Row:
    """2,048 CartPoles in Gymnasium's own vector environment, one tiling, no royalties, learning in one kernel call."""
    small = {**LIVE, "tilings": (Tiling((0, 1, 2, 3), (2, 2, 6, 6), 1),), "royalty": 0.0}
    envs = [gym.make_vec(TASK, num_envs=COPIES, vectorization_mode="vector_entry_point") for _ in range(2)]
    works: Works = [RandomActions(envs[0]).batched, make(envs[1], seed=1, **small).learn]
    rounds = speed_ratios(works, [COPIES * (20 if quick else 100)] * 2, repeats=5 if quick else 11)
    return at_least("vector path, 2,048 CartPoles: training / its own batched steps", median_ratio(rounds, 1, 0), 0.4)


def compiled_path(quick: bool) -> list[Row]:
    """Market and environment in one compiled loop, eight tilings, learning on, with royalties and without."""
    rows = []
    for royalty in (0.0, 0.8):
        market = make(TASK, seed=1, compiled=True, **{**LIVE, "royalty": royalty})
        rounds = speed_ratios([market.learn], [100_000 if quick else 500_000], repeats=5)
        what = f"compiled path, royalty {royalty:g}: CartPole steps per second and core"
        rows.append(at_least(what, statistics.median(r[0] for r in rounds), 1e6))
    return rows


def start_up(quick: bool) -> list[Row]:
    """From `import marketic` to the first training step, and what `marketic --help` loads."""
    training = (
        "import time; used = time.process_time()\n"
        f"import marketic; marketic.make('{TASK}', seed=0).learn(2)\n"
        "print(time.process_time() - used)"
    )
    fresh_python(training)  # warms the kernel cache
    seconds = statistics.median(fresh_python(training)[0] for _ in range(1 if quick else 3))
    asking = (
        "import sys\nsys.argv = ['marketic', '--help']\nfrom marketic.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sum(name in sys.modules for name in ('numpy', 'numba', 'gymnasium')))"
    )
    return [
        at_most("from import marketic to the first training step, warm kernel cache: CPU seconds", seconds, 3.0),
        at_most("marketic --help: how many of numpy, numba and gymnasium it loads", fresh_python(asking)[0], 0.0),
    ]
