"""The assignment market: different goods, one seller each, and buyers who want one good (Shapley and Shubik 1971).

A pair (i, j) gains a_ij = v_ij - c_j by trading. The linear program that maximises the sum of a_ij x_ij has integer optima,
and its dual solutions (u, q) >= 0 with u_i + q_j >= a_ij are exactly the core: q_j = p_j - c_j is the surplus of seller j, u_i
that of buyer i. They form a lattice: one corner has the lowest prices, which all buyers like best, the opposite one the
highest, best for all sellers. At the lowest prices buyers pay as in the Vickrey-Clarke-Groves mechanism
(Leonard 1983; Demange 1982), so truth is a dominant strategy for buyers; at the highest it is for sellers, and not for buyers.

Both corners follow from any optimal matching mu: q_j >= q_mu(i) + a_ij - a_i,mu(i) for each matched buyer i, and q_j >= a_ij
for each unmatched one; the lowest prices are longest paths in this graph, the highest are shortest paths back from the
unsold goods, where q = 0. We find mu with SciPy's shortest augmenting paths and the corners by Bellman-Ford. The
certificate checks the duals against the matching: the gap bounds what any other matching could gain.
"""

import math
from dataclasses import dataclass

import numpy as np

from marketic.assignment_bids import AssignmentBids
from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Certificate, Clearing
from marketic.domains.assignment import Assignment
from marketic.errors import InputError
from marketic.numbers import check_kinds

TOLERANCE = 1e-9
"""Share of the most that a buyer names, by which it may miss the best good at the prices, or overpay."""


