"""One face for single and vector environments: rows of encoded observations in, rows of action numbers out."""

from typing import Any

import gymnasium as gym
import numpy as np

from marketic.environments import with_spaces
from marketic.errors import InputError
from marketic.goods import Goods


class World:
    """A Gymnasium environment as the market sees it: `rows` copies, each with `rights` action components.

    The arrays `observation`, `final` and `reward` stay where they are. After `step`: `observation` float64 [rows, D] is where
    the next auctions are held; `reward` float64 [rows], `terminated`, `truncated` bool [rows]; `final` float64 [rows, D], where
    the ended episodes ended; `resting` bool [rows]: rows whose environment is between episodes (Gymnasium's NEXT_STEP
    autoreset), which sit the next round out; `rests` says whether there are any. `part_rewards` float64 [rows, rights]: each
    right's part of the reward where the environment tells it in `info` (see `marketic.factoring`), else None.
    """

    rows, rests = 1, False

    def __init__(self, env: Any, action_bins: int | None = None) -> None:
        self.env = env
        observation = getattr(env, "single_observation_space", env.observation_space)
        action = getattr(env, "single_action_space", env.action_space)
        self.goods = Goods.from_space(observation)
        self.rights = Goods.from_space(action, rival=True, action_bins=action_bins)
        self._several = len(self.rights) > 1
        self.low = np.array([good.low if good.size else -np.inf for good in self.goods])
        self.high = np.array([good.high if good.size else np.inf for good in self.goods])
        self.reward = np.zeros(self.rows)
        self.terminated = np.zeros(self.rows, dtype=bool)
        self.truncated = np.zeros(self.rows, dtype=bool)
        self.resting = np.zeros(self.rows, dtype=bool)
        self.ended = False
        self.part_rewards: np.ndarray | None = None
        self.observation, self.final = np.zeros((2, self.rows, len(self.goods)))

    def reset(self, seed: int | None = None) -> None:
        """Start new episodes in every row."""
        self._encode(first_of(self.env.reset(seed=seed)), self.observation)
        self.ended = False

    def step(self, actions: np.ndarray) -> None:
        """Act with action numbers int64 [rows * rights], copy by copy. Starts a new episode where one ended."""
        answer = self.env.step(self.rights.decode(actions))
        try:
            observation, reward, terminated, truncated, info = answer
            self.goods.encode_into(observation, self.observation[0])
            self.reward[0] = reward
            if self._several:
                self._take_part_rewards(info)
            terminated, truncated = bool(terminated), bool(truncated)
        except InputError:  # an observation that is no value of the space
            raise
        except (TypeError, ValueError, OverflowError):
            raise wrong_answer(answer) from None
        if terminated or truncated:
            self.ended = True
            self.terminated[0], self.truncated[0] = terminated, truncated and not terminated
            self.final[:] = self.observation
            self._encode(first_of(self.env.reset()), self.observation)

    def _encode(self, observation: Any, rows: np.ndarray) -> None:
        """Write an observation of every copy to `rows`, float64 [rows, D]."""
        self.goods.encode_into(observation, rows[0])

    def _take_part_rewards(self, info: dict[str, Any]) -> None:
        """Note which right earned how much, if `info` says so. Raises InputError if that does not add up to the reward."""
        self.part_rewards = None
        if "part_rewards" not in info:
            return
        told = np.asarray(info["part_rewards"], dtype=float)
        if told.size != self.rows * len(self.rights):
            raise InputError(
                f"info['part_rewards'] has shape {told.shape}: wanted {len(self.rights)} numbers, one per action component"
            )
        self.part_rewards = told.reshape(self.rows, len(self.rights))
        off = np.abs(self.part_rewards.sum(axis=1) - self.reward)
        if (off > 1e-6 * (1.0 + np.abs(self.part_rewards).sum(axis=1))).any():
            raise InputError(
                f"info['part_rewards'] adds up to {self.part_rewards.sum(axis=1).tolist()}, but the reward is "
                f"{self.reward.tolist()}: wanted every part of the reward, and nothing else"
            )


