"""Factored tasks: Gymnasium's contract, closed forms, exact optima, bounds that hold, and bad input."""

import itertools
from functools import partial
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import marketic.envs  # noqa: F401  registers them
from marketic.checks.environment import check_env
from marketic.envs.integer_cuts import integer_cuts
from marketic.envs.lq_economy import LQEconomy
from marketic.envs.machine_maintenance import MachineMaintenance
from marketic.envs.production import Production
from marketic.envs.resource_allocation import ResourceAllocation
from marketic.envs.sysadmin import SysAdmin
from marketic.envs.sysadmin_bound import lumped_policy_value
from marketic.envs.weakly_coupled import WeaklyCoupled
from marketic.envs.weakly_coupled_bound import lagrangian_bound
from marketic.envs.weakly_coupled_optimum import optimal_values, policy_value
from marketic.errors import InputError

SMALL = {
    "machines": MachineMaintenance(4, scarcity=4),
    "workshops": Production(3, labour=1.0, energy=1.0, room=3),
    "chargers": ResourceAllocation(3, 1, longest=3, largest=2),
}


def differing():
    """Two parts that use different amounts for action 1."""
    chances = np.tile(np.eye(2), (2, 2, 1, 1))
    uses = np.array([[[0.0], [1.0]], [[0.0], [2.0]]])
    return WeaklyCoupled(chances, np.ones((2, 2, 2)), uses, np.full(1, 2.0), np.zeros(2))


def kinds_that_differ(table: str):
    """Three parts, 0 and 2 of kind 4, whose tables of one name differ."""
    tables = {
        "transitions": np.tile(np.eye(2), (3, 2, 1, 1)), "rewards": np.ones((3, 2, 2)), "uses": np.ones((3, 2, 1)),
    }  # fmt: skip
    tables["uses"][:, 0] = 0.0
    WeaklyCoupled(**tables, capacity=np.ones(1), start=np.zeros(3), kinds=[4, 1, 4])  # alike so far
    tables[table][2] = {"transitions": np.eye(2)[::-1], "rewards": 2.0, "uses": [[0.0], [2.0]]}[table]
    return WeaklyCoupled(**tables, capacity=np.ones(1), start=np.zeros(3), kinds=[4, 1, 4])


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("MachineMaintenance", {}),
        ("SysAdmin", {}),
        ("SysAdmin", {"topology": "star"}),
        ("SysAdmin", {"topology": "grid", "computers": 9}),
        ("Production", {}),
        ("ResourceAllocation", {}),
        ("LQEconomy", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())) or "plain",
)
def test_they_keep_gymnasiums_contract(task, options):
    assert check_env(lambda: gym.make(f"marketic/{task}-v0", **options), episodes=2).passed


def test_one_machine_by_hand():
    """One machine that never wears beyond new by itself and one crew: nothing to repair, v / (1 - discount)."""
    chances = np.zeros((1, 2, 2, 2))
    chances[:, :, :, 0] = 1.0
    rewards = np.array([[[2.0, 1.0], [0.0, 0.0]]])
    uses = np.array([[[0.0], [1.0]]])
    task = WeaklyCoupled(chances, rewards, uses, np.ones(1), np.zeros(1), discount=0.5)
    assert task.optimal_value() == pytest.approx(4.0)
    bound = task.lagrangian_bound()
    assert bound.value == pytest.approx(4.0, abs=1e-6)
    assert bound.use[0, 0] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("task", SMALL.values(), ids=SMALL)
def test_bounds_hold_and_dated_ones_are_tighter(task):
    optimum = task.optimal_value()
    constant, dated = task.lagrangian_bound(), task.lagrangian_bound(dated=True, periods=30)
    assert optimum <= dated.value + 1e-6
    assert dated.value <= constant.value + 1e-6
    assert dated.value <= 1.15 * optimum, "a bound that is of no use"
    assert (constant.prices >= 0).all()
    assert (dated.prices >= 0).all()


