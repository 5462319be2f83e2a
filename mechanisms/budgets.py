"""Budgets: bidders who cannot pay more than they have.

Two ways to make a mechanism for scalar bids respect a budget B that the house knows:
  cap the bid      everybody takes part with min(bid, B). In a rational mechanism nobody pays more than its bid. All reports
                   from 0 to B remain possible; where truth is dominant for one number, utility rises up to the report nearest
                   one's value, which is min(value, B). So truth stays dominant. The good may go to somebody who values it less.
  cap the payment  decide by the full bids and charge min(payment, B). Then a bidder of small means overbids at no risk: truth
                   is not dominant, and the house may get nearly nothing.
Of the other claims, individual rationality survives both. With capped bids whatever holds of every list of bids survives
(no deficit, balance, more bidders more revenue); names begin to matter, since unequal bids become ties. With
capped payments the decision is the same (efficient, anonymous) and the sums are not.

Caps are for whoever pays: in an exchange sellers' bids, which are costs, stay as they are. Bids are capped only where they
bound payments: not of clicks (a bid is for one click), nor of projects that harm some, who pay to be spared.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains import Positions, PublicProject, SingleGood
from marketic.errors import InputError
from marketic.mechanism import Mechanism, check_held
from marketic.mechanisms.second_price import SecondPrice
from marketic.numbers import check_kinds

KEPT_BY_BIDS = frozenset(
    {
        Claim.DSIC,
        Claim.INDIVIDUALLY_RATIONAL,
        Claim.NO_DEFICIT,
        Claim.BUDGET_BALANCED,
        Claim.REVENUE_MONOTONE,
    }
)
KEPT_BY_PAYMENTS = frozenset({Claim.INDIVIDUALLY_RATIONAL, Claim.EFFICIENT, Claim.ANONYMOUS})


@dataclass(frozen=True)
class WithBudget:
    """A mechanism for scalar bids >= 0 with budgets. Bidders may bring their own, too (`Bids.budget`); the lower one counts.

    mechanism: the rule inside. budget: currency, >= 0, of everybody. caps_payment: see the top of this file.
    """

    mechanism: Mechanism = field(default_factory=SecondPrice)
    budget: float = 1.0
    caps_payment: bool = False

    def __post_init__(self) -> None:
        check_kinds(self)
        if not self.budget >= 0.0:
            raise InputError(f"WithBudget(budget={self.budget}): wanted an amount >= 0, e.g. budget=1")
        check_held("WithBudget", self.mechanism, _scalar, "scalar bids")
        if not self.caps_payment:
            check_held("WithBudget", self.mechanism, _bounds_payments, "bids that bound payments, or caps_payment=True")

    @property
    def claims(self) -> frozenset[Claim]:
        """What survives of the mechanism's claims."""
        return frozenset(self.mechanism.claims & (KEPT_BY_PAYMENTS if self.caps_payment else KEPT_BY_BIDS))

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Those of the claims that survive."""
        return {claim: terms for claim, terms in getattr(self.mechanism, "terms", {}).items() if claim in self.claims}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """For a mechanism that promises truth and efficiency for one good, whose prices are then the second price's."""
        promised = {Claim.DSIC, Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL} <= self.mechanism.claims
        if not promised or not isinstance(self.domain, SingleGood) or not 1e-6 < self.budget <= LARGEST_BID / 16:
            return ()
        one = self.budget
        if self.caps_payment:
            truth, lie = Bids([4 * one, 8 * one]), Bids([12 * one, 8 * one])
            return (Refutation(Claim.DSIC, truth, lie, source="it wins and pays its budget only"),)
        return (Refutation(Claim.ANONYMOUS, Bids([2 * one, 4 * one]), source="both bid their budget: a tie"),)

    @property
    def domain(self) -> Any:
        """That of the mechanism."""
        return getattr(self.mechanism, "domain", SingleGood())

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Clear with capped bids, or cap the payments. Raises InputError if somebody pays more than its capped bid."""
        cap = self.budget if bids.budget is None else np.minimum(self.budget, bids.budget)
        if not self.caps_payment:
            value = np.minimum(bids.value, cap)
            if bids.side is not None:
                value = np.where(bids.side == -1, bids.value, value)
            cleared = self.mechanism.clear(replace(bids, value=value), rng=rng)
            self._check_payments(cleared.payments, cap)
            return cleared
        cleared = self.mechanism.clear(bids, rng=rng)
        payments = np.minimum(cleared.payments, cap * self._chances(cleared, rng))
        return Clearing(cleared.allocation, payments, cleared.prices, cleared.certificate)

    def _chances(self, cleared: Clearing, rng: np.random.Generator | None) -> np.ndarray:
        """With what chance each bidder pays, float64 [..., n]: in a lottery for one good, which states expected payments and in
        which the winner pays, with its chance to win; else 1.
        """
        share = np.asarray(cleared.allocation, dtype=float)
        lottery = rng is None and isinstance(self.domain, SingleGood)
        return np.where((share > 0.0) & (share < 1.0) & lottery, share, 1.0)

    def _check_payments(self, payments: np.ndarray, cap: Any) -> None:
        beyond = payments - cap > 1e-9 * payments
        if beyond.any():
            raise InputError(
                f"WithBudget({type(self.mechanism).__name__}) charges {payments[beyond].max():.6g}, beyond a budget, although "
                "nobody bid more: set caps_payment=True, or include taxes in the bids"
            )


def _scalar(domain: Any) -> bool:
    """Whether one number per bidder is reported."""
    return isinstance(domain.draw(np.random.default_rng(0), 1, 1), Bids)


def _bounds_payments(domain: Any) -> bool:
    return not isinstance(domain, Positions | PublicProject)
