"""Posted prices: take it or leave it, in an order that the bids cannot change.

Each bidder in turn is offered the good at its price and takes it if its report is at least that. A bidder decides nothing but
"yes" or "no", so truth is a dominant strategy, and obviously so. Not "the highest bid above the price wins": then
bidders would overbid for the place in the queue. The order is therefore fixed before the bids: the order of the bidders, a
given one, or a shuffled one.

Prophet inequality (Samuel-Cahn 1984; Kleinberg and Weinberg 2012): with independent values, a posted price of half the
expected maximum collects at least half of it, in welfare, in whatever order the bidders come. Half is the best possible:
with values 1 and 1/e (with chance e, else 0) no price collects more than 1, and the expected maximum is 2 - e.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numba import njit

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import Claim, Holds, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains import SingleGood
from marketic.errors import InputError
from marketic.mechanism import ClearingRule
from marketic.mechanisms.priors import Prior
from marketic.numbers import check_kinds, check_list
from marketic.screening import keep

TRUTHFUL = frozenset({Claim.DSIC, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT})


@dataclass(frozen=True)
class PostedPrice:
    """One price for all; the first who accepts it gets the good.

    price: currency, >= 0. shuffled: the order is drawn by `rng` (without `rng` the answer is the lottery: all who accept have
    the same chance); otherwise it is the order of the bidders.
    """

    price: float = 0.5
    shuffled: bool = False

    def __post_init__(self) -> None:
        check_kinds(self)
        _check((self.price,), f"PostedPrice(price={self.price!r})")

    @property
    def claims(self) -> frozenset[Claim]:
        """A queue of names is not anonymous; in a shuffled one a second name is a second chance."""
        fair = {Claim.ANONYMOUS} if self.shuffled else {Claim.FALSE_NAME_PROOF}
        return TRUTHFUL | {Claim.REVENUE_MONOTONE} | fair

    @property
    def terms(self) -> dict[Claim, Terms]:
        """The last name in the queue is of no use; one further ahead would be."""
        domain = "the second name comes last; the places in the queue cannot be bought"
        return {} if self.shuffled else {Claim.FALSE_NAME_PROOF: Terms(domain=domain)}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """It sells to anybody who accepts, and not at all if nobody does."""
        step = max(1.0, self.price / 16)  # more than rounding, at any price
        one, two, three = (self.price + times * step for times in (1, 2, 3))
        if three > LARGEST_BID:
            return ()
        known = [Refutation(Claim.EFFICIENT, Bids([one, two]), source="the first comer wins")]
        if self.shuffled:
            known.append(Refutation(Claim.FALSE_NAME_PROOF, Bids([one, one]), Bids([one, one, one]), (0, 2)))
        elif self.price > 0.0:
            known.append(Refutation(Claim.PAIR_PROOF, Bids([one, three]), Bids([0.0, three]), (0, 1)))
        return tuple(known)

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Offer the good down the queue."""
        yes = bids.active & (bids.value >= self.price)
        if self.shuffled and rng is None:
            return _lottery(yes, np.broadcast_to(float(self.price), yes.shape))
        place = rng.random(yes.shape) if self.shuffled and rng is not None else np.arange(yes.shape[-1])
        return _first(yes, np.broadcast_to(float(self.price), yes.shape), np.broadcast_to(place, yes.shape))

    @cached_property
    def rule(self) -> ClearingRule | None:
        """Compiled, where the order is fixed."""
        return None if self.shuffled else ClearingRule(posted_price_rule, parameters=np.array([float(self.price)]))