@pytest.mark.parametrize("task", SMALL.values(), ids=SMALL)
def test_where_a_price_is_positive_the_resource_is_used_up(task):
    bound = task.lagrangian_bound()
    assert (bound.prices > 1e-3).all(), "scarcity is what these tasks are about"
    assert bound.use[0] == pytest.approx(task.capacity, rel=0.02)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), power=st.sampled_from([-8, 0, 8]))
def test_bounds_of_random_tasks_in_any_currency_and_unit(seed, power):
    rng = np.random.default_rng(seed)
    parts, states, actions = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(2, 4))
    chances = rng.dirichlet(np.full(states, 0.5), size=(parts, actions, states))
    rewards = 10.0**power * rng.normal(size=(parts, states, actions))
    uses = np.tile(rng.integers(0, 3, (actions, 1)).astype(float), (parts, 1, 1))
    uses[:, 0] = 0.0
    limit, start = rng.uniform(0.2, 3.0, 1), rng.integers(states, size=parts)
    task, other = (WeaklyCoupled(chances, rewards, uses * w, limit * w, start, discount=0.9) for w in (1.0, 1e-12 / 3))
    unit = np.abs(rewards).max()
    optimum = optimal_values(task)[tuple(task.start)]
    constant, dated = (task.lagrangian_bound(dated=dated, periods=10).value for dated in (False, True))
    whole = task.integer_bound().value
    assert optimal_values(other)[tuple(start)] == pytest.approx(optimum)
    assert other.lagrangian_bound().value == pytest.approx(constant, abs=1e-2 * unit)
    assert optimum <= min(dated, whole) + 1e-8 * unit
    assert dated <= constant + 1e-8 * unit
    assert whole <= constant + 1e-2 * unit  # of a search that need not end at the least


def test_what_does_not_fit_even_once_is_left_out():
    """Two parts earn 1 a step, and nothing else fits: 2 / (1 - 0.95) = 40."""
    task = WeaklyCoupled(
        np.ones((2, 2, 1, 1)), np.ones((2, 1, 2)), np.array([[[0.0], [2.0]]] * 2), np.ones(1), np.zeros(2)
    )
    for dated in (False, True):
        bound = task.integer_bound(dated=dated, periods=3)
        assert bound.value == pytest.approx(40.0, rel=1e-8)
        assert bound.prices.size == 0


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 2), st.integers(0, 10_000))
def test_cuts_hold_for_exactly_the_whole_counts_that_fit(parts, actions, resources, seed):
    rng = np.random.default_rng(seed)
    uses = rng.integers(0, 4, (actions + 1, resources)).astype(float)
    uses[0] = 0.0
    capacity = rng.integers(1, 8, resources).astype(float)
    cuts = integer_cuts(uses, capacity, parts)
    assert (cuts >= 0).all()
    for counts in itertools.product(range(parts + 2), repeat=actions):
        x = np.array([0, *counts])
        fits = (x @ uses <= capacity).all() and x.sum() <= parts
        load = [sum(c * n for c, n in zip(row, x, strict=True) if n) for row in cuts]  # inf * 0 is not 0
        assert (max(load, default=0.0) <= 1 + 1e-9) == fits


@pytest.mark.parametrize(("workshops", "economy"), [(3, 1), (4, 0)])
def test_counting_whole_recipes_closes_the_bound_where_units_are_few(workshops, economy):
    task = Production(workshops, economy=economy)
    optimum, bound = task.optimal_value(), task.integer_bound().value
    assert optimum <= bound + 1e-6
    assert optimum >= 0.97 * bound
    assert optimum < 0.7 * task.lagrangian_bound().value


def test_with_more_units_whole_recipes_cut_off_less_and_with_one_crew_a_visit_nothing():
    few, more = (task.integer_bound().value / task.lagrangian_bound().value for task in (Production(6), Production(20)))
    assert few < more < 1.0
    machines = SMALL["machines"]
    assert machines.integer_bound().value == pytest.approx(machines.lagrangian_bound().value, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(1, 11), st.floats(0.05, 1.0), st.integers(1, 5), st.integers(1, 5))
