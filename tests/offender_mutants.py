"""Ten mutants of sound rules, each wrong in one way."""

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim
from marketic.clearing import Clearing
from marketic.mechanism import single_winner
from marketic.mechanisms import SecondPrice


class Offender:
    """A mechanism with one false claim (or none, if it offends without any)."""

    claims: frozenset[Claim] = frozenset()

    def __init_subclass__(cls, claims: tuple[Claim, ...] = ()) -> None:
        cls.claims = frozenset(claims)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def sold(bids: Bids, wins: np.ndarray, price: np.ndarray) -> Clearing:
    """The winners pay `price` [...]."""
    payments = np.where(wins, np.asarray(price)[..., None], 0.0)
    return Clearing(wins, payments, payments.sum(axis=-1))


def ranked(bids: Bids) -> np.ndarray:
    """Active bids from the highest to the lowest, padded with four zeros, float64 [..., n + 4]."""
    value = np.sort(np.where(bids.active, bids.value, 0.0), axis=-1)[..., ::-1]
    return np.concatenate([value, np.zeros((*value.shape[:-1], 4))], axis=-1)


# --- ten mutants of sound rules


class PostedPriceForTheHighest(Offender, claims=(Claim.DSIC,)):
    """Posted price 0.5, but the highest bid gets it: rivals overbid for the place."""

    def clear(self, bids, *, rng=None):
        wins, top, _, _ = single_winner(bids.value, bids.active)
        return sold(bids, wins & (top >= 0.5)[..., None], np.full(top.shape, 0.5))


class ReserveFromTheBids(Offender, claims=(Claim.DSIC,)):
    """The reserve price is half the mean bid, so that one's own bid moves it."""

    def clear(self, bids, *, rng=None):
        wins, top, second, _ = single_winner(bids.value, bids.active)
        here = np.maximum(bids.active.sum(-1), 1)
        reserve = 0.5 * np.where(bids.active, bids.value, 0.0).sum(-1) / here
        return sold(bids, wins & (top >= reserve)[..., None], np.maximum(np.where(second > 0, second, 0.0), reserve))


class Overcharges(Offender, claims=(Claim.DSIC, Claim.INDIVIDUALLY_RATIONAL)):
    """The second price and 0.1 % more."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        return sold(bids, wins, 1.001 * ranked(bids)[..., 1])


class LonersPayTheirBid(Offender, claims=(Claim.DSIC,)):
    """Second price, but who comes alone pays its own bid: only one bidder shows it."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        alone = bids.active.sum(-1) == 1
        return sold(bids, wins, np.where(alone, ranked(bids)[..., 0], ranked(bids)[..., 1]))


class TiesPayTheThirdPrice(Offender, claims=(Claim.DSIC,)):
    """Second price, but at a tie for the second place the third bid: only exact ties show it."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        bid = ranked(bids)
        return sold(bids, wins, np.where(bid[..., 1] == bid[..., 2], bid[..., 3], bid[..., 1]))


class ClipsBids(Offender, claims=(Claim.EFFICIENT,)):
    """Bids above 1 count as 1: truthful, but who wins among the rich is chance. Only heavy tails show it."""

    def clear(self, bids, *, rng=None):
        return SecondPrice().clear(Bids(np.minimum(bids.value, 1.0), bids.active))


class LastBidderGetsARebate(Offender, claims=(Claim.ANONYMOUS,)):
    """The last bidder pays 5 % less."""

    def clear(self, bids, *, rng=None):
        cleared = SecondPrice().clear(bids)
        rebate = np.where(np.arange(bids.value.shape[-1]) == bids.value.shape[-1] - 1, 0.95, 1.0)
        return Clearing(cleared.allocation, cleared.payments * rebate, cleared.prices)


class NaiveSoftmax(Offender, claims=(Claim.DSIC,)):
    """Myerson payments of the softmax lottery by the formula that cancels for large bids."""

    def clear(self, bids, *, rng=None):
        value = np.where(bids.active, bids.value, 0.0)
        odds = np.where(bids.active, np.exp(np.minimum(value, 700.0)), 0.0)
        total = odds.sum(-1, keepdims=True)
        chance = odds / np.where(total > 0, total, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            area = np.log(total) - np.log(total - odds + 1.0)
        payments = np.where(bids.active, np.nan_to_num(value * chance - area), 0.0)
        return Clearing(chance, payments, payments.sum(-1))


class RoundsThePrice(Offender, claims=(Claim.DSIC, Claim.SCALE_FREE)):
    """Second price, rounded to cents after clearing."""

    def clear(self, bids, *, rng=None):
        wins, *_ = single_winner(bids.value, bids.active)
        return sold(bids, wins, np.round(ranked(bids)[..., 1], 2))


class MidpointWithoutFallback(Offender, claims=(Claim.DSIC,)):
    """McAfee's price between the first excluded bid and ask, charged even where it is no price for the last pair."""

    def __init__(self) -> None:
        from marketic.mechanisms.mcafee import McAfee

        self.domain = McAfee().domain

    def clear(self, bids, *, rng=None):
        buyer = bids.active & (bids.side > 0)
        seller = bids.active & (bids.side < 0)
        n = bids.value.shape[-1]
        offers = np.sort(np.where(buyer, -bids.value, np.inf), axis=-1)
        asks = np.sort(np.where(seller, bids.value, np.inf), axis=-1)
        trades = (-offers >= asks) & np.isfinite(offers) & np.isfinite(asks)
        k = trades.sum(-1, keepdims=True)
        next_bid = -np.take_along_axis(np.pad(offers, [(0, 0)] * (offers.ndim - 1) + [(0, 1)]), k, -1)
        next_ask = np.take_along_axis(np.pad(asks, [(0, 0)] * (asks.ndim - 1) + [(0, 1)]), k, -1)
        both = np.isfinite(next_bid) & np.isfinite(next_ask)
        price = np.where(both, (np.where(both, next_bid, 0.0) + np.where(both, next_ask, 0.0)) / 2, 0.0)
        rank = np.empty(bids.value.shape, dtype=int)
        for who, sign in ((buyer, -1.0), (seller, 1.0)):
            order = np.argsort(np.where(who, sign * bids.value, np.inf), axis=-1, kind="stable")
            place = np.empty_like(order)
            np.put_along_axis(place, order, np.broadcast_to(np.arange(n), order.shape), axis=-1)
            rank = np.where(who, place, rank)
        traded = np.where(bids.active & (rank < k), bids.side, 0).astype(float)
        return Clearing(traded, traded * price, np.where(k[..., 0] > 0, price[..., 0], np.nan))


MUTANTS = (
    PostedPriceForTheHighest,
    ReserveFromTheBids,
    Overcharges,
    LonersPayTheirBid,
    TiesPayTheThirdPrice,
    ClipsBids,
    LastBidderGetsARebate,
    NaiveSoftmax,
    RoundsThePrice,
    MidpointWithoutFallback,
)
