"""What every mechanism must do, whatever it claims: answer, in the right shapes, with what there is, the same each time."""

from dataclasses import fields
from typing import Any

import numpy as np

from marketic.checks.properties import Property
from marketic.checks.scenario import Scenario, answer, copied
from marketic.clearing import Clearing
from marketic.domains.base import changed, number_of_bidders
from marketic.session import Direct

DRAW_SEED = 7
"""Seed of the generator with which randomised mechanisms are asked for a draw."""

DRAWS = 4
"""How often a mechanism draws what it says is sure."""


def _malformed(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    return np.array([_complaint(mechanism, domain, scenario.case(i)) != "" for i in range(len(scenario))], dtype=float)


def _complaint(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    """What is wrong with the answers to one case, with and without a generator; "" if nothing is."""
    for rng in (None, np.random.default_rng(DRAW_SEED)):
        cleared = mechanism.clear(copied(scenario.truth), rng=rng)
        if not isinstance(cleared, Clearing):
            return f"clear returned {type(cleared).__name__}: wanted a marketic.Clearing"
        for name in ("allocation", "payments"):
            kind = np.asarray(getattr(cleared, name)).dtype
            if kind.kind not in "biuf":
                return f"{name} are of dtype {kind}: wanted an array of numbers"
        reason = _wrong_with(domain, scenario.truth, answer(mechanism, scenario.truth, rng))
        if reason:
            return reason + ("" if rng is None else " (drawn with a generator)")
    return ""


def _wrong_with(domain: Any, truth: Any, cleared: Clearing) -> str:
    shape = truth.active.shape
    if cleared.allocation.shape[:2] != shape or cleared.payments.shape != shape:
        return f"allocation{cleared.allocation.shape} and payments{cleared.payments.shape} for {shape} bidders"
    if not (np.isfinite(cleared.allocation).all() and np.isfinite(cleared.payments).all()):
        return "allocation or payments are not finite"
    excess, sentence = domain.infeasible(truth, cleared)
    if (excess > 0).any():
        return str(sentence)
    everyone_gets = getattr(domain, "non_rival", False)  # a bridge is there for those who stayed away as well
    got = (
        np.zeros(shape, dtype=bool)
        if everyone_gets
        else (cleared.allocation != 0).any(axis=tuple(range(2, cleared.allocation.ndim)))
    )
    if (got | (cleared.payments != 0))[~truth.active].any():
        return "a bidder that stayed away gets or pays something"
    return ""


def _undecided(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether the same bids, and the same generator, get two verdicts; or whether bids or earlier answers are changed."""
    different = np.zeros(len(scenario), dtype=bool)
    for seed in (None, DRAW_SEED):
        first, second = (
            answer(mechanism, scenario.truth, None if seed is None else np.random.default_rng(seed)) for _ in range(2)
        )
        for name in ("allocation", "payments"):
            one, other = getattr(first, name), getattr(second, name)
            same = (one == other) | (np.isnan(one) & np.isnan(other))
            different |= ~same.reshape(len(scenario), -1).all(axis=1)
    return (different | _tampered(mechanism, scenario) | _overwritten(mechanism, scenario)).astype(float)


def _tampered(mechanism: Any, scenario: Scenario) -> np.ndarray:
    """Whether `clear` writes into the bids that it is given, bool [cases]."""
    given = copied(scenario.truth)
    mechanism.clear(given)
    changed_in = np.zeros(len(scenario), dtype=bool)
    for field in fields(given):
        before, after = getattr(scenario.truth, field.name), getattr(given, field.name)
        if isinstance(before, np.ndarray) and before.dtype.kind in "biuf":
            same = (before == after) | ((before != before) & (after != after))
            changed_in |= ~same.reshape(len(scenario), -1).all(axis=1)
    return changed_in


def _overwritten(mechanism: Any, scenario: Scenario) -> np.ndarray:
    """Whether an answer changes when the next one is given, to bidders who all stay away, bool [cases]."""
    cleared = mechanism.clear(copied(scenario.truth))
    before = [np.array(getattr(cleared, name), dtype=float) for name in ("allocation", "payments")]
    mechanism.clear(changed(copied(scenario.truth), active=np.zeros_like(scenario.truth.active)))
    after = [np.asarray(getattr(cleared, name), dtype=float) for name in ("allocation", "payments")]
    rows = len(scenario)
    return np.logical_or(*((a != b).reshape(rows, -1).any(axis=1) for a, b in zip(before, after, strict=True)))


def _explain_undecided(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    if _tampered(mechanism, scenario).any():
        return "clear changes the bids that it is given: work on a copy"
    if _overwritten(mechanism, scenario).any():
        return "an answer changes when the next one is given: return arrays that are not used again"
    return "two verdicts for the same bids and generator"


def _unlike_single(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether a batch is answered as its auctions one by one are, without batch axes and as a batch of two axes."""
    together = answer(mechanism, scenario.truth)
    different = np.zeros(len(scenario))
    for i in range(len(scenario)):
        alone = answer(mechanism, _bare(scenario.case(i).truth))
        for name in ("allocation", "payments"):
            one, all_of_them = getattr(alone, name), getattr(together, name)[i]
            if one.shape != all_of_them.shape or not np.allclose(
                one, all_of_them, rtol=1e-12, atol=1e-12, equal_nan=True
            ):
                different[i] = 1.0
    return different


def _drawn_otherwise(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether an outcome that is sure without a generator (all or nothing for each bidder) is not what is drawn with one.

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
        off |= (np.abs(drawn.payments - stated.payments) > scenario.slack()[:, None]).any(axis=1)
    return (off & sure).astype(float)


def _bare(report: Any) -> Any:
    arrays = {
        field.name: getattr(report, field.name)[0]
        for field in fields(report)
        if field.init and isinstance(getattr(report, field.name), np.ndarray)
    }
    return changed(report, **arrays)


def _few(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    from marketic.domains.base import taken

    return Scenario(taken(truth, slice(0, 40)))


def _explain_batch(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    n = number_of_bidders(scenario.truth)
    return (
        f"an auction of {n} bidders has one outcome alone and another in a batch: arrays are [..., n], any leading axes"
    )


DRAWN = "mechanism.clear(truth, rng=np.random.default_rng({}))"

BASICS: dict[str, Property] = {
    "FEASIBLE": Property(_malformed, _complaint, _few, shows=("mechanism.clear(truth)", DRAWN.format(DRAW_SEED))),
    "PURE": Property(
        _undecided, _explain_undecided, _few, shows=("mechanism.clear(truth)", "mechanism.clear(truth)", "truth")
    ),
    "BATCHED": Property(
        _unlike_single,
        _explain_batch,
        _few,
        in_company="what an auction gives depends on the other auctions of its batch",
    ),
    "DRAWS": Property(
        _drawn_otherwise,
        lambda *_: "with a generator it gives another outcome than the sure one that it states without",
        _few,
        shows=("mechanism.clear(truth)", *(DRAWN.format(seed) for seed in range(DRAWS))),
    ),
}
"""Promises that need no claim."""
