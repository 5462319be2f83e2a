"""Core-selecting package auctions (Day and Raghavan 2007; Day and Milgrom 2008).

The bids with the highest sum win, and the winners pay a point of the core at the reports: no losing coalition offered
the seller more. Among those payments the ones of least revenue leave the least to gain by misreporting (Day and Milgrom),
and among these the closest to a reference is taken: VCG payments (Day and Cramton 2012; spectrum auctions since 2008), the bids
(Ausubel and Baranov 2020), or nothing, which shares the burden as equally as the core permits.

Where VCG payments are in the core they are the payments. Otherwise bidding one's value is no equilibrium: with two local
bidders against a global one and values uniform on [0, 1] and [0, 2], locals bid max(0, v - (3 - 2 sqrt 2)) under
nearest-VCG, ln 2 - ln(2 - v) under nearest-bid, and max(0, 1 + ln v) if the burden is shared equally.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bundle_bids import BundleBids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.bundles import Bundles
from marketic.errors import InputError
from marketic.mechanisms.core_constraints import Core
from marketic.mechanisms.vcg import vcg_payments
from marketic.mechanisms.winner_determination import PackageProblem, determine, single_auctions
from marketic.numbers import check_kinds

REFERENCES = ("vcg", "bid", "zero")


@dataclass(frozen=True)
class CoreSelecting:
    """Efficient at the reports, core payments. `bids.value` [..., n, k] -> allocation [..., n, m], payments [..., n].

    reference: "vcg", "bid" or "zero": which payments the chosen ones are closest to (Euclidean distance).
    minimum_revenue: True: only core payments of least revenue are considered.
    """

    reference: str = "vcg"
    minimum_revenue: bool = True
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {Claim.EFFICIENT, Claim.CORE, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.SCALE_FREE}
    )
    domain: ClassVar[Bundles] = Bundles(share=0.02)

    def __post_init__(self) -> None:
        check_kinds(self)
        if not isinstance(self.reference, str) or self.reference not in REFERENCES:
            raise InputError(f"CoreSelecting(reference={self.reference!r}): wanted one of {', '.join(REFERENCES)}")

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """A local bidder lets the other one carry the burden."""
        truth, lie = BundleBids.of({"A": 8.0}, {"B": 8.0}, {"AB": 10.0}), {"A": 4.0}
        other = BundleBids.of(lie, {"B": 8.0}, {"AB": 10.0})
        return (Refutation(Claim.DSIC, truth, other, source="Day and Milgrom 2008"),)

    def clear(self, bids: BundleBids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Accept the best bids; the winners pay the core payments closest to the reference."""
        bids = bids.at_least(0.0)
        best = determine(bids, others=True)
        payments = vcg_payments(best)
        for place, one in single_auctions(bids):
            who = np.flatnonzero(best.won[place] > 0.0)
            if len(who):
                won, least = best.won[place][who], payments[place][who]
                payments[place][who] = self._payments(Core(PackageProblem(one), who, won, least))
        unpriced = np.full((*bids.value.shape[:-2], bids.goods), np.nan)
        return Clearing(best.allocation(bids), payments + 0.0, unpriced, best.certificate(bids))

    def _payments(self, core: Core) -> np.ndarray:
        if self.reference == "bid" and not self.minimum_revenue:
            return core.won
        reference = {"vcg": core.least, "bid": core.won, "zero": np.zeros_like(core.won)}[self.reference]
        return core.nearest(reference, self.minimum_revenue)
