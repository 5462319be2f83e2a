"""Rubik's cube as permutations of stickers, derived from its geometry: nothing here is copied from a table.

A cube of edge 2 or 3 has a cubie at every point of {-1, 1}^3 or {-1, 0, 1}^3 but the centre, with a sticker on each outer side.
Stickers are numbered face by face in the order U R F D L B, each face row by row as it is looked at in the usual unfolded
picture. A state says which sticker is at each place; a turn or a rotation of the whole cube is a permutation of places.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np

FACES = "URFDLB"
NORMALS = np.array([(0, 1, 0), (1, 0, 0), (0, 0, 1), (0, -1, 0), (-1, 0, 0), (0, 0, -1)])
"""Outward normal of each face; x to the right, y up, z towards the viewer."""
_RIGHT = np.array([(1, 0, 0), (0, 0, -1), (1, 0, 0), (1, 0, 0), (0, 0, 1), (-1, 0, 0)])
_DOWN = np.array([(0, 0, 1), (0, -1, 0), (0, -1, 0), (0, 0, -1), (0, -1, 0), (0, -1, 0)])
"""In the picture of a face, the directions of its columns and rows."""
MOVES = tuple(face + turn for face in FACES for turn in ("", "2", "'"))
"""Names of the turns: a quarter turn clockwise, a half turn, a quarter turn back."""


@dataclass(frozen=True)
class Cube:
    """The tables of one size.

    stickers: how many. moves int64 [m, stickers]: after a move, place f has the sticker that was at moves[., f].
    inverse int64 [m]: the move that undoes it. corners int64 [c, 3]: places of each movable corner, clockwise; edges
    int64 [e, 2] (none for edge 2). views int64 [v, stickers]: the symmetries, mirror images too, that map
    moves to moves; place f goes to views[., f]. view_moves int64 [v, m]: the move that does in the picture
    what a move did before.
    """

    size: int
    moves: np.ndarray
    inverse: np.ndarray
    corners: np.ndarray
    edges: np.ndarray
    views: np.ndarray
    view_moves: np.ndarray

    @property
    def stickers(self) -> int:
        """6 * size * size."""
        return 6 * self.size**2

    @property
    def cubies(self) -> int:
        """How many can be out of place: 7 or 20."""
        return len(self.corners) + len(self.edges)


@lru_cache(maxsize=2)
def cube(size: int) -> Cube:
    """The cube of edge 2 or 3. Of the small one only U, R and F turn, which holds its corner D-B-L still: no state is left out,
    and each is told from the whole cube turned."""
    places, normals = _places(size)
    at = {(*place, *normal): k for k, (place, normal) in enumerate(zip(places.tolist(), normals.tolist(), strict=True))}
    layer = (places @ NORMALS.T).max(axis=0)
    moves = []
    for face in range(3 if size == 2 else 6):
        quarter = _turn(NORMALS[face])
        moved = places @ NORMALS[face] == layer[face]
        one = np.arange(len(places))
        for k in np.flatnonzero(moved):
            one[at[(*(quarter @ places[k]), *(quarter @ normals[k]))]] = k
        moves += [one, one[one], one[one[one]]]
    turns = np.array(moves)
    views, view_moves = _views(places, normals, at, turns)
    corners, edges = _cubies(places, normals, size)
    inverse = np.array([3 * (m // 3) + 2 - m % 3 for m in range(len(turns))])
    return Cube(size, turns, inverse, corners, edges, views, view_moves)


def _places(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The cubie and the outward normal of every sticker, int [stickers, 3] both."""
    steps = np.array([-1, 1] if size == 2 else [-1, 0, 1])
    places = [NORMALS[f] + row * _DOWN[f] + column * _RIGHT[f] for f in range(6) for row in steps for column in steps]
    return np.array(places), np.repeat(NORMALS, size**2, axis=0)


def _turn(axis: np.ndarray) -> np.ndarray:
    """A quarter turn about an axis, clockwise as seen from outside, int [3, 3]."""
    x, y, z = axis
    cross = np.array([(0, -z, y), (z, 0, -x), (-y, x, 0)])
    return np.outer(axis, axis) - cross


def _views(places: np.ndarray, normals: np.ndarray, at: dict, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The symmetries of the cube under which every move becomes a move."""
    found, mapped = [], []
    names = {move.tobytes(): m for m, move in enumerate(moves)}
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            symmetry = np.zeros((3, 3), dtype=np.int64)
            symmetry[range(3), order] = signs
            view = np.array([at[(*p, *n)] for p, n in zip(places @ symmetry.T, normals @ symmetry.T, strict=True)])
            conjugates = np.empty_like(moves)
            conjugates[:, view] = view[moves]
            if all(move.tobytes() in names for move in conjugates):
                found.append(view)
                mapped.append([names[move.tobytes()] for move in conjugates])
    first = sorted(range(len(found)), key=lambda k: (found[k] != np.arange(len(places))).any())
    return np.array(found)[first], np.array(mapped)[first]


def _cubies(places: np.ndarray, normals: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the movable corners, clockwise, and of the edges."""
    corners, edges = [], []
    for cubie in product((-1, 0, 1), repeat=3):
        own = np.flatnonzero((places == np.array(cubie)).all(axis=1))
        if len(own) == 3 and not (size == 2 and cubie == (-1, -1, -1)):
            if np.linalg.det(normals[own]) > 0:
                own = own[[0, 2, 1]]
            corners.append(own)
        elif len(own) == 2:
            edges.append(own)
    return np.array(corners), np.array(edges, dtype=np.int64).reshape(-1, 2)