def test_charging_is_refused_or_power_has_a_price(chargers, power, arrival, longest, largest):
    build = partial(
        ResourceAllocation, chargers, min(power, chargers - 1), arrival=arrival, longest=longest, largest=largest
    )
    try:
        task = build()
    except InputError:
        with pytest.raises(InputError, match="wanted scarcity: less power"):
            build()
        return
    bound = task.lagrangian_bound()
    assert bound.prices[0, 0] > 0.0
    free = lagrangian_bound(SimpleNamespace(**{**vars(task), "capacity": np.full(1, float(chargers))})).value
    assert bound.value < free, "more power would be worth something"


def test_the_constant_bound_is_the_linear_program_over_occupancies():
    task = MachineMaintenance(4, 1)
    n, actions, states = task.transitions.shape[:3]
    size, g = n * states * actions, task.discount
    flow, right = np.zeros((n * states, size)), np.zeros(n * states)
    used = np.zeros(size)
    for i, s, a in np.ndindex(n, states, actions):
        column = (i * states + s) * actions + a
        flow[i * states + s, column] += 1.0
        flow[i * states : (i + 1) * states, column] -= g * task.transitions[i, a, s]
        used[column] = task.uses[i, a, 0]
    right[np.arange(n) * states + task.start] = 1.0
    found = linprog(-task.rewards.ravel(), A_ub=used[None], b_ub=[1 / (1 - g)], A_eq=flow, b_eq=right)
    bound = task.lagrangian_bound()
    assert bound.value == pytest.approx(-found.fun, rel=1e-5)
    assert bound.value >= -found.fun - 1e-6
    assert bound.prices[0, 0] == pytest.approx(-found.ineqlin.marginals[0], rel=0.02)


def test_exact_values_are_a_fixed_point_and_the_greedy_policy_earns_them():
    task = SMALL["machines"]
    values = optimal_values(task)
    states = np.indices(values.shape).reshape(task.parts, -1).T
    best = np.full(len(states), -np.inf)
    chosen = np.zeros(states.shape, dtype=np.int64)
    for repaired in range(-1, task.parts):
        action = np.zeros(task.parts, dtype=np.int64)
        action[repaired if repaired >= 0 else slice(0, 0)] = 1
        for number, state in enumerate(states):
            odds = np.ones(())
            for i in range(task.parts):
                odds = np.multiply.outer(odds, task.transitions[i, action[i], state[i]])
            worth = task.rewards[np.arange(task.parts), state, action].sum() + task.discount * (odds * values).sum()
            if worth > best[number] + 1e-12:
                best[number], chosen[number] = worth, action
    assert best.reshape(values.shape) == pytest.approx(values, abs=1e-5)
    assert policy_value(task, chosen.reshape(*values.shape, task.parts)) == pytest.approx(
        task.optimal_value(), abs=1e-3
    )


def test_simulated_steps_follow_the_tables():
    task, rng = SMALL["workshops"], np.random.default_rng(0)
    state = np.tile([2, 1, 0], (40_000, 1))
    action = np.tile([2, 0, 3], (40_000, 1))
    following, earned = task.advance(state, action, rng)
    for part, (s, a) in enumerate([(2, 2), (1, 0), (0, 3)]):
        seen = np.bincount(following[:, part], minlength=4) / len(state)
        assert seen == pytest.approx(task.transitions[part, a, s], abs=0.01)
    assert earned[0] == pytest.approx(task.rewards[[0, 1, 2], [2, 1, 0], [2, 0, 3]])


