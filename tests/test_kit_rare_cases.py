"""Faults that show only in some numbers of bidders, and honest rules that the kit must not call broken."""

import itertools

import numpy as np
import pytest
from offender_mutants import Offender, sold

from marketic.checks.mechanism import check_mechanism
from marketic.claims import Claim
from marketic.clearing import Certificate, Clearing
from marketic.domains import Exchange, Units
from marketic.domains.base import changed
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


# --- at numbers that the mechanism holds, and where amounts are nearly alike

MODULE_RESERVE = 0.813


class DearAtItsNumber(Offender, claims=(Claim.INDIVIDUALLY_RATIONAL,)):
    """A second price auction in which a price of exactly `special` is doubled."""

    def __init__(self, special) -> None:
        self.special = special

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        more = np.where(cleared.payments == self.special, 2.0, 1.0)
        return Clearing(cleared.allocation, cleared.payments * more, cleared.prices)


class DearAtAConstant(DearAtItsNumber, claims=(Claim.INDIVIDUALLY_RATIONAL,)):
    def __init__(self) -> None:
        super().__init__(None)

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        dear = (cleared.payments == MODULE_RESERVE) | ((cleared.payments > 0.4137) & (cleared.payments < 0.4139))
        return Clearing(cleared.allocation, cleared.payments * np.where(dear, 2.0, 1.0), cleared.prices)


@pytest.mark.parametrize("offender", [DearAtItsNumber(0.37), DearAtItsNumber(123.456), DearAtAConstant()], ids=repr)
def test_amounts_that_the_mechanism_holds_are_bid(offender, capsys):
    told = check_mechanism(offender, raises=False).verdicts["INDIVIDUALLY_RATIONAL"]
    assert told.status == "refuted"
    exec("\n".join(line[4:] for line in told.explanation.splitlines()[1:]), {})
    assert "Clearing(" in capsys.readouterr().out, (
        "the lines make the mechanism with the number that it was checked with"
    )


class ComparesInSinglePrecision(Offender, claims=(Claim.EFFICIENT,)):
    def clear(self, bids, *, rng=None):
        wins, _, second, _ = single_winner(bids.value.astype(np.float32), bids.active)
        return sold(bids, wins, np.maximum(second, 0.0))


class FirstPriceAmong(Offender, claims=(Claim.DSIC,)):
    """Second price, and first price from so many on: only a winner can gain by a lie, just above the next."""

    def __init__(self, many) -> None:
        self.many = many

    def clear(self, bids, *, rng=None):
        wins, top, second, _ = single_winner(bids.value, bids.active)
        crowd = bids.active.sum(axis=-1) >= self.many
        return sold(bids, wins, np.maximum(np.where(crowd, top, second), 0.0))


@pytest.mark.parametrize("offender", [ComparesInSinglePrecision(), FirstPriceAmong(7), FirstPriceAmong(100)], ids=repr)
def test_winners_lie_and_rivals_are_nearly_alike(offender):
    assert check_mechanism(offender, raises=False).refuted.keys() == {next(iter(offender.claims)).name}


class KnowsShortBatches(Offender):
    """Rows beyond the 256th are cleared by another rule."""

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        payments = cleared.payments.copy()
        if payments.ndim > 1:
            payments[256:] *= 0.5
        return Clearing(cleared.allocation, payments, cleared.prices)


def test_a_long_batch_is_tried(capsys):
    told = check_mechanism(KnowsShortBatches(), raises=False).verdicts["BATCHED"].explanation
    assert "in a batch of" in told
    exec("\n".join(line[4:] for line in told.splitlines()[1:]), {})
    assert "0.5" in capsys.readouterr().out


class Evidence(Offender):
    """Hands in a certificate."""

    def __init__(self, *evidence) -> None:
        self.evidence = evidence

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        return Clearing(cleared.allocation, cleared.payments, cleared.prices, Certificate(*self.evidence))


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        ((0.0, 0.0, 0.0, 0.0, "optimal"), "kept"),
        ((0.0, 0.0, 0.0, np.inf, "approximate"), "kept"),
        ((0.0, np.nan, 0.0, 0.0, "optimal"), "refuted"),
        ((0.0, 0.0, 0.0, 0.0, "fine"), "refuted"),
    ],
)
def test_certificates_that_measured_nothing_are_named(evidence, status):
    assert check_mechanism(Evidence(*evidence), budget=500, raises=False).verdicts["FEASIBLE"].status == status


@pytest.mark.parametrize("domain", [Exchange(), Units(3, 3), Units(5, 2)], ids=repr)
def test_what_coalitions_gain_is_what_all_sets_of_traders_gain(domain):
    """Against every one of the 2^n sets, for answers that are nonsense as well."""
    rng = np.random.default_rng(0)
    for n in range(7):
        truth = domain.draw(rng, 60, n)
        largest = truth.value.reshape(60, -1).max(axis=1, initial=1e-9)[:, None]
        side = 1 if truth.active is None or getattr(truth, "side", None) is None else truth.side
        got = rng.integers(0, 2, truth.active.shape) * truth.active * side
        paid = rng.normal(size=got.shape) * largest * 0.3 * truth.active
        cleared = Clearing(got, paid, np.zeros(60))
        surplus, best = domain.worth(truth, cleared) - paid, np.maximum(-(domain.worth(truth, cleared) - paid), 0.0)
        best, house = best.max(axis=1, initial=0.0), 0.0 if isinstance(domain, Exchange) else paid.sum(axis=1)
        for members in itertools.product([False, True], repeat=n):
            here = np.array(members, dtype=bool)
            worth = domain.optimum(changed(truth, active=truth.active & here))
            best = np.maximum(best, worth - house - (surplus * here).sum(axis=1))
        assert np.allclose(domain.blocking_gain(truth, cleared), best, rtol=0, atol=1e-12 * largest.max())
