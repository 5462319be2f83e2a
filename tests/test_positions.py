"""Position auctions: the published example, the envy-free equilibrium, and VCG against its definition."""

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.checks import check_mechanism
from marketic.domains.position import Positions
from marketic.errors import InputError
from marketic.mechanisms import SecondPrice
from marketic.mechanisms.position import GSP, VCGPosition, envy_free_bids

CLICKS = [(200.0, 100.0), (3.0,), (5.0, 4.0, 1.0), (1.0, 0.7, 0.7, 0.1)]


@pytest.mark.parametrize("clicks", CLICKS, ids=str)
@pytest.mark.parametrize("kind", [GSP, VCGPosition])
def test_each_keeps_its_claims(kind, clicks):
    assert check_mechanism(kind(clicks), budget=1_000).passed


def test_the_example_of_edelman_ostrovsky_and_schwarz():
    """Values 10, 4, 2 and 200, 100 clicks: GSP at the truth collects 800 and 200, VCG 600 and 200."""
    bids = Bids([10.0, 4.0, 2.0])
    gsp, vcg = GSP((200, 100)).clear(bids), VCGPosition((200, 100)).clear(bids)
    assert gsp.payments.tolist() == [800.0, 200.0, 0.0]
    assert vcg.payments.tolist() == [600.0, 200.0, 0.0]
    assert gsp.allocation.tolist() == vcg.allocation.tolist() == [200.0, 100.0, 0.0]
    assert (gsp.prices.tolist(), vcg.prices.tolist()) == ([4.0, 2.0], [3.0, 2.0])


def test_truth_is_no_equilibrium_of_gsp():
    """With 199 clicks in the second slot the first bidder is better off there (same paper, section 2)."""
    gsp = GSP((200, 199))

    def earned(report):
        cleared = gsp.clear(Bids([report, 4.0, 2.0]))
        return 10.0 * cleared.allocation[0] - cleared.payments[0]

    assert earned(10.0) == 1200.0
    assert earned(3.0) == 199 * 8


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_vcg_charges_what_the_others_lose(n):
    clicks = (5.0, 4.0, 1.0)
    bids = Positions(clicks).draw(np.random.default_rng(n), 300, n)
    cleared = VCGPosition(clicks).clear(bids)
    welfare = bids.value * cleared.allocation
    for i in range(n):
        active = bids.active.copy()
        active[:, i] = False
        without = Positions(clicks).optimum(Bids(bids.value, active))
        lost = np.where(bids.active[:, i], without - (welfare.sum(axis=1) - welfare[:, i]), 0.0)
        assert cleared.payments[:, i] == pytest.approx(lost, rel=1e-9, abs=1e-9 * max(1.0, welfare.max()))


def test_gsp_is_vcg_at_the_lowest_envy_free_bids_and_dearer_at_others():
    rng = np.random.default_rng(0)
    for _ in range(50):
        value = -np.sort(-rng.random(int(rng.integers(1, 7))))
        clicks = tuple(-np.sort(-rng.random(int(rng.integers(1, 5)))) + 0.01)
        bids = envy_free_bids(value, clicks)
        assert (np.diff(bids) <= 1e-12).all()
        gsp, vcg = GSP(clicks).clear(Bids(bids)), VCGPosition(clicks).clear(Bids(value))
        assert gsp.payments == pytest.approx(vcg.payments)
        own = value * gsp.allocation - gsp.payments
        for i, v in enumerate(value):  # no bidder would rather have another's slot at that one's price
            assert own[i] >= (v * gsp.allocation - gsp.payments).max() - 1e-12
        assert GSP(clicks).clear(Bids(value)).payments.sum() >= vcg.payments.sum() - 1e-12


def test_one_slot_is_a_second_price_auction():
    bids = Positions((1.0,)).draw(np.random.default_rng(0), 500, 4)
    wanted = SecondPrice().clear(bids)
    for kind in (GSP, VCGPosition):
        cleared = kind((1.0,)).clear(bids)
        assert np.array_equal(cleared.allocation, wanted.allocation)
        assert np.array_equal(cleared.payments, wanted.payments)


def test_ties_absentees_and_empty_slots():
    cleared = GSP((3, 2, 1)).clear(Bids([2.0, 5.0, 2.0, 9.0], np.array([True, True, True, False])))
    assert cleared.allocation.tolist() == [2.0, 3.0, 1.0, 0.0]
    assert cleared.payments.tolist() == [4.0, 6.0, 0.0, 0.0]
    few = VCGPosition((3, 2, 1)).clear(Bids([[2.0], [-1.0]]))
    assert few.allocation.tolist() == [[3.0], [0.0]]
    assert np.isnan(few.prices).tolist() == [[False, True, True], [True, True, True]]
    assert GSP().clear(Bids(np.zeros((2, 0)))).allocation.shape == (2, 0)


@pytest.mark.parametrize("clicks", [(), (1, 2), (1, 0), (1, np.nan), ((1, 2), (3, 4))], ids=str)
@pytest.mark.parametrize("kind", [GSP, VCGPosition])
def test_slots_must_not_increase(kind, clicks):
    with pytest.raises(InputError, match="wanted numbers > 0"):
        kind(clicks)
