"""Mechanisms that are wrong after, beside, or around the auction that they clear: each is named, and its lines show it."""

import copy
import random

import numpy as np
import pytest
from offender_mutants import Offender

from marketic.auction import Auction
from marketic.bids import Bids
from marketic.checks.mechanism import check_mechanism
from marketic.claims import Claim
from marketic.clearing import Clearing
from marketic.mechanism import rule_of
from marketic.mechanisms import FirstPrice, PayBidSoftmax, SecondPrice, Softmax


def scaled(cleared, factor):
    return Clearing(cleared.allocation, cleared.payments * factor, cleared.prices)


class LastWinnerWinsTies(Offender):
    """Who won the last auction wins the ties of the next."""

    def __init__(self) -> None:
        self.last = 0

    def clear(self, bids, *, rng=None):
        shift = -self.last if bids.value.shape[-1] > self.last else 0
        turned = Bids(np.roll(bids.value, shift, axis=-1), np.roll(bids.active, shift, axis=-1))
        cleared = SecondPrice().clear(turned)
        wins, payments = (np.roll(a, -shift, axis=-1) for a in (cleared.allocation, cleared.payments))
        if wins.any():
            self.last = int(np.argwhere(wins)[-1][-1])
        return Clearing(wins, payments, cleared.prices)


class LooksAtTheBidsThatItKept(Offender):
    """Half price where the last bids were lower."""

    def __init__(self) -> None:
        self.before = None

    def clear(self, bids, *, rng=None):
        highest = bids.value.max(initial=0.0)
        cheap = self.before is not None and self.before.value.max(initial=0.0) < highest
        self.before = bids
        return scaled(SecondPrice().clear(bids), 0.5 if cheap else 1.0)


class SetsItsGenerator(Offender):
    """Leaves every generator as if it were new."""

    def clear(self, bids, *, rng=None):
        if rng is not None:
            rng.bit_generator.state = np.random.default_rng(0).bit_generator.state
        return SecondPrice().clear(bids)


class SpoilsTheBidsWhenItDraws(Offender):
    """Writes into the bids once there is a generator."""

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        if rng is not None:
            bids.value[...] = 0.0
        return cleared


class HandsTheBidsBack(Offender):
    """Who comes alone gets the good, by the very array of who came."""

    def clear(self, bids, *, rng=None):
        if (bids.active.sum(axis=-1) > 1).any():
            return SecondPrice().clear(bids)
        return Clearing(bids.active, np.zeros(bids.value.shape), np.zeros(bids.value.shape[:-1]))


class NeverForgetsTheHighest(Offender):
    """The reserve price is a thousandth of the highest bid that it ever saw."""

    def __init__(self) -> None:
        self.top = 0.0

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        self.top = max(self.top, float(np.where(bids.active, bids.value, 0.0).max(initial=0.0)))
        return Clearing(
            cleared.allocation,
            np.where(cleared.allocation, np.maximum(cleared.payments, self.top / 1000), 0.0),
            cleared.prices,
        )


class SeedsTheWorld(Offender):
    """Sets the generator that everybody shares."""

    def clear(self, bids, *, rng=None):
        np.random.seed(0)  # noqa: NPY002  # that is the offence
        return SecondPrice().clear(bids)


class DrawsFromTheWorld(Offender):
    """Draws, and does not even use it."""

    def clear(self, bids, *, rng=None):
        random.random()
        return SecondPrice().clear(bids)


class CountsItself(Offender):
    """First price as soon as there are two of its class."""

    alive = 0

    def __init__(self) -> None:
        type(self).alive += 1

    def clear(self, bids, *, rng=None):
        return (FirstPrice() if type(self).alive > 1 else SecondPrice()).clear(bids)


class ForgetsWhenCopied(Offender):
    """A copy is a first-price auction."""

    def __init__(self) -> None:
        self.price = SecondPrice()

    def __deepcopy__(self, memo):
        made = copy.copy(self)
        made.price = FirstPrice()
        return made

    def clear(self, bids, *, rng=None):
        return self.price.clear(bids)


class KnowsOneBatchAxis(Offender):
    """Half price where there are two batch axes."""

    def clear(self, bids, *, rng=None):
        return scaled(SecondPrice().clear(bids), 0.5 if bids.value.ndim == 3 else 1.0)


class AnotherRule(Offender):
    """Its compiled rule charges the winner's bid."""

    rule = FirstPrice().rule

    def clear(self, bids, *, rng=None):
        return SecondPrice().clear(bids)


class AnotherLottery(Offender):
    """Its compiled rule draws from a lottery that is not the one stated."""

    rule = PayBidSoftmax(0.3).rule

    def clear(self, bids, *, rng=None):
        return PayBidSoftmax(0.1).clear(bids, rng=rng)


