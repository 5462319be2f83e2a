"""VCG package auctions: textbook values, pathologies, and equality with scalar and multi-unit Vickrey auctions."""

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.bundle_bids import BundleBids
from marketic.checks import check_mechanism
from marketic.domains.bundles import Bundles
from marketic.mechanisms import winner_determination
from marketic.mechanisms.bid_generators import regions, scheduling
from marketic.mechanisms.second_price import SecondPrice
from marketic.mechanisms.vcg import LOSER, POOR, SHILLS, VCG
from marketic.mechanisms.winner_determination import determine


def test_keeps_its_claims_and_breaks_the_refuted_ones():
    assert check_mechanism(VCG(), budget=8000).passed


def test_revenue_falls_when_a_bidder_joins():
    """Ausubel and Milgrom 2006: {AB: 2}, {A: 2}, {B: 2} raises nothing; without the third bidder 2."""
    assert VCG().clear(POOR).payments.tolist() == [0.0, 0.0, 0.0]
    fewer = BundleBids(POOR.value, POOR.bundle, np.array([True, True, False]))
    assert VCG().clear(fewer).payments.sum() == 2.0


def test_a_loser_wins_everything_for_nothing_under_two_names():
    """Yokoo, Sakurai and Matsubara 2004."""
    assert not VCG().clear(LOSER).allocation[1].any()
    shilled = VCG().clear(SHILLS)
    assert shilled.allocation[1:].any(axis=0).all()
    assert shilled.payments.tolist() == [0.0, 0.0, 0.0]


def test_clarke_payments_by_hand():
    """W = 12 + 8; without the first bidder 11 + 8 (the AB bid at 15 falls short), without the second 12 + 5."""
    cleared = VCG().clear(BundleBids.of({"A": 12.0}, {"B": 8.0}, {"A": 11.0, "B": 5.0}, {"AB": 15.0}))
    assert cleared.allocation.tolist() == [[True, False], [False, True], [False, False], [False, False]]
    assert cleared.payments.tolist() == [11.0, 5.0, 0.0, 0.0]


@pytest.mark.parametrize("bidders", [0, 1, 2, 5])
def test_one_good_is_the_second_price_auction(bidders):
    bids = Bids(np.random.default_rng(bidders).integers(0, 5, size=(200, bidders)) + 0.5)
    package, single = VCG().clear(BundleBids.single(bids)), SecondPrice().clear(bids)
    assert np.array_equal(package.allocation[..., 0], single.allocation)
    assert np.array_equal(package.payments, single.payments)


def test_or_bidders_pay_what_xor_bidders_with_the_same_values_pay():
    additive = BundleBids.of({"A": 3.0, "B": 2.0}, {"A": 1.0, "B": 1.5}, exclusive=False)
    spelled = BundleBids.of({"A": 3.0, "B": 2.0, "AB": 5.0}, {"A": 1.0, "B": 1.5, "AB": 2.5})
    assert VCG().clear(additive).payments.tolist() == VCG().clear(spelled).payments.tolist() == [2.5, 0.0]


@pytest.mark.parametrize("kind", [regions, scheduling], ids=lambda kind: kind.__name__)
def test_one_model_with_changed_bounds_gives_what_solving_again_gives(kind, monkeypatch):
    monkeypatch.setattr(winner_determination, "in_reach", lambda *_: False)
    bids = kind(np.random.default_rng(4), 25, 20, 3)
    best, payments = determine(bids), VCG().clear(bids).payments
    for who in np.flatnonzero(best.won):
        active = np.arange(25) != who
        without = determine(BundleBids(bids.value, bids.bundle, active, bids.offered)).welfare
        assert payments[who] == pytest.approx(without - (best.welfare - best.won[who]), abs=1e-9)
    assert (payments[best.won == 0.0] == 0.0).all()


def test_the_core_is_missed_exactly_where_goods_are_complements():
    domain = Bundles()
    substitutes = BundleBids.of({"A": 5.0, "B": 4.0, "AB": 6.0}, {"A": 3.0, "B": 3.0, "AB": 4.0})
    batch = BundleBids(substitutes.value[None], substitutes.bundle[None])
    assert domain.blocking_gain(batch, VCG().clear(batch))[0] <= 1e-12
    batch = BundleBids(POOR.value[None], POOR.bundle[None])
    assert domain.blocking_gain(batch, VCG().clear(batch))[0] == 2.0