@dataclass(frozen=True)
class AssignmentMarket:
    """Each buyer gets at most one good, at competitive prices. `bids.value` [..., n, m] -> payments [..., n], currency.

    sellers_share: in [0, 1], where prices lie between the lowest (0: best for buyers) and the highest (1: for sellers); the
    line between the two corners is in the core. allocation: bool [..., n, m]. prices: [..., m], NaN for unsold goods (their
    sellers' costs support the outcome). What buyers pay, the sellers get.
    """

    sellers_share: float = 0.0

    def __post_init__(self) -> None:
        check_kinds(self)
        if not 0.0 <= self.sellers_share <= 1.0:
            raise InputError(f"AssignmentMarket(sellers_share={self.sellers_share}): wanted a number from 0 to 1")

    @property
    def claims(self) -> frozenset[Claim]:
        """Truth is dominant for buyers at the lowest prices."""
        # of two matchings that gain the same any may be chosen, so names may matter even where all values differ
        always = {Claim.EFFICIENT, Claim.CORE, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT}
        lowest = {Claim.DSIC, Claim.FALSE_NAME_PROOF, Claim.REVENUE_MONOTONE}
        return frozenset(always | (lowest if self.sellers_share == 0.0 else set()))

    @property
    def terms(self) -> dict[Claim, Terms]:
        """For whom truth is dominant."""
        return {
            Claim.DSIC: Terms(domain="for buyers; the sellers' costs are known", source="Leonard 1983"),
            Claim.REVENUE_MONOTONE: Terms(domain="sellers without costs"),
        }

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """A lone buyer names less for the good, where it does not get it for (nearly) nothing anyway."""
        if self.sellers_share == 0.0:
            truth, other = AssignmentBids([[3.0], [2.0]]), AssignmentBids([[3.0], [0.0]])
            return (Refutation(Claim.PAIR_PROOF, truth, other, (0, 1), "the loser withdraws"),)
        if self.sellers_share < 1e-6:
            return ()
        return (Refutation(Claim.DSIC, AssignmentBids([[2.0]]), AssignmentBids([[1.0]]), (0,), "Leonard 1983"),)

    @property
    def domain(self) -> Assignment:
        """Three goods without costs."""
        return Assignment(3)

    def clear(self, bids: AssignmentBids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Find an optimal matching and the prices that support it."""
        if not isinstance(bids, AssignmentBids):
            raise InputError(f"{type(bids).__name__}: an assignment market wants AssignmentBids(value[..., n, m])")
        bids = bids.at_least(0.0)
        shape, (n, m) = bids.value.shape, bids.value.shape[-2:]
        rows = math.prod(shape[:-2])
        cost = bids.cost.reshape(rows, m)
        gain = np.where(bids.active[..., None], bids.value, -np.inf).reshape(rows, n, m) - cost[:, None, :]
        match = optimal_matching(gain)
        low, high = extreme_surplus(gain, match)
        surplus = np.minimum(low + self.sellers_share * (high - low), high)
        bought = np.arange(m) == match[..., None]
        prices = np.where(bought.any(axis=1), cost + surplus, np.nan)
        # a price above the buyer's value could only come from adding the cost back: rounding, not money
        paid = np.where(bought, np.minimum(prices[:, None, :], bids.value.reshape(rows, n, m)), 0.0).sum(axis=-1)
        prices = np.where(bought.any(axis=1), (bought * paid[..., None]).sum(axis=1), np.nan)
        proof = certificate(gain, bought, surplus, bids.value)
        return Clearing(
            bought.reshape(shape), paid.reshape(shape[:-1]), prices.reshape((*shape[:-2], m)), certificate=proof
        )


def optimal_matching(gain: np.ndarray) -> np.ndarray:
    """The good of each buyer in a matching that gains most, int64 [B, n]; -1: none. gain: float64 [B, n, m].

    Pairs that gain nothing stay apart.
    """
    from scipy.optimize import linear_sum_assignment

    match = np.full(gain.shape[:2], -1, dtype=np.int64)
    useful = np.maximum(gain, 0.0)
    for case in range(len(gain)):
        buyers, goods = linear_sum_assignment(useful[case], maximize=True)
        match[case, buyers] = np.where(useful[case, buyers, goods] > 0.0, goods, -1)
    return match


def extreme_surplus(gain: np.ndarray, match: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sellers' surplus at the lowest and at the highest competitive prices, both float64 [B, m], currency.

    gain: float64 [B, n, m] (-inf: not present); match: int64 [B, n], an optimal matching.
    """
    rows, n, m = gain.shape
    if n == 0 or m == 0:
        return np.zeros((rows, m)), np.zeros((rows, m))
    matched = match >= 0
    own = np.where(matched, np.take_along_axis(gain, np.maximum(match, 0)[..., None], axis=-1)[..., 0], 0.0)
    bought = np.arange(m) == match[..., None]
    sold = bought.any(axis=1)
    ceiling = np.where(bought, own[..., None], 0.0).sum(axis=1)
    # what buyer i would pay for good j rather than have its own good at price 0; -inf: no bound
    regret = gain - own[..., None]
    low = np.maximum(np.where(matched[..., None], -np.inf, gain).max(axis=1), 0.0) * sold
    high = ceiling.copy()
    for _ in range(min(n, m)):
        charged = np.where(matched, np.take_along_axis(low, np.maximum(match, 0), axis=-1), 0.0)
        low = np.clip((regret + charged[..., None]).max(axis=1), low, ceiling)
        bound = np.where(matched[..., None], high[:, None, :] - regret, np.inf).min(axis=-1)
        at_good = np.where(bought, bound[..., None], np.inf).min(axis=1)
        high = np.where(sold, np.maximum(np.minimum(high, at_good), 0.0), 0.0)
    return np.minimum(low, high), np.maximum(low, high)


def certificate(gain: np.ndarray, bought: np.ndarray, surplus: np.ndarray, value: np.ndarray) -> Certificate:
    """Feasibility of the matching, of the duals, and the gap between the two, largest over the batch.

    "optimal": no buyer misses or overpays more than TOLERANCE of the most that it names, so the rich do not hide the poor.
    """
    earned = np.where(bought, gain - surplus[:, None, :], 0.0).sum(axis=-1)
    excess = np.maximum(bought.sum(axis=1).max(initial=0), bought.sum(axis=2).max(initial=0)) - 1.0
    missed = np.maximum(gain - earned[..., None] - surplus[:, None, :], 0.0).max(axis=2, initial=0.0)
    blocking, lost = float(missed.max(initial=0.0)), np.maximum(-earned, 0.0)
    dual = np.maximum(earned, 0.0).sum(axis=-1) + surplus.sum(axis=-1)
    # raising every buyer's surplus by the worst violation makes the duals feasible, and their sum a bound
    slack = blocking * min(gain.shape[1:], default=0)
    apart = dual - np.where(bought, gain, 0.0).sum(axis=(1, 2))
    gap = max(float(apart.max(initial=0.0)) + slack, 0.0)
    most = np.abs(value).reshape(gain.shape).max(axis=2, initial=0.0)
    fair = (np.maximum(missed, lost) <= TOLERANCE * most).all() and (apart <= TOLERANCE * most.sum(axis=1)).all()
    sound = fair and excess <= 0.0
    return Certificate(
        max(0.0, float(excess)), float(lost.max(initial=0.0)), blocking, gap, "optimal" if sound else "approximate"
    )
