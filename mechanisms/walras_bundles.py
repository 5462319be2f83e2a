"""Prices for indivisible goods wanted in packages, where there are any (Kelso and Crawford 1982; Bikhchandani and Mamer 1997).

Prices of single goods support an efficient allocation if, at these prices, every bidder gets a package that it likes best,
and unsold goods are free. They exist if and only if the configuration program, in which packages may be handed out in
fractions,

    maximise sum v_b x_b   subject to   one package per bidder,   every good once,   x >= 0,

is worth no more than the best whole allocation; then its duals are such prices. With substitutes they exist; with
complements often not: A wants two goods together for 3, B either for 2, and halves are worth 3.5 > 3. Such an auction is
refused, and the difference, the integrality gap, says by how much: no prices come closer than this to supporting anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack
from scipy.sparse.csgraph import connected_components

from marketic.bundle_bids import BundleBids
from marketic.clearing import Certificate
from marketic.errors import InputError
from marketic.mechanisms.equilibrium import Equilibrium
from marketic.mechanisms.walras_packages import Packages, views
from marketic.mechanisms.walras_scaling import Scales, balanced
from marketic.mechanisms.winner_determination import determine


@dataclass(frozen=True)
class WalrasBundles:
    """A solver for one auction of packages. tolerance: of the gap, relative to the welfare of those bidders and goods that
    depend on each other; of what a bidder misses or overpays, relative to its own highest value; of the price of an unsold
    good, relative to the highest value of a package with it.

    Bids that are not exclusive (OR) are supported together, as unions that do not overlap. Where a bidder's overlapping bids
    have more unions than `walras_packages.MOST`, they are looked at one by one: a refusal then says less.
    """

    tolerance: float = 1e-9

    def solve(self, bids: BundleBids) -> Equilibrium:
        """Prices float64 [m] and the allocation, bool [n, m]; status "refused", NaN and the integrality gap if none exist.

        certificate: clearing: units of goods sold twice, or that cost something and stay unsold; budget: largest payment
        above the value of the package; optimality: the most that a bidder misses at these prices; gap: what all miss
        together, and unsold goods cost: an upper bound on the welfare missed. All currency but the first.
        Raises InputError for a batch of auctions, or bids that are none for packages.
        """
        if not isinstance(bids, BundleBids) or bids.value.ndim != 2:
            raise InputError("walras_bundles wants BundleBids of one auction: value [bidders, bids of each]")
        bids = bids.at_least(0.0)
        chosen, prices = np.zeros(bids.value.shape, dtype=bool), np.zeros(bids.goods)
        welfare, gap, refused = 0.0, 0.0, False
        for bidders, goods in independent(bids):  # each in money of its own: the rich do not hide the poor
            part = _part(bids, bidders, goods)
            winners = determine(part)
            chosen[bidders], worth = winners.chosen, float(winners.welfare)
            for packages in views(part):
                prices[goods], fractional = self._program(packages)
                apart = fractional - float(winners.bound) > self.tolerance * worth
                if not apart:
                    break
            refused = refused or apart
            welfare, gap = welfare + worth, gap + max(fractional - worth, 0.0)
        won = (chosen[:, :, None] & bids.bundle).any(axis=1)
        found = self.certificate(bids, prices, chosen)
        if refused:
            missing = Certificate(found.clearing, found.budget, found.optimality, gap, "refused")
            return Equilibrium(np.full(bids.goods, np.nan), won, missing, welfare, welfare + gap)
        return Equilibrium(prices, won, found, welfare, welfare + found.gap)

    def certificate(self, bids: BundleBids, prices: np.ndarray, chosen: np.ndarray) -> Certificate:
        """Judge any prices [m] >= 0 and accepted bids, bool [n, k]; see `solve`."""
        prices = np.asarray(prices, dtype=float)
        for packages in views(bids):
            found = self._judge(bids, prices, chosen, packages)
            if found.status == "optimal":
                break
        return found

    def _judge(self, bids: BundleBids, prices: np.ndarray, chosen: np.ndarray, packages: Packages) -> Certificate:
        value, accepted = np.where(bids.live, bids.value, 0.0), chosen & (packages.of >= 0)
        surplus = (bids.value - bids.bundle @ prices)[accepted]
        got = np.bincount(packages.of[accepted], surplus, packages.count)
        best, most = np.zeros(packages.count), np.zeros(packages.count)
        np.maximum.at(best, packages.decider, packages.value - packages.bundle @ prices)
        np.maximum.at(most, packages.decider, packages.value)
        missed, loss = np.maximum(best - got, 0.0), np.maximum(-got, 0.0)
        sold = (chosen[:, :, None] & bids.bundle).sum(axis=(0, 1))
        unsold = np.where(sold == 0, prices, 0.0)
        wanted = np.where(bids.bundle, value[:, :, None], 0.0).max(axis=(0, 1), initial=0.0)
        allowed = not bids.exclusive or bool((chosen.sum(axis=1) <= 1).all())
        clearing = float(max(np.maximum(sold - 1, 0).max(initial=0), (unsold > self.tolerance * wanted).any()))
        gap = float(missed.sum() + unsold.sum())
        fair = (np.maximum(missed, loss) <= self.tolerance * most).all()
        sound = clearing == 0.0 and fair and gap <= self.tolerance * value[chosen].sum() and (prices >= 0.0).all()
        status = "optimal" if sound and allowed else "approximate"
        return Certificate(clearing, float(loss.max(initial=0.0)), float(missed.max(initial=0.0)), gap, status)

    def _program(self, packages: Packages) -> tuple[np.ndarray, float]:
        """Duals of the goods in the configuration program, and the value of its plan, made to keep within it exactly."""
        goods, kept = packages.bundle.shape[1], packages.value > 0.0
        if not kept.any():
            return np.zeros(goods), 0.0
        worth, decider = packages.value[kept], packages.decider[kept]
        columns = np.arange(len(worth))
        owner = csr_array((np.ones(len(worth)), (decider, columns)), shape=(packages.count, len(worth)))
        rows = vstack([owner, csr_array(packages.bundle[kept].T.astype(float))], format="csr")
        fine = balanced(rows, worth, np.ones(rows.shape[0]), np.full(len(worth), np.inf), np.zeros(len(worth)))
        coarse = Scales(np.ones(rows.shape[0]), np.ones(len(worth)), 2.0 ** np.rint(np.log2(worth.max())))
        for scales in (fine, coarse):  # the solver refuses coefficients that are too far apart
            answer = linprog(
                -worth * scales.levels / scales.money, A_ub=scales.matrix(rows), b_ub=1.0 / scales.goods, method="highs",
                options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
            )  # fmt: skip
            if answer.x is not None:
                break
        duals = np.maximum(-answer.ineqlin.marginals, 0.0) * scales.money / scales.goods
        shares = np.maximum(answer.x, 0.0) * scales.levels
        over = rows.multiply(np.maximum(rows @ shares, 1.0)[:, None]).max(axis=0).toarray().ravel()
        return duals[-goods:], float(worth @ (shares / over))


def independent(bids: BundleBids) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Bidders, int64 [some of n], and goods, int64 [some of m], that have nothing to do with the rest of the auction."""
    n, m = len(bids.value), bids.goods
    wants = np.any(bids.bundle & (bids.live & (bids.value > 0.0))[:, :, None], axis=1)
    who, what = np.nonzero(wants)
    graph = csr_array((np.ones(len(who)), (who, n + what)), shape=(n + m, n + m))
    _, group = connected_components(graph, directed=False)
    for one in np.unique(group[:n][wants.any(axis=1)]):
        yield np.flatnonzero(group[:n] == one), np.flatnonzero(group[n:] == one)


def _part(bids: BundleBids, bidders: np.ndarray, goods: np.ndarray) -> BundleBids:
    bundle = bids.bundle[bidders][:, :, goods]
    offered = bids.offered[bidders] & (bids.value[bidders] > 0.0)
    return BundleBids(bids.value[bidders], bundle, bids.active[bidders], offered, bids.exclusive)
