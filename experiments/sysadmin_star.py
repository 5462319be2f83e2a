"""One administrator for a hub and 49 leaves: parts that pass offers on to what they depend on find the optimum.

Claim: Guestrin, Koller, Parr and Venkataraman 2003: factored value functions plan well in networks whose state space is
far beyond tables. The bar is ours: within 1 % of the exact optimum of 2^50 states, which lumping gives. Command:
marketic reproduce sysadmin-star [--quick] [--json]. Measured figures: experiments/README.md.

The market is told which computer depends on which and that leaves are alike; chances, rewards and values it learns from its
own steps. Its policy depends on (hub, leaves up) only, so its discounted value is worked out exactly. Beside it: rebooting
a random computer that is down, and linear Q with the market's own tables; flat Q would need 2^50 rows.
"""

import time
from typing import Any

import numpy as np

import marketic
from marketic.envs.factored_rivals import Policy, discounted_return, linear_q, market_policy, random_reboot
from marketic.envs.sysadmin import SysAdmin
from marketic.envs.sysadmin_bound import lumped_policy_value
from marketic.result import Row, result

TASK = "marketic/SysAdmin-v0"


def lumped_moves(policy: Policy, computers: int) -> np.ndarray:
    """What a policy does, int64 [hub down or up, leaves up]: -1 nothing, 0 the hub, 1 a leaf that is down, 2 one that is up."""
    leaves = computers - 1
    hub, k = np.indices((2, computers)).reshape(2, -1)
    state = np.concatenate([hub[:, None], (np.arange(leaves) < k[:, None])], axis=1).astype(np.int64)
    action = policy(state)
    chosen = np.where(action.any(axis=1), action.argmax(axis=1), -1)
    leaf = chosen > 0
    chosen[leaf] = np.where(state[leaf, chosen[leaf]] > 0, 2, 1)
    return chosen.reshape(2, computers)


def run(quick: bool = False) -> dict[str, Any]:
    """50 computers (`quick`: 20), 5 seeds (3), 10,000 steps (3,000)."""
    start = time.perf_counter()
    n, seeds, steps = (20, range(100, 103), 3_000) if quick else (50, range(100, 105), 10_000)
    task = SysAdmin(n, "star")
    optimum, first = task.lumped_optimum(), np.ones(n, dtype=np.int64)
    values = []
    for seed in seeds:
        market = marketic.make(TASK, env_options={"computers": n, "topology": "star"}, seed=seed).learn(steps)
        values.append(lumped_policy_value(task, lumped_moves(market_policy(market.population), n)))
    runs, rival_steps = (100, 5_000) if quick else (400, 200_000)
    beside = {
        "random reboot": discounted_return(task, random_reboot(), runs, 77, first),
        "linear Q": discounted_return(task, linear_q(task, first, rival_steps, seed=5), runs, 77, first),
    }
    share = float(np.median(values)) / optimum
    what = f"star of {n}: market / lumped optimum, median of {len(seeds)}"
    rows = [Row(what, round(share, 5), ">= 0.99", share >= 0.99)]
    details = {
        "optimum": optimum,
        "linear program's bound": task.alp_bound(),
        "market": [round(value, 2) for value in values],
        **{name: [round(figure, 1) for figure in figures] for name, figures in beside.items()},
    }
    return result("sysadmin-star", rows, time.perf_counter() - start, details)