OFFENDERS = {
    LastWinnerWinsTies: ("PURE", "what was cleared before"),
    LooksAtTheBidsThatItKept: ("PURE", "what was cleared before"),
    SpoilsTheBidsWhenItDraws: ("PURE", "changes the bids"),
    HandsTheBidsBack: ("PURE", "made of the arrays of the bids"),
    NeverForgetsTheHighest: ("PURE", "what was cleared before"),
    SetsItsGenerator: ("PURE", "different generators in the same state"),
    SeedsTheWorld: ("PURE", "that everybody shares"),
    DrawsFromTheWorld: ("PURE", "that everybody shares"),
    CountsItself: ("PURE", "another mechanism of its class"),
    ForgetsWhenCopied: ("PURE", "a copy of it answers otherwise"),
    KnowsOneBatchAxis: ("BATCHED", "another in a batch"),
    AnotherRule: ("RULE", "decides otherwise"),
    AnotherLottery: ("RULE", "decides otherwise"),
}


def shared_generators():
    return np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002


@pytest.mark.parametrize("offender", OFFENDERS, ids=lambda o: o.__name__)
def test_each_is_named_and_its_lines_run_and_show_different_answers(offender, capsys):
    promise, reason = OFFENDERS[offender]
    if hasattr(offender, "alive"):
        offender.alive = 0
    shared = shared_generators()
    verdict = check_mechanism(offender(), raises=False).verdicts[promise]
    assert verdict.status == "refuted"
    assert reason in verdict.explanation
    if "everybody shares" not in reason:
        assert shared_generators() == shared, "the kit leaves them as they were"
    lines = [line[4:] for line in verdict.explanation.splitlines()[1:]]
    assert 4 <= len(lines) <= 6
    if hasattr(offender, "alive"):
        offender.alive = 0
    exec("\n".join(lines), {})
    shown = capsys.readouterr().out.splitlines()
    if offender is SetsItsGenerator:
        first, second = shown[0].strip("[]").split(", ")
        assert first == second
    else:
        assert len(set(shown)) > 1
        if "cleared before" in reason:
            assert shown[0] != shown[-1], "the same bids, before and after others"


@pytest.mark.parametrize("honest", [SecondPrice(), Softmax(), PayBidSoftmax()], ids=lambda m: type(m).__name__)
def test_compiled_rules_of_our_own_are_held_to_their_clear(honest):
    assert check_mechanism(honest).verdicts["RULE"].status == "kept"


class Dear(Offender):
    """Wrong where amounts are beyond a thousand million."""

    def __init__(self, fault) -> None:
        self.fault = fault

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        dear = cleared.payments.max(axis=-1, keepdims=True, initial=0.0) > 1e9
        return self.fault(bids, cleared, dear, rng)


def twice(bids, cleared, dear, rng):
    return Clearing(np.where(dear, bids.active, cleared.allocation), cleared.payments, cleared.prices)


def not_when_drawn(bids, cleared, dear, rng):
    return Clearing(cleared.allocation & ~(dear & (rng is not None)), cleared.payments, cleared.prices)


def not_alone(bids, cleared, dear, rng):
    return Clearing(cleared.allocation & ~(dear & (bids.value.ndim == 1)), cleared.payments, cleared.prices)


def to_the_last(bids, cleared, dear, rng):
    first = np.arange(bids.value.shape[-1]) == bids.active.argmax(axis=-1)[..., None] if bids.value.size else dear
    return Clearing(np.where(dear, first & bids.active, cleared.allocation), cleared.payments, cleared.prices)


@pytest.mark.parametrize(
    ("fault", "promise", "claims"),
    [
        (twice, "FEASIBLE", ()),
        (twice, "CONSERVES", (Claim.CONSERVES,)),
        (not_when_drawn, "DRAWS", ()),
        (not_alone, "BATCHED", ()),
        (to_the_last, "ANONYMOUS", (Claim.ANONYMOUS,)),
    ],
)
def test_what_is_no_money_is_not_forgiven_where_amounts_are_large(fault, promise, claims):
    dear = Dear(fault)
    dear.claims = frozenset(claims)
    assert promise in check_mechanism(dear, raises=False).refuted


def test_lines_of_a_class_made_in_a_function_run_where_the_class_is_known(capsys):
    class Local(Offender, claims=(Claim.INDIVIDUALLY_RATIONAL,)):
        def clear(self, bids, *, rng=None):
            return scaled(FirstPrice().clear(bids), 2.0)

    told = check_mechanism(Local(), raises=False).verdicts["INDIVIDUALLY_RATIONAL"].explanation
    exec("\n".join(line[4:] for line in told.splitlines()[1:]), {"Local": Local})
    assert "Clearing(" in capsys.readouterr().out


class HalfPrice(SecondPrice):
    """Derives from a mechanism with a compiled rule, and clears otherwise."""

    def clear(self, bids, *, rng=None):
        return scaled(super().clear(bids), 0.5)


def test_the_rule_of_a_class_above_is_not_used_where_clear_is_another():
    assert rule_of(SecondPrice()) is not None
    assert rule_of(HalfPrice()) is None
    half = HalfPrice()
    assert half.rule is not None, "asked for, a cached property stays on the object"
    assert rule_of(half) is None
    auction = Auction(HalfPrice(), np.random.default_rng(0), 2.0**-20)
    observation = np.zeros((1, 1))
    paid = auction.hold(lambda _: Bids([[1.0, 3.0]]), observation, 2)[2]
    assert paid.tolist() == [[0.0, 0.5]]
    assert "RULE" not in check_mechanism(HalfPrice(), budget=1_000, raises=False).verdicts
