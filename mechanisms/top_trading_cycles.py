"""Top trading cycles (Shapley and Scarf 1974, who credit David Gale; Abdulkadiroglu and Sonmez 2003 for schools).

Every proposer points to its best object that has a seat left; every object points to its owner while the owner is there, and
then to the first of its priority list. There is a ring; all in it take what they point to and leave; repeat.
  Owners only (a housing market): the outcome is the one allocation that no coalition of owners can improve by trading
  among themselves, not even for one member without harm to the others (Roth and Postlewaite 1977).
  No owners (school choice): priorities are traded like property.
  Both: nobody ends worse than with its own object ("you request my house, I get your turn", Abdulkadiroglu and Sonmez 1999).
In all three it is strategyproof (Roth 1982, "Incentive compatibility in a market with indivisible goods") and Pareto efficient
for the proposers. It is not stable: a proposer may envy one of lower priority. An owner who stays away keeps its seat.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.rankings import RankedObjects
from marketic.mechanisms.deferred_acceptance import PRICE_OF_STABILITY
from marketic.numbers import check_kinds
from marketic.rankings import Rankings, matching


@dataclass(frozen=True)
class TopTradingCycles:
    """Trade in rings. `Rankings` [..., n, m], with an `endowment` where there are owners -> allocation bool [..., n, m].

    endowed: whether its kit draws owners (a housing market) or only priorities (school choice). It clears both.
    """

    endowed: bool = True

    def __post_init__(self) -> None:
        check_kinds(self)

    @property
    def claims(self) -> frozenset[Claim]:
        """With owners also CORE."""
        always = frozenset({Claim.DSIC, Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL})
        return always | {Claim.CORE} if self.endowed else always

    @property
    def domain(self) -> RankedObjects:
        """Lists with or without endowments."""
        return RankedObjects(endowed=self.endowed)

    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(Claim.STABLE, PRICE_OF_STABILITY, source="Abdulkadiroglu and Sonmez 2003"),
    )

    def clear(self, bids: Rankings, *, rng: np.random.Generator | None = None) -> Clearing:
        """Carry out rings until nobody is left."""
        order, priority, seats, active, owned = bids.rows()
        match = np.full(active.shape, -1, dtype=np.int64)
        _trade(order, priority, seats, active, owned, match)
        return matching(bids, match)


@njit(cache=True)
def _wish(order, seats, welcome, choice, i):  # type: ignore[no-untyped-def]
    """The best object with a seat that admits i, -1: none. Moves `choice[i]`, its place in the list, on to there."""
    while choice[i] < order.shape[1] and order[i, choice[i]] >= 0:
        j = order[i, choice[i]]
        if seats[j] > 0 and welcome[i, j]:
            return j
        choice[i] += 1
    return -1


@njit(cache=True)
def _trade(order, priority, seats, active, owned, match):  # type: ignore[no-untyped-def]
    """Write match int64 [B, n]; `seats` is used up. A path of proposers is followed until it bites its tail."""
    rows, n, m = order.shape
    for row in range(rows):
        owner, welcome = np.full(m, -1), np.zeros((n, m), dtype=np.bool_)
        here = active[row].copy()
        for j in range(m):
            for k in range(n):
                if priority[row, j, k] >= 0:
                    welcome[priority[row, j, k], j] = True
        for i in range(n):
            if here[i] and owned[row, i] >= 0:
                owner[owned[row, i]] = i
                welcome[i, owned[row, i]] = True
        choice, turn = np.zeros(n, dtype=np.int64), np.zeros(m, dtype=np.int64)
        path, length = np.empty(n, dtype=np.int64), 0
        on_path = np.zeros(n, dtype=np.bool_)
        for first in range(n):
            while here[first] or length > 0:
                if length == 0:
                    path[0], length, on_path[first] = first, 1, True
                i = path[length - 1]
                j = _wish(order[row], seats[row], welcome, choice, i)
                if j < 0:  # it goes without
                    here[i], on_path[i], length = False, False, length - 1
                    continue
                k = owner[j]
                if k < 0 or not here[k]:
                    while not here[priority[row, j, turn[j]]]:
                        turn[j] += 1  # i itself is on the list, so there is an end
                    k = priority[row, j, turn[j]]
                if not on_path[k]:
                    path[length], length, on_path[k] = k, length + 1, True
                    continue
                while on_path[k]:
                    i = path[length - 1]
                    length -= 1
                    j = order[row, i, choice[i]]
                    match[row, i], here[i], on_path[i] = j, False, False
                    seats[row, j] -= 1
