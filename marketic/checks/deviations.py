"""What bidders gain, or the house loses, when somebody lies, leaves, comes twice, or conspires with another."""

from typing import Any

import numpy as np

from marketic.checks.property import Excess, Property, utility
from marketic.checks.scenario import Scenario, answer
from marketic.domains.base import without


def some_bidders(rng: np.random.Generator, truth: Any, how_many: int = 1) -> np.ndarray:
    """Different bidders, int64 [cases, how_many]: anybody, and in half of the cases those who name the most, or nearly so."""
    cases, n = truth.active.shape[:2]
    turn = rng.random((cases, n))
    value = getattr(truth, "value", None)
    if value is None or n <= how_many:
        return np.argsort(turn, axis=1)[:, :how_many]
    named = np.where(truth.active, value.reshape(cases, n, -1).max(axis=2, initial=-np.inf), -np.inf)
    leads = named >= np.sort(named, axis=1)[:, -how_many - 1, None]
    return np.argsort(turn - (leads & (rng.random((cases, 1)) < 0.5)), axis=1)[:, :how_many]


def _a_lie(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    who = some_bidders(rng, truth)
    return Scenario(truth, domain.lie(rng, truth, who[:, 0]), who)


def _gain_of_lying(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    assert scenario.who is not None
    rows, who = np.arange(len(scenario)), scenario.who[:, 0]
    honest = utility(mechanism, domain, scenario.truth, scenario.truth)[rows, who]
    lying = utility(mechanism, domain, scenario.truth, scenario.other)[rows, who]
    return np.where(_present(scenario), lying - honest, 0.0)


def _explain_lie(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    assert scenario.who is not None
    who = scenario.who[0, 0]
    honest = utility(mechanism, domain, scenario.truth, scenario.truth)[0, who]
    lying = utility(mechanism, domain, scenario.truth, scenario.other)[0, who]
    told = getattr(scenario.other, "value", None)
    lie = "with another report" if told is None else f"by reporting {np.asarray(told[0, who]).tolist()}"
    return f"bidder {who} earns {honest + 0.0:.9g} with the truth and {lying + 0.0:.9g} {lie}"


def _one_leaves(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    who = some_bidders(rng, truth)
    return Scenario(truth, without(truth, who[:, 0]), who)


def _revenue_lost(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    fewer, all_here = answer(mechanism, scenario.other), answer(mechanism, scenario.truth)
    return np.asarray(fewer.payments.sum(axis=1) - all_here.payments.sum(axis=1))


def _explain_revenue(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    assert scenario.who is not None
    fewer = float(answer(mechanism, scenario.other).payments.sum())
    revenue = float(answer(mechanism, scenario.truth).payments.sum())
    return f"revenue is {revenue:.9g}, and {fewer:.9g} without bidder {scenario.who[0, 0]}"


def _a_shill(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    who = some_bidders(rng, truth)
    return Scenario(truth, domain.split(rng, truth, who[:, 0]), who)


def _gain_of_shill(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    assert scenario.who is not None
    rows, who = np.arange(len(scenario)), scenario.who[:, 0]
    honest = utility(mechanism, domain, scenario.truth, scenario.truth)[rows, who]
    cleared = answer(mechanism, scenario.other)
    paid = cleared.payments[rows, who] + cleared.payments[:, -1]
    return np.where(_present(scenario), domain.joint_worth(scenario.truth, cleared, who) - paid - honest, 0.0)


def _explain_shill(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    assert scenario.who is not None
    gain = float(_gain_of_shill(mechanism, domain, scenario)[0])
    return f"bidder {scenario.who[0, 0]} gains {gain:.9g} by coming under a second name"


def _two_lies(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    who = some_bidders(rng, truth, 2)
    return Scenario(truth, domain.lie(rng, domain.lie(rng, truth, who[:, 0]), who[:, 1]), who)


def _gain_of_two(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    assert scenario.who is not None
    rows = np.arange(len(scenario))[:, None]
    honest = utility(mechanism, domain, scenario.truth, scenario.truth)[rows, scenario.who].sum(axis=1)
    lying = utility(mechanism, domain, scenario.truth, scenario.other)[rows, scenario.who].sum(axis=1)
    return np.where(_present(scenario) & _present(scenario, 1), lying - honest, 0.0)


def _explain_two(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    assert scenario.who is not None
    gain = float(_gain_of_two(mechanism, domain, scenario)[0])
    return f"bidders {scenario.who[0].tolist()} gain {gain:.9g} together by misreporting"


def _present(scenario: Scenario, column: int = 0) -> np.ndarray:
    assert scenario.who is not None
    return np.asarray(scenario.truth.active[np.arange(len(scenario)), scenario.who[:, column]])


LIE = Property(_gain_of_lying, _explain_lie, _a_lie, deviators=1)
ONE_LEAVES = Property(
    _revenue_lost, _explain_revenue, _one_leaves, redo=lambda truth, who: without(truth, who[:, 0]), deviators=1
)
SECOND_NAME = Property(_gain_of_shill, _explain_shill, _a_shill, deviators=1, needs="split")
TWO_LIES = Property(_gain_of_two, _explain_two, _two_lies, deviators=2)
