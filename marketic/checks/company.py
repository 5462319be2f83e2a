"""Cases that break a promise in a batch and not alone: hidden randomness, or auctions that look at each other."""

from typing import Any

import numpy as np

from marketic.checks.property import Property
from marketic.checks.purity import another
from marketic.checks.reproducer import reproducer
from marketic.checks.scenario import Scenario, answer
from marketic.checks.search import Found
from marketic.domains.base import taken

REPEATS = 2_000
"""How often the same bids are cleared, of mechanisms whose cases cost microseconds."""

OTHERS = 60
"""How many other auctions are tried beside a case."""


def in_company(mechanism: Any, domain: Any, test: Property, found: Found) -> str:
    """The sentence, and lines that show it if some can be found: the same bids many times, or after or beside other bids."""
    assert found.scenario is not None
    repeats = max(20, round(REPEATS * min(domain.share, 1.0)))
    alone = Scenario(found.scenario.truth)
    if len(_answers(mechanism, alone, repeats)) > 1:
        return _told_chance(mechanism, alone, repeats)
    before = _before(mechanism, found)
    if before is not None:
        shows = ("mechanism.clear(truth)", "mechanism.clear(other)", "mechanism.clear(truth)")
        lines = reproducer(mechanism, before, shows).splitlines()
        return "the answer depends on what was cleared before: keep nothing from call to call\n" + _indented(lines)
    if found.company is not None and len(_answers(mechanism, Scenario(found.company.truth), 20)) > 1:
        return _told_chance(mechanism, alone, repeats)
    if len(_answers(mechanism, alone, repeats, drawn=True)) > 1:
        return _told_chance(mechanism, alone, repeats, ", rng=np.random.default_rng(0)")
    beside = _beside(mechanism, found)
    if beside is None:
        return test.in_company
    lines = reproducer(mechanism, alone).splitlines()[:-1]
    pair = reproducer(mechanism, Scenario(_wrapped(beside))).splitlines()[2].replace("truth = ", "both = ")
    lines += [pair, "print(mechanism.clear(truth).payments, mechanism.clear(both).payments[0])"]
    return "what an auction gives depends on the other auctions of its batch\n" + _indented(lines)


def _told_chance(mechanism: Any, case: Scenario, repeats: int, rng: str = "") -> str:
    lines = reproducer(mechanism, case).splitlines()[:-1]
    lines.append(f"answers = [mechanism.clear(truth{rng}) for _ in range({10 * repeats})]")
    both = "np.asarray(c.payments).tobytes() + np.asarray(c.allocation).tobytes()"
    lines.append(f'print(len({{{both} for c in answers}}), "answers")')
    return "two verdicts for the same bids (randomness that is not its `rng`)\n" + _indented(lines)


def _answers(mechanism: Any, case: Scenario, repeats: int, *, drawn: bool = False) -> set[bytes]:
    """The different answers to the same bids, and the same generator if `drawn`."""
    seen: set[bytes] = set()
    for number in range(repeats + 1):
        cleared = answer(mechanism, case.truth, np.random.default_rng(0) if drawn else None)
        if number:  # the first one might remember what was cleared before
            seen.add(cleared.payments.tobytes() + cleared.allocation.tobytes())
    return seen


def _before(mechanism: Any, found: Found) -> Scenario | None:
    """The case, and another one after which it is answered otherwise; None: not found."""
    assert found.scenario is not None
    company = found.scenario if found.company is None else found.company
    for place in range(min(len(company), OTHERS)):
        anew = another(mechanism)
        asked = anew[-1] if anew else mechanism  # a new one remembers nothing yet
        other = company.case(place)
        first, _, last = (answer(asked, case.truth) for case in (found.scenario, other, found.scenario))
        if not (np.array_equal(first.payments, last.payments) and np.array_equal(first.allocation, last.allocation)):
            return Scenario(found.scenario.truth, other.truth)
    return None


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
