"""Prices of scarce resources: a problem that falls apart but for what its parts share.

Parts i = 1 ... n choose x_i and share resources k: maximise sum_i r_i(x_i) subject to sum_i u_ik(x_i) <= c_k. At prices
p >= 0 each part alone maximises r_i(x_i) - p . u_i(x_i); call that v_i(p). Then, for any p >= 0 (weak duality),

    optimum  <=  g(p) = p . c + sum_i v_i(p),

g is convex with subgradient c - sum_i u_i: excess demand says where the least bound lies. Minimising g over tangents
(Kelley 1960) is column generation (Dantzig and Wolfe 1960) seen from the other side: the linear program's weights on the
answers seen so far are a plan that keeps within the capacities *on average*, and its value is a lower bound on min g. So
every answer is two numbers that nobody has to believe: the bound at the prices, and the value of the plan.

Weakly coupled decision processes (Hawkins 2003; Adelman and Mersereau 2008): a part's choice is its whole policy, u its
expected discounted use. Constant prices: c_k = capacity / (1 - discount), u the discounted total. Dated prices: one entry
per period, c_t = discount^t capacity, u_t = discount^t (expected use at t); prices come out in each period's own money.
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


def lagrange_price(
    demand: Demand,
    capacity: Any,
    *,
    start: Any = None,
    tolerance: float = 1e-9,
    max_evaluations: int = 500,
    step: float = 0.3,
) -> ScarcityPrices:
    """Prices at which what the parts want of each resource is what there is.

    demand:   prices (float64, the shape of `capacity`, all >= 0) -> (use, value), or use alone. use: the shape of
              `capacity`, or [parts, *shape] (a tangent per part: far fewer evaluations). value: what each part gains at the
              prices, `max r - prices . use`, [parts], or one number. Without values prices move by excess demand only
              (bisection for one resource; else steps of `step` times the relative excess), and no gap is known.
    capacity: numbers >= 0 of any shape: [] or [K] for constant prices, [T] or [T, K] for dated ones, units. 0 is a balance:
              some parts make (use < 0) what others use.
    start:    where prices start, the shape of `capacity`; None: 0.
    tolerance: of bound - value, relative to |bound| or to the size of the plan's rewards, whichever is larger (without
              values: of excess demand / capacity, and of what is left over, as a share of what all capacities are worth).
    Raises InputError for other shapes, negative or NaN numbers, values that no maximum can have (a part would gain by
    another of its own answers, earlier or later), and for a resource that is short at any price, naming it.
    """
    limits = np.asarray(capacity, dtype=float)
    if limits.size == 0 or not (np.isfinite(limits) & (limits >= 0.0)).all():
        raise InputError(f"capacity = {capacity!r}: wanted finite numbers >= 0, at least one")
    if not tolerance > 0.0 or max_evaluations < 1 or not step > 0.0:
        raise InputError(f"tolerance={tolerance}, max_evaluations={max_evaluations}, step={step}: wanted all > 0")
    first = np.zeros(limits.shape) if start is None else np.asarray(start, dtype=float)
    if first.shape != limits.shape or not (np.isfinite(first) & (first >= 0.0)).all():
        raise InputError(f"start = {start!r}: wanted finite prices >= 0 of shape {limits.shape}")
    market = ResourceMarket(demand, limits)
    use, value = market.ask(first.ravel())
    if value is None:
        from marketic.economy.excess_demand import follow

        return follow(market, first.ravel(), use, tolerance, max_evaluations, step)
    from marketic.economy.tangents import Tangents

    return Tangents(market, first.ravel(), use, value).solve(tolerance, max_evaluations)


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
