"""SysAdmin against bounds and its lumped optimum; the LQ economy against Riccati's prices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import marketic.envs  # noqa: F401  registers them
from marketic.envs.lq_economy import LQEconomy
from marketic.envs.sysadmin import SysAdmin
from marketic.envs.sysadmin_bound import lumped_policy_value


@pytest.mark.parametrize(
    ("topology", "n", "bound", "optimum"),
    [("ring", 4, 71.64, 71.34), ("ring", 8, 143.26, 139.74), ("star", 4, 72.53, 72.21), ("star", 8, 144.7, 142.2)],
)
def test_sysadmin_bounds_and_optima(topology, n, bound, optimum):
    """Measured once by an independent program with other code for all of them."""
    task = SysAdmin(n, topology)
    assert task.alp_bound() == pytest.approx(bound, abs=0.06)
    assert task.optimal_value() == pytest.approx(optimum, abs=0.06)
    if topology == "star":
        assert task.lumped_optimum() == pytest.approx(task.optimal_value(), abs=1e-5)


def test_the_grids_bound_holds():
    task = SysAdmin(4, "grid")
    assert task.optimal_value() <= task.alp_bound() <= 1.05 * task.optimal_value()


@pytest.mark.parametrize("discount", [1e-9, 0.22915166999670655, 0.95])
def test_the_grids_program_is_the_one_of_all_states(discount):
    """All 2^9 states and 10 actions written down. Cuts, a few at a time, did not end in 40 s."""
    task = SysAdmin(9, "grid", discount=discount)
    up = np.arange(2**9)[:, None] >> np.arange(9) & 1
    rows, right = [], []
    for reboot in range(-1, 9):
        stays = task.chances(up)
        if reboot >= 0:
            stays[:, reboot] = 1.0
        rows.append(np.c_[np.ones(2**9), up - discount * stays])
        right.append(up.sum(axis=1) - 0.75 * (reboot >= 0))
    goal = np.r_[1.0 / (1.0 - discount), np.ones(9)]
    found = linprog(goal, -np.concatenate(rows), -np.concatenate(right), bounds=[(None, None)] + [(0.0, None)] * 9)
    assert task.alp_bound() == pytest.approx(found.fun, rel=1e-9)
    SysAdmin(16, "grid", discount=discount).alp_bound()


@pytest.mark.parametrize(("topology", "n"), [("ring", 25), ("grid", 25), ("star", 25)])
def test_bounds_per_step_settle_as_the_horizon_grows(topology, n):
    """(1 - discount) V tends to the mean reward of a step."""
    means = [SysAdmin(n, topology, discount=1 - rest).alp_bound() * rest for rest in (1e-3, 1e-4, 1e-5, 1e-6)]
    steps = -np.diff(means)
    assert (steps > 0).all()
    assert steps[1:] == pytest.approx(steps[:-1] / 10, rel=0.2)


def test_doing_nothing_in_a_star_by_simulation():
    task = SysAdmin(6, "star")
    exact = lumped_policy_value(task, np.full((2, 6), -1))
    rng, up, total = np.random.default_rng(1), np.ones((4000, 6), dtype=np.int64), 0.0
    for t in range(150):
        up, earned = task.advance(up, np.zeros_like(up), rng)
        total += task.discount**t * earned.sum(axis=1).mean()
    assert total == pytest.approx(exact, rel=0.01)


def test_who_depends_on_whom():
    assert SysAdmin(4, "ring").parents == [[3], [0], [1], [2]]
    assert SysAdmin(4, "star").parents == [[], [0], [0], [0]]
    assert SysAdmin(9, "grid").parents[4] == [1, 3, 5, 7]
    assert SysAdmin(9, "grid").parents[0] == [1, 3]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 50), st.sampled_from([0.8, 0.95, 1.0]))
def test_riccati_prices_are_gradients_and_costates(goods, controls, economy, discount):
    task = LQEconomy(goods, controls, economy=economy, noise=0.0, discount=discount)
    x = np.random.default_rng(economy).normal(size=goods)
    u = task.optimal_action(x)
    ahead = task.A @ x + task.B @ u
    assert task.optimal_value(x) == pytest.approx(
        -x @ task.Q @ x - u @ task.R @ u + discount * task.optimal_value(ahead), rel=1e-6, abs=1e-8
    )
    costate = -2 * task.Q @ x + discount * task.A.T @ task.prices(ahead)
    assert task.prices(x) == pytest.approx(costate, rel=1e-6, abs=1e-7)
    first_order = -2 * task.R @ u + discount * task.B.T @ task.prices(ahead)
    assert first_order == pytest.approx(np.zeros(controls), abs=1e-6 * (1 + np.abs(task.P).max()))
    step = 1e-5 * np.eye(goods)
    slope = (task.optimal_value(x + step) - task.optimal_value(x - step)) / 2e-5
    assert task.prices(x) == pytest.approx(slope, rel=1e-4, abs=1e-4)


def test_the_optimal_value_with_noise_by_simulation():
    task = LQEconomy(2, 2, noise=0.3, discount=0.9, start=0.0)
    totals = []
    for seed in range(200):
        x, _ = task.reset(seed=seed)
        total = 0.0
        for t in range(80):
            x, reward, *_ = task.step(task.optimal_action(x))
            total += 0.9**t * reward
        totals.append(total)
    assert np.mean(totals) == pytest.approx(float(task.optimal_value(np.zeros(2))), rel=0.1)


@pytest.mark.parametrize(("topology", "n"), [("ring", 3), ("star", 9), ("grid", 4), ("grid", 16), ("ring", 1000)])
def test_chances_count_each_computers_own_neighbours(topology, n, monkeypatch):
    """Read off the module's docstring, computer by computer; no step goes through the table of all pairs."""
    task = SysAdmin(n, topology)
    up = (np.random.default_rng(n).random((4, n)) < 0.6).astype(np.int8)
    monkeypatch.setattr(task, "around", None)
    told = task.chances(up)
    for row, one in np.ndindex(up.shape):
        near = up[row, task.parents[one]].astype(float)
        chance = 0.45 + 0.5 * (1 + near.sum()) / (1 + len(near)) if up[row, one] else 0.05
        assert told[row, one] == chance
