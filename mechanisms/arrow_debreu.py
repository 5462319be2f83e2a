"""Linear exchange (Arrow and Debreu 1954; Gale 1976): agents own goods, sell them all and buy the best value for money.

Equilibrium: prices p with sum_j b_ij = income_i = sum_j e_ij p_j (all income is spent), sum_i b_ij = p_j (supplies scaled to
one unit), and agent i spends only on goods of the greatest u_ij / p_j. Only ratios of prices carry meaning.

Devanur, Garg and Vegh (2016, "A rational convex program for linear Arrow-Debreu markets"), in the form for any endowments:
  minimise    sum_ij e_ij p_j log(p_j / beta_i) - sum_ij b_ij log u_ij
  subject to  sum_i b_ij = p_j,   sum_j b_ij = sum_j e_ij p_j,   u_ij beta_i <= p_j,   p >= 1.
At a feasible point the objective is sum_ij b_ij log(p_j / (u_ij beta_i)) >= 0, money spent times how bad a deal it was, and it
is 0 exactly in equilibrium: the optimal value is its own certificate.

With positive prices, an equilibrium is sure if the agents hang together: draw an arrow from i to k where k owns something that
i wants; the graph must be strongly connected (Gale's irreducibility). Otherwise some agents want nothing of the rest, prices
of their goods rise without bound, and there need be no equilibrium: such markets are refused.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from marketic.clearing import Certificate
from marketic.errors import InputError
from marketic.mechanisms.equilibrium import floats
from marketic.mechanisms.fisher_response import checked_weights

TOO_FAR = "incomes, or values times supplies, of too different sizes; leave out what is worth next to nothing"


@dataclass(frozen=True, slots=True)
class ExchangeOutcome:
    """Prices [m] of mean 1 per unit, money of account; allocation float64 [n, m], units; and the evidence.

    certificate: clearing in units; budget: largest |spent - income|; optimality: the most that an agent could save and be as
    well off; gap: the convex program's value, 0 in equilibrium; the last three in money of account.
    """

    prices: np.ndarray
    allocation: np.ndarray
    certificate: Certificate


@dataclass(frozen=True)
class LinearExchange:
    """A solver, no `Mechanism`: endowments and divisible goods do not fit `clear(bids)`. See the module for the theory."""

    def solve(self, values: Any, endowments: Any, *, tolerance: float = 1e-6) -> ExchangeOutcome:
        """Find equilibrium prices, by cvxpy and Clarabel.

        values: float [n, m] >= 0, utility per unit, dense or scipy.sparse. endowments: float [n, m] >= 0, units. tolerance:
        for "optimal", see `certificate`.
        Raises InputError that names the agent or good: nothing wanted, wanted by nobody or owned by nobody, an agent who
        owns nothing, NaN, and a market that falls apart. A solver that fails ends in InputError, too: incomes, or values times
        supplies, lie too far apart for it (by ten orders of magnitude, say).
        """
        values, owned = _checked(values, endowments)
        supply = owned.sum(axis=0)
        share = owned / supply
        scaled = values * supply
        scaled /= scaled.max(axis=1, keepdims=True)
        prices, bids = _program(scaled, share)
        bids = np.where(scaled > 0.0, np.maximum(bids, 0.0), 0.0)
        money = bids.sum(axis=0)
        bought = bids / np.where(money > 0.0, money, 1.0) * supply
        per_unit = prices / supply
        per_unit /= per_unit.mean()
        return ExchangeOutcome(per_unit, bought, self._judge(values, owned, per_unit, bought, tolerance))

    def certificate(
        self, values: Any, endowments: Any, prices: Any, allocation: Any, *, tolerance: float = 1e-6
    ) -> Certificate:
        """Judge any prices [m] > 0, money per unit, and allocation [n, m] >= 0, units; the other arguments as for `solve`.

        "optimal" wants, within tolerance: the gap, of all income; every good's excess, of its supply; what every agent spends
        wrongly or could save, of its own income, so that the poor are served as well as the rich.
        Raises InputError for other prices or amounts.
        """
        values, owned = _checked(values, endowments)
        prices, bought = floats("prices", prices), floats("allocation", allocation)
        if prices.shape != owned.shape[1:] or not ((prices > 0.0) & np.isfinite(prices)).all():
            raise InputError(f"prices = {prices!r}: wanted {owned.shape[1]} finite numbers > 0")
        if bought.shape != owned.shape or not ((bought >= 0.0) & np.isfinite(bought)).all():
            raise InputError(f"allocation of shape {bought.shape}: wanted finite amounts >= 0 of shape {owned.shape}")
        return self._judge(values, owned, prices, bought, tolerance)

    def _judge(
        self, values: np.ndarray, owned: np.ndarray, prices: np.ndarray, bought: np.ndarray, tolerance: float
    ) -> Certificate:
        income, spent, supply = owned @ prices, bought @ prices, owned.sum(axis=0)
        excess = np.abs(bought.sum(axis=0) - supply)
        best = (values / prices).max(axis=1)
        saving = income - (values * bought).sum(axis=1) / best
        deal = values / prices / best[:, None]
        bids = bought * prices
        with np.errstate(divide="ignore"):
            gap = float(-(bids * np.where(bids > 0.0, np.log(deal), 0.0))[bids > 0.0].sum())
        budget, optimality = float(np.abs(spent - income).max()), max(float(saving.max()), 0.0)
        own = np.concatenate([excess / supply, np.abs(spent - income) / income, saving / income])
        status = "optimal" if max(float(own.max()), gap / income.sum()) <= tolerance else "approximate"
        return Certificate(float(excess.max()), budget, optimality, gap, status)


def _checked(values: Any, endowments: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values and endowments, dense; InputError names the agent or good, and the group that wants nothing of the rest."""
    wants = checked_weights(values, row="agent", what="value")
    owned = checked_weights(
        endowments, row="agent", what="endowment", column_why="is owned by nobody", row_why="owns nothing"
    )
    if wants.shape != owned.shape:
        raise InputError(f"values {wants.shape} and endowments {owned.shape}: wanted the same agents x goods")
    links = csr_array((wants > 0).astype(float) @ (owned > 0).astype(float).T)
    parts, label = connected_components(links, directed=True, connection="strong")
    if parts > 1:
        pairs = links.tocoo()
        leaves = np.zeros(parts, dtype=bool)
        np.logical_or.at(leaves, label[pairs.row], label[pairs.row] != label[pairs.col])
        group = np.flatnonzero(label == int(leaves.argmin()))
        raise InputError(
            f"agents {group[:8].tolist()}{' ...' if len(group) > 8 else ''} want nothing that the others own: the market is"
            " not irreducible, and prices are not promised; solve the groups apart"
        )
    return wants.toarray(), owned.toarray()


