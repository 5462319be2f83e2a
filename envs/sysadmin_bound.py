"""How well SysAdmin can be played: exactly for few computers and for stars of any size, and an upper bound for all.

The *approximate linear program* (Schweitzer and Seidmann 1985; Guestrin et al. 2003) looks for the least value function of
a given form, V(x) = sum_k w_k phi_k(x), with V(x) >= r(x, a) + discount E V(x') for every state and action. Every such V
lies above the optimum everywhere, so its value at "all up" is an upper bound on it. What remains of a violation, divided by
1 - discount, is added to the bound.

Forms: ring, 1, x_i and x_i x_(i-1) with common weights; of the 2^n constraints only those that a candidate violates most are
written down, one action at a time, found by dynamic programming around the ring, until none is violated by more than a
tolerance; star, 1, hub, leaves up and their product, all constraints; grid, see `marketic.envs.sysadmin_grid`.

A star is *lumped* without loss into (hub, number of leaves up): its leaves are alike.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import binom

from marketic.envs.sysadmin_grid import grid_bound, least
from marketic.envs.value_iteration import settled
from marketic.errors import InputError

TOLERANCE = 1e-7
MOST_COMPUTERS = 10
"""Of the exact optimum: 2^10 states."""
Cut = tuple[np.ndarray, float]
"""A constraint row @ w >= right side, of the worst state."""


def alp_bound(task: Any) -> float:
    """The approximate linear program's value at "all up", plus what its last violation may hide."""
    if task.topology == "star":
        return _star_program(task)
    return grid_bound(task) if task.topology == "grid" else _ring_program(task)


def _ring_program(task: Any) -> float:
    """Minimise the value of "all up" over weights that satisfy every constraint, of which the worst are added in turns.

    The program sees the constant w_0 per step, (1 - discount) w_0, which is at most n, however long the horizon.
    """
    rows, right = [], []
    n, discount = task.computers, task.discount
    goal, steps = np.array([1.0, n, n]), np.array([1.0 / (1.0 - discount), 1.0, 1.0])
    bounds = [(-10.0 * n, 10.0 * n)] + [(None, n / (1.0 - discount))] * 2
    weights = np.zeros(3)
    while True:
        cuts = _ring_worst(task, weights)
        violation = max(b - row @ weights for row, b in cuts)
        if violation <= TOLERANCE:
            return float(goal @ weights + max(violation, 0.0) / (1.0 - discount))
        for row, b in cuts:
            if b - row @ weights > TOLERANCE / 2:
                rows.append(row)
                right.append(b)
        weights = least(goal * steps, -np.array(rows) * steps, -np.array(right), bounds) * steps


def _cut(task: Any, up: np.ndarray, reboot: int, features: Callable[[np.ndarray], np.ndarray]) -> Cut:
    """The constraint of one state and action; features: of chances of being up (independent computers)."""
    chance = task.chances(up[None])[0]
    earned = float(up.sum())
    if reboot >= 0:
        chance[reboot], earned = 1.0, earned - 0.75
    return features(up.astype(float)) - task.discount * features(chance), earned


def _ring_features(x: np.ndarray) -> np.ndarray:
    return np.array([1.0, x.sum(), (x * np.roll(x, 1)).sum()])


def _ring_worst(task: Any, w: np.ndarray) -> list[Cut]:
    """Without a reboot, and with one of computer 0: they are all alike."""
    return [_cut(task, _ring_state(task, w, reboot), reboot, _ring_features) for reboot in (-1, 0)]


def _ring_state(task: Any, w: np.ndarray, reboot: int) -> np.ndarray:
    """argmax over x of r + discount E V(x') - V(x): a sum of terms of three neighbours, around the ring."""
    n, g = task.computers, task.discount
    chance = np.array([[0.05, 0.05], [0.45 + 0.25, 0.95]])  # [x_i, x_(i-1)]
    terms = np.empty((n, 2, 2, 2))  # [i][x_(i-2), x_(i-1), x_i]
    for i in range(n):
        for a, b, c in np.ndindex(2, 2, 2):
            here = 1.0 if i == reboot else chance[c, b]
            before = 1.0 if (i - 1) % n == reboot else chance[b, a]
            terms[i, a, b, c] = c - w[1] * c - w[2] * b * c + g * (w[1] * here + w[2] * here * before)
    best, chosen = -np.inf, np.zeros(n, dtype=np.int64)
    for first, second in np.ndindex(2, 2):  # x_0 and x_1
        score = np.full((2, 2), -np.inf)  # by (x_(i-1), x_i)
        score[first, second] = 0.0
        back = np.zeros((n, 2, 2), dtype=np.int64)
        for i in range(2, n):
            options = score[:, :, None] + terms[i]
            back[i] = options.argmax(axis=0)
            score = options.max(axis=0)
        ends = score + terms[0][:, :, first] + terms[1][None, :, first, second].reshape(1, 2)
        a, b = np.unravel_index(ends.argmax(), (2, 2))
        if ends[a, b] > best:
            best, chosen = ends[a, b], np.zeros(n, dtype=np.int64)
            chosen[n - 2], chosen[n - 1] = a, b
            for i in range(n - 1, 1, -1):
                chosen[i - 2] = back[i, chosen[i - 1], chosen[i]]
    return chosen


