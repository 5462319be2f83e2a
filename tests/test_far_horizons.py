"""Discounts from almost 0 to almost 1: optima and bounds against plain policy iteration, in a time that does not grow."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic.envs.lq_economy import LQEconomy
from marketic.envs.machine_maintenance import MachineMaintenance
from marketic.envs.production import Production
from marketic.envs.resource_allocation import ResourceAllocation
from marketic.envs.sysadmin import SysAdmin
from marketic.envs.value_iteration import settled
from marketic.envs.weakly_coupled import WeaklyCoupled
from marketic.envs.weakly_coupled_bound import lagrangian_bound
from marketic.envs.weakly_coupled_optimum import optimal_values, policy_value
from marketic.errors import InputError

DISCOUNTS = (1e-12, 0.5, 0.95, 0.999, 1 - 1e-6)


def best(chances, rewards, discount):
    """V* by policy iteration: chances [A, S, S], rewards [A, S]."""
    states, policy = np.arange(rewards.shape[1]), np.zeros(rewards.shape[1], dtype=int)
    for _ in range(100):
        value = np.linalg.solve(np.eye(len(states)) - discount * chances[policy, states], rewards[policy, states])
        worth = rewards + discount * chances @ value
        better = worth.max(axis=0) > value + 1e-12 * np.abs(value).max()
        if not better.any():
            return value
        policy = np.where(better, worth.argmax(axis=0), policy)
    raise AssertionError("policy iteration goes round in circles")


def joint(task):
    """Joint chances and rewards of all joint actions that fit, states numbered part by part."""
    parts, actions = task.transitions.shape[:2]
    chances, rewards = [], []
    for action in itertools.product(range(actions), repeat=parts):
        if (sum(task.uses[i, a] for i, a in enumerate(action)) <= task.capacity * (1 + 1e-9)).all():
            odds, earned = np.ones((1, 1)), np.zeros(1)
            for i, a in enumerate(action):
                odds = np.kron(odds, task.transitions[i, a])
                earned = np.add.outer(earned, task.rewards[i, :, a]).ravel()
            chances.append(odds)
            rewards.append(earned)
    return np.array(chances), np.array(rewards)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), discount=st.sampled_from(DISCOUNTS))
def test_optimum_and_bounds_of_random_tasks_at_any_discount(seed, discount):
    rng = np.random.default_rng(seed)
    parts, states, actions = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(2, 4))
    chances = rng.dirichlet(
        np.full(states, rng.choice([0.02, 1.0])), size=(parts, actions, states)
    )  # .02: few places to go
    uses = np.tile(rng.integers(0, 3, (actions, 1)).astype(float), (parts, 1, 1))
    uses[:, 0] = 0.0
    start = rng.integers(states, size=parts)
    rewards = rng.normal(size=(parts, states, actions))
    task = WeaklyCoupled(chances, rewards, uses, rng.uniform(0.2, 3.0, 1), start, discount=discount)
    truth = best(*joint(task), discount)
    size = max(np.abs(truth).max(), np.abs(rewards).max())
    rounding = 1e-12 + 1e-15 / (1.0 - discount)  # of the rows' sums, multiplied by the horizon
    optimum = optimal_values(task)
    assert optimum.ravel() == pytest.approx(truth, abs=1e-6 * size)
    bounds = [task.lagrangian_bound(), task.lagrangian_bound(dated=True, periods=4), task.integer_bound()]
    assert min(bound.value for bound in bounds) >= truth.reshape(optimum.shape)[tuple(start)] - rounding * size


@pytest.mark.parametrize("discount", DISCOUNTS)
@pytest.mark.parametrize(("topology", "n"), [("ring", 4), ("star", 5), ("grid", 4)])
def test_networks_at_any_discount(topology, n, discount):
    task = SysAdmin(n, topology, discount=discount)
    up = np.arange(2**n)[:, None] >> np.arange(n) & 1
    chances, rewards = [], []
    for reboot in range(-1, n):
        stays = task.chances(up)
        if reboot >= 0:
            stays[:, reboot] = 1.0
        chances.append(np.where(up[None] > 0, stays[:, None], 1.0 - stays[:, None]).prod(axis=2))
        rewards.append(up.sum(axis=1) - 0.75 * (reboot >= 0))
    truth = best(np.array(chances), np.array(rewards, dtype=float), discount)[-1]
    assert task.optimal_value() == pytest.approx(truth, rel=1e-6)
    assert truth * (1 - 1e-6) <= task.alp_bound() <= 1.03 * truth
    if topology == "star":
        assert task.lumped_optimum() == pytest.approx(task.optimal_value(), rel=1e-6)


@pytest.mark.parametrize("discount", [0.9999, 1 - 1e-6, 1 - 1e-9])
@pytest.mark.parametrize(
    "build",
    [lambda g: MachineMaintenance(4, scarcity=4, discount=g), lambda g: ResourceAllocation(6, discount=g),
     lambda g: Production(3, labour=1.0, energy=1.0, room=3, discount=g)],
    ids=["machines", "chargers", "workshops"],
)  # fmt: skip
def test_a_far_horizon_is_as_quick_and_comes_to_the_mean_reward(build, discount):
    """(1 - discount) V tends to the mean reward of a step, so two far horizons agree on it."""
    far, near = build(discount), build(0.999)
    means = [task.lagrangian_bound().value * (1.0 - task.discount) for task in (far, near)]
    assert means[0] == pytest.approx(means[1], rel=0.02)


def test_the_value_of_a_policy_at_a_far_horizon():
    """Never repaired, a machine ends worn out for good, and a mean reward of 0; always, it stays near what it makes new."""
    task = MachineMaintenance(3, scarcity=3, wear=(0.9, 0.9), discount=1 - 1e-9)
    nothing, first = np.zeros((5, 5, 5, 3), dtype=np.int64), np.zeros((5, 5, 5, 3), dtype=np.int64)
    first[..., 0] = 1
    assert policy_value(task, nothing) * 1e-9 == pytest.approx(0.0, abs=1e-6)
    chances, rewards = task.transitions[0, 1], task.rewards[0, :, 1]
    alone = np.linalg.solve(np.eye(5) - task.discount * chances, rewards)[0]
    assert policy_value(task, first) == pytest.approx(alone, rel=1e-5)


def test_rows_that_add_up_to_one_up_to_rounding_do_not_earn_interest():
    """One state, 1 a step: 1 / (1 - discount), though the table's row is 1.000009."""
    task = WeaklyCoupled(
        np.full((1, 2, 1, 1), 1.000009), np.ones((1, 1, 2)), np.zeros((1, 2, 0)), [], [0], discount=0.99999
    )
    assert task.optimal_value() == pytest.approx(1e5, rel=1e-6)
    assert task.lagrangian_bound().value == pytest.approx(1e5, rel=1e-6)


