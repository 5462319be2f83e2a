"""Discriminatory (pay-as-bid) auction of several units (Krishna 2010, section 12.1.1).

The highest bids win and each winning bid is paid: the first-price auction of many units. The seller gets the whole surplus
that was reported, so bidders shade, and the outcome is efficient only at truthful bids. Taken as reports of
value, the outcome is in the core: it is the point of it that the seller likes best.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.demand_bids import DemandBids, check_units, demand, highest_bids, in_demand
from marketic.domains.units import Units
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class Discriminatory:
    """`units` units, each winner pays its winning bids. `bids.value` [..., n, k] -> payments [..., n], currency.

    The announced price is the lowest winning bid. Bidders with increasing marginal values are refused.
    """

    units: int = 2
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {
            Claim.EFFICIENT,
            Claim.INDIVIDUALLY_RATIONAL,
            Claim.NO_DEFICIT,
            Claim.ANONYMOUS,
            Claim.SCALE_FREE,
            Claim.CORE,
            Claim.REVENUE_MONOTONE,
        }
    )
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.DSIC, DemandBids([[2.0]]), DemandBids([[1.0]]), source="bid shading"),
    )

    def __post_init__(self) -> None:
        check_kinds(self)
        check_units("Discriminatory", self.units)

    @property
    def domain(self) -> Units:
        """Marginal values that never increase."""
        return Units.of(self.units)

    def clear(self, bids: DemandBids | Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell the units to the highest bids, each at itself."""
        sound = demand(bids, self.units)
        units = in_demand(sound, self.units)
        won, ranked, _ = highest_bids(sound, units)
        wins = np.arange(sound.value.shape[-1]) < won[..., None]  # marginal values fall: the first ones won
        sold = won.sum(axis=-1).astype(np.int64)
        last = np.take_along_axis(ranked, np.maximum(sold - 1, 0)[..., None], axis=-1)[..., 0]
        return Clearing(won, np.where(wins, sound.value, 0.0).sum(axis=-1), np.where(sold > 0, last, np.nan))