def _star_moves(task: Any) -> list[tuple[int, int, str, float, float, np.ndarray]]:
    """(hub, leaves up, move, reward, chance of a hub that is up, chances of numbers of leaves up) of every lumped move."""
    leaves, moves = task.computers - 1, []
    for hub, k in np.ndindex(2, leaves + 1):
        stays, hub_up = (0.95, 0.95) if hub else (0.70, 0.05)
        sure = {"none": (0, k, leaves - k), "hub": (0, k, leaves - k)}
        if k < leaves:
            sure["down leaf"] = (1, k, leaves - k - 1)
        if k > 0:
            sure["up leaf"] = (1, k - 1, leaves - k)
        for move, (certain, ups, downs) in sure.items():
            odds = np.convolve(binom.pmf(np.arange(ups + 1), ups, stays), binom.pmf(np.arange(downs + 1), downs, 0.05))
            odds = np.concatenate([np.zeros(certain), odds])
            earned = hub + k - (0.75 if move != "none" else 0.0)
            moves.append((hub, k, move, earned, 1.0 if move == "hub" else hub_up, odds))
    return moves


def _star_program(task: Any) -> float:
    """All constraints of the basis 1, hub, leaves up, hub * leaves up; the constant counts per step, as in `_ring_program`."""
    leaves, g = task.computers - 1, task.discount
    rows, right = [], []
    for hub, k, _, earned, hub_up, odds in _star_moves(task):
        mean = float(odds @ np.arange(len(odds)))
        rows.append([1.0, hub - g * hub_up, k - g * mean, hub * k - g * hub_up * mean])
        right.append(earned)
    goal = np.array([1.0 / (1.0 - g), 1.0, leaves, leaves])
    found = least(goal, -np.array(rows), -np.array(right), (None, None))
    missing = max(float(np.max(np.array(right) - np.array(rows) @ found)), 0.0)
    return float(goal @ found + missing / (1.0 - g))


def lumped_values(task: Any, *, tolerance: float = 1e-12) -> np.ndarray:
    """Optimal discounted values of a star, float64 [hub down or up, leaves up], by value iteration.

    tolerance: relative to the largest value, up to rounding. Raises InputError for another topology.
    """
    if task.topology != "star":
        raise InputError(f"a {task.topology} does not lump: wanted topology='star'; use alp_bound, or optimal_value")
    moves, n, g = _star_moves(task), task.computers, task.discount
    state = np.array([hub * n + k for hub, k, *_ in moves])
    earned = np.array([move[3] for move in moves])
    odds = np.zeros((len(moves), 2, n))
    for number, (_, _, _, _, hub_up, leaves) in enumerate(moves):
        odds[number, 0, : len(leaves)], odds[number, 1, : len(leaves)] = (1.0 - hub_up) * leaves, hub_up * leaves
    odds = odds.reshape(len(moves), 2 * n)
    return _iterate(2 * n, state, earned, odds, g, tolerance).reshape(2, n)


def lumped_policy_value(task: Any, moves: np.ndarray) -> float:
    """The exact discounted value, from all up, of a policy for a star that treats leaves alike.

    moves: int64 [hub down or up, leaves up]: -1 nothing, 0 the hub, 1 a leaf that is down, 2 a leaf that is up. Raises
    InputError for a move that is not there, such as a leaf that is down where all are up.
    """
    names, n = ("none", "hub", "down leaf", "up leaf"), task.computers
    table = {(hub, k, name): (reward, hub_up, odds) for hub, k, name, reward, hub_up, odds in _star_moves(task)}
    matrix, earned = np.eye(2 * n), np.zeros(2 * n)
    for hub, k in np.ndindex(2, n):
        name = names[int(moves[hub, k]) + 1]
        if (hub, k, name) not in table:
            raise InputError(f"moves[{hub}, {k}] is {name!r}, which is not there; wanted a move that is")
        reward, hub_up, leaves = table[hub, k, name]
        earned[hub * n + k] = reward
        for up, chance in ((0, 1.0 - hub_up), (1, hub_up)):
            matrix[hub * n + k, up * n : up * n + len(leaves)] -= task.discount * chance * leaves
    return float(np.linalg.solve(matrix, earned)[-1])


def optimal_value(task: Any, *, tolerance: float = 1e-12) -> float:
    """The optimum from "all up" over all 2^n states. tolerance: relative to the largest value, up to rounding."""
    n = task.computers
    if n > MOST_COMPUTERS:
        raise InputError(
            f"optimal_value: {n} computers have 2**{n} states; wanted at most {MOST_COMPUTERS}: use alp_bound"
        )
    states = np.arange(2**n)
    up = states[:, None] >> np.arange(n) & 1
    chance = task.chances(up)
    value = np.zeros(2**n)
    matrices = [_joint(chance, reboot) for reboot in range(-1, n)]
    while True:
        best = np.max([up.sum(1) - 0.75 * (a > 0) + task.discount * m @ value for a, m in enumerate(matrices)], axis=0)
        found = settled(value, best, task.discount, tolerance, float(n))
        if found is not None:
            return float(found[-1])
        value = best


def _joint(chance: np.ndarray, reboot: int) -> np.ndarray:
    """Transition matrix of independent computers, bit i of a state's number being computer i."""
    matrix = np.ones((len(chance), 1))
    for i in range(chance.shape[1]):
        up = np.ones(len(chance)) if i == reboot else chance[:, i]
        matrix = np.concatenate([matrix * (1.0 - up)[:, None], matrix * up[:, None]], axis=1)
    return matrix


def _iterate(
    states: int, state: np.ndarray, earned: np.ndarray, odds: np.ndarray, discount: float, tolerance: float
) -> np.ndarray:
    """Value iteration over moves, each from one state."""
    value = np.zeros(states)
    while True:
        best = np.full(states, -np.inf)
        np.maximum.at(best, state, earned + discount * odds @ value)
        found = settled(value, best, discount, tolerance, float(np.abs(earned).max()))
        if found is not None:
            return found
        value = best
