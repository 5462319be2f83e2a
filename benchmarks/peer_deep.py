"""Peers with neural networks: PPO, DQN and SAC of Stable-Baselines3, with the settings of RL Baselines3 Zoo.

Environments come from `make_vec_env`, normalised where the zoo normalises them; torch runs on one thread of the CPU.
Needs `pip install 'marketic[peers]'`.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from marketic.benchmarks.peer_recipes import RECIPES
from marketic.errors import InputError


class Deep:
    """One algorithm of Stable-Baselines3 on one task. Raises InputError without Stable-Baselines3, or for an unknown recipe."""

    def __init__(self, algorithm: str, env_id: str, seed: int) -> None:
        if (algorithm, env_id) not in RECIPES:
            known = ", ".join(f"{one} on {task}" for one, task in RECIPES)
            raise InputError(f"no settings for {algorithm} on {env_id}: wanted one of {known}")
        library = stable_baselines()
        from stable_baselines3.common.env_util import make_vec_env
        from stable_baselines3.common.vec_env import VecNormalize

        recipe = copy.deepcopy(RECIPES[algorithm, env_id])  # the library writes into its policy's settings
        self.steps = recipe.pop("n_timesteps")
        """Environment steps that the recipe trains for: where its schedules end."""
        self.env = make_vec_env(env_id, n_envs=recipe.pop("n_envs", 1), seed=seed)
        if recipe.pop("normalize", False):
            self.env = VecNormalize(self.env, gamma=recipe["gamma"])
        recipe = {name: schedule(value) for name, value in recipe.items()}
        self.model = getattr(library, algorithm)("MlpPolicy", self.env, seed=seed, device="cpu", **recipe)

    def predict(self, observations: np.ndarray) -> np.ndarray:
        """Greedy actions, [n, ...], for observations as the task gives them, [n, D]."""
        if hasattr(self.env, "normalize_obs"):
            observations = self.env.normalize_obs(observations)
        return self.model.predict(observations, deterministic=True)[0]

    def learn(self, steps: int, seen: Callable[[int], bool]) -> None:
        """Train for the recipe's steps, its schedules' length; `seen(steps so far)` may say True to stop. `steps`: at most."""

        def on_step(local: dict[str, Any], _: dict[str, Any]) -> bool:
            now = local["self"].num_timesteps
            return not seen(now) and now < steps

        self.model.learn(self.steps, callback=on_step)


def stable_baselines() -> Any:
    """The library, with torch on one thread. Raises InputError if it is not installed."""
    try:
        import stable_baselines3
        import torch
    except ImportError as error:
        raise InputError(f"this needs Stable-Baselines3 ({error}): pip install 'marketic[peers]'") from error
    torch.set_num_threads(1)
    return stable_baselines3


def schedule(value: Any) -> Any:
    """A setting as Stable-Baselines3 takes it: "lin_x" is x times the share of training that is left, others as they are."""
    if not isinstance(value, str):
        return value
    start = float(value.removeprefix("lin_"))
    return lambda left: left * start
