"""Posted prices and their certificate.

The certificate recomputes the chain rule from the announced prices alone: what every firm would offer now
(`J^T p` of its products) against what it did offer, and every price against the sum of the offers. On an acyclic economy
both residuals are exactly 0 when posting has ended.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from marketic.clearing import Certificate
from marketic.economy import inputs
from marketic.economy.firm import Capital
from marketic.economy.settling import ROUNDING
from marketic.economy.state import State
from marketic.errors import InputError

if TYPE_CHECKING:
    from marketic.economy.economy import Economy


@dataclass(frozen=True)
class ChainRule:
    """Residuals of the chain rule, in units of price.

    firms:  firm -> largest |offer - J^T p|.
    goods:  good -> largest |price - what consumers and firms offer together|.
    rival:  rival good -> largest disagreement of its users: |offer - price| where they have some, offer above price
            where they have none. Prices are an equilibrium only if this is 0 as well.
    radius: spectral radius of the price map; 0 on an acyclic economy.
    error_bound: on a cyclic economy, the largest distance of a price from the exact one, rounding of offers included; else 0
            if the residuals are.
    status: "optimal" (firms and goods are exact up to the tolerance) or "approximate".
    """

    firms: dict[str, float]
    goods: dict[str, float]
    rival: dict[str, float]
    radius: float
    error_bound: float
    status: str

    @property
    def worst(self) -> float:
        """The largest residual of firms and goods."""
        return max([*self.firms.values(), *self.goods.values()], default=0.0)

    @property
    def disagreement(self) -> float:
        """The largest residual of rival goods."""
        return max(self.rival.values(), default=0.0)

    def summary(self, clearing: float = 0.0) -> Certificate:
        """The same in the form that all of marketic's answers share; there is no objective gap to report (NaN)."""
        return Certificate(clearing, 0.0, max(self.worst, self.disagreement), float("nan"), self.status)


