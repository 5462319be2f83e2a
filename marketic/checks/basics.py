"""What every mechanism must do, whatever it claims: answer, in the right shapes, with what there is, the same each time."""

from typing import Any

import numpy as np

from marketic.checks.drawing import SURE_AND_MEAN
from marketic.checks.property import Property, broken
from marketic.checks.purity import CHEAP, DRAW_SEED, DRAWN, PURE
from marketic.checks.scenario import Scenario, answer, batched, copied, single
from marketic.clearing import Certificate, Clearing
from marketic.domains.base import number_of_bidders, taken

STATUSES = ("optimal", "approximate", "refused")

LONG, FEW_BIDDERS = 600, 3
"""Auctions of a long batch, and the bidders of each at most."""

ONE_BY_ONE = 24
"""Cases of each chunk that are cleared one at a time."""


def _malformed(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    return broken(
        np.array([_complaint(mechanism, domain, scenario.case(i)) != "" for i in range(len(scenario))], dtype=bool)
    )


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
        reason = reason or _wrong_certificate(cleared.certificate)
        if reason:
            return reason + ("" if rng is None else " (drawn with a generator)")
    return ""


def _wrong_with(domain: Any, truth: Any, cleared: Clearing) -> str:
    shape = truth.active.shape
    if cleared.allocation.shape[:2] != shape or cleared.payments.shape != shape:
        return f"allocation{cleared.allocation.shape} and payments{cleared.payments.shape} for {shape} bidders"
    if not (np.isfinite(cleared.allocation).all() and np.isfinite(cleared.payments).all()):
        return "allocation or payments are not finite"
    if cleared.prices.shape[:1] != shape[:1]:
        return f"prices of shape {cleared.prices.shape[1:]} for one auction: wanted the axes of the batch first"
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


def _wrong_certificate(certificate: Any) -> str:
    """What is wrong with the evidence that came with an answer; "" if nothing is, or none came."""
    if certificate is None:
        return ""
    if not isinstance(certificate, Certificate) or certificate.status not in STATUSES:
        return f"certificate is {certificate!r}: wanted None or a marketic.clearing.Certificate of status {STATUSES}"
    measured = (certificate.clearing, certificate.budget, certificate.optimality, certificate.gap)
    if certificate.status == "optimal" and not all(np.isfinite(measured)):
        return f"{certificate} says optimal, and measured nothing: its numbers must be finite, or the status another"
    return ""


def _unlike_single(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether a batch is answered as its auctions one by one are, without batch axes and as a batch of two axes."""
    together, again = answer(mechanism, scenario.truth), answer(mechanism, batched(scenario.truth))
    alone = [answer(mechanism, single(scenario.case(i).truth)) for i in range(len(scenario))]
    different = np.zeros(len(scenario), dtype=bool)
    for name in ("allocation", "payments"):
        whole, twice = getattr(together, name), getattr(again, name)
        shaped = np.array([getattr(one, name).shape == whole.shape[1:] for one in alone], dtype=bool)
        if not shaped.all() or twice.shape != (1, *whole.shape):
            different |= ~shaped | (twice.shape != (1, *whole.shape))
        elif alone:
            by_itself = np.stack([getattr(one, name) for one in alone])
            different |= ~(_close(by_itself, whole) & _close(twice[0], whole))
    return broken(different)


def _unlike_in_a_crowd(mechanism: Any, domain: Any, scenario: Scenario) -> np.ndarray:
    """Whether auctions are answered otherwise in a batch that holds each of them many times."""
    if not len(scenario) or domain.share < CHEAP or not 0 < number_of_bidders(scenario.truth) <= FEW_BIDDERS:
        return np.zeros(len(scenario))
    places = np.arange(LONG) % len(scenario)
    once, often = answer(mechanism, scenario.truth), answer(mechanism, taken(scenario.truth, places))
    off = np.zeros(len(scenario), dtype=bool)
    for name in ("allocation", "payments"):
        off[places[~_close(getattr(often, name), getattr(once, name)[places])]] = True
    return broken(off)


def _close(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cases in which two answers are equal but for rounding, bool [cases]."""
    same = np.isclose(one, other, rtol=1e-12, atol=1e-12, equal_nan=True)
    return np.asarray(same.reshape(len(one), -1).all(axis=1))


def _few(domain: Any, rng: np.random.Generator, truth: Any) -> Scenario:
    return Scenario(taken(truth, slice(0, ONE_BY_ONE)))


def _explain_batch(mechanism: Any, domain: Any, scenario: Scenario) -> str:
    n = number_of_bidders(scenario.truth)
    return (
        f"an auction of {n} bidders has one outcome alone and another in a batch: arrays are [..., n], any leading axes"
    )


BATCH = (
    "from dataclasses import fields, replace; batch = lambda t: replace(t, **{f.name: getattr(t, f.name)[None] "
    "for f in fields(t) if f.init and isinstance(getattr(t, f.name), np.ndarray)})"
)

BASICS: dict[str, tuple[Property, ...]] = {
    "FEASIBLE": (Property(_malformed, _complaint, _few, shows=("mechanism.clear(truth)", DRAWN.format(DRAW_SEED))),),
    "PURE": PURE,
    "BATCHED": (
        Property(
            _unlike_single,
            _explain_batch,
            _few,
            shows=("mechanism.clear(truth)", "mechanism.clear(batch(truth))", "mechanism.clear(batch(batch(truth)))"),
            before=BATCH,
            in_company="what an auction gives depends on the other auctions of its batch",
        ),
        Property(
            _unlike_in_a_crowd,
            lambda *_: f"an auction has one outcome alone and another somewhere in a batch of {LONG} of the kind",
            _few,
            shows=("mechanism.clear(truth)", "[np.unique(a, axis=0) for a in (c.allocation, c.payments)]"),
            before=f"{BATCH}; many = batch(truth); c = mechanism.clear(replace(many, **{{f.name: "
            f"np.repeat(getattr(many, f.name), {LONG}, axis=0) for f in fields(many) if f.init and "
            "isinstance(getattr(many, f.name), np.ndarray)}))",
        ),
    ),
    "DRAWS": SURE_AND_MEAN,
}
"""Promises that need no claim: each is kept if nothing that it consists of is broken."""
