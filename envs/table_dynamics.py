"""Compiled twins of tasks whose transitions are written in a table (Gymnasium's toy-text `P`), exact to the bit."""

from typing import Any

import numpy as np
from numba import njit

from marketic.dynamics import Dynamics
from marketic.errors import InputError


def from_table(env: Any, time_limit: int) -> Dynamics:
    """The twin of an environment that steps by its table `P[s][a]` of (probability, next state, reward, terminated).

    integers: [W, A, next state [S, A, W], terminated [S, A, W]]; reals: [cumulative start [S], cumulative probability
    [S, A, W], reward [S, A, W]], W outcomes at most per state and action. Raises InputError for a Taxi whose passenger may
    change its mind: that is not in the table.
    """
    if getattr(env, "fickle_passenger", False):
        raise InputError("Taxi with fickle_passenger=True does more than its table says, so it has no compiled twin")
    table, start = env.P, np.cumsum(env.initial_state_distrib)
    states, actions = len(table), len(table[0])
    width = max(len(outcomes) for row in table.values() for outcomes in row.values())
    cumulative = np.full((states, actions, width), -1.0)  # never above a uniform: no outcome
    reward = np.zeros((states, actions, width))
    following, over = np.zeros((2, states, actions, width), dtype=np.int64)
    for s, row in table.items():
        for a, outcomes in row.items():
            cumulative[s, a, : len(outcomes)] = np.cumsum([probability for probability, _, _, _ in outcomes])
            for k, (_, to, gain, terminated) in enumerate(outcomes):
                following[s, a, k], reward[s, a, k], over[s, a, k] = to, gain, terminated
    integers = np.concatenate([[width, actions], following.ravel(), over.ravel()]).astype(np.int64)
    reals = np.concatenate([start, cumulative.ravel(), reward.ravel()])
    return Dynamics(
        reset_table,
        step_table,
        1,
        1,
        reset_draws=1,
        step_draws=1,
        time_limit=time_limit,
        integers=integers,
        reals=reals,
    )


@njit(cache=True)
def _first_above(cumulative, first, count, uniform):  # type: ignore[no-untyped-def]
    """Gymnasium's categorical sample: the first entry above the draw, or entry 0 if rounding left none."""
    for k in range(count):
        if cumulative[first + k] > uniform:
            return k
    return 0


@njit(cache=True)
def reset_table(state, uniform, integers, reals, observation):  # type: ignore[no-untyped-def]
    """A first state from the start distribution."""
    cells = (integers.shape[0] - 2) // 2
    states = cells // (integers[0] * integers[1])
    state[0] = _first_above(reals, 0, states, uniform[0])
    observation[0] = state[0]


@njit(cache=True)
def step_table(state, action, uniform, integers, reals, observation, outcome):  # type: ignore[no-untyped-def]
    """One row of the table."""
    width, cells = integers[0], (integers.shape[0] - 2) // 2
    states = cells // (width * integers[1])
    first = (np.int64(state[0]) * integers[1] + action) * width
    cell = first + _first_above(reals, states + first, width, uniform[0])
    state[0] = integers[2 + cell]
    observation[0] = state[0]
    outcome[0], outcome[1] = reals[states + cells + cell], integers[2 + cells + cell]
