"""Planted offenders: sessions that break one promise each, about prices and money; the others are in impure_sessions.py."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from impure_sessions import IMPURE

from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.mechanisms.kelly_market import KellyMarket
from marketic.mechanisms.liquidity_sensitive import LiquiditySensitive
from marketic.mechanisms.lmsr import LMSR
from marketic.trade_orders import TradeOrders


@dataclass(frozen=True)
class Sold:
    """q [..., m] and holdings [..., n, m]."""

    q: np.ndarray
    holdings: np.ndarray


@dataclass(frozen=True)
class Naive:
    """A market maker as one might write it in a hurry: C(q) = b ln sum exp(q / b), without a shift."""

    b: float = 100.0
    claims: ClassVar[frozenset[Claim]] = frozenset({Claim.PATH_INDEPENDENT})

    def open(self, bidders, batch=()):
        return Sold(np.zeros((*batch, 2)), np.zeros((*batch, bidders, 2)))

    def is_open(self, state):
        return np.ones(state.q.shape[:-1], dtype=bool)

    def quote(self, state):
        weight = np.exp((state.q - state.q.max(-1, keepdims=True)) / self.b)
        return weight / weight.sum(-1, keepdims=True)

    def cost_of(self, q, shares):
        with np.errstate(all="ignore"):
            return self.b * np.log(np.exp((q + shares) / self.b).sum(-1) / np.exp(q / self.b).sum(-1))

    def step(self, state, orders, *, rng=None):
        q, payments = state.q, np.zeros(orders.shares.shape[:-1])
        for i in range(payments.shape[-1]):
            payments[..., i] = self.cost_of(q, orders.shares[..., i, :])
            q = q + orders.shares[..., i, :]
        after = Sold(q, state.holdings + orders.shares)
        return after, Clearing(orders.shares, payments, self.quote(after))

    def settle(self, state, outcome):
        return state.holdings[..., outcome]


class PriceBefore(Naive):
    """Charges the price before the trade for all of it: buy, and sell at a better price."""

    def cost_of(self, q, shares):
        return (self.quote(Sold(q, q)) * shares).sum(-1)


class PriceAfter(Naive):
    """Charges the price after the trade: there and back costs."""

    def cost_of(self, q, shares):
        return (self.quote(Sold(q + shares, q)) * shares).sum(-1)


class Optimist(LMSR):
    """States a bound that is one per cent too low."""

    @property
    def terms(self):
        return {Claim.BOUNDED_LOSS: Terms(bound=0.99 * self.worst_loss)}


class Spendthrift(LiquiditySensitive):
    """States a bound that only short sales can break."""

    @property
    def terms(self):
        return {Claim.BOUNDED_LOSS: Terms(bound=0.97 * super().terms[Claim.BOUNDED_LOSS].bound)}


class Incoherent(LiquiditySensitive):
    """Says that its prices are probabilities."""

    coherent: ClassVar[bool] = True


class Taxing(LMSR):
    """Takes one per cent of what is paid, so that small moves do not pay."""

    def cost_of(self, outstanding, shares):
        cost = super().cost_of(outstanding, shares)
        return cost + 0.01 * np.abs(cost)


class Boasting(LMSR):
    """Says that truth earns twice what it earns."""

    def expected_profit(self, price, belief):
        return 2.0 * super().expected_profit(price, belief)


class Stubborn(LMSR):
    """Moves prices only half way to a target."""

    def toward(self, outstanding, price):
        return 0.5 * super().toward(outstanding, price)


class Selfless(LMSR):
    """An LMSR that claims to break even."""

    claims = frozenset({Claim.BUDGET_BALANCED})


class Thrifty(LMSR):
    """An LMSR that claims never to pay in."""

    claims = frozenset({Claim.NO_DEFICIT})


class Forgetful(LMSR):
    """Books 99 per cent of the cash."""

    def step(self, state, orders, *, rng=None):
        after, cleared = super().step(state, orders)
        return replace(after, cash=state.cash + 0.99 * cleared.payments.sum(-1)), cleared


class Embezzling(LMSR):
    """Books fewer shares than it says it gave, and settles by what it says."""

    def step(self, state, orders, *, rng=None):
        after, cleared = super().step(state, orders)
        return replace(after, paid=after.paid + 1.0), cleared


class Leaking(KellyMarket):
    """Loses one per cent of all wealth between two rounds."""

    def resolve(self, state, outcome):
        after = super().resolve(state, outcome)
        return replace(after, log_wealth=after.log_wealth + np.log(0.99))


class Stingy(KellyMarket):
    """Pays one per cent less than it should."""

    def settle(self, state, outcome):
        return 0.99 * super().settle(state, outcome)


class Lazy(KellyMarket):
    """Never learns who was right."""

    def resolve(self, state, outcome):
        super().resolve(state, outcome)
        n = state.log_wealth.shape[-1]
        return self._between(np.full(state.log_wealth.shape, -np.log(max(n, 1))))


class Repentant(LMSR):
    """Is said to break a claim that it keeps."""

    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.PATH_INDEPENDENT, (TradeOrders([[1.0, 0.0]]), TradeOrders([[-1.0, 0.0]]))),
    )


OFFENDERS = [
    *IMPURE,
    (Naive(), "ANSWERS", "not finite"),
    (Incoherent(), "PRICES", "no probabilities"),
    (PriceBefore(), "PATH_INDEPENDENT", "earns"),
    (PriceAfter(), "PATH_INDEPENDENT", "costs"),
    (Taxing(), "PATH_INDEPENDENT", "costs"),
    (Optimist(), "BOUNDED_LOSS", "it loses 69.31"),
    (Spendthrift(), "BOUNDED_LOSS", "it loses"),
    (Taxing(), "DSIC", "by not moving the prices to its belief"),
    (Boasting(), "DSIC", "`expected_profit` says"),
    (Stubborn(), "DSIC", "does not set these prices"),
    (Selfless(), "BUDGET_BALANCED", "the house is left with"),
    (Thrifty(), "NO_DEFICIT", "the house pays"),
    (Forgetful(), "CONSERVES", "differ by"),
    (Embezzling(), "CONSERVES", "`state.paid` does not change"),
    (Leaking(), "CONSERVES", "own 0.99 together, before 1"),
    (Stingy(), "CONSERVES", "differ by"),
    (Stingy(), "BUDGET_BALANCED", "the house is left with"),
    (Lazy(), "BOUNDED_REGRET", "nats, more than"),
    (Repentant(), "not PATH_INDEPENDENT", "do not break it"),
]
