"""A market for scarce resources as its solvers see it: demand whose answers are checked, plans, and the judged answer.

See `marketic.economy.lagrange_price` for the problem.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.clearing import Certificate
from marketic.errors import InputError

Demand = Callable[[np.ndarray], Any]
KEPT = 1e-6
"""Share of a capacity by which a plan may exceed it. What that is worth counts against the plan's value besides."""


@dataclass(frozen=True)
class ScarcityPrices:
    """prices: float64, the shape of `capacity`, value per unit.

    bound:  g(prices), an upper bound on the optimum; NaN if demand reports no values.
    value:  of the plan: a mixture of the answers that keeps within the capacities on average; NaN likewise.
    use:    of that plan (without values: the mean use over the later rounds), the shape of `capacity`, units.
    certificate: clearing: largest use above capacity, units; budget: 0 (nobody has one); optimality: largest
            price * |capacity - use| (complementary slackness), value; gap: bound - value (NaN without values), below 0 by
            rounding at most where the status is "optimal".
    evaluations: how often demand was asked.
    """

    prices: np.ndarray
    bound: float
    value: float
    use: np.ndarray
    certificate: Certificate
    evaluations: int


@dataclass(frozen=True)
class Plan:
    """A mixture of answers. use, volume: float64 [K], of each resource, net and without regard to sign, units; value, size:
    its reward, net and likewise, and doubt: how much of it may be rounding, value."""

    use: np.ndarray
    volume: np.ndarray
    value: float
    size: float
    doubt: float


class ResourceMarket:
    """Demand with its answers checked: prices [K] -> use [parts, K] and values [parts] (or None)."""

    def __init__(self, demand: Demand, capacity: np.ndarray) -> None:
        self.demand, self.shape, self.capacity = demand, capacity.shape, capacity.ravel()
        self.asked, self.parts = 0, 0

    def ask(self, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Use and values at prices [K]. Raises InputError for answers of other shapes, or NaN."""
        self.asked += 1
        answer = self.demand(prices.reshape(self.shape).copy())
        told, value = answer if isinstance(answer, tuple) else (answer, None)
        use = np.array(told, dtype=float)  # copied, as the values are: demand may write there again
        if use.shape == self.shape:
            use = use[None]
        if use.shape[1:] != self.shape or not np.isfinite(use).all():
            raise InputError(f"demand uses an array of shape {use.shape}: wanted finite {self.shape} or [parts, ...]")
        use = use.reshape(len(use), -1)
        self.parts = self.parts or len(use)
        if len(use) != self.parts:
            raise InputError(f"demand has {len(use)} parts at prices {prices[:8]} and had {self.parts} before")
        if value is None:
            return use, None
        gains = np.atleast_1d(np.array(value, dtype=float))
        if gains.shape != (len(use),) or not np.isfinite(gains).all():
            raise InputError(f"demand has values of shape {gains.shape}: wanted ({len(use)},), finite, one per part")
        return use, gains

    def name(self, k: int) -> str:
        """How a resource is called in a message: its index, e.g. 3 or (2, 0)."""
        where = np.unravel_index(k, self.shape) if self.shape else ()
        return str(tuple(int(i) for i in where)) if len(where) != 1 else str(int(where[0]))

    def judge(self, prices: np.ndarray, plan: Plan, bound: float, tolerance: float) -> ScarcityPrices:
        """The answer with its certificate: every test is relative to what is in play, so that units do not matter."""
        excess = np.maximum(plan.use - self.capacity, 0.0)
        slack = float((prices * np.abs(self.capacity - plan.use)).max())
        gap, allowed = bound - plan.value, tolerance * max(abs(bound), plan.size)
        kept = (excess <= KEPT * np.maximum(self.capacity, plan.volume)).all()
        sound = kept and abs(gap) + float(prices @ excess) + plan.doubt <= allowed
        found = Certificate(float(excess.max()), 0.0, slack, gap, "optimal" if sound else "approximate")
        return ScarcityPrices(
            prices.reshape(self.shape), bound, plan.value, plan.use.reshape(self.shape), found, self.asked
        )
