"""The front door: `make` builds a market for a task, from a table of tuned presets or else from the task's spaces."""

import inspect
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.chain import Chain
from marketic.dynamics import Dynamics
from marketic.environments import open_env
from marketic.errors import InputError
from marketic.exploration import Novices
from marketic.goods import Goods
from marketic.market import Market
from marketic.market_config import check_objects, describe
from marketic.numbers import all_finite
from marketic.option_names import check_names
from marketic.options import read_options, read_tagged
from marketic.preset_table import PRESETS, preset_for
from marketic.registry import built, resolve
from marketic.side_by_side import SideBySide
from marketic.streams import Streams

_PARTS = ("action_bins", "compiled", "novices")
_TERMS = ("discount", "royalty", "credit")


def make(
    env: str | gym.Env | gym.vector.VectorEnv,
    *,
    agents: Any = None,
    mechanism: Any = None,
    seed: int | None = None,
    env_options: dict[str, Any] | None = None,
    preset: str | None = None,
    **options: Any,
) -> Market:
    """A market for a task: a tuned preset for known ids, a sound default chosen from the spaces for any other.

    env:       an id, "module:Name", or a Gymnasium environment, single or vector (see `marketic.environments`).
    agents:    a family's name (`marketic list agents`), "module:Name", a class with `for_spaces`, or a population.
    mechanism: an auction's name (`marketic list mechanisms`), "module:Name", a mechanism or a `Chain`.
    seed:      int >= 0; None draws one.
    env_options: keyword arguments for `gymnasium.make`, when `env` is an id.
    preset:    the id of a task whose tuned settings to use, or "none". Default: the environment's own, unless a wrapper gives
               it another observation space: then the defaults for that.
    options:   `discount`, `royalty`, `credit`, `novices` (a probability or `Novices`), `action_bins`, and the
               family's own (see its class).

    Raises InputError for an unknown id, name or option, and for unsupported spaces.
    """
    world = open_env(env, env_options)
    identifier = getattr(getattr(world, "spec", None), "id", None)  # "CartPole" and "mine:CartPole-v1" are CartPole-v1
    named = agents if agents is None or isinstance(agents, str) else getattr(agents, "__name__", "")
    tuned = identifier if _seen(world) == _seen(getattr(world, "unwrapped", world)) else None
    if not (preset is None or (isinstance(preset, str) and preset in {"none", *PRESETS})):
        raise InputError(
            f"preset={preset!r}: wanted 'none', or the id of a task that has one: {', '.join(sorted(PRESETS))}"
        )
    settings = preset_for(preset or tuned, _observed(world).states, named)
    options = {**settings.options, **options}
    terms = {name: getattr(settings, name) for name in (*_TERMS, "novices") if name not in options}
    action_space = getattr(world, "single_action_space", world.action_space)
    if not _has_real_actions(action_space) and options.get("action_bins") is not None:
        raise InputError(
            f"action_bins={options['action_bins']!r}: actions {action_space} are finite as they are; leave it out"
        )
    if _has_real_actions(action_space) and options.get("action_bins") is None:
        options["action_bins"] = 5
    family = settings.agents if agents is None else agents
    chosen = settings.mechanism if mechanism is None else mechanism
    return _assemble(world, (env, env_options), family, chosen, seed, {**terms, **options})


def rebuild(
    config: dict[str, Any], env: Any = None, population: Any = None, mechanism: Any = None, **options: Any
) -> Market:
    """The market that `make` built from `config` (see `marketic.market_config`), with fresh agents and no presets.

    env: continue in another environment. population, mechanism, options: the parts that are objects of the user's own.

    Raises InputError if one of those is missing.
    """
    if not config:
        raise InputError("this market was built with Market(...): pass env=, population= and mechanism= to load")
    check_objects(config, {"env": env, "population": population, "mechanism": mechanism, **options})
    world = open_env(config["env"], config.get("env_options")) if env is None else open_env(env)
    family = config["agents"] if population is None else population
    chosen = config["mechanism"] if mechanism is None else mechanism
    named = (config["env"] or env, config.get("env_options"))
    return _assemble(world, named, family, chosen, config["seed"], {**config.get("options", {}), **options})


