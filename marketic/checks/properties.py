"""What each claim means, as an inequality over a batch of cases.

A property prepares scenarios from truthful reports (somebody lies, leaves, comes twice ...) and measures by how much the
mechanism breaks the claim in each of them: currency, or a count. At most the rounding slack: the claim holds there. Without
a generator a randomised mechanism answers with its lottery and expected payments, so that all of these are exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.bids import LARGEST_BID
from marketic.checks.deviators import some_bidders
from marketic.checks.scenario import MONEY, TOLERANCE, Scenario, answer
from marketic.claims import Claim
from marketic.domains.base import changed, rearranged, without

Excess = np.ndarray
TINY = 2.0**-900
"""Smaller amounts lose digits when they are halved, or shared: no rule is free of scale there."""


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


def _rows(scenario: Scenario) -> np.ndarray:
    return np.arange(len(scenario))


def _utility(mechanism: Any, domain: Any, truth: Any, report: Any) -> np.ndarray:
    """What each bidder ends up with, float64 [cases, n], when `report` is reported and `truth` is true."""
    cleared = answer(mechanism, report)
    return np.asarray(domain.worth(truth, cleared) - cleared.payments)


def _present(scenario: Scenario, column: int = 0) -> np.ndarray:
    assert scenario.who is not None
    return np.asarray(scenario.truth.active[_rows(scenario), scenario.who[:, column]])


# --- DSIC


def _a_lie(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    who = some_bidders(rng, truth)
    return Scenario(truth, domain.lie(rng, truth, who[:, 0]), who)


def _gain_of_lying(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    assert scenario.who is not None
    rows, who = _rows(scenario), scenario.who[:, 0]
    honest = _utility(mechanism, domain, scenario.truth, scenario.truth)[rows, who]
    lying = _utility(mechanism, domain, scenario.truth, scenario.other)[rows, who]
    return np.where(_present(scenario), lying - honest, 0.0)


def _explain_lie(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    assert scenario.who is not None
    who = scenario.who[0, 0]
    honest = _utility(mechanism, domain, scenario.truth, scenario.truth)[0, who]
    lying = _utility(mechanism, domain, scenario.truth, scenario.other)[0, who]
    told = getattr(scenario.other, "value", None)
    lie = "with another report" if told is None else f"by reporting {np.asarray(told[0, who]).tolist()}"
    return f"bidder {who} earns {honest + 0.0:.9g} with the truth and {lying + 0.0:.9g} {lie}"


# --- individual rationality and the house's budget


def _worst_loss(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    return np.asarray((-_utility(mechanism, domain, scenario.truth, scenario.truth)).max(axis=1, initial=0.0))


def _explain_loss(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    utility = _utility(mechanism, domain, scenario.truth, scenario.truth)[0]
    return f"truthful bidder {int(utility.argmin())} loses {-utility.min():.9g}"


def _deficit(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    return np.asarray(-answer(mechanism, scenario.truth).payments.sum(axis=1))


def _imbalance(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    return np.abs(answer(mechanism, scenario.truth).payments.sum(axis=1))


def _explain_house(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    total = float(answer(mechanism, scenario.truth).payments.sum())
    return f"the house {'is left with' if total > 0 else 'pays'} {abs(total):.9g}"


# --- efficiency, core, stability


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


# --- fewer bidders, more names, two who conspire


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
    rows, who = _rows(scenario), scenario.who[:, 0]
    honest = _utility(mechanism, domain, scenario.truth, scenario.truth)[rows, who]
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
    rows = _rows(scenario)[:, None]
    honest = _utility(mechanism, domain, scenario.truth, scenario.truth)[rows, scenario.who].sum(axis=1)
    lying = _utility(mechanism, domain, scenario.truth, scenario.other)[rows, scenario.who].sum(axis=1)
    return np.where(_present(scenario) & _present(scenario, 1), lying - honest, 0.0)


def _explain_two(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    assert scenario.who is not None
    gain = float(_gain_of_two(mechanism, domain, scenario)[0])
    return f"bidders {scenario.who[0].tolist()} gain {gain:.9g} together by misreporting"


# --- names, currency, units


def _shuffled(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    order = np.argsort(rng.random(truth.active.shape[:2]), axis=1)
    return Scenario(truth, rearranged(truth, order), order)


def _without_ties(scenario: Scenario) -> np.ndarray:
    """Cases in which no two amounts are equal or nearly so, bool [cases]."""
    amounts = np.sort(scenario.truth.value.reshape(len(scenario), -1), axis=1)
    gaps = np.diff(amounts, axis=1).min(axis=1, initial=np.inf)
    return np.asarray(gaps > 1e-6 * np.abs(amounts).max(axis=1, initial=0.0))


def _difference_of_names(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    rows = _rows(scenario)[:, None]
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


def _units_lost(mechanism: Any, domain: Any, scenario: Scenario) -> Excess:
    cleared = answer(mechanism, scenario.truth)
    if getattr(scenario.truth, "side", None) is not None:
        most = np.abs(cleared.allocation).max(axis=1, initial=1.0)
        return broken(np.abs(cleared.allocation.sum(axis=1)) > TOLERANCE * most)
    return broken(np.asarray(domain.infeasible(scenario.truth, cleared)[0], dtype=float) > 0.0)


PROPERTIES: dict[Claim, Property] = {
    Claim.DSIC: Property(_gain_of_lying, _explain_lie, _a_lie, deviators=1),
    Claim.INDIVIDUALLY_RATIONAL: Property(_worst_loss, _explain_loss),
    Claim.NO_DEFICIT: Property(_deficit, _explain_house),
    Claim.BUDGET_BALANCED: Property(_imbalance, _explain_house),
    Claim.EFFICIENT: Property(_lost_welfare, _explain_welfare),
    Claim.CORE: Property(_blocking_gain, _explain_blocking, needs="blocking_gain"),
    Claim.STABLE: Property(_blocking_pairs, _explain_pairs, needs="blocking_pairs"),
    Claim.REVENUE_MONOTONE: Property(
        _revenue_lost, _explain_revenue, _one_leaves, redo=lambda truth, who: without(truth, who[:, 0]), deviators=1
    ),
    Claim.FALSE_NAME_PROOF: Property(_gain_of_shill, _explain_shill, _a_shill, deviators=1, needs="split"),
    Claim.PAIR_PROOF: Property(_gain_of_two, _explain_two, _two_lies, deviators=2),
    Claim.ANONYMOUS: Property(
        _difference_of_names,
        lambda *_: "allocation or payments change when the bidders come in another order",
        _shuffled,
        redo=rearranged,
        deviators=2,
        who_is="order",
    ),
    Claim.SCALE_FREE: Property(
        _difference_of_scale,
        lambda *_: "all amounts times a power of two do not give the same outcome, times that power",
        _another_currency,
        redo=_scaled,
        who_is="power",
    ),
    Claim.CONSERVES: Property(_units_lost, lambda *_: "units given are not units received"),
}
"""Claims that single cases can refute. BIC and INTERIM_RATIONAL are statistical: `marketic.checks.equilibrium`."""
