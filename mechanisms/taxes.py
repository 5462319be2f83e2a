"""Taxes and subsidies on a mechanism: what the house takes or gives appears in the payments of those concerned.

`Taxed`, with a rate t on what bidders pay (what they receive is not taxed):
  on top     a payment p > 0 becomes (1 + t) p while bids are read as before. A truthful winner may pay more than its value, so
             truth, rationality and the core are lost. The decision is the same, and the house only gains:
             EFFICIENT, NO_DEFICIT, ANONYMOUS and SCALE_FREE survive.
  included   bids are read as what bidders pay at most, tax included: the mechanism sees bid / (1 + t), and all payments are
             multiplied by 1 + t. This is the same mechanism in another currency, so everything survives, except that
             equilibrium strategies, reserve prices and other fixed amounts are now before tax. Where bidders share a fixed
             cost of their own (a project), only sums and names survive: they do not pay it in that currency.

`Subsidised`, with an amount a for everybody who takes part and a rate s of what bidders pay:
  amount     changes no decision and depends on no report: DSIC, BIC, PAIR_PROOF, EFFICIENT, ANONYMOUS and rationality survive.
             The house pays in, revenue falls with each bidder, and a second name earns a second subsidy.
  rate       a discount on one's own price tempts losers to overbid: DSIC, BIC, PAIR_PROOF are lost. Rationality survives.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains import RankedObjects, SingleGood
from marketic.errors import InputError
from marketic.mechanism import Mechanism, check_held
from marketic.mechanisms.second_price import SecondPrice
from marketic.numbers import check_kinds

SAME_DECISION = frozenset({Claim.EFFICIENT, Claim.ANONYMOUS})
RATIONAL = frozenset({Claim.INDIVIDUALLY_RATIONAL, Claim.INTERIM_RATIONAL})
INCENTIVES = frozenset({Claim.DSIC, Claim.BIC, Claim.PAIR_PROOF})
SUMS_AND_NAMES = frozenset({Claim.NO_DEFICIT, Claim.BUDGET_BALANCED, Claim.ANONYMOUS})
VICKREY = frozenset({Claim.DSIC, Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT})
"""Together these leave only the second price for one good (Green and Laffont 1977), which makes counterexamples known."""


@dataclass(frozen=True)
class Taxed:
    """A mechanism whose payments are taxed at `rate` >= 0. included: bids, which are amounts then, are read tax included."""

    mechanism: Mechanism = field(default_factory=SecondPrice)
    rate: float = 0.1
    included: bool = False

    def __post_init__(self) -> None:
        check_kinds(self)
        if not 0.0 <= self.rate <= LARGEST_BID:
            raise InputError(
                f"Taxed(rate={self.rate}): wanted a rate from 0 to {LARGEST_BID:.3g}, e.g. rate=0.1 for 10 %"
            )
        check_held(
            "Taxed", self.mechanism, lambda domain: not (self.included and isinstance(domain, RankedObjects)), "amounts"
        )

    @property
    def claims(self) -> frozenset[Claim]:
        """What survives (see the top of this file)."""
        given = self.mechanism.claims
        if self.rate == 0.0:
            return given
        if self.included:
            if getattr(self.domain, "cost", 0.0) > 0.0:
                return given & SUMS_AND_NAMES
            # equilibrium strategies are in the other currency
            return given - {Claim.BIC, Claim.INTERIM_RATIONAL}
        return frozenset(given & (SAME_DECISION | {Claim.NO_DEFICIT, Claim.SCALE_FREE}))

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Those of the claims that survive; tolerances are in the other currency, too."""
        grown = 1.0 + self.rate if self.included else 1.0
        inner = getattr(self.mechanism, "terms", {})
        return {c: replace(terms, tolerance=terms.tolerance * grown) for c, terms in inner.items() if c in self.claims}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Two close values: the winner pays the second one and the tax, more than its own."""
        if self.included or not _is_vickrey(self.mechanism, self.domain) or self.rate < 1e-6:
            return ()
        truth = Bids([1.0, 1.0 - self.rate / (1.0 + self.rate) / 2])
        return (
            Refutation(Claim.INDIVIDUALLY_RATIONAL, truth, source="the tax comes on top"),
            Refutation(Claim.DSIC, truth, Bids([0.0, float(truth.value[1])]), source="it would rather lose"),
        )

    @property
    def domain(self) -> Any:
        """That of the mechanism."""
        return getattr(self.mechanism, "domain", SingleGood())

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Clear, and add the tax. Prices are announced with the tax."""
        grown = 1.0 + self.rate
        if self.included and self.rate > 0.0:
            bids = _before_tax(bids, grown)
        cleared = self.mechanism.clear(bids, rng=rng)
        taxed = cleared.payments * grown if self.included else _on_payments(cleared.payments, grown)
        prices = cleared.prices * grown if self.included else _on_payments(cleared.prices, grown)
        return Clearing(cleared.allocation, taxed, prices, cleared.certificate)


