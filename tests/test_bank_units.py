"""The bank's units: new ones move no price."""

import numpy as np
import pytest

from marketic.agents import Bank
from marketic.agents.bank_settle import SHOWN, price
from marketic.agents.bank_units import CUT, restandardise
from marketic.population import Receipt

INPUTS, HIDDEN, ACTIONS = 3, 8, 2


def drawn(rng):
    """A network, and two standards of which the second is up to three times as wide or narrow."""
    size = INPUTS * HIDDEN + HIDDEN + HIDDEN * HIDDEN + HIDDEN + HIDDEN * ACTIONS + ACTIONS
    copies = rng.normal(size=(2, size)).astype(np.float32)
    old = rng.normal(size=INPUTS).astype(np.float32), rng.uniform(0.5, 2, INPUTS).astype(np.float32)
    new = (
        (old[0] + rng.uniform(-1, 1, INPUTS)).astype(np.float32),
        (old[1] * rng.uniform(0.3, 3, INPUTS)).astype(np.float32),
    )
    return copies, old, new


def prices(copy, standards, seen, normalise):
    return price(copy, *standards, seen, ACTIONS, HIDDEN, normalise)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_new_standards_move_no_price(seed, normalise):
    rng = np.random.default_rng(seed)
    copies, old, new = drawn(rng)
    seen = old[0] + rng.uniform(-1, 1, (50, INPUTS)) / np.maximum(old[1], new[1])  # beyond no cut
    before = [prices(copy, old, seen, normalise) for copy in copies]
    moments = np.ones((2, copies.shape[1]), np.float32)
    restandardise(copies, moments, HIDDEN, old, new)
    for was, copy in zip(before, copies, strict=True):
        np.testing.assert_allclose(prices(copy, new, seen, normalise), was, rtol=1e-4, atol=1e-4)
    ratio = np.repeat(old[1] / new[1], HIDDEN)
    np.testing.assert_allclose(moments[0, : ratio.size], 1 / ratio, rtol=1e-5)
    np.testing.assert_allclose(moments[1, : ratio.size], 1 / ratio**2, rtol=1e-5)
    assert (moments[:, ratio.size :] == 1).all()


def test_a_component_that_was_almost_constant_does_not_swamp_the_others():
    """Its first deviation was 1e-5, and now it is 1: what was cut at five deviations must not become a hundred thousand."""
    copies, old, _ = drawn(np.random.default_rng(0))
    narrow = old[0], np.array([1e5, 1, 1], np.float32)
    wide = old[0] + np.float32([3, 0, 0]), np.ones(INPUTS, np.float32)
    was = np.abs(copies[:, :HIDDEN]).copy()
    bias = copies[:, INPUTS * HIDDEN : (INPUTS + 1) * HIDDEN].copy()
    restandardise(copies, np.zeros((2, copies.shape[1]), np.float32), HIDDEN, narrow, wide)
    np.testing.assert_allclose(np.abs(copies[:, :HIDDEN]), CUT * was, rtol=1e-6)
    shift = np.abs(copies[:, INPUTS * HIDDEN : (INPUTS + 1) * HIDDEN] - bias)
    np.testing.assert_allclose(shift, CUT * was, rtol=1e-4, atol=1e-5)


def test_what_a_bank_shows_stays_as_it_is_when_its_units_change():
    """Observations spread out, as those of a learner that gets further; units change at step 128."""
    bank = Bank(2, 2, rng=np.random.default_rng(0), warm=16, hidden=8, window=1, steady_rate=0.5)
    draw = np.random.default_rng(1)
    here = draw.normal(size=(20, 2)) * 0.2
    for step in range(1, 129):
        seen = draw.normal(size=(1, 2)) * (0.5 + step / 128)
        ends = step == 100  # one episode only: its copy is shown from then on
        reward = np.array([float(seen[0, 0] > 0)])
        before = bank.appraise(here).value
        units = bank.scale.copy(), bank.currency
        bank.learn(
            Receipt(
                valid=np.ones(1, bool), observation=seen, winner=np.zeros(1, np.int64), reward=reward, credit=reward,
                realised=reward, terminated=np.array([ends]), truncated=np.zeros(1, bool), next_observation=seen,
                discount=0.9, royalty=0.0,
            )
        )  # fmt: skip
    assert (bank.scale != units[0]).all()
    assert bank.currency != units[1]
    assert not (bank.copies[SHOWN] == bank.copies[0]).all()
    np.testing.assert_allclose(bank.appraise(here).value, before, rtol=1e-4, atol=1e-5)
