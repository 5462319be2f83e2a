"""Serial dictatorship: proposers choose one after the other, each the best seat that is left (Svensson 1999).

Strategyproof, since nobody's list changes what is left for it, and Pareto efficient for the proposers. Not stable: objects'
priorities only say who is admitted at all. With the order drawn at random (random priority) it is fair beforehand and
still strategyproof for every utility that agrees with the list, but its lottery can be dominated: all may prefer another
lottery (Bogomolnaia and Moulin 2001). With randomly drawn endowments, top trading cycles gives the same lottery
(Abdulkadiroglu and Sonmez 1998). Counting the lottery is #P-complete (Aziz, Brandt and Brill 2013), so we do it for few.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.rankings import RankedObjects
from marketic.errors import InputError
from marketic.mechanisms.deferred_acceptance import PRICE_OF_STABILITY
from marketic.numbers import check_kinds
from marketic.rankings import Rankings, matching

MOST_ORDERS = 8
"""Up to so many proposers the lottery over all n! orders is counted."""


@dataclass(frozen=True)
class SerialDictatorship:
    """`Rankings` [..., n, m] -> allocation bool [..., n, m] (float64 for the lottery); no payments.

    drawn: False: proposers choose in order of number. True: in an order drawn by `rng`; without `rng` `clear` returns the
    lottery (chances [..., n, m]), for at most 8 active proposers.
    """

    drawn: bool = False
    domain: ClassVar[RankedObjects] = RankedObjects()

    def __post_init__(self) -> None:
        check_kinds(self)

    @property
    def claims(self) -> frozenset[Claim]:
        """EFFICIENT only in a fixed order: every draw is efficient, the lottery over them need not be."""
        always = frozenset({Claim.DSIC, Claim.INDIVIDUALLY_RATIONAL})
        return always if self.drawn else always | {Claim.EFFICIENT}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Not stable; drawn: not efficient as a lottery."""
        envy = Refutation(Claim.STABLE, PRICE_OF_STABILITY, source="Abdulkadiroglu and Sonmez 2003")
        lists = np.array([[0, 1, 2, 3], [0, 1, 2, 3], [1, 0, 3, 2], [1, 0, 3, 2]])
        waste = Refutation(Claim.EFFICIENT, Rankings(lists), source="Bogomolnaia and Moulin 2001, example 1")
        return (waste,) if self.drawn else (envy,)

    def clear(self, bids: Rankings, *, rng: np.random.Generator | None = None) -> Clearing:
        """Let them choose. Raises InputError for the lottery of more than 8."""
        order, _, seats, active, _ = bids.rows()
        listed = np.ascontiguousarray(bids.listed.reshape(order.shape))
        if self.drawn and rng is None:
            return self._lottery(bids, order, listed, seats, active)
        turn = np.broadcast_to(np.arange(active.shape[1]), active.shape)
        if self.drawn and rng is not None:
            turn = rng.permuted(turn, axis=1)
        match = np.full(active.shape, -1, dtype=np.int64)
        _choose(order, listed, seats, active, np.ascontiguousarray(turn), match)
        return matching(bids, match)

    def _lottery(
        self, bids: Rankings, order: np.ndarray, listed: np.ndarray, seats: np.ndarray, active: np.ndarray
    ) -> Clearing:
        """The share of all orders in which each proposer gets each object."""
        most = int(active.sum(axis=1).max(initial=0))
        if most > MOST_ORDERS:
            raise InputError(
                f"SerialDictatorship(drawn=True) without rng: the lottery of {most} proposers has {most}! orders; "
                f"wanted at most {MOST_ORDERS} active proposers, or pass rng=np.random.default_rng(0)"
            )
        times = np.zeros(order.shape, dtype=np.int64)
        _count(order, listed, seats, active, times)
        orders = np.array([math.factorial(k) for k in range(MOST_ORDERS + 1)])[active.sum(axis=1)]
        empty = matching(bids, np.full(active.shape, -1, dtype=np.int64))
        chance = (times / orders[:, None, None]).reshape(bids.order.shape)
        return Clearing(chance, empty.payments, empty.prices)


@njit(cache=True)
def _pick(order, listed, left, i):  # type: ignore[no-untyped-def]
    """The best object for i with a seat left, which is then taken; -1: none. order, listed [n, m]; left [m]."""
    for c in range(order.shape[1]):
        j = order[i, c]
        if j < 0:
            break
        if left[j] > 0 and listed[i, j]:
            left[j] -= 1
            return j
    return -1


@njit(cache=True)
def _choose(order, listed, seats, active, turn, match):  # type: ignore[no-untyped-def]
    """Write match int64 [B, n] for the orders `turn` int64 [B, n]; `seats` is used up."""
    for row in range(order.shape[0]):
        for i in turn[row]:
            if active[row, i]:
                match[row, i] = _pick(order[row], listed[row], seats[row], i)


@njit(cache=True)
def _count(order, listed, seats, active, times):  # type: ignore[no-untyped-def]
    """Add up over all orders of the active proposers how often each gets each object: times int64 [B, n, m]."""
    for row in range(order.shape[0]):
        turn, k = np.empty(order.shape[1], dtype=np.int64), 0
        for i in range(order.shape[1]):
            if active[row, i]:
                turn[k], k = i, k + 1
        while True:
            left = seats[row].copy()
            for t in range(k):
                j = _pick(order[row], listed[row], left, turn[t])
                if j >= 0:
                    times[row, turn[t], j] += 1
            a = k - 2  # the next order of the alphabet
            while a >= 0 and turn[a] > turn[a + 1]:
                a -= 1
            if a < 0:
                break
            b = k - 1
            while turn[b] < turn[a]:
                b -= 1
            turn[a], turn[b] = turn[b], turn[a]
            low, high = a + 1, k - 1
            while low < high:
                turn[low], turn[high] = turn[high], turn[low]
                low, high = low + 1, high - 1
