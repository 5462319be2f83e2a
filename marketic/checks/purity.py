"""PURE: the same bids get the same answer, whatever the mechanism cleared before, and whatever stands beside it."""

import copy
import random
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from marketic.checks.property import Property, broken
from marketic.checks.scenario import Scenario, answer, copied
from marketic.domains.base import changed, taken, without

DRAW_SEED = 7
"""Seed of the generator with which randomised mechanisms are asked for a draw."""

FEW = 40
"""Cases of each chunk that are looked at: each is asked several times."""

CHEAP = 0.1
"""Domains with a smaller share of the budget are expensive."""


def few(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    """The first cases of a chunk; fewer of those that are expensive to clear."""
    return Scenario(taken(truth, slice(0, FEW if domain.share >= CHEAP else FEW // 4)))


def _and_others(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    """The same, and something else to clear in between: the last bidder names something else, the first stays away."""
    some = few(domain, rng, truth).truth
    cases, n = some.active.shape[:2]
    first, last = np.zeros(cases, dtype=np.int64), np.full(cases, n - 1)
    return Scenario(some, without(domain.lie(rng, some, last), first))


def unequal(one: Any, other: Any) -> np.ndarray:
    """Cases that get two answers, bool [cases]; NaN equals NaN."""
    found = np.zeros(len(one.payments), dtype=bool)
    for name in ("allocation", "payments"):
        a, b = getattr(one, name), getattr(other, name)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        found |= ~same.reshape(len(found), -1).all(axis=1)
    return found


def _generators() -> tuple[np.random.Generator | None, ...]:
    return None, np.random.default_rng(DRAW_SEED)


def _undecided(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether the same bids, and the same generator, get two verdicts in a row."""
    pairs = zip(_generators(), _generators(), strict=True)
    verdicts = [[answer(mechanism, scenario.truth, rng) for rng in pair] for pair in pairs]
    return broken(np.any([unequal(*pair) for pair in verdicts], axis=0))


def _remembers(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether the same bids get another verdict once others were cleared; the smallest amounts are asked for first of all."""
    mechanism = as_it_came(mechanism)  # what earlier questions left in it would not show in lines that begin anew
    least = _least(scenario.truth)
    alone = taken(scenario.truth, least)
    begun = answer(mechanism, alone)
    _, first, again = (answer(mechanism, scenario.truth) for _ in range(3))
    answer(mechanism, scenario.other)
    changes = unequal(again, answer(mechanism, scenario.truth)) & ~unequal(first, again)
    changes[least] |= unequal(begun, answer(mechanism, alone))
    return broken(changes)


def _least(truth: Any) -> slice:
    """The case with the smallest amounts."""
    value = getattr(truth, "value", None)
    if value is None or not value.size:
        return slice(0, 1)
    case = int(np.abs(value).reshape(len(value), -1).max(axis=1).argmin())
    return slice(case, case + 1)


def _tampers(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether `clear` writes into the bids that it is given, with a generator or without."""
    given = copied(scenario.truth)
    for rng in _generators():
        mechanism.clear(given, rng=rng)
    written = np.zeros(len(scenario), dtype=bool)
    for field in fields(given):
        before, after = getattr(scenario.truth, field.name), getattr(given, field.name)
        if isinstance(before, np.ndarray) and before.dtype.kind in "biuf":
            same = (before == after) | ((before != before) & (after != after))
            written |= ~same.reshape(len(scenario), -1).all(axis=1)
    return broken(written)


def _lends(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether an answer changes with the arrays of the bids: it is made of them, and whoever gave them may use them again."""
    given = copied(scenario.truth)
    theirs = [
        array for array in (getattr(given, field.name) for field in fields(given)) if isinstance(array, np.ndarray)
    ]
    shares = False
    for rng in _generators():
        cleared = mechanism.clear(given, rng=rng)
        mine = (np.asarray(getattr(cleared, name)) for name in ("allocation", "payments", "prices"))
        shares |= any(np.may_share_memory(one, other) for one in mine for other in theirs)
    return broken(np.full(len(scenario), shares))


def _overwrites(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether an answer changes when the next one is given, to bidders who all stay away."""
    cleared = mechanism.clear(copied(scenario.truth))
    before = [np.array(getattr(cleared, name), dtype=float) for name in ("allocation", "payments")]
    mechanism.clear(changed(copied(scenario.truth), active=np.zeros_like(scenario.truth.active)))
    after = [np.asarray(getattr(cleared, name), dtype=float) for name in ("allocation", "payments")]
    rows = len(scenario)
    different = [(a != b).reshape(rows, -1).any(axis=1) for a, b in zip(before, after, strict=True)]
    return broken(np.logical_or(*different))


def _moves_the_world(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether `clear` draws from the generators that everybody shares, or sets them. They are left as they were found."""
    found = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        np.random.set_state(np.random.RandomState(DRAW_SEED).get_state())  # noqa: NPY002
        random.seed(DRAW_SEED)
        before = shared_generators()
        for rng in _generators():
            answer(mechanism, scenario.truth, rng)
        return broken(np.full(len(scenario), shared_generators() != before))
    finally:
        np.random.set_state(found[0])  # noqa: NPY002
        random.setstate(found[1])


def shared_generators() -> tuple[Any, ...]:
    """The state of the generators that everybody shares."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return state[1].tobytes(), *state[2:], random.getstate()


def _reseeds(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether generators that began differently are left in the same state: the next draws of everybody would be alike."""
    used = [np.random.default_rng(seed) for seed in (DRAW_SEED, DRAW_SEED + 1)]
    for rng in used:
        answer(mechanism, scenario.truth, rng)
    return broken(np.full(len(scenario), used[0].bit_generator.state == used[1].bit_generator.state))


def _anew(mechanism: Any) -> Any:
    return replace(mechanism) if is_dataclass(mechanism) else type(mechanism)()  # type: ignore[type-var]


def as_it_came(mechanism: Any) -> Any:
    """A copy that has cleared nothing yet, if it can be copied."""
    try:
        return copy.deepcopy(mechanism)
    except (Exception, SystemExit):  # whatever a stranger's class holds: nothing follows from it
        return mechanism


def another(mechanism: Any) -> list[Any]:
    """A copy of the mechanism, and one made anew, as far as that can be done."""
    made = []
    for make in (copy.deepcopy, _anew):
        try:
            made.append(make(mechanism))
        except (Exception, SystemExit):  # whatever a stranger's class needs or holds: nothing follows from it
            continue
    return made


def _has_a_twin(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether an answer changes once there is a second mechanism of the class, which clears other bids."""
    first = answer(mechanism, scenario.truth)
    beside = another(mechanism)
    for twin in beside:
        answer(twin, scenario.other)
    return broken(unequal(first, answer(mechanism, scenario.truth)))


def _copied_otherwise(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether a copy answers otherwise."""
    try:
        twin = copy.deepcopy(mechanism)
    except (Exception, SystemExit):  # it need not be one that can be copied
        return np.zeros(len(scenario))
    return broken(unequal(answer(mechanism, scenario.truth), answer(twin, scenario.truth)))


def _way(excess: Any, sentence: str, *shows: str, other: bool = False, **options: Any) -> Property:
    if not other:
        return Property(excess, lambda *_: sentence, few, shows=shows, **options)
    return Property(excess, lambda *_: sentence, _and_others, deviators=1, shows=shows, **options)


CLEAR, OTHER = "mechanism.clear(truth)", "mechanism.clear(other)"
DRAWN = "mechanism.clear(truth, rng=np.random.default_rng({}))"
SEVERAL = f"(c.allocation.tolist(), c.payments.tolist()) for c in ({DRAWN.format(DRAW_SEED)} for _ in range(9))"
NEXT = "np.random.random(), random.random()"
"""What the shared generators draw next: other numbers where `clear` drew from them in between."""

PURE = (
    _way(_tampers, "clear changes the bids that it is given: work on a copy", CLEAR, DRAWN.format(DRAW_SEED), "truth"),
    _way(
        _lends,
        "an answer is made of the arrays of the bids, and changes when these do: return arrays of its own (`.copy()`)",
        "c",
        before=f"c = {DRAWN.format(DRAW_SEED)}; print(c); truth.value[...] += 1.0; truth.active[...] ^= True",
    ),
    _way(
        _overwrites,
        "an answer changes when the next one is given: return arrays that are not used again",
        "first.payments",
        before="from dataclasses import replace; first = mechanism.clear(truth); print(first.payments); "
        "mechanism.clear(replace(truth, active=truth.active & False))",
    ),
    _way(
        _moves_the_world,
        "clear draws from a generator that everybody shares, or sets it: use its `rng`",
        f"({NEXT})",
        before=f"import random; np.random.seed(987); random.seed(987); print(({NEXT})); np.random.seed(987); random.seed(987); "
        f"{CLEAR}; {DRAWN.format(DRAW_SEED)}",
    ),
    _way(
        _reseeds,
        "clear leaves different generators in the same state: draw from `rng`, and never set it",
        "[rng.random() for rng in used]",
        before=f"used = [np.random.default_rng(seed) for seed in ({DRAW_SEED}, {DRAW_SEED + 1})]; "
        "done = [mechanism.clear(truth, rng=rng) for rng in used]",
    ),
    _way(
        _remembers,
        "the answer depends on what was cleared before: keep nothing from call to call",
        *(CLEAR, OTHER, CLEAR),
        other=True,
        fresh=True,
    ),
    _way(_undecided, "two verdicts for the same bids and generator", CLEAR, CLEAR, f"[{SEVERAL}]"),
    _way(
        _has_a_twin,
        "the answer changes once there is another mechanism of its class: keep nothing on the class",
        CLEAR,
        before=f"print({CLEAR}); twin = MAKER; twin.clear(other)",
        other=True,
        once=True,
    ),
    _way(
        _copied_otherwise,
        "a copy of it answers otherwise, and what is loaded is a copy",
        *(CLEAR, "copy.deepcopy(mechanism).clear(truth)"),
        before="import copy",
    ),
)
"""The ways in which a mechanism can fail to be pure, in the order in which they are tried."""
