"""Dutch (descending) clock: the price falls until somebody stops it, who gets the good at that price.

Nothing is learnt before the clock stops, at which moment it is too late: a bidder chooses one number, as in the first-price
sealed-bid auction, and the two are strategically equivalent (Vickrey 1961; Krishna 2010, section 1.4). A clock with a
decrement shows only the multiples of it: a bidder stops it at the first tick that is not above its number, so that the outcome
is the first-price auction's within one tick, and the first of several who stop it at the same tick wins.

As a session: an order is "I stop the clock at this price"; who gives none lets it run. A step runs the clock to the highest
stop. `Dutch()` is the sealed-bid mechanism in which proxies stop the clock at the reported value.
"""

from dataclasses import dataclass, field

import numpy as np

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import SHOWN, Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains import SingleGood
from marketic.errors import InputError
from marketic.mechanism import single_winner
from marketic.mechanisms.first_price import FirstPrice
from marketic.numbers import check_kinds
from marketic.session import Direct, check_orders


@dataclass(frozen=True)
class DutchState:
    """price: float64 [...], what the clock shows, currency (infinite before it starts). closed: bool [...]."""

    price: np.ndarray
    closed: np.ndarray


@dataclass(frozen=True)
class DutchClock:
    """A descending clock auction of one good, from above all bids down to `floor`.

    increment: currency per tick, > 0; None: continuous. floor: the lowest price, currency, >= 0.
    """

    increment: float | None = None
    floor: float = 0.0
    domain: SingleGood = field(default_factory=SingleGood)

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.increment is not None and not 0.0 < self.increment <= LARGEST_BID:
            raise InputError(f"DutchClock(increment={self.increment}): wanted a finite amount > 0, e.g. 0.25, or None")
        if not 0.0 <= self.floor <= LARGEST_BID:
            raise InputError(f"DutchClock(floor={self.floor}): wanted a finite amount >= 0, e.g. floor=0")

    @property
    def claims(self) -> frozenset[Claim]:
        """Those of the first-price auction; with a floor or an increment, what is left of them."""
        if self.increment is None and self.floor == 0.0:
            return FirstPrice.claims
        kept = {Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.REVENUE_MONOTONE}
        kept |= {Claim.ANONYMOUS} if self.increment is None else set()
        return frozenset(kept | ({Claim.EFFICIENT, Claim.CORE} if self.floor == 0.0 else set()))

    @property
    def terms(self) -> dict[Claim, Terms]:
        """The first-price auction's equilibrium; with an increment, what holds up to one increment."""
        if self.increment is None:
            return FirstPrice.terms if self.floor == 0.0 else {}
        return {
            claim: Terms(tolerance=self.increment) for claim in (Claim.EFFICIENT, Claim.CORE) if claim in self.claims
        }

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Waiting pays, as in the first-price auction; far enough apart for any increment."""
        unit = self.floor + (self.increment or 1.0)
        waiting = Refutation(Claim.DSIC, Bids([9 * unit, unit]), Bids([3 * unit, unit]), source="Vickrey 1961")
        unserved = Refutation(Claim.EFFICIENT, Bids([self.floor / 2]), source="the floor is a reserve price")
        return tuple([waiting] * (SHOWN < unit <= LARGEST_BID / 9) + [unserved] * (self.floor > SHOWN))

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> DutchState:
        """The clock above all bids."""
        return DutchState(np.full(batch, np.inf), np.zeros(batch, dtype=bool))

    def quote(self, state: DutchState) -> np.ndarray:
        """The price on the clock, float64 [...]."""
        return state.price

    def is_open(self, state: DutchState) -> np.ndarray:
        """Whether the clock runs, bool [...]."""
        return ~state.closed

    def proxy(self, bids: Bids, state: DutchState, quote: np.ndarray) -> Bids:
        """Stops the clock at the report."""
        return bids

    def step(
        self, state: DutchState, orders: Bids, *, rng: np.random.Generator | None = None
    ) -> tuple[DutchState, Clearing]:
        """Run the clock down to the highest stop, or to the floor, where it closes unsold."""
        check_orders(
            "a Dutch clock", orders, Bids, (*state.closed.shape, *np.shape(getattr(orders, "active", ()))[-1:])
        )
        running = orders.active & ~state.closed[..., None]
        _, top, _, _ = single_winner(orders.value, running & (orders.value >= self.floor))
        stop = np.where(np.isfinite(top), top, self.floor)
        if self.increment is not None:
            stop = self.floor + self.increment * np.floor((stop - self.floor) / self.increment)
            stop = np.minimum(stop, np.where(np.isfinite(top), top, stop))  # rounding must not lift it above the bid
        stopping = running & (orders.value >= np.maximum(stop, self.floor)[..., None])
        wins = stopping & (np.cumsum(stopping, axis=-1) == 1)
        now = DutchState(np.where(state.closed, state.price, stop), np.ones_like(state.closed))
        prices = np.where(wins.any(axis=-1), stop, np.nan)
        return now, Clearing(wins, np.where(wins, stop[..., None], 0.0), prices)


def Dutch(increment: float | None = None, floor: float = 0.0) -> Direct:
    """The Dutch auction as a sealed-bid mechanism: proxies stop the clock at the reported value."""
    return Direct(DutchClock(increment, floor))
