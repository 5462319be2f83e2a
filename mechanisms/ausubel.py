"""Ausubel's clinching clock: an ascending auction of several units, as efficient and truthful as Vickrey's (Ausubel 2004).

The price rises from 0. Each bidder wants fewer units the dearer they get, and may never ask for more again. As soon as the
others' demand leaves units over, sum over j != i of d_j < units, bidder i has *clinched* units - sum d_j of them, and pays for
each the price at which it was clinched. The clock stops when demand equals supply.

Bidders reveal less than in a sealed bid: the winners never say how high they would have gone. If marginal values never
increase and each bidder leaves unit by unit as the price passes its marginal values, then payments are those of
`VickreyUnits`, to the bit.

This clock is continuous: each bidder names the price at which it will give up its next unit, and the clock runs on to the
lowest of them. Of several bidders who give up at the same price the highest-numbered one goes first, one unit at a time.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.demand_bids import DemandBids, check_units, demand
from marketic.domains.units import Units
from marketic.mechanisms.vickrey_units import FALLING, VickreyUnits, collusion
from marketic.numbers import check_kinds
from marketic.session import check_orders


@dataclass(frozen=True)
class ClinchingState:
    """Where the clock stands. All arrays may have leading batch axes.

    price:    float64 [...], currency: what the next unit to be clinched costs.
    demand:   int64 [..., n], units: how many each bidder still wants.
    clinched: int64 [..., n], units: how many each bidder is sure of.
    running:  bool [...]: the price may rise (before that, units that are not wanted at 0 are struck out).
    closed:   bool [...]: demand is no more than supply.
    """

    price: np.ndarray
    demand: np.ndarray
    clinched: np.ndarray
    running: np.ndarray
    closed: np.ndarray


@dataclass(frozen=True)
class ClinchingClock:
    """The session. An order is a scalar bid: the price at which this bidder gives up the last unit it still wants.

    units: for sale, >= 1. Bidders without an active order give up everything. A price that has passed counts as "now".
    """

    units: int = 2
    claims: ClassVar[frozenset[Claim]] = VickreyUnits.claims
    terms: ClassVar[dict[Claim, Terms]] = dict.fromkeys(claims, FALLING)

    def __post_init__(self) -> None:
        check_kinds(self)
        check_units("ClinchingClock", self.units)

    @property
    def domain(self) -> Units:
        """Marginal values that never increase."""
        return Units.of(self.units)

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """As of the Vickrey auction."""
        return collusion(self.units)

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> ClinchingState:
        """Price 0; everybody may want every unit."""
        wanted = np.full((*batch, bidders), self.units, dtype=np.int64)
        no = np.zeros(batch, dtype=bool)
        return ClinchingState(np.zeros(batch), wanted, np.zeros_like(wanted), no, no)

    def quote(self, state: ClinchingState) -> np.ndarray:
        """The price on the clock, float64 [...]."""
        return state.price

    def is_open(self, state: ClinchingState) -> np.ndarray:
        """True while more is wanted than there is, bool [...]."""
        return np.asarray(~state.closed)

    def proxy(self, bids: DemandBids, state: ClinchingState, quote: np.ndarray) -> Bids:
        """What bidders do who follow their demand vectors: give up each unit at its marginal value."""
        sound = demand(bids, self.units)
        value = np.where(sound.active[..., None], sound.value, 0.0)
        most = value.shape[-1]
        value = np.concatenate([value, np.zeros((*value.shape[:-1], 1))], axis=-1)  # all other units are worth nothing
        last = np.take_along_axis(value, np.clip(state.demand - 1, 0, most)[..., None], axis=-1)[..., 0]
        return Bids(last, sound.active)

    def step(
        self, state: ClinchingState, orders: Bids, *, rng: np.random.Generator | None = None
    ) -> tuple[ClinchingState, Clearing]:
        """Run the clock to the next unit that is given up. Returns what was clinched at that price.

        Raises InputError if the orders are not one number per bidder.
        """
        check_orders("a clinching clock", orders, Bids, state.demand.shape)
        until = np.where(orders.active, np.maximum(orders.value, 0.0), 0.0)
        wants = state.demand > state.clinched
        struck = ~state.running[..., None] & ~state.closed[..., None] & wants & (until <= 0.0)
        opening = struck.any(axis=-1)
        demand_now = state.demand - struck
        # the step in between, in which nobody leaves, hands out what is clinched at 0
        ready = state.running & ~state.closed
        leaver, lowest = _first_to_leave(np.where(wants, until, np.inf))
        price = np.where(ready, np.maximum(state.price, lowest), state.price)
        demand_now = demand_now - (leaver & ready[..., None])
        left = self.units - (demand_now.sum(axis=-1, keepdims=True) - demand_now)
        sure = np.minimum(np.maximum(left, state.clinched), demand_now)
        clinched = np.where(opening[..., None] | state.closed[..., None], state.clinched, sure)
        closed = state.closed | (~opening & (demand_now.sum(axis=-1) <= self.units))
        new = clinched - state.clinched
        after = ClinchingState(price, demand_now, clinched, state.running | ~opening, closed)
        stopped = closed & clinched.any(axis=-1)
        payments = new * price[..., None] + 0.0
        return after, Clearing(new.astype(np.float64), payments, np.where(stopped, price, np.nan))


def _first_to_leave(until: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last bidder with the lowest price, bool [..., n], and that price [...] (inf: nobody)."""
    n = until.shape[-1]
    if n == 0:
        return np.zeros(until.shape, dtype=bool), np.full(until.shape[:-1], np.inf)
    who = n - 1 - until[..., ::-1].argmin(axis=-1)
    return np.arange(n) == who[..., None], until.min(axis=-1)


@dataclass(frozen=True)
class Ausubel:
    """The clinching clock played by truthful proxies: report a demand vector once. `bids.value` [..., n, k].

    allocation: units [..., n]. payments: [..., n], currency. prices: where the clock stopped, [...].
    """

    units: int = 2
    claims: ClassVar[frozenset[Claim]] = ClinchingClock.claims
    terms: ClassVar[dict[Claim, Terms]] = ClinchingClock.terms

    def __post_init__(self) -> None:
        check_kinds(self)
        check_units("Ausubel", self.units)

    @property
    def domain(self) -> Units:
        """Marginal values that never increase."""
        return Units.of(self.units, share=0.05)

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """As of the Vickrey auction."""
        return collusion(self.units)

    def clear(self, bids: DemandBids | Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Run the clock until it stops. It starts with what is wanted: the rest would be struck out first, unit by unit."""
        clock, sound = ClinchingClock(self.units), demand(bids, self.units)
        state = clock.open(sound.active.shape[-1], sound.active.shape[:-1])
        state = replace(state, demand=((sound.value > 0.0) & sound.active[..., None]).sum(axis=-1))
        payments, prices = np.zeros(sound.active.shape), np.full(sound.active.shape[:-1], np.nan)
        while clock.is_open(state).any():
            state, cleared = clock.step(state, clock.proxy(sound, state, clock.quote(state)))
            payments = payments + cleared.payments
            prices = np.where(np.isnan(prices), cleared.prices, prices)
        return Clearing(state.clinched.astype(np.float64), payments, prices)
