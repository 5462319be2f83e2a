"""A peer for tasks of finitely many states: tabular Q-learning (Watkins 1989).

    Q[s, a] += step * (reward + discount * max_b Q[s', b] - Q[s, a])

Exploration is by optimistic first values, by a random move now and then, or by moving at random altogether: what each
task's settings say (see `marketic.benchmarks.peers`). One entry of the table is one lookup, so it is plain Python.
"""

from collections.abc import Callable
from dataclasses import dataclass

import gymnasium as gym
import numpy as np


@dataclass(frozen=True)
class QSettings:
    """discount: in (0, 1]. random: chance of a random move, in [0, 1]. first: Q at the start, currency.

    memory, floor: the step size at the n-th visit of an entry is max(memory / (memory - 1 + n), floor); memory None: 1.
    """

    discount: float = 1.0
    random: float = 0.0
    first: float = 0.0
    memory: float | None = None
    floor: float = 0.0


class QLearning:
    """Q-learning on a task with Discrete observations and actions. `q`: float64 [S, A]."""

    def __init__(self, env_id: str, settings: QSettings, seed: int) -> None:
        self.env, self.settings, self.seed = gym.make(env_id), settings, seed
        self.rng = np.random.default_rng(seed)
        states, self.actions = int(self.env.observation_space.n), int(self.env.action_space.n)  # type: ignore[attr-defined]
        self.q = np.full((states, self.actions), settings.first)
        self.visits = np.zeros((states, self.actions))

    def predict(self, observations: np.ndarray) -> np.ndarray:
        """Greedy actions, int64 [n], for states, int [n]; the first of equals."""
        return self.q[np.asarray(observations, dtype=np.int64)].argmax(axis=1)

    def learn(self, steps: int, seen: Callable[[int], bool]) -> None:
        """Take `steps` steps; after each, `seen(steps so far)` may say True to stop."""
        state, _ = self.env.reset(seed=self.seed)
        for step in range(1, steps + 1):
            action = self._move(state)
            following, reward, terminated, truncated, _ = self.env.step(action)
            self._update(state, action, float(reward), following, terminated)
            state = self.env.reset()[0] if terminated or truncated else following
            if seen(step):
                return

    def _move(self, state: int) -> int:
        """A greedy move, equals by lot; or, as often as the settings say, any."""
        if self.settings.random > 0 and self.rng.random() < self.settings.random:
            return int(self.rng.integers(self.actions))
        best = np.flatnonzero(self.q[state] == self.q[state].max())
        return int(best[0] if len(best) == 1 else self.rng.choice(best))

    def _update(self, state: int, action: int, reward: float, following: int, terminated: bool) -> None:
        settings = self.settings
        self.visits[state, action] += 1
        rate = 1.0
        if settings.memory is not None:
            rate = max(settings.memory / (settings.memory - 1 + self.visits[state, action]), settings.floor)
        target = reward if terminated else reward + settings.discount * float(self.q[following].max())
        self.q[state, action] += rate * (target - self.q[state, action])
