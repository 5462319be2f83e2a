"""Constant product market maker with weights (Uniswap v1 and Balancer; for prediction markets Manifold's "Maniswap").

The pool holds r_k shares of each outcome and keeps prod_k r_k^w_k constant, sum w = 1. A trader who pays a gets a complete
sets, which go into the pool, and takes out s_k shares of each outcome k such that the product of r_k + a - s_k is what it
was. Prices are p_k = (w_k / r_k) / sum_j (w_j / r_j). This is a cost function market (a is convex in s), so without a fee
trades are path independent and a trader does best by moving the prices to its belief. The pool never runs dry, hence the
provider never loses more than its deposit D: with r = D at the start, its shares are worth r_o in the end. For two
outcomes, w = (1/2, 1/2) is the plain product, and w = (p, 1 - p) is Manifold's rule: a pool opens at any price with equal
reserves, and liquidity can be added later by changing w so that prices stay.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from marketic.claims import Claim, Terms
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.mechanisms.cost_function import check_maker, maker_terms, never_short, opening_prices
from marketic.numbers import check_kinds
from marketic.trade_orders import TargetPrices, TradeOrders, of_outcome, orders_for


@dataclass(frozen=True)
class PoolState:
    """Books of a pool, per market of the batch.

    reserves: float64 [..., m], shares. weights: float64 [..., m], sum 1. deposit, fees: float64 [...], currency put in by the
    provider, and earned by it. holdings: float64 [..., n, m], shares of each trader. paid: float64 [..., n], currency.
    """

    reserves: np.ndarray
    weights: np.ndarray
    deposit: np.ndarray
    fees: np.ndarray
    holdings: np.ndarray
    paid: np.ndarray


@dataclass(frozen=True)
class ConstantProduct:
    """`TradeOrders` or `TargetPrices` [..., n, m] -> shares and payments.

    deposit: > 0, currency, the provider's. outcomes: m >= 2. prior: opening prices, which are the weights; None: all equal.
    fee: >= 0, share of the amount that changes hands in a trade, on top of it; it goes to the provider, not into the pool.
    """

    deposit: float = 100.0
    outcomes: int = 2
    prior: tuple[float, ...] | None = None
    fee: float = 0.0
    coherent: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_kinds(self)
        check_maker(self, self.deposit, self.outcomes, self.prior)
        if not 0 <= self.fee < 1:
            raise InputError(f"{self!r}: wanted a fee from 0 up to, and without, 1, e.g. 0.02")

    @property
    def claims(self) -> frozenset[Claim]:
        """With a fee there and back costs something, and small moves do not pay."""
        always = {Claim.BOUNDED_LOSS, Claim.CONSERVES}
        return frozenset(always if self.fee else always | {Claim.PATH_INDEPENDENT, Claim.DSIC})

    @property
    def terms(self) -> dict[Claim, Terms]:
        """The deposit is the most that can be lost."""
        return maker_terms(float(self.deposit))

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> PoolState:
        """The deposit is exchanged for complete sets, all of which go into the pool."""
        weights = np.broadcast_to(opening_prices(self.outcomes, self.prior), (*batch, self.outcomes)) + 0.0
        deposit = np.full(batch, float(self.deposit))
        holdings = np.zeros((*batch, bidders, self.outcomes))
        reserves = np.broadcast_to(deposit[..., None], weights.shape) + 0.0
        return PoolState(reserves, weights, deposit, np.zeros(batch), holdings, holdings[..., 0])

    def quote(self, state: PoolState) -> np.ndarray:
        """Prices before fees, float64 [..., m]."""
        ratio = state.weights * (state.reserves.min(axis=-1, keepdims=True) / state.reserves)
        return np.asarray(ratio / ratio.sum(axis=-1, keepdims=True))

    def is_open(self, state: PoolState) -> np.ndarray:
        """Always: bool [...]."""
        return np.ones(state.deposit.shape, dtype=bool)

    def step(
        self, state: PoolState, orders: TradeOrders | TargetPrices, *, rng: np.random.Generator | None = None
    ) -> tuple[PoolState, Clearing]:
        """Serve the traders in order of number. Orders that would empty the pool to the last bit, or set a price to 0, are
        passed over.
        """
        orders_for(orders, state.holdings.shape, TradeOrders, TargetPrices)
        reserves, weights = state.reserves, state.weights
        bought, costs = np.zeros(state.holdings.shape), np.zeros(state.paid.shape)
        for i in range(state.paid.shape[-1]):
            with np.errstate(all="ignore"):
                if isinstance(orders, TradeOrders):
                    shares = orders.shares[..., i, :]
                else:
                    shares = never_short(reserves - _reserves_at(reserves, weights, orders.price[..., i, :]))
                cost, after = _swap(reserves, weights, np.where(np.isfinite(shares), shares, 0.0))
            served = orders.active[..., i] & np.isfinite(shares).all(axis=-1) & (after > 0).all(axis=-1)
            bought[..., i, :] = np.where(served[..., None], shares, 0.0)
            costs[..., i] = np.where(served, cost, 0.0)
            reserves = np.where(served[..., None], after, reserves)
        fees = self.fee * np.abs(costs)
        payments = costs + fees + 0.0
        state = PoolState(
            reserves,
            weights,
            state.deposit,
            state.fees + fees.sum(axis=-1),
            state.holdings + bought,
            state.paid + payments,
        )
        return state, Clearing(bought, payments, self.quote(state))

    def shares_for(self, state: PoolState, outcome: Any, money: Any) -> np.ndarray:
        """How many shares of `outcome` (int64 [...]) an amount of `money` >= 0 ([...], fee included) buys: float64 [...].

        Manifold's purchase: r_o + a - (k / prod_{j != o} (r_j + a)^w_j)^(1 / w_o).
        """
        amount = np.asarray(money, dtype=float) / (1.0 + self.fee)
        if (amount < 0).any():
            raise InputError(f"money = {money!r}: wanted an amount >= 0; to sell, order negative shares")
        own, weight = of_outcome(state.reserves, outcome), of_outcome(state.weights, outcome)
        growth = state.weights * np.log1p(amount[..., None] / state.reserves)
        others = growth.sum(axis=-1) - of_outcome(growth, outcome)
        return np.asarray(amount - own * np.expm1(-others / weight))

    def add_liquidity(self, state: PoolState, amount: Any) -> PoolState:
        """The provider adds `amount` > 0 ([...], currency) as complete sets; weights change so that prices do not."""
        amount = np.broadcast_to(np.asarray(amount, dtype=float), state.deposit.shape)
        if not (amount > 0).all():
            raise InputError(f"add_liquidity(amount={amount!r}): wanted an amount > 0")
        reserves = state.reserves + amount[..., None]
        weights = self.quote(state) * reserves
        weights = weights / weights.sum(axis=-1, keepdims=True)
        return replace(state, reserves=reserves, weights=weights, deposit=state.deposit + amount)

    def settle(self, state: PoolState, outcome: Any) -> np.ndarray:
        """What each trader receives if `outcome` (int64 [...]) comes true: float64 [..., n], currency."""
        return of_outcome(state.holdings, np.asarray(outcome)[..., None])

    def house(self, state: PoolState, outcome: Any) -> np.ndarray:
        """What the provider gains: its shares of the outcome and the fees, less its deposit. float64 [...]."""
        return of_outcome(state.reserves, outcome) + state.fees - state.deposit


def _reserves_at(reserves: np.ndarray, weights: np.ndarray, price: np.ndarray) -> np.ndarray:
    """The reserves [..., m] with the same product at which prices are `price`: w_k / p_k, scaled."""
    ratio = weights / price
    level = (weights * (np.log(reserves) - np.log(ratio))).sum(axis=-1, keepdims=True)
    return np.asarray(ratio * np.exp(level))


def _swap(reserves: np.ndarray, weights: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the bundle costs, float64 [...], and the reserves after it. All arrays [..., m].

    With d_k = r_k - s_k less its minimum, the new reserves are t + d_k, where u = ln t solves sum_k w_k ln(exp(u) + d_k) =
    sum_k w_k ln r_k. The left side is convex and increasing in u, so Newton's method from above comes down to the root
    without overshooting; t itself keeps all its digits however small it gets.
    """
    left = reserves - shares
    low = left.min(axis=-1, keepdims=True)
    gap = left - low
    level = (weights * np.log(reserves)).sum(axis=-1, keepdims=True)
    u = level  # the left side is at least u
    for _ in range(200):
        t = np.exp(u)
        excess = (weights * np.log(t + gap)).sum(axis=-1, keepdims=True) - level
        lower = u - excess / (weights * (t / (t + gap))).sum(axis=-1, keepdims=True)
        if not (lower < u).any():  # NaN too: the pool is empty
            break
        u = np.minimum(lower, u)
    still = (shares == 0).all(axis=-1)
    t = np.exp(u)
    return np.where(still, 0.0, (t - low)[..., 0]), np.where(still[..., None], reserves, t + gap)
