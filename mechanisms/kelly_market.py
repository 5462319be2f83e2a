"""A market of Kelly bettors (Kelly 1956; Beygelzimer, Langford and Pennock 2012, "Learning performance of prediction markets").

Trader k with wealth w_k believes p_k and bets all it has in proportion to p_k, which maximises its expected log wealth at any
prices. Then the price that balances the bets is the wealth-weighted belief p = sum_k w_k p_k / sum_k w_k, and after outcome o
its wealth is w_k p_k(o) / p(o): Bayes' rule, with wealth as the prior. Money is conserved; over any number of rounds
  log loss of the price - log loss of trader k = ln(wealth of k after / before) <= ln(1 / share of k at the start),
over the rounds in which k takes part (traders may sit rounds out). Wealth is kept as a logarithm, since what underflows to
zero could never come back. If nobody believes an outcome possible and it happens, bets are void and returned.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from marketic.claims import Claim, Terms
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.numbers import MOST_ENTRIES, check_kinds, check_list, check_wholes
from marketic.trade_orders import TargetPrices, of_outcome, orders_for


@dataclass(frozen=True)
class KellyState:
    """Books per market of the batch.

    log_wealth: float64 [..., n], ln of currency. log_belief: float64 [..., n, m], of those who bet in this round (else -inf).
    log_price: float64 [..., m]. betting: bool [..., n], who bet in this round. pending: bool [...], bets await an outcome.
    """

    log_wealth: np.ndarray
    log_belief: np.ndarray
    log_price: np.ndarray
    betting: np.ndarray
    pending: np.ndarray


@dataclass(frozen=True)
class KellyMarket:
    """`TargetPrices` (beliefs) [..., n, m] -> one round of bets; `resolve` pays them and opens the next round.

    outcomes: m >= 2. wealth: what each trader starts with, n amounts >= 0, currency; None: 1 / n each.

    >>> market = KellyMarket(wealth=(0.5, 0.5))
    >>> state, cleared = market.step(market.open(2), TargetPrices([[0.2, 0.8], [0.6, 0.4]]))
    >>> cleared.prices.round(3).tolist(), market.settle(state, 0).round(3).tolist()
    ([0.4, 0.6], [0.25, 0.75])
    """

    outcomes: int = 2
    wealth: tuple[float, ...] | None = None
    coherent: ClassVar[bool] = True
    claims = frozenset({Claim.BUDGET_BALANCED, Claim.CONSERVES, Claim.BOUNDED_REGRET})

    def __post_init__(self) -> None:
        check_kinds(self)
        check_wholes(self, MOST_ENTRIES, outcomes=2)
        given = np.ones(1) if self.wealth is None else check_list(self, "wealth")
        if not ((given >= 0) & (given < np.inf)).all():
            raise InputError(f"{self!r}: wanted wealth as one finite amount >= 0 for each trader")

    @property
    def terms(self) -> dict[Claim, Terms]:
        """ln(1 / share of wealth), nats, [..., n]."""
        source = "Beygelzimer, Langford and Pennock 2012, theorem 1"
        return {Claim.BOUNDED_REGRET: Terms(bound=_log_shares, domain="rounds in which the trader bets", source=source)}

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> KellyState:
        """Everyone with its starting wealth. Raises InputError if `wealth` is for another number of traders."""
        if self.wealth is not None and len(self.wealth) != bidders:
            raise InputError(f"open({bidders}): {self!r} has wealth for {len(self.wealth)} traders")
        start = np.full(bidders, 1.0 / max(bidders, 1)) if self.wealth is None else np.asarray(self.wealth, dtype=float)
        return self._between(np.broadcast_to(_log(start), (*batch, bidders)) + 0.0)

    def quote(self, state: KellyState) -> np.ndarray:
        """The price of this round's bets, float64 [..., m]; NaN before anybody has bet."""
        return np.exp(state.log_price)

    def is_open(self, state: KellyState) -> np.ndarray:
        """Whether beliefs are taken, bool [...]: not while bets await their outcome."""
        return np.asarray(~state.pending)

    def draw_orders(self, rng: np.random.Generator, state: KellyState) -> TargetPrices:
        """Beliefs such as a test might use."""
        return TargetPrices(rng.dirichlet(np.ones(self.outcomes), size=state.log_wealth.shape))

    def step(
        self, state: KellyState, orders: TargetPrices, *, rng: np.random.Generator | None = None
    ) -> tuple[KellyState, Clearing]:
        """Take the bets of all who are active. Raises InputError while earlier bets are pending."""
        orders_for(orders, state.log_belief.shape, TargetPrices)
        if state.pending.any():
            raise InputError("bets await their outcome: call resolve(state, outcome) first")
        betting = orders.active & (state.log_wealth > -np.inf)
        belief = np.where(betting[..., None], _log(orders.price), -np.inf)
        weight = np.where(betting, state.log_wealth, -np.inf)
        with np.errstate(invalid="ignore"):
            log_price = _log_sum(weight[..., None] + belief, -2) - _log_sum(weight, -1)[..., None]
        log_price = np.where(betting.any(axis=-1, keepdims=True), log_price, np.nan)
        after = KellyState(state.log_wealth, belief, log_price, betting, np.ones_like(state.pending))
        shares = np.exp(self._log_shares_bought(after))
        return after, Clearing(shares, np.exp(weight), self.quote(after))

    def settle(self, state: KellyState, outcome: Any) -> np.ndarray:
        """What each trader receives for its bets if `outcome` (int64 [...]) comes true: float64 [..., n], currency."""
        shares = of_outcome(self._log_shares_bought(state), np.asarray(outcome)[..., None])
        stake = np.exp(np.where(state.betting, state.log_wealth, -np.inf))
        void = of_outcome(state.log_price, outcome) == -np.inf
        return np.where(np.asarray(void)[..., None], stake, np.exp(shares))

    def house(self, state: KellyState, outcome: Any) -> np.ndarray:
        """The house only holds the stakes: 0."""
        return np.zeros_like(of_outcome(state.log_price, outcome))

    def resolve(self, state: KellyState, outcome: Any) -> KellyState:
        """Pay the bets and open the next round. Raises InputError where there are no bets."""
        if not state.pending.all():
            raise InputError("there are no bets to resolve: call step(state, TargetPrices(...)) first")
        shares = of_outcome(self._log_shares_bought(state), np.asarray(outcome)[..., None])
        void = of_outcome(state.log_price, outcome) == -np.inf
        return self._between(np.where(state.betting & ~np.asarray(void)[..., None], shares, state.log_wealth))

    def owned(self, state: KellyState) -> np.ndarray:
        """Wealth of each trader, its bets at stake included: float64 [..., n], currency."""
        return np.exp(state.log_wealth)

    def _between(self, log_wealth: np.ndarray) -> KellyState:
        """No bets."""
        batch, n = log_wealth.shape[:-1], log_wealth.shape[-1]
        beliefs, prices = np.full((*batch, n, self.outcomes), -np.inf), np.full((*batch, self.outcomes), np.nan)
        return KellyState(log_wealth, beliefs, prices, np.zeros((*batch, n), dtype=bool), np.zeros(batch, dtype=bool))

    @staticmethod
    def _log_shares_bought(state: KellyState) -> np.ndarray:
        """ln of w_k p_k / p, [..., n, m]; -inf where nothing was bought."""
        with np.errstate(invalid="ignore"):
            shares = state.log_wealth[..., None] + state.log_belief - state.log_price[..., None, :]
        return np.where(state.betting[..., None] & (state.log_belief > -np.inf), shares, -np.inf)


def _log_shares(state: Any) -> Any:
    """ln(1 / share of wealth) of each trader, nats, float64 [..., n]; inf for those who have nothing."""
    return np.asarray(_log_sum(state.log_wealth, -1)[..., None] - state.log_wealth)


def _log(amounts: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(amounts))


def _log_sum(logs: np.ndarray, axis: int) -> np.ndarray:
    """ln of the sum of exponentials along an axis; -inf for an empty sum."""
    top = logs.max(axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    return np.asarray(_log(np.exp(logs - top).sum(axis=axis)) + np.squeeze(top, axis))
