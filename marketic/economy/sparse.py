"""A firm per unit, as arrays: the economy of millions of firms.

Node k makes one good from those of its sellers, `y_k = f(sum_j w_jk y_j + b_k) + e_k`, with f = linear, relu or tanh; a
node without sellers only has its endowment. The price of good j is what consumers offer for it plus what its buyers do,

    p_j = base_j + sum over buyers k of w_jk f'_k p_k,

found in one pass against the order of production: time and memory are linear in the edges. The certificate recomputes
the right side by a sparse matrix product, independently of that pass. The same economy built from `Dense` firms in
`Economy` has the same prices (tested).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.economy import inputs
from marketic.economy import sparse_kernels as kernels
from marketic.economy.prices import ChainRule
from marketic.errors import InputError

_ACTIVATIONS = {"linear": 0, "relu": 1, "tanh": 2}


@dataclass(frozen=True)
class SparsePrices:
    """values: float64 [days, n]; marginal: what one more unit of each edge's weight earns, summed over days, [edges];
    marginal_bias: the same for biases, [n]; certificate: residuals under the keys "all".
    """

    values: np.ndarray
    marginal: np.ndarray
    marginal_bias: np.ndarray
    certificate: ChainRule


class SparseEconomy:
    """n one-good firms and their edges; see the module's docstring.

    sellers, buyers: int [edges], node numbers; weights: float64 [edges]; bias: float64 [n] or None. free_disposal: bool, or
    bool [n]: which goods may be thrown away, so that their prices cannot be negative.
    Raises InputError for numbers out of range, for NaN, and for a cycle, naming a node on it.
    """

    def __init__(
        self,
        n: int,
        sellers: Any,
        buyers: Any,
        weights: Any,
        bias: Any = None,
        *,
        activation: str = "linear",
        free_disposal: Any = False,
    ) -> None:
        if activation not in _ACTIVATIONS:
            raise InputError(f"activation={activation!r}: wanted one of {', '.join(_ACTIVATIONS)}")
        n = inputs.whole("n", n, 1)
        sellers, buyers = np.asarray(sellers), np.asarray(buyers)
        try:
            weights = np.array(weights, dtype=float)
        except (TypeError, ValueError) as error:
            raise InputError(f"weights: wanted numbers, [edges] ({error})") from None
        if not (sellers.ndim == 1 and sellers.shape == buyers.shape == weights.shape):
            raise InputError(
                f"edges of shapes {sellers.shape}, {buyers.shape}, {weights.shape}: wanted three equal [edges]"
            )
        if not len(weights):
            sellers, buyers = sellers.astype(np.int64), buyers.astype(np.int64)
        for what, nodes in (("seller", sellers), ("buyer", buyers)):
            if not np.issubdtype(nodes.dtype, np.integer):
                raise InputError(f"{what}s of dtype {nodes.dtype}: wanted whole numbers, of an integer dtype")
            if len(nodes) and not (nodes.min() >= 0 and nodes.max() < n):
                raise InputError(f"a {what} is numbered {nodes.min()} or {nodes.max()}: wanted from 0 to {n - 1}")
        if not np.isfinite(weights).all():
            raise InputError(
                f"edge {int(np.flatnonzero(~np.isfinite(weights))[0])} has a weight that is NaN or infinite"
            )
        self.n, self.activation = n, activation
        self.free_disposal = np.broadcast_to(np.asarray(free_disposal, dtype=bool), (self.n,))
        by_buyer = np.argsort(buyers, kind="stable")
        self.edge = by_buyer
        """Which of the given edges stands at each place of `sellers` and `weights`, int64 [edges]."""
        self.sellers = sellers[by_buyer].astype(np.int32)
        self.weights = weights[by_buyer]
        self.starts = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(buyers, minlength=n), out=self.starts[1:])
        self.bias = np.zeros(n) if bias is None else inputs.finite_array("bias", bias, (self.n,))
        self.order, done = kernels.order(self.n, self.sellers, self.starts)
        if done < self.n:
            raise InputError(f"the economy has a cycle: firm {_on_cycle(self)} buys, through others, its own good")

    def produce(self, endowment: Any) -> np.ndarray:
        """Quantities, float64 [days, n], from endowments of the same shape. Raises InputError for other shapes and for NaN."""
        y = self._by_good("endowment", endowment).copy()
        code = _ACTIVATIONS[self.activation]
        return kernels.produce(self.order, self.sellers, self.weights, self.starts, self.bias, y, code).T

    def _by_good(self, what: str, given: Any) -> np.ndarray:
        """A checked table, turned: float64 [n, days]."""
        try:
            array = np.atleast_2d(np.asarray(given, dtype=float))
        except (TypeError, ValueError) as error:
            raise InputError(f"{what} is no table of numbers: wanted [days, {self.n}] ({error})") from None
        if array.ndim != 2 or array.shape[1] != self.n or not len(array):
            raise InputError(f"{what} of shape {array.shape}: wanted [days, {self.n}]")
        if not np.isfinite(array).all():
            bad = int(np.flatnonzero(~np.isfinite(array).all(axis=0))[0])
            which = (
                f"what consumers offer for good {bad}" if what == "base" else f"{what} of good {bad} is infeasible: it"
            )
            raise InputError(f"{which} is NaN or infinite, wanted finite numbers")
        return np.ascontiguousarray(array.T)

    def prices(self, endowment: Any, supply: Any, base: Any) -> SparsePrices:
        """Prices, given the endowment, what was produced from it, and what consumers offer, all float64 [days, n].

        Raises InputError for other shapes, for NaN, for a supply that this economy, as it now is, does not produce from that
        endowment, and for a negative price of a good that may be thrown away (beyond rounding: 1e-12 of the day's
        largest price or offer), naming the good.
        """
        given, quantity = self._by_good("endowment", endowment), self._by_good("supply", supply)
        offered = self._by_good("base", base)
        if not given.shape == quantity.shape == offered.shape:
            days = ", ".join(str(part.shape[1]) for part in (given, quantity, offered))
            raise InputError(f"endowment, supply and base of {days} days: wanted the same number")
        code = _ACTIVATIONS[self.activation]
        slope, stray = kernels.slopes(self.sellers, self.weights, self.starts, self.bias, given, quantity, code)
        if stray >= 0:
            raise InputError(
                f"supply of good {stray} is not what is produced from the endowment: call produce(endowment) again, after "
                "every change of weights"
            )
        price, marginal, marginal_bias = kernels.post(
            self.order, self.sellers, self.weights, self.starts, quantity, slope, offered
        )
        residual = float(np.abs(self._right_side(price, slope, offered) - price).max())
        largest = np.maximum(np.abs(price).max(axis=0), np.abs(offered).max(axis=0))
        low = price < -1e-12 * largest if self.free_disposal.any() else np.zeros((self.n, 1), dtype=bool)
        if low[self.free_disposal].any():
            lowest = np.where(self.free_disposal & low.any(axis=1), price.min(axis=1), 0.0)
            bad = int(lowest.argmin())
            by = self.offering_least(bad, slope * price)
            raise InputError(
                f"good {bad} has price {lowest[bad]:g} although it may be thrown away: {by} would pay to be rid of it; set "
                "free_disposal=False for it, or repair the weights or the offers"
            )
        status = "optimal" if residual <= 1e-12 * largest.max() else "approximate"
        certificate = ChainRule({"all": residual}, {"all": residual}, {}, 0.0, float("nan"), status)
        unsorted = np.empty_like(marginal)
        unsorted[self.edge] = marginal
        return SparsePrices(price.T, unsorted, marginal_bias, certificate)

    def offering_least(self, good: int, earned: np.ndarray) -> str:
        """Who offers least for a good, in words; earned: what one more unit before the activation earns, [n, days]."""
        edges = np.flatnonzero(self.sellers == good)
        buyers = np.searchsorted(self.starts, edges, side="right") - 1
        offers = (self.weights[edges, None] * earned[buyers]).min(axis=1)
        return f"firm {buyers[offers.argmin()]}" if len(edges) and offers.min() < 0 else "a consumer"

    def invest(self, prices: SparsePrices, rate: float) -> None:
        """Every firm moves its weights and bias by `rate` times its mean marginal profit per day."""
        step = inputs.number("rate", rate) / len(prices.values)
        self.weights += step * prices.marginal[self.edge]
        self.bias += step * prices.marginal_bias

    def _right_side(self, price: np.ndarray, slope: np.ndarray, base: np.ndarray) -> np.ndarray:
        import scipy.sparse as sparse

        bought = sparse.csr_array((self.weights, self.sellers, self.starts), shape=(self.n, self.n))
        return base + bought.T @ (slope * price)


def _on_cycle(economy: SparseEconomy) -> int:
    """A node on a cycle: from any node that could not be ordered, walk to sellers that could not either."""
    ordered = np.zeros(economy.n, dtype=bool)
    ordered[economy.order] = True
    node, seen = int(np.flatnonzero(~ordered)[0]), set[int]()
    while node not in seen:
        seen.add(node)
        sellers = economy.sellers[economy.starts[node] : economy.starts[node + 1]]
        node = int(sellers[~ordered[sellers]][0])
    return node
