"""Simulated returns of policies for factored tasks, and the plain learners that stand beside the goods market.

*Flat Q* is Q-learning on the joint state (Watkins and Dayan 1992); it is given the joint actions that fit. *Linear Q* has
Q(s, a) = sum_i w_i(state of i and of its parents, a_i), the very tables of the market, but learns them from the one reward and
one temporal difference of the whole, with semi-gradient Q-learning; its greedy action is found exactly.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from marketic.agents.goods_market import GoodsMarket

Policy = Callable[[np.ndarray], np.ndarray]
"""From states int64 [B, n] to actions int64 [B, n] that fit."""
STEPS = 200
"""Of an episode; what comes after is worth 0.95**200 of a step."""


def discounted_return(task: Any, policy: Policy, runs: int, seed: int, start: np.ndarray) -> tuple[float, float]:
    """Mean discounted return over `runs` episodes of STEPS, and its standard error."""
    rng = np.random.default_rng(seed)
    state, total = np.tile(start, (runs, 1)), np.zeros(runs)
    for t in range(STEPS):
        action = policy(state)
        state, earned = task.advance(state, action, rng)
        total += task.discount**t * earned.sum(axis=1)
    return float(total.mean()), float(total.std() / np.sqrt(runs))


def market_policy(population: GoodsMarket) -> Policy:
    """What a trained market does when it does not explore."""
    parts = population.parts

    def policy(state: np.ndarray) -> np.ndarray:
        local = parts.local(parts.own(state.astype(float)))
        qualities = (population.learner.quality(one, population.resource_prices, population.discount) for one in local)
        return np.array([population.allocate(quality)[0] for quality in qualities])

    return policy


def most_urgent(priority: Callable[[np.ndarray], np.ndarray], units: int) -> Policy:
    """Action 1 for the `units` parts of highest priority > 0; priority: states [B, n] -> float64 [B, n]."""

    def policy(state: np.ndarray) -> np.ndarray:
        urgency = priority(state)
        chosen = np.argsort(-urgency, axis=1, kind="stable")[:, :units]
        action = np.zeros(state.shape, dtype=np.int64)
        np.put_along_axis(action, chosen, np.take_along_axis(urgency, chosen, axis=1) > 0, axis=1)
        return action

    return policy


def linear_q(task: Any, start: np.ndarray, steps: int, seed: int, *, rate: float = 0.5, explore: float = 0.1) -> Policy:
    """Learn linear Q for parts with actions 0 and 1 and one resource; returns its greedy policy.

    rate: of a step, divided by the number of parts; it falls with steps. Episodes of STEPS begin at `start`.
    """
    rng, units = np.random.default_rng(seed), int(task.capacity[0])
    parents = list(task.factoring.parents) or [()] * len(start)
    size = int(task.observation_space.nvec[0]) if hasattr(task.observation_space, "nvec") else 2
    wide = max(map(len, parents))
    groups = [[*near, part] for part, near in enumerate(parents)]
    members = np.array([[part] * (wide + 1 - len(group)) + group for part, group in enumerate(groups)])
    strides = size ** np.arange(wide, -1, -1)
    weight = np.zeros((len(start), size ** (wide + 1), 2))
    rows = np.arange(len(start))

    def gains(state: np.ndarray) -> np.ndarray:
        local = (state[:, members] * strides).sum(axis=-1)
        return weight[rows, local, 1] - weight[rows, local, 0]

    greedy = most_urgent(gains, units)
    state = start[None].copy()
    for t in range(steps):
        action = greedy(state)
        if rng.random() < explore:
            action[:] = 0
            action[0, rng.choice(len(start), units, replace=False)] = 1
        following, earned = task.advance(state, action, rng)
        local, ahead = ((s[:, members] * strides).sum(axis=-1)[0] for s in (state, following))
        best = greedy(following)[0]
        target = earned.sum() + task.discount * weight[rows, ahead, best].sum()
        off = target - weight[rows, local, action[0]].sum()
        weight[rows, local, action[0]] += rate / (1.0 + t / 20_000) / len(start) * off
        state = following if (t + 1) % STEPS else start[None].copy()
    return greedy


def random_reboot(seed: int = 9) -> Policy:
    """For SysAdmin: reboot a computer drawn from those that are down."""
    rng = np.random.default_rng(seed)
    return most_urgent(lambda up: (1 - up) * rng.random(up.shape), 1)


@njit(cache=True)
def _flat(steps, uniform, cumulative, rewards, joint, states, start, discount, explore, quality, visits, state):  # type: ignore[no-untyped-def]
    """Q-learning over joint states, in place; `state` int64 [n] is where it stands.

    cumulative float64 [n, joint states, S]: of each part's next state under action 0; action 1: the last axis of
    `rewards` and `cumulative` of part i + n. joint int64 [J]: the part that gets action 1, or -1. uniform [steps, n + 2].
    """
    parts = start.shape[0]
    for t in range(steps):
        here = 0
        for i in range(parts):
            here = here * states + state[i]
        choice = quality[here].argmax()
        if uniform[t, parts] < explore:
            choice = int(uniform[t, parts + 1] * joint.shape[0])
        earned, ahead = 0.0, 0
        for i in range(parts):
            row = i + parts if joint[choice] == i else i
            earned += rewards[row, state[i]]
            y = 0
            while y < states - 1 and cumulative[row, here, y] <= uniform[t, i]:
                y += 1
            ahead = ahead * states + y
        rest = ahead
        for i in range(parts - 1, -1, -1):
            state[i] = rest % states
            rest //= states
        visits[here, choice] += 1.0
        rate = visits[here, choice] ** -0.6
        quality[here, choice] += rate * (earned + discount * quality[ahead].max() - quality[here, choice])
        if (t + 1) % 200 == 0:
            state[:] = start


def flat_q(task: Any, steps: int, seed: int) -> Policy:
    """Learn a joint table for a weakly coupled task of actions 0 and 1 and one unit of one resource; its greedy policy."""
    n, states = task.parts, task.transitions.shape[2]
    joint = np.indices((states,) * n).reshape(n, -1)
    chance = np.concatenate([[task.transitions[i, a][joint[i]] for i in range(n)] for a in (0, 1)])
    rewards = np.concatenate([task.rewards[:, :, 0], task.rewards[:, :, 1]])
    return _learn_flat(chance, rewards, task.start, task.discount, steps, seed)


def binary_flat_q(task: Any, steps: int, seed: int) -> Policy:
    """The same for SysAdmin."""
    n = task.computers
    up = task.chances(np.indices((2,) * n).reshape(n, -1).T).T
    chance = np.concatenate([np.stack([1.0 - up, up], axis=-1), np.tile([0.0, 1.0], (n, 2**n, 1))])
    rewards = np.repeat([[0.0, 1.0], [-0.75, 0.25]], n, axis=0)
    return _learn_flat(chance, rewards, np.ones(n, dtype=np.int64), task.discount, steps, seed)


def _learn_flat(
    chance: np.ndarray, rewards: np.ndarray, start: np.ndarray, discount: float, steps: int, seed: int
) -> Policy:
    n, states = len(start), chance.shape[2]
    quality, visits = np.zeros((2, states**n, n + 1))
    joint, rng, state = np.arange(-1, n), np.random.default_rng(seed), start.astype(np.int64)
    for begin in range(0, steps, 100_000):
        uniform = rng.random((min(100_000, steps - begin), n + 2))
        _flat(
            len(uniform), uniform, chance.cumsum(axis=-1), np.ascontiguousarray(rewards), joint, states,
            start.astype(np.int64), discount, 0.1, quality, visits, state,
        )  # fmt: skip
    powers = states ** np.arange(n)[::-1]

    def policy(state: np.ndarray) -> np.ndarray:
        served = joint[quality[state @ powers].argmax(axis=1)]
        return (np.arange(n) == served[:, None]).astype(np.int64)

    return policy
