"""Rubik's cube in compiled code; `marketic.envs.rubiks_cube` says what it is. State, int64:

the header of `marketic.hayek.interface`, then the edge of the cube (2 or 3), and from STICKERS on which
sticker is at each place (see `marketic.envs.cube_geometry`). SIZE is the number of movable cubies, PROGRESS
how many of them are home.
"""

import numpy as np
from numba import njit

from marketic.envs.cube_geometry import cube
from marketic.hayek.interface import CAP, HEADER, OVER, PROGRESS, SIZE, SOLVED, TICKS
from marketic.hayek.random_numbers import below
from marketic.hayek.vocabulary import possible_until_over

possible = possible_until_over
"""A face can always be turned, until the cube is solved."""
EDGE, STICKERS = HEADER, 16
TURNS_PER_CUBIE = 50
"""Turns allowed, for each movable cubie."""


def _changes(size: int) -> np.ndarray:
    """What each move changes: int64 [moves, 20, 2], place and the place it takes its sticker from; -1: no more."""
    found = np.full((len(cube(size).moves), 20, 2), -1, dtype=np.int64)
    for m, move in enumerate(cube(size).moves):
        changed = np.flatnonzero(move != np.arange(len(move)))
        found[m, : len(changed), 0], found[m, : len(changed), 1] = changed, move[changed]
    return found


_CHANGES_2, _CHANGES_3 = _changes(2), _changes(3)
_CORNERS_2, _CORNERS_3, _EDGES_3 = cube(2).corners, cube(3).corners, cube(3).edges
HOME_2 = np.ascontiguousarray(_CORNERS_2[:, 0])
HOME_3 = np.concatenate([_CORNERS_3[:, 0], _EDGES_3[:, 0]])
"""One place of each movable cubie: it is home if that place has its own sticker."""


@njit(cache=True)
def begin(state, size, prefix, random):  # type: ignore[no-untyped-def]
    """A cube on which `size` random cubies at most are rearranged at random, evenly over all that turns can reach; from
    all cubies on, a random cube. prefix above 0: instead, a solved cube after so many random turns, no two in a row
    of one face. Never solved at the start. Returns 1 if size is below 2 (one cubie alone cannot be out of place)."""
    if prefix > 0:
        for _ in range(1000):
            solve(state)
            scramble(state, prefix, random)
            if state[SOLVED] == 0:
                break
        return np.int64(0)
    if size < 2:
        return np.int64(1)
    for _ in range(1000):
        solve(state)
        if _rearrange(state, size, random) and state[SOLVED] == 0:
            return np.int64(0)
    return np.int64(1)


@njit(cache=True)
def solve(state):  # type: ignore[no-untyped-def]
    """The solved cube, as a fresh instance."""
    for k in range(6 * state[EDGE] * state[EDGE]):
        state[STICKERS + k] = k
    settle(state)


@njit(cache=True)
def settle(state):  # type: ignore[no-untyped-def]
    """Set the header for a fresh instance that begins with the stickers as they are."""
    state[SIZE] = 7 if state[EDGE] == 2 else 20
    state[CAP], state[TICKS] = TURNS_PER_CUBIE * state[SIZE], 0
    count_home(state)


@njit(cache=True)
def count_home(state):  # type: ignore[no-untyped-def]
    """PROGRESS, SOLVED and OVER from the stickers."""
    home = HOME_2 if state[EDGE] == 2 else HOME_3
    count = 0
    for place in home:
        count += state[STICKERS + place] == place
    state[PROGRESS] = count
    state[SOLVED] = state[OVER] = 1 if count == state[SIZE] else 0


@njit(cache=True)
def turn(state, move):  # type: ignore[no-untyped-def]
    """Turn a face; the header stays as it is."""
    changes = _CHANGES_2[move] if state[EDGE] == 2 else _CHANGES_3[move]
    before = np.empty(20, dtype=np.int64)
    for k in range(20):
        if changes[k, 0] < 0:
            break
        before[k] = state[STICKERS + changes[k, 1]]
    for k in range(20):
        if changes[k, 0] < 0:
            break
        state[STICKERS + changes[k, 0]] = before[k]


@njit(cache=True)
def scramble(state, turns, random):  # type: ignore[no-untyped-def]
    """Random turns, no two in a row of one face; then set the header for a fresh instance."""
    faces, last = 3 if state[EDGE] == 2 else 6, -1
    for _ in range(turns):
        face = below(random, faces) if last < 0 else (last + 1 + below(random, faces - 1)) % faces
        turn(state, 3 * face + below(random, 3))
        last = face
    settle(state)


@njit(cache=True)
def move(state, which, _, __):  # type: ignore[no-untyped-def]
    """Turn a face. 1, or 0 if the cube was solved already."""
    if state[OVER] == 1:
        return np.int64(0)
    turn(state, which)
    count_home(state)
    return np.int64(1)


@njit(cache=True)
def sense(state, _, __, terms):  # type: ignore[no-untyped-def]
    """How many cubies are home."""
    terms[0] = state[PROGRESS]
    return np.int64(0)


@njit(cache=True)
def _rearrange(state, size, random):  # type: ignore[no-untyped-def]
    """Rearrange random cubies of a solved cube. False if the draw cannot be reached by turns."""
    corners = _CORNERS_2 if state[EDGE] == 2 else _CORNERS_3
    kinds = len(corners) + (0 if state[EDGE] == 2 else len(_EDGES_3))
    chosen = np.arange(kinds)
    for k in range(kinds - 1, 0, -1):
        other = below(random, k + 1)
        chosen[k], chosen[other] = chosen[other], chosen[k]
    chosen = chosen[: min(size, kinds)]
    odd = _place(state, corners, chosen[chosen < len(corners)], random)
    if state[EDGE] == 3 and odd != _place(state, _EDGES_3, chosen[chosen >= len(corners)] - len(corners), random):
        return False
    count_home(state)
    return True


@njit(cache=True)
def _place(state, places, chosen, random):  # type: ignore[no-untyped-def]
    """Permute and twist some cubies of one kind; the last one's twist makes up for the others'. Whether the
    permutation is odd."""
    n, sides, odd, twists = len(chosen), places.shape[1], False, 0
    to = chosen.copy()
    for k in range(n - 1, 0, -1):
        other = below(random, k + 1)
        if other != k:
            to[k], to[other], odd = to[other], to[k], not odd
    for k in range(n):
        twist = below(random, sides) if k < n - 1 else (sides * n - twists) % sides
        twists += twist
        for side in range(sides):
            state[STICKERS + places[to[k], (side + twist) % sides]] = places[chosen[k], side]
    return odd


def blank_state(edge: int) -> np.ndarray:
    """A solved cube, int64 [S]."""
    state = np.zeros(STICKERS + 6 * edge**2, dtype=np.int64)
    state[EDGE] = edge
    solve(state)
    return state