@dataclass(eq=False)
class Prices:
    """Prices by good: `prices["flour"]` is float64 [days, dim], in units of that day's welfare.

    offers:   agent -> [days, price columns of what it buys].
    marginal: firm -> what one more unit of its capital earns, summed over days.
    rounds:   synchronous rounds (the last one confirms), else 1; postings: how often a firm posted.
    settled:  whether posting ended because nothing (or less than the tolerance) moved any more.
    slack:    good -> [days, 1], by how much offers may miss the chain rule; empty on an acyclic economy, for 0.
    """

    economy: "Economy"
    state: State
    values: dict[str, np.ndarray]
    offers: dict[str, np.ndarray]
    marginal: dict[str, Capital]
    rounds: int
    postings: int
    settled: bool
    slack: dict[str, np.ndarray] = field(default_factory=dict)
    radius: float = 0.0
    inverse_norm: float = 1.0
    version: int = field(default=-1)
    moves: int = field(default=-1)

    def __post_init__(self) -> None:
        self.version, self.moves = self.economy.version, self.economy.moves

    def __getitem__(self, good: str) -> np.ndarray:
        self.economy.layout.require(good, "prices")
        return self.values[good]

    @cached_property
    def certificate(self) -> ChainRule:
        """Computed when it is first asked for, at the cost of one more posting per firm.

        Raises InputError if the economy has changed since the prices were posted.
        """
        self.require_current()
        economy, state = self.economy, self.state
        now = dict(self.offers)
        for name, firm in economy.firms.items():
            sold = join([self.values[good] for good in firm.outs])
            now[name] = economy.ask_firm(name, state, sold)[0]
        firms = {name: _largest(now[name] - self.offers[name]) for name in economy.firms}
        excess = {name: self._excess(self.offers, name) for name in economy.layout.goods}
        goods = {name: _largest(value) for name, value in excess.items()}
        bound = 0.0 if max([*firms.values(), *goods.values()], default=0.0) == 0 else float("nan")
        if economy.cycle:
            missed = max(_largest(self._excess(now, name)) for name in economy.layout.goods)
            size = max(_largest(offer) for offer in now.values())
            bound = self.inverse_norm * (missed + ROUNDING * size)
        sound = all((np.abs(value) <= self.slack.get(name, 0.0)).all() for name, value in excess.items())
        for name, firm in economy.firms.items():
            for good in firm.ins:
                columns = economy.price_columns[name][good]
                other = np.abs(now[name][:, columns] - self.offers[name][:, columns])
                sound = sound and bool((other <= self.slack.get(good, 0.0)).all())
        status = "optimal" if self.settled and sound else "approximate"
        return ChainRule(firms, goods, self._disagreement(), self.radius, bound, status)

    def _excess(self, offers: dict[str, np.ndarray], good: str) -> np.ndarray:
        return add_up(self.economy, offers, good, self.state.days) - self.values[good]

    def agreed(self, tolerance: float) -> bool:
        """Whether the users of every rival good agree on its price, up to `tolerance` of the largest of any day."""
        return all(
            (self._disputed(good) <= tolerance * np.abs(self.values[good]).max(axis=0)).all()
            for good in self.economy.shares
        )

    def _disagreement(self) -> dict[str, float]:
        return {good: _largest(self._disputed(good)) for good in self.economy.shares}

    def _disputed(self, good: str) -> np.ndarray:
        """The users' largest disagreement on a rival good, float64 [dim]; see `ChainRule.rival`."""
        worst = np.zeros(self.economy.layout.goods[good].dim)
        for user, share in self.economy.shares[good].items():
            over = self.offers[user][:, self.economy.price_columns[user][good]] - self.values[good]
            worst = np.maximum(worst, np.where(share > 0, np.abs(over), np.maximum(over, 0)).max(axis=0))
        return worst

    def require_current(self, *, edges: bool = True) -> None:
        """InputError if firms have invested, entered or left since these prices were posted, or, `edges`, edges of theirs."""
        if self.moves != self.economy.moves or (edges and self.version != self.economy.version):
            raise InputError(
                "these prices are out of date: the economy has changed since; call produce and prices again"
            )

    def require_marginal(self, name: str) -> None:
        """InputError, naming the firm, unless its vjp said for each capital what a unit earns: finite, in its shape."""
        marginal = self.marginal.get(name, {})
        for key, value in self.economy.firms[name].capital.items():
            if not isinstance(value, np.ndarray) or value.dtype != np.float64:
                raise InputError(
                    f"firm {name!r} has capital {key!r} of type {type(value).__name__}, which cannot be moved in place: wanted "
                    f"a float64 array, e.g. firm.capital[{key!r}] = np.array(..., dtype=float)"
                )
            told = marginal.get(key)
            shape = None if told is None else np.shape(told)
            if shape != np.shape(value):
                raise InputError(
                    f"firm {name!r} does not say what its capital {key!r} earns: wanted vjp to return (offers, marginal) with "
                    f"marginal[{key!r}] of shape {np.shape(value)}, not {shape}"
                )
            if not isinstance(told, np.ndarray) or told.dtype != np.float64:
                what = f"firm {name!r} tells what its capital {key!r} earns by an array"
                told = marginal[key] = inputs.answered(what, told, np.shape(value), "that of the capital")
            if not np.isfinite(told).all():
                raise InputError(
                    f"firm {name!r} says that one more unit of its capital {key!r} earns NaN or infinity: check its derivative"
                )

    def require_sound(self) -> None:
        """InputError, naming the good or agent, for what no price can be: see `Economy.prices`."""
        wild = [name for name, offer in self.offers.items() if not np.isfinite(offer).all()]
        if wild:
            name = min(wild, key=self._misled)
            kind = "firm" if name in self.economy.firms else "consumer"
            raise InputError(f"{kind} {name!r} offers prices that are NaN or infinite: check its derivative")
        self._require_disposable()
        for name, consumer in self.economy.consumers.items():
            divisible = all(self.economy.layout.goods[good].kind == "vector" for good in consumer.goods)
            if consumer.concave and divisible:
                consumer.refute_concavity(self.state.inputs[name])

    def _misled(self, name: str) -> bool:
        """Whether an agent sells at prices that are no numbers: what it offers is then no fault of its own."""
        sold = self.economy.firms[name].outs if name in self.economy.firms else ()
        return not all(np.isfinite(self.values[good]).all() for good in sold)

    def _require_disposable(self) -> None:
        """InputError for a negative price of what may be thrown away, beyond rounding of the day's largest offer."""
        free = [name for name, good in self.economy.layout.goods.items() if good.free_disposal]
        if not free:
            return
        largest = np.max(
            [np.abs(offer).max(axis=1, keepdims=True, initial=0.0) for offer in self.offers.values()], axis=0
        )
        for name in free:
            price, slack = self.values[name], self.inverse_norm * self.slack.get(name, 0.0)
            if (price < -(1e-12 * largest + slack)).any():
                users = ", ".join(self.economy.users[name])
                raise InputError(
                    f"good {name!r} has price {price.min():g} although it may be thrown away: one of its users ({users}) "
                    "would pay to be rid of it; set free_disposal=False or repair the user's derivative"
                )


def join(parts: list[np.ndarray]) -> np.ndarray:
    """Side by side, without a copy of a single part."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def add_up(economy: "Economy", offers: dict[str, np.ndarray], good: str, days: int) -> np.ndarray:
    """The price that follows from the offers, float64 [days, dim]: their sum, or, for a rival good, their mean.

    The mean is weighted with the shares, because one more unit is shared like the others; in equilibrium all users offer
    the same and it is the common price. Always added in the same order, so that equal offers give equal bits.
    """
    total = None
    for user in economy.users[good]:
        if user in offers:
            part = offers[user][:, economy.price_columns[user][good]]
            part = part * economy.shares[good][user] if good in economy.shares else part
            total = part if total is None else total + part
    return np.zeros((days, economy.layout.goods[good].dim)) if total is None else total


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0.0))
