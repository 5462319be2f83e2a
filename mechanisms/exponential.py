"""Exponential lottery that charges the winner its bid: exploration noise for a market, not a truthful auction.

Bidder i wins with probability exp(b_i / T) / sum_j exp(b_j / T), the exponential mechanism of McSherry and Talwar (2007), and
pays b_i. Every bidder has a chance at every sale, which is what exploration wants. But a truthful winner earns nothing, so all
bidders shade their bids: `marketic.mechanisms.softmax` draws from the same lottery and charges what makes truth dominant.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numba import njit

from marketic.bids import Bids
from marketic.claims import Claim, Holds, Refutation, Terms
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.mechanism import ClearingRule
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class PayBidSoftmax:
    """A lottery with odds exp(bid / temperature) in which the winner pays its bid. `temperature` > 0, currency.

    Without `rng`, `clear` returns the lottery and expected payments; with `rng`, one draw.
    """

    temperature: float = 0.1
    claims: ClassVar[frozenset[Claim]] = frozenset({Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.ANONYMOUS})
    terms: ClassVar[dict[Claim, Terms]] = {Claim.ANONYMOUS: Terms(Holds.EXPECTED)}

    def __post_init__(self) -> None:
        check_kinds(self)
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise InputError(
                f"PayBidSoftmax(temperature={self.temperature}): wanted a finite number > 0, e.g. temperature=0.1"
            )

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Truth earns nothing; half of one's value, bid against nobody, earns the other half."""
        return (Refutation(Claim.DSIC, Bids([1.0]), Bids([0.5])),)

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Draw a winner (or return the lottery) and charge its bid."""
        bids = bids.at_least(0.0)
        sold = bids.active.any(axis=-1)
        top = np.where(bids.active, bids.value, 0.0).max(axis=-1, keepdims=True, initial=0.0)
        odds = np.exp(np.where(bids.active, bids.value - top, -np.inf) / self.temperature)
        chance = odds / np.where(sold, odds.sum(axis=-1), 1.0)[..., None]
        if rng is None:
            payments = np.where(bids.active, bids.value, 0.0) * chance + 0.0
            return Clearing(chance, payments, np.where(sold, payments.sum(axis=-1), np.nan))
        n = bids.value.shape[-1]
        reached = np.cumsum(odds, axis=-1)
        ahead = reached > rng.random((*sold.shape, 1)) * reached[..., -1:]
        winner = ahead.argmax(axis=-1) if n else np.zeros(sold.shape, dtype=int)
        wins = (np.arange(n) == winner[..., None]) & ahead
        payments = np.where(wins, bids.value, 0.0) + 0.0
        return Clearing(wins, payments, np.where(sold, payments.sum(axis=-1), np.nan))

    @cached_property
    def rule(self) -> ClearingRule:
        """The same draw in compiled code."""
        return ClearingRule(pay_bid_rule, parameters=np.array([float(self.temperature)]), random=True)


@njit(cache=True)
def pay_bid_rule(value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    """Write the drawn winner [B] and its payment [B, n] for a batch of lotteries."""
    for row in range(value.shape[0]):
        top, total = 0.0, 0.0
        for i in range(value.shape[1]):
            payments[row, i] = 0.0
            if active[row, i] and value[row, i] > top:
                top = value[row, i]
        for i in range(value.shape[1]):
            if active[row, i] and value[row, i] >= 0.0:
                total += math.exp((value[row, i] - top) / parameters[0])
        left, reached = uniform[row] * total, 0.0
        winner[row] = -1
        for i in range(value.shape[1]):
            if active[row, i] and value[row, i] >= 0.0:
                reached += math.exp((value[row, i] - top) / parameters[0])
                if reached > left:
                    winner[row] = i
                    payments[row, i] = value[row, i] + 0.0  # never -0.0
                    break
