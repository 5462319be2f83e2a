"""Which firms and edges deserve to exist: profit, eviction, entry, rent.

At marginal prices a firm with constant returns earns exactly nothing (Euler's theorem), and the rent of a weight,
E[w g], is 0 at any stationary point: marginal profit cannot say who is needed. *Inframarginal* profit can: welfare with
the firm less welfare without it, the Clarke pivot. For firms it is computed exactly by leaving each out; for an edge with
weight w and marginal profits g it is estimated by `w^2 F / 2`, F = E[g^2] (Fisher information; optimal brain damage,
LeCun 1990; Theis 2018). An edge that does not exist has the marginal profit |E[g]| = priced unmet demand: the greatest
enters (this is RigL's criterion, Evci 2020); with the same curvature it would make E[g]^2 / (2 F) inframarginally, which
compares edges of different firms; one that invests a share of E[g] / F on entry can be judged soon. A rent r per unit
of |w| makes investment the proximal method for the lasso: at its optimum, edges in use earn exactly r and the others at
most r.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from marketic.economy import inputs
from marketic.economy.firm import Dense
from marketic.economy.state import State
from marketic.errors import InputError
from marketic.numbers import all_finite

if TYPE_CHECKING:
    from marketic.economy.economy import Economy
    from marketic.economy.prices import Prices


def marginal_profit(prices: "Prices") -> dict[str, float]:
    """Revenue and own welfare less cost and rent at the posted prices, mean per day, by firm; a variety of a finite good
    costs p[it].
    """
    economy, state = prices.economy, prices.state
    profits = {}
    for name, firm in economy.firms.items():
        revenue = sum(
            _value(economy, g, prices[g], state.outputs[name][:, economy.columns[name][g]]) for g in firm.outs
        )
        cost, start = 0.0, 0
        for good in firm.ins:
            width = economy.layout.goods[good].width
            offer = prices.offers[name][:, economy.price_columns[name][good]]
            cost += _value(economy, good, offer, state.inputs[name][:, start : start + width])
            start += width
        profits[name] = float(revenue + np.mean(firm.welfare(state.inputs[name])) - cost - firm.rent)
    return profits


def _value(economy: "Economy", good: str, price: np.ndarray, quantity: np.ndarray) -> float:
    if economy.layout.goods[good].kind == "finite":
        return float(np.take_along_axis(price, quantity.astype(int), axis=1).mean())
    return float((price * quantity).sum(axis=1).mean())


def pivot_profit(economy: "Economy", state: State) -> dict[str, float]:
    """Welfare with each firm less welfare without it and its products, less rent, mean per day; everyone else stays.

    Only what lies downstream of the firm is produced again. Raises InputError on a cyclic economy, and for firms that
    make finite goods (a unit of no variety means nothing).
    """
    if economy.cycle:
        raise InputError("pivot profit on a cyclic economy: wanted an acyclic one")
    with_all = float(economy.welfare(state).mean())
    profits = {}
    for name, firm in economy.firms.items():
        if any(economy.layout.goods[good].kind == "finite" for good in firm.outs):
            raise InputError(f"firm {name!r} makes a finite good: there is no such thing as none of it")
        changed, agents = _downstream(economy, name)
        outputs = {other: y for other, y in state.outputs.items() if other not in agents}
        outputs[name] = np.zeros_like(state.outputs[name])
        supply = {good: value for good, value in state.supply.items() if good not in changed}
        without = State(state.days, supply, dict(state.inputs), outputs, state.endowment)
        for other in economy.order:
            if other in agents and other != name:
                economy.run_firm(other, without)
        economy._finish(without)
        own = float(np.mean(firm.welfare(state.inputs[name])))
        profits[name] = with_all - (float(economy.welfare(without).mean()) - own) - firm.rent
    return profits


def _downstream(economy: "Economy", name: str) -> tuple[set[str], set[str]]:
    """Goods and firms that change when firm `name` does."""
    goods, firms = set(economy.firms[name].outs), {name}
    for other in economy.order:
        if goods & set(economy.firms[other].ins):
            firms.add(other)
            goods |= set(economy.firms[other].outs)
    return goods, firms


@dataclass(eq=False)
class EdgeBooks:
    """The accounts of one Dense firm's edges: running means of their marginal profit and of its square.

    square_memory, mean_memory: weights of the past in the running means. `gain` and `stake` presume welfare in nats (see F in
    the module's docstring) and quantities of a size near 1: a mean square below 1e-9 counts as about that.
    """

    firm: Dense
    square_memory: float = 0.98
    mean_memory: float = 0.95
    square: np.ndarray = field(init=False)
    mean: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.square = np.zeros_like(self.firm.capital["weights"])
        self.mean = np.zeros_like(self.firm.capital["weights"])

    def record(self, prices: "Prices") -> None:
        """Book one batch: its mean marginal profit per edge g, and days * g^2, which estimates E[g^2] of one day."""
        gradient = prices.marginal[self.firm.name]["weights"] / prices.state.days
        self.mean += (1 - self.mean_memory) * (gradient - self.mean)
        self.square += (1 - self.square_memory) * (prices.state.days * gradient**2 - self.square)

    def profit(self) -> np.ndarray:
        """Inframarginal profit of each edge, w^2 F / 2, float64 [D_in, D_out], units of welfare per day."""
        return 0.5 * self.firm.capital["weights"] ** 2 * self.square

    def impact(self) -> np.ndarray:
        """How much welfare would change without each edge, |w E[g] + w^2 F / 2|, float64 [D_in, D_out], welfare per day.

        Pivot profit to second order (Molchanov 2019): unlike `profit` it counts that an edge still grows, as entrants do.
        """
        weights = self.firm.capital["weights"]
        return np.abs(weights * self.mean + 0.5 * weights**2 * self.square)

    def demand(self) -> np.ndarray:
        """Priced demand for one more unit of each edge, |E[g]|, float64 [D_in, D_out]."""
        return np.abs(self.mean)

    def gain(self) -> np.ndarray:
        """Inframarginal profit that each edge would make from 0, E[g]^2 / (2 F), float64 [D_in, D_out], welfare per day.

        The welfare E[g] w - w^2 F / 2 at its best w, E[g] / F: in the unit of `profit`, so that firms can be compared.
        """
        return 0.5 * self.mean**2 / (self.square + 1e-9)

    def stake(self, share: float = 0.25, most: float = 0.5) -> np.ndarray:
        """What each edge would invest at once on entry, float64 [D_in, D_out], weights.

        share: of the weight E[g] / F at which it would earn its `gain` (a Newton step from 0), 0 to 1; most: of |weight|, since
        F is measured at the present weights only.
        """
        if not (0 <= share <= 1 and most >= 0):
            raise InputError(f"share={share!r}, most={most!r}: wanted 0 <= share <= 1 and most >= 0")
        return np.clip(share * self.mean / (self.square + 1e-9), -most, most)


def swap_edges(
    firms: list[Dense],
    count: int,
    keep: list[np.ndarray],
    want: list[np.ndarray],
    stakes: list[np.ndarray] | None = None,
) -> None:
    """Evict the `count` edges of all firms together with the least `keep`; admit as many absent ones, the greatest `want`.

    keep, want: per firm float64 [D_in, D_out], comparable between firms. Capital moves to the firms where it earns more,
    so a firm's number of edges changes and the sum does not. With one firm in the lists it stays as large as it is.
    Those just evicted do not return at once. stakes: the weights with which entrants start, like `keep`; None: 0.
    """
    keep, want = _per_edge("keep", firms, keep), _per_edge("want", firms, want)
    stakes = None if stakes is None else _per_edge("stakes", firms, stakes)
    inputs.whole("count", count, 0)
    exists = np.concatenate([firm.existing().ravel() for firm in firms])
    count = min(count, int(exists.sum()), int((~exists).sum()))
    if count <= 0:
        return
    worth, demand = (np.concatenate([part.ravel() for part in parts]) for parts in (keep, want))
    leave = np.argpartition(np.where(exists, worth, np.inf), count - 1)[:count]
    enter = np.argpartition(np.where(exists, np.inf, -demand), count - 1)[:count]
    exists[leave], exists[enter] = False, True
    _set_edges(firms, exists)
    if stakes is not None:
        entered = np.zeros(len(exists), dtype=bool)
        entered[enter] = True
        for firm, new, stake in zip(firms, _of_each(firms, entered), stakes, strict=True):
            firm.capital["weights"][new] = stake[new]


def evict_edges(firms: list[Dense], keep: list[np.ndarray], target: int) -> None:
    """Evict edges of all firms together, the least `keep` first, until `target` are left."""
    keep = _per_edge("keep", firms, keep)
    worth = np.concatenate([np.where(firm.existing(), k, -np.inf).ravel() for firm, k in zip(firms, keep, strict=True)])
    there = sum(firm.edges for firm in firms)
    if not all_finite(target) or target != int(target) or not 0 <= target <= there:
        raise InputError(f"target={target} edges: wanted from 0 to {there}, those that exist")
    stay = np.zeros(len(worth), dtype=bool)
    stay[np.argsort(-worth, kind="stable")[: int(target)]] = True
    _set_edges(firms, stay)


def _per_edge(what: str, firms: list[Dense], given: list[np.ndarray]) -> list[np.ndarray]:
    """One number per edge and firm, which may be infinite (never evicted), or InputError."""
    if len(given) != len(firms):
        raise InputError(f"{what} for {len(given)} firms: wanted one array for each of {len(firms)}")
    parts = [np.asarray(part, dtype=float) for part in given]
    for firm, part in zip(firms, parts, strict=True):
        shape = firm.capital["weights"].shape
        if part.shape != shape or np.isnan(part).any():
            raise InputError(f"{what} of firm {firm.name!r}, of shape {part.shape}: wanted {shape}, numbers, not NaN")
    return parts


def _set_edges(firms: list[Dense], exists: np.ndarray) -> None:
    """Make `exists`, bool [edges of all firms], the edges of the firms; those that are gone have weight 0."""
    for firm, mask in zip(firms, _of_each(firms, exists), strict=True):
        firm.mask = mask
        firm.capital["weights"] *= mask


def _of_each(firms: list[Dense], together: np.ndarray) -> list[np.ndarray]:
    """Cut an array over the edges of all firms, one after another, into one [D_in, D_out] per firm."""
    shapes = [firm.capital["weights"].shape for firm in firms]
    parts = np.split(together, np.cumsum([a * b for a, b in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def pay_rent(firm: Dense, rent: float, rate: float) -> None:
    """Edges pay `rent` per unit of |w|: shrink them by rate * rent, to 0 if they cannot pay (the lasso's proximal step)."""
    inputs.number("rent", rent, least=0.0)
    inputs.number("rate", rate, least=0.0)
    weights = firm.capital["weights"]
    weights[:] = np.sign(weights) * np.maximum(np.abs(weights) - rate * rent, 0.0)
    firm.note_change()


def rent_certificate(firm: Dense, gradient: np.ndarray, rent: float) -> float:
    """Largest violation of the lasso's optimality: edges in use earn `rent` towards their sign, the others at most that.

    gradient: mean marginal profit per day of each edge on all the data, float64 [D_in, D_out]. Units: welfare per weight.
    """
    weights = firm.capital["weights"]
    inputs.number("rent", rent, least=0.0)
    gradient = inputs.finite_array(f"gradient of firm {firm.name!r}", gradient, weights.shape)
    used = np.abs(gradient - rent * np.sign(weights))
    unused = np.maximum(np.abs(gradient) - rent, 0.0)
    return float(np.where(weights != 0, used, unused).max(initial=0.0))


def entrants(x: np.ndarray, price: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where new linear firms between two goods would earn most: the top singular pairs of E[x p^T].

    x: quantities of the upstream good [days, D]; price: of the downstream good [days, P]. Returns what each would buy
    [D, count], what it would sell [count, P], and its marginal profit per unit of scale, float64 [count], falling.
    """
    left, worth, right = np.linalg.svd(x.T @ price / len(x), full_matrices=False)
    return left[:, :count], right[:count], worth[:count]
