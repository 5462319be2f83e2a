"""Market makers with a cost function (Chen and Pennock 2007; Abernethy, Chen and Vaughan 2013).

The maker keeps the vector q of shares sold. A bundle s costs C(q + s) - C(q), so what trades cost together depends only on
where they start and end. If C is convex with gradient in the simplex and C(q + c) = C(q) + c, then C(q) = max over
probabilities p of p.q - R(p) for a convex R: prices are the maximising p, a trader's best trade is the one that moves them to
its belief, and the loss at outcome o, q_o - q0_o - C(q) + C(q0), is never above C(q0) - q0_o + R(o). Every such C is
a proper scoring rule: logarithmic (lmsr.py) for R = negative entropy, quadratic for R(p) = b |p|^2, here.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from marketic.claims import Claim, Terms
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.numbers import MOST_ENTRIES, check_kinds, check_list, check_wholes
from marketic.trade_orders import TargetPrices, TradeOrders, of_outcome, orders_for


@dataclass(frozen=True)
class MakerState:
    """Books of a market maker, per market of the batch.

    outstanding: float64 [..., m], shares: the q of the theory, opening point included. cash: float64 [...], currency taken in.
    holdings:    float64 [..., n, m], shares of each trader. paid: float64 [..., n], currency each has paid so far.
    """

    outstanding: np.ndarray
    cash: np.ndarray
    holdings: np.ndarray
    paid: np.ndarray


class CostMaker(ABC):
    """What all makers with a cost function do. A maker adds `start`, `cost_of`, `prices`, and `toward` if it can.

    coherent: whether quoted prices are probabilities (>= 0, sum 1).
    """

    coherent: ClassVar[bool] = True

    @abstractmethod
    def start(self) -> np.ndarray:
        """The opening point, float64 [m], shares."""

    @abstractmethod
    def cost_of(self, outstanding: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """C(q + s) - C(q), float64 [...], currency; NaN: not for sale. outstanding and shares [..., m]."""

    @abstractmethod
    def prices(self, outstanding: np.ndarray) -> np.ndarray:
        """Gradient of C, float64 [..., m], currency per share."""

    def toward(self, outstanding: np.ndarray, price: np.ndarray) -> np.ndarray:
        """The smallest bundle >= 0 that moves the prices to `price` [..., m]; NaN or infinite: there is none."""
        raise InputError(f"{type(self).__name__} takes TradeOrders only: its prices cannot be set to any probabilities")

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> MakerState:
        """Nothing sold yet."""
        start = self.start()
        holdings = np.zeros((*batch, bidders, len(start)))
        return MakerState(
            np.broadcast_to(start, (*batch, len(start))) + 0.0, np.zeros(batch), holdings, holdings[..., 0]
        )

    def quote(self, state: MakerState) -> np.ndarray:
        """Prices of the next, infinitely small, share of each outcome: float64 [..., m], currency."""
        return self.prices(state.outstanding)

    def is_open(self, state: MakerState) -> np.ndarray:
        """Always: bool [...]."""
        return np.ones(state.cash.shape, dtype=bool)

    def step(
        self, state: MakerState, orders: TradeOrders | TargetPrices, *, rng: np.random.Generator | None = None
    ) -> tuple[MakerState, Clearing]:
        """Serve the traders in order of number. An order that is not for sale (see `cost_of`) is passed over."""
        orders_for(orders, state.holdings.shape, TradeOrders, TargetPrices)
        outstanding = state.outstanding
        bought, payments = np.zeros(state.holdings.shape), np.zeros(state.paid.shape)
        for i in range(state.paid.shape[-1]):
            with np.errstate(all="ignore"):  # what is not for sale comes out as NaN or infinite
                if isinstance(orders, TradeOrders):
                    shares = orders.shares[..., i, :]
                else:
                    shares = self.toward(outstanding, orders.price[..., i, :])
                cost = self.cost_of(outstanding, shares)
            served = orders.active[..., i] & np.isfinite(cost) & np.isfinite(shares).all(axis=-1)
            bought[..., i, :] = np.where(served[..., None], shares, 0.0)
            payments[..., i] = np.where(served, cost, 0.0) + 0.0
            outstanding = outstanding + bought[..., i, :]
        cash = state.cash + payments.sum(axis=-1)
        after = MakerState(outstanding, cash, state.holdings + bought, state.paid + payments)
        return after, Clearing(bought, payments, self.prices(outstanding))

    def settle(self, state: MakerState, outcome: Any) -> np.ndarray:
        """What each trader receives if `outcome` (int64 [...]) comes true: float64 [..., n], currency."""
        return of_outcome(state.holdings, np.asarray(outcome)[..., None])

    def house(self, state: MakerState, outcome: Any) -> np.ndarray:
        """What the maker is left with: cash less what the shares sold are worth. float64 [...], negative: a loss."""
        return state.cash - of_outcome(state.outstanding - self.start(), outcome)


class CostFunction(Protocol):
    """A convex function C of the shares sold, as an object."""

    @property
    def outcomes(self) -> int:
        """How many there are."""
        ...

    @property
    def worst_loss(self) -> float:
        """Currency; math.inf: no bound known."""
        ...

    def start(self) -> np.ndarray:
        """The opening point, float64 [m]."""
        ...

    def cost(self, outstanding: np.ndarray) -> np.ndarray:
        """C, float64 [...], of outstanding [..., m]."""
        ...

    def prices(self, outstanding: np.ndarray) -> np.ndarray:
        """The gradient of C, float64 [..., m]."""
        ...

    def point(self, price: np.ndarray) -> np.ndarray:
        """Some point where the prices are `price` [..., m]; C grows by c if all of its entries do."""
        ...


@dataclass(frozen=True)
class Quadratic:
    """C(q) = max over probabilities p of p.q - b |p|^2: the quadratic scoring rule with factor b = `liquidity`, in shares.

    Prices are the point of the simplex nearest to q / 2b. They move by (1 - 1/m) / 2b per share, and may reach 0 and 1.
    prior: m probabilities, the opening prices; None: all equal.
    """

    liquidity: float = 100.0
    outcomes: int = 2
    prior: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        check_maker(self, self.liquidity, self.outcomes, self.prior)

    @property
    def worst_loss(self) -> float:
        """b (1 + |prior|^2 - 2 min prior): b (1 - 1/m) if all are equal."""
        prior = opening_prices(self.outcomes, self.prior)
        return float(self.liquidity * (1.0 + (prior**2).sum() - 2.0 * prior.min()))

    def start(self) -> np.ndarray:
        """2 b times the prior."""
        return self.point(opening_prices(self.outcomes, self.prior))

    def cost(self, outstanding: np.ndarray) -> np.ndarray:
        """p.q - b |p|^2 at the best p, from the largest entry of q."""
        top = outstanding.max(axis=-1, keepdims=True)
        p = self.prices(outstanding)
        return top[..., 0] + (p * (outstanding - top)).sum(axis=-1) - self.liquidity * (p**2).sum(axis=-1)

    def prices(self, outstanding: np.ndarray) -> np.ndarray:
        """Projection on the simplex by sorting (Held, Wolfe and Crowder 1974)."""
        scaled = (outstanding - outstanding.max(axis=-1, keepdims=True)) / (2.0 * self.liquidity)
        ranked = -np.sort(-scaled, axis=-1)
        excess = (np.cumsum(ranked, axis=-1) - 1.0) / np.arange(1, self.outcomes + 1)
        last = (ranked > excess).sum(axis=-1, keepdims=True) - 1
        return np.maximum(scaled - np.take_along_axis(excess, last, axis=-1), 0.0)

    def point(self, price: np.ndarray) -> np.ndarray:
        """2 b p."""
        return 2.0 * self.liquidity * price


@dataclass(frozen=True)
class CostFunctionMarket(CostMaker):
    """A market maker for any `CostFunction`, for instance `Quadratic(liquidity=100.0)`."""

    function: CostFunction = field(default_factory=Quadratic)

    @property
    def claims(self) -> frozenset[Claim]:
        """BOUNDED_LOSS if the function states a bound."""
        claims = {Claim.PATH_INDEPENDENT, Claim.CONSERVES, Claim.DSIC}
        return frozenset(claims | {Claim.BOUNDED_LOSS} if math.isfinite(self.function.worst_loss) else claims)

    @property
    def terms(self) -> dict[Claim, Terms]:
        """The bound on the loss, and what truth means here."""
        return maker_terms(self.function.worst_loss)

    def start(self) -> np.ndarray:
        """The function's opening point."""
        return self.function.start()

    def cost_of(self, outstanding: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """C(q + s) - C(q)."""
        return self.function.cost(outstanding + shares) - self.function.cost(outstanding)

    def prices(self, outstanding: np.ndarray) -> np.ndarray:
        """The function's gradient."""
        return self.function.prices(outstanding)

    def toward(self, outstanding: np.ndarray, price: np.ndarray) -> np.ndarray:
        """From here to the function's point for `price`, plus as many complete sets as keep all entries >= 0."""
        return never_short(self.function.point(price) - outstanding)


def never_short(shares: np.ndarray) -> np.ndarray:
    """The bundle [..., m] plus complete sets (one share of each, which cost and pay 1) until its lowest entry is 0."""
    return shares - shares.min(axis=-1, keepdims=True)


def maker_terms(bound: float | Callable[[Any], float]) -> dict[Claim, Terms]:
    """The small print that makers with a convex cost function share."""
    return {
        Claim.BOUNDED_LOSS: Terms(bound=bound, source="Abernethy, Chen and Vaughan 2013, theorem 4.2"),
        Claim.DSIC: Terms(domain="one trade by a risk-neutral trader who does not trade again", source="Hanson 2003"),
    }


def opening_prices(outcomes: int, prior: tuple[float, ...] | None) -> np.ndarray:
    """float64 [m], sum 1."""
    return np.full(outcomes, 1.0 / outcomes) if prior is None else np.asarray(prior) / np.sum(prior)


def check_maker(maker: Any, amount: float, outcomes: int, prior: tuple[float, ...] | None) -> None:
    """Raises InputError unless amount > 0, outcomes >= 2, and prior names a positive probability for each of them."""
    if not (amount > 0 and math.isfinite(amount)):
        raise InputError(f"{maker!r}: wanted a finite number > 0 where {amount!r} stands, e.g. 100.0")
    check_wholes(maker, MOST_ENTRIES, outcomes=2)
    if prior is not None:
        given = check_list(maker, "prior")
        if given.shape != (outcomes,) or not (given > 0).all() or abs(given.sum() - 1.0) > 1e-9:
            raise InputError(f"{maker!r}: wanted prior as {outcomes} probabilities > 0 that sum to 1")
