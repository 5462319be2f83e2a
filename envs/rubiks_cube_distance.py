"""How many turns the 2x2x2 cube needs: the exact distance of all 3,674,160 states, by breadth-first search (seconds, once).

With the corner D-B-L held still, a state is an order of seven corners (7! = 5,040) and the twists of six of
them, which give the seventh's (3^6 = 729). Turns act on the two apart from each other, so two small tables of
turns are enough. Half turns count as one. The farthest states are 11 turns away ("God's number" of the 2x2x2).
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit

from marketic.envs.cube_geometry import cube

ORDERS, TWISTS = 5040, 729
STATES = ORDERS * TWISTS


@lru_cache(maxsize=1)
def distances() -> np.ndarray:
    """Distance from solved of every state by its `number`, int8 [3674160]. The table stays in memory (3.7 MB)."""
    by_order, by_twist = _turn_tables()
    found = np.full(STATES, -1, dtype=np.int8)
    _search(by_order, by_twist, found)
    return found


def distribution() -> list[int]:
    """How many states are 0, 1, ..., 11 turns from solved."""
    return np.bincount(distances()).tolist()


def optimal_turns(stickers: Any) -> int:
    """The fewest turns that solve a state; stickers int64 [24], as in `marketic.envs.cube_geometry`."""
    return int(distances()[number(np.asarray(stickers))])


def number(stickers: np.ndarray) -> int:
    """A state's number, 0 to 3674159. 0 is solved."""
    order, twists = _coordinates(stickers)
    return int(_rank(order) * TWISTS + _twist_number(twists))


def _coordinates(stickers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which corner is at each of the seven places, and how far it is twisted."""
    corners = cube(2).corners
    owner = {int(place): (c, side) for c, places in enumerate(corners) for side, place in enumerate(places)}
    found = np.array([owner[int(sticker)] for sticker in stickers[corners[:, 0]]])
    return found[:, 0], found[:, 1]


def _rank(order: np.ndarray) -> int:
    """The number of a permutation among all, in lexicographic order."""
    rank = 0
    for k, value in enumerate(order):
        rank = rank * (len(order) - k) + int((order[k + 1 :] < value).sum())
    return rank


def _twist_number(twists: np.ndarray) -> int:
    return int((twists[:6] * 3 ** np.arange(6)).sum())


def _turn_tables() -> tuple[np.ndarray, np.ndarray]:
    """What quarter turns of U, R, F do: int64 [5040, 3] and int64 [729, 3]."""
    from itertools import permutations, product

    orders = np.array(list(permutations(range(7))))
    twists = np.array([(*t[::-1], -sum(t) % 3) for t in product(range(3), repeat=6)])
    by_order, by_twist = np.zeros((ORDERS, 3), dtype=np.int64), np.zeros((TWISTS, 3), dtype=np.int64)
    for face in range(3):
        source, change = _coordinates(cube(2).moves[3 * face])  # the turned solved cube tells where corners come from
        by_order[:, face] = [_rank(order) for order in orders[:, source]]
        by_twist[:, face] = [_twist_number(row) for row in (twists[:, source] + change) % 3]
    return by_order, by_twist


@njit(cache=True)
def _search(by_order, by_twist, found):  # type: ignore[no-untyped-def]
    """Breadth-first from number 0: every state is reached first by a shortest way."""
    queue = np.empty(len(found), dtype=np.int64)
    queue[0], found[0], head, tail = 0, 0, 0, 1
    while head < tail:
        state = queue[head]
        head += 1
        for face in range(3):
            order, twist = state // 729, state % 729
            for _ in range(3):
                order, twist = by_order[order, face], by_twist[twist, face]
                after = order * 729 + twist
                if found[after] < 0:
                    found[after] = found[state] + 1
                    queue[tail] = after
                    tail += 1
