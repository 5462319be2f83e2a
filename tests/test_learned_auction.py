"""Learned auctions: closed forms of Myerson 1981, truthfulness whatever the parameters, and what regret is for."""

from dataclasses import dataclass

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.checks import check_mechanism
from marketic.claims import Claim
from marketic.clearing import Clearing
from marketic.domains.scalar import SingleGood
from marketic.errors import InputError
from marketic.mechanism import single_winner
from marketic.mechanisms.learned_auction import (
    VirtualValueAuction,
    VirtualValues,
    draw_lies,
    ex_post_regret,
    fit,
    revenue,
)


def uniform(rng, cases):
    return rng.random((cases, 2))


def one_and_two(rng, cases):
    return rng.random((cases, 2)) * [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "winner", "price"),
    [([0.8, 0.3], 0, 0.5), ([0.8, 0.7], 0, 0.7), ([0.4, 0.3], -1, 0.0), ([0.5], 0, 0.5), ([0.9, 0.9], 0, 0.9)],
)
def test_the_default_is_myersons_auction_for_uniform_values(values, winner, price):
    cleared = VirtualValueAuction().clear(Bids(values))
    assert cleared.allocation.tolist() == [i == winner for i in range(len(values))]
    assert cleared.payments.sum() == pytest.approx(price)
    assert np.isnan(cleared.prices) == (winner < 0)


def test_asymmetric_virtual_values():
    """Values U[0, 1] and U[0, 2]: phi = 2 v - 1 and 2 v - 2, reserves 1/2 and 1, revenue 31/48."""
    auction = VirtualValueAuction([[[2.0]], [[2.0]]], [[[-1.0]], [[-2.0]]])
    assert auction.clear(Bids([0.6, 1.3])).payments.tolist() == pytest.approx([0.0, 1.1])
    assert auction.clear(Bids([0.9, 1.3])).payments.tolist() == pytest.approx([0.8, 0.0])
    sample = Bids(one_and_two(np.random.default_rng(0), 400_000))
    assert revenue(auction, sample) == pytest.approx(31 / 48, abs=2e-3)
    with pytest.raises(InputError, match="for 2 bidders got 3 bids"):
        auction.clear(Bids([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", [VirtualValues(groups=2), VirtualValues(bidders=3, groups=2, pieces=3)])
def test_truth_is_dominant_whatever_the_parameters(family, seed):
    auction = family.build(np.random.default_rng(seed).normal(size=family.size))
    report = check_mechanism(auction, budget=4000)
    assert {Claim.DSIC.name, Claim.INDIVIDUALLY_RATIONAL.name} <= set(report.verdicts)
    assert not report.untested
    grid = np.linspace(0.0, 3.0, 301)
    shape = (301, family.bidders or 1)
    there = auction.virtual(np.broadcast_to(grid[:, None], shape))
    assert (np.diff(there, axis=0) > 0).all()
    assert auction.inverse(there) == pytest.approx(np.broadcast_to(grid[:, None], shape))


def test_the_default_keeps_its_claims_and_is_not_efficient():
    report = check_mechanism(VirtualValueAuction())
    assert report.verdicts["not EFFICIENT"].status == "kept"
    assert VirtualValueAuction([[1.0]], [[0.0]]).refuted == ()


def test_fitted_to_uniform_values_it_earns_what_myersons_earns():
    fitted = fit(VirtualValues(), uniform, np.random.default_rng(0))
    fresh = Bids(uniform(np.random.default_rng(99), 50_000))
    assert revenue(fitted.mechanism, fresh) >= 0.95 * 5 / 12  # Myerson 1981; second price alone earns 1/3
    lies = draw_lies(SingleGood(), fresh, 5, np.random.default_rng(1))
    assert ex_post_regret(fitted.mechanism, fresh, lies) < 1e-9


def test_the_same_generator_fits_the_same_mechanism():
    one, other = (fit(VirtualValues(), uniform, np.random.default_rng(3), cases=40, restarts=1) for _ in range(2))
    assert one.mechanism == other.mechanism
    assert one.parameters.tolist() == other.parameters.tolist()


def test_fitted_to_unequal_bidders_it_tells_them_apart():
    fitted = fit(VirtualValues(bidders=2, pieces=1), one_and_two, np.random.default_rng(0), lies=0)
    fresh = Bids(one_and_two(np.random.default_rng(99), 50_000))
    assert revenue(fitted.mechanism, fresh) >= 0.95 * 31 / 48


@dataclass(frozen=True)
class Between:
    """The winner pays something between the second bid and its own, and at least a reserve: truthful at share 0 only."""

    share: float
    reserve: float
    claims = frozenset()

    def clear(self, bids, *, rng=None):
        wins, top, second, _ = single_winner(bids.value, bids.active & (bids.value >= self.reserve))
        floor = np.maximum(np.where(np.isfinite(second), second, 0.0), self.reserve)
        price = np.where(np.isfinite(top), floor + self.share * (np.where(np.isfinite(top), top, 0.0) - floor), 0.0)
        return Clearing(wins, np.where(wins, price[..., None], 0.0), price)


class BetweenFamily:
    size = 2

    def build(self, parameters):
        return Between(*(1 / (1 + np.exp(-parameters))))


def test_the_penalty_on_regret_is_what_makes_a_free_rule_truthful():
    greedy = fit(BetweenFamily(), uniform, np.random.default_rng(0), multiplier=0.0, restarts=1)
    careful = fit(BetweenFamily(), uniform, np.random.default_rng(0), restarts=1)
    assert greedy.mechanism.share > 0.95
    assert greedy.regret > 0.05
    assert careful.mechanism.share < 0.01
    assert careful.mechanism.reserve == pytest.approx(0.5, abs=0.05)
    assert careful.regret < 1e-3
    assert careful.revenue == pytest.approx(5 / 12, rel=0.05)


def test_regret_of_first_price_is_its_closed_form():
    """Two bidders, truth (v, w): the best lie is to bid just above w, which gains v - w where v > w."""
    truth = Bids(uniform(np.random.default_rng(0), 4000))
    lies = draw_lies(SingleGood(), truth, 200, np.random.default_rng(1))
    assert ex_post_regret(Between(1.0, 0.0), truth, lies) == pytest.approx(1 / 6, rel=0.05)  # E max(v - w, 0)


BAD = {
    "flat": ([[0.0]], [[1.0]]),
    "falling": ([[-1.0]], [[1.0]]),
    "no groups": ([1.0], [1.0]),
    "other shapes": ([[1.0]], [[1.0, 2.0]]),
    "no number": ([[np.nan]], [[1.0]]),
    "ragged": ([[1.0], [1.0, 2.0]], [[1.0]]),
    "words": ([["a"]], [[1.0]]),
}


@pytest.mark.parametrize(("slopes", "intercepts"), BAD.values(), ids=BAD)
def test_bad_parameters_are_refused(slopes, intercepts):
    with pytest.raises(InputError, match="VirtualValueAuction"):
        VirtualValueAuction(slopes, intercepts)


def test_bad_settings_are_refused():
    with pytest.raises(InputError, match="restarts=0"):
        fit(VirtualValues(), uniform, np.random.default_rng(0), restarts=0)
