"""The environments' kit keeps its own word: one planted offender per check, and none without one."""

import copy
import re

import gymnasium as gym
import numpy as np
import pytest
from tiny_envs import Clockwork, Script, Walk

from marketic.checks.environment import check_env
from marketic.checks.mechanism import ClaimRefuted
from marketic.checks.report import Report, Verdict
from marketic.errors import InputError


class Honest(gym.Env):
    """Counts to 10, noisily; every offender below breaks one thing in it."""

    def __init__(self):
        self.observation_space = gym.spaces.Box(-20.0, 20.0, (2,), np.float64)
        self.action_space = gym.spaces.Discrete(2)
        self.time = 0

    def observe(self):
        return np.array([self.time, self.np_random.random()])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.observe(), {}

    def step(self, action):
        self.time += 1
        return self.observe(), self.reward(action), self.over(), False, {}

    def reward(self, action):
        return float(action)

    def over(self):
        return self.time == 10


class RandomFromStepTwo(Honest):
    """What Gymnasium's checker lets pass."""

    def __init__(self):
        super().__init__()
        self.coin = np.random.default_rng()

    def reward(self, action):
        return self.coin.random() if self.time > 1 else 0.0


class LongerEveryTime(Honest):
    """Its second episode is not its first."""

    def __init__(self):
        super().__init__()
        self.episodes = 0

    def reset(self, *, seed=None, options=None):
        self.episodes += 1
        return super().reset(seed=seed)

    def over(self):
        return self.time == 10 + self.episodes


class SharedCounter(Honest):
    """Two of them get in each other's way, but each alone is sound."""

    last = [0.0]  # noqa: RUF012

    def reset(self, *, seed=None, options=None):
        self.last[0] = 0.0
        return super().reset(seed=seed)

    def reward(self, action):
        self.last[0] += 1.0
        return self.last[0]


class LeavesItsSpace(Honest):
    def observe(self):
        return np.array([5.0 * self.time if self.time > 7 else 0.0, 0.0])


class WrongType(Honest):
    def observe(self):
        return [self.time, 0.0] if self.time == 6 else super().observe()


class PaysNothingAtAll(Honest):
    def reward(self, action):
        return np.nan if self.time == 8 else 1.0


class PaysAnArray(Honest):
    def reward(self, action):
        return np.ones(2) if self.time == 8 else 1.0


class FlagIsANumber(Honest):
    def over(self):
        return int(self.time == 10) if self.time > 2 else False


class Rewrites(Honest):
    """Hands out its own memory from step 3 on."""

    def __init__(self):
        super().__init__()
        self.memory = np.zeros(2)

    def observe(self):
        self.memory[:] = [self.time, self.np_random.random()]
        return self.memory if self.time > 2 else self.memory.copy()


class Crashes(Honest):
    def reward(self, action):
        return 1.0 / (self.time - 5)


class ForgetsInfo(Honest):
    def step(self, action):
        answer = super().step(action)
        return answer[:4] if self.time == 4 else answer


class UnseededReset(Honest):
    """Gymnasium's checker sees this one."""

    def reset(self, *, seed=None, options=None):
        self.time = 0
        return np.array([0.0, np.random.default_rng().random()]), {}


