"""Trade reduction: the least valuable efficient trade is given up, and sets the prices (McAfee 1992; Babaioff and Nisan 2004).

Of the k efficient trades the first k - 1 take place. Buyers pay b_k, sellers get s_k: prices set by traders who do not trade,
so truth is a dominant strategy, and as b_k >= s_k the house keeps (k - 1)(b_k - s_k) >= 0. The trade given up is the least
valuable of k, so at most 1/k of the gains from trade is lost; all of it if k = 1.
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
class TradeReduction:
    """All efficient trades but the last. `bids.value` with `bids.side` [..., n] -> payments [..., n], currency.

    The announced price is what buyers pay, [...]; sellers get less or as much.
    """

    domain: ClassVar[Exchange] = Exchange()
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {Claim.DSIC, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.ANONYMOUS, Claim.CONSERVES, Claim.SCALE_FREE}
    )
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.EFFICIENT, Bids([2.0, 1.0], side=[1, -1]), source="McAfee 1992"),
        Refutation(Claim.BUDGET_BALANCED, Bids([9.0, 8.0, 3.0, 4.0], side=[1, 1, -1, -1]), source="McAfee 1992"),
    )

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Trade the first k - 1 of both sides at b_k and s_k."""
        c = cross(bids)
        trades = np.maximum(c.trades - 1, 0)
        return Clearing(*settle(c, trades, c.value, c.cost), np.where(trades > 0, c.value, np.nan))