@dataclass(frozen=True)
class Subsidised:
    """A mechanism in which the house helps. amount: currency, >= 0, paid to each active bidder, whatever it reports.

    rate: in [0, 1], the part of each payment that the house takes over.
    """

    mechanism: Mechanism = field(default_factory=SecondPrice)
    amount: float = 0.1
    rate: float = 0.0

    def __post_init__(self) -> None:
        check_kinds(self)
        if not (0.0 <= self.amount <= LARGEST_BID and 0.0 <= self.rate <= 1.0):
            raise InputError(
                f"Subsidised(amount={self.amount}, rate={self.rate}): wanted an amount >= 0 and a rate from 0 to 1"
            )
        check_held("Subsidised", self.mechanism, lambda domain: True, "any bids")

    @property
    def claims(self) -> frozenset[Claim]:
        """What survives (see the top of this file)."""
        kept = SAME_DECISION | RATIONAL
        if self.rate > 0.0:
            kept -= {Claim.INTERIM_RATIONAL}  # nobody plays the old equilibrium any more
        else:
            kept |= INCENTIVES
        if self.amount == 0.0:
            kept = self.mechanism.claims if self.rate == 0.0 else kept | {Claim.SCALE_FREE}
        return frozenset(self.mechanism.claims & kept)

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Those of the claims that survive."""
        return {claim: terms for claim, terms in getattr(self.mechanism, "terms", {}).items() if claim in self.claims}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """The house pays a lone bidder; at a discount a loser would rather win."""
        known: tuple[Refutation, ...] = ()
        if not _is_vickrey(self.mechanism, self.domain):
            return known
        if self.amount > 1e-6:
            known += (Refutation(Claim.NO_DEFICIT, Bids([0.0]), source="the subsidy"),)
        if self.rate > 1e-6:
            rival = 1.0 + self.rate / 2
            known += (Refutation(Claim.DSIC, Bids([1.0, rival]), Bids([2.0, rival]), source="the discount"),)
        return known

    @property
    def domain(self) -> Any:
        """That of the mechanism."""
        return getattr(self.mechanism, "domain", SingleGood())

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Clear, take over a part of the payments, and hand out the amount. Prices are announced with the discount."""
        cleared = self.mechanism.clear(bids, rng=rng)
        left = _on_payments(cleared.payments, 1.0 - self.rate)
        payments = np.where(bids.active, left - self.amount, left) + 0.0
        return Clearing(
            cleared.allocation, payments, _on_payments(cleared.prices, 1.0 - self.rate), cleared.certificate
        )


def _before_tax(bids: Any, grown: float) -> Any:
    """Bids, and budgets, which are for tax as well."""
    budget = getattr(bids, "budget", None)
    return replace(bids, value=bids.value / grown, **({} if budget is None else {"budget": budget / grown}))


def _on_payments(amount: np.ndarray, factor: float) -> np.ndarray:
    """What is paid is multiplied, what is received is not."""
    return np.asarray(np.where(amount > 0.0, amount * factor, amount))


def _is_vickrey(mechanism: Mechanism, domain: Any) -> bool:
    exact = not getattr(mechanism, "terms", {}).get(Claim.EFFICIENT, Terms()).tolerance
    return mechanism.claims >= VICKREY and isinstance(domain, SingleGood) and exact
