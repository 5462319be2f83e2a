"""Ascending proxy auction (Ausubel and Milgrom 2002), in the limit of vanishing increments.

Each bidder tells a proxy its values. In every round the seller notes the best set of bids so far, and the proxy of each
bidder who wins nothing lowers the profit that it asks for by one increment, and bids value less profit on everything. It ends
when all who are left outside ask for nothing. The outcome is efficient and in the core at the reports, and where goods
are substitutes it is VCG. Proxies raise together, so bidders share the burden of outbidding others as equally as they can.

With increments towards 0 the profits asked move continuously (Wurman, Zhong and Cai 2004 trace such paths). When several
coalitions are tied for best, the seller's choice alternates such that none overtakes the others; the shares of time lambda
maximise how fast the tied offers grow,

    minimise sum over bidders who still raise of (1 - q_i)^2,  q = sum over tied coalitions C of lambda_C [i in C],

because that is the complementarity "no tied coalition grows faster than one that is chosen". So profits fall at the rates
1 - q_i, constant until another coalition draws level or somebody reaches profit 0: exact piecewise linear paths.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import nnls

from marketic.bundle_bids import BundleBids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.bundles import Bundles
from marketic.mechanisms.winner_determination import PackageProblem, determine, single_auctions

TIE = 1e-11
STEPS = 10_000


@dataclass(frozen=True)
class AscendingProxy:
    """Package auction by ascending proxies. `bids.value` [..., n, k] -> allocation [..., n, m], payments [..., n]."""

    claims: ClassVar[frozenset[Claim]] = frozenset(
        {Claim.EFFICIENT, Claim.CORE, Claim.INDIVIDUALLY_RATIONAL, Claim.NO_DEFICIT, Claim.SCALE_FREE}
    )
    domain: ClassVar[Bundles] = Bundles(share=0.01)
    refuted: ClassVar[tuple[Refutation, ...]] = (
        Refutation(
            Claim.DSIC,
            BundleBids.of({"A": 8.0}, {"B": 8.0}, {"AB": 10.0}),
            BundleBids.of({"A": 4.0}, {"B": 8.0}, {"AB": 10.0}),
            source="Ausubel and Milgrom 2002",
        ),
    )

    def clear(self, bids: BundleBids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Let the proxies play; each winner pays its bid less the profit that its proxy still asks for."""
        bids = bids.at_least(0.0)
        best = determine(bids)
        payments = np.zeros(best.won.shape)
        for place, one in single_auctions(bids):
            payments[place] = np.clip(best.won[place] - final_profits(one), 0.0, best.won[place])
        unpriced = np.full((*bids.value.shape[:-2], bids.goods), np.nan)
        return Clearing(best.allocation(bids), payments, unpriced, best.certificate(bids))


def final_profits(bids: BundleBids) -> np.ndarray:
    """The profit that each proxy asks for in the end, float64 [n], of one auction."""
    profit = _alone(bids)
    unit = float(profit.max(initial=0.0))
    if unit == 0.0:
        return profit
    path = _Path(PackageProblem(bids), profit, TIE * unit)
    for _ in range(STEPS):
        if not path.step():
            return path.profit
    raise RuntimeError(f"the proxies did not stop after {STEPS} changes of direction")


def _alone(bids: BundleBids) -> np.ndarray:
    """What all goods are worth to each bidder, float64 [n]: the profit that it asks for at first."""
    if bids.exclusive:
        return np.where(bids.live, bids.value, 0.0).max(axis=-1, initial=0.0)
    n = len(bids.value)
    each = BundleBids(
        bids.value[:, None], bids.bundle[:, None], bids.active[:, None], bids.offered[:, None], exclusive=False
    )
    return determine(each).won[:, 0] if n else np.zeros(0)


class _Path:
    """The profits asked by the proxies, and the coalitions known to matter. `tie`: offers this close are equal."""

    def __init__(self, problem: PackageProblem, profit: np.ndarray, tie: float) -> None:
        self.problem, self.profit, self.tie = problem, profit.copy(), tie
        self.member = [np.zeros(len(profit), dtype=bool)]  # the empty coalition offers nothing
        self.worth = [0.0]

    def step(self) -> bool:
        """Move until the direction changes. Returns False at the end."""
        raising = self.profit > self.tie
        member, worth = np.array(self.member), np.array(self.worth)
        offers = worth - member @ self.profit
        level = offers.max()
        tied = member[offers >= level - self.tie]
        rate = _rates(tied, raising)
        if rate.max(initial=0.0) <= 1e-9:
            return False
        growth = (tied @ rate).max()
        moving = rate > 0.0
        reach = float((self.profit[moving] / rate[moving]).min())
        gains = member @ rate - growth
        catching = (gains > 1e-12) & (offers < level - self.tie)
        if catching.any():
            reach = min(reach, float(((level - offers[catching]) / gains[catching]).min()))
        length = self._length(rate, level, growth, reach)
        self.profit = np.where(self.profit - length * rate <= self.tie, 0.0, self.profit - length * rate)
        return True

    def _length(self, rate: np.ndarray, level: float, growth: float, reach: float) -> float:
        """How far to go before a new coalition draws level (Newton's method on the best offer, finitely many steps)."""
        length = reach
        while True:
            best = self.problem.solve(np.maximum(self.profit - length * rate, 0.0))
            if float(best.welfare) <= level + length * growth + self.tie / 2:
                return length
            member, worth = np.asarray(best.chosen.any(axis=-1)), float(best.won.sum())
            known = any(
                (member == other).all() and worth <= w for other, w in zip(self.member, self.worth, strict=True)
            )
            gains = float(member @ rate) - growth
            if known or gains <= 0.0:
                return length
            self.member.append(member)
            self.worth.append(worth)
            length = max((level - worth + float(member @ self.profit)) / gains, 0.0)


def _rates(tied: np.ndarray, raising: np.ndarray) -> np.ndarray:
    """How fast each bidder lowers its profit, float64 [n]: the shortest vector in the convex hull of [i not in C]."""
    outside = (~tied & raising).astype(float)
    system = np.vstack([outside.T, np.ones(len(tied))])
    shares, _ = nnls(system, np.append(np.zeros(outside.shape[1]), 1.0))
    rate = shares @ outside / shares.sum()
    return np.where(rate > 1e-9, rate, 0.0)
