"""Reserves, budgets, taxes and subsidies around other mechanisms: what they change, and which claims are left."""

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.checks import ClaimRefuted, check_mechanism
from marketic.claims import Claim
from marketic.domains import SingleGood
from marketic.errors import InputError
from marketic.mechanisms import (
    GSP,
    LMSR,
    VCG,
    AssignmentMarket,
    ClarkePivot,
    DeferredAcceptance,
    DoubleAuction,
    ExpectedExternalityProject,
    FirstPrice,
    McAfee,
    ProportionalShare,
    SecondPrice,
    Softmax,
    UniformPrice,
)
from marketic.mechanisms.all_pay import AllPay
from marketic.mechanisms.budgets import WithBudget
from marketic.mechanisms.english_clock import English, EnglishClock
from marketic.mechanisms.expected_externality import ExpectedExternality
from marketic.mechanisms.posted_price import PostedPrice
from marketic.mechanisms.reserve import SecondPriceReserve, WithReserve
from marketic.mechanisms.rotation import Rotation
from marketic.mechanisms.taxes import Subsidised, Taxed
from marketic.mechanisms.third_price import ThirdPrice
from marketic.session import direct, lift

INNER = [FirstPrice(), SecondPrice(), ThirdPrice(), AllPay(), Softmax(0.3), PostedPrice(0.4), English()]
ADAPTED = [
    *(WithReserve(inner, 0.5) for inner in INNER),
    WithReserve(SecondPrice(), (0.2, 0.8)),
    WithReserve(SecondPrice(), 0.0),
    *(WithBudget(inner) for inner in INNER),
    *(WithBudget(inner, caps_payment=True) for inner in INNER),
    *(Taxed(inner) for inner in INNER),
    *(Taxed(inner, 0.25, included=True) for inner in INNER),
    *(Subsidised(inner) for inner in INNER),
    *(Subsidised(inner, 0.0, 0.5) for inner in INNER),
    Subsidised(ExpectedExternality()),
    Taxed(ExpectedExternality(), included=True),
]


@pytest.mark.parametrize("mechanism", ADAPTED, ids=repr)
def test_what_is_left_of_the_claims_holds(mechanism):
    assert check_mechanism(mechanism, budget=200).passed


OTHERS = [
    GSP((3.0, 1.0)), VCG(), AssignmentMarket(), ClarkePivot(), ClarkePivot(5.0), ClarkePivot(2.0, shared=False),
    DeferredAcceptance(), DoubleAuction(), McAfee(), ExpectedExternalityProject(), ProportionalShare(), UniformPrice(),
    Subsidised(SecondPrice()), WithReserve(SecondPrice()), Taxed(SecondPrice(), included=True),
]  # fmt: skip
ADAPTERS = [
    WithReserve,
    WithBudget,
    lambda held: WithBudget(held, caps_payment=True),
    Taxed,
    lambda held: Taxed(held, 0.25, included=True),
    Subsidised,
    lambda held: Subsidised(held, 0.0, 0.5),
]


def attempt(adapter, held):
    """The mechanism adapted, or the refusal."""
    try:
        return adapter(held), ""
    except InputError as refusal:
        return None, str(refusal)


@pytest.mark.parametrize("held", OTHERS, ids=repr)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_auctions_of_any_kind_keep_what_is_left_of_their_claims_or_are_refused(adapter, held):
    adapted, refusal = attempt(adapter, held)
    if adapted is None:
        assert f"({type(held).__name__}): a mechanism for" in refusal
    else:
        assert check_mechanism(adapted, budget=400).passed


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("held", [LMSR(), SecondPrice, "second-price", None])
def test_what_clears_no_bids_is_not_adapted(adapter, held):
    with pytest.raises(InputError, match="wanted an object with clear"):
        adapter(held)


@pytest.mark.parametrize(
    ("bridge", "says"),
    [
        (lambda: direct(LMSR()), "has no proxy"),
        (lambda: direct(SecondPrice()), "wanted an object with open"),
        (lambda: direct(EnglishClock), "wanted an object with open"),
        (lambda: direct(EnglishClock(), proxy="truth"), "has no proxy"),
        (lambda: lift(LMSR()), "wanted an object with clear"),
        (lambda: lift(SecondPrice), "wanted an object with clear"),
        (lambda: Rotation(VCG()), "a mechanism for Bundles"),
        (lambda: Rotation("second-price"), "wanted an object with clear"),
    ],
)
def test_bridges_and_rotations_say_what_they_can_hold(bridge, says):
    with pytest.raises(InputError, match=says):
        bridge()


