"""Vickrey auction of several units (Vickrey 1961; Krishna 2010, section 12.1.3).

The highest bids win. A bidder who wins x units pays for them the x highest losing bids of the *others*: the surplus that its
presence takes from them. Its own bids decide only how much it wins, so truth is a dominant strategy.

All claims need marginal values that never increase, and a bidder who reports others is refused. On that domain units are
substitutes, so the outcome is in the core, revenue grows with the number of bidders (Ausubel and Milgrom 2002), and
bidding under several names does not pay (Yokoo, Sakurai and Matsubara 2004). Groups can still collude.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.demand_bids import DemandBids, check_units, demand, highest_bids, in_demand
from marketic.domains.units import MOST_WANTED, Units
from marketic.numbers import check_kinds

FALLING = Terms(domain="marginal values never increase", source="Krishna 2010, section 12.1.3")


@dataclass(frozen=True)
class VickreyUnits:
    """`units` units, each winner pays the others' bids that it displaces. `bids.value` [..., n, k] -> payments [..., n].

    The announced price is the highest losing bid (0: no bid lost), at which the clinching clock stops.
    """

    units: int = 2
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {
            Claim.DSIC,
            Claim.EFFICIENT,
            Claim.INDIVIDUALLY_RATIONAL,
            Claim.NO_DEFICIT,
            Claim.ANONYMOUS,
            Claim.SCALE_FREE,
            Claim.CORE,
            Claim.REVENUE_MONOTONE,
            Claim.FALSE_NAME_PROOF,
        }
    )
    terms: ClassVar[dict[Claim, Terms]] = dict.fromkeys(claims, FALLING)

    def __post_init__(self) -> None:
        check_kinds(self)
        check_units("VickreyUnits", self.units)

    @property
    def domain(self) -> Units:
        """Marginal values that never increase."""
        return Units.of(self.units)

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """The loser withdraws, the winner pays nothing, and they share the gain."""
        return collusion(self.units)

    def clear(self, bids: DemandBids | Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell the units to the highest bids at the highest losing bids of the others."""
        sound = demand(bids, self.units)
        units = in_demand(sound, self.units)
        won, ranked, owner = highest_bids(sound, units)
        lost, whose = ranked[..., units : 3 * units], owner[..., units : 3 * units]
        others = whose[..., None, :] != np.arange(sound.active.shape[-1])[:, None]
        displaced = others & (others.cumsum(axis=-1) <= won[..., None])
        # the lowest first, in the order in which a clinching clock adds them up
        amounts = np.where(displaced, lost[..., None, :], 0.0)[..., ::-1].cumsum(axis=-1)
        price = np.where(won.any(axis=-1), ranked[..., units], np.nan)
        return Clearing(won, amounts[..., -1], price)


def collusion(units: int) -> tuple[Refutation, ...]:
    """Two bidders who together gain: the one with the lower values stays out. None where they would have to want too many."""
    if units > MOST_WANTED:
        return ()
    truth = DemandBids([[3.0] * units, [2.0] * units])
    other = DemandBids([[3.0] * units, [0.0] * units])
    return (Refutation(Claim.PAIR_PROOF, truth, other, (0, 1), "Krishna 2010, section 11.1"),)
