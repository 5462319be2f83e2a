"""The welfare of the others without each winner, for XOR auctions that need integer programming.

For many winners the linear relaxation without their bids says it at once. The rest share their programs. Of a set S of
winners,

    max over i in S of W_{-i} = the best welfare over all choices in which somebody of S wins nothing,

which is one integer program with one more row: of S, |S| - 1 win at most. All of S who win nothing in its solution have
their W_{-i}; the next program asks for the others. Where rivals are many, the second-best choices are few, and a handful of
programs settles all winners.
"""

import numpy as np

from marketic.mechanisms.winner_determination_milp import PackageModel


def welfare_without(model: PackageModel, value: np.ndarray, owner: np.ndarray, chosen: np.ndarray) -> dict[int, float]:
    """W_{-i} of every winner i, currency. value: float64 [b]; owner: int64 [b]; chosen: bool [b], the winning bids."""
    welfare: dict[int, float] = {}
    open_cases = []
    for who in owner[chosen].tolist():
        best = model.relaxed(value, owner != who)
        if best is None:
            open_cases.append(who)
        else:
            welfare[who] = float(value[best].sum())
    pool = [chosen & (owner != who) for who in open_cases]
    while open_cases:
        asked = np.isin(owner, open_cases)
        known = max((x for x in pool if _losers(x, open_cases, owner)), key=lambda x: float(value[x].sum()))
        best, _ = model.solve(value, None, known, (asked, len(open_cases) - 1))
        for who in _losers(best, open_cases, owner):
            welfare[who] = float(value[best].sum())
            open_cases.remove(who)
        pool.append(best)
    return welfare


def _losers(x: np.ndarray, bidders: list[int], owner: np.ndarray) -> list[int]:
    """Those of `bidders` who win nothing in x."""
    winners = set(owner[x].tolist())
    return [who for who in bidders if who not in winners]
