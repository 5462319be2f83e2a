"""The exact optimum of a small weakly coupled task, by value iteration over all joint states.

V(s) = max over actions that fit of sum_i r_i(s_i, a_i) + discount E V(s'); the parts move independently, so the
expectation is taken one axis of V at a time. When the iteration may end: `marketic.envs.value_iteration`. Where the parts
forget slowly where they began, and the joint states are few, now and then a linear system takes it on to the exact value of
what it does by then, which makes it policy iteration (Howard 1960).
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from marketic.envs.value_iteration import settled
from marketic.errors import InputError
from marketic.factoring import ROOM

MOST_STATES = 300_000
MOST_WORK = 5_000_000
"""Joint states times joint actions that one sweep may visit."""
SWEEPS, MOST_SOLVED = 200, 1024
"""Sweeps between two linear systems, and joint states of such a system at most."""


def optimal_values(task: Any, *, tolerance: float = 1e-9) -> np.ndarray:
    """Optimal discounted values, float64 [S] * n, currency. task: a `WeaklyCoupled`. tolerance: relative to the largest.

    Raises InputError if the joint problem is too large.
    """
    parts, states = task.parts, task.transitions.shape[2]
    joint = _feasible_actions(task) if states**parts <= MOST_STATES else []
    if states**parts > MOST_STATES or states**parts * len(joint) > MOST_WORK:
        raise InputError(
            f"optimal_values: {states}**{parts} joint states; wanted at most {MOST_STATES} of them, "
            f"and {MOST_WORK} pairs with a joint action: use lagrangian_bound for larger tasks"
        )
    earned = [_total([task.rewards[i, :, a] for i, a in enumerate(action)]) for action in joint]
    value, sweep = np.zeros((states,) * parts), 0
    while True:
        update = np.full(value.shape, -np.inf)
        for worth in _worths(task, joint, earned, value):
            np.maximum(update, worth, out=update)
        found = settled(value, update, task.discount, tolerance, float(np.abs(task.rewards).max()))
        if found is not None:
            return found
        value, sweep = update, sweep + 1
        if sweep % SWEEPS == 0 and value.size <= MOST_SOLVED:
            plan = np.argmax(list(_worths(task, joint, earned, value)), axis=0).ravel()
            reward = np.array(earned).reshape(len(joint), -1)[plan, np.arange(value.size)]
            value = _solve(task, np.array(joint)[plan], reward).reshape(value.shape)


def _worths(task: Any, joint: list, earned: list[np.ndarray], value: np.ndarray) -> Iterator[np.ndarray]:
    """What each joint action is worth in every joint state, if `value` is what comes after it."""
    for action, reward in zip(joint, earned, strict=True):
        ahead = value
        for part, a in enumerate(action):
            ahead = np.moveaxis(np.tensordot(task.transitions[part, a], ahead, (1, part)), 0, part)
        yield reward + task.discount * ahead


def _solve(task: Any, actions: np.ndarray, reward: np.ndarray) -> np.ndarray:
    """The exact value of a policy, float64 [J], of J joint states; actions: int64 [J, n]; reward: float64 [J]."""
    here = np.indices((task.transitions.shape[2],) * task.parts).reshape(task.parts, -1)
    odds = np.ones((len(reward), 1))
    for part in range(task.parts):
        own = task.transitions[part, actions[:, part], here[part]]
        odds = (odds[:, :, None] * own[:, None, :]).reshape(len(reward), -1)
    return np.linalg.solve(np.eye(len(reward)) - task.discount * odds, reward)


def _feasible_actions(task: Any) -> list[tuple[int, ...]]:
    """All joint actions that fit the capacities."""
    parts, actions = task.parts, task.transitions.shape[1]
    if actions**parts > MOST_WORK:
        raise InputError(f"optimal_values: {actions}**{parts} joint actions; use lagrangian_bound for larger tasks")
    axis = np.arange(parts)
    return [
        action
        for action in itertools.product(range(actions), repeat=parts)
        if (task.uses[axis, list(action)].sum(axis=0) <= task.capacity * ROOM).all()
    ]


def _total(terms: list[np.ndarray]) -> np.ndarray:
    """terms[0][s0] + terms[1][s1] + ... as an array over all joint states."""
    total = np.zeros(())
    for term in terms:
        total = total[..., None] + term
    return total


def policy_value(task: Any, actions: np.ndarray, *, tolerance: float = 1e-6) -> float:
    """The discounted value from the start of a policy; actions int64 [S, ..., S, n], by joint state. tolerance: relative."""
    parts, states = task.parts, task.transitions.shape[2]
    number = actions @ (task.transitions.shape[1] ** np.arange(parts))
    plans = [(number == plan, actions[number == plan][0]) for plan in np.unique(number)]
    earned = np.zeros((states,) * parts)
    for where, action in plans:
        earned[where] = _total([task.rewards[i, :, a] for i, a in enumerate(action)])[where]
    value = np.zeros_like(earned)
    while True:
        update = earned.copy()
        for where, action in plans:
            ahead = value
            for part, a in enumerate(action):
                ahead = np.moveaxis(np.tensordot(task.transitions[part, a], ahead, (1, part)), 0, part)
            update[where] += task.discount * ahead[where]
        found = settled(value, update, task.discount, tolerance, float(np.abs(task.rewards).max()))
        if found is not None:
            return float(found[tuple(task.start)])
        value = update