def _program(values: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prices [m] and bids [n, m] of the convex program; supplies are one, and the best value of each agent is 1."""
    import cvxpy as cp

    n, m = values.shape
    agent, good = np.nonzero(values)
    owner, own = np.nonzero(share)
    edges = np.ones(len(agent)), np.arange(len(agent))
    to_good = csr_array((edges[0], (good, edges[1])), shape=(m, len(agent)))
    to_agent = csr_array((edges[0], (agent, edges[1])), shape=(n, len(agent)))
    p, beta, bids = cp.Variable(m), cp.Variable(n), cp.Variable(len(agent), nonneg=True)
    lost = cp.multiply(share[owner, own], cp.rel_entr(p[own], beta[owner]))
    problem = cp.Problem(
        cp.Minimize(cp.sum(lost) - np.log(values[agent, good]) @ bids),
        [
            to_good @ bids == p,
            to_agent @ bids == share @ p,
            cp.multiply(values[agent, good], beta[agent]) <= p[good],
            p >= 1,
        ],
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "may be inaccurate": the certificate says how much
            problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13)
    except cp.error.SolverError as error:
        raise InputError(f"no prices found ({error}): {TOO_FAR}") from None
    if p.value is None or bids.value is None:
        raise InputError(f"no prices found ({problem.status}): {TOO_FAR}")
    spent = np.zeros((n, m))
    spent[agent, good] = bids.value
    return np.asarray(p.value), spent
