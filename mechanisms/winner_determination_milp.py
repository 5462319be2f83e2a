"""Winner determination by integer programming with HiGHS (Huangfu and Hall 2018), for auctions of many goods.

    maximise sum of v_b x_b   where every good is in at most one winning bid, XOR bidders win one bid at most, x_b in {0, 1}.

The linear relaxation comes first. Its dual prices p bound the welfare whatever the solver did: for any p >= 0,

    welfare <= sum of p + sum over bids of max(0, v_b - p(b)),

which is how an answer is certified. If the relaxation has no fractions (in auctions with some geography it rarely has) it
is the answer. Otherwise it is tightened with cliques: of bids that exclude each other pairwise one wins (Padberg 1973),
unless they only spread the fractions over more bids. Then bids that the prices rule out (v_b - p(b) below known welfare
minus bound) are left away, a local search finds a good choice among the rest, and branch and bound proves the best one.
Re-solves with other bids start from the first basis and keep all cliques.
"""

import math

import highspy
import numpy as np
from scipy.sparse import csc_matrix, vstack

from marketic.mechanisms.winner_determination_highs import branch_and_bound, program
from marketic.mechanisms.winner_determination_search import improved

INTEGRAL = 1e-6
CLIQUE_ROUNDS = 10
KICKS = 30
"""Of the local search, per bid that is not ruled out."""
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
        self.relaxation = program(self.matrix, self.upper, np.zeros(width), integer=False)
        self.basis: highspy.HighsBasis | None = None
        self.cliques_fail = False

    def solve(
        self,
        cost: np.ndarray,
        allowed: np.ndarray | None = None,
        known: np.ndarray | None = None,
        limit: tuple[np.ndarray, int] | None = None,
    ) -> tuple[np.ndarray, float]:
        """Maximise cost . x over the columns `allowed` bool [width]; known: a feasible x, bool [width], if there is one.

        limit: columns bool [width] of which x may take that many at most; `known` must be given with it, and keep to it.
        Returns x bool [width] and an upper bound on the optimum, currency.
        """
        width = self.matrix.shape[1]
        allowed = np.ones(width, dtype=bool) if allowed is None else allowed
        scaled, unit = _in_units(cost, allowed)
        x, bound, reduced = self._tightened(scaled, allowed)
        chosen = self._whole(x)
        if chosen is not None and (limit is None or chosen[limit[0]].sum() <= limit[1]):
            return chosen, max(bound, float(scaled @ chosen)) * unit
        chosen = known if limit is not None else self._round(x, scaled, allowed)
        assert chosen is not None
        if known is not None and scaled @ known > scaled @ chosen:
            chosen = known
        kept = allowed & (bound + np.minimum(reduced, 0.0) >= scaled @ chosen - ROUNDING)
        settled = known is not None or self.bids == width
        if known is None and settled:
            chosen = self._searched(scaled, kept, chosen)
            kept &= bound + np.minimum(reduced, 0.0) >= scaled @ chosen - ROUNDING
        rows = self._binding(x)
        matrix, upper = self.matrix[rows][:, kept], self.upper[rows]
        if limit is not None:
            matrix, upper = (
                vstack([matrix, csc_matrix(limit[0][kept][None, :] * 1.0)], "csc"),
                np.append(upper, limit[1]),
            )
        found, best = branch_and_bound(matrix, upper, scaled[kept], chosen[kept], settled)
        if scaled[kept] @ found >= scaled @ chosen:
            chosen = np.zeros(width, dtype=bool)
            chosen[kept] = found
        return chosen, max(min(bound, best), float(scaled @ chosen)) * unit

    def relaxed(self, cost: np.ndarray, allowed: np.ndarray) -> np.ndarray | None:
        """The best x bool [width] if the relaxation finds it, without branching; None if it leaves fractions."""
        return self._whole(self._tightened(_in_units(cost, allowed)[0], allowed)[0])

    def _tightened(self, cost: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """The relaxation with all cliques that help."""
        relaxation = self._relax(cost, allowed)
        for _ in range(CLIQUE_ROUNDS):
            if self.cliques_fail or not self._add_cliques(relaxation[0]):
                break
            relaxation = self._relax(cost, allowed)
            if _fractions(relaxation[0]).sum() > self.goods:
                self._drop_cliques()
                relaxation = self._relax(cost, allowed)
        return relaxation

    def _whole(self, x: np.ndarray) -> np.ndarray | None:
        """x as bool, if it has no fractions."""
        chosen = x > 0.5
        return None if _fractions(x).any() or (self.matrix @ chosen > self.upper).any() else chosen

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
        fractional = np.flatnonzero(_fractions(x))
        if not len(fractional):
            return False
        conflict = self._conflicts()
        by_share = np.argsort(-x, kind="stable")
        found: dict[bytes, np.ndarray] = {}
        for seed in fractional:
            inside, beside = [seed], conflict[seed].copy()
            beside[seed] = False
            while beside.any():
                following = by_share[beside[by_share].argmax()]
                inside.append(following)
                beside &= conflict[following]
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

    def _drop_cliques(self) -> None:
        """Without geography cliques hardly lower the bound, and make every node of the search more expensive."""
        self.cliques_fail = True
        self.matrix, self.upper = self.matrix[: self.height], self.upper[: self.height]
        self.relaxation = program(self.matrix, self.upper, np.zeros(self.matrix.shape[1]), integer=False)
        self.basis = None

    def _binding(self, x: np.ndarray) -> np.ndarray:
        """The auction's own rows and the cliques that bind at x, bool [height]: the others only slow branch and bound."""
        own = np.arange(self.matrix.shape[0]) < self.height
        return own | (self.matrix @ x >= self.upper - INTEGRAL)

    def _searched(self, cost: np.ndarray, kept: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """A better x by local search among the columns `kept`."""
        among = np.flatnonzero(kept)
        found = improved(
            cost[among],
            self._conflicts()[np.ix_(among, among)],
            chosen[among],
            KICKS * len(among),
            np.random.default_rng(0),
        )
        better = np.zeros(len(cost), dtype=bool)
        better[among] = found
        return better if cost @ better > cost @ chosen else chosen

    def _conflicts(self) -> np.ndarray:
        """Which columns exclude each other, bool [width, width]."""
        if self.conflict is None:
            self.conflict = (self.excluding.T @ self.excluding).toarray() > 0.0
        return self.conflict

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


def _in_units(cost: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, float]:
    """The costs of the columns allowed, between -1 and 1, and their unit: a power of two, so that scaling is exact."""
    largest = float(np.abs(cost[allowed]).max(initial=0.0))
    unit = 2.0 ** math.frexp(largest)[1] if largest else 1.0
    return np.where(allowed, cost, 0.0) / unit, unit


def _fractions(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(x - np.rint(x)) > INTEGRAL)
