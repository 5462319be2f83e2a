"""SBBA: a truthful double auction in which all the money stays with the traders (Segal-Halevi, Hassidim and Aumann 2016).

One price for all: p = min(b_k, s_k+1). If s_k+1 <= b_k, seller k+1 sets the price and does not trade, and all k efficient
trades take place. Otherwise buyer k sets the price and does not trade, and one of the k sellers, drawn at random, goes
without: k - 1 trades. Nobody who may trade can move the price in its favour, so truth is a dominant strategy in
expectation (and, as the draw does not look at the asks, in every draw). In expectation at most 1/k of the gains is lost.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Holds, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains.exchange import Exchange
from marketic.mechanisms.crossing import cross


@dataclass(frozen=True)
class BalancedExchange:
    """One price, set by who does not trade. `bids.value` with `bids.side` [..., n] -> payments [..., n], currency.

    Without `rng` a seller's allocation and payment are its expectations, minus (k - 1)/k of a unit where one of k goes without;
    with `rng` one draw.
    """

    domain: ClassVar[Exchange] = Exchange()
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {
            Claim.DSIC,
            Claim.INDIVIDUALLY_RATIONAL,
            Claim.NO_DEFICIT,
            Claim.BUDGET_BALANCED,
            Claim.ANONYMOUS,
            Claim.CONSERVES,
            Claim.SCALE_FREE,
        }
    )
    terms: ClassVar[dict[Claim, Terms]] = {
        Claim.DSIC: Terms(holds=Holds.EXPECTED, source="Segal-Halevi, Hassidim and Aumann 2016, theorem 1")
    }
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.EFFICIENT, Bids([2.0, 1.0], side=[1, -1]), source="Segal-Halevi et al. 2016"),
    )

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Trade at min(b_k, s_k+1)."""
        c = cross(bids)
        full = c.next_cost <= c.value
        price = np.minimum(c.value, c.next_cost)
        trades = np.where(full, c.trades, np.maximum(c.trades - 1, 0))
        buys = c.buyer < trades[..., None]
        able = c.seller < c.trades[..., None]
        if rng is None:
            sells = able * (trades / np.maximum(c.trades, 1))[..., None]
        else:
            luck = np.where(able, rng.random(bids.value.shape), -1.0)
            place = (-luck).argsort(axis=-1).argsort(axis=-1)
            sells = (able & (place < trades[..., None])).astype(np.float64)
        charged = np.where(trades > 0, price, 0.0)[..., None]
        return Clearing(buys - sells, (buys - sells) * charged + 0.0, np.where(trades > 0, price, np.nan))