@dataclass(frozen=True)
class SequentialPostedPrices:
    """A price for each bidder, offered in a fixed order; the first who accepts gets the good.

    prices: currency, >= 0, one for each bidder; the last one is for all who come after it as well.
    order: the numbers of the bidders, first comer first; None: 0, 1, 2 ...
    shuffled: the order is drawn by `rng` instead (without `rng`: the lottery).
    """

    prices: tuple[float, ...] = (0.75, 0.5)
    order: tuple[int, ...] | None = None
    shuffled: bool = False

    def __post_init__(self) -> None:
        check_kinds(self)
        check_list(self, "prices")
        _check(self.prices, f"SequentialPostedPrices(prices={self.prices})")
        if self.order is None:
            return
        order = check_list(self, "order")
        if self.shuffled or sorted(order.tolist()) != list(range(len(self.prices))):
            raise InputError(
                f"SequentialPostedPrices(order={self.order}, shuffled={self.shuffled}): wanted each of 0 .. "
                f"{len(self.prices) - 1} once and shuffled=False, or order=None"
            )
        keep(self, "order", tuple(map(int, order)))

    @property
    def claims(self) -> frozenset[Claim]:
        """Where prices never rise down the queue, whoever comes as well pays no less than who would have bought instead."""
        queue = [self.prices[i] for i in self.order or range(len(self.prices))]
        falling = not self.shuffled and all(later <= price for price, later in pairwise(queue))
        return TRUTHFUL | {Claim.REVENUE_MONOTONE} if falling else TRUTHFUL

    @property
    def domain(self) -> SingleGood:
        """One good; an order is one of as many bidders as there are prices."""
        return SingleGood() if self.order is None else SingleGood(sizes=(len(self.prices),))

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Exact in every order that may be drawn, and so in expectation."""
        return {Claim.DSIC: Terms(Holds.EXPECTED)} if self.shuffled else {}

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Offer the good down the queue. Raises InputError for another number of bidders than the order names."""
        n = bids.value.shape[-1]
        if self.order is not None and n != len(self.order):
            raise InputError(f"SequentialPostedPrices(order={self.order}) got {n} bidders: wanted {len(self.order)}")
        prices = np.array([self.prices[min(i, len(self.prices) - 1)] for i in range(n)])
        yes = bids.active & (bids.value >= prices)
        if self.shuffled and rng is None:
            return _lottery(yes, np.broadcast_to(prices, yes.shape))
        place: np.ndarray = np.argsort(np.arange(n) if self.order is None else np.array(self.order, dtype=int))
        if self.shuffled and rng is not None:
            place = rng.random(yes.shape)
        return _first(yes, np.broadcast_to(prices, yes.shape), np.broadcast_to(place, yes.shape))


def prophet_price(priors: Sequence[Prior]) -> float:
    """Half the expected maximum of independent values >= 0 with these priors (`scipy.stats`), currency, by quadrature."""
    from scipy.integrate import quad

    def above(x: float) -> float:
        return 1.0 - float(np.prod([prior.cdf(x) for prior in priors]))

    top = max(float(prior.support()[1]) for prior in priors)
    ends = sorted({float(end) for prior in priors for end in prior.support() if 0.0 < end < top})
    cuts = [0.0, *ends, top]
    return sum(quad(above, low, high)[0] for low, high in pairwise(cuts)) / 2


def _check(prices: tuple[float, ...], name: str) -> None:
    if not prices or not all(0.0 <= price <= LARGEST_BID for price in prices):
        raise InputError(f"{name}: wanted finite amounts >= 0, e.g. 0.5")


def _first(yes: np.ndarray, price: np.ndarray, place: np.ndarray) -> Clearing:
    if yes.shape[-1] == 0:
        return Clearing(yes.copy(), np.zeros(yes.shape), np.full(yes.shape[:-1], np.nan))
    queue = np.where(yes, place, np.inf)
    wins = (np.arange(yes.shape[-1]) == queue.argmin(axis=-1)[..., None]) & yes
    payments = np.where(wins, price, 0.0) + 0.0
    return Clearing(wins, payments, np.where(wins.any(axis=-1), payments.sum(axis=-1), np.nan))


def _lottery(yes: np.ndarray, price: np.ndarray) -> Clearing:
    chance = yes / np.maximum(yes.sum(axis=-1, keepdims=True), 1)
    payments = np.where(yes, price, 0.0) * chance + 0.0
    return Clearing(chance, payments, np.where(yes.any(axis=-1), payments.sum(axis=-1), np.nan))


@njit(cache=True)
def posted_price_rule(value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    """Write the winner [B] and payments [B, n]: the first active bidder with a bid >= `parameters[0]`."""
    for row in range(value.shape[0]):
        winner[row] = -1
        for i in range(value.shape[1]):
            payments[row, i] = 0.0
            if winner[row] < 0 and active[row, i] and value[row, i] >= parameters[0]:
                winner[row] = i
                payments[row, i] = parameters[0] + 0.0  # never -0.0
