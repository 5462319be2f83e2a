"""What a market was made of, as plain data: the `config` that market files and run folders keep.

A config is complete: it names the family, the auction, the chain's terms and every option, so that it does not depend
on the table of presets. Keys: env, env_options, agents, mechanism, seed, options, and `objects`: the names of parts
that are objects of the user's own and must be passed again to `marketic.load`.
"""

from typing import Any

import gymnasium as gym

from marketic.chain import Chain
from marketic.environments import VECTOR_ARGUMENTS
from marketic.errors import InputError
from marketic.options import NotData, address, plain
from marketic.registry import names


def describe(
    env: Any, env_options: dict[str, Any] | None, family: Any, chain: Chain, named: Any, options: dict[str, Any]
) -> dict[str, Any]:
    """The config of a market (without its seed).

    env: as given to `make`. family: a name, class or population. named: the mechanism's name, if it was given by name.
    options: everything else, the chain's terms apart.
    """
    objects: list[str] = []
    identifier, env_options = _environment(env, env_options)
    if identifier is None:
        objects.append("env")
    agents = family if isinstance(family, str) else _name(family)
    if agents is None:
        objects.append("population")
    mechanism = named if isinstance(named, str) else _mechanism(chain.mechanism)
    if mechanism is None:
        objects.append("mechanism")
    data: dict[str, Any] = {"discount": chain.discount, "royalty": chain.royalty, "credit": chain.credit}
    for name, value in options.items():
        try:
            data[name] = plain(value)
        except NotData:
            objects.append(name)
    return {
        "env": identifier,
        "env_options": env_options,
        "agents": agents,
        "mechanism": mechanism,
        "options": {name: value for name, value in data.items() if value is not None},
        "objects": objects,
    }


def _name(part: Any) -> str | None:
    """A class's or function's installed name or "module:Name"; None for anything else, such as a population."""
    try:
        return address(part) if callable(part) else None
    except NotData:
        return None


def _mechanism(mechanism: Any) -> Any:
    try:
        kind = type(mechanism)
        for name, home in names("mechanisms").items():  # the short name, if it stands for this class without arguments
            if home == f"{kind.__module__}:{kind.__qualname__}" and vars(mechanism) == vars(kind()):
                return name
        return plain(mechanism)
    except (InputError, ImportError, AttributeError, TypeError):
        return None


def _environment(env: Any, env_options: dict[str, Any] | None) -> tuple[str | None, dict[str, Any]]:
    """The id and options that `gymnasium.make` needs; (None, {}) for an environment that it cannot make again."""
    try:
        if isinstance(env, str):
            return env, plain(env_options or {})
        spec = getattr(env, "spec", None)
        if spec is None or spec.additional_wrappers or isinstance(env, gym.vector.VectorWrapper):
            return None, {}
        if (spec.kwargs or {}).get("wrappers"):  # of make_vec
            return None, {}
        kwargs = {key: value for key, value in (spec.kwargs or {}).items() if key not in VECTOR_ARGUMENTS}
        limit = gym.spec(spec.id).max_episode_steps
        if spec.max_episode_steps != limit and isinstance(env, gym.Env):
            kwargs["max_episode_steps"] = -1 if spec.max_episode_steps is None else spec.max_episode_steps
        return spec.id, plain(kwargs)
    except (NotData, gym.error.Error):
        return None, {}


def check_objects(config: dict[str, Any], given: dict[str, Any]) -> None:
    """Raise InputError if a part of the market is an object of the user's own and was not passed."""
    missing = [name for name in config.get("objects", []) if given.get(name) is None]
    if missing:
        wanted = ", ".join(f"{name}=" for name in missing)
        raise InputError(
            f"this market was built from objects of your own ({', '.join(missing)}): pass {wanted} to load"
        )
