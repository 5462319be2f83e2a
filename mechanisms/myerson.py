"""The revenue-optimal auction of one good (Myerson 1981).

Bidder i's value has the distribution function F_i with density f_i. Its virtual value is
  phi_i(v) = v - (1 - F_i(v)) / f_i(v),
the marginal revenue of selling to it. A prior is *regular* if phi_i never decreases. Then the optimal auction sells to the
highest virtual value if that is not negative, and the winner pays the lowest value with which it would still have won:
  phi_i^-1( max(0, the others' virtual values) ).
With one regular prior for all this is the second-price auction with the reserve price phi^-1(0), whatever the number of
bidders. With different priors weak bidders are favoured, and the good may go to a lower bid. Priors that are not regular must
be ironed first (`marketic.mechanisms.ironing`). Reference: Krishna 2010, section 5.2.

Beyond the prior's support, or where F rounds to 1, we set phi(v) = v; below it, minus infinity (such a bidder is not served).
Then truth is a dominant strategy for all bids, not only for those that the prior expects. The inverse is found by bisection
over the floating-point numbers, to the last bit. Ties of virtual values go to the first bidder, and prices respect that.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains import SingleGood
from marketic.errors import InputError
from marketic.mechanism import ClearingRule, single_winner
from marketic.mechanisms.ironing import Ironed
from marketic.mechanisms.priors import Discrete, Prior, Uniform, check_prior
from marketic.mechanisms.reserve import SecondPriceReserve
from marketic.numbers import check_kinds

CERTAIN = 1e-290
"""A chance below this counts as none: its quotient with a density has no digits left."""

ALIKE = frozenset({Claim.ANONYMOUS, Claim.REVENUE_MONOTONE, Claim.FALSE_NAME_PROOF})
"""What the auction promises besides where all bidders have one regular prior."""


class Virtual(Protocol):
    """A non-decreasing virtual value function and its inverse. `Regular` and `Ironed` are the two here."""

    def virtual(self, value: np.ndarray) -> np.ndarray:
        """Virtual values, same shape; -inf below the prior's support."""
        ...

    def critical(self, target: np.ndarray, strict: np.ndarray, bid: np.ndarray) -> np.ndarray:
        """The infimum of the values with a virtual value >= target (> target where strict). All [B]; at `bid` it holds."""
        ...


@dataclass(frozen=True)
class Regular:
    """The virtual values of a regular prior. Raises InputError if they decrease somewhere (on 1,000 quantiles)."""

    prior: Prior

    def __post_init__(self) -> None:
        check_kinds(self)
        check_prior("Myerson: prior", self.prior, "support", "isf", "sf", "pdf")
        low = self.prior.support()[0]
        if not low >= 0.0:
            raise InputError(f"the prior {self.prior} has values down to {low}: wanted values >= 0")
        values = np.asarray(self.prior.isf(np.linspace(0.9995, 0.0005, 1000)))
        found = self.virtual(values)
        falls = np.diff(found) < -1e-9 * np.maximum(1.0, np.abs(values[1:]))
        if falls.any() or not np.isfinite(found).all():
            where = values[1:][falls | ~np.isfinite(found[1:])][:1]
            raise InputError(
                f"the prior {self.prior} is not regular (its virtual value falls near {where}): wanted a regular prior; iron "
                "it with marketic.mechanisms.ironing.Ironed(prior)"
            )

    def virtual(self, value: np.ndarray) -> np.ndarray:
        """v - (1 - F(v)) / f(v)."""
        value = np.asarray(value, dtype=float)
        with np.errstate(all="ignore"):
            above, density = np.asarray(self.prior.sf(value)), np.asarray(self.prior.pdf(value))
            hazard = np.where(above > CERTAIN, above / density, 0.0)
        return np.where(value < self.prior.support()[0], -np.inf, value - hazard)

    def critical(self, target: np.ndarray, strict: np.ndarray, bid: np.ndarray) -> np.ndarray:
        """By bisection between 0 and `bid` over the doubles, which are ordered like their bits."""
        below = np.full(bid.shape, -1, dtype=np.int64)
        reached = np.ascontiguousarray(bid + 0.0).view(np.int64).copy()
        while (reached - below > 1).any():
            middle = below + (reached - below) // 2
            found = self.virtual(np.maximum(middle, 0).view(np.float64))
            enough = np.where(strict, found > target, found >= target)
            reached = np.where(enough & (reached - below > 1), middle, reached)
            below = np.where(~enough & (reached - below > 1), middle, below)
        # where equality loses, the infimum is the last value that loses
        return np.maximum(np.where(strict, reached - 1, reached), 0).view(np.float64)

    @cached_property
    def reserve(self) -> float:
        """The lowest value whose virtual value is not negative, currency. Raises InputError if there is none."""
        highest = np.array([min(self.prior.support()[1], LARGEST_BID)])
        if self.virtual(highest)[0] < 0.0:
            raise InputError(
                f"the prior {self.prior} has negative virtual values only: its tail is so heavy that no reserve price is best"
            )
        return float(self.critical(np.zeros(1), np.zeros(1, dtype=bool), highest)[0])


