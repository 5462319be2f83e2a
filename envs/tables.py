"""Tasks whose transitions are written in a table (Gymnasium's toy-text `P`): exact values of policies, and the best ones.

With S states and A actions, `P[s][a]` lists (probability, next state, reward, terminated). The value of a policy is the
expected discounted return from the start distribution, with no time limit (Puterman 1994, theorem 6.2.5).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from marketic.errors import InputError


@dataclass(frozen=True)
class TransitionTable:
    """A finite task as arrays.

    chance: sparse [S * A, S], probability of going on to each state (0 where the episode terminates), row s * A + a.
    reward: float64 [S, A], expected reward, currency.   start: float64 [S], distribution of the first state.
    """

    chance: sparse.csr_array
    reward: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, env: Any) -> "TransitionTable":
        """The table of a Gymnasium toy-text environment. Raises InputError if it has none."""
        table = getattr(env.unwrapped, "P", None)
        if table is None:
            raise InputError(f"{env} has no transition table P: wanted a toy-text task, e.g. FrozenLake-v1")
        states, actions = len(table), len(table[0])
        reward = np.zeros((states, actions))
        rows, columns, chances = [], [], []
        for s in range(states):
            for a in range(actions):
                for probability, following, gain, terminated in table[s][a]:
                    reward[s, a] += probability * gain
                    if not terminated:
                        rows.append(s * actions + a)
                        columns.append(int(following))
                        chances.append(probability)
        chance = sparse.csr_array((chances, (rows, columns)), shape=(states * actions, states))
        return cls(chance, reward, np.asarray(env.unwrapped.initial_state_distrib, dtype=float))

    def policy_value(self, policy: np.ndarray, discount: float) -> float:
        """Value of a deterministic policy, int [S], for discount in [0, 1)."""
        states, actions = self.reward.shape
        chosen = np.arange(states) * actions + policy
        matrix = sparse.eye_array(states) - discount * self.chance[chosen]
        value = spsolve(matrix.tocsc(), self.reward[np.arange(states), policy])
        return float(self.start @ value)

    def optimal_values(self, discount: float, tolerance: float = 1e-10) -> np.ndarray:
        """V*, float64 [S], by value iteration. tolerance: relative to the largest value or reward, up to rounding."""
        states, actions = self.reward.shape
        value, reward = np.zeros(states), float(np.abs(self.reward).max())
        stop = max(tolerance * (1.0 - discount), 4.0 * float(np.finfo(float).eps))
        while True:
            better = (self.reward + discount * (self.chance @ value).reshape(states, actions)).max(axis=1)
            if np.abs(better - value).max() <= stop * max(reward, float(np.abs(better).max())):
                return better
            value = better

    def optimal_value(self, discount: float) -> float:
        """V* at the start distribution, currency."""
        return float(self.start @ self.optimal_values(discount))
