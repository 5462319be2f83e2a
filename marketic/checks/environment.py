"""Holding an environment to Gymnasium's contract, for whole episodes: what `gymnasium.utils.env_checker` sees is one step.

Gymnasium's own checker compares two runs at their first step only, so an environment that is random from its second step
on passes it. Here episodes are played to their end (or to `steps`), and every step is looked at.
"""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium as gym
from gymnasium.utils.env_checker import check_env as gymnasium_check

from marketic.checks.environment_play import STEPWISE, Episode, is_true, line_of, play, playing, same
from marketic.checks.mechanism import ClaimRefuted
from marketic.checks.purity import shared_generators
from marketic.checks.report import Report, Verdict
from marketic.environments import open_env, with_spaces
from marketic.errors import InputError
from marketic.evaluation import same_environment

STARTS, STARTING = 6, 12
"""Episodes, and steps of each, by which it is judged whether an environment seeds itself."""


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
    actions replay the episode to its end, and reset() goes on to other ones), and DETERMINISTIC (a second environment, or
    a deep copy if there can be one, does the same, while a third one runs beside it, and no shared generator is used).

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
    if verdicts["DETERMINISTIC"].status != "refuted":
        verdicts["DETERMINISTIC"] = _in_copies(first, seed, steps) or verdicts["DETERMINISTIC"]
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
    pristine = _copied(env)
    if pristine is None or same_environment(pristine, env):
        return lambda: env, False
    return lambda: copy.deepcopy(pristine), True


def _copied(env: Any) -> Any:
    """A deep copy, or None where there can be none."""
    try:
        return copy.deepcopy(env)
    except (Exception, SystemExit):  # whatever an environment holds that cannot be copied: windows, sockets, generators
        return None


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
            return Verdict("refuted", f"gymnasium's checker says: {type(error).__name__}: {line_of(error)}", 1)
    return Verdict("kept", "", 1)


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
        ended = is_true(terminated) or is_true(truncated)
    return seen


def _side_by_side(make: Callable[[], Any], seed: int, steps: int) -> tuple[Episode, Episode]:
    """An episode alone, and the same one in another environment in turns with a third that plays something else."""
    alone, again, neighbour = make(), make(), make()
    first = play(alone, seed, steps)
    ours, theirs = playing(again, seed, steps), playing(neighbour, seed + 1, steps)
    second = next(ours)
    next(theirs)
    for _ in ours:
        next(theirs, None)
    for env in (alone, again, neighbour):
        env.close()
    return first, second


def _in_copies(env: Any, seed: int, steps: int) -> Verdict | None:
    """Refuted if deep copies are not environments of their own: markets evaluate in copies. None: nothing is wrong."""
    pristine = _copied(env)
    if pristine is None:
        return None
    if not same_environment(pristine, env):
        found = _compare(1, seed, lambda s: _side_by_side(lambda: copy.deepcopy(pristine), s, steps))
        if found.status != "refuted":
            return None
        what = f"its deep copies are not independent: {found.explanation}"
    else:
        what = "copy.deepcopy gives the environment itself, not a copy"
    return Verdict(
        "refuted", f"{what}; markets evaluate in copies, so do without a __deepcopy__, or let it copy all", 1
    )


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
