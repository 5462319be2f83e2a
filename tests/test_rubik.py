"""Rubik's cube: its geometry, the distances of the 2x2x2, the environment, plans, and the economy that turns it."""

import itertools

import numpy as np
import pytest

import marketic.envs  # noqa: F401
from marketic.agents.expression_kernels import PLANS, compile_slot
from marketic.agents.expression_species import ExpressionPrograms
from marketic.checks import check_env
from marketic.envs import rubiks_cube_kernels as kernels
from marketic.envs.cube_geometry import MOVES, cube
from marketic.envs.rubiks_cube import RubiksCube
from marketic.envs.rubiks_cube_distance import STATES, distances, distribution, number, optimal_turns
from marketic.envs.rubiks_cube_kernels import PROGRESS, SOLVED, STICKERS
from marketic.envs.rubiks_cube_world import imagine, language, world
from marketic.errors import InputError
from marketic.experiments import rubik
from marketic.hayek.books import PRIZE
from marketic.hayek.interface import CODE
from marketic.hayek.random_numbers import random_state


def turned(size, turns, times=1):
    stickers = np.arange(cube(size).stickers)
    for name in turns.split() * times:
        stickers = stickers[cube(size).moves[MOVES.index(name)]]
    return stickers


def test_turns_look_as_they_should():
    after = turned(3, "R")
    assert after[[2, 5, 8]].tolist() == [20, 23, 26], "the right column of F comes to U"
    assert turned(3, "U")[[18, 19, 20]].tolist() == [9, 10, 11], "the upper row of R comes to F"


@pytest.mark.parametrize(
    ("size", "turns", "order"),
    [
        (3, "R U", 105),
        (2, "R U", 15),
        (3, "R U R' U'", 6),
        (3, "R2 U2", 6),
        (3, "R' L F2 R L' U2", 3),
        (3, "R U2 D' B D'", 1260),
    ],
)
def test_sequences_have_the_orders_that_are_known(size, turns, order):
    solved = np.arange(cube(size).stickers)
    divisors = [d for d in range(1, order) if order % d == 0]
    assert (turned(size, turns, order) == solved).all()
    assert all((turned(size, turns, d) != solved).any() for d in divisors)


@pytest.mark.parametrize(("size", "views"), [(2, 6), (3, 48)])
def test_symmetries_turn_moves_into_moves(size, views):
    one = cube(size)
    assert one.views.shape == (views, one.stickers)
    assert (one.views[0] == np.arange(one.stickers)).all()
    for view, seen in zip(one.views, one.view_moves, strict=True):
        for move, image in zip(one.moves, seen, strict=True):
            assert (one.moves[image][view] == view[move]).all()
    for move, back in zip(one.moves, one.inverse, strict=True):
        assert (move[one.moves[back]] == np.arange(one.stickers)).all()


def test_the_small_cubes_distances_are_those_in_print():
    assert distribution() == [1, 9, 54, 321, 1847, 9992, 50136, 227536, 870072, 1887748, 623800, 2644]
    assert distances().shape == (STATES,)


def test_every_turn_changes_the_distance_by_one_at_most_and_some_turn_leads_home():
    state, random = kernels.blank_state(2), random_state(0)
    for _ in range(20):
        assert kernels.begin(state, 7, 0, random) == 0
        left = optimal_turns(state[STICKERS:])
        while left:
            near = []
            for move in range(9):
                kernels.turn(state, move)
                near.append(optimal_turns(state[STICKERS:]))
                kernels.turn(state, cube(2).inverse[move])
            assert min(near) == left - 1
            assert max(near) <= left + 1
            kernels.turn(state, int(np.argmin(near)))
            left -= 1
        assert number(state[STICKERS:]) == 0


def parity(order):
    return sum(x > y for x, y in itertools.combinations(order, 2)) % 2


def test_instances_can_be_reached_by_turns():
    state, random = kernels.blank_state(3), random_state(1)
    owners = {int(p): (c, side) for c, places in enumerate(cube(3).corners) for side, p in enumerate(places)}
    flips = {int(p): (c, side) for c, places in enumerate(cube(3).edges) for side, p in enumerate(places)}
    away = []
    for size in [2, 3, 5, 20] * 20:
        assert kernels.begin(state, size, 0, random) == 0
        stickers = state[STICKERS:]
        assert sorted(stickers.tolist()) == list(range(54))
        corners = [owners[int(s)] for s in stickers[cube(3).corners[:, 0]]]
        edges = [flips[int(s)] for s in stickers[cube(3).edges[:, 0]]]
        assert parity([c for c, _ in corners]) == parity([e for e, _ in edges])
        assert sum(t for _, t in corners) % 3 == sum(f for _, f in edges) % 2 == 0
        away.append((size, 20 - state[PROGRESS]))
        assert 2 <= away[-1][1] <= size
    assert np.mean([out for size, out in away if size == 20]) > 18
    assert kernels.begin(state, 1, 0, random) == 1, "one cubie alone cannot be out of place"


def test_random_small_cubes_are_drawn_evenly():
    state, random = kernels.blank_state(2), random_state(2)
    found = []
    for _ in range(4000):
        kernels.begin(state, 7, 0, random)
        found.append(optimal_turns(state[STICKERS:]))
    share = np.array(distribution()) / STATES
    assert np.abs(np.bincount(found, minlength=12) / 4000 - share).max() < 0.025


@pytest.mark.parametrize("options", [{}, {"size": 2, "scramble": 3}, {"size": 2, "partial_credit": True}], ids=str)
def test_it_is_an_environment(options):
    assert check_env(lambda: RubiksCube(**options), steps=40).passed


