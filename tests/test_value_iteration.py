"""Exact values of small tasks do not depend on the unit of money: value iteration against linear algebra."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

from marketic.envs.tables import TransitionTable
from marketic.envs.weakly_coupled_optimum import optimal_values as joint_values
from marketic.envs.weakly_coupled_optimum import policy_value
from marketic.graph.values import optimal_values

STATES = 5
CHANCES = np.random.default_rng(0).dirichlet(np.ones(STATES), size=(STATES, 2))
REWARDS = np.random.default_rng(1).normal(size=(STATES, 2))


def best_values(discount):
    """The best of all policies, each by one linear system."""
    policies = np.array(np.unravel_index(np.arange(2**STATES), (2,) * STATES)).T
    rows = np.arange(STATES)
    return np.max(
        [np.linalg.solve(np.eye(STATES) - discount * CHANCES[rows, one], REWARDS[rows, one]) for one in policies],
        axis=0,
    )


@pytest.mark.parametrize("unit", [1e-100, 1e-12, 1.0, 1e12, 1e100])
@pytest.mark.parametrize("discount", [0.0, 0.9, 0.999])
def test_values_in_any_currency(unit, discount):
    wanted, rewards = best_values(discount), unit * REWARDS
    rows = {
        s: {a: [(CHANCES[s, a, t], t, rewards[s, a], False) for t in range(STATES)] for a in range(2)}
        for s in range(STATES)
    }
    assert optimal_values(rows, discount) / unit == pytest.approx(wanted, rel=1e-7)
    table = TransitionTable(csr_array(CHANCES.reshape(-1, STATES)), rewards, np.ones(STATES) / STATES)
    assert table.optimal_values(discount) / unit == pytest.approx(wanted, rel=1e-7)
    task = SimpleNamespace(
        parts=2, discount=discount, start=np.zeros(2, dtype=int), capacity=np.ones(1), uses=np.zeros((2, 2, 1)),
        transitions=np.stack([CHANCES.transpose(1, 0, 2)] * 2), rewards=np.stack([rewards] * 2),
    )  # fmt: skip
    assert joint_values(task) / unit == pytest.approx(np.add.outer(wanted, wanted), rel=1e-7)
    idle = np.linalg.solve(np.eye(STATES) - discount * CHANCES[:, 0], REWARDS[:, 0])[0]
    never = np.zeros((STATES, STATES, 2), dtype=int)
    assert policy_value(task, never) / unit == pytest.approx(2 * idle, rel=1e-5)
