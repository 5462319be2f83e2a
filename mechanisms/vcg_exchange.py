"""VCG double auction: everybody pays its own critical value, and the house makes up the difference.

All k efficient trades take place. A buyer pays the lowest bid with which it would still have traded, max(s_k, b_k+1), and a
seller gets the highest ask with which it would, min(b_k, s_k+1) (Vickrey 1961, section III). What one reports decides only
whether one trades, so truth is a dominant strategy. The first price is never above the second, so the house loses
k times the difference: for one buyer and one seller with uniform values on average 1/6, all the gains from trade.

Myerson and Satterthwaite (1983): no rule is efficient, truthful (even in Bayes-Nash equilibrium), voluntary and free of
deficit. This one gives up the last; `McAfee` the first; `DoubleAuction` the second.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.exchange import Exchange
from marketic.mechanisms.crossing import cross, settle


@dataclass(frozen=True)
class VCGExchange:
    """All efficient trades at critical values. `bids.value` with `bids.side` [..., n] -> payments [..., n], currency.

    The announced price is what buyers pay, [...]; sellers get more or as much.
    """

    domain: ClassVar[Exchange] = Exchange()
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {Claim.DSIC, Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL, Claim.ANONYMOUS, Claim.CONSERVES, Claim.SCALE_FREE}
    )
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.NO_DEFICIT, Bids([2.0, 1.0], side=[1, -1]), source="Myerson and Satterthwaite 1983"),
        Refutation(Claim.BUDGET_BALANCED, Bids([2.0, 1.0], side=[1, -1]), source="Myerson and Satterthwaite 1983"),
    )

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Trade the first k of both sides, each at its critical value."""
        c = cross(bids)
        paid, received = np.maximum(c.cost, c.next_value), np.minimum(c.value, c.next_cost)
        return Clearing(*settle(c, c.trades, paid, received), paid)
