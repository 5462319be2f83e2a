"""Faults that show only in some numbers of bidders, and honest rules that the kit must not call broken."""

import numpy as np
import pytest
from offender_mutants import Offender, sold

from marketic.checks.mechanism import check_mechanism
from marketic.claims import Claim
from marketic.clearing import Clearing
from marketic.mechanism import single_winner
from marketic.mechanisms import ExpectedExternalityProject, SecondPrice


class BreaksWhere(Offender, claims=(Claim.INDIVIDUALLY_RATIONAL,)):
    """A second price auction that charges more wherever `broken(seats, present)`, bool of the auctions' shape, says so."""

    def __init__(self, broken) -> None:
        self.broken = broken

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        more = self.broken(bids.value.shape[-1], bids.active.sum(axis=-1, keepdims=True))
        return Clearing(
            cleared.allocation, cleared.payments + np.where(cleared.allocation & more, 1.0, 0.0), cleared.prices
        )


@pytest.mark.parametrize("seats", [*range(1, 14), 16, 17, 32, 33, 64, 65])
def test_every_small_number_of_bidders_is_tried(seats):
    report = check_mechanism(BreaksWhere(lambda n, present: n == seats), raises=False)
    assert "INDIVIDUALLY_RATIONAL" in report.refuted


@pytest.mark.parametrize("seats", [2, 4, 8, 13])
def test_one_who_comes_alone_to_an_auction_of_many_is_tried(seats):
    report = check_mechanism(BreaksWhere(lambda n, present: (n == seats) & (present == 1)), raises=False)
    assert "INDIVIDUALLY_RATIONAL" in report.refuted


class CountsInBytes(Offender, claims=(Claim.EFFICIENT,)):
    """Remembers the winner's number in eight bits: from the 129th bidder on nobody gets the good."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        number = wins.argmax(-1).astype(np.int8)
        return sold(bids, wins & (number >= 0)[..., None], np.zeros(bids.value.shape[:-1]))


def test_a_crowd_is_tried():
    assert "EFFICIENT" in check_mechanism(CountsInBytes(), raises=False).refuted


def shared(bids, price):
    wins, *_ = single_winner(bids.value, bids.active)
    return Clearing(wins, np.where(wins, price[..., None], 0.0), price)


class PaysHalfTheSecondBid(Offender, claims=(Claim.SCALE_FREE, Claim.NO_DEFICIT)):
    def clear(self, bids, *, rng=None):
        return shared(bids, 0.5 * np.maximum(single_winner(bids.value, bids.active)[2], 0.0))


class PaysTheMeanBid(Offender, claims=(Claim.SCALE_FREE, Claim.NO_DEFICIT)):
    def clear(self, bids, *, rng=None):
        here = np.where(bids.active, bids.value, 0.0)
        return shared(bids, here.sum(-1) / np.maximum(1, bids.active.sum(-1)))


@pytest.mark.parametrize("honest", [PaysHalfTheSecondBid(), PaysTheMeanBid()], ids=lambda m: type(m).__name__)
def test_digits_lost_by_amounts_near_nothing_are_no_broken_claim(honest):
    assert check_mechanism(honest).verdicts["SCALE_FREE"].status == "kept"


def test_answers_that_are_used_again_are_named_as_that_and_nothing_else():
    class SameArrays(SecondPrice):
        claims = SecondPrice.claims | {Claim.ANONYMOUS, Claim.SCALE_FREE}
        kept: dict = {}  # noqa: RUF012

        def clear(self, bids, *, rng=None):
            cleared = SecondPrice().clear(bids)
            arrays = self.kept.setdefault(
                bids.value.shape, (np.empty_like(cleared.allocation), cleared.payments.copy())
            )
            arrays[0][...], arrays[1][...] = cleared.allocation, cleared.payments
            return Clearing(*arrays, cleared.prices)

    report = check_mechanism(SameArrays(), raises=False)
    assert set(report.refuted) == {"PURE"}
    assert "return arrays that are not used again" in report.refuted["PURE"].explanation


@pytest.mark.parametrize("seed", [4, 7])
def test_a_loss_too_rare_for_the_first_draws_refutes_no_equilibrium(seed):
    """A report just below one's value risks a project that is hardly ever at stake: 2,000 draws may miss that."""
    assert check_mechanism(ExpectedExternalityProject(), seed=seed, budget=1).verdicts["BIC"].status == "kept"
