"""What every mechanism must do, whatever it claims: answer, in the right shapes, with what there is, the same each time."""

from dataclasses import fields
from typing import Any

import numpy as np

from marketic.checks.properties import Property
from marketic.checks.scenario import Scenario, answer
from marketic.clearing import Clearing
from marketic.domains.base import changed, number_of_bidders

DRAW_SEED = 7
"""Seed of the generator with which randomised mechanisms are asked for a draw."""


def _malformed(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    return np.array([_complaint(mechanism, domain, scenario.case(i)) != "" for i in range(len(scenario))], dtype=float)


def _complaint(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    """What is wrong with the answers to one case, with and without a generator; "" if nothing is."""
    for rng in (None, np.random.default_rng(DRAW_SEED)):
        cleared = mechanism.clear(scenario.truth, rng=rng)
        if not isinstance(cleared, Clearing):
            return f"clear returned {type(cleared).__name__}: wanted a marketic.Clearing"
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
    """Whether the same bids, and the same generator, get two verdicts; or whether the bids were tampered with."""
    before = {field.name: np.copy(getattr(scenario.truth, field.name)) for field in fields(scenario.truth)}
    different = np.zeros(len(scenario), dtype=bool)
    for seed in (None, DRAW_SEED):
        first, second = (
            answer(mechanism, scenario.truth, None if seed is None else np.random.default_rng(seed)) for _ in range(2)
        )
        for name in ("allocation", "payments"):
            same = getattr(first, name) == getattr(second, name)
            different |= ~same.reshape(len(scenario), -1).all(axis=1)
    for name, array in before.items():
        if array.dtype != object and not np.array_equal(array, getattr(scenario.truth, name), equal_nan=True):
            different[:] = True
    return different.astype(float)


def _unlike_single(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether a batch is answered as its auctions one by one are, without batch axes and as a batch of two axes."""
    together = answer(mechanism, scenario.truth)
    different = np.zeros(len(scenario))
    for i in range(len(scenario)):
        alone = answer(mechanism, _bare(scenario.case(i).truth))
        for name in ("allocation", "payments"):
            one, all_of_them = getattr(alone, name), getattr(together, name)[i]
            if one.shape != all_of_them.shape or not np.allclose(one, all_of_them, rtol=1e-12, atol=1e-12):
                different[i] = 1.0
    return different


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


BASICS: dict[str, Property] = {
    "FEASIBLE": Property(_malformed, _complaint, _few),
    "PURE": Property(
        _undecided, lambda *_: "two verdicts for the same bids and generator, or the bids were changed", _few
    ),
    "BATCHED": Property(
        _unlike_single,
        _explain_batch,
        _few,
        in_company="what an auction gives depends on the other auctions of its batch",
    ),
}
"""Promises that need no claim."""
