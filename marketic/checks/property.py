"""The form of a claim's meaning: an inequality over a batch of cases.

A property prepares scenarios from truthful reports (somebody lies, leaves, comes twice ...) and measures by how much the
mechanism breaks the claim in each of them: currency, or a count. At most the rounding slack: the claim holds there. Without
a generator a randomised mechanism answers with its lottery and expected payments, so that all of these are exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.checks.scenario import Scenario, answer

Excess = np.ndarray


def broken(where: np.ndarray) -> Excess:
    """The excess of promises that are broken or not, whatever the amounts: infinite where bool `where` holds, else 0."""
    return np.where(where, np.inf, 0.0)


@dataclass(frozen=True)
class Property:
    """A testable claim.

    excess:    `(mechanism, domain, scenario) -> float64 [cases]`, by how much the claim is broken.
    explain:   `(mechanism, domain, scenario of one case) -> str`, the sentence for a broken one.
    prepare:   `(domain, rng, truth) -> Scenario`.
    redo:      `(truth, who) -> other`, where the comparison follows from the truth; None where it is drawn.
    deviators: how many bidders must be there at least.
    who_is:    what `Scenario.who` holds: numbers of "bidders", an "order" of all of them, or a "power" of two.
    needs:     a method that the domain must have, or "".
    shows:     what a reproducer prints, Python of `mechanism`, `truth` and `other`; (): the clearings of the reports.
    before:    a line of Python that a reproducer runs first; MAKER stands for what makes the mechanism.
    once:      True: what shows it leaves its mark, so that it need not show again; the case is told as it was found.
    fresh: True: it is asked of a copy of the mechanism that has cleared nothing yet.
    in_company: the sentence for a case that breaks the claim in a batch, and does not alone.
    """

    excess: Callable[[Any, Any, Scenario], Excess]
    explain: Callable[[Any, Any, Scenario], str]
    prepare: Callable[[Any, np.random.Generator, Any], Scenario] = lambda domain, rng, truth: Scenario(truth)
    redo: Callable[[Any, np.ndarray], Any] | None = None
    deviators: int = 0
    who_is: str = "bidders"
    needs: str = ""
    shows: tuple[str, ...] = ()
    before: str = ""
    once: bool = False
    fresh: bool = False
    in_company: str = "two verdicts for the same bids (randomness that is not its `rng`)"


def utility(mechanism: Any, domain: Any, truth: Any, report: Any) -> np.ndarray:
    """What each bidder ends up with, float64 [cases, n], when `report` is reported and `truth` is true."""
    cleared = answer(mechanism, report)
    return np.asarray(domain.worth(truth, cleared) - cleared.payments)
