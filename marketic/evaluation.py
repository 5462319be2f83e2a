"""Playing without learning: returns of whole episodes, in an environment of its own."""

import copy
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from marketic.errors import InputError

if TYPE_CHECKING:
    from marketic.market import Market

_VECTOR_ARGUMENTS = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers")


def evaluation_env(env: Any) -> gym.Env:
    """A fresh single environment like the market's own, so that evaluating does not disturb its training episodes.

    Raises InputError if the environment has no spec and cannot be copied; pass `env=` then.
    """
    spec = getattr(env, "spec", None)
    if spec is not None:
        if isinstance(env, gym.Env):
            return gym.make(spec)
        kwargs = {k: v for k, v in (spec.kwargs or {}).items() if k not in _VECTOR_ARGUMENTS}
        return gym.make(spec.id, **kwargs)
    if not isinstance(env, gym.Env):
        raise InputError("this vector environment has no spec to make a single one from: pass env= to evaluate in")
    try:
        return copy.deepcopy(env)
    except Exception as error:
        raise InputError(f"{env} has no spec and cannot be copied ({error}): pass env= to evaluate in") from None


def evaluate(
    market: "Market", episodes: int, *, seed: int = 0, env: Any = None, deterministic: bool = True
) -> np.ndarray:
    """Undiscounted returns of `episodes` >= 1 episodes, float64 [episodes]; episode i is reset with seed + i.

    Neither agents nor ledger change. With `deterministic=False` the mechanism's draws are taken from its stream.
    """
    if episodes < 1:
        raise InputError(f"evaluate(episodes={episodes}): wanted a number >= 1")
    own = env is None
    arena = evaluation_env(market.env) if own else env
    returns = np.zeros(episodes)
    try:
        for episode in range(episodes):
            observation, _ = arena.reset(seed=seed + episode)
            ended = False
            while not ended:
                action, _ = market.predict(observation, deterministic=deterministic)
                observation, reward, terminated, truncated, _ = arena.step(action)
                returns[episode] += float(reward)
                ended = terminated or truncated
    finally:
        if own:
            arena.close()
    return returns