@dataclass(frozen=True)
class Myerson:
    """The optimal auction for bidders with independent private values.

    priors: one for all bidders, or a tuple with one for each (then the auction takes exactly that many). A prior is a regular
    frozen distribution of `scipy.stats`, a `Uniform`, a `Discrete`, or anything else inside `Ironed(...)`.

    >>> from marketic import Bids
    >>> Myerson((Uniform(0, 1), Uniform(0, 2))).clear(Bids([0.75, 1.2])).payments.tolist()
    [0.7, 0.0]
    """

    priors: Any = field(default_factory=Uniform)
    kept: ClassVar[frozenset[Claim]] = frozenset({Claim.DSIC, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT})

    def __post_init__(self) -> None:
        check_kinds(self)
        if isinstance(self.priors, list):
            object.__setattr__(self, "priors", tuple(self.priors))
        if isinstance(self.priors, tuple) and not self.priors:
            raise InputError("Myerson(priors=()): wanted one prior for all bidders, or one for each")
        _ = self.virtuals  # refuses what is not regular now, not at the first auction

    @cached_property
    def virtuals(self) -> tuple[Virtual, ...]:
        """The virtual value function of each bidder; a single one is for all."""
        return tuple(_virtual(p) for p in (self.priors if isinstance(self.priors, tuple) else (self.priors,)))

    @property
    def claims(self) -> frozenset[Claim]:
        """Truthful, rational and without deficit; with one regular prior also what the second-price auction promises."""
        return self.kept | ALIKE if self._second_price else self.kept

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """A good that stays unsold below the reserve price."""
        return self._second_price.refuted if self._second_price else ()

    @property
    def domain(self) -> SingleGood:
        """One good; as many bidders as there are priors."""
        return SingleGood(sizes=(len(self.priors),)) if isinstance(self.priors, tuple) else SingleGood()

    @property
    def reserves(self) -> tuple[float, ...]:
        """The lowest bid at which each bidder is served if it is alone, currency."""
        return tuple(getattr(virtual, "reserve") for virtual in self.virtuals)  # noqa: B009  # optional in the protocol

    @cached_property
    def _second_price(self) -> SecondPriceReserve | None:
        first = self.virtuals[0]
        alone = not isinstance(self.priors, tuple) and isinstance(first, Regular)
        return SecondPriceReserve(first.reserve) if alone and isinstance(first, Regular) else None

    @property
    def rule(self) -> ClearingRule | None:
        """Compiled, where it is a second-price auction with a reserve."""
        return self._second_price.rule if self._second_price else None

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the highest virtual value, if it is not negative, at the winner's critical value."""
        if self._second_price:
            return self._second_price.clear(bids)
        n = bids.value.shape[-1]
        if isinstance(self.priors, tuple) and len(self.priors) != n:
            raise InputError(f"Myerson has {len(self.priors)} priors for {n} bidders: wanted one each, or one for all")
        virtuals = self.virtuals if isinstance(self.priors, tuple) else self.virtuals * n
        bids = bids.at_least(0.0)
        flat = (math.prod(bids.value.shape[:-1]), n)
        wins, price = highest_virtual(virtuals, bids.value.reshape(flat), bids.active.reshape(flat))
        payments = np.where(wins, np.nan_to_num(price)[:, None], 0.0)
        shape = bids.value.shape
        return Clearing(wins.reshape(shape), payments.reshape(shape), price.reshape(shape[:-1]))


def highest_virtual(
    virtuals: tuple[Virtual, ...], value: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Who wins, bool [B, n], and the critical value, float64 [B] (NaN: not sold). value, active: [B, n]."""
    score = np.full(value.shape, -np.inf)
    for i, virtual in enumerate(virtuals):
        score[:, i] = np.where(active[:, i], virtual.virtual(value[:, i]), -np.inf)
    wins, _, _, sold = single_winner(score, score >= 0.0)
    price = np.full(len(value), np.nan)
    if value.shape[1] == 0:
        return wins, price
    others = np.where(wins, -np.inf, score)
    rival = others.max(axis=1)
    strict = (rival >= 0.0) & (others.argmax(axis=1) < wins.argmax(axis=1))  # the rival would win a tie
    for i, virtual in enumerate(virtuals):
        rows = wins[:, i]
        if rows.any():
            bid = value[rows, i]
            lowest = virtual.critical(np.maximum(rival[rows], 0.0), strict[rows], bid)
            price[rows] = np.minimum(lowest, bid) + 0.0
    return wins, np.where(sold, price, np.nan)


def _virtual(prior: Any) -> Virtual:
    if hasattr(prior, "virtual"):
        return prior
    return Ironed(prior) if isinstance(prior, Discrete) else Regular(prior)