def _assemble(
    world: Any, named: tuple[Any, Any], family: Any, mechanism: Any, seed: int | None, options: dict[str, Any]
) -> Market:
    """A market from parts that are all chosen by now. named: the environment as given to `make`, and its options."""
    given, options = read_options(options), read_options(options)
    streams = Streams(seed)
    chain = _chain(mechanism, {name: options.pop(name) for name in _TERMS if name in options})
    novices = _novices(options.pop("novices", None))
    action_bins = options.pop("action_bins", None)
    compiled = options.pop("compiled", False)
    action_space = getattr(world, "single_action_space", world.action_space)
    rights = Goods.from_space(action_space, rival=True, action_bins=action_bins)
    population = _population(family, world, rights, streams, options)
    market = Market(
        world,
        population,
        chain,
        novices=novices,
        streams=streams,
        action_bins=action_bins,
        dynamics=_twin(world, compiled),
    )
    described = {name: value for name, value in given.items() if name not in _TERMS}
    described["novices"] = 0.0 if novices is None else novices
    market.config = {**describe(*named, family, chain, mechanism, described), "seed": market.seed}
    return market


def _seen(world: Any) -> gym.Space:
    return getattr(world, "single_observation_space", world.observation_space)


def _observed(world: Any) -> Goods:
    return Goods.from_space(_seen(world))


def _has_real_actions(space: gym.Space) -> bool:
    if isinstance(space, gym.spaces.Tuple):
        return any(_has_real_actions(part) for part in space.spaces)
    if isinstance(space, gym.spaces.Dict):
        return any(_has_real_actions(part) for part in space.spaces.values())
    return isinstance(space, gym.spaces.Box)


def _chain(mechanism: Any, terms: dict[str, Any]) -> Chain:
    if isinstance(mechanism, Chain):
        return mechanism
    if isinstance(mechanism, str):
        mechanism = built("mechanisms", mechanism)
    if isinstance(mechanism, dict):
        mechanism = read_tagged(mechanism)
    try:
        made: Any = mechanism() if inspect.isclass(mechanism) else mechanism
        return made if isinstance(made, Chain) else Chain(made, **terms)
    except TypeError as error:
        raise InputError(f"cannot build a chain of {mechanism!r} with {terms}: {error}") from error


def _twin(world: Any, compiled: Any) -> Dynamics | None:
    """The compiled twin to train in, if that was asked for."""
    if compiled is None or compiled is False or isinstance(compiled, Dynamics):
        return compiled or None
    if compiled is not True:
        raise InputError(f"compiled={compiled!r}: wanted True, False or a marketic.dynamics.Dynamics")
    from marketic.envs.twins import twin_of

    return twin_of(world)


def _novices(given: Any) -> Novices | None:
    if given is None or isinstance(given, Novices):
        return given
    if not isinstance(given, int | float | np.integer | np.floating) or isinstance(given, bool):
        raise InputError(f"novices={given!r}: wanted a probability or marketic.Novices")
    return Novices(float(given) if all_finite(given) else given) if given else None  # type: ignore[arg-type]


def _population(family: Any, world: Any, rights: Goods, streams: Streams, options: dict[str, Any]) -> Any:
    goods = _observed(world)
    if isinstance(family, str):
        family = resolve("agents", family)
    if callable(getattr(family, "bid", None)) and not inspect.isclass(family):
        if options:
            raise InputError(
                f"options {sorted(options)} go with a family's name, not with a population that is built already"
            )
        return family
    build: Callable[..., Any] = getattr(family, "for_spaces", family)
    if not callable(build):
        raise InputError(
            f"agents={family!r}: wanted a family's name, module:Name, a class with for_spaces, or a population"
        )
    check_names(family, options, [*_TERMS, *_PARTS])
    try:
        if hasattr(family, "for_market"):  # it trades in all rights at once
            return family.for_market(world, goods, rights, rng=streams.population, **options)
        parts = [build(goods, int(size), rng=streams.population, **options) for size in rights.sizes]
    except InputError:
        raise
    except MemoryError as error:
        name = getattr(family, "__name__", family)
        raise InputError(f"{name} with {options} does not fit into memory ({error}): choose smaller numbers") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"cannot build {getattr(family, '__name__', family)} with {options}: {error}") from error
    return parts[0] if len(parts) == 1 else SideBySide(parts)
