"""The k-double auction, or call market: all efficient trades at one price between demand and supply.

Chatterjee and Samuelson (1983) for one buyer and one seller, Satterthwaite and Williams (1989) for many. The market-clearing
prices are the interval [max(s_k, b_k+1), min(b_k, s_k+1)], and the price is the point a share `weight` up from its lower end.

The price clears the market, so the outcome is efficient and in the core at truthful bids, and the house breaks even. But the
bidder who sets the price gains by moving it. With one buyer and one seller, values and costs uniform on [0, 1] and
weight 1/2, the linear equilibrium is to bid 2v/3 + 1/12 and ask 2c/3 + 1/4: they trade iff v - c >= 1/4, and
reap 9/64 of the possible 1/6. The loss shrinks fast as the market grows.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.claims import SHOWN, Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.exchange import Exchange
from marketic.errors import InputError
from marketic.mechanisms.crossing import cross, settle
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class DoubleAuction:
    """All efficient trades at one price. `bids.value` with `bids.side` [..., n] -> payments [..., n], currency.

    weight: in [0, 1], where the price lies between the lowest (0) and the highest (1) market-clearing price.
    """

    weight: float = 0.5
    domain: ClassVar[Exchange] = Exchange()
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {
            Claim.EFFICIENT,
            Claim.INDIVIDUALLY_RATIONAL,
            Claim.NO_DEFICIT,
            Claim.BUDGET_BALANCED,
            Claim.CORE,
            Claim.ANONYMOUS,
            Claim.CONSERVES,
            Claim.SCALE_FREE,
        }
    )

    def __post_init__(self) -> None:
        check_kinds(self)
        if not 0.0 <= self.weight <= 1.0:
            raise InputError(f"DoubleAuction(weight={self.weight}): wanted a number from 0 to 1, e.g. weight=0.5")

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """The side that sets the price bids closer to the other one."""
        truth = Bids([4.0, 0.0], side=[1, -1])
        buyer = Refutation(Claim.DSIC, truth, Bids([2.0, 0.0], side=[1, -1]), (0,), "Chatterjee and Samuelson 1983")
        seller = Refutation(Claim.DSIC, truth, Bids([4.0, 2.0], side=[1, -1]), (1,), "Chatterjee and Samuelson 1983")
        return tuple([buyer] * (self.weight > SHOWN) + [seller] * (self.weight < 1.0 - SHOWN))

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Trade the first k of both sides at one price."""
        c = cross(bids)
        low, high = np.maximum(c.cost, c.next_value), np.minimum(c.value, c.next_cost)
        price = np.minimum(low + self.weight * (high - low), high)
        return Clearing(*settle(c, c.trades, price, price), price)
