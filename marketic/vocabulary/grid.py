"""Which tasks are maps of cells, and what stands where on them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from marketic.market import Market

MOST_CELLS = 2500
"""Of a map that is drawn."""
_MARKS = {b"S": "start", b"H": "hole", b"G": "goal"}


@dataclass(frozen=True)
class Grid:
    """A map. shape: rows, columns; marks: cell -> what is there; ends: cells where nobody ever acts;
    walls: (row, column) with a wall on the cell's right side."""

    shape: tuple[int, int]
    marks: dict[tuple[int, int], str] = field(default_factory=dict)
    ends: frozenset[tuple[int, int]] = frozenset()
    walls: frozenset[tuple[int, int]] = frozenset()


def grid_of(market: "Market") -> Grid | None:
    """The map of a task whose state number is a cell, from `desc` or `shape` of the environment; None if it is none."""
    env: Any = market.env.unwrapped
    states = market.world.goods.states
    if states is None or len(market.world.goods) != 1 or states > MOST_CELLS:
        return None
    desc = getattr(env, "desc", None)
    if desc is not None and np.ndim(desc) == 2 and np.size(desc) == states:
        tiles = np.asarray(desc, dtype="S1").tolist()
        places = [(r, c) for r, row in enumerate(tiles) for c in range(len(row))]
        marks = {(r, c): _MARKS[tiles[r][c]] for r, c in places if tiles[r][c] in _MARKS}
        ends = frozenset(place for place, mark in marks.items() if mark != "start")
        return Grid((len(tiles), len(tiles[0])), marks, ends)
    shape = tuple(getattr(env, "shape", ()) or ())
    if len(shape) != 2 or int(np.prod(shape)) != states:
        return None
    return _with_cliff(env, (int(shape[0]), int(shape[1])))


def _with_cliff(env: Any, shape: tuple[int, int]) -> Grid:
    """A map that is given by its shape; CliffWalking also says where the cliff and the start are."""
    cliff = getattr(env, "_cliff", None)
    if cliff is None:
        return Grid(shape)
    marks = {(int(r), int(c)): "cliff" for r, c in np.argwhere(cliff)}
    row, column = divmod(int(getattr(env, "start_state_index", 0)), shape[1])
    goal = (shape[0] - 1, shape[1] - 1)
    return Grid(shape, {**marks, (row, column): "start", goal: "goal"}, frozenset([*marks, goal]))
