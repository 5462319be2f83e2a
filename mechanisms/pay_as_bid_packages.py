"""Pay-as-bid package auction: the menu auction of Bernheim and Whinston (1986).

The bids with the highest sum win, and winners pay what they bid. At the reports the outcome is in the core: the seller has
the whole surplus. Nobody should bid its value; in the equilibria that coalitions cannot upset, bidders subtract the same
profit from all their bids, and earn a point of the core that is best for bidders.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bundle_bids import BundleBids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.bundles import Bundles
from marketic.mechanisms.winner_determination import determine


@dataclass(frozen=True)
class PayAsBidPackages:
    """Efficient at the reports, winners pay their bids. `bids.value` [..., n, k] -> allocation [..., n, m]."""

    claims: ClassVar[frozenset[Claim]] = frozenset(
        {
            Claim.EFFICIENT,
            Claim.CORE,
            Claim.INDIVIDUALLY_RATIONAL,
            Claim.NO_DEFICIT,
            Claim.REVENUE_MONOTONE,
            Claim.SCALE_FREE,
        }
    )
    domain: ClassVar[Bundles] = Bundles()
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(
            Claim.DSIC,
            BundleBids.of({"A": 2.0}, {"A": 1.0}),
            BundleBids.of({"A": 1.5}, {"A": 1.0}),
            source="Bernheim and Whinston 1986",
        ),
    )

    def clear(self, bids: BundleBids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Accept the best bids at what they say."""
        bids = bids.at_least(0.0)
        best = determine(bids)
        unpriced = np.full((*bids.value.shape[:-2], bids.goods), np.nan)
        return Clearing(best.allocation(bids), best.won, unpriced, best.certificate(bids))
