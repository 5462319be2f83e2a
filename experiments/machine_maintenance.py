"""A market for repair crews comes within a percent of the best that anybody could do, at any number of machines.

Claims: Hawkins 2003; Adelman and Mersereau 2008: prices of scarce resources bound weakly coupled decision processes, and
dated prices close the gap as parts grow in number; Whittle 1988: index policies by such prices are near optimal. The bars
are ours. Command: marketic reproduce machine-maintenance [--quick] [--json]. Measured figures: experiments/README.md.

The task is `marketic.envs.machine_maintenance`. Markets learn online, through `marketic.make`, from one episode of 200 steps
after the other; discounted values are of their policies without exploration. With 5 and 6 machines the value of what the
market does in every joint state is worked out exactly and held against the exact optimum. Beyond that returns are
simulated, and the bound is the certificate: nobody, with any knowledge, earns more. *Price bids* is the market that is given
every machine's dynamics and learns nothing but the price of a crew; *trades* learns without any model.

Beside them, not held to any bar: most worn times value, a random choice, linear Q with the market's own tables, and (5, 6
machines) flat Q, two million steps.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import marketic
from marketic.envs.factored_rivals import (
    Policy,
    discounted_return,
    flat_q,
    linear_q,
    market_policy,
    most_urgent,
)
from marketic.envs.machine_maintenance import MachineMaintenance
from marketic.envs.weakly_coupled_optimum import policy_value
from marketic.result import Row, result

TASK = "marketic/MachineMaintenance-v0"
ECONOMIES = (1, 2)
"""Machines that are drawn afresh, for the small sizes. The large ones have so many that one draw is all draws."""


@dataclass(frozen=True)
class Size:
    """machines, machines per crew, steps of training, simulated episodes, and the linear learner's steps."""

    machines: int
    scarcity: float
    steps: int
    runs: int
    rival_steps: int = 0


LARGE = (Size(50, 10.0, 5_000, 200, 100_000), Size(1000, 10.0, 4_000, 20, 10_000))


def train(size: Size, knowledge: str, seed: int, economy: int) -> Any:
    """A market's population after training."""
    options = {"machines": size.machines, "scarcity": size.scarcity, "economy": economy}
    market = marketic.make(TASK, env_options=options, knowledge=knowledge, seed=seed)
    return market.learn(size.steps).population


def exact_share(task: MachineMaintenance, policy: Policy, optimum: float) -> float:
    """The exact value of a policy as a share of the optimum."""
    states = np.indices((5,) * task.parts).reshape(task.parts, -1).T
    return policy_value(task, policy(states).reshape((5,) * task.parts + (task.parts,))) / optimum


def small(
    machines: int, seeds: range, economies: tuple[int, ...], quick: bool
) -> tuple[list[Row], list[dict[str, Any]]]:
    """Exact values of all policies, medians over seeds; each economy has its own row in the details."""
    steps, details = 3_000 if quick else 5_000, []
    for economy in economies:
        task = MachineMaintenance(machines, scarcity=machines, economy=economy)
        optimum = task.optimal_value()
        line: dict[str, Any] = {"machines": machines, "economy": economy}
        for knowledge in ("given", "counted", "trades"):
            few = seeds[:2] if knowledge == "given" else seeds
            size = Size(machines, machines, steps, 0)
            policies = [market_policy(train(size, knowledge, seed, economy)) for seed in few]
            line[knowledge] = [round(exact_share(task, policy, optimum), 4) for policy in policies]
        for name, policy in rivals(task, 5_000 if quick else 200_000, 200_000 if quick else 2_000_000).items():
            line[name] = round(exact_share(task, policy, optimum), 4)
        line["optimum"], line["dated bound"] = round(optimum, 2), round(task.lagrangian_bound(dated=True).value, 2)
        details.append(line)
    worst = min(float(np.median(line["counted"])) for line in details)
    close = min(float(np.median(line["trades"]) / np.median(line["given"])) for line in details)
    n = f"{machines} machines, {len(economies)} economies, the worst: "
    return [
        Row(f"{n}market / exact optimum, median of {len(seeds)}", worst, ">= 0.995", worst >= 0.995),
        Row(f"{n}trades / price bids, median of {len(seeds)}", close, ">= 0.988", close >= 0.988),
    ], details


def rivals(task: MachineMaintenance, linear_steps: int, flat_steps: int) -> dict[str, Policy]:
    """Rules and learners that stand beside the market."""
    rng = np.random.default_rng(9)
    policies = {
        "most worn times value": most_urgent(lambda wear: wear * task.v, task.crews),
        "random": most_urgent(lambda wear: rng.random(wear.shape), task.crews),
        "linear Q": linear_q(task, task.start, linear_steps, seed=5),
    }
    if task.parts <= 6:
        policies["flat Q"] = flat_q(task, flat_steps, seed=5)
    return policies


def large(size: Size, seeds: range) -> tuple[list[Row], dict[str, Any]]:
    """Simulated returns against the dated bound, which no policy exceeds; the same episodes' seeds for all."""
    task = MachineMaintenance(size.machines, scarcity=size.scarcity)
    bound, constant = task.lagrangian_bound(dated=True), task.lagrangian_bound()
    line: dict[str, Any] = {"machines": size.machines, "dated bound": bound.value, "constant bound": constant.value}
    line["price in the long run"] = round(float(bound.prices[-1, 0]), 3)
    for knowledge in ("given", "counted", "trades"):
        populations = [train(size, knowledge, seed, 1) for seed in (seeds[:2] if knowledge == "given" else seeds)]
        found = [discounted_return(task, market_policy(p), size.runs, 77, task.start) for p in populations]
        line[knowledge] = [round(mean, 1) for mean, _ in found]
        line[f"{knowledge}, price"] = [round(float(p.resource_prices[0]), 3) for p in populations]
        line["standard error"] = round(found[0][1], 2)
    for name, policy in rivals(task, size.rival_steps, 0).items():
        line[name] = round(discounted_return(task, policy, size.runs, 77, task.start)[0], 1)
    gap = 1.0 - float(np.median(line["counted"])) / bound.value
    close = float(np.median(line["trades"]) / np.median(line["given"]))
    n, k = f"{size.machines} machines: ", len(seeds)
    return [
        Row(f"{n}gap to the dated bound, median of {k}", gap, "<= 0.012", gap <= 0.012),
        Row(f"{n}trades / price bids, median of {k}", close, ">= 0.988", close >= 0.988),
    ], line


def run(quick: bool = False) -> dict[str, Any]:
    """All sizes, 5 seeds each, 2 for price bids, which hardly differ.

    `quick`: 5 machines with one economy, and 50 machines with fewer steps; 2 seeds.
    """
    start = time.perf_counter()
    rows: list[Row] = []
    details: list[dict[str, Any]] = []
    seeds = range(100, 102) if quick else range(100, 105)
    for machines in (5,) if quick else (5, 6):
        found, lines = small(machines, seeds, ECONOMIES[:1] if quick else ECONOMIES, quick)
        rows += found
        details += lines
    for size in (Size(50, 10.0, 3_000, 40, 2_000),) if quick else LARGE:
        found, line = large(size, seeds)
        rows += found
        details.append(line)
    rows = [Row(row.what, round(row.value, 5), row.bar, row.met) for row in rows]
    return result("machine-maintenance", rows, time.perf_counter() - start, details)
