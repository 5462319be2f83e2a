"""What each claim of a single-good mechanism means, as a test of one small case.

A property looks at one case and returns None, or one sentence that says how the claim fails. Cases: `values` float64 [n]
(truthful bids), `active` bool [n], and for some a bidder `who` with another report `lie`. Without a generator a
randomised mechanism answers with its lottery and expected payments, so all of these are exact inequalities.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.bids import Bids
from marketic.clearing import Clearing
from marketic.mechanism import Claim

TOLERANCE = 1e-9
"""Relative to the largest amount of the case: what rounding may do, and no more."""


@dataclass(frozen=True)
class Case:
    """One small auction: truthful values float [n], who takes part, and one bidder's other report."""

    values: tuple[float, ...]
    active: tuple[bool, ...]
    who: int = 0
    lie: float = 0.0

    def bids(self, lying: bool = False) -> Bids:
        """The bids of this case; with `lying`, bidder `who` reports `lie`."""
        value = np.array(self.values, dtype=float)
        if lying:
            value[self.who] = self.lie
        return Bids(value, np.array(self.active, dtype=bool))

    @property
    def slack(self) -> float:
        """The tolerance of this case, currency."""
        return TOLERANCE * max(1.0, *(abs(v) for v in self.values), abs(self.lie)) if self.values else TOLERANCE


def clear(mechanism: Any, case: Case, lying: bool = False) -> Clearing:
    """The mechanism's answer without a generator, as float arrays."""
    cleared = mechanism.clear(case.bids(lying), rng=None)
    return Clearing(
        np.asarray(cleared.allocation, dtype=float),
        np.asarray(cleared.payments, dtype=float),
        np.asarray(cleared.prices),
    )


def feasible(mechanism: Any, case: Case) -> str | None:
    """Shapes are right, at most one good is sold, only to active bidders, and the same bids give the same answer."""
    cleared, again = clear(mechanism, case), clear(mechanism, case)
    n = len(case.values)
    if cleared.allocation.shape != (n,) or cleared.payments.shape != (n,):
        return f"allocation{cleared.allocation.shape} and payments{cleared.payments.shape} for {n} bidders"
    if not (np.isfinite(cleared.allocation).all() and np.isfinite(cleared.payments).all()):
        return "allocation or payments are not finite"
    if (cleared.allocation < 0).any() or cleared.allocation.sum() > 1 + TOLERANCE:
        return f"sells {cleared.allocation.sum():g} units of one good"
    absent = ~np.array(case.active, dtype=bool)
    if cleared.allocation[absent].any() or cleared.payments[absent].any():
        return "a bidder that stayed away gets or pays something"
    same = np.array_equal(cleared.allocation, again.allocation) and np.array_equal(cleared.payments, again.payments)
    return None if same else "two verdicts for the same bids and no generator"


def _utility(mechanism: Any, case: Case, lying: bool = False) -> float:
    cleared = clear(mechanism, case, lying)
    return float(case.values[case.who] * cleared.allocation[case.who] - cleared.payments[case.who])


def strategyproof(mechanism: Any, case: Case) -> str | None:
    """No lie earns more than the truth."""
    if not case.values or not case.active[case.who]:
        return None
    honest, lying = _utility(mechanism, case), _utility(mechanism, case, lying=True)
    if lying <= honest + case.slack:
        return None
    return f"bidder {case.who} earns {honest:g} with the truth and {lying:g} by reporting {case.lie:g}"


def individually_rational(mechanism: Any, case: Case) -> str | None:
    """No truthful bidder ends below zero."""
    cleared = clear(mechanism, case)
    utilities = np.array(case.values) * cleared.allocation - cleared.payments
    worst = int(utilities.argmin()) if len(utilities) else 0
    if not len(utilities) or utilities[worst] >= -case.slack:
        return None
    return f"truthful bidder {worst} loses {-utilities[worst]:g}"


def no_deficit(mechanism: Any, case: Case) -> str | None:
    """The house does not pay in."""
    total = float(clear(mechanism, case).payments.sum())
    return None if total >= -case.slack else f"the house pays {-total:g}"


def budget_balanced(mechanism: Any, case: Case) -> str | None:
    """The house neither gains nor pays."""
    total = float(clear(mechanism, case).payments.sum())
    return None if abs(total) <= case.slack else f"the house is left with {total:g}"


def efficient(mechanism: Any, case: Case) -> str | None:
    """The good goes to a highest bidder."""
    present = [value for value, active in zip(case.values, case.active, strict=True) if active]
    best = max(present, default=0.0)
    welfare = float(np.array(case.values) @ clear(mechanism, case).allocation)
    if best <= 0 or welfare >= best - case.slack:
        return None
    return f"welfare is {welfare:g} although a bidder values the good at {best:g}"


def anonymous(mechanism: Any, case: Case) -> str | None:
    """Reversing the order of bidders reverses the outcome, if no two bids are equal."""
    if len(set(case.values)) < len(case.values):
        return None
    cleared = clear(mechanism, case)
    mirrored = clear(mechanism, Case(case.values[::-1], case.active[::-1]))
    for name in ("allocation", "payments"):
        if np.abs(getattr(cleared, name) - getattr(mirrored, name)[::-1]).max(initial=0.0) > case.slack:
            return f"{name} change when the bidders come in another order"
    return None


PROPERTIES: dict[Claim, Callable[[Any, Case], str | None]] = {
    Claim.DSIC: strategyproof,
    Claim.INDIVIDUALLY_RATIONAL: individually_rational,
    Claim.NO_DEFICIT: no_deficit,
    Claim.BUDGET_BALANCED: budget_balanced,
    Claim.EFFICIENT: efficient,
    Claim.ANONYMOUS: anonymous,
}
