"""Uniform-price auction of several units: the highest bids win, and every unit costs the same (Krishna 2010, section 12.1.2).

Two conventions for the price: the highest losing bid (Krishna; default) or the lowest winning bid (US Treasury, most power
exchanges). Both are market-clearing prices, so the outcome at truthful bids is efficient and in the core.

A bidder who wants several units may set the price that it pays for all of them, and gains by asking for fewer: demand
reduction (Ausubel, Cramton et al. 2014, "Demand reduction and inefficiency in multi-unit auctions"). Only if everybody
wants one unit does the highest losing bid make truth a dominant strategy: nobody can then win and set the price. With
the lowest winning bid somebody always can.

Units that nobody wants stay unsold. The highest losing bid is then 0; the lowest winning bid is what it says.
"""

from dataclasses import dataclass

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.demand_bids import DemandBids, check_units, demand, highest_bids, in_demand
from marketic.domains.units import MOST_WANTED, Units
from marketic.numbers import check_kinds
from marketic.screening import Reason


@dataclass(frozen=True)
class UniformPrice:
    """`units` units at one price. `bids.value` [..., n, k] -> allocation (units) and payments [..., n], currency.

    units: for sale, >= 1. lowest_winning: the price is the lowest winning bid, not the highest losing one.
    unit_demand: bidders who want more than one unit are refused. Bidders with increasing marginal values always are.
    """

    units: int = 2
    lowest_winning: bool = False
    unit_demand: bool = False

    def __post_init__(self) -> None:
        check_kinds(self)
        check_units("UniformPrice", self.units)

    @property
    def claims(self) -> frozenset[Claim]:
        """Truth is dominant only where nobody can want a second unit and losers set the price."""
        always = {Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.CORE, Claim.ANONYMOUS}
        always = always | {Claim.SCALE_FREE}
        if self.lowest_winning:
            return frozenset(always)
        single = self.unit_demand or self.units == 1
        return frozenset(
            always | {Claim.REVENUE_MONOTONE} | ({Claim.DSIC, Claim.FALSE_NAME_PROOF} if single else set())
        )

    @property
    def terms(self) -> dict[Claim, Terms]:
        """The domain in which truth is dominant."""
        return {Claim.DSIC: Terms(domain="nobody wants more than one unit", source="Krishna 2010, section 13.4")}

    @property
    def domain(self) -> Units:
        """Marginal values that never increase."""
        return Units(self.units, 1) if self.unit_demand else Units.of(self.units)

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Demand reduction; and a lone bidder who names less, where its own bid is the price."""
        if self.lowest_winning:
            low = Refutation(Claim.DSIC, DemandBids([[2.0]]), DemandBids([[1.0]]), source="it is its own price")
            gone = DemandBids([[2.0], [1.0]], np.array([True, False]))
            fall = Refutation(
                Claim.REVENUE_MONOTONE, DemandBids([[2.0], [0.5]]), gone, (1,), "a low bid sets the price"
            )
            return (low, fall) if self.units > 1 else (low,)
        if Claim.DSIC in self.claims or self.units > MOST_WANTED:
            return ()
        flat = [4.0] * (self.units - 2)
        truth = DemandBids([[5.0, *flat, 4.0], [3.0, 0.0, *[0.0] * len(flat)]])
        reduced = DemandBids([[5.0, *flat, 0.0], [3.0, 0.0, *[0.0] * len(flat)]])
        return (Refutation(Claim.DSIC, truth, reduced, source="demand reduction (Ausubel, Cramton et al. 2014)"),)

    def clear(self, bids: DemandBids | Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell the units to the highest bids, all at one price."""
        sound = demand(bids, self.units)
        if self.unit_demand:
            sound = sound.refusing(np.any(sound.value[..., 1:] > 0.0, axis=-1), Reason.TOO_MANY)
        units = in_demand(sound, self.units)
        won, ranked, _ = highest_bids(sound, units)
        sold = won.sum(axis=-1).astype(np.int64)
        last = np.take_along_axis(ranked, np.maximum(sold - 1, 0)[..., None], axis=-1)[..., 0]
        price = last if self.lowest_winning else ranked[..., units]
        return Clearing(won, won * price[..., None], np.where(sold > 0, price, np.nan))
