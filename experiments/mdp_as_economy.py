"""A Markov decision process is an economy whose prices are its values: one good per state, one activity per state and action.

Claim: Manne 1960 and d'Epenoux 1963 (the linear program of a decision process; its duals are V*); Chang et al. 2020 (markets
of agents that sell each other the next state learn such values). No figures are published; the bars are ours.
Command: marketic reproduce mdp-as-economy [--quick] [--json]. About 4 CPU minutes.

Wide: activity (s, a) buys one unit of state s for its reward and makes discount * P(.|s, a); `walras_lp` prices the states.
They are compared with V* of policy iteration (linear solves, so exact to rounding) on every Gymnasium toy-text task that has
a transition table. Values are below 0 on some tasks, so the goods cannot be thrown away. Certificate: at these prices no
activity makes a profit, those that run make no loss, and all units are sold.

Deep: agents in an auction for the right to act next, who do not know the process. Their learned price of a state is their top
bid there when they do not explore. Error: |price - V*| averaged over states as often as the best policy visits them
(discounted), as a share of the like average of |V*|. `research`: agents that read one counted model (30,000 steps); `tabular`:
agents that know their own trades only (300,000 steps), whose constant learning rate leaves them some noise. Medians and
ranges of seeds 100-104.
"""

import time
from typing import Any

import gymnasium as gym
import numpy as np
from scipy.sparse import csr_array

from marketic.agents.tabular import Tabular
from marketic.envs.tables import TransitionTable
from marketic.mechanisms.equilibrium import Equilibrium, walras_lp
from marketic.result import Row, result

TASKS = ("FrozenLake-v1", "FrozenLake8x8-v1", "CliffWalking-v1", "CliffWalkingSlippery-v1", "Taxi-v4")
DISCOUNT = 0.99
"""That of the presets' auctions."""
STEPS = {"research": 30_000, "tabular": 300_000}
BARS = {"research": 0.02, "tabular": 0.1}


def exact_values(table: TransitionTable) -> tuple[np.ndarray, np.ndarray]:
    """V* [states] and a best policy, int [states], by policy iteration from the rewards (Howard 1960)."""
    states, actions = table.reward.shape
    policy = table.reward.argmax(axis=1)
    while True:
        chosen = np.arange(states) * actions + policy
        matrix = np.eye(states) - DISCOUNT * table.chance[chosen].toarray()
        value = np.linalg.solve(matrix, table.reward[np.arange(states), policy])
        bids = table.reward + DISCOUNT * (table.chance @ value).reshape(states, actions)
        better = bids.max(axis=1) > value + 1e-11 * (1.0 + np.abs(value).max())
        if not better.any():
            return value, policy
        policy = np.where(better, bids.argmax(axis=1), policy)


def economy_prices(table: TransitionTable) -> Equilibrium:
    """Walrasian prices of the states, one unit of each (shared out evenly) for sale."""
    states, actions = table.reward.shape
    activity = np.arange(states * actions)
    buys = csr_array((np.ones(len(activity)), (activity // actions, activity)), shape=(states, len(activity)))
    use = csr_array(buys - DISCOUNT * table.chance.T)
    return walras_lp(table.reward.ravel(), use, np.full(states, 1.0 / states), disposal=False)


def visits(table: TransitionTable, policy: np.ndarray) -> np.ndarray:
    """Discounted visits of each state under the policy, float64 [states]."""
    states, actions = table.reward.shape
    chosen = table.chance[np.arange(states) * actions + policy].toarray()
    return np.linalg.solve(np.eye(states) - DISCOUNT * chosen.T, table.start)


def learned(task: str, family: str, seed: int, steps: int, value: np.ndarray, weight: np.ndarray) -> list[float]:
    """Error of the learned prices after a hundredth, a tenth and all of the steps."""
    import marketic

    market = marketic.make(task, agents=family, seed=seed)
    states = np.arange(len(value), dtype=float)[:, None]
    errors = []
    for until in (steps // 100, steps // 10, steps):
        market.learn(until - market.num_timesteps)
        bids = (
            market.population.bid(states)
            if isinstance(market.population, Tabular)
            else market.population.appraise(states)
        )
        error = np.abs(bids.value.max(axis=1) - value)
        errors.append(float(weight @ error / (weight @ np.abs(value))))
    return errors


def run(quick: bool = False) -> dict[str, Any]:
    """All rows; quick: the deep market on two tasks, one seed, a twentieth of the steps, without bars."""
    begin = time.perf_counter()
    rows, details = [], {}
    for task in TASKS:
        table = TransitionTable.of(gym.make(task))
        value, policy = exact_values(table)
        prices = economy_prices(table)
        off = float(np.abs(prices.prices - value).max())
        rows.append(Row(f"{task}: largest |price - V*|", off, "<= 1e-7", off <= 1e-7))
        proof = prices.certificate
        worst = max(proof.clearing, proof.optimality, abs(proof.gap))
        rows.append(Row(f"{task}: worst residual of the certificate", worst, "<= 1e-9", worst <= 1e-9))
        weight = visits(table, policy)
        for family in ("research", "tabular"):
            if quick and (task not in TASKS[::4] or family == "tabular"):
                continue
            steps, seeds = (STEPS[family] // 20, (100,)) if quick else (STEPS[family], range(100, 105))
            runs = np.array([learned(task, family, seed, steps, value, weight) for seed in seeds])
            details[f"{task}, {family}"] = runs.tolist()
            for column, until in enumerate((steps // 100, steps // 10, steps)):
                error, last = float(np.median(runs[:, column])), until == steps and not quick
                spread = f"{runs[:, column].min():.2g}-{runs[:, column].max():.2g}"
                what, bar = f"{task}, {family}, {until:,} steps: price error ({spread})", BARS[family]
                rows.append(Row(what, error, f"<= {bar:g}" if last else "", not last or error <= bar))
    return result("mdp-as-economy", rows, time.perf_counter() - begin, details)
