"""Which environments have a compiled twin, and which wrappers it can stand in for."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
from gymnasium.envs.classic_control import AcrobotEnv, CartPoleEnv, MountainCarEnv
from gymnasium.envs.toy_text import CliffWalkingEnv, FrozenLakeEnv, TaxiEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from marketic.dynamics import Dynamics
from marketic.envs.classic_dynamics import acrobot, cart_pole, mountain_car
from marketic.envs.table_dynamics import from_table
from marketic.errors import InputError

TWINS: dict[type, Callable[[Any, int], Dynamics]] = {
    CartPoleEnv: cart_pole,
    MountainCarEnv: mountain_car,
    AcrobotEnv: acrobot,
    FrozenLakeEnv: from_table,
    CliffWalkingEnv: from_table,
    TaxiEnv: from_table,
}
"""Environment classes (not their subclasses, which may do something else) and how to build their twins."""


def twin_of(env: Any) -> Dynamics:
    """The compiled twin of a Gymnasium environment, with its time limit.

    Raises InputError, naming what stands in the way, if the environment or one of its wrappers has none.
    """
    given, time_limit = env, 0
    while isinstance(env, gym.Wrapper):
        if type(env) is TimeLimit:
            time_limit = min(time_limit or env._max_episode_steps, env._max_episode_steps)
        elif type(env) not in (OrderEnforcing, PassiveEnvChecker):
            raise InputError(
                f"compiled=True: the wrapper {type(env).__name__} of {given} has no compiled twin; leave out compiled=True"
            )
        env = env.env
    build = TWINS.get(type(env))
    if build is None:
        names = ", ".join(kind.__name__ for kind in TWINS)
        raise InputError(
            f"compiled=True: {type(env).__name__} has no compiled twin; wanted one of {names}, "
            "or compiled=Dynamics(...) of your own"
        )
    if getattr(env, "render_mode", None) is not None:
        raise InputError(
            f"compiled=True: {given} renders (render_mode={env.render_mode!r}), and a compiled twin does not"
        )
    return build(env, time_limit)
