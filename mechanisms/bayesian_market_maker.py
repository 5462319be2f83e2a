"""Market makers who learn from orders (Glosten and Milgrom 1985; Das 2005; Brahma et al. 2012, "A Bayesian market maker").

Traders come one by one for one unit of an asset worth V. The maker asks what V is worth given that somebody buys, and bids
what it is worth given that somebody sells, so each trade has zero expected profit by its own beliefs; it then believes the
price it traded at. The spread is what it must take from the uninformed to pay the informed, and shrinks as it learns.

Binary: V is 0 or 1; with chance mu a trader knows V, else it buys or sells with chance 1/2 each. A buy multiplies the odds
of V = 1 by (1 + mu) / (1 - mu), a sale divides them by it. At even odds: ask (1 + mu) / 2, bid (1 - mu) / 2.
Gaussian: V ~ N(mean, variance); a trader sees V plus noise, and buys above the ask, sells below the bid. With s^2 =
variance + noise^2 and k = variance / s^2, the ask is mean + s z, where z = k h(z) and h = normal density / upper tail.
After a trade the belief is the normal with the exact mean and variance of the (truncated) posterior. If traders see V
almost exactly, k is almost 1 and the quotes so wide that nobody trades: a market of lemons.

There is no bound on its loss: traders who are not as it believes can lead it anywhere. Price depends on the path.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from marketic.claims import SHOWN, Claim, Refutation
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.numbers import all_amounts, check_kinds
from marketic.screening import LARGEST_BID
from marketic.trade_orders import TradeOrders, of_outcome, orders_for


@dataclass(frozen=True)
class QuoteState:
    """Beliefs and books per market of the batch.

    mean: float64 [...], expected V, currency (binary: ln of the odds of V = 1). variance: float64 [...] (binary: unused, 0).
    inventory, cash: float64 [...], units sold less bought, and currency. holdings: float64 [..., n, 1]; paid: float64 [..., n].
    """

    mean: np.ndarray
    variance: np.ndarray
    inventory: np.ndarray
    cash: np.ndarray
    holdings: np.ndarray
    paid: np.ndarray


class OneUnitMaker(ABC):
    """What both makers do: one unit a trade, at bid or ask, then a new belief. `TradeOrders` [..., n, 1] of +1, 0, -1."""

    claims: ClassVar[frozenset[Claim]] = frozenset({Claim.CONSERVES})
    coherent: ClassVar[bool] = False

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Buying and selling at once costs the spread, where there is one that is more than rounding."""
        bid, ask = self.bid_and_ask(self.open(1))
        if not ask - bid > SHOWN * max(1.0, abs(float(ask))):
            return ()
        there_and_back = (TradeOrders(np.array([[1.0]])), TradeOrders(np.array([[-1.0]])))
        return (
            Refutation(Claim.PATH_INDEPENDENT, there_and_back, source="buying and selling at once costs the spread"),
        )

    @abstractmethod
    def opening_belief(self) -> tuple[float, float]:
        """mean and variance of `QuoteState`."""

    @abstractmethod
    def bid_and_ask(self, state: QuoteState) -> tuple[np.ndarray, np.ndarray]:
        """E[V | a sale] and E[V | a purchase], float64 [...], currency."""

    @abstractmethod
    def learned(self, state: QuoteState, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """mean and variance after a purchase (side +1), a sale (-1) or nothing (0), float64 [...]."""

    @abstractmethod
    def worth(self, outcome: Any) -> np.ndarray:
        """V, float64 [...], currency."""

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> QuoteState:
        """Nothing traded."""
        mean, variance = self.opening_belief()
        empty, holdings = np.zeros(batch), np.zeros((*batch, bidders, 1))
        return QuoteState(np.full(batch, mean), np.full(batch, variance), empty, empty, holdings, holdings[..., 0])

    def quote(self, state: QuoteState) -> np.ndarray:
        """Bid and ask, float64 [..., 2], currency."""
        return np.stack(self.bid_and_ask(state), axis=-1)

    def is_open(self, state: QuoteState) -> np.ndarray:
        """Always: bool [...]."""
        return np.ones(state.mean.shape, dtype=bool)

    def draw_orders(self, rng: np.random.Generator, state: QuoteState) -> TradeOrders:
        """Orders such as a test might use."""
        return TradeOrders(rng.integers(-1, 2, size=state.holdings.shape).astype(float))

    def step(
        self, state: QuoteState, orders: TradeOrders, *, rng: np.random.Generator | None = None
    ) -> tuple[QuoteState, Clearing]:
        """Serve the traders in order of number; the maker learns after each. Other numbers than +1, -1 are passed over."""
        orders_for(orders, state.holdings.shape, TradeOrders)
        bought, payments = np.zeros(state.holdings.shape), np.zeros(state.paid.shape)
        wanted = np.where(orders.active & np.isin(orders.shares[..., 0], (-1.0, 1.0)), orders.shares[..., 0], 0.0)
        for i in range(state.paid.shape[-1]):
            side = wanted[..., i]
            bid, ask = self.bid_and_ask(state)
            paid = np.where(side > 0, ask, np.where(side < 0, -bid, 0.0)) + 0.0
            bought[..., i, 0], payments[..., i] = side, paid
            mean, variance = self.learned(state, side)
            books = (state.inventory + side, state.cash + paid, state.holdings, state.paid)
            state = QuoteState(mean, variance, *books)
        books = (state.inventory, state.cash, state.holdings + bought, state.paid + payments)
        state = QuoteState(state.mean, state.variance, *books)
        return state, Clearing(bought, payments, self.quote(state))

    def settle(self, state: QuoteState, outcome: Any) -> np.ndarray:
        """What each trader's units are worth, float64 [..., n], currency (negative: it owes). outcome: see `worth`."""
        return np.asarray(state.holdings[..., 0] * self.worth(outcome)[..., None])

    def house(self, state: QuoteState, outcome: Any) -> np.ndarray:
        """Cash less what the units sold are worth, float64 [...], currency."""
        return np.asarray(state.cash - state.inventory * self.worth(outcome))


@dataclass(frozen=True)
class GlostenMilgrom(OneUnitMaker):
    """V is 0 or 1. informed: the share mu of traders who know V, from 0 up to, and without, 1. prior: chance of V = 1.

    Its `outcome` is 0 or 1.

    >>> GlostenMilgrom(informed=0.4).quote(GlostenMilgrom(informed=0.4).open(1)).round(12).tolist()
    [0.3, 0.7]
    """

    informed: float = 0.5
    prior: float = 0.5

    def __post_init__(self) -> None:
        check_kinds(self)
        if not (0 <= self.informed < 1 and 0 < self.prior < 1):
            raise InputError(f"{self!r}: wanted 0 <= informed < 1 and 0 < prior < 1")

    def opening_belief(self) -> tuple[float, float]:
        """ln of the odds, and 0."""
        return math.log(self.prior) - math.log1p(-self.prior), 0.0

    def bid_and_ask(self, state: QuoteState) -> tuple[np.ndarray, np.ndarray]:
        """The chance of V = 1 after a sale and after a purchase."""
        return _chance(state.mean - self._evidence), _chance(state.mean + self._evidence)

    def learned(self, state: QuoteState, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bayes' rule on the odds."""
        return np.asarray(state.mean + side * self._evidence), state.variance

    def worth(self, outcome: Any) -> np.ndarray:
        """The outcome."""
        return of_outcome(np.broadcast_to(np.array([0.0, 1.0]), (*np.shape(outcome), 2)), outcome)

    @property
    def _evidence(self) -> float:
        return math.log1p(self.informed) - math.log1p(-self.informed)


@dataclass(frozen=True)
class GaussianMaker(OneUnitMaker):
    """V is normal. mean: currency; deviation, noise: > 0, currency, of V and of what traders see of it.

    Its `outcome` is V itself, any number.
    """

    mean: float = 0.0
    deviation: float = 1.0
    noise: float = 1.0

    def __post_init__(self) -> None:
        check_kinds(self)
        spread = min(self.deviation, self.noise) >= 1.0 / LARGEST_BID and max(self.deviation, self.noise) <= LARGEST_BID
        if not (all_amounts(self.mean) and spread):
            least, most = f"{1 / LARGEST_BID:.3g}", f"{LARGEST_BID:.3g}"
            raise InputError(f"{self!r}: wanted a mean within +-{most}, and deviation and noise from {least} to {most}")

    def opening_belief(self) -> tuple[float, float]:
        """Mean and variance."""
        return self.mean, self.deviation**2

    def bid_and_ask(self, state: QuoteState) -> tuple[np.ndarray, np.ndarray]:
        """mean -+ s z."""
        spread, z = self._half_spread(state.variance)
        return state.mean - spread * z, state.mean + spread * z

    def learned(self, state: QuoteState, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of V given that the trader saw more than the ask, or less than the bid."""
        spread, z = self._half_spread(state.variance)
        share = state.variance / spread**2
        hazard = z / share
        after = state.variance * (1.0 - share * hazard * (hazard - z))
        return state.mean + side * spread * z, np.where(side != 0, after, state.variance)

    def worth(self, outcome: Any) -> np.ndarray:
        """The outcome."""
        return np.asarray(outcome, dtype=float)

    def _half_spread(self, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """s, and the root of z = k h(z): z - k h(z) is concave and increasing, so Newton's method climbs to it from 0."""
        from scipy.special import erfcx

        spread = np.sqrt(variance + self.noise**2)
        share = variance / spread**2
        z = np.zeros(np.shape(variance))
        for _ in range(100):
            hazard = math.sqrt(2.0 / math.pi) / erfcx(z / math.sqrt(2.0))
            higher = z - (z - share * hazard) / (1.0 - share * hazard * (hazard - z))
            if not (higher > z).any():
                break
            z = np.maximum(z, higher)
        return spread, z


def _chance(log_odds: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(log_odds))
    return np.asarray(np.where(log_odds >= 0, 1.0, small) / (1.0 + small))
