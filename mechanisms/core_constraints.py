"""The core of a package auction, one constraint at a time (Day and Raghavan 2007; Day and Cramton 2012).

Payments p of the winners W are in the core if no coalition C with the seller raises more than sum p:

    sum over winners outside C of p_i >= w(C) - sum over winners in C of what they bid for what they win.

There are 2^n such constraints. To find the one that is violated most, let every winner keep the surplus that p leaves it,
and solve winner determination again: if bids net of surpluses raise more than sum p, the winners of that are the
blocking coalition. Constraints are added until there is none. Payments below VCG and beyond the bids are never in question.
"""

from dataclasses import dataclass, field

import highspy
import numpy as np
from scipy.optimize import nnls

from marketic.mechanisms.winner_determination import PackageProblem

BLOCKS = 1e-12
"""Relative to the welfare: smaller gains of a coalition are rounding."""
ROUNDS = 10_000


@dataclass
class Core:
    """The payments of one auction's winners that are known to be in the core so far.

    problem: the auction. who: int64 [w], the winners. won: float64 [w], what they bid for it. least: float64 [w], VCG payments.
    rows, bounds: constraints rows @ p >= bounds found so far, bool [w] and currency each.
    """

    problem: PackageProblem
    who: np.ndarray
    won: np.ndarray
    least: np.ndarray
    rows: list[np.ndarray] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)

    def cut(self, payments: np.ndarray) -> bool:
        """Add the constraint that `payments` float64 [w] violate most. Returns False if there is none."""
        surplus = np.zeros(len(self.problem.bids.value))
        surplus[self.who] = np.maximum(self.won - payments, 0.0)
        best = self.problem.solve(surplus)
        member = np.asarray(best.chosen.any(axis=-1))[self.who]
        bound = float(best.won.sum() - self.won[member].sum())
        if bound - payments[~member].sum() <= BLOCKS * float(self.won.sum()):
            return False
        if any((row == ~member).all() and known >= bound for row, known in zip(self.rows, self.bounds, strict=True)):
            return False  # the solver's rounding: it stands already
        self.rows.append(~member)
        self.bounds.append(bound)
        return True

    def nearest(self, reference: np.ndarray, cheapest: bool) -> np.ndarray:
        """The payments closest to `reference` float64 [w], in the whole core or where revenue is least."""
        payments = self.least
        for _ in range(ROUNDS):
            if not self.cut(payments):
                return payments
            rows, bounds = np.array(self.rows, dtype=float), np.array(self.bounds)
            unit = float(self.won.max())
            payments = unit * _nearest(
                rows, bounds / unit, self.least / unit, self.won / unit, reference / unit, cheapest
            )
        raise RuntimeError(f"no core payments after {ROUNDS} constraints")


def _nearest(
    rows: np.ndarray, bounds: np.ndarray, least: np.ndarray, most: np.ndarray, reference: np.ndarray, cheapest: bool
) -> np.ndarray:
    """The point of rows @ p >= bounds, least <= p <= most that is closest to the reference, amounts of the order of 1."""
    one = np.eye(len(least))
    above, level = np.vstack([rows, one, -one]), np.concatenate([bounds, least, -most])
    if cheapest:
        total = float(least.sum()) + _least_sum(rows, bounds - rows @ least, most - least)
        above, level = np.vstack([above, -np.ones(len(least))]), np.append(level, -total)
    return np.clip(_project(above, level, reference), least, most)


def _least_sum(rows: np.ndarray, bounds: np.ndarray, most: np.ndarray) -> float:
    """The least sum of 0 <= y <= most with rows @ y >= bounds: a linear program, scaled to the size of its bounds."""
    unit = float(bounds.max(initial=0.0))
    if unit <= 0.0:
        return 0.0
    highs = highspy.Highs()
    for option, setting in (("output_flag", False), ("threads", 1), ("presolve", "off")):
        highs.setOptionValue(option, setting)
    highs.setOptionValue("primal_feasibility_tolerance", 1e-10)
    highs.setOptionValue("dual_feasibility_tolerance", 1e-10)
    places = np.arange(len(most), dtype=np.int32)
    highs.addVars(len(most), np.zeros(len(most)), np.minimum(most / unit, 1.0))
    highs.changeColsCost(len(most), places, np.ones(len(most)))
    for row, bound in zip(rows, bounds, strict=True):
        inside = places[row > 0]
        highs.addRow(float(bound / unit), highspy.kHighsInf, len(inside), inside, np.ones(len(inside)))
    highs.run()
    return unit * float(np.sum(highs.getSolution().col_value))


def _project(above: np.ndarray, level: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The point of above @ p >= level closest to the reference: least distance programming (Lawson and Hanson 1974).

    Non-negative least squares finds which constraints bind, and linear equations then the point where they do.
    """
    slack = level - above @ reference
    if (slack <= 0.0).all():
        return reference
    for looser in (1e-12, 1e-10, 1e-8):  # rounding must not make the constraints contradict each other
        system = np.vstack([above.T, slack - looser])
        goal = np.append(np.zeros(above.shape[1]), 1.0)
        weights, _ = nnls(system, goal, maxiter=50 * len(level) + 100)
        residual = system @ weights - goal
        if residual[-1] < -1e-9:
            break
    else:
        raise RuntimeError("the core constraints found contradict each other")
    step = -residual[:-1] / residual[-1]
    binding = weights > 0.0
    exact = np.linalg.lstsq(above[binding], slack[binding], rcond=None)[0]  # the shortest step onto them
    fits = (above @ exact >= slack - 1e-12).all() and np.abs(exact - step).max(initial=0.0) < 1e-6
    return np.asarray(reference + (exact if fits else step))
