"""Planted offenders: mechanisms that break one promise each, every check of the kit with one of its own."""

import numpy as np
from offender_mutants import (
    ClipsBids,
    LastBidderGetsARebate,
    Offender,
    PostedPriceForTheHighest,
    RoundsThePrice,
    ranked,
    sold,
)

from marketic.claims import Claim
from marketic.clearing import Clearing
from marketic.domains import SingleGood
from marketic.mechanism import single_winner
from marketic.mechanisms import FirstPrice, SecondPrice


class AllPay(Offender, claims=(Claim.INDIVIDUALLY_RATIONAL,)):
    """Everyone pays."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        payments = np.where(bids.active, bids.value, 0.0)
        return Clearing(wins, payments, payments.sum(-1))


class ShadesTooLittle(Offender, claims=(Claim.BIC,)):
    """First price, with truth said to be an equilibrium."""

    def clear(self, bids, *, rng=None):
        return FirstPrice().clear(bids)


class EntryFee(Offender, claims=(Claim.INTERIM_RATIONAL,)):
    """Second price after a fee of 0.2: the weak expect to lose."""

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        return Clearing(cleared.allocation, cleared.payments + np.where(bids.active, 0.2, 0.0), cleared.prices)


class Cashback(Offender, claims=(Claim.NO_DEFICIT,)):
    """The winner is paid."""

    def clear(self, bids, *, rng=None):
        wins, top, _, _ = single_winner(bids.value, bids.active)
        return sold(bids, wins, np.full(top.shape, -1.0))


class KeepsTheMoney(Offender, claims=(Claim.BUDGET_BALANCED,)):
    """A second-price auction whose revenue goes to nobody."""

    def clear(self, bids, *, rng=None):
        return SecondPrice().clear(bids)


class LeavesTheCore(Offender, claims=(Claim.CORE,)):
    """The winner pays half the second price: the second bidder and the seller would rather trade."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        return sold(bids, wins, 0.5 * ranked(bids)[..., 1])


class CrowdDiscount(Offender, claims=(Claim.REVENUE_MONOTONE,)):
    """The second price divided by the number of bidders."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        return sold(bids, wins, ranked(bids)[..., 1] / np.maximum(bids.active.sum(-1), 1))


class PaysPerHead(Offender, claims=(Claim.FALSE_NAME_PROOF,)):
    """Second price, and a welcome gift of 0.1 to everyone who comes."""

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        return Clearing(cleared.allocation, cleared.payments - np.where(bids.active, 0.1, 0.0), cleared.prices)


class Vickrey(Offender, claims=(Claim.PAIR_PROOF,)):
    """The second bidder can be bribed to stay low."""

    def clear(self, bids, *, rng=None):
        return SecondPrice().clear(bids)


class SellsTwice(Offender):
    """Everyone gets the only good."""

    def clear(self, bids, *, rng=None):
        return Clearing(bids.active.copy(), np.zeros(bids.value.shape), np.zeros(bids.value.shape[:-1]))


class SellsTwiceForGood(Offender, claims=(Claim.CONSERVES,)):
    """The same, with a promise about it."""

    def clear(self, bids, *, rng=None):
        return Clearing(bids.active.copy(), np.zeros(bids.value.shape), np.zeros(bids.value.shape[:-1]))


class DrawsAnother(Offender):
    """Says second price, and collects the first price once there is a generator."""

    def clear(self, bids, *, rng=None):
        return (SecondPrice() if rng is None else FirstPrice()).clear(bids)


class OneInAThousand(Offender):
    """Now and then, by a generator of its own, it keeps the good."""

    def __init__(self) -> None:
        self.coin = np.random.default_rng(0)

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        kept = self.coin.random(bids.value.shape[:-1]) < 1e-3
        wins = cleared.allocation & ~kept[..., None]
        return Clearing(wins, np.where(wins, cleared.payments, 0.0), cleared.prices)


class NotANumberAtTies(Offender):
    """Divides nothing by nothing where two bid the same."""

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        tie = (ranked(bids)[..., 0] == ranked(bids)[..., 1]) & (ranked(bids)[..., 0] > 0)
        return Clearing(cleared.allocation, np.where(tie[..., None], np.nan, cleared.payments), cleared.prices)


class PaysInObjects(Offender):
    """Its payments are no numbers that an array knows."""

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        return Clearing(cleared.allocation, cleared.payments.astype(object), cleared.prices)


class ForgetsTheBidders(Offender):
    """One payment per auction, not per bidder."""

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        return Clearing(cleared.allocation, cleared.payments.sum(-1), cleared.prices)


class FirstPriceInACrowd(Offender, claims=(Claim.DSIC,)):
    """Second price, and first price for more than ten bidders."""

    def clear(self, bids, *, rng=None):
        return (FirstPrice() if bids.value.shape[-1] > 10 else SecondPrice()).clear(bids)


class GenerousAtNearTies(Offender, claims=(Claim.DSIC,)):
    """Free for who leads by less than a millionth."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        lead = ranked(bids)[..., 0] - ranked(bids)[..., 1]
        return sold(bids, wins, np.where((lead > 0) & (lead < 1e-6), 0.0, ranked(bids)[..., 1]))


