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
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack

from marketic.clearing import Certificate
from marketic.errors import InputError

Demand = Callable[[np.ndarray], Any]
HIGHEST = 1e12
"""A resource that is still short at a price this many times the first guess is infeasible."""


@dataclass(frozen=True)
class ScarcityPrices:
    """prices: float64, the shape of `capacity`, value per unit.

    bound:  g(prices), an upper bound on the optimum; NaN if demand reports no values.
    value:  of the plan: a mixture of the answers that keeps within the capacities on average; NaN likewise.
    use:    of that plan (without values: the mean use over the later rounds), the shape of `capacity`, units.
    certificate: clearing: largest use above capacity, units; budget: 0 (nobody has one); optimality: largest
            price * |capacity - use| (complementary slackness), value; gap: bound - value (NaN without values).
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
    capacity: numbers >= 0 of any shape: [] or [K] for constant prices, [T] or [T, K] for dated ones, units.
    start:    where prices start, the shape of `capacity`; None: 0.
    tolerance: of bound - value, relative to max(1, |bound|) (without values: of excess demand / capacity).
    Raises InputError for other shapes, negative or NaN numbers, values that no maximum can have (a part would gain by
    another of its own answers), and for a resource that is short at any price, naming it.
    """
    limits = np.asarray(capacity, dtype=float)
    if limits.size == 0 or not (np.isfinite(limits) & (limits >= 0.0)).all():
        raise InputError(f"capacity = {capacity!r}: wanted finite numbers >= 0, at least one")
    if not tolerance > 0.0 or max_evaluations < 1 or not step > 0.0:
        raise InputError(f"tolerance={tolerance}, max_evaluations={max_evaluations}, step={step}: wanted all > 0")
    first = np.zeros(limits.shape) if start is None else np.asarray(start, dtype=float)
    if first.shape != limits.shape or not (np.isfinite(first) & (first >= 0.0)).all():
        raise InputError(f"start = {start!r}: wanted finite prices >= 0 of shape {limits.shape}")
    market = _Market(demand, limits)
    use, value = market.ask(first.ravel())
    if value is None:
        from marketic.economy.excess_demand import follow

        return follow(market, first.ravel(), use, tolerance, max_evaluations, step)
    return _Tangents(market, first.ravel(), use, value).solve(tolerance, max_evaluations)


