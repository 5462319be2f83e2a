"""A peer for tasks of real numbers: Sarsa(lambda) with tile coding (Sutton and Barto 2018, sections 9.5.4 and 12.7).

A state's value of an action is the sum of the weights of the tiles that it lies in, one table per action. Moves are greedy;
exploration comes from first values that are too high. Traces are replacing ones, cut below 1e-3; an episode that time
alone ends goes on in the value of the state where it was cut. Tiles are found by the compiled function of family `tiles`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
from numba import njit

from marketic.agents.tiles import Tiles, Tiling

_SHORTEST = 1e-3  # a trace below this is forgotten


@dataclass(frozen=True)
class SarsaSettings:
    """bins, count: one tiling's tiles along each feature, and its shifted copies. low, high: ranges of the features.

    rate: step size, shared by the `count` tiles of a state. decay: lambda, in [0, 1]. discount: in (0, 1].
    angles: pairs of observation components (cosine, sine) that become one feature, the angle.
    only_failure: reward is -1 where the task terminates and 0 elsewhere, in place of the task's own.
    """

    bins: tuple[int, ...]
    count: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    rate: float
    decay: float
    discount: float = 1.0
    angles: tuple[tuple[int, int], ...] = ()
    only_failure: bool = False


class Sarsa:
    """Sarsa(lambda) on a task with a Box observation and Discrete actions. `weight`: float64 [tiles * A]."""

    def __init__(self, env_id: str, settings: SarsaSettings, seed: int) -> None:
        self.env, self.settings, self.seed = gym.make(env_id), settings, seed
        self.rng = np.random.default_rng(seed)
        self.actions = int(self.env.action_space.n)  # type: ignore[attr-defined]
        tilings = [Tiling(tuple(range(len(settings.bins))), settings.bins, settings.count)]
        tiles = Tiles(settings.low, settings.high, self.actions, tilings, angles=settings.angles, rng=self.rng)
        self.kernels = tiles.kernels
        self.weight, self.trace = np.zeros(len(tiles.price)), np.zeros(len(tiles.price))
        self.alive = np.zeros(len(tiles.price), dtype=np.int64)  # the entries whose trace is not 0, in no order
        self.n_alive = 0

    def tiles(self, observations: np.ndarray) -> np.ndarray:
        """The entries behind every action, int64 [n, A, count], of observations [n, D]."""
        rows = np.ascontiguousarray(observations, dtype=np.float64)
        matched = np.zeros((len(rows), self.actions, self.settings.count), dtype=np.int64)
        self.kernels.match(rows, self.kernels.integers, self.kernels.reals, matched)
        return matched

    def predict(self, observations: np.ndarray) -> np.ndarray:
        """Greedy actions, int64 [n]; the first of equals."""
        return self.weight[self.tiles(observations)].sum(axis=2).argmax(axis=1)

    def learn(self, steps: int, seen: Callable[[int], bool]) -> None:
        """Take `steps` steps; after each, `seen(steps so far)` may say True to stop."""
        settings, step_size = self.settings, self.settings.rate / self.settings.count
        entries, action, value = self._begin(self.env.reset(seed=self.seed)[0])
        for step in range(1, steps + 1):
            observation, reward, terminated, truncated, _ = self.env.step(action)
            gain = -float(terminated) if settings.only_failure else float(reward)
            following, move, worth = self._begin(observation)
            error = gain + (0.0 if terminated else settings.discount * worth) - value
            fade = settings.discount * settings.decay
            self.n_alive = learn_traces(
                self.weight, self.trace, self.alive, self.n_alive, entries, action, step_size * error, fade
            )
            if terminated or truncated:
                self.trace[self.alive[: self.n_alive]], self.n_alive = 0.0, 0
                entries, action, value = self._begin(self.env.reset()[0])
            else:
                entries, action = following, move
                value = float(self.weight[following[move]].sum())  # what it is worth after this step's learning
            if seen(step):
                return

    def _begin(self, observation: np.ndarray) -> tuple[np.ndarray, int, float]:
        """The entries behind every action there, the greedy action (equals by lot), and its value."""
        entries = self.tiles(observation[None])[0]
        values = self.weight[entries].sum(axis=1)
        best = np.flatnonzero(values == values.max())
        action = int(best[0] if len(best) == 1 else self.rng.choice(best))
        return entries, action, float(values[action])


@njit(cache=True)
def learn_traces(weight, trace, alive, n_alive, entries, action, change, fade):  # type: ignore[no-untyped-def]
    """One step of Sarsa(lambda): the tiles acted in get trace 1, those of other actions there 0; all learn, then fade.

    alive: int64, the first n_alive are the entries with a trace. change: step size times error. Returns the new n_alive.
    """
    for other in range(entries.shape[0]):
        for k in range(entries.shape[1]):
            entry = entries[other, k]
            if other == action and trace[entry] == 0.0:
                alive[n_alive] = entry
                n_alive += 1
            trace[entry] = 1.0 if other == action else 0.0
    kept = 0
    for i in range(n_alive):
        entry = alive[i]
        weight[entry] += change * trace[entry]
        trace[entry] *= fade
        if trace[entry] >= _SHORTEST:
            alive[kept] = entry
            kept += 1
        else:
            trace[entry] = 0.0
    return kept