class VectorWorld(World):
    """A Gymnasium vector environment, in any of its three autoreset modes."""

    def __init__(self, env: gym.vector.VectorEnv, action_bins: int | None = None) -> None:
        self.rows = env.num_envs
        super().__init__(env, action_bins)
        self.mode = env.metadata.get("autoreset_mode", gym.vector.AutoresetMode.NEXT_STEP)
        self._nobody = self.resting
        self._batch: Any = gym.vector.utils.create_empty_array(env.single_action_space, self.rows)

    def reset(self, seed: int | None = None) -> None:
        """Start new episodes in every row."""
        super().reset(seed)
        self.resting, self.rests = self._nobody, False

    def step(self, actions: np.ndarray) -> None:
        """Act in every row; rows at rest are reset by the environment and ignore their action."""
        answer = self.env.step(self._batched(actions))
        if not isinstance(answer, tuple) or len(answer) != 5:
            raise wrong_answer(answer)
        observation, reward, terminated, truncated, info = answer
        self._encode(observation, self.observation)
        try:
            self.reward[:] = np.asarray(reward, dtype=float)
            self.terminated[:] = np.asarray(terminated, dtype=bool)
            self.truncated[:] = np.asarray(truncated, dtype=bool)
        except (TypeError, ValueError, OverflowError):
            raise wrong_answer(answer) from None
        if self.rests:
            self.reward[self.resting] = 0.0
            self.terminated &= ~self.resting
            self.truncated &= ~self.resting
            self.resting, self.rests = self._nobody, False
        if self._several:
            self._take_part_rewards(info)
        self.truncated &= ~self.terminated
        done = self.terminated | self.truncated
        self.ended = bool(done.any())
        if not self.ended:
            return
        self.final[:] = self.observation
        if self.mode == gym.vector.AutoresetMode.NEXT_STEP:
            self.resting, self.rests = done, True
        elif self.mode == gym.vector.AutoresetMode.SAME_STEP:
            self._take_final_observations(info, done)
        else:
            self._encode(first_of(self.env.reset(options={"reset_mask": done})), self.observation)

    def _take_final_observations(self, info: dict[str, Any], done: np.ndarray) -> None:
        if "final_obs" not in info:
            raise InputError("vector env in SAME_STEP autoreset mode gave no info['final_obs'] at an episode's end")
        for row in np.flatnonzero(done).tolist():
            self.final[row] = self.goods.encode(_row(info["final_obs"], row))

    def _batched(self, actions: np.ndarray) -> Any:
        if self.rights._start is not None:
            return actions + self.rights._start
        values = [self.rights.decode(row) for row in actions.reshape(self.rows, -1)]
        return gym.vector.utils.concatenate(self.env.single_action_space, values, self._batch)

    def _encode(self, observation: Any, rows: np.ndarray) -> None:
        self.goods.encode_rows_into(observation, rows)


def _row(batch: Any, row: int) -> Any:
    """One row of a batched value, whatever its nesting."""
    if isinstance(batch, dict):
        return {key: _row(part, row) for key, part in batch.items()}
    if isinstance(batch, tuple):
        return tuple(_row(part, row) for part in batch)
    return batch[row]


def first_of(answer: Any) -> Any:
    """The observation that `reset` returned."""
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], dict):
        raise InputError(
            f"the environment's reset returned {answer!r}: wanted (observation, info), info a dict; see gymnasium.Env.reset"
        )
    return answer[0]


def wrong_answer(answer: Any) -> InputError:
    """The error for what is no answer of `step`."""
    return InputError(
        f"the environment's step returned {answer!r}: wanted (observation, reward, terminated, truncated, info) with a number "
        "as reward; see gymnasium.Env.step"
    )


def open_world(env: Any, action_bins: int | None = None) -> World:
    """The world for a Gymnasium environment, single or vector. Raises InputError for anything else."""
    if isinstance(env, gym.vector.VectorEnv):
        return VectorWorld(with_spaces(env), action_bins)
    if isinstance(env, gym.Env):
        return World(with_spaces(env), action_bins)
    raise InputError(f"env {env!r} is a {type(env).__name__}: wanted a gymnasium.Env or gymnasium.vector.VectorEnv")
