"""Forecasts fit what was seen and know what they do not know; rehearsals solve CartPole early, and are saved and copied."""

import copy

import gymnasium as gym
import numpy as np
import pytest

import marketic
from marketic import InputError
from marketic.agents import Rehearsals, SteadyBids
from marketic.agents.forecast import HIGHEST, expand, fit, forecast, record, terms_of
from marketic.agents.rehearsals import RehearsalRoom
from marketic.linear_systems import solve, solver

SMALL = Rehearsals(rounds=2, episodes=5, length=200, trades=2000, trials=5)


def world(state, action):
    """A made-up cubic world: what follows, and the reward."""
    x, y = state
    push = (-0.1, 0.2)[action]
    following = np.array([x + 0.1 * y + push * x * y, y - 0.2 * x + 0.05 * x**3 + push])
    return following, 1.0 - x * x + push * y


def informed(steps=400, degree=3):
    """A room that has seen `steps` of that world, from states in [-1, 1] x [-1, 1]."""
    rng = np.random.default_rng(0)
    room = RehearsalRoom(Rehearsals(degree=degree), 10, 2, 1, 1, rng)
    room.open(1, 2)
    for _ in range(steps):
        state, action = rng.uniform(-1, 1, 2), int(rng.integers(2))
        following, reward = world(state, action)
        record(room.table, action, state, reward, following, False)
    fit(room.table)
    return room


@pytest.mark.parametrize("columns", [1, 2, 5])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_every_monomial_is_there_once(columns, degree):
    primes = np.array([2.0, 3.0, 5.0, 7.0, 11.0])[:columns]  # products of primes tell who made them
    terms = np.full(terms_of(columns, degree), np.nan)
    expand(primes, degree, terms)
    assert terms[0] == 1.0
    assert len(set(terms.tolist())) == len(terms)
    assert terms.max() == primes[-1] ** degree


def test_forecasts_of_a_cubic_world_are_exact():
    room, following = informed(), np.zeros(2)
    for state in np.random.default_rng(1).uniform(-0.9, 0.9, (50, 2)):
        for action in range(2):
            truth, reward = world(state, action)
            said, _ = forecast(room.table, action, state, following)
            np.testing.assert_allclose(following, truth, atol=1e-6)
            assert said == pytest.approx(reward, abs=1e-6)


def test_a_lower_degree_says_less():
    room, following = informed(degree=1), np.zeros(2)
    forecast(room.table, 0, np.array([0.8, 0.8]), following)
    assert abs(following - world((0.8, 0.8), 0)[0]).max() > 1e-3


def test_states_are_known_where_an_episode_went_on_and_nowhere_else():
    room = informed()
    assert abs(room.box[:, :2]).max() <= 1
    here, there, end = np.zeros(2), np.array([3.0, 0.0]), np.array([0.0, 9.0])
    record(room.table, 0, here, 0.0, there, True)
    assert room.box[HIGHEST, 0] == 3.0
    record(room.table, 0, here, 0.0, end, False)
    assert room.box[HIGHEST, 1] <= 1.0
    following = np.zeros(2)
    assert forecast(room.table, 0, np.array([0.1, 0.1]), following)[1]
    assert not forecast(room.table, 1, np.array([0.0, 0.99]), following)[1]


def test_a_forecast_reward_was_seen_before():
    room, following = informed(), np.zeros(2)
    lowest, highest = room.box[:, 2]
    assert [forecast(room.table, 0, np.full(2, far), following)[0] for far in (50.0, -50.0)] == [lowest, lowest]
    assert lowest < highest <= 1.2


def test_an_action_that_nobody_took_changes_nothing():
    room = RehearsalRoom(Rehearsals(), 10, 2, 1, 1, np.random.default_rng(0))
    room.open(1, 2)
    for _ in range(30):
        record(room.table, 0, np.ones(2), 1.0, np.full(2, 1.5), True)
    fit(room.table)
    following = np.zeros(2)
    forecast(room.table, 1, np.array([1.2, 1.3]), following)
    assert following.tolist() == [1.2, 1.3]
    assert np.isfinite(room.coefficients).all()


def test_a_system_without_a_solution_stays_as_it_was():
    left, right = np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[5.0, 6.0]])
    assert not solve(solver(), left, right)
    assert right.tolist() == [[5.0, 6.0]]


@pytest.mark.parametrize("size", [1, 7, 35])
def test_systems_are_solved_as_numpy_does(size):
    rng = np.random.default_rng(size)
    half = rng.normal(size=(size, size))
    left, right = half @ half.T + np.eye(size), rng.normal(size=(3, size))
    left = (left + left.T) / 2
    wanted = np.linalg.solve(left, right.T).T
    assert solve(solver(), left, right)
    np.testing.assert_allclose(right, wanted, rtol=1e-10)


def test_cartpole_is_solved_within_1500_steps():
    returns = [
        marketic.make("CartPole-v1", seed=s, compiled=True).learn(1500).evaluate(20, seed=7).mean() for s in range(5)
    ]
    assert np.median(returns) >= 475, returns