class Boast:
    """An adapter that keeps all claims of what it holds."""

    def __init__(self, adapter):
        self.adapter, self.claims, self.domain = adapter, adapter.mechanism.claims, adapter.domain
        self.terms = getattr(adapter.mechanism, "terms", {})

    def clear(self, bids, *, rng=None):
        return self.adapter.clear(bids, rng=rng)


@pytest.mark.parametrize(
    ("adapter", "lost"),
    [
        (WithReserve(SecondPrice(), 0.5), Claim.EFFICIENT),
        (WithReserve(SecondPrice(), 0.5), Claim.CORE),
        (WithReserve(Softmax(0.3), 0.5), Claim.DSIC),
        (WithReserve(SecondPrice(), (0.2, 0.8)), Claim.ANONYMOUS),
        (WithBudget(SecondPrice()), Claim.EFFICIENT),
        (WithBudget(SecondPrice()), Claim.ANONYMOUS),
        (WithBudget(SecondPrice(), caps_payment=True), Claim.DSIC),
        (Taxed(SecondPrice()), Claim.DSIC),
        (Taxed(SecondPrice()), Claim.INDIVIDUALLY_RATIONAL),
        (Taxed(ExpectedExternality()), Claim.BUDGET_BALANCED),
        (Subsidised(SecondPrice()), Claim.NO_DEFICIT),
        (Subsidised(SecondPrice()), Claim.FALSE_NAME_PROOF),
        (Subsidised(SecondPrice()), Claim.REVENUE_MONOTONE),
        (Subsidised(SecondPrice(), 0.0, 0.5), Claim.DSIC),
    ],
    ids=lambda x: getattr(x, "name", repr(x)),
)
def test_what_is_dropped_is_false(adapter, lost):
    assert lost in adapter.mechanism.claims
    assert lost not in adapter.claims
    boast = Boast(adapter)
    boast.claims = frozenset({lost})
    with pytest.raises(ClaimRefuted, match=lost.name):
        check_mechanism(boast, budget=2_000)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_a_second_price_auction_with_a_reserve(n):
    bids = SingleGood().draw(np.random.default_rng(n), 500, n)
    adapted, wanted = WithReserve(SecondPrice(), 0.5).clear(bids), SecondPriceReserve(0.5).clear(bids)
    for name in ("allocation", "payments", "prices"):
        assert np.array_equal(getattr(adapted, name), getattr(wanted, name), equal_nan=True)
    entered = np.where(bids.active & (bids.value >= 0.5), bids.value, -np.inf)
    if n:
        ranked = np.sort(np.column_stack([entered, np.full((500, 2), 0.5)]), axis=1)
        sold = entered.max(axis=1) >= 0.5
        assert np.array_equal(wanted.payments.sum(axis=1), np.where(sold, ranked[:, -2], 0.0))


def test_reserves_by_hand():
    assert WithReserve(FirstPrice(), 0.5).clear(Bids([0.4, 0.7])).payments.tolist() == [0.0, 0.7]
    assert np.isnan(WithReserve(FirstPrice(), 0.5).clear(Bids([0.4, 0.3])).prices)
    own = WithReserve(SecondPrice(), (0.2, 0.8)).clear(Bids([[0.6, 0.7], [0.6, 0.9]]))
    assert own.payments.tolist() == [[0.2, 0.0], [0.0, 0.8]]
    exactly = SecondPriceReserve(0.5).clear(Bids([0.5, 0.2]))
    assert exactly.payments.tolist() == [0.5, 0.0]
    with pytest.raises(InputError, match="2 reserves for 3 bidders"):
        WithReserve(SecondPrice(), (0.2, 0.8)).clear(Bids([1.0, 1.0, 1.0]))
    for reserve in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="wanted a finite amount"):
            WithReserve(SecondPrice(), reserve)
        with pytest.raises(InputError, match="wanted a finite amount"):
            SecondPriceReserve(reserve)