def test_turning_back_solves_and_credit_adds_up():
    for size, partial in itertools.product((2, 3), (False, True)):
        env = RubiksCube(size, partial_credit=partial)
        env.reset(options={"turns": "R U F2 R'"})
        begun, rewards = env.share_home, []
        for name in ("R", "F2", "U'", "R'"):
            _, reward, terminated, truncated, info = env.step(env.moves.index(name))
            rewards.append(reward)
        assert (terminated, truncated, info["share_home"]) == (True, False, 1.0)
        assert sum(rewards) == pytest.approx(1.0 - begun if partial else 1.0)


def test_the_picture_and_the_distance_of_a_short_scramble():
    env = RubiksCube(2, scramble=1, render_mode="ansi")
    env.reset(options={"turns": "R"})
    assert env.render() == "   UF\n   UF\nLL FD RR UB\nLL FD RR UB\n   DB\n   DB"
    assert env.optimal_turns() == 1
    env.reset(seed=3)
    assert env.optimal_turns() == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [({"size": 4}, "wanted 2 or 3"), ({"size": True}, "wanted 2 or 3"), ({"scramble": 0}, "random turns"),
     ({"scramble": 1.5}, "random turns"), ({"render_mode": "human"}, "'ansi' or None")],
)  # fmt: skip
def test_bad_options_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        RubiksCube(**options)


def test_bad_steps_are_refused():
    env = RubiksCube(2)
    with pytest.raises(InputError, match="call reset"):
        env.step(0)
    with pytest.raises(InputError, match="turn 'L' is unknown"):
        env.reset(options={"turns": "R L"})
    env.reset(seed=0)
    with pytest.raises(InputError, match="wanted an action"):
        env.step(9)
    with pytest.raises(InputError, match="only the 2x2x2"):
        RubiksCube(3).optimal_turns()
    with pytest.raises(InputError, match="wanted 2 or 3"):
        world(4)


@pytest.mark.parametrize("size", [2, 3])
def test_a_plan_gains_what_was_imagined_from_the_best_side(size):
    species = ExpressionPrograms(language(size), tokens=24)
    table = species.table(1, 20, 0)
    table.arrays[CODE][0] = species.read("(program (conjugate R (commutator (join R U) F2)) true perform)")
    compile_slot(table.rows, 0)
    plan = table.arrays[PLANS][0]
    moves = plan[1 : 1 + plan[0]]
    state, random, one = kernels.blank_state(size), random_state(3), cube(size)
    for _ in range(10):
        kernels.begin(state, 20, 0, random)
        gains = []
        for side in range(len(one.views)):
            after = state.copy()
            for move in moves:
                kernels.turn(after, one.view_moves[side, move])
            kernels.count_home(after)
            gains.append(int(after[PROGRESS] - state[PROGRESS]))
        assert imagine(state, 0, 0, plan[1:]) == max(gains) == gains[plan[-1]]


def test_the_economy_keeps_its_money_and_nobody_buys_below_what_the_cube_is_worth():
    economy = rubik.build(2, 7)
    for _ in range(300):
        economy.run(1)
        assert int(economy.books.wealth.sum()) + economy.treasury == economy.prizes
    agents = economy.run(1500).snapshot()
    outcomes = economy.evaluate(7, 60, seed=5, agents=agents)
    assert outcomes.progress.max() <= 7
    assert (outcomes.solved == (outcomes.progress == 7)).all()
    played = outcomes.auctions > 0
    assert outcomes.trade[:-1].sum() > 0
    assert outcomes.trade[:-1, :-1].sum() <= outcomes.auctions.sum() * PRIZE
    assert played.any()


def test_a_world_that_pays_for_progress_buys_at_that_price():
    """Who would pay less than what the world pays for the cube as it is pays a tick more than that, who would
    pay more pays that."""
    from marketic.hayek import Auction, Births, Economy, Snapshot, Taxes

    species = ExpressionPrograms(language(2), tokens=8)
    code = species.read("(program (join R U) (== home 5-cubies) perform)")[None]
    for offset, paid in ((6.9, PRIZE * 5 // 7 + 1), (1.0, int(PRIZE * (1 - 1 / 7)))):
        agents = Snapshot(code, np.zeros(1), np.array([offset]), np.array([3 * PRIZE]), np.arange(1), np.full(1, -1))
        free = Taxes(move=0.0, wealth=0.0)
        economy = Economy(
            species, auction=Auction(prize="progress"), taxes=free, births=Births(rate=0.0), agents=agents, slots=2
        )
        outcomes = economy.evaluate(2, 20, seed=0, agents=agents)
        assert outcomes.trade[0, -1] == 20 * paid, "5 of 7 cubies are home at the start, and the house sells first"
    with pytest.raises(InputError, match="'solved' or 'progress'"):
        Auction(prize="effort")


def test_the_experiment_runs_and_says_the_same_twice():
    answer = rubik.run(quick=True)
    assert answer["met"], answer["rows"]
    small = rubik.Args(2, 4_000, 20, 1)
    one, other = (rubik.train(small, 3) for _ in range(2))
    assert np.array_equal(one.agents.code, other.agents.code)
    assert np.array_equal(one.outcomes.progress, other.outcomes.progress)
    assert rubik.distances(5).min() >= 1
    assert rubik.by_scramble(rubik.build(2, 0), one.agents, 5)[0]["needed"] == 1.0
    assert kernels.blank_state(2)[SOLVED] == 1