class SeedsItself(Honest):
    """The same start whenever no seed is given."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=0 if seed is None else seed, options=options)


class ChangesItsSpace(Honest):
    def step(self, action):
        self.observation_space = gym.spaces.Box(-99.0, 99.0, (2,), np.float64)
        return super().step(action)


class DrawsFromTheWorld(Honest):
    def step(self, action):
        np.random.random()  # noqa: NPY002  # that is the offence
        return super().step(action)


OFFENDERS = [
    ("RESEEDS", SeedsItself, "it seeds itself"),
    ("OBSERVATIONS", ChangesItsSpace, "its space is"),
    ("DETERMINISTIC", DrawsFromTheWorld, "that everybody shares"),
    ("GYMNASIUM", UnseededReset, "gymnasium's checker says"),
    ("ANSWERS", Crashes, r"at step 5 .* raised ZeroDivisionError"),
    ("ANSWERS", ForgetsInfo, "at step 4 .* wanted a tuple of 5"),
    ("OBSERVATIONS", LeavesItsSpace, "at step 8 .* is not in Box"),
    ("OBSERVATIONS", WrongType, "at step 6"),
    ("REWARDS", PaysNothingAtAll, "at step 8 .* the reward is nan"),
    ("REWARDS", PaysAnArray, "at step 8"),
    ("FLAGS", FlagIsANumber, "terminated is 0, a int"),
    ("UNTOUCHED", Rewrites, "an observation that it had returned before changed"),
    ("RESEEDS", LongerEveryTime, r"lasted \d+ steps, then \d+|terminated at step"),
    ("DETERMINISTIC", SharedCounter, "the reward at step 2"),
    ("DETERMINISTIC", RandomFromStepTwo, "the reward at step 2"),
]


@pytest.mark.parametrize(("promise", "offender", "says"), OFFENDERS, ids=[o.__name__ for _, o, _ in OFFENDERS])
def test_each_broken_promise_is_named(promise, offender, says):
    report = check_env(offender, raises=False)
    assert promise in report.refuted, str(report)
    assert re.search(says, report.verdicts[promise].explanation)
    with pytest.raises(ClaimRefuted, match=f"{offender.__name__} must be"):
        check_env(offender)


def test_every_check_has_an_offender():
    assert {promise for promise, _, _ in OFFENDERS} == set(check_env(Honest).verdicts)


def test_gymnasiums_checker_alone_misses_it():
    assert check_env(RandomFromStepTwo, raises=False).verdicts["GYMNASIUM"].status == "kept"


@pytest.mark.parametrize(
    "env",
    [
        Honest,
        Clockwork,
        Walk,
        lambda: Script([1.0, 2.0, 3.0]),
        "CartPole-v1",
        "Taxi-v4",
        lambda: gym.make("Acrobot-v1"),
    ],
)
def test_sound_environments_pass(env):
    report = check_env(env, episodes=2, steps=200)
    assert report.passed
    assert not report.untested
    assert report.verdicts["OBSERVATIONS"].cases > 1


def test_an_environment_instead_of_a_function():
    assert check_env(gym.make("FrozenLake-v1")).passed
    assert "DETERMINISTIC" in check_env(SharedCounter(), raises=False).refuted
    report = check_env(TheOnlyOne())
    assert list(report.untested) == ["DETERMINISTIC"]
    assert report.verdicts["RESEEDS"].status == "kept"


class ItsOwnCopy(Honest):
    """A copy that is none: what is played in it goes on here."""

    def __deepcopy__(self, memo):
        return self


class HalfCopied(Honest):
    """Its copies share what it counts with."""

    def __init__(self):
        super().__init__()
        self.counted = np.zeros(1)

    def __deepcopy__(self, memo):
        return copy.copy(self)

    def reset(self, *, seed=None, options=None):
        self.counted[0] = 0
        return super().reset(seed=seed)

    def reward(self, action):
        self.counted[0] += 1
        return float(self.counted[0])


@pytest.mark.parametrize("env", [ItsOwnCopy, ItsOwnCopy(), gym.wrappers.TimeLimit(ItsOwnCopy(), 5)])
def test_a_copy_that_is_the_environment_itself_is_named(env):
    verdict = check_env(env, raises=False).refuted["DETERMINISTIC"]
    assert "copy.deepcopy gives the environment itself" in verdict.explanation


def test_copies_that_share_their_state_are_named():
    verdict = check_env(HalfCopied, raises=False).refuted["DETERMINISTIC"]
    assert "its deep copies are not independent" in verdict.explanation


class TheOnlyOne(Honest):
    def __deepcopy__(self, memo):
        raise TypeError("there is only one")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (7, "wanted a gymnasium.Env"),
        (lambda: 7, "got a int"),
        ("NoSuchTask-v0", "cannot make"),
        (lambda: gym.make_vec("CartPole-v1", num_envs=2), "not vector"),
    ],
)
def test_what_is_no_environment_is_refused(given, says):
    with pytest.raises(InputError, match=says):
        check_env(given)
    with pytest.raises(InputError, match="episodes=0"):
        check_env(Honest, episodes=0)


def test_reports_print_and_serialise():
    report = check_env(PaysNothingAtAll, raises=False, name="mine")
    assert report.as_dict()["verdicts"]["REWARDS"]["status"] == "refuted"
    assert str(report).startswith("mine: refuted")
    assert report.table().row_count == len(report.verdicts)
    assert Report("empty").passed
    assert Report("a", {"x": Verdict("could not test")}).untested
    assert copy.deepcopy(report) == report
