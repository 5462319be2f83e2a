"""Blocks World with a goal stack: rebuild it on stack 1 from the same blocks in another order (Baum and Durdanovic 2000).

Stack 0 shows n blocks of k colours. Stack 1 begins with the same blocks in random order, stacks 2 and 3 empty. Reward 1.0 comes
once, when stack 1 equals stack 0, and ends the episode; without it the episode is truncated after 10 n log3(n) + 10 steps.
A move that cannot be made costs the step. `marketic.envs.blocks_world_bounds` bounds the fewest moves from below.
"""

from typing import Any

import gymnasium as gym
import numpy as np

from marketic.envs import blocks_world_kernels as kernels
from marketic.envs.blocks_world_bounds import least_moves
from marketic.envs.blocks_world_kernels import (
    BLOCKS,
    CAP,
    DONE,
    GRAB,
    HAND,
    HEIGHT,
    OVER,
    PROGRESS,
    ROWS,
    SENSOR,
    SOLVED,
)
from marketic.envs.blocks_world_vocabulary import blank_state, vocabulary
from marketic.errors import InputError
from marketic.hayek.random_numbers import random_state
from marketic.numbers import flag

MOST_BLOCKS = 100_000


class BlocksWorld(gym.Env):
    """A fresh random instance every episode.

    blocks: n, 1 to MOST_BLOCKS. colours: k, 2 to 9. grab: grab and drop are moves of their own; else each move takes the top
    block of one stack to another. number_correct: the sensor of how many blocks of stack 1, from the bottom, are right.
    done: one more action, which ends the episode, with the reward if stack 1 is right; nothing else ends it.

    Observation, a Dict: goal [n] and stacks [3, n], colours 1 to k from the bottom, 0 above; hand (if grab); number_correct
    (if asked for). Actions: see `moves`. Raises InputError for other options.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        blocks: int = 5,
        colours: int = 3,
        *,
        grab: bool = False,
        number_correct: bool = True,
        done: bool = False,
        render_mode: str | None = None,
    ) -> None:
        for name, given, least, most in (("blocks", blocks, 1, MOST_BLOCKS), ("colours", colours, 2, 9)):
            if isinstance(given, bool) or not isinstance(given, int | np.integer) or not least <= given <= most:
                raise InputError(f"BlocksWorld({name}={given!r}): wanted a whole number; give {least} to {most}")
        for name, given in (("grab", grab), ("number_correct", number_correct), ("done", done)):
            flag(f"BlocksWorld: {name}", given)
        if render_mode not in (None, "ansi"):
            raise InputError(f"BlocksWorld(render_mode={render_mode!r}): wanted 'ansi' or None")
        self.blocks, self.colours, self.grab, self.done = int(blocks), int(colours), grab, done
        self.number_correct, self.render_mode = number_correct, render_mode
        options = GRAB * grab + DONE * done + SENSOR * number_correct
        self.moves = vocabulary(self.colours, grab=grab, number_correct=number_correct, done=done).moves
        self._state = blank_state(self.blocks, self.colours, options)
        self._state[OVER] = 1
        spaces: dict[str, gym.Space] = {
            "goal": gym.spaces.MultiDiscrete(np.full(self.blocks, self.colours + 1)),
            "stacks": gym.spaces.MultiDiscrete(np.full((3, self.blocks), self.colours + 1)),
        }
        if grab:
            spaces["hand"] = gym.spaces.Discrete(self.colours + 1)
        if number_correct:
            spaces["number_correct"] = gym.spaces.Discrete(self.blocks + 1)
        self.observation_space = gym.spaces.Dict(spaces)
        self.action_space = gym.spaces.Discrete(len(self.moves))
        self._steps, self._begun = 0, False

    @property
    def cap(self) -> int:
        """Steps after which an episode is truncated."""
        return int(kernels.step_cap(self.blocks))

    @property
    def goal(self) -> np.ndarray:
        """Colours of stack 0 from the bottom, int64 [n]."""
        return self._state[ROWS : ROWS + self.blocks].copy()

    def stack(self, number: int) -> np.ndarray:
        """Colours of stack 1, 2 or 3 from the bottom, int64 [height]."""
        first = ROWS + number * (self.blocks + 1)
        return self._state[first : first + self._state[HEIGHT + number - 1]].copy()

    def least_moves(self) -> int:
        """A lower bound on the actions that solve the instance from its beginning (see `least_moves` in the bounds)."""
        fused = least_moves(self.goal, self._start)
        return fused * (2 if self.grab else 1) + int(self.done)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """A random goal and a random order. options: {"goal": colours, "start": colours of stack 1} for a chosen instance.

        Raises InputError for options that are no such instance.
        """
        super().reset(seed=seed)
        random = random_state(int(self.np_random.integers(2**63)))
        kernels.begin(self._state, self.blocks, 0, random)
        if options:
            self._place(options)
        self._start, self._steps, self._begun = self.stack(1), 0, True
        return self._observe(), {}

    def _place(self, options: dict[str, Any]) -> None:
        goal, start = (np.asarray(options.get(name, ())) for name in ("goal", "start"))
        same = goal.shape == start.shape == (self.blocks,) and (np.sort(goal) == np.sort(start)).all()
        if not same or not np.isin(goal, np.arange(1, self.colours + 1)).all():
            raise InputError(
                f"reset(options={options!r}): wanted goal and start, both {self.blocks} colours from 1 to {self.colours}, "
                "the same ones in any order"
            )
        self._state[ROWS : ROWS + self.blocks] = goal
        self._state[ROWS + self.blocks + 1 : ROWS + 2 * self.blocks + 1] = start
        kernels.settle(self._state)

    def step(self, action: Any) -> tuple[dict, float, bool, bool, dict]:
        """Make a move. Raises InputError for no action, or when no episode runs."""
        if not self.action_space.contains(action):
            raise InputError(f"BlocksWorld.step({action!r}): wanted an action of {self.action_space}")
        if not self._begun:
            raise InputError("BlocksWorld.step: no episode runs, wanted steps only until one ends; call reset first")
        kernels.move(self._state, int(action), 0, self._state)
        self._steps += 1
        over, solved = bool(self._state[OVER]), bool(self._state[SOLVED])
        truncated = not over and self._steps >= int(self._state[CAP])
        self._begun = not (over or truncated)
        return self._observe(), float(solved), over, truncated, {}

    def _observe(self) -> dict[str, Any]:
        rows = self._state[ROWS:].reshape(4, self.blocks + 1)[:, : self.blocks]
        seen: dict[str, Any] = {"goal": rows[0].copy(), "stacks": rows[1:].copy()}
        if self.grab:
            seen["hand"] = np.int64(self._state[HAND])
        if self.number_correct:
            seen["number_correct"] = np.int64(self._state[PROGRESS])
        return seen

    def render(self) -> str | None:
        """Four stacks, bottom to the left, one line each; None without render_mode="ansi"."""
        if self.render_mode != "ansi":
            return None
        lines = [f"goal {''.join(map(str, self.goal.tolist()))}"]
        lines += [f"  {number}  {''.join(map(str, self.stack(number).tolist()))}".rstrip() for number in (1, 2, 3)]
        if self.grab:
            lines.append(f"hand {int(self._state[HAND]) or ''}".rstrip())
        return "\n".join([*lines, f"{int(self._state[PROGRESS])} of {int(self._state[BLOCKS])} correct"])
