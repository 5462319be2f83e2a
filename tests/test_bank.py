"""The bank's trials: copies ranked by episodes that they play themselves."""

from dataclasses import replace

import numpy as np
import pytest

import marketic
from marketic.agents import Bank
from marketic.agents.bank_record import recent
from marketic.agents.bank_settle import BIDDING, CHALLENGER, SHOWN, STEADY
from marketic.agents.bank_trials import FEW, Trials
from marketic.agents.bank_units import standards
from marketic.errors import InputError
from marketic.population import Receipt

SIGHT = np.array([[0.3, -0.2]])


def receipt(reward=1.0, terminated=True, rows=1):
    zeros, ones = np.zeros(rows), np.ones(rows, bool)
    sight = np.repeat(SIGHT, rows, axis=0)
    return Receipt(
        valid=ones, observation=sight, winner=np.zeros(rows, np.int64), reward=zeros + reward, credit=zeros,
        realised=zeros + reward, terminated=ones & terminated, truncated=~ones, next_observation=sight,
        discount=0.9, royalty=0.0,
    )  # fmt: skip


def bank(**terms):
    """Small, past its warm-up after one step; its learning is switched off, so that a test moves the copies itself."""
    return Bank(2, 3, rng=np.random.default_rng(0), **{"hidden": 4, "warm": 1, "interval": 10**6, "window": 3, **terms})


def price_of(population, copy):
    return population._value(copy, SIGHT)


def test_a_score_is_the_mean_less_its_standard_error():
    trials = Trials(4)
    assert trials.call(0, wanted=True)
    assert [trials.enter(0, revenue, 0.0) for revenue in (3.0, 5.0, 3.0)] == [-np.inf] * 3
    assert trials.enter(0, 5.0, 0.0) == 4 - 1 / np.sqrt(4)
    assert trials.call(0, wanted=True)  # the case is closed: the next episode has a new challenger
    assert (trials.number, trials.count) == (2, 0)


def test_who_is_far_behind_is_dropped_and_who_is_near_is_not():
    for revenues, dropped in (([10, 12, 8, 11, 9], True), ([10, 300, 0, 11, 9], False)):
        trials = Trials(20)
        trials.call(0, wanted=True)
        for revenue in revenues[:FEW]:
            assert trials.standing
            assert trials.enter(0, revenue, 100.0) == -np.inf
        assert trials.standing is not dropped


def test_an_episode_counts_for_the_challenger_who_began_it():
    trials = Trials(2)
    trials.playing = np.zeros(3, np.int64)
    assert trials.call(0, wanted=True)
    assert not trials.call(1, wanted=True)  # the same challenger, beside
    assert not trials.call(2, wanted=False)
    trials.enter(2, 99.0, 0.0)  # training: not counted
    assert trials.enter(0, 1.0, 0.0) == -np.inf
    assert trials.call(0, wanted=True) is False
    assert trials.enter(0, 1.0, 0.0) == 1.0
    assert trials.call(0, wanted=True)
    trials.enter(1, 99.0, 0.0)  # begun by the former challenger
    assert (trials.number, trials.count) == (2, 0)


def test_a_challenger_plays_alone_and_takes_the_place_of_a_worse_one():
    population = bank(trial=2, novice=1.0, window=2)
    population.steps = 100  # past the first trial's step
    copies = population.copies
    for number, (revenue, shown) in enumerate([(5.0, 1), (3.0, 1), (7.0, 3)], start=1):
        copies[STEADY] = number
        population.learn(receipt())  # the end of an episode of training: a trial is next
        if population.trials.playing[0] == 0:
            population.learn(receipt())
        assert (copies[CHALLENGER] == number).all()
        copies[STEADY] = -1.0  # the challenger stays as it was
        alone = price_of(population, CHALLENGER)
        assert (population.bid(SIGHT).value == alone).all(), "a novice came in"
        for left in (1, 0):
            population.learn(receipt(revenue))
            if left:
                assert (population.bid(SIGHT).value != alone).any(), "no novice, though it is training"
                population.learn(receipt(-50.0))  # what training brings is not counted
        assert (copies[SHOWN] == shown).all(), number
        assert population.best == max(5.0, revenue)


def test_before_the_first_verdict_the_steady_copy_is_shown():
    population = bank(trial=2)
    for value in (2.0, 3.0):
        population.copies[STEADY] = value
        population.learn(receipt())
        assert (population.copies[SHOWN] == value).all()


def test_trials_resume_bit_for_bit(tmp_path):
    market = marketic.make("CartPole-v1", agents="bank", seed=3, trial=2, window=8, warm=20, hidden=8).learn(2100)
    trials = market.population.trials
    former = trials.number
    assert former > 1
    assert 0 < trials.count < 8
    market.save(tmp_path / "a.market")
    again = marketic.load(tmp_path / "a.market")
    first, second = (one.learn(3000).state_dict() for one in (market, again))
    assert trials.number > former
    assert {"population/trials_returns", "population/trials_case", "population/trials_playing"} <= set(first)
    assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)


