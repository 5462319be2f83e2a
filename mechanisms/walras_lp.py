"""Walrasian prices of an economy of activities: the duals of its welfare program (Koopmans 1951; Dantzig 1963).

Activity a, run at level z_a >= 0 (at most limit_a), is worth c_a z_a and uses A_ga z_a units of good g (A_ga < 0: it makes
them); there are e_g units. A consumer's purchase, a firm's recipe, transport and storage are all activities. Welfare is

    maximise  c . z - z'Hz / 2   subject to   A z <= e  (or = e where a good cannot be thrown away),   0 <= z <= limit.

The duals p of the balances are prices at which everybody, alone, wants to do what the program says: the profit
c - Hz - A'p of an activity is 0 if it runs, <= 0 if it does not, > 0 only at its limit (a rent). Checked for any z and p:
by weak duality welfare is at most p . e + sum_a limit_a max(profit_a, 0) + z'Hz / 2. With H = 0 solved by HiGHS, else by
Clarabel through cvxpy. A Markov decision process is such an economy: goods are states, (s, a) turns one unit of s into
discount * P(.|s, a), and the price of a state is its value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.clearing import Certificate
from marketic.errors import InputError
from marketic.mechanisms.equilibrium import Equilibrium, floats
from marketic.mechanisms.walras_program import Program
from marketic.mechanisms.walras_solution import Solution

ROUNDING = 8 * np.finfo(float).eps


@dataclass(frozen=True)
class WalrasLP:
    """A solver, no `Mechanism`. tolerance: for "optimal", of every residual, relative to the largest number in play for that
    good (its supply, what is used and made of it) or that activity (its value, what it pays and earns for each good), so that
    neither units nor large neighbours hide anything; of the gap, relative to all values, costs and supplies.
    """

    tolerance: float = 1e-7

    def solve(
        self,
        values: Any,
        use: Any,
        supply: Any,
        *,
        limits: Any = None,
        curvature: Any = None,
        disposal: Any = True,
        goods: Sequence[str] | None = None,
        activities: Sequence[str] | None = None,
    ) -> Equilibrium:
        """Prices [m], currency per unit; allocation: the levels z [k].

        values: [k], currency per unit of level. use: [m, k], dense or sparse. supply: [m], units. limits: [k] or None.
        curvature: H [k, k], positive semidefinite, or its diagonal [k], or None. disposal: bool, or [m]: whether surplus may
        be thrown away; if not, the price may be negative. goods, activities: names for messages.
        Raises InputError, naming the good or activity: shapes, NaN, an infeasible supply, a curvature that is not concave,
        welfare without bound.
        """
        problem = Program(values, use, supply, limits, curvature, disposal, goods, activities)
        levels, prices = Solution(problem).find()
        return self._answer(problem, prices, levels)

    def certificate(
        self,
        prices: Any,
        levels: Any,
        values: Any,
        use: Any,
        supply: Any,
        *,
        limits: Any = None,
        curvature: Any = None,
        disposal: Any = True,
    ) -> Certificate:
        """Judge any prices [m] and levels [k]; the other arguments as for `solve`.

        clearing: largest shortage (or mismatch, without disposal), units; budget: the most that a running activity loses,
        currency; optimality: largest unexploited profit, loss of a running activity, or negative price of a disposable good,
        currency per unit; gap: currency, exact up to `optimality` times the level of activities without limits.
        """
        problem = Program(values, use, supply, limits, curvature, disposal, None, None)
        prices, levels = floats("prices", prices), floats("levels", levels)
        if prices.shape != problem.supply.shape or levels.shape != problem.values.shape:
            raise InputError(
                f"prices {prices.shape} and levels {levels.shape}: wanted {problem.supply.shape}, {problem.values.shape}"
            )
        return self._answer(problem, prices, levels).certificate

    def _answer(self, problem: "Program", prices: np.ndarray, levels: np.ndarray) -> Equilibrium:
        play, bent = _InPlay(problem, prices, levels), problem.bend(levels)
        profit = problem.values - bent - problem.use.T @ prices
        profit = np.where(np.abs(profit) <= ROUNDING * play.value, 0.0, profit)
        surplus = problem.supply - problem.use @ levels
        short = np.where(problem.disposal, np.maximum(-surplus, 0.0), np.abs(surplus))
        outside = np.maximum(-levels, 0.0) + np.maximum(levels - problem.limits, 0.0)
        gained, lost = np.maximum(profit, 0.0), np.maximum(-profit, 0.0)
        negative = np.where(problem.disposal, np.maximum(-prices, 0.0), 0.0)
        runs = levels > self.tolerance * play.level
        below = play.room > self.tolerance
        optimality = max(float(part.max()) for part in (gained * below, lost * runs, negative))
        welfare = float(problem.values @ levels - 0.5 * levels @ bent)
        rents = gained * np.where(np.isfinite(problem.limits), problem.limits, 0.0)
        bound = float(prices @ problem.supply + rents.sum() + 0.5 * levels @ bent)
        excesses = (
            (short, play.volume),
            (outside, play.level),
            (negative * play.used, play.price),
            (gained * play.room, play.value),
            (lost * np.maximum(levels, 0.0), play.value * play.level),
            (np.where(problem.disposal & play.used, np.maximum(surplus * prices, 0.0), 0.0), play.volume * play.price),
            (np.abs([bound - welfare]), play.money),
        )
        sound = all((excess <= self.tolerance * size).all() for excess, size in excesses)
        clearing = max(float(short.max()), float(outside.max()))
        budget = float((levels * lost * runs).max(initial=0.0))
        found = Certificate(clearing, budget, optimality, bound - welfare, "optimal" if sound else "approximate")
        return Equilibrium(prices, levels, found, welfare, bound)


class _InPlay:
    """The largest numbers that a residual can be held against.

    volume: [m], units of each good. price: [m], the most that an activity could pay for a unit. value: [k], currency per unit
    of level. level: [k], what the limit and the volumes of goods allow. room: [k], share of the limit that is left. money.
    """

    def __init__(self, problem: Program, prices: np.ndarray, levels: np.ndarray) -> None:
        size, curvature = abs(problem.use), np.abs(problem.curvature)
        bent = curvature * np.abs(levels) if curvature.ndim == 1 else curvature @ np.abs(levels)
        self.volume = np.maximum(np.abs(problem.supply), size @ np.abs(levels))
        self.value = np.abs(problem.values) + bent + size.T @ np.abs(prices)
        entry = size.tocoo()
        row, column, each = entry.row, entry.col, np.maximum(entry.data, 1e-300)
        self.used = np.bincount(row, minlength=len(prices)) > 0  # the prices of other goods are judged by the gap
        self.price, self.level = np.zeros(len(prices)), np.where(np.isfinite(problem.limits), problem.limits, np.inf)
        np.maximum.at(self.price, row, self.value[column] / each)
        np.minimum.at(self.level, column, self.volume[row] / each)
        self.level = np.where(np.isfinite(self.level), self.level, np.abs(levels))
        limited = np.isfinite(problem.limits)
        left = np.where(limited, problem.limits - levels, 1.0)
        self.room = np.maximum(left, 0.0) / np.where(limited & (problem.limits > 0.0), problem.limits, 1.0)
        self.money = float(np.abs(problem.values) @ np.abs(levels) + np.abs(prices) @ np.abs(problem.supply))
