"""Holding a mechanism to its word: a search for the smallest case in which a claim fails."""

from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from marketic.checks.properties import PROPERTIES, Case, feasible
from marketic.errors import InputError
from marketic.mechanism import Claim

_FEW_PRICES = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0])  # few, so that ties are common
_PRICES = st.one_of(_FEW_PRICES, _FEW_PRICES, st.floats(0, 4), st.sampled_from([1e-300, 1e3, 1e12]))


class ClaimRefuted(AssertionError):
    """A mechanism does not keep a claim; the message holds the smallest case found and a few lines that replay it."""


@dataclass(frozen=True)
class MechanismReport:
    """What the kit found: name of the mechanism, and for each promise None (kept) or the sentence that refutes it."""

    name: str
    verdicts: dict[str, str | None]

    @property
    def passed(self) -> bool:
        """Whether no promise was refuted."""
        return all(verdict is None for verdict in self.verdicts.values())


@st.composite
def _cases(draw: Any) -> Case:
    n = draw(st.integers(0, 4))
    values = tuple(draw(st.lists(_PRICES, min_size=n, max_size=n)))
    active = tuple(draw(st.lists(st.sampled_from([True, True, True, False]), min_size=n, max_size=n)))
    who = draw(st.integers(0, n - 1)) if n else 0
    near = [
        value * factor for value in values for factor in (1 - 1e-6, 1 + 1e-6, 0.5)
    ]  # lies just around another's bid
    lie = draw(st.one_of(_PRICES, st.sampled_from(near))) if near else 0.0
    return Case(values, active, who, lie)


def check_mechanism(mechanism: Any, *, examples: int = 200, raises: bool = True) -> MechanismReport:
    """Search for cases in which a single-good mechanism breaks a rule or one of its declared claims.

    mechanism: an object with `claims` and `clear`. examples: cases tried per promise, >= 1.
    raises:    True: raise ClaimRefuted at the first broken promise; False: report all of them.

    Undeclared claims are not asserted. Raises InputError if `mechanism` is no mechanism.
    """
    claims = getattr(mechanism, "claims", None)
    if claims is None or not callable(getattr(mechanism, "clear", None)):
        raise InputError(
            f"{mechanism!r} is no mechanism: wanted an object with `claims` and `clear(bids, *, rng=None)`"
        )
    unknown = [claim for claim in claims if claim not in PROPERTIES]
    if unknown:
        raise InputError(f"claims of {type(mechanism).__name__} hold {unknown[0]!r}: wanted members of marketic.Claim")
    name = type(mechanism).__name__
    promises: dict[str, Any] = {"FEASIBLE": feasible}
    promises |= {claim.name: PROPERTIES[claim] for claim in sorted(claims, key=lambda c: list(Claim).index(c))}
    verdicts: dict[str, str | None] = {}
    for promise, holds in promises.items():
        verdicts[promise] = _refute(mechanism, holds, examples)
        if verdicts[promise] is not None and raises:
            raise ClaimRefuted(f"{name} claims {promise}, but {verdicts[promise]}")
    return MechanismReport(name, verdicts)


def _refute(mechanism: Any, holds: Any, examples: int) -> str | None:
    """The smallest counterexample as a sentence and a reproducer, or None."""

    def fails(case: Case) -> bool:
        try:
            return holds(mechanism, case) is not None
        except Exception:  # a mechanism that raises on a legal case breaks every promise; the case is shown below
            return True

    try:
        case = find(
            _cases(),
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
    except NoSuchExample:
        return None
    try:
        reason = holds(mechanism, case)
    except Exception as error:
        reason = f"clear raised {type(error).__name__}: {error}"
    reason = reason or "it gave two verdicts for the same bids (randomness that is not its `rng`)"
    return f"with values {case.values} and active {case.active}: {reason}\n{_reproducer(mechanism, case)}"


def _reproducer(mechanism: Any, case: Case) -> str:
    kind = type(mechanism)
    return (
        f"    import numpy as np; from marketic import Bids; from {kind.__module__} import {kind.__name__}\n"
        f"    truth, active = np.array({list(case.values)}), np.array({list(case.active)}, dtype=bool)\n"
        f"    lie = truth.copy(); lie[{case.who}:{case.who + 1}] = {case.lie}\n"
        f"    print({kind.__name__}().clear(Bids(truth, active)))\n"
        f"    print({kind.__name__}().clear(Bids(lie, active)))"
    )
