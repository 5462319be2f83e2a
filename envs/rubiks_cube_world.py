"""What programs can say about Rubik's cube: how many cubies are home, and plans, i.e. sequences of turns that they may imagine.

A plan comes to a permutation, which moves few cubies if the plan is a good one (a commutator, say). What it
would gain is how many more cubies would be home after it; it is looked at from all sides, since what a plan
does to one corner it can do to any,
with the cube held in another way: 48 ways, mirror images among them, for the 3x3x3, and 6 that hold the still corner
of the 2x2x2 still.
"""

import numpy as np
from numba import njit

from marketic.agents.expression_language import Language, Reversible
from marketic.envs import rubiks_cube_kernels as kernels
from marketic.envs.cube_geometry import MOVES, cube
from marketic.envs.rubiks_cube_kernels import EDGE, HOME_2, HOME_3, STICKERS
from marketic.errors import InputError
from marketic.hayek.interface import PROGRESS, TICKS
from marketic.hayek.vocabulary import Kind, Term, Vocabulary, World

_VIEWS_2, _VIEWS_3 = cube(2).views, cube(3).views
_SEEN_2, _SEEN_3 = cube(2).view_moves, cube(3).view_moves
ROOM = 41
"""Numbers of a summary: how many places change, then pairs: a place and where it takes its sticker from."""
MOST_TURNS = 40
"""Of a plan."""


@njit(cache=True)
def summarise(state, turns, _, plan):  # type: ignore[no-untyped-def]
    """Turn a solved cube and note which cubies' places change."""
    cube_, summary = state.copy(), plan[len(plan) - 1 - ROOM :]
    for k in range(6 * state[EDGE] * state[EDGE]):
        cube_[STICKERS + k] = k
    for k in range(turns):
        kernels.turn(cube_, plan[k])
    count = 0
    for place in HOME_2 if state[EDGE] == 2 else HOME_3:
        source = cube_[STICKERS + place]
        if source != place:
            summary[1 + 2 * count], summary[2 + 2 * count] = place, source
            count += 1
    summary[0] = count
    return np.int64(0)


@njit(cache=True)
def imagine(state, _, __, plan):  # type: ignore[no-untyped-def]
    """The most that the plan would gain, and in plan[-1] the side from which. Of equal sides the first one after a
    place that moves on with time, lest a plan that gains nothing be repeated in the same way."""
    views = _VIEWS_2 if state[EDGE] == 2 else _VIEWS_3
    summary, sides, best = plan[len(plan) - 1 - ROOM :], len(views), -100
    first = (5 * state[TICKS] + state[PROGRESS]) % sides
    for k in range(sides):
        side = (first + k) % sides
        gain = 0
        for pair in range(summary[0]):
            place = views[side, summary[1 + 2 * pair]]
            gain += state[STICKERS + views[side, summary[2 + 2 * pair]]] == place
            gain -= state[STICKERS + place] == place
        if gain > best:
            best, plan[-1] = gain, side
    return np.int64(best)


@njit(cache=True)
def seen(state, move, side, _):  # type: ignore[no-untyped-def]
    """The turn that looks from this side as the given one does from side 0."""
    return np.int64(_SEEN_2[side, move] if state[EDGE] == 2 else _SEEN_3[side, move])


def vocabulary(size: int) -> Vocabulary:
    """Numbers of cubies, and turns."""
    counts, changes = range(0, cube(size).cubies, 1 if size == 2 else 3), range(-3, 4)
    terms = (
        Term("home", "cubies"),
        *(Term(f"{k}-cubies", "cubies", k) for k in counts),
        *(Term(f"{k:+}" if k else "0", "change", k) for k in changes),
    )
    kinds = (Kind("cubies", 0, 20, ordered=True), Kind("change", -20, 20, ordered=True))
    return Vocabulary(kinds, terms, MOVES[: len(cube(size).moves)])


def world(size: int = 3) -> World:
    """The cube of edge 2 or 3 for programs. Raises InputError for another."""
    if isinstance(size, bool) or size not in (2, 3):
        raise InputError(f"a cube of edge {size!r}: wanted 2 or 3")
    blank = {2: _blank_2, 3: _blank_3}[size]
    return World(vocabulary(size), kernels.begin, kernels.sense, kernels.possible, kernels.move, blank)


def language(size: int = 3) -> Language:
    """The language of programs for the cube: see the head of this file. Raises InputError as `world` does."""
    turns = Reversible(cube(world(size) and size).inverse, summarise, imagine, seen, MOST_TURNS, ROOM, "change")
    return Language(world(size), turns, arithmetic=False)


def _blank_2(_: int) -> np.ndarray:
    return kernels.blank_state(2)


def _blank_3(_: int) -> np.ndarray:
    return kernels.blank_state(3)
