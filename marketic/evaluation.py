"""Playing without learning: returns of whole episodes, in environments of its own."""

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from marketic.environments import make_again, with_spaces
from marketic.errors import InputError
from marketic.worlds import first_of, wrong_answer

if TYPE_CHECKING:
    from marketic.market import Market

_SIDE_BY_SIDE = 20  # episodes played at once: one batch of bids serves all of them
LONGEST_EPISODE = 10_000
"""Steps after which an episode is cut where the task has no time limit of its own: a greedy market may walk in circles."""


def evaluation_env(env: Any) -> gym.Env:
    """A fresh single environment like the market's own, so that evaluating does not disturb its training episodes.

    One with wrappers is copied as it stands, with what they have learned (running means, say); others, and those that cannot
    be copied, are made again from their spec. Raises InputError if neither can be done; pass `env=` then.
    """
    spec = getattr(env, "spec", None)
    if isinstance(env, gym.vector.VectorEnv):
        if spec is None or isinstance(env, gym.vector.VectorWrapper):
            raise InputError(f"{env} has no spec to make a single environment from: pass env= to evaluate in")
        return make_again(spec)
    if spec is not None and not spec.additional_wrappers and type(env).__module__.startswith("gymnasium."):
        return gym.make(spec)
    why: object
    try:
        twin = copy.deepcopy(env)
        if not same_environment(twin, env):
            return twin
        why = "copy.deepcopy gives the environment itself"
    except Exception as error:  # whatever an environment holds that cannot be copied: windows, sockets, worlds in C
        why = error
    try:
        if spec is not None:
            return gym.make(spec)
    except (ValueError, TypeError, AttributeError, gym.error.Error) as error:
        why = error
    raise InputError(f"{env} cannot be copied, nor made from its spec ({why}): pass env= to evaluate in") from (
        why if isinstance(why, Exception) else None
    )


def same_environment(one: Any, other: Any) -> bool:
    """Whether two environments are one and the same inside their wrappers."""
    return one is other or getattr(one, "unwrapped", one) is getattr(other, "unwrapped", other)


def evaluate(
    market: "Market", episodes: int, *, seed: int = 0, env: Any = None, deterministic: bool = True
) -> np.ndarray:
    """Undiscounted returns of `episodes` >= 1 episodes, float64 [episodes]; episode i is reset with seed + i.
    Episodes are cut after `LONGEST_EPISODE` steps where the task sets no limit.

    env: one environment to play all episodes in, one after the other; None: copies of the market's own, side by side (see
    `evaluation_env`: what was set on an unwrapped environment after it was made is not copied). seed: int >= 0.
    Neither agents nor ledger change. With `deterministic=False` the mechanism's draws are taken from its stream.
    """
    for name, number, least in (("episodes", episodes, 1), ("seed", seed, 0)):
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
            raise InputError(f"evaluate({name}={number!r}): wanted a whole number >= {least}")
    episodes, seed = int(episodes), int(seed)  # environments take Python's integers only
    if env is not None:
        if not isinstance(env, gym.Env):
            raise InputError(f"evaluate(env={env!r}): wanted a single gymnasium.Env")
        return _play_market(market, [with_spaces(env)], episodes, seed, deterministic)
    arenas = [evaluation_env(market.env) for _ in range(min(episodes, _SIDE_BY_SIDE))]
    try:
        return _play_market(market, arenas, episodes, seed, deterministic)
    finally:
        for arena in arenas:
            arena.close()


def _play_market(market: "Market", arenas: list[Any], episodes: int, seed: int, deterministic: bool) -> np.ndarray:
    rights = market.world.rights

    def choose(rows: np.ndarray) -> list[Any]:
        return [rights.decode(action) for action in market.choose(rows, deterministic)]

    return play(choose, arenas, episodes, seed, market.world.goods.encode)


def play(
    choose: Callable[[np.ndarray], Sequence[Any]],
    arenas: list[Any],
    episodes: int,
    seed: int,
    read: Callable[[Any], np.ndarray] = np.array,
) -> np.ndarray:
    """Undiscounted returns of `episodes` episodes, played side by side, float64 [episodes]; episode i is reset with seed + i.

    choose: from rows of observations, [n, ...], to n actions for the environments. arenas: environments; each takes the next
    episode when it has finished its last. read: from an observation of the task to a row, a copy: arenas may share memory.
    """
    returns, lengths = np.zeros(episodes), np.zeros(episodes, dtype=np.int64)
    waiting = iter(range(episodes))
    playing: dict[int, int] = {}  # arena -> episode
    rows: dict[int, np.ndarray] = {}  # arena -> what it shows

    def begin(place: int) -> None:
        episode = next(waiting, None)
        if episode is None:
            rows.pop(place, None)
            return
        playing[place] = episode
        rows[place] = read(first_of(arenas[place].reset(seed=seed + episode)))

    for place in range(len(arenas)):
        begin(place)
    while rows:
        places = list(rows)
        for place, action in zip(places, choose(np.stack(list(rows.values()))), strict=True):
            answer, episode = arenas[place].step(action), playing[place]
            try:
                observation, reward, terminated, truncated, _ = answer
                returns[episode] += float(reward)
                over = bool(terminated) or bool(truncated)
            except (TypeError, ValueError, OverflowError):
                raise wrong_answer(answer) from None
            lengths[episode] += 1
            if over or lengths[episode] >= LONGEST_EPISODE:
                begin(place)
            else:
                rows[place] = read(observation)
    return returns
