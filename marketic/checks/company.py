"""Cases that break a promise in a batch and not alone: hidden randomness, or auctions that look at each other."""

from typing import Any

import numpy as np

from marketic.checks.properties import Property
from marketic.checks.reproducer import reproducer
from marketic.checks.scenario import Scenario, answer
from marketic.checks.search import Found
from marketic.domains.base import taken

REPEATS = 2_000
"""How often the same bids are cleared, of mechanisms whose cases cost microseconds."""

OTHERS = 60
"""How many other auctions are tried beside a case."""


def in_company(mechanism: Any, domain: Any, test: Property, found: Found) -> str:
    """The sentence, and lines that show it if some can be found: the same bids many times, or beside one other auction."""
    assert found.scenario is not None
    repeats = max(20, round(REPEATS * min(domain.share, 1.0)))
    for case in (found.scenario, found.company):
        if case is not None and len(_answers(mechanism, case, repeats if len(case) == 1 else 20)) > 1:
            lines = reproducer(mechanism, Scenario(found.scenario.truth)).splitlines()[:-1]
            lines.append(f"answers = [mechanism.clear(truth) for _ in range({10 * repeats})]")
            both = "np.asarray(c.payments).tobytes() + np.asarray(c.allocation).tobytes()"
            lines.append(f'print(len({{{both} for c in answers}}), "answers")')
            return "two verdicts for the same bids (randomness that is not its `rng`)\n" + _indented(lines)
    beside = _beside(mechanism, found)
    if beside is None:
        return test.in_company
    lines = reproducer(mechanism, Scenario(found.scenario.truth)).splitlines()[:-1]
    pair = reproducer(mechanism, Scenario(_wrapped(beside))).splitlines()[2].replace("truth = ", "both = ")
    lines += [pair, "print(mechanism.clear(truth).payments, mechanism.clear(both).payments[0])"]
    return "what an auction gives depends on the other auctions of its batch\n" + _indented(lines)


def _answers(mechanism: Any, case: Scenario, repeats: int) -> set[bytes]:
    """The different answers to the same bids."""
    seen: set[bytes] = set()
    for _ in range(repeats):
        cleared = answer(mechanism, case.truth)
        seen.add(cleared.payments.tobytes() + cleared.allocation.tobytes())
    return seen


def _beside(mechanism: Any, found: Found) -> Any:
    """The case and one other auction, as a batch of two in which the case is answered otherwise than alone; None: not found."""
    assert found.scenario is not None
    if found.company is None:
        return None
    alone = answer(mechanism, found.scenario.truth).payments[0]
    truth, same = found.company.truth, _place(found)
    for other in range(min(len(found.company), OTHERS)):
        both = taken(truth, np.array([same, other]))
        if not np.allclose(answer(mechanism, both).payments[0], alone, rtol=1e-12, atol=1e-12, equal_nan=True):
            return both
    return None


def _place(found: Found) -> int:
    """Which auction of the batch the case is."""
    assert found.scenario is not None
    assert found.company is not None
    for place in range(len(found.company)):
        one = found.company.case(place)
        if all(
            np.array_equal(getattr(one.truth, name), getattr(found.scenario.truth, name), equal_nan=True)
            for name in ("active", "value")
            if hasattr(one.truth, name)
        ):
            return place
    return 0


def _wrapped(report: Any) -> Any:
    """With one more batch axis, which the reproducer takes off."""
    from marketic.checks.scenario import batched

    return batched(report)


def _indented(lines: list[str]) -> str:
    return "\n".join("    " + line for line in lines)
