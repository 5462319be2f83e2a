"""Claims that an option decides: what is claimed holds, and what is not claimed for another option is false there."""

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.checks import ClaimRefuted, check_mechanism
from marketic.claims import Claim
from marketic.domains import Shares
from marketic.mechanisms import (
    GSP,
    BalancedExchange,
    DoubleAuction,
    McAfee,
    ProportionalShare,
    SecondPrice,
    SequentialPostedPrices,
    Subsidised,
    Taxed,
    VCGPosition,
    VirtualValueAuction,
)

TWO_PIECES = ((2.0, 1.0), (3.0, 0.5)), ((-1.0, 0.0), (-0.5, 0.2))
KEPT = [
    (BalancedExchange(), Claim.SCALE_FREE),
    (DoubleAuction(0.3), Claim.SCALE_FREE),
    (McAfee(), Claim.SCALE_FREE),
    (ProportionalShare(), Claim.REVENUE_MONOTONE),
    (SequentialPostedPrices((0.3, 0.9), order=(1, 0)), Claim.REVENUE_MONOTONE),
    (VirtualValueAuction(*TWO_PIECES), Claim.REVENUE_MONOTONE),
    (VirtualValueAuction(*TWO_PIECES), Claim.FALSE_NAME_PROOF),
    (Taxed(SecondPrice()), Claim.SCALE_FREE),
    (Taxed(SecondPrice(), 0.3, included=True), Claim.SCALE_FREE),
    (Subsidised(SecondPrice(), 0.0, 0.3), Claim.SCALE_FREE),
    (GSP((1.5, 0.7, 0.2)), Claim.SCALE_FREE),
]


@pytest.mark.parametrize(("mechanism", "claim"), KEPT)
def test_what_an_option_keeps(mechanism, claim) -> None:
    assert claim in mechanism.claims
    assert check_mechanism(mechanism, budget=1_000).passed


class Boast:
    """Claims one thing more."""

    def __init__(self, mechanism, claim):
        self.mechanism, self.claims = mechanism, frozenset({claim})

    @property
    def domain(self):
        return getattr(self.mechanism, "domain", None)

    def clear(self, bids, *, rng=None):
        return self.mechanism.clear(bids, rng=rng)


LOST = [
    (McAfee(0.0, 1.0), Claim.SCALE_FREE),
    (SequentialPostedPrices((0.3, 0.9)), Claim.REVENUE_MONOTONE),
    (SequentialPostedPrices((0.9, 0.3), order=(1, 0)), Claim.REVENUE_MONOTONE),
    (Subsidised(SecondPrice(), 0.1, 0.3), Claim.SCALE_FREE),
]


@pytest.mark.parametrize(("mechanism", "claim"), LOST)
def test_what_an_option_loses(mechanism, claim) -> None:
    assert claim not in mechanism.claims
    with pytest.raises(ClaimRefuted, match=claim.name):
        check_mechanism(Boast(mechanism, claim), budget=4_000)


@pytest.mark.parametrize("clicks", [(1e9, 1.0), (1e-3, 1e-7), (1.0, 1.0, 1.0), (1.0, 1e-300), (1e12, 1e12)])
@pytest.mark.parametrize("auction", [GSP, VCGPosition])
def test_clicks_of_any_number(auction, clicks) -> None:
    """A bid is for one click: a thousand million of them round a thousand million times as coarsely."""
    mechanism = auction(clicks)
    assert check_mechanism(mechanism, budget=1_000).passed
    bids = mechanism.domain.draw(np.random.default_rng(0), 200, 4)
    cleared = mechanism.clear(bids)
    assert (cleared.payments <= cleared.allocation * bids.value).all()


def test_a_large_capacity_is_rounded_as_coarsely_as_it_is_worth() -> None:
    class Overfull(ProportionalShare):
        """Hands out a millionth too much."""

        def clear(self, bids: Bids, *, rng=None):
            cleared = super().clear(bids, rng=rng)
            cleared.allocation[...] *= 1 + 1e-6
            return cleared

    assert check_mechanism(ProportionalShare(1e9), budget=400).passed
    assert Shares(1e9).units_per_bid == 1e9
    assert "FEASIBLE" in check_mechanism(Overfull(1e9), budget=400, raises=False).refuted
