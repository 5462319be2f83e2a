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
from marketic.mechanisms.equilibrium import Equilibrium
from marketic.mechanisms.walras_program import Program


@dataclass(frozen=True)
class WalrasLP:
    """A solver, no `Mechanism`. tolerance: of every residual (relative to the largest number in play) for "optimal"."""

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
        levels, prices = problem.quadratic() if problem.curved else problem.linear()
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
        prices, levels = np.asarray(prices, dtype=float), np.asarray(levels, dtype=float)
        if prices.shape != problem.supply.shape or levels.shape != problem.values.shape:
            raise InputError(
                f"prices {prices.shape} and levels {levels.shape}: wanted {problem.supply.shape}, {problem.values.shape}"
            )
        return self._answer(problem, prices, levels).certificate

    def _answer(self, problem: "Program", prices: np.ndarray, levels: np.ndarray) -> Equilibrium:
        bent = problem.bend(levels)
        profit = problem.values - bent - problem.use.T @ prices
        surplus = problem.supply - problem.use @ levels
        short = np.where(problem.disposal, np.maximum(-surplus, 0.0), np.abs(surplus))
        limited = np.isfinite(problem.limits)
        below = levels < problem.limits * (1.0 - 1e-9) - 1e-9
        gained = np.where(below, np.maximum(profit, 0.0), 0.0)
        lost = np.where(levels > 1e-9 * max(1.0, float(levels.max(initial=0.0))), np.maximum(-profit, 0.0), 0.0)
        negative = np.where(problem.disposal, np.maximum(-prices, 0.0), 0.0)
        outside = np.maximum(-levels, 0.0) + np.maximum(levels - problem.limits, 0.0)
        welfare = float(problem.values @ levels - 0.5 * levels @ bent)
        rents = np.where(limited, np.maximum(profit, 0.0) * np.where(limited, problem.limits, 0.0), 0.0)
        bound = float(prices @ problem.supply + rents.sum() + 0.5 * levels @ bent)
        clearing = max(float(short.max(initial=0.0)), float(outside.max(initial=0.0)))
        optimality = max(float(part.max(initial=0.0)) for part in (gained, lost, negative))
        scale = max(1.0, float(np.abs(problem.values).max()), float(np.abs(prices).max()))
        units = max(1.0, float(np.abs(problem.supply).max()), float(levels.max(initial=0.0)))
        sound = clearing <= self.tolerance * units and optimality <= self.tolerance * scale
        sound = sound and abs(bound - welfare) <= self.tolerance * max(1.0, abs(welfare))
        budget = float((levels * lost).max(initial=0.0))
        found = Certificate(clearing, budget, optimality, bound - welfare, "optimal" if sound else "approximate")
        return Equilibrium(prices, levels, found, welfare, bound)