def test_rewards_are_told_by_part_and_requests_that_do_not_fit_are_refused():
    env = MachineMaintenance(5)
    env.reset(seed=3)
    served = set()
    for _ in range(60):
        _, reward, terminated, truncated, info = env.step(np.ones(5, dtype=np.int64))
        assert info["part_rewards"].sum() == pytest.approx(reward)
        assert info["served"].sum() == 1
        served.add(int(info["served"].argmax()))
        assert not terminated
        assert not truncated
    assert served == set(range(5)), "drawn at random, not by number"


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: MachineMaintenance(0), "machines=0"),
        (lambda: MachineMaintenance(5, 4), "wanted scarcity"),
        (lambda: MachineMaintenance(5, wear=(0.5, 1.5)), "wear="),
        (lambda: MachineMaintenance(5, scarcity="few"), "scarcity='few'"),
        (lambda: MachineMaintenance(5, wear="slow"), "wear"),
        (lambda: MachineMaintenance(5, discount="x"), "discount='x'"),
        (lambda: Production(20, labour="much"), "labour='much'"),
        (lambda: Production(20, energy=0.0), "energy=0"),
        (lambda: Production(20, storage="x"), "storage='x'"),
        (lambda: ResourceAllocation(12, arrival="x"), "arrival='x'"),
        (lambda: LQEconomy(noise="x"), "noise='x'"),
        (lambda: SysAdmin(5, discount="x"), "discount='x'"),
        (lambda: MachineMaintenance(5, scarcity=1.0), "more than 1 machine per crew"),
        (lambda: MachineMaintenance(20).optimal_value(), "use lagrangian_bound"),
        (lambda: MachineMaintenance(10).optimal_value(), "joint states"),
        (lambda: Production(3, labour=50.0), "labour"),
        (lambda: Production(8, labour=2.0, energy=50.0), "energy"),
        (lambda: Production(3, storage=-1.0), "storage"),
        (lambda: ResourceAllocation(4, 4), "nothing is scarce"),
        (lambda: ResourceAllocation(4, arrival=0.0), "arrival"),
        (lambda: ResourceAllocation(10, 9), r"draw 5\.01 units .* power=9; wanted scarcity: less power"),
        (lambda: MachineMaintenance(5, crews=1).integer_bound(periods=0.5, dated=True), "periods"),
        (lambda: differing().integer_bound(), "parts 0 and 1 use different amounts"),
        (lambda: SysAdmin(2), "computers=2"),
        (lambda: SysAdmin(4, render_mode="human"), "render_mode='human'"),
        (lambda: ResourceAllocation(largest=np.int8(0)), "largest"),
        (lambda: SysAdmin(6, "torus"), "ring, star, grid"),
        (lambda: SysAdmin(6, "grid"), "square number"),
        (lambda: SysAdmin(11).optimal_value(), "use alp_bound"),
        (lambda: SysAdmin(6).lumped_optimum(), "topology='star'"),
        (lambda: lumped_policy_value(SysAdmin(4, "star"), np.full((2, 4), 1)), "not there"),
        (lambda: LQEconomy(0), "goods=0"),
        (lambda: LQEconomy(discount=1.5), "discount"),
        (lambda: MachineMaintenance(5).step(np.zeros(5, int)), "call reset first"),
        (
            lambda: kinds_that_differ("rewards"),
            "parts 0 and 2 are both of kind 4, but their rewards differ",
        ),
        (lambda: kinds_that_differ("uses"), "parts 0 and 2 are both of kind 4, but their uses differ"),
        (lambda: kinds_that_differ("transitions"), "parts 0 and 2 are both of kind 4, but their transitions differ"),
        (
            lambda: WeaklyCoupled(np.ones((1, 2, 2, 2)), np.zeros((1, 2, 2)), np.zeros((1, 2, 0)), [], [0]),
            "add up to 1",
        ),
    ],
)
def test_bad_input_is_refused_with_a_repair(build, says):
    with pytest.raises(InputError, match=says):
        build()


@pytest.mark.parametrize(
    "action", [None, "up", 0.5, np.full(4, 0.5), np.full(4, 256), np.full(4, np.nan), np.array(list("abcd")), {}]
)
@pytest.mark.parametrize(
    "task",
    [SysAdmin(4, "star"), SMALL["machines"], LQEconomy(controls=4, largest=0.4)],
    ids=["network", "machines", "lq"],
)
def test_what_is_no_action_is_refused_by_name(task, action):
    """Fractions of a reboot were no reboots, and 256 was 0 at the door and an index behind it."""
    task.reset(seed=0)
    with pytest.raises(InputError, match=f"{type(task).__name__}.step.*wanted an action"):
        task.step(action)
