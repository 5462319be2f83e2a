"""Deferred acceptance (Gale and Shapley 1962; Roth 1984 for hospitals with several seats).

Every proposer asks its best object that has not refused it yet; an object with q seats holds the best q who asked, by its
priorities, and refuses the rest. When nobody asks any more, what is held becomes final. With strict lists and
responsive priorities (an object compares proposers one by one) the outcome does not depend on who asks first, and it is
  stable: no proposer and object would both rather have each other (Gale and Shapley 1962);
  the best stable matching for every proposer, and the worst for every object;
  strategyproof for proposers (Dubins and Freedman 1981; Roth 1982), not for the objects;
  and in all stable matchings the same proposers and as many seats go empty (rural hospitals: Roth 1986).
It may be Pareto-dominated for the proposers: stability has its price (Roth 1982, "The economics of matching").
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.rankings import RankedObjects
from marketic.rankings import Rankings, matching

PRICE_OF_STABILITY = Rankings(
    order=np.array([[1, 0, 2], [0, 1, 2], [0, 1, 2]]), priority=np.array([[0, 2, 1], [1, 0, 2], [1, 0, 2]])
)
"""Proposers 0 and 1 would both gain by exchanging their stable partners, but then proposer 2 and object 0 would object."""


@dataclass(frozen=True)
class DeferredAcceptance:
    """Proposer-optimal stable matching. `Rankings` [..., n, m] -> allocation bool [..., n, m]; no payments."""

    claims = frozenset({Claim.DSIC, Claim.STABLE, Claim.INDIVIDUALLY_RATIONAL})
    domain: ClassVar[RankedObjects] = RankedObjects()
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.EFFICIENT, PRICE_OF_STABILITY, source="Roth 1982; Abdulkadiroglu and Sonmez 2003"),
    )

    def clear(self, bids: Rankings, *, rng: np.random.Generator | None = None) -> Clearing:
        """Let the proposers ask until nobody is refused. Priorities default to the order of numbers."""
        order, priority, seats, active, _ = bids.rows()
        match = np.full(active.shape, -1, dtype=np.int64)
        _propose(order, priority, seats, active, match)
        return matching(bids, match)


@njit(cache=True)
def _propose(order, priority, seats, active, match):  # type: ignore[no-untyped-def]
    """Write match int64 [B, n]. Each object's guests stand in a table by their place in its list, the last one marked."""
    rows, n, m = order.shape
    for row in range(rows):
        place = np.full((m, n), n)
        for j in range(m):
            for k in range(n):
                if priority[row, j, k] >= 0:
                    place[j, priority[row, j, k]] = k
        guest = np.full((m, n), -1)
        held, last, asked = np.zeros(m, dtype=np.int64), np.full(m, -1), np.zeros(n, dtype=np.int64)
        for first in range(n):
            i = first if active[row, first] else -1
            while i >= 0:  # i is without a seat; its next choice either takes it or puts somebody else out
                j = order[row, i, asked[i]] if asked[i] < m else -1
                if j < 0:
                    break
                asked[i] += 1
                k = place[j, i]
                if k == n or seats[row, j] == 0:
                    continue
                if held[j] < seats[row, j]:
                    held[j], guest[j, k], match[row, i] = held[j] + 1, i, j
                    last[j] = max(last[j], k)
                    break
                if k > last[j]:
                    continue
                out = guest[j, last[j]]
                guest[j, last[j]], guest[j, k], match[row, i], match[row, out] = -1, i, j, -1
                while guest[j, last[j]] < 0:
                    last[j] -= 1
                i = out
