"""What each claim means: its `Property`."""

from typing import Any

import numpy as np

from marketic.checks.deviations import LIE, ONE_LEAVES, SECOND_NAME, TWO_LIES
from marketic.checks.property import Excess, Property, broken, utility
from marketic.checks.scenario import TOLERANCE, Scenario, answer
from marketic.checks.symmetries import ANOTHER_CURRENCY, ANOTHER_ORDER
from marketic.claims import Claim


def _worst_loss(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    return np.asarray((-utility(mechanism, domain, scenario.truth, scenario.truth)).max(axis=1, initial=0.0))


def _explain_loss(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    gains = utility(mechanism, domain, scenario.truth, scenario.truth)[0]
    return f"truthful bidder {int(gains.argmin())} loses {-gains.min():.9g}"


def _deficit(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    return np.asarray(-answer(mechanism, scenario.truth).payments.sum(axis=1))


def _imbalance(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    return np.abs(answer(mechanism, scenario.truth).payments.sum(axis=1))


def _explain_house(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    total = float(answer(mechanism, scenario.truth).payments.sum())
    return f"the house {'is left with' if total > 0 else 'pays'} {abs(total):.9g}"


def _lost_welfare(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    cleared = answer(mechanism, scenario.truth)
    if hasattr(domain, "dominated"):
        return np.asarray(domain.dominated(scenario.truth, cleared), dtype=float)
    return np.asarray(domain.optimum(scenario.truth) - domain.worth(scenario.truth, cleared).sum(axis=1))


def _explain_welfare(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    if hasattr(domain, "dominated"):
        return "another allocation is better for somebody and worse for nobody"
    worth = float(domain.worth(scenario.truth, answer(mechanism, scenario.truth)).sum())
    return f"welfare is {worth:.9g} although {float(domain.optimum(scenario.truth)[0]):.9g} is possible"


def _blocking_gain(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    return np.asarray(domain.blocking_gain(scenario.truth, answer(mechanism, scenario.truth)))


def _explain_blocking(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    return f"a coalition gains {float(_blocking_gain(mechanism, domain, scenario)[0]):.9g} by trading among themselves"


def _blocking_pairs(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    return np.asarray(domain.blocking_pairs(scenario.truth, answer(mechanism, scenario.truth)), dtype=float)


def _explain_pairs(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    return f"{int(_blocking_pairs(mechanism, domain, scenario)[0])} pair(s) would rather have each other"


def _units_lost(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    cleared = answer(mechanism, scenario.truth)
    if getattr(scenario.truth, "side", None) is not None:
        most = np.abs(cleared.allocation).max(axis=1, initial=1.0)
        return broken(np.abs(cleared.allocation.sum(axis=1)) > TOLERANCE * most)
    return broken(np.asarray(domain.infeasible(scenario.truth, cleared)[0], dtype=float) > 0.0)


PROPERTIES: dict[Claim, Property] = {
    Claim.DSIC: LIE,
    Claim.INDIVIDUALLY_RATIONAL: Property(_worst_loss, _explain_loss),
    Claim.NO_DEFICIT: Property(_deficit, _explain_house),
    Claim.BUDGET_BALANCED: Property(_imbalance, _explain_house),
    Claim.EFFICIENT: Property(_lost_welfare, _explain_welfare),
    Claim.CORE: Property(_blocking_gain, _explain_blocking, needs="blocking_gain"),
    Claim.STABLE: Property(_blocking_pairs, _explain_pairs, needs="blocking_pairs"),
    Claim.REVENUE_MONOTONE: ONE_LEAVES,
    Claim.FALSE_NAME_PROOF: SECOND_NAME,
    Claim.PAIR_PROOF: TWO_LIES,
    Claim.ANONYMOUS: ANOTHER_ORDER,
    Claim.SCALE_FREE: ANOTHER_CURRENCY,
    Claim.CONSERVES: Property(_units_lost, lambda *_: "units given are not units received"),
}
"""Claims that single cases can refute. BIC and INTERIM_RATIONAL are statistical: `marketic.checks.equilibrium`."""
