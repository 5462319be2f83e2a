"""A world that changes without notice: the meaning of a task's actions is reversed every so many steps."""

from typing import Any

import gymnasium as gym

from marketic.errors import InputError
from marketic.numbers import whole


class ReversingActions(gym.Wrapper):
    """Reverses a `Discrete(n)` action, a -> n - 1 - a, in every second phase of `every` steps; nothing tells the agent.

    A phase ends with the first episode that ends after its last step, so that no episode sees two worlds.
    phase: the number of the phase to start in, from 0. Raises InputError for other action spaces.
    """

    def __init__(self, env: gym.Env, every: int = 15_000, phase: int = 0) -> None:
        super().__init__(env)
        if not isinstance(env.action_space, gym.spaces.Discrete):
            raise InputError(f"ReversingActions on {env.action_space}: wanted Discrete actions")
        self.every, self.phase = whole("ReversingActions: every", every, 1), whole("ReversingActions: phase", phase, 0)
        self.steps = 0

    def reset(self, **options: Any) -> Any:
        """Start an episode, in a new phase if the time has come."""
        if self.steps >= self.every:
            self.steps = 0
            self.phase += 1
        return self.env.reset(**options)

    def step(self, action: Any) -> Any:
        """Act; in odd phases with the reversed action."""
        self.steps += 1
        space = self.env.action_space
        assert isinstance(space, gym.spaces.Discrete)
        if self.phase % 2:
            action = 2 * space.start + space.n - 1 - action
        return self.env.step(action)
