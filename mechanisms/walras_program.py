"""The program behind `walras_lp`: its data checked, its solution, and what is wrong with one that has none."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, issparse

from marketic.errors import InputError


class Program:
    """maximise values . z - z'Hz / 2 subject to use z <= supply, 0 <= z <= limits; arguments as for `WalrasLP.solve`."""

    def __init__(
        self,
        values: Any,
        use: Any,
        supply: Any,
        limits: Any,
        curvature: Any,
        disposal: Any,
        goods: Sequence[str] | None,
        activities: Sequence[str] | None,
    ) -> None:
        self.use = csr_array(use if issparse(use) else np.asarray(use, dtype=float), dtype=float)
        m, k = self.use.shape
        self.good_names, self.activity_names = goods, activities
        self.values = vector("values", values, k)
        self.supply = vector("supply", supply, m)
        self.limits = np.full(k, np.inf) if limits is None else np.asarray(limits, dtype=float)
        self.disposal = np.broadcast_to(np.asarray(disposal, dtype=bool), (m,))
        if self.limits.shape != (k,) or not (self.limits >= 0.0).all():
            raise InputError(f"limits of shape {self.limits.shape}: wanted ({k},), numbers >= 0")
        if not np.isfinite(self.use.data).all():
            entry = self.use.tocoo()
            at = int((~np.isfinite(entry.data)).argmax())
            raise InputError(
                f"activity {self.activity(entry.col[at])} uses {entry.data[at]} of good {self.good(entry.row[at])}"
            )
        self.curvature, self.curved = self._concave(curvature, k), curvature is not None

    def good(self, g: int) -> str:
        """A good's name for a message."""
        return repr(self.good_names[g]) if self.good_names is not None else str(int(g))

    def activity(self, a: int) -> str:
        """An activity's name for a message."""
        return repr(self.activity_names[a]) if self.activity_names is not None else str(int(a))

    def _concave(self, curvature: Any, k: int) -> np.ndarray:
        if curvature is None:
            return np.zeros(k)
        bend = np.asarray(curvature, dtype=float)
        if bend.shape not in ((k,), (k, k)) or not np.isfinite(bend).all():
            raise InputError(f"curvature of shape {bend.shape}: wanted finite ({k},) or ({k}, {k})")
        if bend.ndim == 2 and not np.allclose(bend, bend.T, rtol=0, atol=1e-12 * max(1.0, np.abs(bend).max())):
            raise InputError("curvature is not symmetric: wanted H = H'")
        low, at = bend.min(), int(bend.argmin())
        if bend.ndim == 2:
            roots, vectors = np.linalg.eigh(bend)
            low, at = roots[0], int(np.abs(vectors[:, 0]).argmax())
        if low < -1e-12 * max(1.0, float(np.abs(bend).max())):
            raise InputError(
                f"welfare is not concave: activity {self.activity(at)} has increasing returns (curvature {low:g}), so "
                "prices need not exist; wanted a curvature >= 0"
            )
        return bend

    def bend(self, levels: np.ndarray) -> np.ndarray:
        """H z."""
        return np.asarray(self.curvature * levels if self.curvature.ndim == 1 else self.curvature @ levels)

    def linear(self) -> tuple[np.ndarray, np.ndarray]:
        """Levels and prices by HiGHS."""
        free, tied = np.flatnonzero(self.disposal), np.flatnonzero(~self.disposal)
        answer = linprog(
            -self.values,
            A_ub=self.use[free] if len(free) else None, b_ub=self.supply[free] if len(free) else None,
            A_eq=self.use[tied] if len(tied) else None, b_eq=self.supply[tied] if len(tied) else None,
            bounds=np.column_stack([np.zeros(len(self.values)), self.limits]), method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )  # fmt: skip
        if answer.x is None:
            self.explain(answer.status, str(answer.message))
        prices = np.zeros(len(self.supply))
        prices[free] = np.maximum(-answer.ineqlin.marginals, 0.0) if len(free) else 0.0
        prices[tied] = -answer.eqlin.marginals if len(tied) else 0.0
        return np.asarray(answer.x), prices

    def quadratic(self) -> tuple[np.ndarray, np.ndarray]:
        """Levels and prices by Clarabel."""
        import cvxpy as cp

        z = cp.Variable(len(self.values), nonneg=True)
        if self.curvature.ndim == 1:
            bent = cp.sum_squares(cp.multiply(np.sqrt(np.maximum(self.curvature, 0.0)), z))
        else:
            bent = cp.quad_form(z, cp.psd_wrap(self.curvature))
        free, tied = np.flatnonzero(self.disposal), np.flatnonzero(~self.disposal)
        limited = np.flatnonzero(np.isfinite(self.limits))
        rows = [z[limited] <= self.limits[limited]] if len(limited) else []
        balances = [self.use[free] @ z <= self.supply[free]] if len(free) else []
        balances += [self.use[tied] @ z == self.supply[tied]] if len(tied) else []
        program = cp.Problem(cp.Maximize(self.values @ z - 0.5 * bent), rows + balances)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # "may be inaccurate": the certificate says how much
                program.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
        except cp.error.SolverError as error:
            raise InputError(f"no prices found ({error}): rescale the values or the supplies") from None
        if z.value is None:
            self.explain(2 if "infeasible" in program.status else 3, program.status)
        prices = np.zeros(len(self.supply))
        for balance, which in zip(balances, [part for part in (free, tied) if len(part)], strict=True):
            prices[which] = balance.dual_value
        prices[free] = np.maximum(prices[free], 0.0)
        return np.clip(np.asarray(z.value), 0.0, self.limits), prices

    def explain(self, status: int, message: str) -> None:
        """InputError that names the good that is short, or the activity that never ends."""
        if status == 2:
            missing = self._shortage()
            at = int(missing.argmax())
            raise InputError(
                f"supply of good {self.good(at)} is infeasible: there are {self.supply[at]:g} units, and whatever the "
                f"activities do its balance misses {missing[at]:g}; endow more of it, or allow disposal of what is too much"
            )
        if status in (3, 4):
            most = 1e6 * max(1.0, float(np.abs(self.supply).max()))
            capped = Program(
                self.values, self.use, self.supply, np.minimum(self.limits, most), None, self.disposal, None, None
            )
            at = int(capped.linear()[0].argmax())
            raise InputError(
                f"welfare has no bound: activity {self.activity(at)} can run for ever without using up any good; give it "
                "a limit or an input"
            )
        raise InputError(f"no prices found ({message}): rescale the values or the supplies")

    def _shortage(self) -> np.ndarray:
        """Units by which each balance is missed if their total is as small as it can be, float64 [m]."""
        m, k = self.use.shape
        whole = eye_array(m, format="csc")
        tied = np.flatnonzero(~self.disposal)
        matrix = hstack([self.use, -whole, whole, whole[:, np.flatnonzero(self.disposal)]], format="csr")
        cost = np.zeros(matrix.shape[1])
        cost[k : k + m] = 1.0
        cost[k + m : k + 2 * m][tied] = 1.0
        high = np.concatenate([self.limits, np.full(len(cost) - k, np.inf)])
        found = linprog(cost, A_eq=matrix, b_eq=self.supply, bounds=np.column_stack([np.zeros_like(high), high]))
        return np.asarray(found.x[k : k + m] + cost[k + m : k + 2 * m] * found.x[k + m : k + 2 * m])


def vector(what: str, given: Any, size: int) -> np.ndarray:
    """Finite float64 [size], or InputError."""
    array = np.asarray(given, dtype=float)
    if array.shape != (size,) or not np.isfinite(array).all():
        raise InputError(f"{what} of shape {array.shape}: wanted ({size},), finite")
    return array
