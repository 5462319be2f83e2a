"""The kit keeps its own word: one planted offender per check, and none without one."""

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.checks import ClaimRefuted, check_mechanism
from marketic.checks.properties import PROPERTIES
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.mechanism import Claim, single_winner
from marketic.mechanisms import FirstPrice, SecondPrice, Softmax


def _clearing(bids: Bids, wins: np.ndarray, payments: np.ndarray) -> Clearing:
    return Clearing(wins, payments, payments.sum(axis=-1))


class FirstPriceClaimsTruth:
    claims = frozenset({Claim.DSIC})

    def clear(self, bids, *, rng=None):
        return FirstPrice().clear(bids)


class AllPay:
    claims = frozenset({Claim.INDIVIDUALLY_RATIONAL})

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        return _clearing(bids, wins, np.where(bids.active, bids.value, 0.0))


class Cashback:
    claims = frozenset({Claim.NO_DEFICIT})

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        return _clearing(bids, wins, np.where(wins, -1.0, 0.0))


class KeepsTheMoney:
    claims = frozenset({Claim.BUDGET_BALANCED})

    def clear(self, bids, *, rng=None):
        return SecondPrice().clear(bids)


class HighReserve:
    claims = frozenset({Claim.EFFICIENT})

    def clear(self, bids, *, rng=None):
        return SecondPrice().clear(Bids(bids.value, bids.active & (bids.value >= 1.0)))


class FavoursTheFirst:
    claims = frozenset({Claim.ANONYMOUS})

    def clear(self, bids, *, rng=None):
        bonus = np.where(np.arange(bids.value.shape[-1]) == 0, 10.0, 0.0)
        wins, *_ = single_winner(bids.value + bonus, bids.active)
        return _clearing(bids, wins, np.zeros(bids.value.shape))


class SellsTwice:
    claims = frozenset()

    def clear(self, bids, *, rng=None):
        return _clearing(bids, bids.active.copy(), np.zeros(bids.value.shape))


class FlipsCoins:
    claims = frozenset()

    def __init__(self):
        self.coin = np.random.default_rng(0)

    def clear(self, bids, *, rng=None):
        return _clearing(bids, np.zeros(bids.value.shape), np.where(bids.active, self.coin.random(), 0.0))


class Crashes:
    claims = frozenset()

    def clear(self, bids, *, rng=None):
        top = bids.value.argmax(-1)  # fails without bidders
        return _clearing(bids, np.arange(bids.value.shape[-1]) == top, np.zeros(bids.value.shape))


OFFENDERS = {
    "DSIC": FirstPriceClaimsTruth,
    "INDIVIDUALLY_RATIONAL": AllPay,
    "NO_DEFICIT": Cashback,
    "BUDGET_BALANCED": KeepsTheMoney,
    "EFFICIENT": HighReserve,
    "ANONYMOUS": FavoursTheFirst,
}


@pytest.mark.parametrize(("claim", "offender"), OFFENDERS.items())
def test_each_false_claim_is_refuted_by_name(claim, offender):
    with pytest.raises(ClaimRefuted, match=f"{offender.__name__} claims {claim}, but"):
        check_mechanism(offender())


@pytest.mark.parametrize(
    ("offender", "reason"),
    [(SellsTwice, "sells 2 units"), (FlipsCoins, "two verdicts"), (Crashes, "clear raised ValueError")],
)
def test_impossible_clearings_are_refuted_without_any_claim(offender, reason):
    with pytest.raises(ClaimRefuted, match=reason):
        check_mechanism(offender())


def test_every_check_has_an_offender():
    assert {claim.name for claim in PROPERTIES} == set(OFFENDERS) == {claim.name for claim in Claim}


def test_the_counterexample_is_small_and_replays(capsys):
    with pytest.raises(ClaimRefuted) as refuted:
        check_mechanism(AllPay())
    lines = str(refuted.value).splitlines()
    assert "truthful bidder" in lines[0]
    assert len(lines[0].split("active")[0].split(",")) <= 4
    assert len(lines) == 6
    first = FirstPriceClaimsTruth()
    first.__class__.__module__ = "marketic.mechanisms"  # a reproducer must run as it stands for an importable mechanism
    with pytest.raises(ClaimRefuted) as refuted:
        check_mechanism(FirstPriceClaimsTruth())
    exec(
        str(refuted.value)
        .split("\n", 1)[1]
        .replace("FirstPriceClaimsTruth", "FirstPrice")
        .replace("\n    ", "\n")
        .strip()
    )
    assert capsys.readouterr().out.count("Clearing(") == 2


@pytest.mark.parametrize("mechanism", [FirstPrice(), SecondPrice(), Softmax(0.5)])
def test_built_in_mechanisms_keep_their_claims(mechanism):
    report = check_mechanism(mechanism, examples=100)
    assert report.passed
    assert set(report.verdicts) == {"FEASIBLE", *(claim.name for claim in mechanism.claims)}


def test_what_is_no_mechanism_is_refused():
    with pytest.raises(InputError, match="is no mechanism"):
        check_mechanism(object())
