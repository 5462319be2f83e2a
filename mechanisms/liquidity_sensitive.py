"""Liquidity-sensitive LMSR (Othman, Pennock, Reeves, Sandholm 2013, "A practical liquidity-sensitive automated market maker").

C(q) = b(q) ln sum_k exp(q_k / b(q)) with b(q) = alpha sum_k q_k: the more has been traded, the less a share moves the prices. C
is convex and homogeneous (C(cq) = c C(q)), so prices depend on the proportions of q only. They sum to something in
[1, 1 + alpha m ln m]; the excess is the maker's commission, and the price is not a probability: C(q + c) != C(q) + c.
Shares sold stay >= 0 in every entry; an order that would take one below is not served. The loss is
q_o - q0_o - C(q) + C(q0) < C(q0) - q0_o, because C(q) > max q: it goes to 0 with the opening shares.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.claims import Claim, Terms
from marketic.errors import InputError
from marketic.mechanisms.cost_function import CostMaker, check_maker
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class LiquiditySensitive(CostMaker):
    """`TradeOrders` [..., n, m] -> shares and payments.

    alpha: > 0, no unit; the commission is at most alpha m ln m of the price. outcomes: m >= 2. opening: > 0, shares of each
    outcome counted as sold at the start (nobody holds them).
    """

    alpha: float = 0.05
    outcomes: int = 2
    opening: float = 1.0
    claims = frozenset({Claim.PATH_INDEPENDENT, Claim.BOUNDED_LOSS, Claim.CONSERVES})
    coherent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_kinds(self)
        check_maker(self, self.alpha, self.outcomes, None)
        if not (0 < self.opening < np.inf):
            raise InputError(f"{self!r}: wanted opening, a finite number of shares > 0, e.g. 1.0")

    @property
    def terms(self) -> dict[Claim, Terms]:
        """C(q0) - q0_o = alpha m ln m times the opening shares."""
        bound = float(self.opening * self.alpha * self.outcomes * np.log(self.outcomes))
        return {Claim.BOUNDED_LOSS: Terms(bound=bound, source="Othman, Pennock, Reeves and Sandholm 2013, section 4")}

    def start(self) -> np.ndarray:
        """The same number of shares of each."""
        return np.full(self.outcomes, float(self.opening))

    def cost(self, outstanding: np.ndarray) -> np.ndarray:
        """C(q), float64 [...], currency; NaN outside q >= 0, q != 0."""
        b = self.alpha * outstanding.sum(axis=-1)
        b = np.where((outstanding >= 0).all(axis=-1) & (b > 0), b, np.nan)
        top = outstanding.max(axis=-1)
        return top + b * np.log(np.exp((outstanding - top[..., None]) / b[..., None]).sum(axis=-1))

    def cost_of(self, outstanding: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """C(q + s) - C(q)."""
        return self.cost(outstanding + shares) - self.cost(outstanding)

    def prices(self, outstanding: np.ndarray) -> np.ndarray:
        """alpha ln Z + w_k - sum_j q_j w_j / sum_j q_j, with Z = sum_j exp(q_j / b) and w_k = exp(q_k / b) / Z."""
        total = outstanding.sum(axis=-1, keepdims=True)
        scaled = (outstanding - outstanding.max(axis=-1, keepdims=True)) / (self.alpha * total)
        weight = np.exp(scaled)
        log_total = np.log(weight.sum(axis=-1, keepdims=True)) + outstanding.max(axis=-1, keepdims=True) / (
            self.alpha * total
        )
        weight = weight / weight.sum(axis=-1, keepdims=True)
        mean = (outstanding * weight).sum(axis=-1, keepdims=True) / total
        return np.asarray(self.alpha * log_total + weight - mean)
