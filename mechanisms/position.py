"""Position auctions: advertisers bid per click for slots that bring clicks c_1 >= c_2 >= ... >= c_m.

Both auctions give the best slot to the highest bid, the next to the second, and so on. They differ in the payments of
the bidder in slot j, where b_(k) is the k-th highest bid and c_(m+1) = 0:
  generalised second price (GSP)   c_j b_(j+1): the next bid, for each click
  VCG                              sum over k >= j of (c_k - c_(k+1)) b_(k+1): what the others lose by its presence
With one slot both are the second-price auction. With more, truth is dominant under VCG only. GSP has an equilibrium
(the lowest envy-free one) in which its payments are VCG's at the truth; in all other envy-free ones it collects more
(Edelman, Ostrovsky and Schwarz 2007; Varian 2007).
"""

from dataclasses import dataclass

import numpy as np

from marketic.bids import Bids
from marketic.claims import SHOWN, Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.position import Positions
from marketic.errors import InputError
from marketic.numbers import check_kinds
from marketic.screening import LARGEST_BID, numbers

BOTH = frozenset(
    {
        Claim.EFFICIENT,
        Claim.CORE,
        Claim.INDIVIDUALLY_RATIONAL,
        Claim.NO_DEFICIT,
        Claim.REVENUE_MONOTONE,
        Claim.ANONYMOUS,
    }
)


DIFFERENT = 1e-6
"""A smaller part of the first slot's clicks is not told from rounding."""


@dataclass(frozen=True)
class GSP:
    """Generalised second price. clicks: of each slot per hour, > 0, not increasing.

    `bids.value` [..., n] per click >= 0 -> allocation: clicks received, float64 [..., n]; payments [..., n] per hour; prices
    per click of each slot [..., m], NaN where it stays empty.

    >>> GSP((200, 100)).clear(Bids([10.0, 4.0, 2.0])).payments.tolist()
    [800.0, 200.0, 0.0]
    """

    clicks: tuple[float, ...] = (200.0, 100.0)

    def __post_init__(self) -> None:
        check_kinds(self)
        object.__setattr__(self, "clicks", _checked(self.clicks, "GSP"))

    @property
    def claims(self) -> frozenset[Claim]:
        """Not strategyproof, unless there is only one slot."""
        return BOTH | _scale_free(self.clicks) | ({Claim.DSIC} if len(self.clicks) == 1 else set())

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Against a close rival the second slot is nearly as good and much cheaper."""
        if len(self.clicks) == 1 or self.clicks[1] < max(DIFFERENT * self.clicks[0], SHOWN):
            return ()
        rival = 1.0 - self.clicks[1] / self.clicks[0] / 2
        source = "Edelman, Ostrovsky and Schwarz 2007"
        return (Refutation(Claim.DSIC, Bids([1.0, rival, 0.0]), Bids([rival / 2, rival, 0.0]), source=source),)

    @property
    def domain(self) -> Positions:
        """The slots."""
        return Positions(self.clicks)

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Rank the bids (ties: the first bidder first); each pays the next bid per click."""
        order, ranked, count = _rank(bids, len(self.clicks))
        per_click = ranked[..., 1:]
        return _assign(order, count, np.array(self.clicks), per_click * np.array(self.clicks), per_click)