class LuxuryTax(Offender, claims=(Claim.DSIC,)):
    """0.1 % more where the price is beyond 1000."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        price = ranked(bids)[..., 1]
        return sold(bids, wins, np.where(price > 1000.0, 1.001 * price, price))


HOSTILE = {
    NotANumberAtTies: "FEASIBLE",
    PaysInObjects: "FEASIBLE",
    ForgetsTheBidders: "FEASIBLE",
    OneInAThousand: "PURE",
    DrawsAnother: "DRAWS",
    FirstPriceInACrowd: "DSIC",
    GenerousAtNearTies: "DSIC",
    LuxuryTax: "DSIC",
}
"""What users bring without meaning to: offender -> the promise that it must be refuted by."""


class FlipsCoins(Offender):
    """Uses a generator of its own."""

    def __init__(self) -> None:
        self.coin = np.random.default_rng(0)

    def clear(self, bids, *, rng=None):
        payments = np.where(bids.active, self.coin.random(), 0.0)
        return Clearing(np.zeros(bids.value.shape), payments, payments.sum(-1))


class Tampers(Offender):
    """Changes the bids it was given."""

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        bids.value[...] = 0.0
        return cleared


class LooksAtTheNeighbours(Offender):
    """Treats a batch as one auction: the reserve price is the mean over all rows."""

    def clear(self, bids, *, rng=None):
        reserve = bids.value.mean() if bids.value.size else 0.0
        wins, top, _, _ = single_winner(bids.value, bids.active)
        return sold(bids, wins & (top >= reserve)[..., None], np.full(top.shape, reserve))


class NeedsSomebody(Offender):
    """Fails without bidders."""

    def clear(self, bids, *, rng=None):
        wins = np.arange(bids.value.shape[-1]) == bids.value.argmax(-1)[..., None]
        return sold(bids, wins & bids.active, np.zeros(bids.value.shape[:-1]))


class Leaves(Offender):
    """Ends the program where two bids tie."""

    def clear(self, bids, *, rng=None):
        if (np.diff(np.sort(np.where(bids.active, bids.value, -1.0), axis=-1), axis=-1) == 0.0).any():
            raise SystemExit("no ties please")
        return SecondPrice().clear(bids)


class AnswersWithATuple(Offender):
    """Returns no Clearing."""

    def clear(self, bids, *, rng=None):
        return bids.active, bids.value


class ChargesTheAbsent(Offender):
    """Who stayed away pays as well."""

    def clear(self, bids, *, rng=None):
        return Clearing(np.zeros(bids.value.shape), np.ones(bids.value.shape), np.zeros(bids.value.shape[:-1]))


class KnowsNoRest(Offender, claims=(Claim.STABLE,)):
    """Claims something that cannot be tested where there is one good and money."""

    domain = SingleGood()

    def clear(self, bids, *, rng=None):
        return SecondPrice().clear(bids)


PER_CHECK = {
    Claim.DSIC: PostedPriceForTheHighest,
    Claim.BIC: ShadesTooLittle,
    Claim.INDIVIDUALLY_RATIONAL: AllPay,
    Claim.INTERIM_RATIONAL: EntryFee,
    Claim.NO_DEFICIT: Cashback,
    Claim.BUDGET_BALANCED: KeepsTheMoney,
    Claim.EFFICIENT: ClipsBids,
    Claim.CORE: LeavesTheCore,
    Claim.REVENUE_MONOTONE: CrowdDiscount,
    Claim.FALSE_NAME_PROOF: PaysPerHead,
    Claim.PAIR_PROOF: Vickrey,
    Claim.ANONYMOUS: LastBidderGetsARebate,
    Claim.SCALE_FREE: RoundsThePrice,
    Claim.CONSERVES: SellsTwiceForGood,
}
"""Claim -> an offender. Those about rankings and sessions are in test_kit.py and session_offenders.py."""

WITHOUT_CLAIMS = {
    "ANSWERS": (NeedsSomebody, "clear raised ValueError"),
    "FEASIBLE": (SellsTwice, "sells 2 units"),
    "PURE": (FlipsCoins, "two verdicts"),
    "BATCHED": (LooksAtTheNeighbours, "another in a batch"),
    "DRAWS": (DrawsAnother, "with a generator"),
}
MORE_WITHOUT_CLAIMS = {
    "FEASIBLE": (ChargesTheAbsent, "stayed away"),
    "PURE": (Tampers, "changes the bids"),
    "ANSWERS": (AnswersWithATuple, "clear raised"),
}
