"""Winner determination by integer programming with HiGHS (Huangfu and Hall 2018), for auctions of many goods.

    maximise sum of v_b x_b   where every good is in at most one winning bid, XOR bidders win one bid at most, x_b in {0, 1}.

The linear relaxation comes first. Its dual prices p bound the welfare whatever the solver did: for any p >= 0,

    welfare <= sum of p + sum over bids of max(0, v_b - p(b)),

which is how an answer is certified. If the relaxation has no fractions (in auctions with some geography it rarely has) it
is the answer. Otherwise it is tightened with cliques: of bids that exclude each other pairwise one wins (Padberg 1973). Then
bids that the prices rule out (v_b - p(b) below known welfare minus bound) are left away, and branch and bound solves the
rest with the cliques that bind. Re-solves with other bids start from the first basis and keep all cliques.
"""

import math

import highspy
import numpy as np
from scipy.sparse import csc_matrix, vstack

INTEGRAL = 1e-6
CLIQUE_ROUNDS = 10
ROUNDING = 1e-11
"""Relative to the largest bid: below this a bid that the prices rule out might be a tie."""


class PackageModel:
    """One auction's bids as a model that can be solved again with other values or with fewer bids.

    bundle: bool [K, m]; owner: int64 [K]; exclusive: XOR bidders. takes_part: OR bidders have one more variable each, 1 if
    they win anything, the columns after the K bids in the order of `bidders`.
    """

    def __init__(self, bundle: np.ndarray, owner: np.ndarray, exclusive: bool, takes_part: bool = False) -> None:
        bids = len(bundle)
        self.goods = bundle.shape[1]
        bid, good = np.nonzero(bundle)
        rows, columns, entries = [good], [bid], [np.ones(len(bid))]
        upper, height = [np.ones(self.goods)], self.goods
        who, place, count = np.unique(owner, return_inverse=True, return_counts=True)
        self.bids, self.bidders = bids, who
        if exclusive:
            often = np.flatnonzero(count > 1)
            row_of = np.full(len(who), -1)
            row_of[often] = height + np.arange(len(often))
            several = np.flatnonzero(row_of[place] >= 0)
            rows.append(row_of[place[several]])
            columns.append(several)
            entries.append(np.ones(len(several)))
            upper.append(np.ones(len(often)))
            height += len(often)
        elif takes_part:  # x_b <= y_i
            rows += [height + np.arange(bids)] * 2
            columns += [np.arange(bids), bids + place]
            entries += [np.ones(bids), -np.ones(bids)]
            upper.append(np.zeros(bids))
            height += bids
        width = bids + (len(who) if takes_part and not exclusive else 0)
        at = (np.concatenate(rows), np.concatenate(columns))
        self.matrix = csc_matrix((np.concatenate(entries), at), shape=(height, width))
        self.upper, self.height = np.concatenate(upper), height
        self.excluding = self.matrix[self.upper == 1.0]
        self.conflict: np.ndarray | None = None
        self.relaxation = _highs(self.matrix, self.upper, np.zeros(width), integer=False)
        self.basis: highspy.HighsBasis | None = None

    def solve(
        self, cost: np.ndarray, allowed: np.ndarray | None = None, known: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """Maximise cost . x over the columns `allowed` bool [width]; known: a feasible x, bool [width], if there is one.

        Returns x bool [width] and an upper bound on the optimum, currency.
        """
        width = self.matrix.shape[1]
        allowed = np.ones(width, dtype=bool) if allowed is None else allowed
        largest = float(np.abs(cost[allowed]).max(initial=0.0))
        if largest == 0.0:
            return np.zeros(width, dtype=bool), 0.0
        unit = 2.0 ** math.frexp(largest)[1]  # a power of two: scaling is exact
        scaled = np.where(allowed, cost, 0.0) / unit
        x, bound, reduced = self._relax(scaled, allowed)
        for _ in range(CLIQUE_ROUNDS):
            if not self._add_cliques(x):
                break
            x, bound, reduced = self._relax(scaled, allowed)
        whole = np.abs(x - np.rint(x)).max(initial=0.0) <= INTEGRAL
        if whole:
            chosen = x > 0.5
            if (self.matrix @ chosen <= self.upper).all():
                return chosen, max(bound, float(scaled @ chosen)) * unit
        chosen = self._round(x, scaled, allowed)
        if known is not None and scaled @ known > scaled @ chosen:
            chosen = known
        kept = allowed & (bound + np.minimum(reduced, 0.0) >= scaled @ chosen - ROUNDING)
        rows = self._binding(x)
        found, limit = _branch(self.matrix[rows][:, kept], self.upper[rows], scaled[kept], chosen[kept], known is None)
        if scaled[kept] @ found >= scaled @ chosen:
            chosen = np.zeros(width, dtype=bool)
            chosen[kept] = found
        return chosen, max(min(bound, limit), float(scaled @ chosen)) * unit

    def _relax(self, cost: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """The linear relaxation: x, the bound by its prices, and each column's value less its prices."""
        columns = np.arange(len(cost), dtype=np.int32)
        if self.basis is not None:
            self.relaxation.setBasis(self.basis)
        self.relaxation.changeColsCost(len(cost), columns, -cost)
        self.relaxation.changeColsBounds(len(cost), columns, np.zeros(len(cost)), allowed.astype(float))
        self.relaxation.run()
        solution = self.relaxation.getSolution()
        if self.basis is None:
            self.basis = self.relaxation.getBasis()
        prices = np.maximum(-np.asarray(solution.row_dual), 0.0)
        reduced = cost - self.matrix.T @ prices
        bound = float(prices @ self.upper + np.maximum(reduced, 0.0)[allowed].sum())
        return np.asarray(solution.col_value), bound, reduced

    def _add_cliques(self, x: np.ndarray) -> bool:
        """Add rows "one of these bids at most" that x violates, each as large as can be. Returns whether there are any."""
        fractional = np.flatnonzero((x > INTEGRAL) & (x < 1.0 - INTEGRAL))
        if not len(fractional):
            return False
        if self.conflict is None:
            self.conflict = (self.excluding.T @ self.excluding).toarray() > 0.0
        by_share = np.argsort(-x, kind="stable")
        found: dict[bytes, np.ndarray] = {}
        for seed in fractional:
            inside, beside = [seed], self.conflict[seed].copy()
            beside[seed] = False
            while beside.any():
                following = by_share[beside[by_share].argmax()]
                inside.append(following)
                beside &= self.conflict[following]
                beside[following] = False
            clique = np.sort(np.array(inside, dtype=np.int32))
            if x[clique].sum() > 1.0 + 1e-4:
                found[clique.tobytes()] = clique
        for clique in found.values():
            self.relaxation.addRow(-highspy.kHighsInf, 1.0, len(clique), clique, np.ones(len(clique)))
        if found:
            rows = np.zeros((len(found), self.matrix.shape[1]))
            for row, clique in zip(rows, found.values(), strict=True):
                row[clique] = 1.0
            self.matrix = vstack([self.matrix, csc_matrix(rows)], format="csc")
            self.upper = np.concatenate([self.upper, np.ones(len(found))])
            self.basis = None
        return bool(found)

    def _binding(self, x: np.ndarray) -> np.ndarray:
        """The auction's own rows and the cliques that bind at x, bool [height]: the others only slow branch and bound."""
        own = np.arange(self.matrix.shape[0]) < self.height
        return own | (self.matrix @ x >= self.upper - INTEGRAL)

    def _round(self, x: np.ndarray, cost: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """A feasible x: bids in the order of their share in the relaxation, each if it still fits."""
        chosen = np.zeros(len(cost), dtype=bool)
        if self.matrix.shape[1] > self.bids:
            return chosen
        room = np.ones(self.matrix.shape[0], dtype=bool)
        start, index = self.matrix.indptr, self.matrix.indices
        for bid in np.lexsort((-cost, -x)):
            rows = index[start[bid] : start[bid + 1]]
            if allowed[bid] and cost[bid] > 0 and room[rows].all():
                chosen[bid] = True
                room[rows] = False
        return chosen


def _highs(matrix: csc_matrix, upper: np.ndarray, cost: np.ndarray, integer: bool) -> highspy.Highs:
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = matrix.shape
    program.col_cost_ = -cost
    program.col_lower_, program.col_upper_ = np.zeros(len(cost)), np.ones(len(cost))
    program.row_lower_, program.row_upper_ = np.full(len(upper), -highspy.kHighsInf), upper
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_ = matrix.indptr, matrix.indices
    program.a_matrix_.value_ = matrix.data
    if integer:
        program.integrality_ = [highspy.HighsVarType.kInteger] * len(cost)
    highs = highspy.Highs()
    for option, setting in _OPTIONS.items():
        highs.setOptionValue(option, setting)
    highs.passModel(program)
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


def _branch(
    matrix: csc_matrix, upper: np.ndarray, cost: np.ndarray, known: np.ndarray, searching: bool
) -> tuple[np.ndarray, float]:
    """Branch and bound from the feasible x `known`: the best x bool and the bound. searching: with all heuristics."""
    highs = _highs(matrix, upper, cost, integer=True)
    for option, setting in () if searching else SETTLED.items():
        highs.setOptionValue(option, setting)
    start = highspy.HighsSolution()
    start.col_value = known.astype(float).tolist()
    highs.setSolution(start)
    highs.run()
    found = np.asarray(highs.getSolution().col_value) > 0.5
    return found, -float(highs.getInfo().mip_dual_bound)
