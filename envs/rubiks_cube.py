"""Rubik's cube, 2x2x2 or 3x3x3: turn the faces of a scrambled cube until every cubie is home (as in Baum and Durdanovic 2000).

Reward 1.0 comes once, when the cube is solved, and ends the episode; registered with 1,000 steps at most. Half
turns count as one. Of the 2x2x2 only U, R and F turn: its corner D-B-L stays, so nothing is lost but the
position in the hand. A random 2x2x2 is solved in 11 turns at most, by an exact table (`optimal_turns`); for a
3x3x3, 20 are known to be enough (Rokicki et al. 2014).
"""

from typing import Any

import gymnasium as gym
import numpy as np

from marketic.envs import rubiks_cube_kernels as kernels
from marketic.envs.cube_geometry import FACES, MOVES, cube
from marketic.envs.rubiks_cube_kernels import OVER, PROGRESS, SIZE, SOLVED, STICKERS
from marketic.errors import InputError
from marketic.hayek.random_numbers import random_state
from marketic.numbers import flag

MOST_TURNS = 10_000


class RubiksCube(gym.Env):
    """A freshly scrambled cube every episode.

    size:     2 or 3. scramble: random turns from solved, 1 to MOST_TURNS, no two in a row of one face; None: a cube drawn
              evenly from all that can be reached.
    partial_credit: reward is the change in the share of movable cubies that are home, so that an episode's sum is the gain.

    Observation: the colour at each place, MultiDiscrete [6 * size^2], faces in the order U R F D L B, row by
    row. Actions: `moves`. Raises InputError for other options.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        size: int = 3,
        scramble: int | None = None,
        *,
        partial_credit: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if isinstance(size, bool) or size not in (2, 3):
            raise InputError(f"RubiksCube(size={size!r}): wanted 2 or 3")
        if scramble is not None and not _is_whole(scramble, 1, MOST_TURNS):
            raise InputError(
                f"RubiksCube(scramble={scramble!r}): wanted 1 to {MOST_TURNS} random turns, or None for a random cube"
            )
        flag("RubiksCube: partial_credit", partial_credit)
        if render_mode not in (None, "ansi"):
            raise InputError(f"RubiksCube(render_mode={render_mode!r}): wanted 'ansi' or None")
        self.size, self.scramble, self.partial_credit, self.render_mode = (
            int(size),
            scramble,
            partial_credit,
            render_mode,
        )
        self.moves = MOVES[: len(cube(self.size).moves)]
        self._state = kernels.blank_state(self.size)
        self.observation_space = gym.spaces.MultiDiscrete(np.full(cube(self.size).stickers, 6))
        self.action_space = gym.spaces.Discrete(len(self.moves))

    @property
    def stickers(self) -> np.ndarray:
        """Which sticker is at each place, int64 [6 * size^2]; solved: 0, 1, 2, ..."""
        return self._state[STICKERS:].copy()

    @property
    def share_home(self) -> float:
        """Share of the movable cubies (7 or 20) that are where they belong, and not twisted."""
        return float(self._state[PROGRESS] / self._state[SIZE])

    def optimal_turns(self) -> int:
        """The fewest turns that solve the 2x2x2 cube as it is. Raises InputError for the 3x3x3, of which no such table fits."""
        if self.size != 2:
            raise InputError("optimal_turns: only the 2x2x2 has a table of distances; make the environment with size=2")
        from marketic.envs.rubiks_cube_distance import optimal_turns

        return optimal_turns(self.stickers)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Scramble. options: {"turns": "R U R' U'"} for a solved cube after these turns instead.

        Raises InputError for turns that there are not.
        """
        super().reset(seed=seed)
        if options and "turns" in options:
            kernels.solve(self._state)
            for name in str(options["turns"]).split():
                if name not in self.moves:
                    raise InputError(
                        f"reset: turn {name!r} is unknown; give some of {' '.join(self.moves)}, with blanks between"
                    )
                kernels.turn(self._state, self.moves.index(name))
            kernels.settle(self._state)
        else:
            random = random_state(int(self.np_random.integers(2**63)))
            kernels.begin(self._state, self._state[SIZE], self.scramble or 0, random)
        return self._observe(), {"share_home": self.share_home}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Turn a face. Raises InputError for no action, or for a cube that is solved."""
        if not self.action_space.contains(action):
            raise InputError(f"RubiksCube.step({action!r}): wanted an action of {self.action_space}")
        if self._state[OVER]:
            raise InputError("RubiksCube.step: the cube is solved, wanted one to solve; call reset first")
        before = self.share_home
        kernels.move(self._state, int(action), 0, self._state)
        solved = bool(self._state[SOLVED])
        reward = self.share_home - before if self.partial_credit else float(solved)
        return self._observe(), reward, solved, False, {"share_home": self.share_home}

    def _observe(self) -> np.ndarray:
        return self.stickers // self.size**2

    def render(self) -> str | None:
        """The cube unfolded: U above, L F R B side by side, D below; None without render_mode="ansi"."""
        if self.render_mode != "ansi":
            return None
        faces = np.array(list(FACES))[self._observe()].reshape(6, self.size, self.size)
        up, right, front, down, left, back = (["".join(row) for row in face] for face in faces)
        margin = " " * (self.size + 1)
        belt = [" ".join(rows) for rows in zip(left, front, right, back, strict=True)]
        return "\n".join([*(margin + row for row in up), *belt, *(margin + row for row in down)])


def _is_whole(given: Any, least: int, most: int) -> bool:
    return isinstance(given, int | np.integer) and not isinstance(given, bool) and bool(least <= given <= most)
