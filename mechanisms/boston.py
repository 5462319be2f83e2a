"""The Boston mechanism, or immediate acceptance (Abdulkadiroglu and Sonmez 2003, "School choice: a mechanism design approach").

Round k: whoever has no seat asks its k-th choice, which gives its free seats at once and for good, by priority. Pareto
efficient for the proposers at the lists they report, but not strategyproof: a truthful first choice that is lost has cost
the place in the queue for the second. Naming a safe school first pays. Not stable either.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.rankings import RankedObjects
from marketic.rankings import Rankings, matching

_PRIORITY = np.array([[0, 1, 2], [1, 0, 2], [0, 1, 2]])
TRUTH = Rankings(order=np.array([[0, 1, 2], [0, 1, 2], [1, 0, 2]]), priority=_PRIORITY)
"""Proposer 1 loses object 0 to proposer 0, and meanwhile object 1, where it has first priority, went to proposer 2."""
LIE = Rankings(order=np.array([[0, 1, 2], [1, 0, 2], [1, 0, 2]]), priority=_PRIORITY)
"""By naming object 1 first it gets it."""


@dataclass(frozen=True)
class Boston:
    """Immediate acceptance. `Rankings` [..., n, m] -> allocation bool [..., n, m]; no payments."""

    claims = frozenset({Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL})
    domain: ClassVar[RankedObjects] = RankedObjects()
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.DSIC, TRUTH, LIE, who=(1,), source="Abdulkadiroglu and Sonmez 2003"),
        Refutation(Claim.STABLE, TRUTH, source="Abdulkadiroglu and Sonmez 2003"),
    )

    def clear(self, bids: Rankings, *, rng: np.random.Generator | None = None) -> Clearing:
        """Fill the seats round by round."""
        order, priority, seats, active, _ = bids.rows()
        match = np.full(active.shape, -1, dtype=np.int64)
        _accept(order, priority, seats, active, match)
        return matching(bids, match)


@njit(cache=True)
def _accept(order, priority, seats, active, match):  # type: ignore[no-untyped-def]
    """Write match int64 [B, n]; `seats` is used up."""
    rows, n, m = order.shape
    for row in range(rows):
        for choice in range(m):
            for j in range(m):
                for k in range(n):
                    i = priority[row, j, k]
                    if i < 0 or seats[row, j] == 0:
                        break
                    if active[row, i] and match[row, i] < 0 and order[row, i, choice] == j:
                        match[row, i] = j
                        seats[row, j] -= 1
