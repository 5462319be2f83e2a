"""Matching without money: proposers rank objects, and an outcome is worth to them what its place in their list says.

Worths are ordinal: m for a first choice, m - 1 for a second ..., 0 for nothing, -1 for an object that is not on the list. A lie
that raises this number gets the liar an object that it truly prefers, so comparing sums of worths with lies is a
test of strategyproofness, while sums over proposers mean nothing. Efficiency is therefore Pareto efficiency for the
proposers, and `dominated` tests it exactly: with strict lists an improvement is a proposer who would rather have a free seat,
or a ring of proposers each of whom would rather have the next one's object. A lottery with such a ring is dominated
in the sense of first-order stochastic dominance (Bogomolnaia and Moulin 2001, "A new solution to the random assignment
problem", lemma 3). Where proposers own objects, worths are counted from what they own.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from marketic.clearing import Clearing
from marketic.domains.base import changed
from marketic.domains.draws import present
from marketic.rankings import Rankings, positions


def _plain(array: np.ndarray) -> np.ndarray:
    """A copy of one memory layout, so that the loops below are compiled once."""
    return np.array(array, order="C")


@dataclass(frozen=True)
class RankedObjects:
    """Proposers with strict lists, objects with priorities and seats.

    sizes: numbers of proposers to try. share: part of the kit's budget. endowed: True: most proposers own an object.
    most: the largest number of objects drawn.
    """

    sizes: tuple[int, ...] = (3, 2, 4, 1, 3, 0, 5, 4)
    share: float = 0.5
    endowed: bool = False
    most: int = 4

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> Rankings:
        """Lists alike and unlike, complete and cut short; priorities likewise; 0 to 2 seats; some proposers absent."""
        m = min(int(rng.integers(1, self.most + 2)), self.most)
        order = _lists(rng, cases, bidders, m)
        priority = _lists(rng, cases, m, bidders)
        capacity = rng.choice([0, 1, 1, 1, 1, 1, 2, 2], size=(cases, m))
        endowment = None
        if self.endowed:
            capacity = np.maximum(capacity, 1)
            several = rng.permuted(np.tile(np.arange(max(m, bidders)), (cases, 1)), axis=1)[:, :bidders]
            endowment = np.where((several < m) & (rng.random(several.shape) < 0.85), several, -1)
        return Rankings(order, priority, capacity, present(rng, (cases, bidders)), endowment)

    def lie(self, rng: np.random.Generator, truth: Rankings, who: np.ndarray) -> Rankings:
        """Proposer `who` reports another list: two swapped, one put first, cut short, or all new."""
        rows, m = np.arange(len(who)), truth.order.shape[-1]
        own, new = truth.order[rows, who], _lists(rng, len(who), 1, m)[:, 0]
        a, b = rng.integers(0, m, size=(2, len(who)))
        swapped = own.copy()
        swapped[rows, a], swapped[rows, b] = own[rows, b], own[rows, a]
        whole = (swapped[:, :-1] != -1) | (swapped[:, 1:] == -1)
        swapped = np.where(whole.all(axis=1)[:, None], swapped, own)
        rank = positions(own, m).astype(float)
        rank[rows, a] = -1.0
        first = np.where(np.sort(rank, axis=1) < m, rank.argsort(axis=1, kind="stable"), -1)
        cut = np.where(np.arange(m) <= a[:, None], own, -1)
        order = truth.order.copy()
        order[rows, who] = np.choose(rng.integers(0, 4, size=(len(who), 1)), [new, swapped, first, cut])
        return changed(truth, order=order)

    def worth(self, truth: Rankings, clearing: Clearing) -> np.ndarray:
        """Places gained, float64 [cases, n] (expected, for a lottery); counted from the own object if there is one."""
        value = np.where(truth.places > 0, truth.places, -1.0)
        worth = (value * np.asarray(clearing.allocation, dtype=float)).sum(axis=-1)
        if truth.endowment is not None:
            owned = truth.endowment[..., None] == np.arange(value.shape[-1])
            worth = worth - np.where(truth.active, (truth.places * owned).sum(axis=-1), 0.0)
        return worth

    def optimum(self, truth: Rankings) -> np.ndarray:
        """The highest sum of worths, float64 [cases]. Sums of ranks mean little: efficiency is tested by `dominated`."""
        from scipy.optimize import linear_sum_assignment

        best = np.zeros(len(truth.order))
        own = self.worth(truth, Clearing(np.zeros(truth.order.shape), np.zeros(0), np.zeros(0))).sum(axis=-1)
        for case, value in enumerate(np.where(truth.listed & truth.active[..., None], truth.places, 0.0)):
            seats = np.repeat(value, np.minimum(truth.seats[case], len(value)), axis=1)
            best[case] = seats[linear_sum_assignment(seats, maximize=True)].sum()
        return best + own

    def infeasible(self, truth: Rankings, clearing: Clearing) -> tuple[np.ndarray, str]:
        """More seats given than there are, more than one object to a proposer, or one to a proposer it does not accept."""
        allocation = np.asarray(clearing.allocation, dtype=float)
        crowded = (allocation.sum(axis=1) - truth.seats).max(axis=-1, initial=0.0)
        twice = (allocation.sum(axis=2) - 1.0).max(axis=-1, initial=0.0)
        welcome = np.swapaxes(positions(truth.priority, allocation.shape[1]) < allocation.shape[1], 1, 2)
        if truth.endowment is not None:
            welcome = welcome | (truth.endowment[..., None] == np.arange(allocation.shape[2]))
        wrong = np.where(welcome, -allocation, np.abs(allocation)).max(axis=(1, 2), initial=0.0)
        return np.maximum(
            np.maximum(crowded, twice), wrong
        ) - 1e-9, "it seats more than there is room for, or the unwelcome"

    def dominated(self, truth: Rankings, clearing: Clearing) -> np.ndarray:
        """Whether all proposers could have the same or better, and one of them better: bool [cases]. See the module."""
        share = _plain(np.asarray(clearing.allocation, dtype=float))
        out = np.zeros(len(share), dtype=bool)
        rank = positions(truth.order, truth.order.shape[-1])
        _dominated(share, rank, _plain(truth.listed), _plain(truth.seats), _plain(truth.active), out)
        return out

    def blocking_pairs(self, truth: Rankings, clearing: Clearing) -> np.ndarray:
        """Pairs that would leave their partners (or an empty seat) for each other, and matches that one side does not want.

        A lottery is read as the matching of its chances above one half. int64 [cases].
        """
        match = _plain(np.asarray(clearing.allocation, dtype=float) > 0.5)
        cases, n, m = match.shape
        out = np.zeros(cases, dtype=np.int64)
        rank, place = positions(truth.order, m), positions(truth.priority, n)
        _blocking_pairs(match, rank, place, _plain(truth.seats), _plain(truth.active), out)
        return out

    def blocking_gain(self, truth: Rankings, clearing: Clearing) -> np.ndarray:
        """1 where owners could do better by trading only what they own (some better, none worse), else 0: float64 [cases]."""
        share = _plain(np.asarray(clearing.allocation, dtype=float))
        out = np.zeros(len(share))
        if truth.endowment is not None:
            rank = positions(truth.order, truth.order.shape[-1])
            _core(share, rank, _plain(truth.listed), _plain(truth.active), _plain(truth.endowment), out)
        return out


def _lists(rng: np.random.Generator, cases: int, rows: int, names: int) -> np.ndarray:
    """Lists int64 [cases, rows, names]: in a third of the cases all alike but for noise, in half of the cases complete."""
    common = rng.random((cases, 1, names)) * np.where(rng.random((cases, 1, 1)) < 0.33, 5.0, 0.0)
    order = (rng.random((cases, rows, names)) + common).argsort(axis=-1)
    length = rng.integers(0, names + 1, size=(cases, rows, 1))
    length = np.where(rng.random((cases, 1, 1)) < 0.5, names, length)
    return np.where(np.arange(names) < length, order, -1)


@njit(cache=True)
def _closure(edge):  # type: ignore[no-untyped-def]
    """Who can be reached from whom, in place. edge: bool [k, k]."""
    for via in range(edge.shape[0]):
        for a in range(edge.shape[0]):
            if edge[a, via]:
                for b in range(edge.shape[0]):
                    edge[a, b] |= edge[via, b]


@njit(cache=True)
def _dominated(share, rank, listed, seats, active, out):  # type: ignore[no-untyped-def]
    """share [cases, n, m], rank and listed [cases, n, m], seats [cases, m] -> out bool [cases]."""
    cases, n, m = share.shape
    for row in range(cases):
        edge = np.zeros((m, m), dtype=np.bool_)
        used = np.zeros(m)
        for i in range(n):
            for j in range(m):
                used[j] += share[row, i, j]
        bad = False
        for i in range(n):
            if not active[row, i]:
                continue
            alone = 1.0  # the chance to get nothing
            for j in range(m):
                alone -= share[row, i, j]
                bad |= share[row, i, j] > 1e-9 and rank[row, i, j] == m  # it would rather have nothing
            for j in range(m):
                if not listed[row, i, j]:
                    continue
                wanted = alone > 1e-9
                for k in range(m):
                    if share[row, i, k] > 1e-9 and rank[row, i, j] < rank[row, i, k]:
                        edge[k, j] = True
                        wanted = True
                bad |= wanted and used[j] < seats[row, j] - 1e-9
        _closure(edge)
        for j in range(m):
            bad |= edge[j, j]
        out[row] = bad


@njit(cache=True)
def _blocking_pairs(match, rank, place, seats, active, out):  # type: ignore[no-untyped-def]
    """match bool [cases, n, m], rank [cases, n, m], place [cases, m, n] -> out int64 [cases]."""
    cases, n, m = match.shape
    for row in range(cases):
        for i in range(n):
            if not active[row, i]:
                continue
            current = m
            for j in range(m):
                if match[row, i, j]:
                    current = min(current, rank[row, i, j])
                    out[row] += rank[row, i, j] == m or place[row, j, i] == n
            for j in range(m):
                if rank[row, i, j] >= current or place[row, j, i] == n:
                    continue
                taken, worst = 0, -1
                for k in range(n):
                    if match[row, k, j]:
                        taken += 1
                        worst = max(worst, place[row, j, k])
                out[row] += taken < seats[row, j] or worst > place[row, j, i]


@njit(cache=True)
def _core(share, rank, listed, active, owned, out):  # type: ignore[no-untyped-def]
    """share, rank, listed [cases, n, m], owned [cases, n] -> out float64 [cases]: a ring of owners with one who gains."""
    cases, n, m = share.shape
    for row in range(cases):
        weak, strict = np.zeros((n, n), dtype=np.bool_), np.zeros((n, n), dtype=np.bool_)
        for i in range(n):
            current = m
            for j in range(m):
                if share[row, i, j] > 1e-9:
                    current = rank[row, i, j]  # of a lottery: the last of them, so that only matchings are meant here
            for k in range(n):
                if not (active[row, i] and active[row, k]) or owned[row, i] < 0 or owned[row, k] < 0:
                    continue
                there = owned[row, k]
                weak[i, k] = listed[row, i, there] and rank[row, i, there] <= current
                strict[i, k] = weak[i, k] and rank[row, i, there] < current
        _closure(weak)
        for i in range(n):
            for k in range(n):
                if strict[i, k] and (i == k or weak[k, i]):
                    out[row] = 1.0
