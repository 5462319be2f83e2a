"""The front door: `make` builds a market for a task, from a table of tuned presets or, for any other task, from its spaces."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym

from marketic.agents.learning_rate import LearningRate
from marketic.agents.tiles import Tiling
from marketic.chain import Chain
from marketic.errors import InputError
from marketic.exploration import Novices
from marketic.goods import Goods
from marketic.market import Market
from marketic.registry import resolve
from marketic.side_by_side import SideBySide
from marketic.streams import Streams

LARGEST_TABLE = 200_000
"""Tasks with at most this many observations get a table by default."""


@dataclass(frozen=True)
class Preset:
    """How to build a market for a task.

    agents: name of a family. options: keyword arguments of that family. discount, royalty, credit: of the chain.
    mechanism: name of the auction. novices: how often the house sends in a random bidder.
    """

    agents: str
    options: dict[str, Any] = field(default_factory=dict)
    discount: float = 0.99
    royalty: float = 0.0
    credit: str = "bid"
    mechanism: str = "second-price"
    novices: Novices | None = None


PRESETS: dict[str, Preset] = {
    "CartPole-v1": Preset(
        "tiles",
        {
            "low": (-2.4, -3.0, -0.21, -3.0),
            "high": (2.4, 3.0, 0.21, 3.0),
            "tilings": (Tiling((0, 1, 2, 3), (2, 2, 6, 6), 8),),
            "initial_bid": 100.0,
            "learning_rate": LearningRate(0.1),
        },
        royalty=0.8,
    ),
    "FrozenLake-v1": Preset(
        "tabular",
        {"initial_bid": 1.0, "learning_rate": LearningRate(1.0, floor=0.1, visit_exponent=0.5)},
    ),
}
"""Settings found on seeds other than the published ones; see BENCHMARKS.md."""


def make(
    env: str | gym.Env | gym.vector.VectorEnv,
    *,
    agents: Any = None,
    mechanism: Any = None,
    seed: int | None = None,
    env_options: dict[str, Any] | None = None,
    **options: Any,
) -> Market:
    """A market for a task: a tuned preset for known ids, a sound default chosen from the spaces for any other.

    env:       an id, or a Gymnasium environment, single or vector.
    agents:    a family's name (`marketic list agents`), "module:Name", a class with `for_spaces`, or a population.
    mechanism: an auction's name (`marketic list mechanisms`), "module:Name", a mechanism or a `Chain`.
    seed:      int >= 0; None draws one.
    env_options: keyword arguments for `gymnasium.make`, when `env` is an id.
    options:   `discount`, `royalty`, `credit`, `novices` (a probability or `Novices`), `action_bins`, and the
               family's own (see its class).

    Raises InputError for an unknown id, name or option, and for unsupported spaces.
    """
    config = {"env": env if isinstance(env, str) else None, "agents": agents, "mechanism": mechanism,
              "env_options": env_options or {}, "options": dict(options)}  # fmt: skip
    world = open_env(env, env_options)
    identifier = env if isinstance(env, str) else getattr(getattr(world, "spec", None), "id", None)
    action_bins = options.pop("action_bins", None)
    goods = Goods.from_space(getattr(world, "single_observation_space", world.observation_space))
    action_space = getattr(world, "single_action_space", world.action_space)
    if action_bins is None and _has_real_actions(action_space):
        action_bins = 5
    rights = Goods.from_space(action_space, rival=True, action_bins=action_bins)
    preset = _preset_for(identifier, goods, agents)
    streams = Streams(seed)
    chain = _chain(preset, mechanism, options)
    novices = _novices(options.pop("novices", preset.novices))
    family = preset.agents if agents is None else agents
    if agents is None or agents == preset.agents:
        options = {**preset.options, **options}
    population = _population(family, goods, rights, streams, options)
    market = Market(world, population, chain, novices=novices, streams=streams, action_bins=action_bins)
    market.config = {**config, "env": identifier, "seed": market.seed}
    return market


def open_env(env: Any, env_options: dict[str, Any] | None = None) -> Any:
    """The environment behind an id (or `env` itself). Raises InputError for an id that Gymnasium cannot make."""
    if not isinstance(env, str):
        if env_options:
            raise InputError("env_options= goes with an environment's id, not with an environment")
        return env
    try:
        return gym.make(env, **(env_options or {}))
    except gym.error.Error as error:
        raise InputError(f"cannot make environment {env!r}: {str(error).strip()}") from None
    except (ImportError, TypeError) as error:
        raise InputError(f"cannot make environment {env!r} with {env_options or {}}: {error}") from None


def rebuild(config: dict[str, Any], env: Any = None) -> Market:
    """The market that `make` built from `config` (as a saved file keeps it), with fresh agents."""
    if not config or config.get("env") is None and env is None:
        raise InputError("this market was built from objects of your own: pass env=, population= and mechanism= to load")
    options = read_options(config["options"])
    target = config["env"] if env is None else env
    env_options = config["env_options"] if env is None else None
    return make(target, agents=config["agents"], mechanism=config["mechanism"], seed=config["seed"],
                env_options=env_options, **options)  # fmt: skip


def read_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options as `make` wants them, from JSON or TOML: tables become `LearningRate`, `Novices` and `Tiling`s."""
    return dict(options)