def test_without_them_it_is_not():
    returns = []
    for seed in range(5):
        market = marketic.make(
            "CartPole-v1", seed=seed, compiled=True, rehearsals=None, greedy=SteadyBids(4000, 3, 0.3)
        )
        returns.append(market.learn(1500).evaluate(20, seed=7).mean())
    assert np.median(returns) < 475, returns


def test_whoever_has_nothing_to_gain_rehearses_no_more():
    market = marketic.make("CartPole-v1", seed=0, compiled=True)
    room = market.population.hindsight.rehearsals
    while room.counts[1] < 60:
        held, shown = room.counts[2], market.population.hindsight.shown.copy()
        market.learn(500)
        if room.counts[2] == held and room.counts[1] > 3:
            break
    else:
        pytest.fail("60 episodes, and rounds were held after all of them")
    assert (market.population.hindsight.shown == shown).all()
    assert market.evaluate(20, seed=7).mean() >= 475


def test_a_challenger_that_earns_no_more_changes_nothing():
    market = marketic.make("CartPole-v1", seed=1, rehearsals=SMALL, compiled=True).learn(400)
    hindsight = market.population.hindsight
    for _ in range(20):
        adopted, shown = hindsight.rehearsals.counts[3], hindsight.shown.copy()
        market.learn(60)
        changed = not (hindsight.shown == shown).all()
        assert changed == (hindsight.rehearsals.counts[3] > adopted)
        np.testing.assert_array_equal(market.population.price, hindsight.shown)  # everybody bids as the incumbent does


def test_a_saved_market_goes_on_as_if_it_had_never_stopped(tmp_path):
    market = marketic.make("CartPole-v1", seed=5, rehearsals=SMALL).learn(700)
    market.save(tmp_path / "half.market")
    again = marketic.load(tmp_path / "half.market")
    for one in (market, again):
        one.learn(400)
    first, second = market.state_dict(), again.state_dict()
    assert "population/hindsight_rehearsals_gram" in first
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key], err_msg=key)


def test_a_saved_market_of_several_rows_has_room_for_all_of_them(tmp_path):
    def market():
        env = gym.make_vec("CartPole-v1", 3, vectorization_mode="sync")
        return marketic.make(env, seed=5, rehearsals=SMALL, preset="CartPole-v1")

    straight = market().learn(600)
    again = market()
    again.load_state_dict(straight.state_dict())
    assert again.population.hindsight.rehearsals.open_steps.shape == (3, 6)
    for one in (straight, again):
        one.learn(600)
    np.testing.assert_array_equal(straight.population.price, again.population.price)


def test_a_copy_rehearses_in_a_room_of_its_own():
    population = marketic.make("CartPole-v1", seed=5, rehearsals=SMALL).learn(300).population
    twin = copy.deepcopy(population)
    before = {key: value.copy() for key, value in population.state_dict().items()}
    market = marketic.Market(gym.make("CartPole-v1"), twin, marketic.make("CartPole-v1", seed=5).chain, seed=1)
    market.learn(300)
    for key, value in population.state_dict().items():
        np.testing.assert_array_equal(value, before[key], err_msg=key)
    assert twin.hindsight.rehearsals.counts[1] > population.hindsight.rehearsals.counts[1]


def test_vector_environments_feed_one_record():
    env = gym.make_vec("CartPole-v1", 4, vectorization_mode="sync")
    market = marketic.make(env, seed=0, rehearsals=SMALL, preset="CartPole-v1").learn(800)
    room = market.population.hindsight.rehearsals
    assert room.gram[:, 0, 0].sum() == market.num_timesteps  # the sums of 1 * 1: every step of every row once
    assert room.counts[2] > 0


@pytest.mark.parametrize(
    "options",
    [
        {"rounds": 0}, {"rounds": 2.5}, {"episodes": 0}, {"length": 0}, {"trials": 0}, {"degree": 0}, {"degree": 4},
        {"rate": 0.0}, {"rate": 1.1}, {"royalty": -0.1}, {"royalty": float("nan")}, {"trades": 0.0}, {"trades": float("inf")},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_plans_are_refused(options):
    with pytest.raises(InputError, match="wanted"):
        Rehearsals(**options)


def test_steady_bids_and_rehearsals_cannot_both_decide_what_is_shown():
    with pytest.raises(InputError, match="pass rehearsals=None"):
        marketic.make("CartPole-v1", greedy=SteadyBids(1000))


def test_forecasts_over_many_components_need_a_lower_degree():
    with pytest.raises(InputError, match="2925 terms, wanted at most 1000"):
        RehearsalRoom(Rehearsals(), 10, 2, 1, 1, np.random.default_rng(0)).open(1, 24)
    RehearsalRoom(Rehearsals(degree=2), 10, 2, 1, 1, np.random.default_rng(0)).open(1, 24)
