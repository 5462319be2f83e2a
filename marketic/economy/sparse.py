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
from numba import njit

from marketic.economy import inputs
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
        inputs.whole("n", n, 1)
        sellers, buyers = np.asarray(sellers), np.asarray(buyers)
        weights = np.array(weights, dtype=float)
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
        self.n, self.activation = int(n), activation
        self.free_disposal = np.broadcast_to(np.asarray(free_disposal, dtype=bool), (self.n,))
        by_buyer = np.argsort(buyers, kind="stable")
        self.edge = by_buyer
        """Which of the given edges stands at each place of `sellers` and `weights`, int64 [edges]."""
        self.sellers = sellers[by_buyer].astype(np.int32)
        self.weights = weights[by_buyer]
        self.starts = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(buyers, minlength=n), out=self.starts[1:])
        self.bias = np.zeros(n) if bias is None else inputs.finite_array("bias", bias, (self.n,))
        self.order, done = _order(self.n, self.sellers, self.starts)
        if done < self.n:
            raise InputError(f"the economy has a cycle: firm {_on_cycle(self)} buys, through others, its own good")

    def produce(self, endowment: Any) -> np.ndarray:
        """Quantities, float64 [days, n], from endowments of the same shape."""
        given = np.atleast_2d(np.asarray(endowment, dtype=float))
        if given.ndim != 2 or given.shape[1] != self.n:
            raise InputError(f"endowment of shape {given.shape}: wanted [days, {self.n}]")
        if not np.isfinite(given).all():
            bad = int(np.flatnonzero(~np.isfinite(given).all(axis=0))[0])
            raise InputError(f"endowment of good {bad} is infeasible: it is NaN or infinite")
        code = _ACTIVATIONS[self.activation]
        made = _produce(self.order, self.sellers, self.weights, self.starts, self.bias, given.T.copy(), code)
        return made.T

    def prices(self, endowment: Any, supply: np.ndarray, base: Any) -> SparsePrices:
        """Prices, given the endowment, what was produced from it, and what consumers offer, all float64 [days, n].

        Raises InputError for other shapes, and for a negative price of a good that may be thrown away, naming it.
        """
        given, offered = (np.ascontiguousarray(np.atleast_2d(np.asarray(a, dtype=float)).T) for a in (endowment, base))
        quantity = np.ascontiguousarray(supply.T)
        if offered.shape != quantity.shape or given.shape != quantity.shape:
            raise InputError(f"endowment, supply and base of shapes {given.T.shape}, {supply.shape}, {offered.T.shape}")
        if not np.isfinite(offered).all():
            bad = int(np.flatnonzero(~np.isfinite(offered).all(axis=1))[0])
            raise InputError(f"what consumers offer for good {bad} is NaN or infinite: wanted finite numbers in base")
        slope = self._slope(quantity - given)
        price, marginal, marginal_bias = _post(
            self.order, self.sellers, self.weights, self.starts, quantity, slope, offered.copy()
        )
        residual = float(np.abs(self._right_side(price, slope, offered) - price).max())
        scale = max(1.0, float(np.abs(price).max()))
        lowest = np.where(self.free_disposal, price.min(axis=1), 0.0)
        if lowest.min() < -1e-9 * scale:
            bad = int(lowest.argmin())
            by = self.offering_least(bad, slope * price)
            raise InputError(
                f"good {bad} has price {lowest[bad]:g} although it may be thrown away: {by} would pay to be rid of it; set "
                "free_disposal=False for it, or repair the weights or the offers"
            )
        status = "optimal" if residual <= 1e-12 * scale else "approximate"
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

    def _slope(self, made: np.ndarray) -> np.ndarray:
        slope = np.ones_like(made)
        if self.activation == "relu":
            slope = (made > 0).astype(float)
        elif self.activation == "tanh":
            slope = 1 - made * made
        slope[np.diff(self.starts) == 0] = 0  # a firm that buys nothing passes no price on
        return slope

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


@njit(cache=True)
def _order(n: int, sellers: np.ndarray, starts: np.ndarray) -> tuple:
    """Kahn's algorithm: nodes so that sellers come before buyers, and how many could be ordered."""
    waiting = np.zeros(n, dtype=np.int64)
    first = np.zeros(n + 1, dtype=np.int64)
    for node in range(n):
        waiting[node] = starts[node + 1] - starts[node]
    for edge in range(len(sellers)):
        first[sellers[edge] + 1] += 1
    for node in range(n):
        first[node + 1] += first[node]
    buyers = np.empty(len(sellers), dtype=np.int32)
    place = first[:-1].copy()
    for node in range(n):
        for edge in range(starts[node], starts[node + 1]):
            buyers[place[sellers[edge]]] = node
            place[sellers[edge]] += 1
    order = np.empty(n, dtype=np.int32)
    done = 0
    for node in range(n):
        if waiting[node] == 0:
            order[done] = node
            done += 1
    next_ = 0
    while next_ < done:
        node = order[next_]
        next_ += 1
        for position in range(first[node], first[node + 1]):
            buyer = buyers[position]
            waiting[buyer] -= 1
            if waiting[buyer] == 0:
                order[done] = buyer
                done += 1
    return order[:done], done


@njit(cache=True)
def _produce(
    order: np.ndarray,
    sellers: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    bias: np.ndarray,
    y: np.ndarray,
    f: int,
) -> np.ndarray:
    """Adds what firms make to the endowments in y [n, days]."""
    days = y.shape[1]
    for node in order:
        if starts[node + 1] == starts[node]:
            continue
        for day in range(days):
            z = bias[node]
            for edge in range(starts[node], starts[node + 1]):
                z += weights[edge] * y[sellers[edge], day]
            if f == 1:
                z = max(z, 0.0)
            elif f == 2:
                z = np.tanh(z)
            y[node, day] += z
    return y


@njit(cache=True)
def _post(
    order: np.ndarray,
    sellers: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    y: np.ndarray,
    slope: np.ndarray,
    price: np.ndarray,
) -> tuple:
    """Adds the buyers' offers to the prices [n, days], buyers before sellers; returns them and the marginal profits."""
    marginal, marginal_bias = np.zeros(len(sellers)), np.zeros(len(price))
    days = price.shape[1]
    book = np.empty((len(price), days, 2))  # price and quantity side by side: one visit to memory per edge
    book[:, :, 0], book[:, :, 1] = price, y
    for position in range(len(order) - 1, -1, -1):
        node = order[position]
        for day in range(days):
            earned = book[node, day, 0] * slope[node, day]
            marginal_bias[node] += earned
            for edge in range(starts[node], starts[node + 1]):
                seller = sellers[edge]
                book[seller, day, 0] += weights[edge] * earned
                marginal[edge] += book[seller, day, 1] * earned
    return book[:, :, 0].copy(), marginal, marginal_bias