def _has_real_actions(space: gym.Space) -> bool:
    if isinstance(space, gym.spaces.Tuple):
        return any(_has_real_actions(part) for part in space.spaces)
    if isinstance(space, gym.spaces.Dict):
        return any(_has_real_actions(part) for part in space.spaces.values())
    return isinstance(space, gym.spaces.Box)


def _preset_for(identifier: str | None, goods: Goods, agents: Any) -> Preset:
    known = PRESETS.get(identifier or "")
    if known is not None:
        return known if agents is None or agents == known.agents else replace(known, agents=str(agents), options={})
    finite = goods.states is not None and goods.states <= LARGEST_TABLE
    return Preset("tabular", novices=Novices(0.1)) if finite else Preset("tiles", royalty=0.8, novices=Novices(0.05))


def _chain(preset: Preset, mechanism: Any, options: dict[str, Any]) -> Chain:
    terms = {name: options.pop(name, getattr(preset, name)) for name in ("discount", "royalty", "credit")}
    if isinstance(mechanism, Chain):
        return mechanism
    chosen = preset.mechanism if mechanism is None else mechanism
    if isinstance(chosen, str):
        chosen = resolve("mechanisms", chosen)
    return Chain(chosen() if inspect.isclass(chosen) else chosen, **terms)


def _novices(given: Any) -> Novices | None:
    if given is None or isinstance(given, Novices):
        return given
    return Novices(float(given)) if given else None


def _population(family: Any, goods: Goods, rights: Goods, streams: Streams, options: dict[str, Any]) -> Any:
    if isinstance(family, str):
        family = resolve("agents", family)
    if callable(getattr(family, "bid", None)) and not inspect.isclass(family):
        if options:
            raise InputError(f"options {sorted(options)} go with a family's name, not with a population that is built already")
        return family
    build: Callable[..., Any] = getattr(family, "for_spaces", family)
    _check_options(family, build, options)
    parts = [build(goods, int(size), rng=streams.population, **options) for size in rights.sizes]
    return parts[0] if len(parts) == 1 else SideBySide(parts)


def _check_options(family: Any, build: Callable[..., Any], options: dict[str, Any]) -> None:
    accepted = set(inspect.signature(build).parameters)
    if inspect.isclass(family):
        accepted |= set(inspect.signature(family.__init__).parameters)
    accepted -= {"self", "goods", "actions", "rng", "options", "states"}
    unknown = sorted(set(options) - accepted)
    if unknown:
        name = getattr(family, "__name__", str(family))
        raise InputError(f"unknown option {unknown[0]!r} for {name}: wanted one of {', '.join(sorted(accepted))}")
