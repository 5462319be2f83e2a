"""Playing one episode of an environment, with every step looked at: what `check_env` judges."""

import copy
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.utils.env_checker import data_equivalence

from marketic.bids import LARGEST_BID

STEPWISE = ("ANSWERS", "OBSERVATIONS", "REWARDS", "FLAGS", "UNTOUCHED")
"""Promises that are kept or broken within one episode."""
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


def play(env: Any, seed: int, steps: int) -> Episode:
    """One episode with the actions that the space gives after `action_space.seed(seed)`, every step looked at."""
    return deque(playing(env, seed, steps), maxlen=1).pop()


def playing(env: Any, seed: int, steps: int) -> Iterator[Episode]:
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
            episode.faults.setdefault("ANSWERS", f"{at} it raised {type(error).__name__}: {line_of(error)}")
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
        if is_true(terminated) or is_true(truncated):
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


def same(one: Any, other: Any) -> bool:
    """Equality to the bit for whatever spaces hold; NaN equals NaN."""
    if isinstance(one, float | np.floating) and isinstance(other, float | np.floating) and one != one:
        return bool(other != other)
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        return isinstance(other, np.ndarray) and one.shape == other.shape and np.array_equal(one, other, equal_nan=True)
    return bool(type(one) is type(other) and data_equivalence(one, other, exact=True))


def is_true(flag: Any) -> bool:
    """Whether an episode is over by this flag, which might be anything."""
    return isinstance(flag, bool | np.bool_ | int) and bool(flag)


def line_of(error: BaseException) -> str:
    """What an exception says, in one line."""
    return " ".join(str(error).split())[:300]
