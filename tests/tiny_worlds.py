"""Compiled worlds for the episodic economy, small enough to do their accounts by hand."""

import numpy as np
from numba import njit

from marketic.hayek.interface import CAP, OVER, PROGRESS, SIZE, SOLVED
from marketic.hayek.vocabulary import Kind, Term, Vocabulary, World

COUNT = Kind("count", 0, 1000, ordered=True)
WORDS = Vocabulary((COUNT,), (Term("done", "count"), Term("all", "count"), Term("zero", "count", 0)), ("up", "wait"))


@njit
def begin(state, size, prefix, random):
    state[SIZE], state[PROGRESS], state[CAP], state[SOLVED], state[OVER] = size, 0, 20 * size, 0, 0
    return np.int64(0)


@njit
def sense(state, a, b, terms):
    terms[0], terms[1] = state[PROGRESS], state[SIZE]
    return np.int64(0)


@njit
def possible(state, move, b, other):
    return np.int64(1 if move == 0 and state[OVER] == 0 else 0)


@njit
def move(state, move, b, other):
    if move != 0 or state[OVER] == 1:
        return np.int64(0)
    state[PROGRESS] += 1
    state[OVER] = state[SOLVED] = 1 if state[PROGRESS] == state[SIZE] else 0
    return np.int64(1)


@njit
def endless_move(state, move, b, other):
    """Always something to do, never an end."""
    return np.int64(1)


@njit
def endless_possible(state, move, b, other):
    return np.int64(1)


@njit
def sense_too_much(state, a, b, terms):
    terms[0], terms[1], terms[2] = state[PROGRESS], state[SIZE], 1
    return np.int64(0)


@njit
def sense_far_too_much(state, a, b, terms):
    terms[0], terms[1], terms[700] = state[PROGRESS], state[SIZE], 1
    return np.int64(0)


@njit
def begin_beyond(state, size, prefix, random):
    state[30] = 1
    return begin(state, size, prefix, random)


@njit
def sense_nonsense(state, a, b, terms):
    terms[0], terms[1] = -3, state[SIZE]
    return np.int64(0)


@njit
def sense_nothing(state, a, b, terms):
    terms[0] = state[PROGRESS]
    return np.int64(0)


@njit
def begin_nothing(state, size, prefix, random):
    return np.int64(0)


@njit
def begin_refuses(state, size, prefix, random):
    if size > 4:
        return np.int64(1)
    return begin(state, size, prefix, random)


@njit
def returns_nothing(state, a, b, other):
    pass


def blank(largest):
    return np.zeros(8, dtype=np.int64)


def counting(**parts):
    """Count to the size: the one move "up" is always right. Parts replace its functions."""
    return World(
        **(
            {"vocabulary": WORDS, "begin": begin, "sense": sense, "possible": possible, "move": move, "blank": blank}
            | parts
        )
    )


def endless(**parts):
    """Moves for ever; no program that repeats a move here ever stops by itself."""
    return counting(possible=endless_possible, move=endless_move, **parts)


def island(seed):
    """An economy that counts; one of an odd seed has nobody but an idler, and no births."""
    from marketic.agents.program_species import MacroPrograms
    from marketic.hayek import Births, Curriculum, Economy, Novices, Snapshot
    from marketic.hayek.books import PRIZE

    species, curriculum = MacroPrograms(counting()), Curriculum(2, 12)
    if seed % 2 == 0:
        return Economy(species, slots=40, seed=seed, curriculum=curriculum)
    idler = Snapshot(np.array([[-1, -1, -1, 1, 1, -1, 0, 0]]), np.array([0.5]), np.array([0.4]), np.array([2 * PRIZE]),
                     np.zeros(1, dtype=np.int64), np.full(1, -1))  # fmt: skip
    return Economy(species, slots=12, seed=seed, curriculum=curriculum, births=Births(rate=0.0), agents=idler,
                   novices=Novices(trial=0.0))  # fmt: skip
