"""Parimutuel betting (Pierre Oller 1867; Eisenberg and Gale 1959).

Bettors stake money on outcomes; those who backed the winner share the pool, less the track's take, in proportion to their
stakes. The share of the pool on an outcome is its implied probability. If everyone bets all its money in proportion to
its belief, as a bettor with logarithmic utility does at prices it takes as given (Kelly 1956), this is the
wealth-weighted mean of beliefs. Prices are known only when betting ends, so late bettors know more: no claim of truth.
If nobody backed the winner, all stakes are returned.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from marketic.claims import Claim
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.numbers import MOST_ENTRIES, check_kinds, check_wholes
from marketic.trade_orders import TradeOrders, of_outcome, orders_for


@dataclass(frozen=True)
class PoolBets:
    """stakes: float64 [..., n, m], currency staked by each bettor on each outcome so far."""

    stakes: np.ndarray


@dataclass(frozen=True)
class Parimutuel:
    """`TradeOrders` [..., n, m] whose shares are stakes, currency >= 0 -> payments at once, payoffs when settled.

    outcomes: m >= 2. take: share of the pool that the house keeps, from 0 up to, and without, 1.
    """

    outcomes: int = 2
    take: float = 0.0
    coherent: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_kinds(self)
        check_wholes(self, MOST_ENTRIES, outcomes=2)
        if not 0 <= self.take < 1:
            raise InputError(f"{self!r}: wanted a take from 0 up to, and without, 1, e.g. 0.15")

    @property
    def claims(self) -> frozenset[Claim]:
        """Without a take the bettors' losses are the bettors' gains."""
        return frozenset({Claim.CONSERVES, Claim.NO_DEFICIT if self.take else Claim.BUDGET_BALANCED})

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> PoolBets:
        """No bets yet."""
        return PoolBets(np.zeros((*batch, bidders, self.outcomes)))

    def quote(self, state: PoolBets) -> np.ndarray:
        """Shares of the pool, float64 [..., m]; NaN while it is empty."""
        backed = state.stakes.sum(axis=-2)
        pool = backed.sum(axis=-1, keepdims=True)
        return np.asarray(np.divide(backed, pool, out=np.full(backed.shape, np.nan), where=pool > 0))

    def is_open(self, state: PoolBets) -> np.ndarray:
        """Until settled: bool [...]."""
        return np.ones(state.stakes.shape[:-2], dtype=bool)

    def step(
        self, state: PoolBets, orders: TradeOrders, *, rng: np.random.Generator | None = None
    ) -> tuple[PoolBets, Clearing]:
        """Take the stakes. Who names a negative one is passed over: bets are final."""
        orders_for(orders, state.stakes.shape, TradeOrders)
        served = orders.active & (orders.shares >= 0).all(axis=-1)
        staked = np.where(served[..., None], orders.shares, 0.0) + 0.0
        after = PoolBets(state.stakes + staked)
        return after, Clearing(staked, staked.sum(axis=-1), self.quote(after))

    def settle(self, state: PoolBets, outcome: Any) -> np.ndarray:
        """What each bettor receives if `outcome` (int64 [...]) comes true: float64 [..., n], currency."""
        backed = of_outcome(state.stakes, np.asarray(outcome)[..., None])
        pool = state.stakes.sum(axis=(-2, -1))[..., None]
        winners = backed.sum(axis=-1, keepdims=True)
        share = np.divide(backed, winners, out=np.zeros(backed.shape), where=winners > 0)
        return np.where(winners > 0, (1.0 - self.take) * pool * share, state.stakes.sum(axis=-1))

    def house(self, state: PoolBets, outcome: Any) -> np.ndarray:
        """The take, float64 [...], currency; 0 if all stakes are returned."""
        winners = of_outcome(state.stakes.sum(axis=-2), outcome)
        return np.where(winners > 0, self.take * state.stakes.sum(axis=(-2, -1)), 0.0)
