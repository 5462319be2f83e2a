"""Bits and mazes for rule learners: Gymnasium's contract, truth tables by brute force, and the optima in print."""

import itertools

import gymnasium as gym
import numpy as np
import pytest

import marketic.envs  # noqa: F401  registers them
from marketic.checks.environment import check_env
from marketic.envs.boolean import Carry, Majority, Multiplexer, Parity, carry, majority, multiplexer
from marketic.envs.woods import MAPS, Woods
from marketic.errors import InputError

PUBLISHED = {"Woods1": 1.68, "Woods2": 1.68, "Woods14": 9.5, "Maze4": 3.5, "Maze5": 4.61, "Maze6": 5.19}
BITS = ["Multiplexer", "Majority", "Carry", "Parity"]


def number(bits):
    return int("".join(map(str, bits)), 2)


ANSWERS = [
    (Multiplexer(1), lambda bits: bits[1:][number(bits[:1])]),
    (Multiplexer(2), lambda bits: bits[2:][number(bits[:2])]),
    (Multiplexer(3), lambda bits: bits[3:][number(bits[:3])]),
    (Majority(5, 7), lambda bits: int(sorted(bits[:5])[2])),
    (Carry(1), lambda bits: bits[0] & bits[1]),
    (Carry(4), lambda bits: len(f"{number(bits[:4]) + number(bits[4:]):b}") > 4),
    (Parity(3, 5), lambda bits: bits[0] ^ bits[1] ^ bits[2]),
    (Parity(6, 6), lambda bits: f"{number(bits):b}".count("1") % 2),
]


@pytest.mark.parametrize("name", [*BITS, *MAPS])
def test_they_keep_gymnasiums_contract(name):
    assert check_env(lambda: gym.make(f"marketic/{name}-v0"), episodes=4).passed
    assert name in MAPS or check_env(lambda: gym.make(f"marketic/{name}-v0", noise=0.5), episodes=8).passed


@pytest.mark.parametrize(("env", "brute"), ANSWERS)
def test_truth_tables(env, brute):
    table = list(itertools.product((0, 1), repeat=env.observation_space.n))
    assert env.answer(np.array(table, np.int8)).tolist() == [brute(bits) for bits in table]


@pytest.mark.parametrize(("k", "bits"), list(enumerate([3, 6, 11, 20, 37, 70, 135], start=1)))
def test_multiplexers_of_all_sizes(k, bits):
    env = Multiplexer(k)
    assert env.observation_space.n == bits
    shown = np.random.default_rng(k).integers(0, 2, (200, bits), np.int8)
    assert env.answer(shown).tolist() == [row[k + number(row[:k])] for row in shown]


@pytest.mark.parametrize("width", [31, 62])
def test_wide_numbers_do_not_overflow(width):
    ones, one = [1] * width, [0] * (width - 1) + [1]
    assert carry([ones + one, ones + [0] * width, ones + ones]).tolist() == [1, 0, 1]


@pytest.mark.parametrize("env", [env for env, _ in ANSWERS])
def test_right_answers_pay_one_and_wrong_ones_nothing(env):
    for seed in range(10):
        bits, info = env.reset(seed=seed)
        right = int(env.answer(bits))
        action = right if seed % 2 else 1 - right
        shown, reward, terminated, truncated, after = env.step(action)
        assert (shown.tolist(), reward, terminated, truncated) == (bits.tolist(), float(seed % 2), True, False)
        assert info == after == {}


@pytest.mark.parametrize(("noise", "pays"), [(0.0, 1.0), (0.2, 0.8), (1.0, 0.0)])
def test_noise_flips_the_reward(noise, pays):
    env = Multiplexer(noise=noise)
    env.reset(seed=1)
    rewards = [env.step(int(env.answer(env.reset()[0])))[1] for _ in range(4000)]
    assert np.mean(rewards) == pytest.approx(pays, abs=0.02 if 0 < noise < 1 else 0)


@pytest.mark.parametrize("maze", PUBLISHED)
def test_optima_in_print(maze):
    exact = gym.make(f"marketic/{maze}-v0").unwrapped.optimal_steps()
    assert 0 <= exact - PUBLISHED[maze] < 0.01  # Woods1 is 27/16; some papers cut, some round


@pytest.mark.parametrize("maze", MAPS)
def test_optima_against_value_iteration(maze):
    env = Woods(maze)
    steps = dict.fromkeys(env.free, np.inf)
    for _ in range(len(env.free)):
        steps = {s: 1 + min(steps.get(env.after(s, a), 0) for a in range(8)) for s in env.free}
        if all(steps[s] == 1 + min(steps.get(env.after(s, a), 0) for a in range(8)) for s in env.free):
            break
    assert env.optimal_steps() == np.mean(list(steps.values()))
    assert {cell: n for cell, n in env.distances().items() if n} == steps


