"""Searching a mechanism's domain for a case in which a claim fails, thousands of cases per call."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.checks.own_numbers import own_numbers, planted
from marketic.checks.property import Property
from marketic.checks.scenario import Scenario
from marketic.domains.base import taken

CHUNK = 2_000
"""Cases that share a number of bidders and are cleared in one call."""

SOME, MANY = 8, 50
"""More bidders than this come in fewer cases, and in few, and so does nobody: enough for what breaks at one number of them."""


NO_NUMBERS = np.zeros(0)


DEAR = 0.1
"""In domains with no larger share of the budget few are tried of what has more than four bidders."""


@dataclass(frozen=True)
class Found:
    """The result of a search. scenario: one case that breaks the claim, or None. cases: how many were tried. error: what the
    mechanism raised, if it raised on every chunk. company: the batch in which the case was found. all_of_them: whether all of
    that batch seemed to break the claim.
    """

    scenario: Scenario | None
    cases: int
    error: BaseException | None = None
    company: Scenario | None = None
    all_of_them: bool = False


def search(
    mechanism: Any,
    domain: Any,
    claim: Property,
    *,
    budget: int,
    seed: int,
    tolerance: float = 0.0,
    drawn: list[Any] | None = None,
) -> Found:
    """Try `budget` cases (times the domain's `share`) of every number of bidders in turn.

    tolerance: what else is forgiven besides rounding, currency. drawn: chunks of truthful reports to try instead.
    Deterministic in `seed`. Chunks on which the mechanism raises are passed over (that it raises is a finding of its own:
    `marketic.checks.basics`).
    """
    tried, error = 0, None
    chunks = draws(domain, budget, seed, own_numbers(mechanism)) if drawn is None else _again(drawn, seed)
    for truth, rng in chunks:
        if truth.active.shape[1] < claim.deviators:
            continue
        scenario = claim.prepare(domain, rng, truth)
        try:
            excess = claim.excess(mechanism, domain, scenario) - scenario.slack(domain) - tolerance
        except (Exception, SystemExit) as raised:
            error = raised
            continue
        tried += len(scenario)
        broken = np.flatnonzero(~(excess <= 0.0))  # NaN is no excuse
        if len(broken):
            one = scenario.case(int(broken[0]))
            return Found(one, tried, company=scenario, all_of_them=len(broken) == len(scenario))
    return Found(None, tried, error if not tried else None)


def draws(
    domain: Any, budget: int, seed: int, numbers: np.ndarray = NO_NUMBERS
) -> Iterator[tuple[Any, np.random.Generator]]:
    """Chunks of truthful reports, and the generator to go on with: at least one chunk of every size of the domain.

    numbers: amounts to try as well, see `own_numbers`.
    """
    rng = np.random.default_rng(seed)
    wanted = max(1, round(budget * domain.share))
    chunk = max(1, min(CHUNK, wanted // len(domain.sizes)))
    done, turn = 0, 0
    while done < wanted or turn < len(domain.sizes):
        bidders = domain.sizes[turn % len(domain.sizes)]
        few = 4 if domain.share <= DEAR else SOME
        cases = chunk if 0 < bidders <= few else min(chunk, 200 if few < bidders <= MANY and few == SOME else 50)
        yield planted(domain, rng, domain.draw(rng, cases, bidders), numbers), rng
        done, turn = done + cases, turn + 1


def first_of_each(mechanism: Any, domain: Any, budget: int, seed: int, cases: int) -> list[Any]:
    """The first cases of each chunk that `draws` makes: what is asked case by case looks at no more, and can share them."""
    chunks = draws(domain, budget, seed, own_numbers(mechanism))
    return [taken(truth, slice(0, cases)) for truth, _ in chunks]


def _again(drawn: list[Any], seed: int) -> Iterator[tuple[Any, np.random.Generator]]:
    rng = np.random.default_rng([seed, len(drawn)])
    for truth in drawn:
        yield truth, rng


def breaks(mechanism: Any, domain: Any, claim: Property, scenario: Scenario, tolerance: float = 0.0) -> bool:
    """Whether a scenario of one case breaks the claim. A mechanism that raises breaks everything."""
    try:
        excess = claim.excess(mechanism, domain, scenario) - scenario.slack(domain) - tolerance
    except (Exception, SystemExit):
        return True
    return bool((~(excess <= 0.0)).any())
