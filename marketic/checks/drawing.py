"""DRAWS: what a mechanism draws with a generator is what it states without one.

An allocation that is stated as sure (all or nothing for each bidder) must be drawn every time. Of all others, and of the
payments, the means over many draws must be what is stated: chances and expected payments. What differs is looked at again,
with many more draws, and must differ by more than six standard errors.
"""

from typing import Any

import numpy as np

from marketic.checks.property import Property, broken
from marketic.checks.purity import DRAWN, FEW
from marketic.checks.scenario import TOLERANCE, Scenario, answer
from marketic.domains.base import number_of_bidders, taken
from marketic.session import Direct

DRAWS = 4
"""How often every case is drawn."""

ONE_BY_ONE = 24
"""Cases of each chunk that are drawn."""

LOTTERIES, CROWD = 4, 17
"""How many of those in which there is chance are drawn often, and among how many bidders at most."""

FIRST_LOOK, SECOND_LOOK = 2_000, 40_000
"""Draws of each. The second look comes in a hundred calls: a mechanism may use one draw for all auctions of a call."""

CALLS = 100

BAR = 0.003
"""Smaller differences are no difference: share of the largest amount that was drawn."""


def _some(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    return Scenario(taken(truth, slice(0, min(ONE_BY_ONE, FEW))))


def _drawn_otherwise(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether an allocation that is stated as sure is not what is drawn.

    Clocks and order books are no lotteries: there the generator decides who comes first.
    """
    if isinstance(mechanism, Direct):
        return np.zeros(len(scenario))
    stated = answer(mechanism, scenario.truth)
    flat = stated.allocation.reshape(len(scenario), -1)
    sure, off = ((flat == 0.0) | (flat == 1.0)).all(axis=1), np.zeros(len(scenario), dtype=bool)
    for seed in range(DRAWS):
        drawn = answer(mechanism, scenario.truth, np.random.default_rng(seed))
        off |= (drawn.allocation != stated.allocation).reshape(len(scenario), -1).any(axis=1)
    return broken(off & sure)


def _mean_is_off(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether the means of what is drawn are not what is stated, in the first few cases in which there is chance."""
    off = np.zeros(len(scenario), dtype=bool)
    if isinstance(mechanism, Direct) or not 0 < number_of_bidders(scenario.truth) <= CROWD:
        return broken(off)
    stated, chance = answer(mechanism, scenario.truth), np.zeros(len(scenario), dtype=bool)
    for seed in range(DRAWS):
        drawn = answer(mechanism, scenario.truth, np.random.default_rng(seed))
        for name in ("allocation", "payments"):
            differs = getattr(drawn, name) != getattr(stated, name)
            chance |= differs.reshape(len(scenario), -1).any(axis=1)
    share = min(1.0, domain.share)
    for case in np.flatnonzero(chance)[:LOTTERIES]:
        one = scenario.case(int(case))
        first = max(50, int(FIRST_LOOK * share))
        if _far(mechanism, domain, one, 1, first, 3.0):
            off[case] = _far(mechanism, domain, one, CALLS, max(10, int(SECOND_LOOK * share) // CALLS), 6.0)
    return broken(off)


def _far(mechanism: Any, domain: Any, one: Scenario, calls: int, rows: int, errors: float) -> bool:
    """Whether mean allocation or payments of `calls * rows` draws are off by more than so many standard errors, and BAR."""
    many, stated = taken(one.truth, np.zeros(rows, dtype=np.int64)), answer(mechanism, one.truth)
    drawn = [answer(mechanism, many, np.random.default_rng([calls, seed])) for seed in range(calls)]
    for name in ("allocation", "payments"):
        each = np.stack([getattr(cleared, name) for cleared in drawn])  # [calls, rows, n, ...]
        sample = each.mean(axis=1) if calls > 1 else each[0]
        error = sample.std(axis=0) / np.sqrt(len(sample))
        known = 1.0 if name == "allocation" else float(one.slack(domain)[0]) / TOLERANCE
        unit = np.abs(each).max(initial=known)
        if (np.abs(sample.mean(axis=0) - getattr(stated, name)[0]) > errors * error + BAR * unit).any():
            return True
    return False


MEANS = ", ".join(
    f"np.mean([np.asarray(c.{name}, float) for c in drawn], axis=0)" for name in ("allocation", "payments")
)

SURE_AND_MEAN = (
    Property(
        _drawn_otherwise,
        lambda *_: "with a generator it gives another outcome than the sure one that it states without",
        _some,
        shows=("mechanism.clear(truth)", *(DRAWN.format(seed) for seed in range(DRAWS))),
    ),
    Property(
        _mean_is_off,
        lambda *_: (
            "with a generator it gives, on average, something else than it states without (last lines: means of 4000 draws)"
        ),
        _some,
        shows=("mechanism.clear(truth)", MEANS),
        before="rng = np.random.default_rng(0); drawn = [mechanism.clear(truth, rng=rng) for _ in range(4000)]",
    ),
)
"""What the drawn answers are held to, in the order in which it is tried."""
