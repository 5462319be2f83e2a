"""The closed linear economy: nothing comes from outside, and equilibrium prices are PageRank.

One good and one firm per node, one unit of each good. Firm i earns p_i, pays the rent `(1 - d) p_i` to the household and
spends the rest on the goods it links to, in the shares S_ij = w_ij / sum_k w_ik. A firm without links (dangling) pays that
rest out as a dividend. The household spends rents in the shares `preference` and dividends in the shares `dividends`.
Markets clear when

    p = d S^T p + (1 - d) preference + d (sum of dangling p) dividends,      sum p = 1 (numeraire),

networkx's `pagerank(alpha=d, personalization=preference, dangling=dividends)` (Brin and Page 1998). So the damping is what
rent leaves. Posting the right side contracts by d in the 1-norm, hence the certificate: the distance from equilibrium is
at most residual / (1 - d). Without rent (d = 1) prices are unique only if a single group of firms keeps all the money, and
posting may go round for ever (periodic graphs); half steps `p <- (p + M p) / 2` do not. Where next to no money passes between
two parts of an economy, a residual next to 0 leaves open what each of them is worth: the bound then says so. It is
2 t residual, t the mean number of purchases that money makes until it comes to firm s, from the firm where it takes longest:
with s left out I - M has an inverse >= 0, whose column sums are these numbers (Kemeny and Snell 1960, section 3.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import LinearOperator, bicgstab

from marketic.clearing import Certificate
from marketic.economy import inputs
from marketic.errors import InputError

CLOSE = 1e-6
"""Share of all money by which prices may be off where only rounding keeps the residual from the tolerance."""
EPS = float(np.finfo(float).eps)
SMALL = 1000
"""Firms up to which it is found out directly, by a dense matrix."""
SEARCH = 100, 1000
"""Rounds in which it is found out how long money may be on its way, where there is next to no rent: the first number and as
many as posting took, at most the second."""


@dataclass(frozen=True)
class ClosedPrices:
    """Prices of a closed economy.

    values:      float64 [n], sum 1, in the order of the nodes.
    rounds:      postings of all firms.
    error_bound: largest possible 1-norm distance from the equilibrium, rounding included, at most 2 (nothing is known).
    certificate: clearing = largest excess of spending over revenue of a good; budget = |sum p - 1|; optimality = the same
                 as clearing in the 1-norm; gap = error_bound; "optimal" if the tolerance was met up to rounding, and the bound
                 is no larger than CLOSE or 100 times the tolerance, else "approximate".
    """

    values: np.ndarray
    rounds: int
    error_bound: float
    certificate: Certificate


class ClosedEconomy:
    """Firms that buy from each other and from no one else; see the module's docstring.

    links: scipy sparse or dense [n, n]: w_ij >= 0 is how much firm i wants of good j relative to its other links.
    rent: from 0 to 1, what the household takes of each revenue (1 - damping).
    preference, dividends: float64 [n] >= 0, any positive sum; None: equal shares, and the same as preference.

    >>> economy = ClosedEconomy([[0, 1, 1], [0, 0, 1], [1, 0, 0]])
    >>> economy.prices().values.round(3).tolist()
    [0.388, 0.215, 0.397]
    """

    def __init__(self, links: Any, *, rent: float = 0.15, preference: Any = None, dividends: Any = None) -> None:
        inputs.share("rent", rent)
        try:
            matrix = sparse.csr_array(links, dtype=float, copy=True)  # the caller keeps its own
        except (TypeError, ValueError) as error:
            raise InputError(
                f"links of type {type(links).__name__}: wanted a matrix of numbers, [n, n] ({error})"
            ) from None
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
            raise InputError(f"links of shape {matrix.shape}: wanted a square matrix, [n, n]")
        if matrix.nnz and not (np.isfinite(matrix.data).all() and matrix.data.min() >= 0):
            bad = int(np.flatnonzero(~(matrix.data >= 0) | ~np.isfinite(matrix.data))[0])
            firm = int(np.searchsorted(matrix.indptr, bad, side="right")) - 1
            raise InputError(f"firm {firm} has a link of weight {matrix.data[bad]:g}: wanted finite numbers >= 0")
        self.rent, self.n = float(rent), matrix.shape[0]
        self.shares, self.dangling = _shares(matrix)
        """S, what share of its purchases firm i makes from firm j."""
        self._received = sparse.csr_array(self.shares.T)
        self.preference = self._spread("preference", preference, np.full(self.n, 1 / self.n))
        self.dividends = self._spread("dividends", dividends, self.preference)

    @classmethod
    def from_graph(
        cls,
        graph: Any,
        *,
        rent: float = 0.15,
        weight: str | None = "weight",
        preference: Any = None,
        dividends: Any = None,
    ) -> "ClosedEconomy":
        """From a networkx graph; nodes in the graph's order. preference and dividends may be dicts node -> weight."""
        import networkx as nx

        nodes = list(graph)
        if not nodes:
            raise InputError("a graph without nodes: nothing can be traded")
        given = {"preference": preference, "dividends": dividends}
        for what, shares in given.items():
            if isinstance(shares, Mapping):
                strangers = set(shares) - set(nodes)
                if strangers:
                    raise InputError(f"{what} names node {min(strangers, key=str)!r}, which is not in the graph")
                given[what] = np.array([shares.get(node, 0.0) for node in nodes], dtype=float)
        links = nx.to_scipy_sparse_array(graph, nodelist=nodes, weight=weight, dtype=float)
        return cls(links, rent=rent, **given)

    def _spread(self, what: str, shares: Any, default: np.ndarray) -> np.ndarray:
        if shares is None:
            return default
        try:
            array = np.asarray(shares, dtype=float)
        except (TypeError, ValueError):
            raise InputError(f"{what}={shares!r}: wanted {self.n} numbers >= 0 with a positive sum") from None
        if array.shape != (self.n,) or not np.isfinite(array).all() or array.min() < 0 or array.sum() <= 0:
            raise InputError(f"{what} of shape {array.shape}: wanted ({self.n},) numbers >= 0 with a positive sum")
        return array / array.sum()

    def spend(self, prices: np.ndarray) -> np.ndarray:
        """What is spent on each good when revenues are `prices`, float64 [n]. Equilibrium: spend(p) = p."""
        keep = 1 - self.rent
        spent = self._received @ prices
        spent *= keep
        income = self.rent * prices.sum()
        spent += income * self.preference
        if len(self.dangling):
            spent += keep * prices[self.dangling].sum() * self.dividends
        return spent

    def prices(
        self, *, tolerance: float = 1e-14, limit: int = 100_000, start: Any = None, half_steps: bool | None = None
    ) -> ClosedPrices:
        """Equilibrium prices, by posting until the residual in the 1-norm is at most `tolerance`, or is rounding.

        half_steps: None takes them exactly when there is no rent. start: float64 [n], default the preference.
        Raises InputError for an economy without rent in which several groups of firms keep their money to themselves.
        """
        inputs.number("tolerance", tolerance, least=0.0)
        inputs.whole("limit (rounds of posting)", limit, 1)
        if self.rent == 0:
            self._require_unique()
        half = self.rent == 0 if half_steps is None else half_steps
        price = self._spread("start", start, self.preference).copy()
        best, idle, rounds = np.inf, 0, 0
        while rounds < limit:
            spent = self.spend(price)
            rounds += 1
            residual = float(np.abs(spent - price).sum())
            best, idle = (residual, 0) if residual < best else (best, idle + 1)
            if residual <= tolerance or (idle >= 10 and best < 1e-11):  # below 1e-11 no progress means rounding
                break
            price = (price + spent) / 2 if half else spent
            price /= price.sum()
        excess = self.spend(price) - price
        residual = float(np.abs(excess).sum())
        bound = self._error_bound(price, residual, rounds)
        met = residual <= max(tolerance, 1e-11) and bound <= max(CLOSE, 100.0 * tolerance)
        clearing, budget = float(np.abs(excess).max()), abs(float(price.sum()) - 1)
        certificate = Certificate(clearing, budget, residual, bound, "optimal" if met else "approximate")
        return ClosedPrices(price, rounds, bound, certificate)

    def _error_bound(self, price: np.ndarray, residual: float, rounds: int) -> float:
        """How far prices may be from equilibrium, 1-norm: two that sum to 1 are never further apart than 2."""
        off = residual + EPS * (4.0 + float(np.diff(self._received.indptr) @ price))  # sums are rounded at every term
        bound = min(off / self.rent, 2.0) if self.rent else 2.0
        if bound <= CLOSE:
            return bound
        return min(bound, 2.0 * off * self._longest_way(int(price.argmax()), min(SEARCH[0] + rounds, SEARCH[1])))

    def _longest_way(self, firm: int, search: int) -> float:
        """At least the mean number of purchases until money comes to a firm, wherever it is now; inf if none is found.

        Solves h = 1 + M'h without that firm. Whatever found them, h >= 0 with h - M'h >= c > 0 are at least c times the truth.
        """
        others = np.ones(self.n)
        others[firm] = 0.0

        def left(h: np.ndarray) -> np.ndarray:
            h = h.ravel() * others
            ahead = (1.0 - self.rent) * (self.shares @ h) + self.rent * (self.preference @ h)
            ahead[self.dangling] += (1.0 - self.rent) * (self.dividends @ h)
            return (h - ahead) * others

        with np.errstate(all="ignore"):  # a search that breaks down finds nothing
            if self.n <= SMALL:
                matrix = np.array([left(unit) for unit in np.eye(self.n)]).T
                matrix[firm, firm] = 1.0
                h = _solved(matrix, others)
            else:
                system = LinearOperator((self.n, self.n), matvec=left, dtype=float)
                h, _ = bicgstab(system, others, rtol=0.0, atol=0.5, maxiter=search)
            h = np.maximum(h, 0.0) * others
            rounding = EPS * (8.0 + np.diff(self.shares.indptr).max(initial=0)) * h.max()
            least = (left(h) + 1.0 - others).min() - rounding
        return float(h.max() / least) if least > 0.0 and np.isfinite(h).all() else np.inf

    def _require_unique(self) -> None:
        links = self.shares.copy()
        links.eliminate_zeros()
        household = np.flatnonzero(self.dividends) if len(self.dangling) else np.array([], dtype=int)
        rows = np.concatenate([self.dangling, np.full(len(household), self.n)])
        columns = np.concatenate([np.full(len(self.dangling), self.n), household])
        head = links.tocoo()
        rows, columns = np.concatenate([head.row, rows]), np.concatenate([head.col, columns])
        size = self.n + bool(len(self.dangling))
        graph = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
        count, group = sparse.csgraph.connected_components(graph, connection="strong")
        leaks = np.zeros(count, dtype=bool)
        leaks[group[rows[group[rows] != group[columns]]]] = True
        keepers = np.flatnonzero(~leaks)
        if len(keepers) > 1:
            one, two = (int(np.flatnonzero(group == keeper)[0]) for keeper in keepers[:2])
            raise InputError(
                f"without rent, {len(keepers)} groups of firms keep their money to themselves (one has firm {one}, another "
                f"firm {two}): equilibrium prices are not unique; take a rent > 0 or a connected part"
            )

    def flows(self, prices: ClosedPrices) -> sparse.csr_array:
        """Who pays whom between firms: entry [i, j] is what firm i spends on good j, in units of money. Sparse [n, n]."""
        trade = self.shares.copy()
        trade.data *= np.repeat((1 - self.rent) * prices.values, np.diff(trade.indptr))
        return trade


def _shares(links: sparse.csr_array) -> tuple[sparse.csr_array, np.ndarray]:
    """Rows divided by their sums, in place, and which rows have nothing to divide."""
    lengths = np.diff(links.indptr)
    with np.errstate(over="ignore"):
        spending = np.asarray(links.sum(axis=1)).ravel()
    if not (spending < np.inf).all() or ((spending > 0) & (spending < 1e-290)).any():  # sum or inverse may overflow
        largest, linked = np.zeros(len(lengths)), np.flatnonzero(lengths)
        largest[linked] = np.maximum.reduceat(links.data, links.indptr[linked])
        links.data /= np.repeat(np.where(largest > 0, largest, 1.0), lengths)
        spending = np.asarray(links.sum(axis=1)).ravel()
    per_unit = np.divide(1.0, spending, out=np.zeros(len(spending)), where=spending > 0)
    links.data *= np.repeat(per_unit, lengths)
    return links, np.flatnonzero(spending == 0)


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The solution of a linear system; NaN if there is none."""
    try:
        return np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return np.full_like(right, np.nan)
