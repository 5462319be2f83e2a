"""Programs of winner determination for HiGHS (Huangfu and Hall 2018): with exact tolerances, one thread, one seed."""

import highspy
import numpy as np
from scipy.sparse import csc_matrix


def program(matrix: csc_matrix, upper: np.ndarray, cost: np.ndarray, integer: bool) -> highspy.Highs:
    """Maximise cost . x subject to matrix x <= upper, 0 <= x <= 1, as a model of HiGHS."""
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_ = -cost
    lp.col_lower_, lp.col_upper_ = np.zeros(len(cost)), np.ones(len(cost))
    lp.row_lower_, lp.row_upper_ = np.full(len(upper), -highspy.kHighsInf), upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
    lp.a_matrix_.value_ = matrix.data
    if integer:
        lp.integrality_ = [highspy.HighsVarType.kInteger] * len(cost)
    highs = highspy.Highs()
    for option, setting in _OPTIONS.items():
        highs.setOptionValue(option, setting)
    highs.passModel(lp)
    return highs


_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.0,
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-10,
}


SETTLED = {
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_allow_restart": False,
}
"""Where a good solution is known, searching for others costs more than it brings."""


def branch_and_bound(
    matrix: csc_matrix, upper: np.ndarray, cost: np.ndarray, known: np.ndarray, settled: bool
) -> tuple[np.ndarray, float]:
    """Branch and bound from the feasible x `known`: the best x bool and the bound.

    settled: `known` is good, so that it is enough to prove it, or to find the little that is missing.
    """
    highs = program(matrix, upper, cost, integer=True)
    for option, setting in SETTLED.items() if settled else ():
        highs.setOptionValue(option, setting)
    start = highspy.HighsSolution()
    start.col_value = known.astype(float).tolist()
    highs.setSolution(start)
    highs.run()
    found = np.asarray(highs.getSolution().col_value) > 0.5
    return found, -float(highs.getInfo().mip_dual_bound)
