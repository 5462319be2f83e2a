"""Vickrey-Clarke-Groves package auction (Vickrey 1961; Clarke 1971; Groves 1973).

The bids with the highest sum win. A winner pays what its presence costs the others: the welfare that they would reach
without it, less the welfare that they reach with it, p_i = W_{-i} - (W - v_i). Its own report changes what it pays only
by changing what it gets, so truth is a dominant strategy.

Goods may be complements, and then the outcome can lie outside the core (Ausubel and Milgrom 2006): two bidders who want
one good each for 2 pay nothing against a third who wants both for 2. So revenue can fall when a bidder joins, and losers
can win together, or under two names (Yokoo, Sakurai and Matsubara 2004).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bundle_bids import BundleBids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.bundles import Bundles
from marketic.mechanisms.winner_determination import Winners, determine

SOURCE = "Ausubel and Milgrom 2006"
POOR = BundleBids.of({"AB": 2.0}, {"A": 2.0}, {"B": 2.0})
LOSER = BundleBids.of({"AB": 2.0}, {"AB": 1.5})
SHILLS = BundleBids.of({"AB": 2.0}, {"A": 2.0}, {"B": 2.0})


@dataclass(frozen=True)
class VCG:
    """Efficient allocation, externality payments. `bids.value` [..., n, k] -> allocation [..., n, m], payments [..., n].

    There are no prices of single goods: NaN [..., m].
    """

    claims: ClassVar[frozenset[Claim]] = frozenset(
        {Claim.DSIC, Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.SCALE_FREE}
    )
    domain: ClassVar[Bundles] = Bundles()
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.CORE, POOR, source=SOURCE),
        Refutation(
            Claim.REVENUE_MONOTONE,
            POOR,
            BundleBids(POOR.value, POOR.bundle, np.array([True, True, False])),
            who=(2,),
            source=SOURCE,
        ),
        Refutation(Claim.FALSE_NAME_PROOF, LOSER, SHILLS, who=(1, 2), source="Yokoo, Sakurai and Matsubara 2004"),
        Refutation(
            Claim.PAIR_PROOF,
            BundleBids.of({"AB": 2.0}, {"A": 0.5}, {"B": 0.5}),
            POOR,
            who=(1, 2),
            source=SOURCE,
        ),
    )

    def clear(self, bids: BundleBids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Accept the best bids; the winners pay what they displace."""
        bids = bids.at_least(0.0)
        best = determine(bids, others=True)
        allocation = best.allocation(bids)
        unpriced = np.full((*bids.value.shape[:-2], bids.goods), np.nan)
        return Clearing(allocation, vcg_payments(best), unpriced, best.certificate(bids))


def vcg_payments(best: Winners) -> np.ndarray:
    """What each bidder's presence costs the others, float64 [..., n], never beyond its bid."""
    assert best.others is not None
    n = best.won.shape[-1]
    rest = np.where(np.eye(n, dtype=bool), 0.0, best.won[..., None, :]).sum(axis=-1)
    cost = np.clip(best.others - rest, 0.0, best.won)
    return np.where(best.chosen.any(axis=-1), cost, 0.0)