class _Market:
    """Demand with its answers checked: prices [K] -> use [parts, K] and values [parts] (or None)."""

    def __init__(self, demand: Demand, capacity: np.ndarray) -> None:
        self.demand, self.shape, self.capacity = demand, capacity.shape, capacity.ravel()
        self.asked, self.parts = 0, 0

    def ask(self, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        self.asked += 1
        answer = self.demand(prices.reshape(self.shape).copy())
        told, value = answer if isinstance(answer, tuple) else (answer, None)
        use = np.asarray(told, dtype=float)
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
        gains = np.atleast_1d(np.asarray(value, dtype=float))
        if gains.shape != (len(use),) or not np.isfinite(gains).all():
            raise InputError(f"demand has values of shape {gains.shape}: wanted ({len(use)},), finite, one per part")
        return use, gains

    def name(self, k: int) -> str:
        """How a resource is called in a message: its index, e.g. 3 or (2, 0)."""
        where = np.unravel_index(k, self.shape) if self.shape else ()
        return str(tuple(int(i) for i in where)) if len(where) != 1 else str(int(where[0]))

    def judge(
        self, prices: np.ndarray, use: np.ndarray, bound: float, value: float, tolerance: float
    ) -> ScarcityPrices:
        """The answer with its certificate. use: [K]."""
        short = float(np.maximum(use - self.capacity, 0.0).max())
        slack = float((prices * np.abs(self.capacity - use)).max())
        gap, scale = bound - value, max(1.0, abs(bound))
        kept = short <= 1e-6 * max(1.0, float(self.capacity.max()))
        status = "optimal" if gap <= tolerance * scale and kept else "approximate"
        found = Certificate(short, 0.0, slack, gap, status)
        return ScarcityPrices(prices.reshape(self.shape), bound, value, use.reshape(self.shape), found, self.asked)


class _Tangents:
    """The cutting planes: for part i, v_i(p) >= r - u . p for every answer (r, u) that it ever gave."""

    def __init__(self, market: _Market, prices: np.ndarray, use: np.ndarray, value: np.ndarray) -> None:
        self.market, self.n, self.size = market, len(use), use.shape[1]
        self.part, self.use, self.reward = np.arange(0), np.zeros((0, self.size)), np.zeros(0)
        scale = float(np.abs(value + use @ prices).sum()) / max(
            float(market.capacity[market.capacity > 0].sum()), 1e-12
        )
        self.box = np.maximum(4.0 * prices, np.full(self.size, max(scale, 1e-9)))
        self.ceiling = self.box.max() * HIGHEST
        self.best, self.bound = prices, np.inf
        self.add(prices, use, value)

    def add(self, prices: np.ndarray, use: np.ndarray, value: np.ndarray) -> None:
        """Keep the tangents that say something new; remember the best prices."""
        known = np.full(self.n, -np.inf)
        np.maximum.at(known, self.part, self.reward - self.use @ prices)
        if (known > value + 1e-6 * (1.0 + np.abs(value))).any():
            part = int((known - value).argmax())
            raise InputError(
                f"part {part} reports a value of {value[part]:g} at prices {prices[:8]}, but an earlier answer of its own "
                f"is worth {known[part]:g} there: wanted the maximum of reward - prices . use"
            )
        new = value > known + 1e-13 * (1.0 + np.abs(value))
        self.part = np.concatenate([self.part, np.flatnonzero(new)])
        self.use = np.concatenate([self.use, use[new]])
        self.reward = np.concatenate([self.reward, (value + use @ prices)[new]])
        bound = float(prices @ self.market.capacity + value.sum())
        if bound < self.bound:
            self.best, self.bound = prices, bound

    def least(self) -> tuple[np.ndarray, float, np.ndarray]:
        """Least bound over the tangents within the box: prices [K], the bound, the weights of the plan [tangents]."""
        rows, k, n = len(self.part), self.size, self.n
        values = csr_array((np.ones(rows), (np.arange(rows), self.part)), shape=(rows, n))
        answer = linprog(
            np.concatenate([self.market.capacity, np.ones(n)]),
            A_ub=hstack([csr_array(-self.use), -values], format="csr"),
            b_ub=-self.reward,
            bounds=[*((0.0, high) for high in self.box), *((None, None) for _ in range(n))],
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if answer.x is None:
            raise InputError(f"no prices found ({answer.message}): rescale the rewards or the capacities")
        return np.maximum(answer.x[:k], 0.0), float(answer.fun), np.maximum(-answer.ineqlin.marginals, 0.0)

    def solve(self, tolerance: float, limit: int) -> ScarcityPrices:
        """Ask halfway between the best prices and the tangents' (in-out separation, Ben-Ameur and Neto 2007)."""
        while True:
            prices, low, weights = self.least()
            if self._widen(prices, weights @ self.use):
                continue
            close = self.bound - low <= 0.5 * tolerance * max(1.0, abs(self.bound))
            if close or self.market.asked >= limit:
                break
            inner = prices if self.size == 1 else 0.5 * (self.best + prices)
            before, known = self.bound, len(self.part)
            self._ask(inner)
            stuck = len(self.part) == known or self._at(prices) <= low + 0.1 * (before - low)
            if self.size > 1 and stuck and self.market.asked < limit:
                self._ask(prices)
            if len(self.part) == known:  # nothing new at either: the rest is rounding
                break
        use, value = weights @ self.use, float(weights @ self.reward)
        return self.market.judge(self.best, use, self.bound, value, tolerance)

    def _ask(self, prices: np.ndarray) -> None:
        use, value = self.market.ask(prices)
        if value is None:
            raise InputError("demand reported values before, and none now")
        self.add(prices, use, value)

    def _at(self, prices: np.ndarray) -> float:
        """What the tangents say that the bound is at least, at the prices."""
        known = np.full(self.n, -np.inf)
        np.maximum.at(known, self.part, self.reward - self.use @ prices)
        return float(prices @ self.market.capacity + known.sum())

    def _widen(self, prices: np.ndarray, use: np.ndarray) -> bool:
        """Whether the plan's use [K] was short at the top of the box, which is then moved."""
        limits = self.market.capacity
        top = (prices >= self.box * (1.0 - 1e-9)) & (use > limits + 1e-9 * np.maximum(1.0, limits))
        if not top.any():
            return False
        if self.box[top].max() > self.ceiling:
            k = int(np.flatnonzero(top)[0])
            raise InputError(
                f"resource {self.market.name(k)} is infeasible: it is short of its capacity "
                f"{self.market.capacity[k]:g} even at price {self.box[k]:g}"
            )
        self._ask(np.minimum(prices, self.box))
        self.box = np.where(top, 8.0 * self.box, self.box)
        return True
