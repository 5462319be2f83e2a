"""The three small tasks on which Chang et al. (2020) compare auctions: a bandit, a chain of states, and a duality.

Their transitions are written in a table `P[s][a]` of (probability, next state, reward, terminated), as in Gymnasium's
toy-text tasks, so that `marketic.envs.tables.TransitionTable` gives the best policy and its value exactly. Numbers as in the
authors' released configuration (mbchang/decentralized-rl), registered with its time limits.
"""

from typing import Any

import gymnasium as gym
import numpy as np

from marketic.errors import InputError
from marketic.numbers import all_finite, currency, flag, whole

MOST_STATES = 4096
"""Most states and actions: their chances are a table of states times states."""

Outcomes = list[tuple[float, int, float, bool]]


class TableTask(gym.Env):
    """A task that steps by a table. Every episode begins in state 0.

    table:   P[s][a], a list of (probability, next state, reward in currency, terminated), S states and A actions.
    one_hot: observe the state as float64 [S] with a single 1 instead of as its number.
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, table: dict[int, dict[int, Outcomes]], *, one_hot: bool = False) -> None:
        self.P, self.one_hot, self.render_mode = table, flag(f"{type(self).__name__}: one_hot", one_hot), None
        self.initial_state_distrib = np.eye(len(table))[0]
        self.action_space = gym.spaces.Discrete(len(table[0]))
        states = len(table)
        self.observation_space: gym.Space = (
            gym.spaces.Box(0.0, 1.0, (states,), np.float64) if one_hot else gym.spaces.Discrete(states)
        )
        self._state = 0

    def _observe(self) -> Any:
        return np.eye(len(self.P))[self._state] if self.one_hot else self._state

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        """Go to state 0."""
        super().reset(seed=seed)
        self._state = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """One row of the table. Raises InputError for an action that is not there."""
        if not self.action_space.contains(action):
            raise InputError(f"{type(self).__name__}.step({action!r}): wanted an action of {self.action_space}")
        outcomes = self.P[self._state][int(action)]
        odds = np.cumsum([probability for probability, *_ in outcomes])
        chosen = int((odds <= self.np_random.random()).sum()) if len(outcomes) > 1 else 0
        _, self._state, reward, terminated = outcomes[min(chosen, len(outcomes) - 1)]
        return self._observe(), reward, terminated, False, {}


class Bandit(TableTask):
    """One state, one step: arm k of `arms` pays (k + 1) / (arms + 1); with `noisy`, 1 with that probability, else nothing."""

    def __init__(self, arms: int = 4, *, noisy: bool = False, one_hot: bool = False) -> None:
        if not all_finite(arms) or arms < 1:
            raise InputError(f"Bandit(arms={arms}): wanted at least one")
        arms, noisy = whole("Bandit: arms", arms, 1, MOST_STATES), flag("Bandit: noisy", noisy)
        pays = [(arm + 1) / (arms + 1) for arm in range(arms)]
        table: dict[int, Outcomes] = {
            arm: [(p, 0, 1.0, True), (1.0 - p, 0, 0.0, True)] if noisy else [(1.0, 0, p, True)]
            for arm, p in enumerate(pays)
        }
        super().__init__({0: table}, one_hot=one_hot)


class Chain(TableTask):
    """`length` states in a row; action 0 steps left, 1 right. Whoever steps on the last one earns `goal`, and it is over."""

    def __init__(self, length: int = 6, *, goal: float = 0.8, one_hot: bool = False) -> None:
        if not all_finite(length) or length < 2:
            raise InputError(f"Chain(length={length}): wanted at least two states")
        length, goal = whole("Chain: length", length, 2, MOST_STATES), currency("Chain: goal", goal)
        last = length - 1
        table: dict[int, dict[int, Outcomes]] = {
            s: {
                0: [(1.0, max(s - 1, 0), 0.0, False)],
                1: [(1.0, s + 1, goal if s + 1 == last else 0.0, s + 1 == last)],
            }
            for s in range(last)
        }
        table[last] = {0: [(1.0, last, 0.0, True)], 1: [(1.0, last, 0.0, True)]}
        super().__init__(table, one_hot=one_hot)


class Duality(TableTask):
    """Two states that must hand each other on: passing earns `big`, staying `small`, quitting `absorbing` forever.

    State 0: action 0 quits (0 now, then `absorbing` at every step in state 2), action 1 passes to state 1. State 1: action 0
    passes back to state 0, action 1 stays. Each state has one good action only, so the second bid there says little of what
    the state is worth: the task was made to mislead auctions without clones.
    """

    def __init__(self, big: float = 0.5, small: float = 0.3, absorbing: float = -1.0, *, one_hot: bool = False) -> None:
        for name, given in (("big", big), ("small", small), ("absorbing", absorbing)):
            currency(f"Duality: {name}", given)
        table: dict[int, dict[int, Outcomes]] = {
            0: {0: [(1.0, 2, 0.0, False)], 1: [(1.0, 1, big, False)]},
            1: {0: [(1.0, 0, big, False)], 1: [(1.0, 1, small, False)]},
            2: {0: [(1.0, 2, absorbing, False)], 1: [(1.0, 2, absorbing, False)]},
        }
        super().__init__(table, one_hot=one_hot)
