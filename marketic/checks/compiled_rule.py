"""RULE: a mechanism's compiled rule, by which the engine trades, decides as its `clear` does.

A rule without chance must name the same winners and payments. One with chance reads one uniform number per auction: over
a grid of those numbers each bidder must win as often, and pay as much, as in the lottery that `clear` states.
"""

from typing import Any

import numpy as np

from marketic.checks.property import Property, broken
from marketic.checks.purity import few
from marketic.checks.scenario import TOLERANCE, Scenario, answer
from marketic.domains.base import changed, number_of_bidders, taken

TICK = 2.0**-20
"""The grid of the amounts that are tried, currency: a ledger's bids are on a grid, too."""

GRID = 1000
"""How many uniform numbers are tried."""

OFF = 0.01
"""What shares of the grid may differ from chances, and mean payments from expected ones (of the highest bid)."""


def _on_the_grid(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    some = few(domain, rng, truth).truth
    if number_of_bidders(some) > 0:
        some = taken(some, slice(0, max(1, 200 // number_of_bidders(some))))
    value = np.rint(np.where(some.active, some.value, 0.0) / TICK) * TICK
    return Scenario(changed(some, value=value))


def _unlike_clear(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    rule, truth = mechanism.rule, scenario.truth
    cases, n = truth.value.shape
    if n == 0:
        return np.zeros(cases)  # a market has bidders
    uniform = (np.arange(GRID) + 0.5) / GRID if rule.random else np.zeros(1)
    value, active = (
        np.ascontiguousarray(np.repeat(array, len(uniform), axis=0)) for array in (truth.value, truth.active)
    )
    winner, paid = np.full(len(value), -2, dtype=np.int64), np.full(value.shape, np.nan)
    rule.function(value, active, np.tile(uniform, cases), rule.parameters, winner, paid)
    won = (winner[:, None] == np.arange(n)).reshape(cases, len(uniform), n).mean(axis=1)
    nobody = ((winner < -1) | (winner >= n)).reshape(cases, -1).any(axis=1)
    stated, mean = answer(mechanism, truth), paid.reshape(cases, len(uniform), n).mean(axis=1)
    chances, amounts = (OFF, OFF) if rule.random else (0.0, TOLERANCE)
    largest = np.maximum(np.abs(truth.value).max(axis=1, initial=0.0, keepdims=True), 1.0)
    same = (np.abs(won - stated.allocation) <= chances) & (np.abs(mean - stated.payments) <= amounts * largest)
    return broken(nobody | ~same.all(axis=1))


RUN = (
    "rule, u = mechanism.rule, (np.arange(1000) + 0.5) / 1000; "
    "value, active = (np.repeat(a[None], 1000, 0) for a in (truth.value, truth.active)); "
    "winner, paid = np.empty(1000, int), np.empty(value.shape); "
    "rule.function(value, active, u, rule.parameters, winner, paid)"
)

COMPILED = {
    "RULE": (
        Property(
            _unlike_clear,
            lambda *_: "its compiled `rule` decides otherwise than its `clear` (last lines: shares won, mean payments)",
            _on_the_grid,
            shows=("mechanism.clear(truth)", "(winner[:, None] == range(paid.shape[1])).mean(0)", "paid.mean(0)"),
            before=RUN,
        ),
    )
}
"""The promise of mechanisms with a compiled rule."""
