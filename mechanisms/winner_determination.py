"""Winner determination: which package bids to accept (Rothkopf, Pekec and Harstad 1998; Lehmann, Mueller and Sandholm 2006).

Given the bids, maximise their sum over all sets of bids in which no good is sold twice (and an XOR bidder wins one bid at
most). The problem is NP-hard and not even approximable to within m^(1/2 - e), so two exact methods share the work:
dynamic programming over all sets of goods where there are few of them, and integer programming otherwise. Every answer
carries an upper bound, so that its distance from the optimum is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from marketic.bundle_bids import BundleBids
from marketic.clearing import Certificate
from marketic.mechanisms.winner_determination_dp import in_reach, solve_rows

if TYPE_CHECKING:
    from marketic.mechanisms.winner_determination_milp import PackageModel


@dataclass(frozen=True)
class Winners:
    """chosen: bool [..., n, k], the bids that win. won: float64 [..., n], what each bidder bid for them, currency.

    others: float64 [..., n] or None: the welfare that the other bidders would reach without this one. welfare, bound:
    float64 [...]: the sum of the winning bids (less the surpluses kept), and what it cannot exceed.
    """

    chosen: np.ndarray
    won: np.ndarray
    others: np.ndarray | None
    welfare: np.ndarray
    bound: np.ndarray

    def allocation(self, bids: BundleBids) -> np.ndarray:
        """Who receives which good, bool [..., n, m]."""
        return np.asarray((self.chosen[..., None] & bids.bundle).any(axis=-2))

    def certificate(self, bids: BundleBids) -> Certificate:
        """The evidence, over the whole batch: goods sold twice, and the gap between bound and welfare."""
        sold = (self.chosen[..., None] & bids.bundle).sum(axis=(-3, -2))
        gaps = np.asarray(self.bound - self.welfare)
        gap, close = float(gaps.max(initial=0.0)), bool((gaps <= 1e-9 * np.abs(self.bound)).all())
        oversold = float(np.maximum(sold - 1, 0).max(initial=0))
        return Certificate(oversold, 0.0, gap, gap, "optimal" if close else "approximate")


def determine(bids: BundleBids, *, others: bool = False) -> Winners:
    """Solve every auction of a batch; with `others`, also what the others of each winner would make without it."""
    *batch, n, k = bids.value.shape
    if not in_reach(n, k, bids.goods):
        return _one_by_one(bids, others)
    rows = int(np.prod(batch, dtype=np.int64))
    value = np.ascontiguousarray(bids.value).reshape(rows, n, k)
    wanted = bids.bundle.astype(np.int64) @ (1 << np.arange(bids.goods, dtype=np.int64))
    live = np.ascontiguousarray(bids.live).reshape(rows, n, k)
    chosen, without = np.zeros((rows, n, k), dtype=bool), np.zeros((rows, n))
    surplus = np.zeros((rows, n))
    solve_rows(
        value, wanted.reshape(rows, n, k), live, surplus, bids.exclusive, bids.goods, others, chosen, without
    )  # fmt: skip
    picked = chosen.reshape(bids.value.shape)
    won = np.where(picked, bids.value, 0.0).sum(axis=-1)
    welfare = won.sum(axis=-1)
    return Winners(picked, won, without.reshape(won.shape) if others else None, welfare, welfare.copy())


def single_auctions(bids: BundleBids) -> Iterator[tuple[tuple[int, ...], BundleBids]]:
    """Each auction of a batch by itself, with its place in the batch (the empty place if there is no batch)."""
    for place in np.ndindex(bids.value.shape[:-2]):
        yield (
            place,
            BundleBids(bids.value[place], bids.bundle[place], bids.active[place], bids.offered[place], bids.exclusive),
        )


def _one_by_one(bids: BundleBids, others: bool) -> Winners:
    shape = bids.value.shape
    chosen, won = np.zeros(shape, dtype=bool), np.zeros(shape[:-1])
    without, welfare, bound = np.zeros(shape[:-1]), np.zeros(shape[:-2]), np.zeros(shape[:-2])
    for place, one in single_auctions(bids):
        problem = PackageProblem(one)
        best = problem.solve()
        chosen[place], won[place] = best.chosen, best.won
        welfare[place], bound[place] = best.welfare, best.bound
        if others:
            without[place] = problem.welfare_without(best)
    return Winners(chosen, won, without if others else None, welfare, bound)


class PackageProblem:
    """One auction, to be solved again and again: without a bidder, or with bidders who keep a surplus for themselves."""

    def __init__(self, bids: BundleBids) -> None:
        self.bids = bids
        n, k = bids.value.shape
        self.small = in_reach(n, k, bids.goods)
        if self.small:
            self.wanted = bids.bundle.astype(np.int64) @ (1 << np.arange(bids.goods, dtype=np.int64))
            return
        self.owner, self.place = np.nonzero(bids.live & (bids.value > 0.0))
        self.value = bids.value[self.owner, self.place]
        self._models: dict[bool, PackageModel] = {}

    def solve(self, surplus: np.ndarray | None = None) -> Winners:
        """The best set of bids if every bidder who wins keeps `surplus` float64 [n] (default 0) for itself.

        `welfare` and `bound` are net of those surpluses: what the seller could raise.
        """
        kept = np.zeros(len(self.bids.value)) if surplus is None else np.asarray(surplus, dtype=float)
        if not self.small:
            return self._by_programming(kept, np.ones(len(self.value), dtype=bool), None)[0]
        chosen = np.zeros((1, *self.bids.value.shape), dtype=bool)
        solve_rows(
            self.bids.value[None], self.wanted[None], self.bids.live[None], kept[None], self.bids.exclusive,
            self.bids.goods, False, chosen, np.zeros((1, len(kept))),
        )  # fmt: skip
        return self._winners(chosen[0], kept, None)

    def welfare_without(self, best: Winners) -> np.ndarray:
        """What the others of each winner would make without it, float64 [n]; the full welfare for everybody else."""
        if self.small:
            found = determine(self.bids, others=True).others
            assert found is not None
            return found
        without = np.full(len(best.won), float(best.welfare))
        known = best.chosen[self.owner, self.place]
        if self.bids.exclusive:
            from marketic.mechanisms.winner_determination_without import welfare_without

            by_winner = welfare_without(self._model(False), self.value, self.owner, known)
            without[list(by_winner)] = list(by_winner.values())
            return without
        for who in np.flatnonzero(best.chosen.any(axis=-1)):
            others = self.owner != who
            without[who] = self._by_programming(np.zeros(len(without)), others, known & others)[0].welfare
        return without

    def _by_programming(
        self, surplus: np.ndarray, allowed: np.ndarray, known: np.ndarray | None
    ) -> tuple[Winners, np.ndarray]:
        takes_part = not self.bids.exclusive and bool(surplus.any())
        model = self._model(takes_part)
        cost = self.value - (surplus[self.owner] if self.bids.exclusive else 0.0)
        allowed = allowed & (cost > 0.0)
        if takes_part:
            cost = np.concatenate([cost, -surplus[model.bidders]])
            allowed = np.concatenate([allowed, np.ones(len(model.bidders), dtype=bool)])
        x, bound = model.solve(cost, allowed, known)
        chosen = np.zeros(self.bids.value.shape, dtype=bool)
        chosen[self.owner, self.place] = x[: len(self.owner)]
        return self._winners(chosen, surplus, bound), x

    def _model(self, takes_part: bool) -> "PackageModel":
        from marketic.mechanisms.winner_determination_milp import PackageModel

        if takes_part not in self._models:
            bundle = self.bids.bundle[self.owner, self.place]
            self._models[takes_part] = PackageModel(bundle, self.owner, self.bids.exclusive, takes_part)
        return self._models[takes_part]

    def _winners(self, chosen: np.ndarray, surplus: np.ndarray, bound: float | None) -> Winners:
        won = np.where(chosen, self.bids.value, 0.0).sum(axis=-1)
        welfare = np.asarray((won - np.where(chosen.any(axis=-1), surplus, 0.0)).sum())
        limit = welfare.copy() if bound is None else np.asarray(max(bound, float(welfare)))
        return Winners(chosen, won, None, welfare, limit)
