"""Environments by name: an id of Gymnasium's registry, also of a module that registers it, or a class that is not registered.

FrozenLake-v1           an id
mine:Lamp-v0            the id Lamp-v0, which the module `mine` registers
mine:Lamp               the class (or function) Lamp in the module `mine`, registered or not
"""

import importlib
import inspect
import sys
from dataclasses import replace
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from marketic.errors import InputError

FAILURES = (
    ImportError, TypeError, AssertionError, AttributeError, ValueError, LookupError, OverflowError, MemoryError,
    RuntimeError, OSError, SyntaxError, NameError,
)  # fmt: skip
"""Gymnasium's checker raises some of these, constructors of environments and slips in a user's own file the others."""
VECTOR_ARGUMENTS = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers")
"""What `gymnasium.make_vec` notes in a spec beside the environment's own arguments."""


def open_env(env: Any, env_options: dict[str, Any] | None = None) -> Any:
    """The environment behind a name (or `env` itself). env_options: keyword arguments for its constructor.

    Raises InputError for a name behind which there is none, and for an environment without spaces.
    """
    if not isinstance(env, str):
        if env_options:
            raise InputError("env_options= goes with an environment's id, not with an environment")
        if not isinstance(env, gym.Env | gym.vector.VectorEnv):
            hint = "; call it, and pass what it returns" if callable(env) else ""
            raise InputError(
                f"env={env!r}: wanted the id of an environment, module:Name, a gymnasium.Env or a VectorEnv{hint}"
            )
        return with_spaces(env)
    options = env_options or {}
    if not isinstance(options, dict):
        raise InputError(
            f"env_options={options!r}: wanted a dict of keyword arguments, e.g. {{'render_mode': 'rgb_array'}}"
        )
    try:
        return with_spaces(gym.make(_known(env), **options))
    except gym.error.Error as error:
        raise InputError(f"cannot make environment {env!r}: {_missing(env)}{str(error).strip()}") from None
    except InputError:
        raise
    except FAILURES as error:
        given = f" with {options}" if options else ""
        raise InputError(f"cannot make environment {env!r}{given}: {_told(error)}") from error


def open_copies(env: str, copies: int, env_options: dict[str, Any]) -> gym.vector.VectorEnv:
    """Several of them side by side, as a vector environment. Raises InputError as `open_env` does."""
    try:
        return gym.make_vec(_known(env), num_envs=copies, **env_options)
    except InputError:
        raise
    except gym.error.Error as error:
        raise InputError(f"cannot make {copies} copies of {env!r}: {_missing(env)}{str(error).strip()}") from None
    except FAILURES as error:
        raise InputError(f"cannot make {copies} copies of {env!r}: {_told(error)}") from error


def make_again(spec: EnvSpec, **options: Any) -> gym.Env:
    """A single environment from the spec of one that was made, single or vector; not drawn, unless `options` say so."""
    given = dict(spec.kwargs or {})
    limit = given.pop("max_episode_steps", spec.max_episode_steps)  # where some vector environments keep it
    kept = {name: value for name, value in given.items() if name not in (*VECTOR_ARGUMENTS, "render_mode")}
    env = gym.make(replace(spec, kwargs={**kept, **options}, max_episode_steps=limit))
    for wrapper in given.get("wrappers") or ():  # of make_vec: functions of an environment
        env = wrapper(env)
    return env


def with_spaces(env: Any) -> Any:
    """`env` itself. Raises InputError if a Gymnasium environment has no spaces, or takes no seed."""
    single = "single_" if isinstance(env, gym.vector.VectorEnv) else ""
    for name in ("observation_space", "action_space"):
        if isinstance(env, gym.Env | gym.vector.VectorEnv):
            space = getattr(env, single + name, None)
            if not isinstance(space, gym.Space):
                raise InputError(
                    f"{type(env.unwrapped).__name__} has {name} {space!r}: wanted a gymnasium.Space; set self.{name} in "
                    "__init__, e.g. to gymnasium.spaces.Discrete(4)"
                )
    if not _takes_seed(env):
        raise InputError(
            f"{type(env).__name__}.reset takes no seed: wanted reset(self, *, seed=None, options=None), which calls "
            "super().reset(seed=seed) and draws from self.np_random; see gymnasium.Env.reset"
        )
    return env


def _takes_seed(env: Any) -> bool:
    """Whether `env.reset(seed=...)` is understood, as far as its signature tells."""
    try:
        taken = inspect.signature(env.reset).parameters
    except (TypeError, ValueError, AttributeError):  # written in C, or no environment at all
        return True
    return "seed" in taken or any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values())


def _known(name: str) -> str | EnvSpec:
    """What Gymnasium makes for a name: an id as it stands, and a spec for module:Name that nobody registered."""
    if name.startswith("marketic/"):
        return f"marketic.envs:{name}"  # the module that registers ours
    module, colon, part = name.partition(":")
    if not colon or "/" in part or not part.isidentifier():
        return name
    found = getattr(importlib.import_module(module), part, None)
    if part in gym.registry or not callable(found):
        return name
    return EnvSpec(name, entry_point=f"{module}:{part}")


def _missing(name: str) -> str:
    """What a module lacks behind module:Name: Gymnasium looks among ids only, and proposes other ones."""
    module, _, part = name.partition(":")
    if not part.isidentifier() or module not in sys.modules:
        return ""
    return f"{module} has no class or function {part!r}, nor an id of that name: "


def _told(error: BaseException) -> str:
    """An error's text, with its kind where that is a word only, such as the missing key of a KeyError."""
    text = str(error).strip()
    return text if " " in text else f"{type(error).__name__} {text}".strip()