def test_without_trials_nothing_changes_and_nothing_more_is_saved():
    population = bank(warm=10)
    assert len(population.copies) == 5
    assert not any(name.startswith("trials") for name in population.state_dict())
    population.copies[STEADY] = 7.0
    for revenue in (1.0, 2.0, 3.0):
        population.learn(receipt(revenue))
    assert population.best == 2.0
    assert (population.copies[SHOWN] == 7.0).all()
    assert (population.copies[BIDDING] != 7.0).any()


@pytest.mark.parametrize("terms", [{"trial": -1}, {"trial": 2, "window": 1}])
def test_trials_that_cannot_be_are_refused(terms):
    with pytest.raises(InputError, match="wanted trial >= 0"):
        bank(**terms)


def test_the_record_of_images_is_bounded_and_one_that_cannot_fit_is_refused():
    frames = 84 * 84 * 4
    population = Bank(frames, 3, rng=np.random.default_rng(0))
    assert population.ring.nbytes <= 2**30
    assert len(population.ring) > 4_500
    assert len(bank().ring) == 100_000
    with pytest.raises(InputError, match=r"capacity=50000000 .*28224 components.*choose a lower capacity"):
        Bank(frames, 3, rng=np.random.default_rng(0), capacity=50_000_000)


@pytest.mark.parametrize(("cursor", "filled"), [(40, 40), (7, 50)])
@pytest.mark.parametrize("recency", [1.0, 2.5])
def test_claims_are_drawn_by_age(cursor, filled, recency):
    rows = recent(np.random.default_rng(0), np.array([cursor, filled]), 50, recency, (100, 1000))
    age = (cursor - 1 - rows) % 50  # 0: the youngest, which was written just before the cursor
    share = np.bincount(age.ravel(), minlength=filled)
    assert len(share) == filled
    assert share.cumsum() / 1e5 == pytest.approx((np.arange(1, filled + 1) / filled) ** (1 / recency), abs=0.006)


def test_of_one_claim_it_is_drawn_and_any_preference_for_young_ones_works():
    assert not recent(np.random.default_rng(0), np.array([1, 1]), 50, 2.5, (4, 64)).any()
    assert (recent(np.random.default_rng(0), np.array([7, 50]), 50, 1e300, (4, 64)) == 6).all()
    for nonsense in (0.5, np.nan, np.inf, "much"):
        with pytest.raises(InputError, match="recency"):
            bank(recency=nonsense)


def test_columns_are_standardised_as_numpy_does_however_many_there_are():
    seen = np.random.default_rng(0).normal(3, 2, (3_000, 12_000)).astype(np.float32)  # more than one portion
    seen[:, 7] = 1.5
    mean, scale = standards(seen)
    np.testing.assert_allclose(mean, seen.mean(0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(scale[:7], 1 / seen[:, :7].std(0, dtype=np.float64), rtol=1e-6)
    assert scale[7] == 1


@pytest.mark.parametrize(
    ("scale", "sight"), [(1.0, 1.0), (1e-3, 1.0), (1e-5, 1.0), (1.0, 1e30), (1.0, 1e39), (1.0, 1e300)]
)
def test_rewards_and_observations_of_any_size_are_learned(scale, sight):
    """One step, two actions, one of which earns. Random first bids must not dwarf rewards, nor float32 overflow."""
    population = Bank(2, 2, rng=np.random.default_rng(1), warm=64, hidden=16)
    draw = np.random.default_rng(2)
    for _ in range(600):
        seen, action = draw.normal(size=(1, 2)), draw.integers(2)
        earned = scale * ((seen[0, 0] > 0) == action)
        population.learn(
            replace(receipt(earned), observation=seen * sight, winner=np.array([action]), next_observation=seen * sight)
        )
    test = draw.normal(size=(200, 2))
    assert ((test[:, 0] > 0) == population.appraise(test * sight).value.argmax(axis=1)).mean() > 0.9


def test_training_that_earns_more_than_the_incumbent_did_needs_no_trial():
    """Novices only cost revenue: what training earns, less its standard error, the steady copy would earn at least."""
    population = bank(trial=2, window=2)
    population.copies[SHOWN], population.best, population.steps = 1.0, 10.0, 100
    for revenue, shown, best in ((12.0, 1.0, 10.0), (8.0, 1.0, 10.0), (40.0, 2.0, 24 - 16 / np.sqrt(2))):
        population.copies[STEADY] = 2.0
        population.trials.playing[0] = 0  # training
        population.learn(receipt(revenue))
        assert (population.copies[SHOWN] == shown).all()
        assert population.best == pytest.approx(best)
    population.trials.playing[0] = 7  # somebody's trial that is no longer open
    population.learn(receipt(99.0))
    assert population.best == pytest.approx(24 - 16 / np.sqrt(2)), "episodes of trials are none of training"
    assert population.revenue.tolist() == [40.0, 8.0]
