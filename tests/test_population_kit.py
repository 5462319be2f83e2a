"""The populations' kit keeps its own word: one planted offender per check, and none without one."""

import gymnasium as gym
import numpy as np
import pytest
from population_offenders import OFFENDERS, Honest
from tiny_envs import Fixed

from marketic import agents
from marketic.bids import Bids
from marketic.checks.mechanism import ClaimRefuted
from marketic.checks.population import check_population
from marketic.checks.population_promises import PROMISES
from marketic.errors import InputError
from marketic.individuals import Individuals


@pytest.mark.parametrize(("promise", "offender", "says"), OFFENDERS, ids=[o.__name__ for _, o, _ in OFFENDERS])
def test_each_broken_promise_is_named(promise, offender, says):
    with pytest.raises(ClaimRefuted, match=f"{offender.__name__} must be {promise}, but .*{says}"):
        check_population(offender, rounds=60)


def test_every_check_has_an_offender():
    assert {promise for promise, _, _ in OFFENDERS} == set(PROMISES)


def test_an_honest_population_keeps_all_promises():
    report = check_population(Honest)
    assert report.passed
    assert set(report.verdicts) == set(PROMISES)
    assert not report.untested


FAMILIES = ("Tabular", "Research", "Tiles", "Growing", "Bank", "Firms")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_passes(name):
    report = check_population(getattr(agents, name), rounds=60)
    assert not report.untested
    assert "STATE" in report.verdicts


def test_plain_agents_pass_and_hear_of_their_own_trades_only():
    report = check_population(Individuals([Fixed(1.0, 0), Fixed(2.0, 2)]), rounds=60)
    assert "PRIVATE" in report.verdicts
    assert "STATE" not in report.verdicts


def test_plain_agents_that_fail_are_named():
    class Ruined(Fixed):
        def learn(self, trade):
            raise ValueError("I am ruined")

    report = check_population(Individuals([Fixed(1.0), Ruined(2.0)]), rounds=60, raises=False)
    assert "agent 1 fails: ValueError: I am ruined" in report.verdicts["LEARNS"].explanation


def test_twins_that_share_what_they_learn_do_not_promise_privacy():
    def twins(public):
        return lambda rng: agents.Tabular(7, 3, clones=2, public=public, rng=rng)

    space = gym.spaces.Discrete(7)
    alone = check_population(twins(public=False), observation_space=space, rounds=30)
    together = check_population(twins(public=True), observation_space=space, rounds=30)
    assert ("PRIVATE" in alone.verdicts, "PRIVATE" in together.verdicts) == (True, False)


def test_a_population_that_is_built_is_looked_at_as_it_is():
    built = agents.Tabular(7, 3, rng=np.random.default_rng(0))
    space = gym.spaces.Discrete(7)
    before = built.price.copy()
    assert check_population(built, observation_space=space, rounds=30).passed
    assert (built.price == before).all(), "copies were made"
    built.price[4] = np.nan
    assert "FINITE" in check_population(built, observation_space=space, rounds=30, raises=False).refuted
    with pytest.raises(InputError, match="say what it observes"):
        check_population(built)


def test_bids_that_are_drawn_cannot_be_compared_row_by_row():
    class Draws(Honest):
        def bid(self, observation):
            bids = super().bid(observation)
            return Bids(bids.value + 0.01 * self.rng.random(bids.value.shape), bidder=bids.bidder)

    report = check_population(Draws)
    assert set(report.untested) == {"ROWS", "PRIVATE"}


@pytest.mark.parametrize(
    ("given", "options", "says"),
    [
        (7, {}, "say what it observes"),
        (7, {"observation_space": gym.spaces.Discrete(7)}, "wanted a population, a family"),
        (lambda rng: 7, {"observation_space": gym.spaces.Discrete(7)}, "a int has not all of n_agents"),
        (agents.Tabular, {"observation_space": gym.spaces.Box(0, 1, (2,))}, "finite observations"),
        (agents.Tabular, {"rounds": 0}, "rounds=0"),
        (Individuals, {"observation_space": gym.spaces.Discrete(7), "actions": 2}, "cannot build"),
    ],
)
def test_what_is_no_population_is_refused(given, options, says):
    with pytest.raises(InputError, match=says):
        check_population(given, **options)
