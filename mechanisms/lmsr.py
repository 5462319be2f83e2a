"""Logarithmic market scoring rule (Hanson 2003, 2007).

C(q) = b ln sum_k exp(q_k / b), prices p_k = exp(q_k / b) / sum_j exp(q_j / b). Whoever moves the prices from p to p' is paid
b ln(p'_o / p_o) in the end, a proper score: with belief r and one trade to make, moving the prices to r is best and earns
b KL(r || p) in expectation. The maker loses at most b max_k -ln(prior_k), b ln m for equal opening prices. Everything is
computed from logarithms of prices: exp(q / b) overflows at q = 710 b.
"""

from dataclasses import dataclass

import numpy as np

from marketic.claims import Claim, Terms
from marketic.mechanisms.cost_function import CostMaker, check_maker, maker_terms, never_short, opening_prices
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class LMSR(CostMaker):
    """`TradeOrders` or `TargetPrices` [..., n, m] -> shares and payments. liquidity: b > 0, in shares; outcomes: m >= 2.

    prior: m probabilities, the opening prices; None: all equal.

    >>> maker = LMSR(liquidity=100.0)
    >>> round(float(maker.cost_of(maker.start(), np.array([10.0, 0.0]))), 5)
    5.12495
    """

    liquidity: float = 100.0
    outcomes: int = 2
    prior: tuple[float, ...] | None = None
    claims = frozenset({Claim.PATH_INDEPENDENT, Claim.BOUNDED_LOSS, Claim.CONSERVES, Claim.DSIC})

    def __post_init__(self) -> None:
        check_kinds(self)
        check_maker(self, self.liquidity, self.outcomes, self.prior)

    @property
    def worst_loss(self) -> float:
        """b max_k -ln(prior_k), currency."""
        return float(-self.liquidity * np.log(opening_prices(self.outcomes, self.prior).min()))

    @property
    def terms(self) -> dict[Claim, Terms]:
        """The bound on the loss, and what truth means here."""
        return maker_terms(self.worst_loss)

    def start(self) -> np.ndarray:
        """b ln(prior), measured from its largest entry."""
        logs = self.liquidity * np.log(opening_prices(self.outcomes, self.prior))
        return np.asarray(logs - logs.max())

    def cost(self, outstanding: np.ndarray) -> np.ndarray:
        """C(q), float64 [...], currency."""
        top = outstanding.max(axis=-1, keepdims=True)
        return top[..., 0] + self.liquidity * np.log(np.exp((outstanding - top) / self.liquidity).sum(axis=-1))

    def cost_of(self, outstanding: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """b ln sum_k p_k exp(s_k / b), which keeps the digits that C(q + s) - C(q) loses."""
        logs, change = self.log_prices(outstanding), shares / self.liquidity
        small = (np.exp(logs) * np.expm1(np.clip(change, -1.0, 1.0))).sum(axis=-1)
        moved = logs + change
        top = moved.max(axis=-1, keepdims=True)
        large = top[..., 0] + np.log(np.exp(moved - top).sum(axis=-1))
        return self.liquidity * np.where(np.abs(change).max(axis=-1) < 1.0, np.log1p(small), large)

    def log_prices(self, outstanding: np.ndarray) -> np.ndarray:
        """ln p, float64 [..., m]."""
        scaled = (outstanding - outstanding.max(axis=-1, keepdims=True)) / self.liquidity
        return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=-1, keepdims=True)))

    def prices(self, outstanding: np.ndarray) -> np.ndarray:
        """exp(q_k / b) over their sum."""
        return np.exp(self.log_prices(outstanding))

    def toward(self, outstanding: np.ndarray, price: np.ndarray) -> np.ndarray:
        """b ln(p' / p), plus complete sets. A price of 0 would take infinitely many shares."""
        return never_short(self.liquidity * (np.log(price) - self.log_prices(outstanding)))

    def expected_profit(self, price: np.ndarray, belief: np.ndarray) -> np.ndarray:
        """b KL(belief || price), float64 [...], currency: what moving prices to `belief` earns if it holds. Both [..., m]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(belief > 0, belief * (np.log(belief) - np.log(price)), 0.0)
        return np.asarray(self.liquidity * terms.sum(axis=-1))
