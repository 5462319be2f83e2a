"""One administrator for a ring of 50 computers: the hard case, where hopeless neighbourhoods must be given up.

Claim: Guestrin, Koller, Parr and Venkataraman 2003: factored value functions plan well on rings, and an approximate linear
program bounds how well anybody could. The bars are ours: 8 % above rebooting a random computer that is down (no mean rule: to
10 computers nothing beats it clearly), and within 10 % of the bound, which is not tight. Command: marketic reproduce
sysadmin-ring [--quick] [--json]. Measured figures: experiments/README.md.

The market is told which computer depends on which and that all are alike; the rest it learns from its own steps. Returns are
simulated. Beside it: linear Q with the market's own tables, and for a ring of 10 flat Q over 2^10 states and the optimum.
"""

import time
from typing import Any

import numpy as np

import marketic
from marketic.envs.factored_rivals import (
    Policy,
    binary_flat_q,
    discounted_return,
    linear_q,
    market_policy,
    random_reboot,
)
from marketic.envs.sysadmin import SysAdmin
from marketic.result import Row, result

TASK = "marketic/SysAdmin-v0"


def learned(n: int, seed: int, steps: int) -> Policy:
    """The policy of a market after training."""
    market = marketic.make(TASK, env_options={"computers": n, "topology": "ring"}, seed=seed)
    return market_policy(market.learn(steps).population)


def beside(n: int, runs: int, steps: int, flat_steps: int) -> dict[str, Any]:
    """Other policies' returns and standard errors; flat Q and the optimum for at most 10 computers."""
    task, first = SysAdmin(n, "ring"), np.ones(n, dtype=np.int64)
    policies = {"random reboot": random_reboot(), "linear Q": linear_q(task, first, steps, seed=5)}
    if n <= 10:
        policies["flat Q"] = binary_flat_q(task, flat_steps, seed=5)
    found: dict[str, Any] = {"computers": n, "linear program's bound": round(task.alp_bound(), 1)}
    for name, policy in policies.items():
        found[name] = [round(figure, 1) for figure in discounted_return(task, policy, runs, 77, first)]
    if n <= 10:
        found["optimum"] = round(task.optimal_value(), 1)
    return found


def run(quick: bool = False) -> dict[str, Any]:
    """50 computers, 5 seeds, 5,000 steps; a ring of 10 beside it (`quick`: 2 seeds, 1,500 steps, fewer runs; ring of 8)."""
    start = time.perf_counter()
    n, runs = 50, 60 if quick else 400
    seeds, steps = (range(100, 102), 1_500) if quick else (range(100, 105), 5_000)
    task, first = SysAdmin(n, "ring"), np.ones(n, dtype=np.int64)
    found = [discounted_return(task, learned(n, seed, steps), runs, 77, first) for seed in seeds]
    middle, bound = float(np.median([mean for mean, _ in found])), task.alp_bound()
    line = beside(n, 10 * runs, 5_000 if quick else 200_000, 0)
    line["market"], line["standard error"] = [round(mean, 1) for mean, _ in found], round(found[0][1], 2)
    small = beside(8 if quick else 10, runs, 5_000 if quick else 200_000, 100_000 if quick else 1_000_000)
    small_ones = [learned(small["computers"], seed, steps) for seed in seeds]
    ring = SysAdmin(small["computers"], "ring")
    returns = [
        discounted_return(ring, policy, runs, 77, np.ones(ring.computers, dtype=np.int64)) for policy in small_ones
    ]
    small["market"] = [round(mean, 1) for mean, _ in returns]
    gain, share = middle / line["random reboot"][0], middle / bound
    rows = [
        Row(f"ring of 50: market / random reboot, median of {len(seeds)}", round(gain, 4), ">= 1.08", gain >= 1.08),
        Row(f"ring of 50: market / bound, median of {len(seeds)}", round(share, 4), ">= 0.9", share >= 0.9),
    ]
    return result("sysadmin-ring", rows, time.perf_counter() - start, [line, small])
