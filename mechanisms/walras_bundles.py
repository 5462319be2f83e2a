"""Prices for indivisible goods wanted in packages, where there are any (Kelso and Crawford 1982; Bikhchandani and Mamer 1997).

Prices of single goods support an efficient allocation if, at these prices, every bidder gets a package that it likes best,
and unsold goods are free. They exist if and only if the configuration program, in which packages may be handed out in
fractions,

    maximise sum v_b x_b   subject to   one package per bidder,   every good once,   x >= 0,

is worth no more than the best whole allocation; then its duals are such prices. With substitutes they exist; with
complements often not: A wants two goods together for 3, B either for 2, and halves are worth 3.5 > 3. Such an auction is
refused, and the difference, the integrality gap, says by how much: no prices come closer than this to supporting anything.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from marketic.bundle_bids import BundleBids
from marketic.clearing import Certificate
from marketic.errors import InputError
from marketic.mechanisms.equilibrium import Equilibrium
from marketic.mechanisms.winner_determination import determine


@dataclass(frozen=True)
class WalrasBundles:
    """A solver for one auction of packages. tolerance: of the gap, relative to welfare; of what a bidder misses or overpays,
    relative to its own highest value; of the price of an unsold good, relative to the highest value of a package with it.
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
        winners = determine(bids)
        won, welfare = winners.allocation(bids), float(winners.welfare)
        prices, fractional = self._program(bids)
        found = self.certificate(bids, prices, winners.chosen)
        if fractional - welfare > self.tolerance * welfare:
            missing = Certificate(found.clearing, found.budget, found.optimality, fractional - welfare, "refused")
            return Equilibrium(np.full(bids.goods, np.nan), won, missing, welfare, fractional)
        return Equilibrium(prices, won, found, welfare, welfare + found.gap)

    def certificate(self, bids: BundleBids, prices: np.ndarray, chosen: np.ndarray) -> Certificate:
        """Judge any prices [m] >= 0 and accepted bids, bool [n, k]; see `solve`."""
        prices = np.asarray(prices, dtype=float)
        surplus = np.where(bids.live, bids.value - bids.bundle @ prices, 0.0)
        got = np.where(chosen, surplus, 0.0)
        best = np.maximum(surplus, 0.0)
        if bids.exclusive:
            best, got = best.max(axis=1, initial=0.0), got.sum(axis=1)
        missed = best - got
        sold = (chosen[:, :, None] & bids.bundle).sum(axis=(0, 1))
        unsold = np.where(sold == 0, prices, 0.0)
        value = np.where(bids.live, bids.value, 0.0)
        wanted = np.where(bids.bundle, value[:, :, None], 0.0).max(axis=(0, 1), initial=0.0)
        clearing = float(max(np.maximum(sold - 1, 0).max(initial=0), (unsold > self.tolerance * wanted).any()))
        gap = float(missed.sum() + unsold.sum())
        loss = np.maximum(-got, 0.0)
        spent = float(loss.max(initial=0.0))
        most = value.max(axis=1, initial=0.0) if bids.exclusive else value
        fair = (np.maximum(missed, loss) <= self.tolerance * most).all()
        sound = clearing == 0.0 and fair and gap <= self.tolerance * value[chosen].sum() and (prices >= 0.0).all()
        return Certificate(clearing, spent, float(missed.max(initial=0.0)), gap, "optimal" if sound else "approximate")

    def _program(self, bids: BundleBids) -> tuple[np.ndarray, float]:
        """Duals of the goods in the configuration program, and its value."""
        bidder, which = np.nonzero(bids.live & (bids.value > 0.0))
        if not len(bidder):
            return np.zeros(bids.goods), 0.0
        columns = np.arange(len(bidder))
        owner = csr_array((np.ones(len(bidder)), (bidder, columns)), shape=(len(bids.value), len(bidder)))
        goods = csr_array(bids.bundle[bidder, which].T.astype(float))
        rows = vstack([owner, goods], format="csr") if bids.exclusive else goods
        unit = 2.0 ** np.rint(np.log2(bids.value[bidder, which].max()))  # the tolerances of the solver are absolute
        answer = linprog(
            -bids.value[bidder, which] / unit, A_ub=rows, b_ub=np.ones(rows.shape[0]),
            bounds=(0.0, None if bids.exclusive else 1.0), method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )  # fmt: skip
        return np.maximum(-answer.ineqlin.marginals[-bids.goods :], 0.0) * unit, -float(answer.fun) * unit
