"""Combinatorial clock auction (Porter et al. 2003; Ausubel, Cramton and Milgrom 2006): a clock, more bids, core payments.

Clock phase: the auctioneer names a price per good, every bidder the bundle that it wants at these prices, and prices of
goods that more than one bidder wants rise. Supplementary round: bidders name what they like. All bids, those of the clock at
the clock's prices too, go into one core-selecting package auction.

So that nobody hides, reports must be consistent with one valuation (revealed preference):
    clock           whoever wanted x at p and now wants y at q must satisfy (q - p) . (y - x) <= 0, for every earlier round;
                    a demand that does not counts as nothing;
    supplementary   a bid on S is cut to the bid on what was wanted last, x at p, plus p . (S - x).

Truthful proxies meet both, so with them the auction has the outcome of the core-selecting auction of all values. No claim of
truth: see `core_selecting`.

Spectrum auctions count *eligibility points* instead (Milgrom 2000; Ausubel and Baranov 2014): each good has some, a bidder
starts with those of all goods, and may want no more than it has. Who uses less than the required part of its points loses
what it does not need. Points are easy to check, but they can forbid the truth: who moves from a small bundle that became
dear to a large one has lost the points for it. So the hybrid rule lets a bidder go beyond its points where revealed
preference permits it.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from marketic.bundle_bids import BundleBids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.bundles import Bundles
from marketic.errors import InputError
from marketic.mechanism import check_held
from marketic.mechanisms.core_selecting import CoreSelecting
from marketic.numbers import MOST_ENTRIES, check_kinds, check_list, check_numbers, check_wholes
from marketic.session import check_orders

CLOCK, SUPPLEMENTARY, CLOSED = 0, 1, 2
ROUNDING = 1e-9


@dataclass(frozen=True)
class ClockState:
    """Where a batch of clock auctions stands.

    phase:    int8 [...], 0 clock, 1 supplementary round, 2 closed. prices: float64 [..., m], currency.
    history:  float64 [..., R, m], the prices of the R rounds so far; asked: bool [..., R], whether the clock ran then.
    demand:   bool [..., n, R, m], what each bidder wanted in them. refused: bool [..., n], whether the activity rule ever
              turned a demand away. eligibility: float64 [..., n], points that each bidder has left.
    """

    phase: np.ndarray
    prices: np.ndarray
    history: np.ndarray
    asked: np.ndarray
    demand: np.ndarray
    refused: np.ndarray
    eligibility: np.ndarray


@dataclass(frozen=True)
class CombinatorialClock:
    """A session for `goods` goods. Orders are BundleBids: in the clock phase the first bid's bundle is the demand.

    goods: m. start: first prices, currency. increment: the least, currency. rate: increments relative to the price.
    rounds: after so many rounds the clock stops anyway. payment: the rule for the final bids.
    points: eligibility points of each good, > 0; None: demands are held to revealed preference only.
    requirement: the part of its points, above 0 and up to 1, that a bidder must use to keep them all.
    revealed_preference: False: points alone decide; then truth may be turned away, and proxies need not reach the optimum.
    """

    goods: int = 3
    start: float = 0.0
    increment: float = 0.05
    rate: float = 0.25
    rounds: int = 200
    payment: CoreSelecting = field(default_factory=CoreSelecting)
    points: tuple[float, ...] | None = None
    requirement: float = 1.0
    revealed_preference: bool = True

    def __post_init__(self) -> None:
        check_kinds(self)
        check_wholes(self, MOST_ENTRIES, goods=1, rounds=1)
        check_numbers(self, "start", "rate", least=0.0)
        check_numbers(self, "increment", above=0.0)
        check_held("CombinatorialClock", self.payment, lambda domain: isinstance(domain, Bundles), "packages (Bundles)")
        self._check_activity()

    def _check_activity(self) -> None:
        if not 0.0 < self.requirement <= 1.0:
            raise InputError(f"CombinatorialClock(requirement={self.requirement}): wanted above 0 and up to 1")
        if self.points is None and not self.revealed_preference:
            raise InputError("CombinatorialClock(revealed_preference=False): wanted points, e.g. (1.0, 1.0, 1.0)")
        if self.points is not None:
            given = check_list(self, "points")
            if given.shape != (self.goods,) or not ((given > 0.0) & (given < np.inf)).all():
                raise InputError(f"CombinatorialClock(points={self.points}): wanted {self.goods} finite numbers > 0")

    @property
    def claims(self) -> frozenset[Claim]:
        """EFFICIENT and CORE unless points alone decide."""
        always = frozenset({Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT})
        return always | {Claim.EFFICIENT, Claim.CORE} if self.revealed_preference else always

    @property
    def domain(self) -> Bundles:
        """XOR bids for its goods."""
        return Bundles(goods=self.goods, share=0.003)

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Two local bidders against a global one, as in every core-selecting auction; goods beyond the second are idle."""
        if self.goods < 2:
            return ()
        alone = np.eye(2, self.goods, dtype=bool)
        bundle = np.stack([alone[0], alone[1], alone[0] | alone[1]])[:, None]
        truth, other = (np.array([[first], [8.0], [10.0]]) for first in (8.0, 4.0))
        source = "Day and Milgrom 2008"
        return (Refutation(Claim.DSIC, BundleBids(truth, bundle), BundleBids(other, bundle), source=source),)

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> ClockState:
        """The first prices, and no round played."""
        return ClockState(
            phase=np.full(batch, CLOCK, dtype=np.int8),
            prices=np.full((*batch, self.goods), float(self.start)),
            history=np.zeros((*batch, 0, self.goods)),
            asked=np.zeros((*batch, 0), dtype=bool),
            demand=np.zeros((*batch, bidders, 0, self.goods), dtype=bool),
            refused=np.zeros((*batch, bidders), dtype=bool),
            eligibility=np.full((*batch, bidders), self._worth_in_points(np.ones(self.goods, dtype=bool))),
        )

    def quote(self, state: ClockState) -> np.ndarray:
        """Prices of the goods, float64 [..., m]."""
        return state.prices

    def is_open(self, state: ClockState) -> np.ndarray:
        """True until the supplementary bids have been cleared."""
        return np.asarray(state.phase != CLOSED)

    def step_clock(self, state: ClockState, orders: BundleBids) -> ClockState:
        """One round of the clock, for those of the batch where it still runs."""
        runs = state.phase == CLOCK
        wanted = (orders.bundle & orders.live[..., None])[..., :1, :].any(axis=-2) & runs[..., None, None]
        bad = self.turned_away(state, wanted)
        wanted &= ~bad[..., None]
        left = np.minimum(state.eligibility, self._worth_in_points(wanted) / self.requirement)
        over = wanted.sum(axis=-2) > 1
        history = np.concatenate([state.history, state.prices[..., None, :]], axis=-2)
        goes_on = runs & over.any(axis=-1) & (history.shape[-2] < self.rounds)
        raised = state.prices + np.maximum(self.increment, self.rate * state.prices)
        return ClockState(
            phase=np.where(runs & ~goes_on, SUPPLEMENTARY, state.phase).astype(np.int8),
            prices=np.where(over & goes_on[..., None], raised, state.prices),
            history=history,
            asked=np.concatenate([state.asked, runs[..., None]], axis=-1),
            demand=np.concatenate([state.demand, wanted[..., None, :]], axis=-2),
            refused=state.refused | bad,
            eligibility=np.where(runs[..., None], left, state.eligibility),
        )

    def turned_away(self, state: ClockState, wanted: np.ndarray) -> np.ndarray:
        """Whether the activity rule forbids a demand bool [..., n, m] at today's prices, bool [..., n]."""
        if self.points is None:
            return self.inconsistent(state, wanted)
        beyond = self._worth_in_points(wanted) > state.eligibility * (1.0 + ROUNDING)
        return beyond & self.inconsistent(state, wanted) if self.revealed_preference else beyond

    def _worth_in_points(self, bundle: np.ndarray) -> np.ndarray:
        points = np.ones(self.goods) if self.points is None else np.asarray(self.points, dtype=float)
        return np.asarray(bundle @ points)

    def inconsistent(self, state: ClockState, wanted: np.ndarray) -> np.ndarray:
        """Whether a demand bool [..., n, m] at today's prices breaks revealed preference with an earlier one, bool [..., n]."""
        dearer = (state.prices[..., None, :] - state.history)[..., None, :, :]
        more = wanted[..., None, :].astype(float) - state.demand
        slack = ROUNDING * (1.0 + state.prices.max(axis=-1))[..., None, None]
        return np.asarray((((dearer * more).sum(axis=-1) > slack) & state.asked[..., None, :]).any(axis=-1))

    def step(
        self, state: ClockState, orders: BundleBids, *, rng: np.random.Generator | None = None
    ) -> tuple[ClockState, Clearing]:
        """A round of the clock where it runs; elsewhere the orders are the supplementary bids, which are cleared."""
        check_orders("a combinatorial clock", orders, BundleBids, state.refused.shape)
        if orders.goods != self.goods:
            raise InputError(f"orders for {orders.goods} goods: wanted {self.goods}")
        if not orders.exclusive:
            raise InputError("the combinatorial clock takes XOR bids: wanted BundleBids(..., exclusive=True)")
        last = state.phase == SUPPLEMENTARY
        if last.any():
            final = self.final_bids(state, orders)
            cleared = self.payment.clear(replace(final, active=final.active & last[..., None]), rng=rng)
        else:
            nothing = np.zeros((*state.refused.shape, self.goods), dtype=bool)
            cleared = Clearing(nothing, np.zeros(state.refused.shape), np.full(state.prices.shape, np.nan))
        after = self.step_clock(state, orders) if (state.phase == CLOCK).any() else state
        return replace(after, phase=np.where(last, CLOSED, after.phase).astype(np.int8)), cleared

    def final_bids(self, state: ClockState, orders: BundleBids) -> BundleBids:
        """Supplementary bids, cut to what the last demand permits, and the bids of the clock, [..., n, k + R]."""
        clock = np.where(state.asked[..., None, :], _costs(state.demand, state.history[..., None, :, :]), 0.0)
        wanted, prices = _last(state)
        base = _costs(wanted, prices[..., None, :])
        same = (orders.bundle == wanted[..., None, :]).all(axis=-1) & orders.offered
        anchor = np.maximum(base, np.where(same, orders.value, 0.0).max(axis=-1, initial=0.0))
        limit = anchor[..., None] + (_costs(orders.bundle, prices[..., None, None, :]) - base[..., None])
        cut = np.minimum(orders.value, np.where(same, orders.value, np.maximum(limit * (1.0 + ROUNDING), 0.0)))
        offered = np.concatenate([orders.offered, state.demand.any(axis=-1)], axis=-1)
        return BundleBids(
            np.concatenate([cut, clock], axis=-1),
            np.concatenate([orders.bundle, state.demand], axis=-2),
            orders.active,
            offered,
        )

    def proxy(self, bids: BundleBids, state: ClockState, quote: np.ndarray) -> BundleBids:
        """What truthful bidders with values `bids` do: want what is best at the prices, then bid all their values."""
        surplus = np.where(bids.offered, bids.value - _costs(bids.bundle, quote[..., None, None, :]), -np.inf)
        chosen = surplus.argmax(axis=-1) if surplus.shape[-1] else np.zeros(surplus.shape[:-1], dtype=int)
        first = np.arange(surplus.shape[-1]) == chosen[..., None]
        wants = (first & (surplus > 0.0)).any(axis=-1, keepdims=True)
        order = np.argsort(~first, axis=-1, kind="stable")  # the demand comes first
        value = np.take_along_axis(bids.value, order, axis=-1)
        bundle = np.take_along_axis(bids.bundle, order[..., None], axis=-2)
        offered = np.take_along_axis(bids.offered, order, axis=-1)
        clock = (state.phase == CLOCK)[..., None, None]
        return BundleBids(value, bundle, bids.active, np.where(clock, offered & wants, offered))


