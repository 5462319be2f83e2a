"""The ascending auction for different goods (Demange, Gale and Sotomayor 1986): prices start at the sellers' costs and rise
on overdemanded goods only, until nobody is outbid.

Buyers enter one by one. A buyer who finds its favourite good taken makes its owner look elsewhere among its own favourites;
if all goods that can be reached in this way are taken, more buyers than goods want only these, so every one of them costs
more in any competitive equilibrium: their prices rise together until some buyer of the group is as content with another
good, or with none. No price passes its lowest competitive level (the group argument holds at every moment of the rise), so
the auction ends at the lowest competitive prices, which are the Vickrey-Clarke-Groves payments (Leonard 1983). Rises are as
large as the group allows, so the result is exact and needs no smallest bid; it is the Hungarian method, read as an auction.
A second way to the outcome of `assignment_market`, which computes it from an optimal matching.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from marketic.assignment_bids import AssignmentBids
from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains.assignment import Assignment
from marketic.errors import InputError
from marketic.mechanisms.assignment_market import AssignmentMarket, certificate


@dataclass(frozen=True)
class AscendingAssignment:
    """Each buyer gets at most one good, at the lowest competitive prices. Answers as `AssignmentMarket(0.0)` does.

    allocation: bool [..., n, m]; payments [..., n] and prices [..., m], currency, NaN for unsold goods.
    """

    @property
    def claims(self) -> frozenset[Claim]:
        """Those of the lowest competitive prices."""
        return AssignmentMarket(0.0).claims

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Truth is dominant for buyers."""
        return AssignmentMarket(0.0).terms

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """A loser who withdraws makes the winner's price fall."""
        return AssignmentMarket(0.0).refuted

    @property
    def domain(self) -> Assignment:
        """Three goods without costs."""
        return Assignment(3)

    def clear(self, bids: AssignmentBids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Hold the auctions."""
        if not isinstance(bids, AssignmentBids):
            raise InputError(f"{type(bids).__name__}: an ascending auction wants AssignmentBids(value[..., n, m])")
        bids = bids.at_least(0.0)
        shape, (n, m) = bids.value.shape, bids.value.shape[-2:]
        rows = math.prod(shape[:-2])
        value = np.ascontiguousarray(bids.value.reshape(rows, n, m))
        cost = np.ascontiguousarray(bids.cost.reshape(rows, m))
        active = np.ascontiguousarray(bids.active.reshape(rows, n))
        match, prices = np.full((rows, n), -1), cost.copy()
        _auctions(value, active, match, prices)
        bought = np.arange(m) == match[..., None]
        sold = bought.any(axis=1)
        paid = np.where(bought, np.minimum(prices[:, None, :], value), 0.0).sum(axis=-1)
        surplus = np.where(sold, prices - cost, 0.0)
        gain = np.where(active[..., None], value, -np.inf) - cost[:, None, :]
        proof = certificate(gain, bought, surplus, bids.value)
        announced = np.where(sold, (bought * paid[..., None]).sum(axis=1), np.nan)
        return Clearing(
            bought.reshape(shape), paid.reshape(shape[:-1]), announced.reshape((*shape[:-2], m)), certificate=proof
        )


@njit(cache=True)
def _auctions(value, active, match, prices):
    """Every auction of a batch, in place: match int64 [B, n] (-1: no good), prices float64 [B, m] from the costs."""
    rows, n, m = value.shape
    owner, came, slack, tight = np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m), np.empty(m, np.bool_)
    for row in range(rows):
        owner[:] = -1
        for newcomer in range(n):
            if active[row, newcomer]:
                _enter(value[row], prices[row], match[row], owner, newcomer, came, slack, tight)


@njit(cache=True)
def _enter(value, price, match, owner, newcomer, came, slack, tight):
    """One buyer enters; the group's prices rise until somebody has an alternative."""
    m = len(price)
    slack[:], tight[:], came[:] = np.inf, False, -1
    content, leaver = np.inf, -1  # how much more the group can pay until a buyer would rather have none; who
    buyer = newcomer
    while True:
        best = 0.0
        for good in range(m):
            best = max(best, value[buyer, good] - price[good])
        if best < content:
            content, leaver = best, buyer
        for good in range(m):
            lost = best - (value[buyer, good] - price[good])
            if not tight[good] and lost < slack[good]:
                slack[good], came[good] = lost, buyer
        nearest = -1
        for good in range(m):
            if not tight[good] and (nearest < 0 or slack[good] < slack[nearest]):
                nearest = good
        out = nearest < 0 or slack[nearest] >= content
        rise = content if out else slack[nearest]
        for good in range(m):
            if tight[good]:
                price[good] += rise
            else:
                slack[good] -= rise
        content -= rise
        if out:
            _pass_on(match, owner, came, match[leaver])  # the leaver's good goes to whoever pushed it out
            if leaver != newcomer:
                match[leaver] = -1
            return
        if owner[nearest] < 0:
            _pass_on(match, owner, came, nearest)
            return
        tight[nearest] = True
        buyer = owner[nearest]


@njit(cache=True)
def _pass_on(match, owner, came, good):
    """Everybody on the way back to the newcomer moves on by one good. good -1: nobody moves."""
    while good >= 0:
        buyer = came[good]
        before = match[buyer]
        owner[good], match[buyer] = buyer, good
        good = before
