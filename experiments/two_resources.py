"""Several scarce resources at once: machines that share energy and repair crews, priced, and played by a spot market.

Claim: Hawkins 2003; Adelman and Mersereau 2008 (Lagrangian relaxation of weakly coupled decision processes: the duals of the
resources decompose the problem, and the relaxed value bounds it). No figures are published for these tasks; the bars are ours.
Command: marketic reproduce two-resources [--quick] [--json]. About 15 CPU seconds.

200 machines, wear 0-4, discount 0.95, each with its own productivity and rate of wear. A machine may rest, run (1 unit of
energy), run fast (2 units, wears sooner) or be repaired (1 crew); there are 0.9 units of energy and 0.1 crews per machine.
One program over all machines' occupancies, with 4,000 activities, is solved by `walras_lp`; `lagrange_price` never sees it:
each machine solves its own 5 states at given prices. Both prices must be positive, and agree with the program's duals.

Spot market: in each period every machine knows its own state, its values at the long-run prices, and today's prices; it wants
the action of greatest Q less today's prices times use, where Q counts the reward and what tomorrow's state is worth. Today's
prices start at the long-run ones and follow excess demand (a few rounds); then machines are served by their surplus while
stocks last, and what is left over is free for who still gains by it. Return: discounted, over 200 periods, mean of 40 runs,
against the program's bound, which no rule that keeps the capacities in every period can beat (periods after the 200th, which
weigh 3.5e-5, count as lost). Economies 100-104; rivals: no
prices (each machine grabs what is best for itself, in random order), and random feasible actions. `excess demand`: prices
found from quantities alone, the values never told.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from scipy.sparse import block_diag, csr_array, vstack

from marketic.economy.lagrange_price import lagrange_price
from marketic.mechanisms.equilibrium import Equilibrium, walras_lp
from marketic.result import Row, result

DISCOUNT, WEAR, RESOURCES = 0.95, 5, ("energy", "crews")
USE = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
"""Units of each resource that resting, running, running fast and repair take: [actions, resources]."""
PERIODS = 200


@dataclass(frozen=True)
class Workshop:
    """chance: float64 [n, wear, action, wear]; reward: [n, wear, action]; capacity: [resources], units per period."""

    chance: np.ndarray
    reward: np.ndarray
    capacity: np.ndarray

    @classmethod
    def draw(cls, n: int, rng: np.random.Generator) -> "Workshop":
        """Productivity 0.5 to 2; chance of wear 0.2 to 0.6 a period, 1.6 times that when it runs fast."""
        worth, wears = rng.uniform(0.5, 2.0, n), rng.uniform(0.2, 0.6, n)
        chance, reward = np.zeros((n, WEAR, 4, WEAR)), np.zeros((n, WEAR, 4))
        for s, made in enumerate((1.0, 0.9, 0.7, 0.4, 0.1)):
            worse = min(s + 1, WEAR - 1)
            chance[:, s, 0, s] = 1.0
            for action, speed, risk in ((1, 1.0, wears), (2, 1.7, np.minimum(1.6 * wears, 0.95))):
                chance[:, s, action, worse] += risk
                chance[:, s, action, s] += 1.0 - risk
                reward[:, s, action] = worth * made * speed
            chance[:, s, 3, 0] += 0.9
            chance[:, s, 3, s] += 0.1
            reward[:, s, 3] = -0.3
        return cls(chance, reward, np.array([round(0.9 * n), round(0.1 * n)], dtype=float))

    def values(self, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every machine's own V [n, wear] and best policy int [n, wear] at the prices, by policy iteration."""
        n = len(self.reward)
        net = self.reward - USE @ prices
        who, policy = np.arange(n)[:, None], np.zeros((n, WEAR), dtype=int)
        states = np.arange(WEAR)
        while True:
            moves = self.chance[who, states, policy]
            value = np.linalg.solve(np.eye(WEAR) - DISCOUNT * moves, net[who, states, policy][..., None])[..., 0]
            bids = net + DISCOUNT * np.einsum("nsat,nt->nsa", self.chance, value)
            better = bids.max(axis=2) > value + 1e-12
            if not better.any():
                return value, policy
            policy = np.where(better, bids.argmax(axis=2), policy)

    def demand(self, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Discounted use [n, resources] and value [n] of every machine, from a wear drawn uniformly."""
        value, policy = self.values(prices)
        who, states = np.arange(len(policy))[:, None], np.arange(WEAR)
        matrix = np.eye(WEAR) - DISCOUNT * self.chance[who, states, policy]
        used = np.linalg.solve(matrix, USE[policy])
        return used.mean(axis=1), value.mean(axis=1)

    def program(self) -> Equilibrium:
        """The linear program of all machines' discounted occupancies: goods are wear levels and resources."""
        n = len(self.reward)
        here = np.repeat(np.eye(WEAR), 4, axis=1)
        flow = [csr_array(here - DISCOUNT * one.reshape(-1, WEAR).T) for one in self.chance]
        use = vstack([block_diag(flow, format="csr"), csr_array(np.tile(USE.T, n * WEAR))], format="csr")
        supply = np.concatenate([np.full(n * WEAR, 1.0 / WEAR), self.capacity / (1.0 - DISCOUNT)])
        disposal = np.arange(len(supply)) >= n * WEAR
        return walras_lp(self.reward.ravel(), use, supply, disposal=disposal)


@njit(cache=True)
def clear(worth, use, capacity, prices, order, rounds):
    """One period's spot market: actions int64 [n]. worth: Q, prices not deducted, [n, actions]; prices [resources], changed.

    order: int64 [n], who comes first among equals. rounds: of excess demand before machines are served.
    """
    n, actions = worth.shape
    kinds = len(capacity)
    surplus, choice = np.empty(n), np.zeros(n, np.int64)
    for turn in range(rounds + 1):
        wanted = np.zeros(kinds)
        for i in range(n):
            best = -np.inf
            for a in range(actions):
                net = worth[i, a]
                for k in range(kinds):
                    net -= prices[k] * use[a, k]
                if net > best:
                    best, choice[i] = net, a
            surplus[i] = best - worth[i, 0]
            wanted += use[choice[i]]
        if turn < rounds:
            for k in range(kinds):
                excess = (wanted[k] - capacity[k]) / capacity[k]
                prices[k] = max(0.0, prices[k] + (0.5 / (turn + 1)) * min(1.0, max(-1.0, excess)) * max(prices[k], 0.1))
    left, action = capacity.copy(), np.zeros(n, np.int64)
    ranked = order[np.argsort(-surplus[order], kind="mergesort")]
    for free in range(2):  # first at today's prices, then what is left, for nothing
        for i in ranked:
            best, take = 0.0, action[i]
            for a in range(actions):
                net, fits = worth[i, a] - worth[i, action[i]], True
                for k in range(kinds):
                    more = use[a, k] - use[action[i], k]
                    fits = fits and more <= left[k]
                    net -= (0.0 if free else prices[k]) * more
                if fits and net > best:
                    best, take = net, a
            left -= use[take] - use[action[i]]
            action[i] = take
    return action


def play(shop: Workshop, rule: str, prices: np.ndarray, runs: int, rng: np.random.Generator) -> np.ndarray:
    """Discounted return of each run, float64 [runs]. rule: "market", "no prices" or "random"."""
    n, who = len(shop.reward), np.arange(len(shop.reward))
    value, _ = shop.values(prices if rule == "market" else np.zeros(2))
    worth = shop.reward + DISCOUNT * np.einsum("nsat,nt->nsa", shop.chance, value)
    steps = shop.chance.cumsum(axis=3)
    returns = np.zeros(runs)
    for run_ in range(runs):
        wear, today = rng.integers(WEAR, size=n), prices.copy()
        for t in range(PERIODS):
            order, offered = rng.permutation(n), worth[who, wear]
            if rule == "market":
                action = clear(offered, USE, shop.capacity, today, order, 5)
            elif rule == "no prices":  # served in random order, each its own best of what is left
                action = clear(offered, USE, shop.capacity, np.full(2, 1e9), order, 0)
            else:
                action = clear(rng.random((n, 4)), USE, shop.capacity, np.full(2, 1e9), order, 0)
            returns[run_] += DISCOUNT**t * shop.reward[who, wear, action].sum()
            wear = (rng.random(n)[:, None] > steps[who, wear, action]).sum(axis=1)
    return returns


def economy(n: int, seed: int, runs: int) -> dict[str, float]:
    """One workshop: prices three ways, and returns as shares of the bound."""
    rng = np.random.default_rng(seed)
    shop = Workshop.draw(n, rng)
    start = time.process_time()
    program = shop.program()
    by_program = time.process_time() - start
    capacity = shop.capacity / (1.0 - DISCOUNT)
    start = time.process_time()
    found = lagrange_price(shop.demand, capacity)
    by_parts = time.process_time() - start
    quantities = lagrange_price(lambda p: shop.demand(p)[0], capacity, tolerance=1e-3, max_evaluations=400)
    duals = program.prices[-2:]
    answer = {
        "energy": float(duals[0]), "crews": float(duals[1]),
        "difference": float(np.abs(found.prices - duals).max()),
        "bounds": abs(found.bound - program.bound) / program.bound,
        "gap": found.certificate.gap / found.bound, "evaluations": found.evaluations,
        "excess demand": float(np.abs(quantities.prices / duals - 1.0).max()),
        "program seconds": by_program, "parts seconds": by_parts,
    }  # fmt: skip
    for rule in ("market", "no prices", "random"):
        returns = play(shop, rule, found.prices, runs if rule == "market" else max(2, runs // 4), rng)
        answer[rule] = float(returns.mean() / found.bound)
        answer[f"{rule}, error"] = float(returns.std(ddof=1) / np.sqrt(len(returns)) / found.bound)
    return answer


def run(quick: bool = False) -> dict[str, Any]:
    """All rows; quick: one workshop of 60 machines, 4 runs, without the bar on the return."""
    begin = time.perf_counter()
    n, seeds, runs = (60, (100,), 4) if quick else (200, range(100, 105), 40)
    cases = [economy(n, seed, runs) for seed in seeds]
    columns = {key: np.array([case[key] for case in cases]) for key in cases[0]}
    rows = []
    for resource in RESOURCES:
        least = float(columns[resource].min())
        rows.append(Row(f"least price of {resource}", least, "> 0", least > 0.0))
    for what, key, bar in (
        ("largest |price - dual of the program|", "difference", 1e-5),
        ("largest relative difference of the bounds", "bounds", 1e-7),
        ("gap / bound of lagrange_price", "gap", 1e-8),
    ):
        worst = float(columns[key].max())
        rows.append(Row(what, worst, f"<= {bar:g}", worst <= bar))
    rows.append(Row("evaluations of demand, median", float(np.median(columns["evaluations"])), "", True))
    off = float(columns["excess demand"].max())
    what = "prices from excess demand alone (400 rounds): largest relative error"
    rows.append(Row(what, off, "" if quick else "<= 0.02", quick or off <= 0.02))
    for rule in ("market", "no prices", "random"):
        share, error = columns[rule], float(columns[f"{rule}, error"].max())
        middle = float(np.median(share))
        what = f"{rule}: return / bound ({share.min():.4f}-{share.max():.4f}; standard error {error:.4f})"
        barred = rule == "market" and not quick
        rows.append(Row(what, middle, ">= 0.98" if barred else "", not barred or middle >= 0.98))
    return result("two-resources", rows, time.perf_counter() - begin, {"economies": cases})
