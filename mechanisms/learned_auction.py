"""The slot for learned mechanisms: a family of auctions with parameters, fitted to a prior; and one family that cannot lie.

Duetting, Feng, Narasimhan, Parkes and Ravindranath 2019 ("Optimal auctions through deep learning") maximise expected revenue
subject to ex-post regret: what a bidder gains at most by a lie, given the others' reports. `fit` does the same for any family,
with the multiplier as a penalty and the lies of the mechanism's domain. A small regret is *not* strategyproofness: the lies
are a sample, the average hides single cases, and a fitted rule claims no more than it can prove.

`VirtualValueAuction` is their MyersonNet, which can prove it. Each bidder has an increasing virtual value function
phi(v) = min over groups of max over pieces of (slope * v + intercept), slopes > 0 (monotone network, Sill 1998); the highest
virtual value wins if it is >= 0, and pays the least report with which it would still have won, phi^-1(max(0, the others' best
virtual value)). The allocation is monotone and the payment its critical value, so truth is dominant whatever the
parameters are (Myerson 1981). Fitting moves revenue only: on U[0, 1] it must find phi(v) = 2 v - 1, up to scale above zero.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.scalar import SingleGood
from marketic.errors import InputError
from marketic.numbers import check_kinds

CANDIDATES = 30
"""Random parameters that are looked at for each start of a search."""
Pieces = Sequence[Any]
"""Nested sequences of floats [groups, pieces], or [bidders, groups, pieces] where bidders differ."""


@dataclass(frozen=True)
class VirtualValueAuction:
    """One good for the highest virtual value >= 0, at the critical value. Default: Myerson's auction for U[0, 1].

    slopes, intercepts: nested sequences [groups, pieces], the same function for everybody; or [bidders, groups, pieces], one
    each, and then for exactly so many bidders (prior knowledge that names matter, so ANONYMOUS is not claimed). Slopes > 0.
    Ties in virtual value go to the higher bid, then to the first bidder.
    """

    slopes: Pieces = ((2.0,),)
    intercepts: Pieces = ((-1.0,),)

    def __post_init__(self) -> None:
        check_kinds(self)
        try:
            slopes, intercepts = np.array(self.slopes, dtype=float), np.array(self.intercepts, dtype=float)
        except (TypeError, ValueError):
            raise InputError(f"{type(self).__name__}: slopes and intercepts must be full tables of numbers") from None
        if slopes.shape != intercepts.shape or slopes.ndim not in (2, 3) or not slopes.size:
            raise InputError(
                f"VirtualValueAuction: slopes{slopes.shape} and intercepts{intercepts.shape}: wanted the same shape, "
                "[groups, pieces] or [bidders, groups, pieces]"
            )
        if not (np.isfinite(slopes).all() and np.isfinite(intercepts).all() and (slopes > 0).all()):
            raise InputError(f"VirtualValueAuction(slopes={self.slopes}): wanted finite numbers, slopes > 0")
        for name, table in (("slopes", slopes), ("intercepts", intercepts)):
            object.__setattr__(self, name, _tuples(table))  # so that equal auctions are equal, and hashable

    @cached_property
    def _tables(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array(self.slopes), np.array(self.intercepts)

    @property
    def _bidders(self) -> int | None:
        """How many bidders it is for; None: any number."""
        return len(self._tables[0]) if self._tables[0].ndim == 3 else None

    @property
    def claims(self) -> frozenset[Claim]:
        """Truth is dominant whatever the parameters. With one function for all this is a second-price auction with a reserve;
        names matter where each bidder has a function of its own.
        """
        kept = {Claim.DSIC, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT}
        alike = {Claim.ANONYMOUS, Claim.REVENUE_MONOTONE, Claim.FALSE_NAME_PROOF}
        return frozenset(kept | (alike if self._bidders is None else set()))

    @property
    def domain(self) -> SingleGood:
        """One good, values >= 0."""
        return SingleGood() if self._bidders is None else SingleGood(sizes=(self._bidders,))

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Not efficient where it has a reserve price: it keeps the good from the one who wants it."""
        reserve = self.virtual(np.zeros(self._bidders or 1)).max()
        if reserve >= 0:
            return ()
        low = Bids(np.maximum(self.inverse(np.zeros(self._bidders or 1)) / 2, 0.0))
        return (Refutation(Claim.EFFICIENT, low, source="Myerson 1981: a reserve price excludes low values"),)

    def virtual(self, value: np.ndarray) -> np.ndarray:
        """phi(value), float64 [..., n], of values float64 [..., n]."""
        slopes, intercepts = self._tables
        return np.asarray((slopes * value[..., None, None] + intercepts).max(axis=-1).min(axis=-1))

    def inverse(self, virtual: np.ndarray) -> np.ndarray:
        """The value with this virtual value, float64 [..., n]: max over groups of min over pieces."""
        slopes, intercepts = self._tables
        return np.asarray(((virtual[..., None, None] - intercepts) / slopes).min(axis=-1).max(axis=-1))

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the highest virtual value >= 0 at the least bid that would still win."""
        bids = bids.at_least(0.0)
        n = bids.value.shape[-1]
        if self._bidders not in (None, n):
            raise InputError(f"VirtualValueAuction with functions for {self._bidders} bidders got {n} bids")
        if n == 0:
            empty = np.zeros(bids.value.shape)
            return Clearing(empty > 0, empty, np.full(bids.value.shape[:-1], np.nan))
        virtual = np.where(bids.active, self.virtual(bids.value), -np.inf)
        best = virtual == virtual.max(axis=-1, keepdims=True)
        first = np.where(best, bids.value, -np.inf).argmax(axis=-1)[..., None]
        wins = (np.arange(n) == first) & (virtual >= 0.0)
        rival = np.where(np.arange(n) == first, -np.inf, virtual).max(axis=-1, keepdims=True, initial=0.0)
        critical = self.inverse(np.broadcast_to(rival, virtual.shape))
        price = np.clip(critical, 0.0, bids.value)  # exact without rounding: phi increases and phi(bid) >= rival
        payments = np.where(wins, price, 0.0) + 0.0
        return Clearing(wins, payments, np.where(wins.any(axis=-1), payments.sum(axis=-1), np.nan))


def _tuples(table: np.ndarray) -> Any:
    return tuple(map(_tuples, table)) if table.ndim else float(table)


class Family(Protocol):
    """Mechanisms with `size` parameters: `build(parameters float64 [size])` makes one. Parameters around 0 must be sensible."""

    size: int

    def build(self, parameters: np.ndarray) -> Any:
        """The mechanism with these parameters."""
        ...


@dataclass(frozen=True)
class VirtualValues:
    """The family of `VirtualValueAuction`: log slopes and intercepts. bidders: None for one function that all share."""

    bidders: int | None = None
    groups: int = 1
    pieces: int = 2

    @property
    def size(self) -> int:
        """Two numbers per piece."""
        return 2 * (self.bidders or 1) * self.groups * self.pieces

    def build(self, parameters: np.ndarray) -> VirtualValueAuction:
        """The first half are logarithms of slopes (kept within e^-5 .. e^5), the second intercepts."""
        shape = (self.groups, self.pieces) if self.bidders is None else (self.bidders, self.groups, self.pieces)
        logs, intercepts = np.reshape(parameters, (2, *shape))
        return VirtualValueAuction(np.exp(np.clip(logs, -5.0, 5.0)), intercepts)


@dataclass(frozen=True)
class Fitted:
    """A learned mechanism and what it made of the sample it was fitted to: revenue and mean ex-post regret, currency."""

    mechanism: Any
    parameters: np.ndarray
    revenue: float
    regret: float


def revenue(mechanism: Any, truth: Bids) -> float:
    """Mean revenue from truthful reports [cases, n], currency."""
    return float(mechanism.clear(truth).payments.sum(axis=-1).mean())


def ex_post_regret(mechanism: Any, truth: Bids, lies: Sequence[tuple[np.ndarray, Bids]]) -> float:
    """What a bidder gains on average by its best lie, currency: a lower bound, since lies are a sample.

    lies: (who int64 [cases], the reports with that bidder's lie), from `draw_lies`; all for the same liar in a case.
    """
    domain = getattr(mechanism, "domain", None) or SingleGood()
    rows = np.arange(len(truth.value))
    gain = np.zeros(len(rows))
    honest = _utility(mechanism, domain, truth, truth)
    for who, report in lies:
        lying = _utility(mechanism, domain, truth, report)
        gain = np.maximum(gain, lying[rows, who] - honest[rows, who])
    return float(gain.mean())


def draw_lies(domain: Any, truth: Bids, count: int, rng: np.random.Generator) -> list[tuple[np.ndarray, Bids]]:
    """`count` lies for one randomly drawn bidder of each case, as the conformance kit would draw them."""
    who = rng.integers(truth.value.shape[1], size=len(truth.value))
    return [(who, domain.lie(rng, truth, who)) for _ in range(count)]


def _utility(mechanism: Any, domain: Any, truth: Bids, report: Bids) -> np.ndarray:
    cleared = mechanism.clear(report)
    return np.asarray(domain.worth(truth, cleared) - cleared.payments)


def fit(
    family: Family,
    draw: Callable[[np.random.Generator, int], np.ndarray],
    rng: np.random.Generator,
    *,
    cases: int = 2000,
    lies: int = 10,
    multiplier: float = 20.0,
    restarts: int = 2,
) -> Fitted:
    """The family's member with the highest revenue less `multiplier` times mean ex-post regret, on a sample.

    draw: `draw(rng, cases)` -> values float64 [cases, n], the prior. cases: size of the sample; a quarter of it is lied in.
    lies: tried per case; 0: trust the family to be strategyproof. restarts: of the simplex search (Nelder and Mead 1965), from
    the best of CANDIDATES random parameters each. Everything random comes from `rng`.
    """
    from scipy.optimize import minimize

    if cases < 4 or restarts < 1 or lies < 0:
        raise InputError(f"fit(cases={cases}, restarts={restarts}, lies={lies}): wanted at least 4, 1 and 0")
    truth = Bids(draw(rng, cases))
    few = Bids(truth.value[: cases // 4])
    candidates = rng.normal(size=(CANDIDATES * restarts, family.size))
    domain = getattr(family.build(candidates[0]), "domain", None) or SingleGood()
    told = draw_lies(domain, few, lies, rng)

    def loss(parameters: np.ndarray) -> float:
        mechanism = family.build(parameters)
        return multiplier * ex_post_regret(mechanism, few, told) - revenue(mechanism, truth)

    options = {"maxfev": 100 * family.size, "xatol": 1e-4, "fatol": 1e-7, "adaptive": family.size > 4}
    starts = sorted(candidates, key=loss)[:restarts]  # revenue has plateaus: rules that never sell, or at any price
    found = [minimize(loss, start, method="Nelder-Mead", options=options) for start in starts]
    best = min(found, key=lambda one: float(one.fun)).x
    mechanism = family.build(best)
    return Fitted(mechanism, best, revenue(mechanism, truth), ex_post_regret(mechanism, few, told))
