"""Holding an environment to Gymnasium's contract, for whole episodes: what `gymnasium.utils.env_checker` sees is one step.

Gymnasium's own checker compares two runs at their first step only, so an environment that is random from its second step
on passes it. Here episodes are played to their end (or to `steps`), and every step is looked at.
"""

import copy
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import check_env as gymnasium_check
from gymnasium.utils.env_checker import data_equivalence

from marketic.bids import LARGEST_BID
from marketic.checks.mechanism import ClaimRefuted
from marketic.checks.purity import shared_generators
from marketic.checks.report import Report, Verdict
from marketic.environments import open_env, with_spaces
from marketic.errors import InputError

STEPWISE = ("ANSWERS", "OBSERVATIONS", "REWARDS", "FLAGS", "UNTOUCHED")
"""Promises that are kept or broken within one episode."""
STARTS, STARTING = 6, 12
"""Episodes, and steps of each, by which it is judged whether an environment seeds itself."""
RECALL = 100
"""How many of the latest observations are compared with what they were when they were returned."""


@dataclass
class Episode:
    """What one episode showed. seen: copies of (observation, reward, terminated, truncated), the first with reward None.

    faults: name of a promise of STEPWISE -> the first thing that broke it, in words. interrupted: the environment raised.
    """

    seen: list[tuple[Any, Any, Any, Any]] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return max(len(self.seen) - 1, 0)


def check_env(
    env: Any, *, episodes: int = 3, steps: int = 1000, seed: int = 0, name: str | None = None, raises: bool = True
) -> Report:
    """Hold an environment to what every Gymnasium environment promises.

    env:      a function without arguments that makes it (best), an id, or an environment (then copies of it are made).
    episodes: how many to play, with random actions, >= 1; steps: at most so many in each, >= 1; seed: of the first.
    name:     in the report. raises: True: raise ClaimRefuted if a promise is broken; False: only report it.

    Promises: GYMNASIUM (its own checker), ANSWERS (no exceptions, tuples of the right length), OBSERVATIONS (in the space at
    every step), REWARDS (finite numbers that a ledger can hold), FLAGS (terminated and truncated are booleans, info a dict),
    UNTOUCHED (what was returned does not change later, nor what was given), RESEEDS (after use, reset(seed) and the same
    actions replay the episode to its end, and reset() goes on to other ones), and DETERMINISTIC (a second environment does the
    same, while a third one runs beside it, and no shared generator is used).

    Raises InputError for what is no environment.

    >>> check_env("FrozenLake-v1").passed
    True
    """
    if episodes < 1 or steps < 1:
        raise InputError(f"check_env(episodes={episodes}, steps={steps}): wanted numbers >= 1")
    make, many = _factory(env)
    first = _open(make)
    verdicts = {"GYMNASIUM": _gymnasium(make())}
    verdicts |= _within_episodes(first, episodes, steps, seed)
    verdicts["RESEEDS"] = _compare(episodes, seed, lambda s: (play(first, s, steps), play(first, s, steps)))
    if verdicts["RESEEDS"].status == "kept" and _starts_the_same(first, seed):
        told = "reset() without a seed plays the same episode every time, and other seeds play others: it seeds itself"
        verdicts["RESEEDS"] = Verdict("refuted", told, verdicts["RESEEDS"].cases)
    if many:
        verdicts["DETERMINISTIC"] = _compare(episodes, seed, lambda s: _side_by_side(make, s, steps))
    else:
        verdicts["DETERMINISTIC"] = Verdict(
            "could not test", "no second copy could be made: pass a function that makes it"
        )
    before = shared_generators()
    play(first, seed, steps)
    if verdicts["DETERMINISTIC"].status == "kept" and shared_generators() != before:
        told = "it draws from a generator that everybody shares (np.random, random), or sets it: use self.np_random"
        verdicts["DETERMINISTIC"] = Verdict("refuted", told, verdicts["DETERMINISTIC"].cases)
    first.close()
    report = Report(name or _name(first), verdicts)
    if raises and not report.passed:
        broken = [f"{report.name} must be {promise}, but {v.explanation}" for promise, v in report.refuted.items()]
        raise ClaimRefuted("\n".join(broken))
    return report


