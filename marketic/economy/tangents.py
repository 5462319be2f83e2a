"""The cutting planes behind `lagrange_price`: for part i, v_i(p) >= r - u . p for every answer (r, u) that it ever gave.

Demand tells u and v(p), so r = v(p) + u . p is known up to the rounding of the larger of the two: prices far above what
anything is worth drown it. So prices start at the size that rewards and uses suggest, and rise only while a resource stays
short; of one answer given twice the better known r is kept; and the linear program is told in units of its own (money: the
bound; a resource: its capacity, or what flows through it), because the tolerances of its solver are absolute.
"""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack

from marketic.economy.resource_market import Plan, ResourceMarket, ScarcityPrices
from marketic.errors import InputError

HIGHEST = 1e12
"""A resource that is still short at a price this many times the first guess is infeasible."""
SLOPPY = 1e-6
"""Share of its rewards and payments by which a part may miss its maximum before it is accused of it."""
ROUNDING = 4 * np.finfo(float).eps


class Tangents:
    """All that the parts have said so far. Parts n, resources K, answers kept [tangents]."""

    def __init__(self, market: ResourceMarket, prices: np.ndarray, use: np.ndarray, value: np.ndarray) -> None:
        self.market, self.n, self.size = market, len(use), use.shape[1]
        self.part, self.use, self.reward = np.arange(0), np.zeros((0, self.size)), np.zeros(0)
        self.error = np.zeros(0)
        self.history: list[tuple[np.ndarray, np.ndarray]] = []
        self.money = float(np.abs(value + use @ prices).sum()) or 1.0
        self.units = np.zeros(self.size)
        self.best, self.bound = prices, np.inf
        self.add(prices, use, value)
        self.first = np.maximum(4.0 * prices, self.money / np.where(self.units > 0.0, self.units, 1.0))
        self.box = self.first.copy()

    def add(self, prices: np.ndarray, use: np.ndarray, value: np.ndarray) -> None:
        """Keep the tangents that say something new; remember the best prices."""
        paid = use @ prices
        reward, gross = value + paid, np.abs(value) + np.abs(use) @ prices
        self._hold_to_word(prices, use, value, reward, gross)
        error = ROUNDING * gross
        worth, size = self._worth(prices)
        known, again = np.full(self.n, -np.inf), np.zeros(self.n, dtype=bool)
        np.maximum.at(known, self.part, worth + 1e-13 * size)
        same = (self.use == use[self.part]).all(axis=1)
        better = same & (error[self.part] < self.error)
        self.reward[better], self.error[better] = reward[self.part[better]], error[self.part[better]]
        again[self.part[same]] = True
        new = ~again & (value > known + 1e-13 * gross)
        self.part = np.concatenate([self.part, np.flatnonzero(new)])
        self.use = np.concatenate([self.use, use[new]])
        self.reward, self.error = np.concatenate([self.reward, reward[new]]), np.concatenate([self.error, error[new]])
        self.history.append((prices, value))
        self.units = np.maximum(self.units, np.maximum(self.market.capacity, np.abs(use).sum(axis=0)))
        bound = float(prices @ self.market.capacity + value.sum())
        if bound < self.bound:
            self.best, self.bound = prices, bound

    def _worth(self, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What every tangent says at the prices, and the size of the numbers that it says it with: [tangents]."""
        return self.reward - self.use @ prices, np.abs(self.reward) + np.abs(self.use) @ prices

    def _hold_to_word(
        self, prices: np.ndarray, use: np.ndarray, value: np.ndarray, reward: np.ndarray, gross: np.ndarray
    ) -> None:
        """InputError if an earlier answer is worth more now than the new one, or the new one more than one was then."""
        worth, size = self._worth(prices)
        excess = worth - value[self.part] - SLOPPY * (size + gross[self.part]) - 4.0 * self.error
        if (excess > 0.0).any():
            at = int(excess.argmax())
            self._accuse(self.part[at], value[self.part[at]], prices, "an earlier", worth[at])
        for asked, said in self.history:
            then, size = reward - use @ asked, np.abs(reward) + np.abs(use) @ asked
            excess = then - said - SLOPPY * (size + np.abs(said)) - 4.0 * ROUNDING * gross
            if (excess > 0.0).any():
                at = int(excess.argmax())
                self._accuse(at, said[at], asked, "a later", then[at])

    @staticmethod
    def _accuse(part: int, said: float, prices: np.ndarray, which: str, worth: float) -> None:
        raise InputError(
            f"part {part} reports a value of {said:g} at prices {prices[:8]}, but {which} answer of its own is worth "
            f"{worth:g} there: wanted the maximum of reward - prices . use (is what the use costs left out?)"
        )

    def least(self) -> tuple[np.ndarray, float, np.ndarray]:
        """Least bound over the tangents within the box: prices [K], the bound, the weights of the plan [tangents]."""
        rows, money, capacity = len(self.part), self.money, self.market.capacity
        units = np.where(capacity > 0.0, capacity, np.where(self.units > 0.0, self.units, 1.0))
        row = 1.0 / np.maximum(self._worth(self.best)[1], money)
        values = csr_array((row * money, (np.arange(rows), self.part)), shape=(rows, self.n))
        answer = linprog(
            np.concatenate([capacity / units, np.ones(self.n)]),
            A_ub=hstack([csr_array(-self.use * (money * row)[:, None] / units), -values], format="csr"),
            b_ub=-self.reward * row,
            bounds=[*((0.0, high) for high in self.box * units / money), *((None, None) for _ in range(self.n))],
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if answer.x is None:
            raise InputError(f"no prices found ({answer.message}): rescale the rewards or the capacities")
        weights = np.maximum(-answer.ineqlin.marginals * money * row, 0.0)
        return np.maximum(answer.x[: self.size], 0.0) * money / units, float(answer.fun) * money, weights

    def solve(self, tolerance: float, limit: int) -> ScarcityPrices:
        """Ask halfway between the best prices and the tangents' (in-out separation, Ben-Ameur and Neto 2007)."""
        while True:
            prices, low, weights = self.least()
            plan = self._plan(weights)
            self.money = max(abs(self.bound), plan.size) or self.money
            if self._widen(prices, plan):
                continue
            if self.bound - low <= 0.5 * tolerance * self.money or self.market.asked >= limit:
                break
            inner = prices if self.size == 1 else 0.5 * (self.best + prices)
            before, known = self.bound, len(self.part)
            self._ask(inner)
            stuck = len(self.part) == known or self._at(prices) <= low + 0.1 * (before - low)
            if self.size > 1 and stuck and self.market.asked < limit:
                self._ask(prices)
            if len(self.part) == known:  # nothing new at either: the rest is rounding
                break
        return self.market.judge(self.best, plan, self.bound, tolerance)

    def _plan(self, weights: np.ndarray) -> Plan:
        return Plan(
            weights @ self.use,
            weights @ np.abs(self.use),
            float(weights @ self.reward),
            float(weights @ np.abs(self.reward)),
            float(weights @ self.error),
        )

    def _ask(self, prices: np.ndarray) -> None:
        use, value = self.market.ask(prices)
        if value is None:
            raise InputError("demand reported values before, and none now")
        self.add(prices, use, value)

    def _at(self, prices: np.ndarray) -> float:
        """What the tangents say that the bound is at least, at the prices."""
        known = np.full(self.n, -np.inf)
        np.maximum.at(known, self.part, self._worth(prices)[0])
        return float(prices @ self.market.capacity + known.sum())

    def _widen(self, prices: np.ndarray, plan: Plan) -> bool:
        """Whether the plan was short of a resource at the top of the box, which is then moved."""
        limits = self.market.capacity
        short = plan.use > limits + 1e-9 * np.maximum(limits, plan.volume)
        top = (prices >= self.box * (1.0 - 1e-9)) & short
        if not top.any():
            return False
        if (self.box[top] > HIGHEST * self.first[top]).any():
            k = int(np.flatnonzero(top)[0])
            raise InputError(
                f"resource {self.market.name(k)} is infeasible: it is short of its capacity "
                f"{limits[k]:g} even at price {self.box[k]:g}"
            )
        self._ask(np.minimum(prices, self.box))
        self.box = np.where(top, 8.0 * self.box, self.box)
        return True
