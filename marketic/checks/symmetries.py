"""What must stay the same when the bidders come in another order, or all amounts are in another currency."""

from typing import Any

import numpy as np

from marketic.bids import LARGEST_BID
from marketic.checks.property import Excess, Property, broken
from marketic.checks.scenario import MONEY, TOLERANCE, Scenario, answer
from marketic.domains.base import changed, rearranged

TINY = 2.0**-900
"""Smaller amounts lose digits when they are halved, or shared: no rule is free of scale there."""


def _shuffled(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    order = np.argsort(rng.random(truth.active.shape[:2]), axis=1)
    return Scenario(truth, rearranged(truth, order), order)


def _without_ties(scenario: Scenario) -> np.ndarray:
    """Cases in which no two amounts are equal or nearly so, bool [cases]."""
    amounts = np.sort(scenario.truth.value.reshape(len(scenario), -1), axis=1)
    gaps = np.diff(amounts, axis=1).min(axis=1, initial=np.inf)
    return np.asarray(gaps > 1e-6 * np.abs(amounts).max(axis=1, initial=0.0))


def _difference_of_names(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    rows = np.arange(len(scenario))[:, None]
    cleared, moved = answer(mechanism, scenario.truth), answer(mechanism, scenario.other)
    paid = np.abs(cleared.payments[rows, scenario.who] - moved.payments).max(axis=1, initial=0.0)
    got = np.abs(cleared.allocation[rows, scenario.who] - moved.allocation).reshape(len(scenario), -1)
    units = np.abs(cleared.allocation).reshape(len(scenario), -1).max(axis=1, initial=1.0)
    elsewhere = broken(got.max(axis=1, initial=0.0) > TOLERANCE * units)
    return np.where(_without_ties(scenario), np.maximum(paid, elsewhere), 0.0)


def _another_currency(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    power = np.full((len(truth.active), 1), int(rng.integers(1, 4)))
    return Scenario(truth, _scaled(truth, power), power)


def _scaled(truth: Any, power: np.ndarray) -> Any:
    amounts = {name: getattr(truth, name) for name in MONEY if getattr(truth, name, None) is not None}
    return changed(truth, **{name: array * 2.0 ** power.flat[0] for name, array in amounts.items()})


def _difference_of_scale(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    if not len(scenario):
        return np.zeros(0)
    assert scenario.who is not None
    factor = 2.0 ** int(scenario.who.flat[0])
    cleared, moved = answer(mechanism, scenario.truth), answer(mechanism, scenario.other)
    got = (cleared.allocation != moved.allocation).reshape(len(scenario), -1).any(axis=1)
    paid = (cleared.payments * factor != moved.payments).any(axis=1)
    value = np.abs(scenario.truth.value).reshape(len(scenario), -1)
    exact = (value.max(axis=1, initial=0.0) * factor <= LARGEST_BID) & ~((value > 0.0) & (value < TINY)).any(axis=1)
    return broken((got | paid) & exact)


ANOTHER_ORDER = Property(
    _difference_of_names,
    lambda *_: "allocation or payments change when the bidders come in another order",
    _shuffled,
    redo=rearranged,
    deviators=2,
    who_is="order",
)
ANOTHER_CURRENCY = Property(
    _difference_of_scale,
    lambda *_: "all amounts times a power of two do not give the same outcome, times that power",
    _another_currency,
    redo=_scaled,
    who_is="power",
)