def _factory(env: Any) -> tuple[Callable[[], Any], bool]:
    """How to make a fresh environment, and whether that can be done more than once."""
    if isinstance(env, str):
        return lambda: open_env(env), True
    if not isinstance(env, gym.Env):
        if callable(env):
            return env, True
        raise InputError(f"check_env({env!r}): wanted a gymnasium.Env, its id, or a function that makes one")
    try:
        copy.deepcopy(env)
    except (Exception, SystemExit):  # whatever an environment holds that cannot be copied: windows, sockets, generators
        return lambda: env, False
    pristine = copy.deepcopy(env)
    return lambda: copy.deepcopy(pristine), True


def _open(make: Callable[[], Any]) -> Any:
    try:
        made = make()
    except gym.error.Error as error:
        raise InputError(f"cannot make the environment: {str(error).strip()}") from None
    if not isinstance(made, gym.Env):
        raise InputError(f"check_env got a {type(made).__name__}: wanted a gymnasium.Env (single, not vector)")
    return with_spaces(made)


def _name(env: Any) -> str:
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__


def _gymnasium(env: Any) -> Verdict:
    """Gymnasium's own checker. Its warnings are advice, and do not count."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            env.action_space.seed(0)
            gymnasium_check(env.unwrapped, skip_render_check=True)
        except (Exception, SystemExit) as error:  # it raises whatever the environment raises, beside its own errors
            return Verdict("refuted", f"gymnasium's checker says: {type(error).__name__}: {_line(error)}", 1)
    return Verdict("kept", "", 1)


def play(env: Any, seed: int, steps: int) -> Episode:
    """One episode with the actions that the space gives after `action_space.seed(seed)`, every step looked at."""
    return deque(_playing(env, seed, steps), maxlen=1).pop()


def _playing(env: Any, seed: int, steps: int) -> Iterator[Episode]:
    """The same as a generator that yields its growing episode after every step, so that two can be played in turns."""
    episode = Episode()
    space, shown = copy.deepcopy(env.action_space), copy.deepcopy(env.observation_space)
    space.seed(seed)
    action = None
    kept: list[tuple[Any, Any]] = []
    for step in range(steps + 1):
        at = f"{'after reset' if step == 0 else f'at step {step}'} of the episode with seed {seed}"
        try:
            if step > 0:
                action = space.sample()
            given = copy.deepcopy(action)
            answer = env.reset(seed=seed) if step == 0 else env.step(action)
        except (Exception, SystemExit) as error:  # this is what we are here to find out
            episode.faults.setdefault("ANSWERS", f"{at} it raised {type(error).__name__}: {_line(error)}")
            episode.interrupted = True
            break
        wanted = 2 if step == 0 else 5
        if not isinstance(answer, tuple) or len(answer) != wanted:
            episode.faults.setdefault("ANSWERS", f"{at} it returned {answer!r}: wanted a tuple of {wanted}")
            episode.interrupted = True
            break
        observation, reward, terminated, truncated = (answer[0], None, False, False) if step == 0 else answer[:4]
        _inspect(env, episode.faults, at, answer, step)
        episode.seen.append((copy.deepcopy(observation), copy.deepcopy(reward), terminated, truncated))
        kept = [*kept[1 - RECALL :], (observation, episode.seen[-1][0])]
        if any(not same(now, then) for now, then in kept[:-1]):
            episode.faults.setdefault("UNTOUCHED", f"{at} an observation that it had returned before changed")
        if not same(action, given):
            episode.faults.setdefault("UNTOUCHED", f"{at} it changed the action {given!r} that it was given")
        if env.observation_space != shown:
            episode.faults.setdefault("OBSERVATIONS", f"{at} its space is {env.observation_space}, and was {shown}")
        yield episode
        if _true(terminated) or _true(truncated):
            return
    yield episode


def _inspect(env: Any, faults: dict[str, str], at: str, answer: tuple[Any, ...], step: int) -> None:
    """Enter what is wrong with one answer."""
    try:
        inside = env.observation_space.contains(answer[0])
    except (Exception, SystemExit):  # some spaces choke on what is not theirs
        inside = False
    if not inside:
        faults.setdefault("OBSERVATIONS", f"{at} {answer[0]!r} is not in {env.observation_space}")
    if not isinstance(answer[-1], dict):
        faults.setdefault("FLAGS", f"{at} info is {answer[-1]!r}: wanted a dict")
    if step == 0:
        return
    reward, flags = answer[1], answer[2:4]
    try:
        finite = np.ndim(reward) == 0 and not isinstance(reward, str) and bool(np.isfinite(float(reward)))
    except (TypeError, ValueError):
        finite = False
    if not finite or abs(float(reward)) > LARGEST_BID:
        faults.setdefault("REWARDS", f"{at} the reward is {reward!r}: wanted a finite number up to {LARGEST_BID:.3g}")
    for name, flag in zip(("terminated", "truncated"), flags, strict=True):
        if not isinstance(flag, bool | np.bool_):
            faults.setdefault("FLAGS", f"{at} {name} is {flag!r}, a {type(flag).__name__}: wanted a bool")


def _within_episodes(env: Any, episodes: int, steps: int, seed: int) -> dict[str, Verdict]:
    """The verdicts on STEPWISE."""
    played = [play(env, s, steps) for s in range(seed, seed + episodes)]
    cases = sum(episode.steps for episode in played)
    verdicts = {}
    for promise in STEPWISE:
        faults = [episode.faults[promise] for episode in played if promise in episode.faults]
        if faults:
            verdicts[promise] = Verdict("refuted", faults[0], cases)
        elif cases == 0:
            verdicts[promise] = Verdict("could not test", "no step could be made")
        else:
            verdicts[promise] = Verdict("kept", "", cases)
    return verdicts


def _starts_the_same(env: Any, seed: int) -> bool:
    """Whether episodes without a seed all begin alike, although nearly every seed begins otherwise."""
    seeded = [_beginning(env, s) for s in range(seed, seed + STARTS)]
    if any(same(one, other) for i, one in enumerate(seeded) for other in seeded[:i]):
        return False
    free = [_beginning(env, None) for _ in range(STARTS)]
    return all(same(one, free[0]) for one in free[1:])


def _beginning(env: Any, seed: int | None) -> list[Any]:
    """What an episode of at most STARTING steps shows, with the same actions every time."""
    space = copy.deepcopy(env.action_space)
    space.seed(0)
    seen, ended = [copy.deepcopy(env.reset(seed=seed)[0])], False
    for _ in range(STARTING):
        if ended:
            break
        observation, reward, terminated, truncated, _ = env.step(space.sample())
        seen.append((copy.deepcopy(observation), reward))
        ended = _true(terminated) or _true(truncated)
    return seen


def _side_by_side(make: Callable[[], Any], seed: int, steps: int) -> tuple[Episode, Episode]:
    """An episode alone, and the same one in another environment in turns with a third that plays something else."""
    alone, again, neighbour = make(), make(), make()
    first = play(alone, seed, steps)
    ours, theirs = _playing(again, seed, steps), _playing(neighbour, seed + 1, steps)
    second = next(ours)
    next(theirs)
    for _ in ours:
        next(theirs, None)
    for env in (alone, again, neighbour):
        env.close()
    return first, second


def _compare(episodes: int, seed: int, pair: Callable[[int], tuple[Episode, Episode]]) -> Verdict:
    """Whether pairs of episodes agree to the end."""
    cases = 0
    for s in range(seed, seed + episodes):
        one, other = pair(s)
        cases += min(one.steps, other.steps)
        for step, (a, b) in enumerate(zip(one.seen, other.seen, strict=False)):
            for what, x, y in zip(("observation", "reward", "terminated", "truncated"), a, b, strict=True):
                if not same(x, y):
                    told = f"the {what} at step {step} was {x!r}, then {y!r}"
                    return Verdict("refuted", f"with seed {s} and the same actions {told}", cases)
        if len(one.seen) != len(other.seen):
            return Verdict("refuted", f"with seed {s} it lasted {one.steps} steps, then {other.steps}", cases)
        if one.interrupted:
            return Verdict("could not test", "it raised: see ANSWERS", cases)
    return Verdict("kept", "", cases)


def same(one: Any, other: Any) -> bool:
    """Equality to the bit for whatever spaces hold; NaN equals NaN."""
    if isinstance(one, float | np.floating) and isinstance(other, float | np.floating) and one != one:
        return bool(other != other)
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        return isinstance(other, np.ndarray) and one.shape == other.shape and np.array_equal(one, other, equal_nan=True)
    return bool(type(one) is type(other) and data_equivalence(one, other, exact=True))


def _true(flag: Any) -> bool:
    return isinstance(flag, bool | np.bool_ | int) and bool(flag)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