def test_what_is_not_scarce_has_no_price_and_the_bound_is_exact():
    """Action 1 earns nothing more: 2 parts earn 1 a step each, 2 / (1 - 0.95)."""
    chances = np.tile(np.eye(2), (2, 3, 1, 1))
    uses = np.tile([[0.0], [1.0], [2.0]], (2, 1, 1))
    bound = WeaklyCoupled(chances, np.ones((2, 2, 3)), uses, np.ones(1), np.zeros(2)).lagrangian_bound()
    assert bound.value == pytest.approx(40.0, rel=1e-12)
    assert bound.prices[0, 0] == 0.0


def test_macqueens_bounds_by_hand():
    """One state that earns 1: a first sweep from 0 tells 1 / (1 - discount) exactly. Two that trade places do not settle."""
    assert settled(np.zeros(1), np.ones(1), 0.9, 1e-12, 1.0) == pytest.approx([10.0])
    assert settled(np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0.9, 1e-12, 1.0) is None
    before = np.array([1e9, -1e9])
    assert settled(before, before * (1 + 1e-16), 0.9, 0.0, 1.0) == pytest.approx(before)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 12), st.integers(1, 3), st.integers(0, 50), st.floats(-320, 0))
def test_riccati_at_any_discount(goods, controls, economy, power):
    """P is positive definite and solves its equation, however little tomorrow counts."""
    task = LQEconomy(goods, controls, economy=economy, discount=max(10.0**power, 5e-324))
    A, B, P, g = task.A, task.B, task.P, task.discount
    inner = np.eye(controls) + g * B.T @ P @ B
    again = np.eye(goods) + g * A.T @ P @ A - g * A.T @ P @ B @ np.linalg.solve(inner, g * B.T @ P @ A)
    assert again == pytest.approx(P, rel=1e-9, abs=1e-9 * np.abs(P).max())
    assert np.linalg.eigvalsh(P).min() >= 1.0 - 1e-9
    gain = np.linalg.solve(inner, g * B.T @ P @ A)
    np.testing.assert_allclose(task.K, gain, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"uses": np.zeros((2, 1, 1))}, r"uses\(2, 1, 1\), capacity\(1,\)\): wanted \(2, 3, 'K'\)"),
        ({"capacity": np.ones(2)}, "a use and a capacity for each of K resources"),
        ({"start": [0.5, 0.0]}, r"start=\[0.5, 0.0\]"),
        ({"rewards": "many"}, "rewards=.*wanted finite numbers"),
        ({"kinds": 5}, "kinds=5.*whole number for each part"),
        ({"render_mode": "human"}, "render_mode='human'.*wanted 'ansi'"),
    ],
)
def test_tables_that_do_not_fit_together_are_refused(change, says):
    """Fewer uses than actions would be read beyond their end."""
    tables = {
        "transitions": np.tile(np.eye(2), (2, 3, 1, 1)), "rewards": np.ones((2, 2, 3)), "uses": np.zeros((2, 3, 1)),
        "capacity": np.ones(1), "start": np.zeros(2),
    }  # fmt: skip
    WeaklyCoupled(**tables)
    with pytest.raises(InputError, match=says):
        WeaklyCoupled(**{**tables, **change})


def test_periods_are_whole():
    with pytest.raises(InputError, match="periods"):
        lagrangian_bound(MachineMaintenance(5), periods=-1)
