"""Winner determination by dynamic programming over all sets of goods (Rothkopf, Pekec and Harstad 1998).

With F_i(S) the most that bidders i, i + 1, ... can make of the goods S,

    F_i(S) = max(F_{i+1}(S), max over bids (b, v) of bidder i with b in S of v + F_{i+1}(S - b)),

which takes 2^m steps per bid however many bidders there are. Ties go to the first bidder, then to its first bid; bids of 0
win nothing. Sums are added in one fixed order, so the outcome scales exactly with powers of two.

The same tables give what all the others could make without a winner: the most over S of what the bidders before it make
of S and those after it of the rest. All marginal contributions cost two passes instead of n.
"""

import numpy as np
from numba import njit

STEPS = 3e7
CELLS = 2**22


def in_reach(bidders: int, bids: int, goods: int) -> bool:
    """Whether an auction of this size is quick to solve here (tenths of a second, at most 32 MB)."""
    return goods <= 20 and bidders * bids * 2.0**goods <= STEPS and (bidders + 1) * 2**goods <= CELLS


@njit(cache=True)
def _add_bidder(after, made, value, wanted, live, surplus, exclusive):  # type: ignore[no-untyped-def]
    """Write to made [2^m] what one more bidder and those behind `after` [2^m] make; the bidder keeps `surplus`."""
    made[:] = after
    if exclusive:
        for j in range(value.size):
            net = value[j] - surplus
            if live[j] and net > 0.0:
                bundle = wanted[j]
                for goods in range(bundle, made.size):
                    if goods & bundle == bundle:
                        made[goods] = max(made[goods], after[goods ^ bundle] + net)
        return
    part = after - surplus
    for j in range(value.size):
        if live[j] and value[j] > 0.0:
            _add_bid(part, value[j], wanted[j])
    for goods in range(made.size):
        made[goods] = max(made[goods], part[goods])


@njit(cache=True)
def _add_bid(part, value, bundle):  # type: ignore[no-untyped-def]
    for goods in range(part.size - 1, bundle - 1, -1):  # downwards: a bid wins once
        if goods & bundle == bundle:
            part[goods] = max(part[goods], part[goods ^ bundle] + value)


@njit(cache=True)
def _pick(goods, after, made, value, wanted, live, surplus, exclusive, chosen):  # type: ignore[no-untyped-def]
    """Mark the bids of one bidder that win when `goods` are left, chosen bool [k]; returns the goods left then."""
    if exclusive:
        for j in range(value.size):
            net = value[j] - surplus
            fits = live[j] and net > 0.0 and goods & wanted[j] == wanted[j]
            if fits and after[goods ^ wanted[j]] + net == made[goods]:
                chosen[j] = True
                return goods ^ wanted[j]
        return goods
    layers = np.empty((value.size + 1, after.size))
    layers[0] = after - surplus
    for j in range(value.size):
        layers[j + 1] = layers[j]
        if live[j] and value[j] > 0.0:
            _add_bid(layers[j + 1], value[j], wanted[j])
    if layers[-1, goods] < after[goods]:
        return goods
    for j in range(value.size - 1, -1, -1):
        fits = live[j] and value[j] > 0.0 and goods & wanted[j] == wanted[j]
        if fits and layers[j, goods ^ wanted[j]] + value[j] == layers[j + 1, goods]:
            chosen[j] = True
            goods ^= wanted[j]
    return goods


@njit(cache=True)
def solve_rows(value, wanted, live, surplus, exclusive, goods, without, chosen, others):  # type: ignore[no-untyped-def]
    """Solve a batch of auctions.

    value, wanted, live: float64, int64 (a bit per good), bool, all [B, n, k]. surplus: float64 [B, n], what each bidder
    keeps for itself if it wins anything. Written: chosen bool [B, n, k] (all False before), and if `without`, others
    float64 [B, n]: what the others would make without a winner, and what they make for everybody else.
    """
    n = value.shape[1]
    table = np.empty((n + 1, 2**goods))
    before, made = np.empty(2**goods), np.empty(2**goods)
    for row in range(value.shape[0]):
        table[n] = 0.0
        for i in range(n - 1, -1, -1):
            _add_bidder(table[i + 1], table[i], value[row, i], wanted[row, i], live[row, i], surplus[row, i], exclusive)
        left = 2**goods - 1
        for i in range(n):
            left = _pick(
                left, table[i + 1], table[i], value[row, i], wanted[row, i], live[row, i], surplus[row, i],
                exclusive, chosen[row, i],
            )  # fmt: skip
        if not without:
            continue
        before[:] = 0.0
        for i in range(n):
            others[row, i] = table[0, -1]
            if chosen[row, i].any():
                others[row, i] = 0.0
                for first in range(before.size):
                    others[row, i] = max(others[row, i], before[first] + table[i + 1, before.size - 1 - first])
            _add_bidder(before, made, value[row, i], wanted[row, i], live[row, i], surplus[row, i], exclusive)
            before[:] = made
