"""Softmax auction: bidder i wins with probability x_i = exp(b_i / T) / sum_j exp(b_j / T).

The lottery is monotone in one's own bid, so Myerson's (1981) payments make truth a dominant strategy in expectation:
the expected payment is b_i x_i - integral_0^b_i x_i(z) dz. With Z_-i = sum over the others of exp(b_j / T) the integral
is T [ln(Z_-i + exp(b_i / T)) - ln(Z_-i + 1)]. We compute it with log-sum-exp: the naive formula cancels and
overflows for heavy-tailed bids. Expected welfare is within T ln n of the optimum. The winner pays the expected
payment divided by its probability, so what it pays never exceeds its bid.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numba import njit

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import SHOWN, Claim, Holds, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains import SingleGood
from marketic.errors import InputError
from marketic.mechanism import ClearingRule
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class Softmax:
    """A lottery with odds exp(bid / temperature) and Myerson payments. `temperature` > 0, currency.

    Without `rng`, `clear` returns the lottery and expected payments; with `rng`, one draw in which only the winner pays.
    """

    temperature: float = 0.1
    claims = frozenset(  # for bids >= 0
        {Claim.DSIC, Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.ANONYMOUS}
    )
    domain: ClassVar[SingleGood] = SingleGood()

    def __post_init__(self) -> None:
        check_kinds(self)
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise InputError(
                f"Softmax(temperature={self.temperature}): wanted a finite number > 0, e.g. temperature=0.1"
            )

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Over its own lottery; expected welfare falls short by T ln n at most, here for as many as the domain tries."""
        gap = self.temperature * math.log(max(self.domain.sizes))
        domain = f"up to {max(self.domain.sizes)} bidders; within T ln n for n of them"
        return {
            Claim.DSIC: Terms(Holds.EXPECTED, source="Myerson 1981"),
            Claim.EFFICIENT: Terms(Holds.EXPECTED, domain=domain, tolerance=gap, source="McSherry and Talwar 2007"),
            Claim.ANONYMOUS: Terms(Holds.EXPECTED),
        }

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """A second name is a second chance in the lottery."""
        one = min(self.temperature, LARGEST_BID / 2)
        if one <= SHOWN:
            return ()
        return (Refutation(Claim.FALSE_NAME_PROOF, Bids([one, one]), Bids([one, one, one]), (0, 2)),)

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Draw a winner (or return the lottery) and charge Myerson's payment."""
        value = np.asarray(bids.value, dtype=float)
        shape, n = value.shape, value.shape[-1]
        flat = value.reshape(math.prod(shape[:-1]), n)
        active = np.ascontiguousarray(np.broadcast_to(bids.active, shape).reshape(flat.shape))
        chance, expected = np.zeros(flat.shape), np.zeros(flat.shape)
        _lottery(flat, active, self.temperature, chance, expected)
        if rng is None:
            price = np.where(active.any(-1), expected.sum(-1), np.nan)
            return Clearing(chance.reshape(shape), expected.reshape(shape), price.reshape(shape[:-1]))
        winner = np.empty(len(flat), dtype=np.int64)
        payments = np.empty(flat.shape)
        softmax_rule(flat, active, rng.random(len(flat)), np.array([self.temperature]), winner, payments)
        wins = np.arange(n) == winner[:, None]
        price = np.where(winner >= 0, payments.sum(-1), np.nan)
        return Clearing(wins.reshape(shape), payments.reshape(shape), price.reshape(shape[:-1]))

    @cached_property
    def rule(self) -> ClearingRule:
        """The same draw in compiled code."""
        return ClearingRule(softmax_rule, parameters=np.array([self.temperature]), random=True)


HOTTEST = 2.0**200
"""Hotter lotteries are the same to the last bit: all chances are equal."""


@njit(cache=True)
def _soft_max(a, b, temperature):  # type: ignore[no-untyped-def]
    """temperature * ln(exp(a / temperature) + exp(b / temperature)) of two amounts, currency; -inf is an empty sum."""
    high, low = max(a, b), min(a, b)
    return high if low == -np.inf else high + temperature * math.log1p(math.exp((low - high) / temperature))


@njit(cache=True)
def _lottery(value, active, temperature, chance, expected):  # type: ignore[no-untyped-def]
    """Write winning probabilities and expected payments, both [B, n]. Bids are measured from the top one, and never divided
    by the temperature alone, which keeps the digits of their differences however large they are, or however cold it is.
    """
    n = value.shape[1]
    before, after = np.empty(n + 1), np.empty(n + 1)
    temperature = min(temperature, HOTTEST)
    for row in range(value.shape[0]):
        top = -np.inf
        for i in range(n):
            top = max(top, value[row, i]) if active[row, i] else top
        before[0], after[n] = -np.inf, -np.inf
        for i in range(n):
            before[i + 1] = _soft_max(before[i], value[row, i] - top, temperature) if active[row, i] else before[i]
        for i in range(n - 1, -1, -1):
            after[i] = _soft_max(after[i + 1], value[row, i] - top, temperature) if active[row, i] else after[i + 1]
        for i in range(n):
            chance[row, i], expected[row, i] = 0.0, 0.0
            if active[row, i]:
                bid = value[row, i]
                others = _soft_max(before[i], after[i + 1], temperature)
                high, low = _soft_max(others, bid - top, temperature), _soft_max(others, -top, temperature)
                chance[row, i] = math.exp((bid - top - high) / temperature)
                surplus = high - low
                if abs(bid) < temperature:  # there the difference has no digits: it comes from the chance at a bid of 0
                    with_nothing = math.exp((-top - low) / temperature)
                    surplus = temperature * math.log1p(with_nothing * math.expm1(bid / temperature))
                # the bounds hold exactly; rounding must not push a payment beyond them
                bound = bid * chance[row, i]
                payment = bound - surplus
                expected[row, i] = min(max(payment, 0.0), bound) if bound >= 0 else payment


@njit(cache=True)
def softmax_rule(value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    """Write the drawn winner [B] and its payment [B, n] for a batch of softmax auctions."""
    chance, expected = np.zeros(value.shape), np.zeros(value.shape)
    _lottery(value, active, parameters[0], chance, expected)
    for row in range(value.shape[0]):
        left = uniform[row]
        winner[row] = -1
        for i in range(value.shape[1]):
            payments[row, i] = 0.0
        for i in range(value.shape[1]):
            if active[row, i] and chance[row, i] > 0.0:
                winner[row] = i  # the last one with a chance catches the rounding of the sum
                left -= chance[row, i]
                if left < 0.0:
                    break
        if winner[row] >= 0:
            payments[row, winner[row]] = expected[row, winner[row]] / chance[row, winner[row]]