def test_budgets_cap_the_bid_or_the_payment():
    bids = Bids([4.0, 3.0, 2.0])
    assert WithBudget(SecondPrice(), 2.5).clear(bids).payments.tolist() == [2.5, 0.0, 0.0]
    own = Bids([4.0, 3.0, 2.0], budget=np.array([1.0, np.inf, np.inf]))
    assert WithBudget(SecondPrice(), 2.5).clear(own).payments.tolist() == [0.0, 2.0, 0.0]
    assert WithBudget(SecondPrice(), 2.5, caps_payment=True).clear(own).payments.tolist() == [1.0, 0.0, 0.0]
    for mechanism in (WithBudget(FirstPrice(), 1.0), WithBudget(FirstPrice(), 1.0, caps_payment=True)):
        assert (mechanism.clear(Bids(np.random.default_rng(0).random((50, 3)) * 5)).payments <= 1.0).all()
    with pytest.raises(InputError, match="budget=-1"):
        WithBudget(SecondPrice(), -1.0)


def test_budgets_are_for_those_who_pay():
    exchange = Bids([5.0, 3.0], budget=np.array([4.0, 0.0]), side=[1, -1])
    assert WithBudget(DoubleAuction(), 10.0).clear(exchange).payments.tolist() == [3.5, -3.5]  # its cost is no payment
    assert WithBudget(DoubleAuction(), 2.0).clear(exchange).payments.tolist() == [0.0, 0.0]
    with pytest.raises(InputError, match=r"charges 1\.1, beyond a budget"):
        WithBudget(Taxed(SecondPrice()), 1.0).clear(Bids([2.0, 2.0]))
    taxed = Taxed(WithBudget(SecondPrice(), np.inf), 1.0, included=True).clear(Bids([4.0, 3.0], budget=[2.0, 1.0]))
    assert taxed.payments.tolist() == [1.0, 0.0]  # budgets are for tax as well


def test_taxes_and_subsidies_in_the_payments():
    bids = Bids([4.0, 2.0])
    assert Taxed(SecondPrice(), 0.5).clear(bids).payments.tolist() == [3.0, 0.0]
    assert Taxed(SecondPrice(), 0.5, included=True).clear(bids).payments == pytest.approx([2.0, 0.0])
    included = Taxed(WithReserve(SecondPrice(), 2.0), 0.5, included=True).clear(bids)
    assert included.payments.tolist() == [3.0, 0.0]  # the reserve is before tax
    assert Subsidised(SecondPrice(), 1.0).clear(bids).payments.tolist() == [1.0, -1.0]
    assert Subsidised(SecondPrice(), 0.0, 0.25).clear(bids).payments.tolist() == [1.5, 0.0]
    absent = Bids([4.0, 2.0], np.array([True, False]))
    assert Subsidised(SecondPrice(), 1.0).clear(absent).payments.tolist() == [-1.0, 0.0]
    received = Taxed(ExpectedExternality(), 0.5).clear(Bids([0.0, 1.0])).payments
    assert received == pytest.approx([-0.5, 0.75])  # what is received is not taxed
    for wrong in (lambda: Taxed(SecondPrice(), -0.1), lambda: Subsidised(SecondPrice(), -1.0)):
        with pytest.raises(InputError, match="wanted a"):
            wrong()
    with pytest.raises(InputError, match="a rate from 0 to 1"):
        Subsidised(SecondPrice(), 0.0, 1.5)


def test_a_capped_payment_in_a_lottery_is_stated_as_it_is_drawn():
    """Each of two wins by a coin and would pay 1.4: capped at 1 it expects to pay 1/2, not the 0.7 of an uncapped lottery."""
    capped = WithBudget(Softmax(0.3), budget=1.0, caps_payment=True)
    assert Softmax(0.3).clear(Bids([2.0, 2.0])).payments[0] > 0.5
    assert capped.clear(Bids([2.0, 2.0])).payments.tolist() == [0.5, 0.5]
    drawn = capped.clear(Bids(np.full((20_000, 2), 2.0)), rng=np.random.default_rng(0))
    assert drawn.payments.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.02)
