"""Holding a mechanism to its word: a search for the smallest case in which a claim fails."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from marketic.bids import Bids
from marketic.checks.basics import BASICS
from marketic.checks.company import in_company
from marketic.checks.compiled_rule import COMPILED
from marketic.checks.equilibrium import check_equilibrium
from marketic.checks.own_numbers import own_numbers
from marketic.checks.properties import PROPERTIES
from marketic.checks.property import Property
from marketic.checks.purity import FEW, as_it_came
from marketic.checks.replay import replay
from marketic.checks.report import Report, Verdict
from marketic.checks.reproducer import reproducer
from marketic.checks.scenario import Scenario, answer
from marketic.checks.search import Found, breaks, draws, first_of_each, search
from marketic.checks.shrink import shrink
from marketic.claims import Claim, Holds, Terms
from marketic.domains import Exchange, SingleGood
from marketic.errors import InputError
from marketic.mechanism import rule_of, sells_one_right

SESSION_CLAIMS = frozenset({Claim.PATH_INDEPENDENT, Claim.BOUNDED_LOSS, Claim.BOUNDED_REGRET})
RAISING = 400
"""Cases on which we see whether `clear` answers at all."""

STATISTICAL = frozenset({Claim.BIC, Claim.INTERIM_RATIONAL})


class ClaimRefuted(AssertionError):
    """A part does not keep its word; the message holds each broken promise, the smallest case found and its replay."""


def check_mechanism(mechanism: Any, *, budget: int = 20_000, seed: int = 0, raises: bool = True) -> Report:
    """Search for cases in which a mechanism breaks a rule of the house or one of its declared claims.

    mechanism: an object with `claims` and `clear`, or a session (with `open` and `step`). budget: cases tried per promise,
    >= 1 (domains whose cases are expensive to solve take a share of it). seed: of the search.
    raises: True: raise ClaimRefuted if any promise is broken; False: only report it.

    Every mechanism promises ANSWERS, FEASIBLE, PURE, BATCHED and DRAWS (see docs/mechanisms.md), and one with a compiled `rule`
    RULE: it decides as `clear` does. Undeclared claims are not asserted; `refuted` ones are, by replaying the stored
    counterexample. What the kit cannot test is reported as such. Raises InputError if `mechanism` is no mechanism.

    >>> from marketic.mechanisms import SecondPrice
    >>> check_mechanism(SecondPrice(), budget=1_000).passed
    True
    """
    _refuse_nonsense(mechanism, budget)
    name = type(mechanism).__name__
    if not callable(getattr(mechanism, "clear", None)):
        report = _check_session(mechanism, name, budget, seed)
    else:
        domain = getattr(mechanism, "domain", None) or SingleGood()
        verdicts = _test_basics(mechanism, domain, budget, seed)
        report = Report(name, verdicts | _test_claims(mechanism, domain, budget, seed))
    if raises and not report.passed:
        asked = ("ANSWERS", *BASICS, *COMPILED)
        broken = [
            f"{name} {'must be' if promise in asked else 'claims'} {promise}, but {verdict.explanation}"
            for promise, verdict in report.refuted.items()
        ]
        raise ClaimRefuted("\n".join(broken))
    return report


def _refuse_nonsense(mechanism: Any, budget: int) -> None:
    claims = getattr(mechanism, "claims", None)
    is_session = callable(getattr(mechanism, "open", None)) and callable(getattr(mechanism, "step", None))
    if claims is None or isinstance(mechanism, type) or not (callable(getattr(mechanism, "clear", None)) or is_session):
        raise InputError(
            f"{mechanism!r} is no mechanism: wanted an object with `claims` and `clear(bids, *, rng=None)`, or a session "
            "with `claims`, `open` and `step`"
        )
    unknown = [claim for claim in claims if not isinstance(claim, Claim)]
    if unknown:
        raise InputError(f"claims of {type(mechanism).__name__} hold {unknown[0]!r}: wanted members of marketic.Claim")
    if budget < 1:
        raise InputError(f"check_mechanism(budget={budget}): wanted a number of cases >= 1")


def _check_session(session: Any, name: str, budget: int, seed: int) -> Report:
    from marketic.checks.sessions import check_session_claims

    verdicts = check_session_claims(session, seed=seed, budget=budget)
    return Report(name, {promise: Verdict(*verdict) for promise, verdict in verdicts.items()})  # type: ignore[arg-type]


def _test_claims(mechanism: Any, domain: Any, budget: int, seed: int) -> dict[str, Verdict]:
    terms: dict[Claim, Terms] = dict(getattr(mechanism, "terms", {}))
    verdicts = {}
    for claim in sorted(mechanism.claims, key=list(Claim).index):
        small_print = terms.get(claim, Terms())
        verdicts[claim.name] = _test_claim(mechanism, domain, claim, small_print, budget, seed)
    for refutation in getattr(mechanism, "refuted", ()):
        verdicts[f"not {refutation.claim.name}"] = replay(mechanism, domain, refutation)
    return verdicts


def _test_claim(mechanism: Any, domain: Any, claim: Claim, terms: Terms, budget: int, seed: int) -> Verdict:
    if terms.holds is Holds.ASYMPTOTIC:
        return Verdict("could not test", "it is said to hold in the limit only, and no finite case contradicts a limit")
    if claim in SESSION_CLAIMS:
        return Verdict("could not test", "it is a claim about sessions (with `open` and `step`), and this clears once")
    if claim in STATISTICAL:
        if type(domain.draw(np.random.default_rng(0), 1, 1)) is not Bids or isinstance(domain, Exchange):
            return Verdict(
                "could not test", f"equilibria are simulated for scalar bids, not for {type(domain).__name__}"
            )
        return _simulate(mechanism, domain, claim, terms, seed)
    test = PROPERTIES[claim]
    if test.needs and not hasattr(domain, test.needs):
        return Verdict("could not test", f"{type(domain).__name__} has no method {test.needs}")
    return _test(mechanism, domain, test, budget, seed, terms.tolerance)


def _simulate(mechanism: Any, domain: Any, claim: Claim, terms: Terms, seed: int) -> Verdict:
    try:
        reason, held = check_equilibrium(mechanism, domain, claim, terms, seed=seed)
    except (Exception, SystemExit) as error:  # whatever a stranger's code raises is an answer
        return Verdict("refuted", f"clear raised {type(error).__name__}: {error}")
    return Verdict("refuted" if reason else "kept", reason, held)


def _test(
    mechanism: Any,
    domain: Any,
    test: Property,
    budget: int,
    seed: int,
    tolerance: float = 0.0,
    drawn: list[Any] | None = None,
) -> Verdict:
    """Search; if something is found, make it small and write it down. drawn: as in `search`."""

    def fails(case: Scenario) -> bool:
        return breaks(mechanism, domain, test, case, tolerance)

    found = search(mechanism, domain, test, budget=budget, seed=seed, tolerance=tolerance, drawn=drawn)
    if found.error is not None:
        return Verdict("could not test", f"clear raised {type(found.error).__name__} on every batch: {found.error}")
    if found.scenario is None:
        return Verdict("kept", "", found.cases)
    first = _one_that_fails(found, fails, test)
    if first is None:
        told = (
            _story(mechanism, domain, test, found.scenario) if test.once else in_company(mechanism, domain, test, found)
        )
        return Verdict("refuted", told, found.cases)
    small = shrink(first, test, fails)
    return Verdict("refuted", _story(mechanism, domain, test, small), found.cases)


def _one_that_fails(found: Found, fails: Callable[[Scenario], bool], test: Property) -> Scenario | None:
    """The case that was found, if it breaks the promise alone, too; where all of its batch did, the first one that does."""
    assert found.scenario is not None
    if fails(found.scenario):
        return found.scenario
    if test.once or found.company is None or not found.all_of_them:
        return None
    cases = (found.company.case(i) for i in range(1, len(found.company)))
    return next((case for case in cases if fails(case)), None)


def _test_basics(mechanism: Any, domain: Any, budget: int, seed: int) -> dict[str, Verdict]:
    """What needs no claim; first of all that `clear` answers at all."""
    fresh = as_it_came(mechanism)
    raised = _where_it_raises(mechanism, domain, budget, seed)
    verdicts = {"ANSWERS": raised or Verdict("kept", "", min(budget, RAISING))}
    promises = BASICS | (COMPILED if rule_of(mechanism) is not None and sells_one_right(mechanism) else {})
    drawn = first_of_each(mechanism, domain, budget, seed, FEW)
    for promise, tests in promises.items():
        asked = ((fresh if test.fresh else mechanism, test) for test in tests)
        found = (_test(one, domain, test, budget, seed, drawn=drawn) for one, test in asked)
        verdicts[promise] = _first_broken(found)
    return verdicts


def _first_broken(found: Iterator[Verdict]) -> Verdict:
    """The first refutation of several, or that all is kept (or could not be tested)."""
    cases, last = 0, Verdict("kept", "")
    for verdict in found:
        cases, last = cases + verdict.cases, verdict
        if verdict.status != "kept":
            break
    return Verdict(last.status, last.explanation, cases)


def _where_it_raises(mechanism: Any, domain: Any, budget: int, seed: int) -> Verdict | None:
    """The smallest case found on which `clear` raises, or the batch; None if it never does."""
    test, tried = Property(_cleared, lambda *_: ""), 0

    def fails(case: Scenario) -> bool:
        return _failure(mechanism, domain, test, case) is not None

    for truth, _ in draws(domain, min(budget, RAISING), seed, own_numbers(mechanism)):
        batch = Scenario(truth)
        tried += len(batch)
        error = _failure(mechanism, domain, test, batch)
        if error is None:
            continue
        for i in range(len(batch)):
            if fails(batch.case(i)):
                small = shrink(batch.case(i), test, fails)
                raised = _failure(mechanism, domain, test, small)
                reason = f"clear raised {type(raised).__name__}: {raised}"
                return Verdict(
                    "refuted", f"{_shown(small)}: {reason}\n{_indented(reproducer(mechanism, small))}", tried
                )
        return Verdict(
            "refuted", f"clear raised {type(error).__name__} on a batch of {len(batch)} auctions: {error}", tried
        )
    return None


def _cleared(mechanism: Any, domain: Any, scenario: Scenario) -> Any:
    answer(mechanism, scenario.truth)
    return np.zeros(len(scenario))


def _failure(mechanism: Any, domain: Any, test: Property, case: Scenario) -> BaseException | None:
    try:
        test.excess(mechanism, domain, case)
    except (Exception, SystemExit) as error:
        return error
    return None


def _story(mechanism: Any, domain: Any, test: Property, case: Scenario) -> str:
    try:
        reason = test.explain(mechanism, domain, case)
    except (Exception, SystemExit) as error:
        reason = f"clear raised {type(error).__name__}: {error}"
    return f"{_shown(case)}: {reason}\n{_indented(reproducer(mechanism, case, test.shows, test.before))}"


def _shown(case: Scenario) -> str:
    """The truthful reports in a few words."""
    if not case.bidders:
        return "with no bidders"
    value = getattr(case.truth, "value", None)
    what = f"values {tuple(value[0].tolist())}" if value is not None else f"{case.bidders} bidders"
    absent = [i for i, here in enumerate(case.truth.active[0].tolist()) if not here]
    return f"with {what}" + (f" (absent: {absent})" if absent else "")


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
