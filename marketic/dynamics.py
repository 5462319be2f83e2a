"""Compiled twins: an environment's dynamics as two compiled functions, so that whole training loops can run without Python.

A twin draws what the environment itself would draw: it gets its uniforms, in the same order, from a generator that
Gymnasium would have made from the same seed. Where the arithmetic is the same to the bit, so is the market.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.utils import seeding

from marketic.errors import InputError
from marketic.function_pointer import RESET, STEP, address_of
from marketic.worlds import World


@dataclass(frozen=True)
class Dynamics:
    """How a task with one Discrete action starts and goes on.

    reset: numba function `reset(state[S], uniform[U], integers, reals, observation[D])` that writes a first state and what
           is seen of it, encoded as `marketic.goods` does.
    step:  numba function `step(state[S], action, uniform[U], integers, reals, observation[D], outcome[2])` that writes the
           next state, what is seen of it, and the outcome: reward (currency), and 1 if the episode is over, else 0.
    state_size, observation_size: S and D, all float64.
    reset_draws, step_draws: how many uniforms from [0, 1) each of them reads.
    time_limit: steps after which an episode is truncated; 0: none.
    integers, reals: int64 and float64 arrays, the task's constants.
    """

    reset: Any
    step: Any
    state_size: int
    observation_size: int
    reset_draws: int = 0
    step_draws: int = 0
    time_limit: int = 0
    integers: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    reals: np.ndarray = field(default_factory=lambda: np.zeros(1))

    @cached_property
    def addresses(self) -> tuple[int, int]:
        """Addresses of reset and step. Raises InputError if one is no numba function of the right signature."""
        return address_of(self.reset, RESET), address_of(self.step, STEP)


class TwinWorld(World):
    """The world of a twin: what `World` is for the environment itself. `env` is kept for its spaces and for evaluation.

    Attributes: `state` float64 [S]; `elapsed` int64 [1], steps in this episode; `rng`, the episode's randomness.
    Raises InputError if twin and environment do not fit together.
    """

    def __init__(self, env: Any, dynamics: Dynamics) -> None:
        super().__init__(env)
        if len(self.goods) != dynamics.observation_size or len(self.rights) != 1:
            raise InputError(
                f"dynamics with {dynamics.observation_size} observed components and one action do not fit {env}, which has "
                f"{len(self.goods)} and {len(self.rights)}"
            )
        self.dynamics = dynamics
        self.state, self.outcome = np.zeros(dynamics.state_size), np.zeros(2)
        self.uniform = np.zeros(max(dynamics.reset_draws, dynamics.step_draws, 1))
        self.elapsed = np.zeros(1, dtype=np.int64)
        self.rng = seeding.np_random(0)[0]

    def reset(self, seed: int | None = None) -> None:
        """Start a new episode with the generator that Gymnasium makes from `seed`."""
        if seed is not None:
            self.rng = seeding.np_random(seed)[0]
        self._begin()
        self.ended = False

    def step(self, actions: np.ndarray) -> None:
        """Act with action numbers int64 [1]. Starts a new episode where one ended."""
        twin, observation = self.dynamics, self.observation[0]
        self.uniform[: twin.step_draws] = self.rng.random(twin.step_draws)
        twin.step(self.state, int(actions[0]), self.uniform, twin.integers, twin.reals, observation, self.outcome)
        self.elapsed[0] += 1
        self.reward[0] = self.outcome[0]
        terminated = self.outcome[1] > 0.0
        truncated = not terminated and 0 < twin.time_limit <= self.elapsed[0]
        if terminated or truncated:
            self.ended = True
            self.terminated[0], self.truncated[0] = terminated, truncated
            self.final[:] = self.observation
            self._begin()

    def _begin(self) -> None:
        twin = self.dynamics
        self.uniform[: twin.reset_draws] = self.rng.random(twin.reset_draws)
        twin.reset(self.state, self.uniform, twin.integers, twin.reals, self.observation[0])
        self.elapsed[0] = 0
