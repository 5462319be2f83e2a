"""The experiments on factored tasks: their small versions meet their bars, and their rivals are what they say."""

import json

import numpy as np
import pytest

from marketic.envs.factored_rivals import (
    binary_flat_q,
    discounted_return,
    flat_q,
    linear_q,
    most_urgent,
    random_reboot,
)
from marketic.envs.machine_maintenance import MachineMaintenance
from marketic.envs.sysadmin import SysAdmin
from marketic.envs.sysadmin_bound import lumped_policy_value
from marketic.envs.weakly_coupled_optimum import policy_value
from marketic.experiments import machine_maintenance, sysadmin_ring, sysadmin_star


@pytest.mark.parametrize("experiment", [machine_maintenance, sysadmin_star, sysadmin_ring], ids=lambda e: e.__name__)
def test_small_versions_meet_their_bars(experiment):
    found = experiment.run(quick=True)
    json.dumps(found)
    assert [row["what"] for row in found["rows"] if not row["met"]] == []


def test_the_most_urgent_are_served_and_nobody_who_needs_nothing():
    policy = most_urgent(lambda state: state.astype(float), 2)
    assert policy(np.array([[3, 1, 2], [0, 0, 5], [0, 0, 0]])).tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_simulated_and_exact_values_of_one_policy_agree():
    task = MachineMaintenance(3, 1, wear=(1.0, 1.0), economy=3)
    policy = most_urgent(lambda wear: wear * task.v, 1)
    states = np.indices((5, 5, 5)).reshape(3, -1).T
    exact = policy_value(task, policy(states).reshape(5, 5, 5, 3))
    mean, error = discounted_return(task, policy, 2000, 0, task.start)
    assert abs(mean - exact) <= 4 * error


def test_lumped_moves_are_read_off_a_policy():
    task = SysAdmin(4, "star")
    hub_first = most_urgent(lambda up: (1 - up) * np.array([9.0, 1.0, 1.0, 1.0]), 1)
    moves = sysadmin_star.lumped_moves(hub_first, 4)
    assert moves.tolist() == [[0, 0, 0, 0], [1, 1, 1, -1]]
    mean, error = discounted_return(task, hub_first, 1500, 0, np.ones(4, dtype=np.int64))
    assert abs(mean - lumped_policy_value(task, moves)) <= 4 * error


def test_flat_q_learns_small_tasks():
    ring = SysAdmin(3, "ring")
    first = np.ones(3, dtype=np.int64)
    mean, error = discounted_return(ring, binary_flat_q(ring, 100_000, 0), 400, 1, first)
    assert mean >= 0.97 * ring.optimal_value() - 4 * error
    task = MachineMaintenance(3, 1, wear=(1.0, 1.0), economy=3)
    learned, _ = discounted_return(task, flat_q(task, 200_000, 0), 400, 1, task.start)
    assert learned >= 0.93 * task.optimal_value()


def test_linear_q_learns_what_one_machine_needs():
    ring = SysAdmin(4, "ring")
    first = np.ones(4, dtype=np.int64)
    learned, error = discounted_return(ring, linear_q(ring, first, 20_000, 0), 400, 1, first)
    nothing, _ = discounted_return(ring, lambda up: np.zeros_like(up), 400, 1, first)
    assert learned > nothing + 4 * error
    assert discounted_return(ring, random_reboot(), 100, 1, first) == discounted_return(
        ring, random_reboot(), 100, 1, first
    )
