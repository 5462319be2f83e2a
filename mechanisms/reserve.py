"""Reserve prices: the seller keeps the good unless somebody bids at least r.

In a second-price auction with a reserve the winner pays the larger of r and the second highest bid, which is still the lowest
bid that wins: truth stays a dominant strategy. The seller gains revenue and gives up efficiency (Krishna 2010, section
2.5); the best reserve for a known prior is Myerson's (`marketic.mechanisms.myerson`).

`WithReserve` does the same to any single-winner auction: who bids below its reserve is not admitted, and the winner pays at
least the reserve. What then survives of the auction's claims:
  DSIC, FALSE_NAME_PROOF  if exact. The winner of an exactly strategyproof auction pays its critical value c whatever it bids;
                          with the reserve it wins from max(c, r) on, which is what it pays. (A lottery's chances jump at r, and
                          its payments would have to know that: not claimed. Nor where losers are paid, which the house's losing
                          money shows: a low value would name r, only to be admitted.)
  INDIVIDUALLY_RATIONAL   the winner bid at least r.
  NO_DEFICIT              payments only rise.
  ANONYMOUS               if the reserve is the same for all.
  REVENUE_MONOTONE        if the auction always sells (is efficient): then it still does whenever somebody reaches r.
EFFICIENT, CORE and SCALE_FREE are lost: see `refuted`.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numba import njit

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import SHOWN, Claim, Holds, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains import SingleGood
from marketic.errors import InputError
from marketic.mechanism import ClearingRule, Mechanism, check_held, single_winner
from marketic.mechanisms.second_price import SecondPrice
from marketic.numbers import all_numbers, check_kinds
from marketic.screening import numbers

KEPT = frozenset({Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT})
KEPT_IF_EXACT = frozenset({Claim.DSIC, Claim.FALSE_NAME_PROOF})


@dataclass(frozen=True)
class SecondPriceReserve:
    """The highest bid of at least `reserve` (currency, >= 0) wins and pays the second highest, at least `reserve`."""

    reserve: float = 0.5
    claims: ClassVar[frozenset[Claim]] = frozenset(
        {
            Claim.DSIC,
            Claim.INDIVIDUALLY_RATIONAL,
            Claim.NO_DEFICIT,
            Claim.REVENUE_MONOTONE,
            Claim.FALSE_NAME_PROOF,
            Claim.ANONYMOUS,
        }
    )

    def __post_init__(self) -> None:
        check_kinds(self)
        _check(self.reserve, "SecondPriceReserve")

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """A lone bidder below the reserve is not served."""
        return _unserved(self.reserve)

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the first highest active bid, if it reaches the reserve."""
        wins, _, second, sold = single_winner(bids.value, bids.active & (bids.value >= self.reserve))
        price = np.maximum(second, self.reserve) + 0.0
        return Clearing(wins, np.where(wins, price[..., None], 0.0), np.where(sold, price, np.nan))

    @cached_property
    def rule(self) -> ClearingRule:
        """The same in compiled code."""
        return ClearingRule(second_price_reserve_rule, parameters=np.array([float(self.reserve)]))


@dataclass(frozen=True)
class WithReserve:
    """A single-winner auction with a reserve price.

    mechanism: an auction of one good among scalar bids. reserve: currency, >= 0; one for all, or one for each bidder (then the
    auction takes exactly that many).
    """

    mechanism: Mechanism = field(default_factory=SecondPrice)
    reserve: float | tuple[float, ...] = 0.5

    def __post_init__(self) -> None:
        check_kinds(self)
        if isinstance(self.reserve, list | tuple | np.ndarray):
            reserves = numbers("WithReserve: reserve", self.reserve)
            object.__setattr__(self, "reserve", tuple(reserves.tolist()))
        check_held(
            "WithReserve", self.mechanism, lambda domain: isinstance(domain, SingleGood), "one good (SingleGood)"
        )
        for reserve in self.reserve if isinstance(self.reserve, tuple) else (self.reserve,):
            _check(reserve, "WithReserve")

    @property
    def claims(self) -> frozenset[Claim]:
        """What survives of the auction's claims (see the top of this file); without a reserve, all of them."""
        given = self.mechanism.claims
        if self.reserve == 0.0:
            return given
        kept = set(KEPT)
        if given >= KEPT:
            kept |= {claim for claim in KEPT_IF_EXACT if _exact(self.mechanism, claim)}
        if not isinstance(self.reserve, tuple):
            kept |= {Claim.ANONYMOUS} | ({Claim.REVENUE_MONOTONE} if Claim.EFFICIENT in given else set())
        return frozenset(given & kept)

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Those of the claims that survive."""
        return {claim: terms for claim, terms in getattr(self.mechanism, "terms", {}).items() if claim in self.claims}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """A lone bidder below the reserve is not served."""
        return () if isinstance(self.reserve, tuple) else _unserved(self.reserve)

    @property
    def domain(self) -> Any:
        """That of the auction; as many bidders as there are reserves."""
        inner = getattr(self.mechanism, "domain", SingleGood())
        return replace(inner, sizes=(len(self.reserve),)) if isinstance(self.reserve, tuple) else inner

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Hold the auction among those who reach the reserve, and charge the winner at least that."""
        reserve = np.asarray(self.reserve, dtype=float)
        if reserve.ndim and len(reserve) != bids.value.shape[-1]:
            raise InputError(
                f"WithReserve has {len(reserve)} reserves for {bids.value.shape[-1]} bidders: wanted one each, or one number"
            )
        cleared = self.mechanism.clear(replace(bids, active=bids.active & (bids.value >= reserve)), rng=rng)
        share = np.asarray(cleared.allocation, dtype=float)
        floor = np.where(share > 0, share * reserve, -np.inf)
        payments = np.maximum(cleared.payments, floor) + 0.0
        announced = np.where(share > 0, reserve, -np.inf).max(axis=-1, initial=-np.inf)
        prices = np.where(np.isnan(cleared.prices), np.nan, np.maximum(cleared.prices, announced))
        return Clearing(cleared.allocation, payments, prices, cleared.certificate)


def _check(reserve: float, name: str) -> None:
    if not (all_numbers(reserve) and 0.0 <= reserve <= LARGEST_BID):
        raise InputError(f"{name}(reserve={reserve!r}): wanted a finite amount >= 0, e.g. reserve=0.5")


def _exact(mechanism: Mechanism, claim: Claim) -> bool:
    terms = getattr(mechanism, "terms", {}).get(claim, Terms())
    return terms.holds is Holds.EXACT and terms.tolerance == 0.0


def _unserved(reserve: float) -> tuple[Refutation, ...]:
    if reserve < SHOWN:  # nothing, or too little to be told from rounding
        return ()
    return tuple(
        Refutation(claim, Bids([reserve / 2]), source="Krishna 2010, section 2.5")
        for claim in (Claim.EFFICIENT, Claim.CORE)
    )


@njit(cache=True)
def second_price_reserve_rule(value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    """Write the winner [B] and payments [B, n] of second-price auctions with the reserve `parameters[0]`."""
    for row in range(value.shape[0]):
        best, price = -1, parameters[0]
        for i in range(value.shape[1]):
            payments[row, i] = 0.0
            if not active[row, i] or value[row, i] < parameters[0]:
                continue
            if best < 0:
                best = i
            elif value[row, i] > value[row, best]:
                best, price = i, value[row, best]
            elif value[row, i] > price:
                price = value[row, i]
        winner[row] = best
        if best >= 0:
            payments[row, best] = price + 0.0  # never -0.0