@dataclass(frozen=True)
class VCGPosition:
    """Vickrey-Clarke-Groves payments for slots. Fields, bids and clearing as for `GSP`.

    >>> VCGPosition((200, 100)).clear(Bids([10.0, 4.0, 2.0])).payments.tolist()
    [600.0, 200.0, 0.0]
    """

    clicks: tuple[float, ...] = (200.0, 100.0)

    def __post_init__(self) -> None:
        check_kinds(self)
        object.__setattr__(self, "clicks", _checked(self.clicks, "VCGPosition"))

    @property
    def claims(self) -> frozenset[Claim]:
        """All that GSP promises, and truth."""
        return BOTH | _scale_free(self.clicks) | {Claim.DSIC}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Two share what the second one's silence saves the first, where their slots differ."""
        first, second = (*self.clicks, 0.0)[:2]
        if first - second < max(DIFFERENT * first, SHOWN):
            return ()
        return (Refutation(Claim.PAIR_PROOF, Bids([4.0, 3.0]), Bids([4.0, 0.0]), (0, 1), "a bidding ring"),)

    @property
    def domain(self) -> Positions:
        """The slots."""
        return Positions(self.clicks)

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Rank the bids (ties: the first bidder first); each pays what the others lose by its presence."""
        order, ranked, count = _rank(bids, len(self.clicks))
        clicks = np.array(self.clicks)
        lost = (clicks - np.append(clicks[1:], 0.0)) * ranked[..., 1:]
        payment = np.cumsum(lost[..., ::-1], axis=-1)[..., ::-1]
        payment = np.minimum(payment, clicks * ranked[..., :-1])  # beyond the own bid it is rounding
        return _assign(order, count, clicks, payment, payment / clicks)


def envy_free_bids(value: np.ndarray, clicks: tuple[float, ...]) -> np.ndarray:
    """The bids of GSP's lowest envy-free equilibrium under complete information, float64 [n].

    value: float64 [n] per click, not increasing. b_j = v_j - c_j / c_(j-1) (v_j - b_(j+1)) for j >= 2, beyond the last slot b_j
    = v_j, and the first one bids its value (Edelman, Ostrovsky and Schwarz 2007, theorem 2).
    """
    value = np.asarray(value, dtype=float)
    if value.ndim != 1 or (np.diff(value) > 0).any():
        raise InputError(f"envy_free_bids(value={value}): wanted one axis of values, highest first")
    bids = value.copy()
    rates = np.append(_checked(clicks, "envy_free_bids"), 0.0)
    for j in range(min(len(value), len(clicks)) - 1, 0, -1):
        following = bids[j + 1] if j + 1 < len(bids) else 0.0
        bids[j] = value[j] - rates[j] / rates[j - 1] * (value[j] - following)
    return bids


def _checked(clicks: tuple[float, ...], name: str) -> tuple[float, ...]:
    rates = numbers(f"{name}: clicks", clicks)
    if (
        rates.ndim != 1
        or len(rates) == 0
        or not ((rates > 0) & (rates <= LARGEST_BID)).all()
        or (np.diff(rates) > 0).any()
    ):
        raise InputError(f"{name}(clicks={clicks}): wanted numbers > 0 that do not increase, e.g. clicks=(200, 100)")
    return tuple(float(rate) for rate in rates)


def _scale_free(clicks: tuple[float, ...]) -> set[Claim]:
    return {Claim.SCALE_FREE} if min(clicks) >= 1.0 / LARGEST_BID else set()  # fewer round tiny amounts


def _rank(bids: Bids, slots: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bidders by bid [..., n]; the highest `slots` + 1 bids [..., slots + 1], 0 where there is none; how many bid [...]."""
    bids = bids.at_least(0.0)
    value = np.where(bids.active, bids.value, -1.0)
    order = np.argsort(-value, axis=-1, kind="stable")
    ranked = np.zeros((*value.shape[:-1], slots + 1))
    best = np.take_along_axis(value, order, axis=-1)[..., : slots + 1]
    ranked[..., : best.shape[-1]] = np.maximum(best, 0.0)
    return order, ranked, bids.active.sum(axis=-1)


def _assign(
    order: np.ndarray, count: np.ndarray, clicks: np.ndarray, payment: np.ndarray, per_click: np.ndarray
) -> Clearing:
    """Give slot j, its clicks and its payment to the j-th bidder in `order`. payment, per_click: [..., m]."""
    filled = min(order.shape[-1], len(clicks))
    taken = np.arange(len(clicks)) < count[..., None]
    allocation, payments = np.zeros(order.shape), np.zeros(order.shape)
    for array, column in ((allocation, np.where(taken, clicks, 0.0)), (payments, np.where(taken, payment, 0.0))):
        np.put_along_axis(array, order[..., :filled], column[..., :filled], axis=-1)
    return Clearing(allocation, payments, np.where(taken, per_click, np.nan))
