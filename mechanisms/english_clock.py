"""English (ascending) clock: the price rises, bidders drop out, and the last one gets the good.

In the *button* auction (Milgrom and Weber 1982) everybody keeps a button pressed; the price rises continuously, and stops
when all but one have let go. Staying until the price reaches one's value is a dominant strategy, and obviously so (Li
2017): the outcome is the second-price auction's. A clock with an increment ticks; who drops out between two ticks is seen at
the upper one, and if all drop out at the same tick the good goes to the first of them at the tick before. Then all
that is true of the button auction is true up to one increment.

As a session: an order is "I stay until this price", and may be changed at every step; a step runs the clock to the next
drop-out. `English()` is the sealed-bid mechanism in which proxies stay until the reported value.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import SHOWN, Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains import SingleGood
from marketic.errors import InputError
from marketic.mechanisms.second_price import SecondPrice
from marketic.numbers import check_kinds
from marketic.session import Direct, check_orders

TICKING = frozenset({Claim.DSIC, Claim.EFFICIENT, Claim.CORE})
"""What holds up to one increment."""


@dataclass(frozen=True)
class EnglishState:
    """price: float64 [...], currency. staying: bool [..., n], who has not dropped out. closed: bool [...]."""

    price: np.ndarray
    staying: np.ndarray
    closed: np.ndarray


@dataclass(frozen=True)
class EnglishClock:
    """An ascending clock auction of one good.

    increment: currency per tick, > 0; None: continuous. start: opening price, currency, >= 0, below which nobody enters.
    """

    increment: float | None = None
    start: float = 0.0
    domain: SingleGood = field(default_factory=SingleGood)
    always: ClassVar[frozenset[Claim]] = frozenset(
        {Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.REVENUE_MONOTONE, Claim.DSIC}
    )

    def __post_init__(self) -> None:
        check_kinds(self)
        _check_increment(self.increment, "EnglishClock")
        if not 0.0 <= self.start <= LARGEST_BID:
            raise InputError(f"EnglishClock(start={self.start}): wanted a finite amount >= 0, e.g. start=0")

    @property
    def claims(self) -> frozenset[Claim]:
        """Those of the second-price auction; with an opening price or an increment, what is left of them."""
        if self.increment is None and self.start == 0.0:
            return SecondPrice.claims
        anonymous = {Claim.ANONYMOUS, Claim.FALSE_NAME_PROOF} if self.increment is None else set()
        return self.always | anonymous | (TICKING if self.start == 0.0 else set())

    @property
    def terms(self) -> dict[Claim, Terms]:
        """With an increment, truth and efficiency hold up to one increment."""
        if self.increment is None:
            return {}
        return {claim: Terms(tolerance=self.increment) for claim in TICKING & self.claims}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """A ring of two, as in the second-price auction; far enough apart for any increment."""
        unit = self.start + (self.increment or 1.0)
        ring = Refutation(
            Claim.PAIR_PROOF, Bids([9 * unit, 6 * unit]), Bids([9 * unit, 0.0]), (0, 1), "Graham and Marshall 1987"
        )
        unserved = Refutation(Claim.EFFICIENT, Bids([self.start / 2]), source="the opening price is a reserve")
        return tuple([ring] * (SHOWN < unit <= LARGEST_BID / 9) + [unserved] * (self.start > SHOWN))

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> EnglishState:
        """The clock at the opening price, everybody in."""
        return EnglishState(
            np.full(batch, float(self.start)), np.ones((*batch, bidders), dtype=bool), np.zeros(batch, dtype=bool)
        )

    def quote(self, state: EnglishState) -> np.ndarray:
        """The price on the clock, float64 [...]."""
        return state.price

    def is_open(self, state: EnglishState) -> np.ndarray:
        """Whether somebody may still drop out, bool [...]."""
        return ~state.closed

    def proxy(self, bids: Bids, state: EnglishState, quote: np.ndarray) -> Bids:
        """A truthful bidder stays until its value."""
        return bids

    def step(
        self, state: EnglishState, orders: Bids, *, rng: np.random.Generator | None = None
    ) -> tuple[EnglishState, Clearing]:
        """Run the clock to the next drop-out. Raises InputError for another number of bidders than at the opening."""
        check_orders("an English clock", orders, Bids, state.staying.shape)
        inside = state.staying & orders.active & (orders.value >= state.price[..., None]) & ~state.closed[..., None]
        price, drops = self._run(state.price, orders.value + 0.0, inside)
        left = inside & ~drops
        nobody = ~left.any(axis=-1)
        left = np.where(nobody[..., None], inside, left)  # all at one tick: the first of them had it at the tick before
        done = nobody | (left.sum(axis=-1) <= 1)
        wins = left & (np.cumsum(left, axis=-1) == 1) & (done & ~state.closed)[..., None]
        now = EnglishState(price, np.where(state.closed[..., None], state.staying, left), done)
        sold = wins.any(axis=-1)
        return now, Clearing(wins, np.where(wins, price[..., None], 0.0), np.where(sold, price, np.nan))

    def _run(self, before: np.ndarray, limit: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The price at the next drop-out and who drops out there; neither changes if fewer than two are inside."""
        alone = inside.sum(axis=-1) <= 1
        lowest = np.where(inside, limit, np.inf).min(axis=-1, initial=np.inf)
        lowest = np.where(alone, before, lowest)
        if self.increment is None:
            # of several who drop out at the same price the last one goes first, so that the first one wins the tie
            tied = inside & (limit == lowest[..., None])
            place = np.arange(limit.shape[-1])
            drops = tied & (place == np.where(tied, place, -1).max(axis=-1, initial=-1)[..., None])
            price = lowest
        else:
            tick = np.maximum(self.start + self.increment * np.floor((lowest - self.start) / self.increment), before)
            above = tick + self.increment
            drops = inside & ((limit < above[..., None]) | (limit == lowest[..., None]))
            price = np.where((inside & ~drops).any(axis=-1), above, tick)
        return np.where(alone, before, price), drops & ~alone[..., None]


def English(increment: float | None = None, start: float = 0.0) -> Direct:
    """The English auction as a sealed-bid mechanism: proxies stay on the clock until the reported value."""
    return Direct(EnglishClock(increment, start))


LEAST_INCREMENT = 1e-100
"""Of a clock: the number of its ticks up to any bid is still a float."""


def _check_increment(increment: float | None, name: str) -> None:
    if increment is not None and not LEAST_INCREMENT <= increment <= LARGEST_BID:
        raise InputError(f"{name}(increment={increment}): wanted a finite amount > 0, e.g. 0.25, or None")
