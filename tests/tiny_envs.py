"""Small environments whose best policy and value everybody can see, and a small agent."""

import gymnasium as gym
import numpy as np


class Walk(gym.Env):
    """`length` states in a row; action 0 steps on, any other one ends the walk with nothing.

    The last step earns `prize`; twice that or nothing, by a fair coin, if `noisy`.
    """

    def __init__(self, length: int = 5, actions: int = 2, prize: float = 1.0, noisy: bool = False) -> None:
        self.length, self.prize, self.noisy, self.state = length, prize, noisy, 0
        self.observation_space = gym.spaces.Discrete(length)
        self.action_space = gym.spaces.Discrete(actions)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = 0
        return 0, {}

    def step(self, action):
        if action != 0:
            return self.state, 0.0, True, False, {}
        self.state += 1
        if self.state == self.length:
            prize = self.prize * 2 * self.np_random.integers(2) if self.noisy else self.prize
            return self.length - 1, float(prize), True, False, {}
        return self.state, 0.0, False, False, {}


class Script(gym.Env):
    """Pays `rewards[t]` at step t whatever one does; ends after the last of them. Observes the time."""

    def __init__(self, rewards) -> None:
        self.rewards, self.time = list(rewards), 0
        self.observation_space = gym.spaces.Discrete(len(self.rewards))
        self.action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return 0, {}

    def step(self, action):
        reward = self.rewards[self.time]
        self.time += 1
        return min(self.time, len(self.rewards) - 1), reward, self.time == len(self.rewards), False, {}


class Match(gym.Env):
    """One step an episode: observe a number, answer with an action; `score(state, action)` is the reward."""

    def __init__(self, states, action_space, score) -> None:
        self.observation_space, self.action_space = gym.spaces.Discrete(states), action_space
        self.score, self.state = score, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = int(self.np_random.integers(self.observation_space.n))
        return self.state, {}

    def step(self, action):
        assert self.action_space.contains(action), f"{action!r} is not in {self.action_space}"
        return self.state, float(self.score(self.state, action)), True, False, {}


class Clockwork(gym.Env):
    """Deterministic in seed and actions; ends by itself when action 1 is taken at state 3, is cut short after 7 steps.

    The observation is [state, time, draw]; the reward is state + action / 4. Terminated and truncated both occur.
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, render_mode=None) -> None:
        self.render_mode = render_mode
        self.observation_space = gym.spaces.Box(-10.0, 10.0, (3,), np.float64)
        self.action_space = gym.spaces.Discrete(2)
        self.state = self.time = 0

    def _observe(self):
        return np.array([self.state, self.time, self.np_random.random()])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state, self.time = 0, 0
        return self._observe(), {}

    def step(self, action):
        reward = self.state + action / 4
        terminated = bool(self.state == 3 and action == 1)
        self.state = (self.state + 1 + int(action)) % 5
        self.time += 1
        return self._observe(), reward, terminated, self.time == 7, {}


class Broken(gym.Env):
    """Answers `answer` (what `step` returns) or `first` (what `reset` returns), whatever it promised."""

    def __init__(self, space, answer=None, first=None, after=0) -> None:
        self.observation_space, self.action_space = space, gym.spaces.Discrete(2)
        self.answer, self.first, self.after, self.steps = answer, first, after, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return (self.observation_space.sample() if self.first is None else self.first), {}

    def step(self, action):
        self.steps += 1
        if self.steps > self.after and self.answer is not None:
            return self.answer
        return self.observation_space.sample(), 1.0, False, False, {}


class Fixed:
    """Bids one amount, takes one action, remembers its trades."""

    def __init__(self, offer=1.0, action=0) -> None:
        self.offer, self.action, self.trades = offer, action, []

    def bid(self, observation):
        return self.offer

    def act(self, observation):
        return self.action

    def learn(self, trade):
        self.trades.append(trade)


class Larger(gym.Env):
    """Pays 1 for saying whether the first of `numbers` random numbers is larger than the second; one step an episode."""

    def __init__(self, numbers=2) -> None:
        self.observation_space = gym.spaces.Box(0.0, 1.0, (numbers,))
        self.action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen = self.np_random.random(self.observation_space.shape).astype(np.float32)
        return self.seen, {}

    def step(self, action):
        return self.seen, float((self.seen[0] > self.seen[1]) == bool(action)), True, False, {}