def test_only_maze10_and_woods2_show_equal_observations():
    seen = {maze: {Woods(maze).observe(cell).tobytes() for cell in Woods(maze).free} for maze in MAPS}
    alike = {maze for maze, kinds in seen.items() if len(kinds) < len(Woods(maze).free)}
    assert alike == {"Maze10", "Woods2"}
    wanted = {}
    for maze in sorted(alike):
        env = Woods(maze)
        far = env.distances()
        best = {c: {a for a in range(8) if far[env.after(c, a)] < far[c]} for c in env.free}
        groups = {}
        for cell in env.free:
            groups.setdefault(env.observe(cell).tobytes(), []).append(best[cell])
        wanted[maze] = all(set.intersection(*moves) for moves in groups.values())
    assert wanted == {"Maze10": False, "Woods2": True}  # Maze10 cannot be walked best without memory


def test_steps_by_hand():
    env = Woods("Maze4")
    env.reset(seed=0)
    env.cell = (2, 5)
    assert env.observe((2, 5)).reshape(8, 2).tolist() == [
        [0, 0],
        [1, 1],
        [0, 0],
        [1, 0],
        [0, 0],
        [0, 0],
        [1, 0],
        [0, 0],
    ]
    bits, reward, *flags, _ = env.step(6)  # west: an obstacle
    assert (env.cell, reward, flags, bits.tolist()) == ((2, 5), 0.0, [False, False], env.observe((2, 5)).tolist())
    assert env.step(1)[1:] == (1.0, True, False, {})  # north-east: food
    with pytest.raises(InputError, match="call reset first"):
        env.step(0)
    limited = gym.make("marketic/Woods14-v0")
    limited.reset(seed=0)
    limited.unwrapped.cell = (1, 12)
    flags = [limited.step(0)[2:4] for _ in range(50)]
    assert flags[48:] == [(False, False), (False, True)]


def test_the_woods_are_toroidal_and_woods2_has_three_bits_a_cell():
    assert Woods("Woods1").after((0, 0), 7) == (4, 4)
    assert Woods("Woods2").after((14, 29), 3) == (0, 0)
    seen = Woods("Woods2").observe((5, 3)).reshape(8, 3).tolist()  # south: F; south-west: O
    assert seen[4:6] == [[1, 1, 0], [0, 1, 0]]
    assert Woods("Woods2").observe((0, 1)).reshape(8, 3).tolist()[4] == [0, 1, 1]  # south: Q


@pytest.mark.parametrize("maze", MAPS)
def test_starts_are_uniform_on_free_cells(maze):
    env = Woods(maze)
    env.reset(seed=3)
    starts = []
    for _ in range(30 * len(env.free)):
        env.reset()
        starts.append(env.cell)
    counts = [starts.count(cell) for cell in env.free]
    assert sum(counts) == len(starts)
    assert sum((n - 30) ** 2 / 30 for n in counts) < len(env.free) + 4 * (2 * len(env.free)) ** 0.5  # chi-squared


@pytest.mark.parametrize("name", [*BITS, *MAPS])
def test_seeds_decide_everything(name):
    def play(seed):
        env = gym.make(f"marketic/{name}-v0", **({"noise": 0.3} if name in BITS else {}))
        rng = np.random.default_rng(0)
        seen = [env.reset(seed=seed)[0].tolist()]
        for _ in range(40):
            bits, reward, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
            seen.append((bits.tolist(), reward, terminated))
            if terminated or truncated:
                seen.append(env.reset()[0].tolist())
        return seen

    assert play(5) == play(5) != play(6)


@pytest.mark.parametrize(
    ("make", "repair"),
    [
        (lambda: Multiplexer(17), "give 1 to 16"),
        (lambda: Multiplexer(True), "whole number"),
        (lambda: Multiplexer(noise=1.1), r"in \[0, 1\]"),
        (lambda: Parity(noise="some"), "noise='some'"),
        (lambda: Woods(["Woods1"]), "no such maze"),
        (lambda: Majority(4), "try 3"),
        (lambda: Majority(9, 7), "give 1 to 7"),
        (lambda: Carry(0), "give 1 to 62"),
        (lambda: Parity(3, 2), "give 1 to 2"),
        (lambda: Parity(1, 0), "give 1 or more"),
        (lambda: Woods("Maze99"), "one of Woods1, Woods2"),
        (lambda: multiplexer([0] * 7), "3, 6, 11"),
        (lambda: carry([0, 1, 1]), "pad with 0"),
        (lambda: majority([]), "at least one"),
        (lambda: Parity().step(0), "call reset first"),
        (lambda: Parity().step(2), "answer 0 or 1"),
        (lambda: Woods().step(8), "direction 0 to 7"),
    ],
)
def test_bad_options_are_refused_with_the_repair(make, repair):
    with pytest.raises(InputError, match=repair):
        make()
