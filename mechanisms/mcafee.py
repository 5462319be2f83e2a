"""McAfee's (1992) dominant-strategy double auction: trade reduction only where it is needed.

Take the price p = (b_k+1 + s_k+1) / 2, set by the first buyer and the first seller who do not trade. If s_k <= p <= b_k, all k
efficient trades take place at p, and the house breaks even. Otherwise the last of them is given up: buyers pay b_k, sellers
get s_k, and the house keeps the difference. Nobody who trades sets a price.

Where there is no (k+1)-th buyer or seller, the bounds of what is known about values stand in, as in McAfee's paper; if
nothing is known (infinite bounds), or a bound is overtaken by a bid, there is no such price, and a trade is given up.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.exchange import Exchange
from marketic.errors import InputError
from marketic.mechanisms.crossing import cross, settle
from marketic.numbers import check_kinds

_REDUCED = Bids([9.0, 8.0, 1.0, 3.0, 4.0, 30.0], side=[1, 1, 1, -1, -1, -1])
"""k = 2 and p = 15.5, above b_2 = 8: the second trade is given up."""


@dataclass(frozen=True)
class McAfee:
    """All efficient trades or all but one. `bids.value` with `bids.side` [..., n] -> payments [..., n], currency.

    lowest, highest: values and costs are known to lie between these amounts, currency. The announced price is
    what buyers pay, [...].
    """

    lowest: float = -np.inf
    highest: float = np.inf
    domain: ClassVar[Exchange] = Exchange()
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.EFFICIENT, _REDUCED, source="McAfee 1992"),
        Refutation(Claim.BUDGET_BALANCED, _REDUCED, source="McAfee 1992"),
    )

    def __post_init__(self) -> None:
        check_kinds(self)
        if not self.lowest <= self.highest:
            raise InputError(f"McAfee(lowest={self.lowest}, highest={self.highest}): wanted lowest <= highest")

    @property
    def claims(self) -> frozenset[Claim]:
        """Free of scale unless amounts are named."""
        kept = {Claim.DSIC, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.ANONYMOUS, Claim.CONSERVES}
        named = np.isfinite(self.lowest) or np.isfinite(self.highest)
        return frozenset(kept if named else kept | {Claim.SCALE_FREE})

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Trade k or k - 1 of both sides, at one price or at two."""
        c = cross(bids)
        below = np.where(np.isinf(c.next_value), self.lowest, c.next_value)
        above = np.where(np.isinf(c.next_cost), self.highest, c.next_cost)
        known = np.isfinite(below) & np.isfinite(above) & (below <= above)
        price = (np.where(known, below, 0.0) + np.where(known, above, 0.0)) / 2.0
        full = known & (c.cost <= price) & (price <= c.value)
        trades = np.where(full, c.trades, np.maximum(c.trades - 1, 0))
        paid, received = np.where(full, price, c.value), np.where(full, price, c.cost)
        return Clearing(*settle(c, trades, paid, received), np.where(trades > 0, paid, np.nan))
