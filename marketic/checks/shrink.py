"""Making a counterexample small enough to understand: fewer bidders, then simpler numbers (by hypothesis)."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, NoSuchExample

from marketic.checks.property import Property
from marketic.checks.scenario import MONEY, Scenario
from marketic.domains.base import changed, number_of_bidders, per_bidder

SIMPLE = (0.0, 1.0, 2.0, 3.0, 0.5, 4.0, 1.5, 2.5, 0.25, 10.0)
"""Amounts that a reader likes, the most liked first."""

MOST_NUMBERS = 40
"""Cases with more amounts than this lose bidders, and keep their numbers."""


def shrink(found: Scenario, claim: Property, fails: Callable[[Scenario], bool], examples: int = 300) -> Scenario:
    """The smallest failing relative of `found` (one case) that a short search discovers. `fails(found)` must hold."""
    case = _with_fewer_bidders(found, claim, fails)
    names = [name for name in MONEY if getattr(case.truth, name, None) is not None]
    if not names or sum(getattr(case.truth, name).size for name in names) > MOST_NUMBERS:
        return case
    strategy = _relatives(case, claim, names)
    try:
        return find(
            strategy,
            fails,
            settings=settings(
                max_examples=examples,
                database=None,
                derandomize=True,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    except (NoSuchExample, Flaky):  # flaky: what it remembers decides whether the same case fails again
        return case


def _with_fewer_bidders(case: Scenario, claim: Property, fails: Callable[[Scenario], bool]) -> Scenario:
    """Leave out one bidder after another as long as the claim still fails."""
    shrinking = True
    while shrinking:
        shrinking = False
        for bidder in reversed(range(case.bidders)):
            fewer = _leave_out(case, claim, bidder)
            if fewer is not None and fails(fewer):
                case, shrinking = fewer, True
                break
    return case


def _leave_out(case: Scenario, claim: Property, bidder: int) -> Scenario | None:
    """The case without one bidder; None if that one deviates, or if too few would be left."""
    who = case.who
    if case.bidders <= claim.deviators:
        return None
    if who is not None and claim.who_is == "bidders":
        if (who[0] == bidder).any():
            return None
        who = who - (who > bidder)
    elif who is not None and claim.who_is == "order":
        kept = who[0][who[0] != bidder]
        who = (kept - (kept > bidder))[None]
    truth = _drop(case.truth, bidder)
    if claim.redo is not None and who is not None:
        return Scenario(truth, claim.redo(truth, who), who)
    return Scenario(truth, None if case.other is None else _drop(case.other, bidder), who)


def _drop(report: Any, bidder: int) -> Any:
    return changed(report, **{name: np.delete(array, bidder, axis=1) for name, array in per_bidder(report).items()})


def _relatives(case: Scenario, claim: Property, names: list[str]) -> st.SearchStrategy[Scenario]:
    """The case with some of its amounts replaced by simpler ones. Reports that agreed with the truth go on agreeing."""

    @st.composite
    def build(draw: Any) -> Scenario:
        arrays, replaced = {}, {}
        for name in names:
            old = getattr(case.truth, name)
            new = np.array([draw(_near(amount)) for amount in old.flat]).reshape(old.shape)
            arrays[name], replaced[name] = new, old
        truth = changed(case.truth, **arrays)
        if case.other is None:
            return Scenario(truth, None, case.who)
        if claim.redo is not None and case.who is not None:
            return Scenario(truth, claim.redo(truth, case.who), case.who)
        return Scenario(truth, _told(draw, case, arrays, names), case.who)

    return build()


def _told(draw: Any, case: Scenario, arrays: dict[str, np.ndarray], names: list[str]) -> Any:
    """The other reports: as the new truth where they agreed with the old one, else drawn near what they were."""
    told = {}
    n = number_of_bidders(case.truth)
    for name in names:
        old, other = getattr(case.truth, name), getattr(case.other, name)
        new = other.copy()
        for index in np.ndindex(other.shape):
            same = (index[1] < n or old.shape == other.shape) and old[index] == other[index]
            new[index] = arrays[name][index] if same else draw(_near(other[index]))
        told[name] = new
    return changed(case.other, **told)


def _near(amount: float) -> st.SearchStrategy[float]:
    """Simple amounts first; the amount itself last, but often, so that the whole case comes up again soon."""
    rounded = [float(np.round(amount, digits)) for digits in (0, 1, 2, 3) if np.isfinite(amount)]
    nice = list(dict.fromkeys([*SIMPLE, *rounded]))
    return st.sampled_from([*nice, *[float(amount)] * len(nice)])
