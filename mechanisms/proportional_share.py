"""Proportional sharing of a divisible good (Kelly 1997; Johari and Tsitsiklis 2004).

Each bidder hands over money w_i, and gets the share w_i / sum w of the capacity C: the price per unit is sum w / C, at
which the good is sold out. Nobody pays more than it handed over, so budgets are kept by construction.

A bidder who takes the price as given spends until its marginal utility equals the price, and if all do so the shares are
efficient (Kelly, Maulloo and Tan 1998). A bidder who sees that its money moves the price holds back. The Nash
equilibrium is still at least 3/4 efficient (Johari and Tsitsiklis), and no more in general. Bids are money, not values: to
bid one's value is no equilibrium, and it loses.

For linear utilities a_i x_i both outcomes are closed forms. Taking prices: all to the highest slope, at that price.
Anticipating: with d_i = x_i / C, a_i (1 - d_i) = p for all who bid, so d_i = max(0, 1 - p / a_i) with sum d_i = 1.
If the m highest slopes bid, p = (m - 1) / sum of 1 / a_i over them; m is the largest for which a_m > p.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.shares import Shares
from marketic.errors import InputError
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class ProportionalShare:
    """Shares in proportion to the money handed over. `bids.value` [..., n], currency -> payments, the same.

    capacity: units of the good, from 2^-40 to 2^40. allocation: float64 [..., n], units. prices: [...], currency per unit;
    NaN where nobody hands over anything, and nobody gets anything.
    """

    capacity: float = 1.0
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {Claim.NO_DEFICIT, Claim.REVENUE_MONOTONE, Claim.ANONYMOUS, Claim.CONSERVES, Claim.SCALE_FREE}
    )

    def __post_init__(self) -> None:
        check_kinds(self)
        if not 1.0 / LARGEST_BID <= self.capacity <= LARGEST_BID:
            raise InputError(
                f"ProportionalShare(capacity={self.capacity}): wanted a number from {1 / LARGEST_BID:.3g} to {LARGEST_BID:.3g},"
                " since prices are money per unit; use a larger or smaller unit"
            )

    @property
    def domain(self) -> Shares:
        """Linear utilities."""
        return Shares(self.capacity)

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Bidding one's value per unit: low values get a part, and among enough equals everybody loses."""
        if not 1e-6 <= self.capacity <= 1e3:  # the case would be rounding, or need more bidders than can be read
            return ()
        equals = Bids([2.0] * (int(self.capacity) + 2))
        without_one = Bids([0.0, *equals.value[1:]])
        return (
            Refutation(Claim.EFFICIENT, Bids([2.0, 1.0]), source="Johari and Tsitsiklis 2004"),
            Refutation(Claim.INDIVIDUALLY_RATIONAL, equals, source="bids are money, not values"),
            Refutation(Claim.DSIC, equals, without_one, source="bids are money, not values"),
        )

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Share out the capacity; every bidder pays its bid."""
        bids = bids.at_least(0.0)
        money = np.where(bids.active, bids.value, 0.0) + 0.0
        total = money.sum(axis=-1, keepdims=True)
        some = total > 0.0
        share = money / np.where(some, total, 1.0)
        price = np.where(some, total / self.capacity, np.nan)[..., 0]
        return Clearing(np.minimum(share, 1.0) * self.capacity, money, price)


def anticipating_bids(slope: np.ndarray) -> np.ndarray:
    """Nash equilibrium bids of bidders with linear utilities who know that they move the price.

    slope: float64 [..., n], > 0, currency: what the whole capacity is worth to each. Returns money [..., n], currency; for
    one bidder alone 0 (any positive amount buys everything). Raises InputError for slopes that are not > 0.
    """
    slope = np.asarray(slope, dtype=float)
    if not (slope > 0.0).all():
        raise InputError(f"slope = {slope!r}: wanted amounts > 0")
    if slope.shape[-1] == 0:
        return np.zeros(slope.shape)
    ranked = np.sort(slope, axis=-1)[..., ::-1]
    price = np.arange(slope.shape[-1]) / (1.0 / ranked).cumsum(axis=-1)
    bidding = np.maximum((ranked > price).sum(axis=-1) - 1, 0)
    chosen = np.take_along_axis(price, bidding[..., None], axis=-1)
    return np.asarray(chosen * np.maximum(1.0 - chosen / slope, 0.0))
