"""Grid mazes of the classifier literature: observe the 8 neighbouring cells, move to one of them, find food (Wilson 1994).

An episode begins on a free cell drawn uniformly. Food pays 1.0 and ends it; a move against an obstacle costs the step and
leaves the agent where it was. Registered with 50 steps at most. The measure in print is the mean number of steps to food
from all free cells; `optimal_steps` is its exact least value.
"""

from collections import deque
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.envs.woods_maps import MAPS, TOROIDAL
from marketic.errors import InputError

MOVES = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""(rows, columns) of each action, clockwise from north; neighbours are observed in the same order."""
TWO_BITS = {".": (0, 0), "O": (1, 0), "F": (1, 1)}
"""Wilson's code of a cell with one kind of obstacle and of food."""
THREE_BITS = {".": (0, 0, 0), "O": (0, 1, 0), "Q": (0, 1, 1), "F": (1, 1, 0), "G": (1, 1, 1)}
"""Wilson's code of a cell with two kinds of each."""
Cell = tuple[int, int]


class Woods(gym.Env):
    """A maze by its name in `marketic.envs.woods_maps`. Raises InputError for another name.

    Observation: int8 [8 * bits a cell], 16 bits (24 in Woods2), neighbours clockwise from north. Action: 0 to 7, in that order.

    free: the cells (row, column) an episode may begin on, row by row. cell: where the agent is, None between episodes.
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, maze: str = "Woods1") -> None:
        if not isinstance(maze, str) or maze not in MAPS:
            raise InputError(f"Woods({maze!r}): no such maze; give one of {', '.join(MAPS)}")
        self.maze, self.grid, self.render_mode = maze, MAPS[maze], None
        self._code = TWO_BITS if set("".join(self.grid)) <= set(TWO_BITS) else THREE_BITS
        self.free: list[Cell] = [(r, c) for r, row in enumerate(self.grid) for c, kind in enumerate(row) if kind == "."]
        self.observation_space = gym.spaces.MultiBinary(len(MOVES) * len(self._code["."]))
        self.action_space = gym.spaces.Discrete(len(MOVES))
        self.cell: Cell | None = None

    def observe(self, cell: Cell) -> np.ndarray:
        """What is seen from a cell (row, column): int8 [8 * bits a cell]."""
        kinds = [self._kind(self._beside(cell, action)) for action in range(len(MOVES))]
        return np.array([bit for kind in kinds for bit in self._code[kind]], np.int8)

    def after(self, cell: Cell, action: int) -> Cell:
        """Where a move 0 to 7 from a cell (row, column) ends: its neighbour, or the same cell before an obstacle."""
        ahead = self._beside(cell, action)
        return cell if self._kind(ahead) in "OQ" else ahead

    def distances(self) -> dict[Cell, int]:
        """The fewest steps to food, by cell (row, column): 0 at food, and every free cell that can reach it."""
        height, width = len(self.grid), len(self.grid[0])
        steps = {(r, c): 0 for r in range(height) for c in range(width) if self.grid[r][c] in "FG"}
        queue = deque(steps)
        while queue:
            cell = queue.popleft()
            for action in range(len(MOVES)):  # moves can be taken back
                before = self._beside(cell, action)
                if self._kind(before) == "." and before not in steps:
                    steps[before] = steps[cell] + 1
                    queue.append(before)
        return steps

    def optimal_steps(self) -> float:
        """The mean of the fewest steps to food over all free cells, exactly; an agent without memory may not reach it."""
        steps = self.distances()
        return sum(steps[cell] for cell in self.free) / len(self.free)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Go to a free cell drawn uniformly."""
        super().reset(seed=seed)
        self.cell = self.free[int(self.np_random.integers(len(self.free)))]
        return self.observe(self.cell), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Move. Raises InputError for an action that is not there, or when no episode runs."""
        if not self.action_space.contains(action):
            raise InputError(
                f"Woods.step({action!r}): wanted an action of {self.action_space}; give a direction 0 to 7"
            )
        if self.cell is None:
            raise InputError("Woods.step: no episode runs, wanted steps only until food is found; call reset first")
        cell = self.after(self.cell, int(action))
        found = self._kind(cell) in "FG"
        self.cell = None if found else cell
        return self.observe(cell), float(found), found, False, {}

    def _beside(self, cell: Cell, action: int) -> Cell:
        row, column = cell[0] + MOVES[action][0], cell[1] + MOVES[action][1]
        return (row % len(self.grid), column % len(self.grid[0])) if self.maze in TOROIDAL else (row, column)

    def _kind(self, cell: Cell) -> str:
        inside = 0 <= cell[0] < len(self.grid) and 0 <= cell[1] < len(self.grid[0])
        return self.grid[cell[0]][cell[1]] if inside else "O"
