"""Levels and prices of a welfare program, and what is wrong with one that has none.

Both solvers see the program in the units of `walras_scaling`. HiGHS and Clarabel can end without an answer for three reasons:
a balance that cannot be met, welfare without bound, and numbers that they cannot cope with. Which it was is found out by
programs that always have an answer: the least total shortage, and the best of all ways to run for ever.
"""

import warnings
from typing import NoReturn

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, vstack

from marketic.errors import InputError
from marketic.mechanisms.walras_program import Program
from marketic.mechanisms.walras_scaling import Scales, balanced

SURE = 1e-7
"""A shortage, or a gain from running for ever, that is larger than this (in the units of `walras_scaling`) is no rounding."""
TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


class Solution:
    """A program in the units of a solver: uses A, values c, supplies e, limits and curvature H."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.scales: Scales = balanced(program.use, program.values, program.supply, program.limits, program.curvature)
        levels, money = self.scales.levels, self.scales.money
        self.use, self.values = self.scales.matrix(program.use), program.values * levels / money
        self.supply, self.limits = program.supply / self.scales.goods, program.limits / levels
        self.free, self.tied = np.flatnonzero(program.disposal), np.flatnonzero(~program.disposal)

    def find(self) -> tuple[np.ndarray, np.ndarray]:
        """Levels [k] and prices [m] in the units of the program. Raises InputError if there are none."""
        levels, prices = self._quadratic() if self.program.curved else self._linear()
        prices[self.free] = np.maximum(prices[self.free], 0.0)
        return levels * self.scales.levels, prices * self.scales.money / self.scales.goods

    def _linear(self) -> tuple[np.ndarray, np.ndarray]:
        """By HiGHS; once more without presolve, which can end in "infeasible or unbounded"."""
        free, tied = self.free, self.tied
        for presolve in (True, False):
            answer = linprog(
                -self.values,
                A_ub=self.use[free] if len(free) else None, b_ub=self.supply[free] if len(free) else None,
                A_eq=self.use[tied] if len(tied) else None, b_eq=self.supply[tied] if len(tied) else None,
                bounds=np.column_stack([np.zeros(len(self.values)), self.limits]), method="highs",
                options={"presolve": presolve, **TIGHT},
            )  # fmt: skip
            if answer.x is not None:
                break
        else:
            self._explain(str(answer.message))
        prices = np.zeros(len(self.supply))
        prices[free] = -answer.ineqlin.marginals if len(free) else 0.0
        prices[tied] = -answer.eqlin.marginals if len(tied) else 0.0
        return np.asarray(answer.x), prices

    def _quadratic(self) -> tuple[np.ndarray, np.ndarray]:
        """By Clarabel."""
        import cvxpy as cp

        z, curvature = cp.Variable(len(self.values), nonneg=True), self.scales.bent(self.program.curvature)
        if curvature.ndim == 1:
            bent = cp.sum_squares(cp.multiply(np.sqrt(np.maximum(curvature, 0.0)), z))
        else:
            bent = cp.quad_form(z, cp.psd_wrap(curvature))
        limited, parts = (
            np.flatnonzero(np.isfinite(self.limits)),
            [part for part in (self.free, self.tied) if len(part)],
        )
        rows = [z[limited] <= self.limits[limited]] if len(limited) else []
        balances = [
            self.use[part] @ z <= self.supply[part] if part is self.free else self.use[part] @ z == self.supply[part]
            for part in parts
        ]
        program = cp.Problem(cp.Maximize(self.values @ z - 0.5 * bent), rows + balances)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # "may be inaccurate": the certificate says how much
                program.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
        except cp.error.SolverError as error:
            self._explain(str(error))
        if z.value is None:
            self._explain(program.status)
        prices = np.zeros(len(self.supply))
        for balance, which in zip(balances, parts, strict=True):
            prices[which] = balance.dual_value
        return self._settled(np.clip(np.asarray(z.value), 0.0, self.limits), prices, curvature)

    def _settled(self, levels: np.ndarray, prices: np.ndarray, curvature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """An interior point moved to the edge: of two numbers whose product must be 0, the smaller one is."""
        bent = curvature * levels if curvature.ndim == 1 else curvature @ levels
        profit, left = self.values - bent - self.use.T @ prices, self.supply - self.use @ levels
        prices = prices.copy()
        prices[self.free] = np.where(prices < left, 0.0, prices)[self.free]
        full = self.limits - levels < profit
        return np.where(levels < -profit, 0.0, np.where(full, self.limits, levels)), prices

    def _explain(self, message: str) -> NoReturn:
        """InputError that names the good that is short, or the activity that never ends."""
        missing = self._shortage()
        if missing.max() > SURE:
            at = int(missing.argmax())
            raise InputError(
                f"supply of good {self.program.good(at)} is infeasible: there are {self.program.supply[at]:g} units, and "
                f"whatever the activities do its balance misses {missing[at] * self.scales.goods[at]:g}; endow more of it, "
                "or allow disposal of what is too much"
            )
        gain = self._for_ever()
        if gain.max() > SURE:
            raise InputError(
                f"welfare has no bound: activity {self.program.activity(int(gain.argmax()))} can run for ever without using "
                "up any good; give it a limit or an input"
            )
        raise InputError(f"no prices found ({message}): values, uses or supplies of too different sizes; rescale them")

    def _shortage(self) -> np.ndarray:
        """By how much each balance is missed if the total is as small as it can be, in units of `scales`: float64 [m]."""
        m, k = self.use.shape
        whole = eye_array(m, format="csc")
        matrix = hstack([self.use, -whole, whole, whole[:, self.free]], format="csr")
        cost = np.zeros(matrix.shape[1])
        cost[k : k + m] = 1.0
        cost[k + m : k + 2 * m][self.tied] = 1.0
        high = np.concatenate([self.limits, np.full(len(cost) - k, np.inf)])
        found = linprog(cost, A_eq=matrix, b_eq=self.supply, bounds=np.column_stack([np.zeros_like(high), high]))
        if found.x is None:
            return np.zeros(m)
        return np.asarray(found.x[k : k + m] + cost[k + m : k + 2 * m] * found.x[k + m : k + 2 * m])

    def _for_ever(self) -> np.ndarray:
        """What each activity earns in the best endless growth, at most one unit of levels a round: float64 [k]."""
        k = len(self.values)
        endless = np.isinf(self.limits)
        if self.program.curved:
            curvature = self.program.curvature
            bends = np.abs(curvature) if curvature.ndim == 1 else np.abs(curvature).sum(axis=1)
            endless &= bends == 0.0
        rows = vstack([self.use[self.free], csr_array(np.ones((1, k)))], format="csr")
        found = linprog(
            -self.values,
            A_ub=rows, b_ub=np.concatenate([np.zeros(len(self.free)), [1.0]]),
            A_eq=self.use[self.tied] if len(self.tied) else None, b_eq=np.zeros(len(self.tied)) if len(self.tied) else None,
            bounds=np.column_stack([np.zeros(k), np.where(endless, np.inf, 0.0)]), options=TIGHT,
        )  # fmt: skip
        ends = found.x is None or -found.fun <= SURE
        return np.zeros(k) if ends else np.asarray(self.values * found.x)