def _costs(bundle: np.ndarray, prices: np.ndarray) -> np.ndarray:
    return np.asarray((bundle * prices).sum(axis=-1))


def _last(state: ClockState) -> tuple[np.ndarray, np.ndarray]:
    """What each bidder wanted when the clock last ran, bool [..., n, m], and at which prices, float64 [..., m]."""
    rounds = state.asked.shape[-1]
    if not rounds:
        return np.zeros((*state.refused.shape, state.prices.shape[-1]), dtype=bool), np.zeros_like(state.prices)
    at: Any = np.where(state.asked, np.arange(rounds), 0).max(axis=-1)
    demand = np.take_along_axis(state.demand, at[..., None, None, None], axis=-2)[..., 0, :]
    return demand, np.take_along_axis(state.history, at[..., None, None], axis=-2)[..., 0, :]


@dataclass(frozen=True)
class ClockByProxy:
    """The clock as a sealed-bid mechanism: report all values once, and a truthful proxy plays for you."""

    clock: CombinatorialClock = field(default_factory=CombinatorialClock)

    @property
    def claims(self) -> frozenset[Claim]:
        """Those of the clock."""
        return self.clock.claims

    @property
    def domain(self) -> Bundles:
        """That of the clock."""
        return self.clock.domain

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Those of the clock."""
        return self.clock.refuted

    def clear(self, bids: BundleBids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Play until every auction of the batch is closed, and add up what each step gave."""
        bids = bids.at_least(0.0)
        *batch, n = bids.active.shape
        state = self.clock.open(n, tuple(batch))
        allocation, payments = np.zeros((*bids.active.shape, self.clock.goods), dtype=bool), np.zeros(bids.active.shape)
        while self.clock.is_open(state).any():
            orders = self.clock.proxy(bids, state, self.clock.quote(state))
            state, cleared = self.clock.step(state, orders, rng=rng)
            allocation, payments = allocation | cleared.allocation, payments + cleared.payments
        return Clearing(allocation, payments, np.full(state.prices.shape, np.nan))
