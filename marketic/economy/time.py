"""Dated goods: a good today and the same good tomorrow are two goods, and dynamics and storage are firms.

Prices of dated goods are costates, `p_t = grad r_t + discount J_t^T p_{t+1}`: tomorrow's prices bound today's bids, which is
backpropagation through time and the maximum principle (Pontryagin). Storage that keeps the share k of a good makes
`p_t = k discount p_{t+1}` wherever something is stored: Hotelling's rule (1931). A linear-quadratic economy has the prices
`-2 S_t x_t` with S_t of Riccati's equation, which the tests hold it to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marketic.economy import inputs
from marketic.economy.consumer import Consumer
from marketic.economy.economy import Economy
from marketic.economy.firm import Dense, Firm, Table
from marketic.economy.layout import Good
from marketic.economy.prices import Prices
from marketic.economy.riccati import backwards
from marketic.errors import InputError
from marketic.numbers import all_finite
from marketic.quadratic_forms import ROUNDING, asymmetry, least_root

LOST = 1e-6
"""Share of a price by which rounding may move it."""


def unroll(
    goods: Iterable[Good],
    firms: Iterable[Firm],
    consumers: Iterable[Consumer],
    horizon: int,
    *,
    discount: float = 1.0,
    terminal: Iterable[Consumer] = (),
) -> Economy:
    """The economy of `horizon` periods from one period's description.

    A good with `dated=True` becomes "name@0" ... "name@horizon"; the others are one good for all periods. A firm becomes
    "name@t" for each period t < horizon; it sells into the next period what its `outs` call "name'" (with a prime). All
    copies share one capital. Utilities, rewards and rents of period t count discount**t, so posted prices and profits are
    present values (see `current_price`). `terminal` consumers take what the last period leaves.
    Raises InputError for a `Table` with a discount of its own if there is one here: tomorrow would be discounted twice.
    """
    if isinstance(horizon, bool) or not isinstance(horizon, int | np.integer) or horizon < 1:
        raise InputError(f"horizon={horizon!r}: wanted an integer >= 1")
    if not (all_finite(discount) and 0 < discount <= 1):
        raise InputError(f"discount={discount!r}: wanted a number above 0, at most 1")
    goods = list(goods)
    dated = {good.name for good in goods if good.dated}
    copies = []
    for good in goods:
        copies += [replace(good, name=f"{good.name}@{t}") for t in range(horizon + 1)] if good.dated else [good]
    firms, consumers = list(firms), list(consumers)
    for firm in firms:
        strange = [name for name in firm.outs if name.endswith("'") and name[:-1] not in dated]
        if strange:
            raise InputError(f"firm {firm.name!r} sells {strange[0]!r} tomorrow: wanted the name of a dated good")
        if discount != 1 and isinstance(firm, Table) and firm.discount != 1:
            raise InputError(
                f"firm {firm.name!r} has discount={firm.discount:g} and unroll has discount={discount:g}: tomorrow would be "
                "discounted twice; give it to unroll alone"
            )
    return Economy(
        copies,
        [_firm_at(firm, t, dated, discount) for t in range(horizon) for firm in firms],
        [
            *(_consumer_at(consumer, t, dated, discount) for t in range(horizon) for consumer in consumers),
            *(_consumer_at(consumer, horizon, dated, discount) for consumer in terminal),
        ],
    )


def _date(name: str, t: int, dated: set[str]) -> str:
    if name.endswith("'"):
        return f"{name[:-1]}@{t + 1}"
    return f"{name}@{t}" if name in dated else name


def _firm_at(firm: Firm, t: int, dated: set[str], discount: float) -> Firm:
    twin = firm.valued(discount**t)
    twin.name = f"{firm.name}@{t}"
    twin.ins = tuple(_date(name, t, dated) for name in firm.ins)
    twin.outs = tuple(_date(name, t, dated) for name in firm.outs)
    return twin


def _consumer_at(consumer: Consumer, t: int, dated: set[str], discount: float) -> Consumer:
    weight = discount**t
    scale = weight if consumer.budget is None else 1.0  # of a budgeted one only the money counts
    return Consumer(
        f"{consumer.name}@{t}",
        tuple(_date(name, t, dated) for name in consumer.goods),
        lambda x: scale * consumer.utility(x),
        lambda x: scale * consumer.gradient(x),
        None if consumer.budget is None else weight * consumer.budget,
        consumer.concave,
    )


def current_price(prices: Prices, good: str, t: int, discount: float) -> np.ndarray:
    """The price of a dated good in period t in that period's money, float64 [days, dim].

    Raises InputError for a period so far ahead that discount**t is no number with all its digits: prices are lost there.
    """
    weight = inputs.number("current_price: discount", discount, least=0.0) ** t
    if not weight >= np.finfo(float).tiny:
        raise InputError(
            f"current_price: discount**t = {discount:g}**{t} is too small to divide by: wanted an earlier period"
        )
    return prices[f"{good}@{t}"] / weight


def storage(name: str, good: str, dim: int = 1, *, keeps: float = 1.0) -> Firm:
    """A firm that carries a dated good into the next period, and keeps the share `keeps` of it (> 1: it grows)."""
    if not (all_finite(keeps) and keeps >= 0):
        raise InputError(f"storage {name!r} keeps {keeps!r}: wanted a finite number >= 0")
    return Dense(name, [good], [f"{good}'"], keeps * np.eye(dim))


def costates(
    gradients: Sequence[np.ndarray], jacobians: Sequence[np.ndarray], terminal: np.ndarray, discount: float = 1.0
) -> np.ndarray:
    """p_t = gradients_t + discount * jacobians_t^T p_{t+1}, float64 [T + 1, D], with p_T = terminal [D].

    gradients: T arrays [D], of the reward in the state; jacobians: T arrays [D, D], d next state / d state. Raises InputError
    for other shapes.
    """
    inputs.number("costates: discount", discount, least=0.0)
    last = inputs.finite_array("costates: terminal", terminal, (None,))
    size = len(last)
    slopes = inputs.finite_array("costates: gradients", list(gradients) or np.zeros((0, size)), (None, size))
    shape = len(slopes), size, size
    turns = inputs.finite_array("costates: jacobians", list(jacobians) or np.zeros((0, size, size)), shape)
    price = np.zeros((len(slopes) + 1, len(last)))
    price[-1] = last
    for t in reversed(range(len(slopes))):
        price[t] = slopes[t] + discount * turns[t].T @ price[t + 1]
    return price


@dataclass(frozen=True)
class LinearQuadratic:
    """x' = A x + B u, welfare = - sum_t discount^t (x'Qx + u'Ru) - discount^T x_T' Q x_T, as an economy of dated goods.

    economy: goods "state@t" (made) and "control@t" (endowed). values: S_t, float64 [T + 1, D, D], from Riccati's equation:
    the best welfare from x at t is -x' S_t x. gains: K_t, float64 [T, controls, D]: the best control is -K_t x.
    """

    economy: Economy
    values: np.ndarray
    gains: np.ndarray
    discount: float

    def plan(self, start: Any) -> dict[str, np.ndarray]:
        """Endowments for the best controls from `start` [D], good -> [1, dim].

        Each control answers the state that the economy will make, rounding included, so that rounding does not add up. Raises
        InputError where prices along the plan would be lost in it all the same: they are derivatives with later controls held
        fixed, and dynamics that grow by themselves multiply rounding from period to period.
        """
        firm = self.economy.firms["dynamics@0"]
        x = inputs.finite_array("plan: start", start, (self.values.shape[1],))[None]
        endowment, path = {"state@0": x}, [x[0]]
        for t, gain in enumerate(self.gains):
            u = -x @ gain.T
            endowment[f"control@{t}"] = u
            x = firm.alpha(firm.capital, np.concatenate([x, u], axis=1))
            path.append(x[0])
        self._require_told_prices(path)
        return endowment

    def _require_told_prices(self, path: list[np.ndarray]) -> None:
        """InputError unless the prices that are posted along the states `path` begin with -2 S_0 x_0."""
        size, cost = self.values.shape[1], self.values[-1]
        transition = self.economy.firms["dynamics@0"].capital["weights"][:size].T
        slopes = [-2.0 * cost @ x for x in path]
        posted = costates(slopes[:-1], [transition] * (len(path) - 1), slopes[-1], self.discount)[0]
        missed = np.abs(posted + 2.0 * self.values[0] @ path[0]).max()
        if not missed <= LOST * 2.0 * (np.abs(self.values[0]) @ np.abs(path[0])).max():
            growth = float(np.abs(np.linalg.eigvals(transition)).max())
            raise InputError(
                f"plan: {len(path) - 1} periods are too many for dynamics whose largest eigenvalue is {growth:.3g}: rounding "
                "grows by that from period to period, and prices would be lost in it; take a shorter horizon, or start from "
                "dynamics that a control keeps in bounds already (A - B K in place of A)"
            )


def linear_quadratic(A: Any, B: Any, Q: Any, R: Any, horizon: int, *, discount: float = 1.0) -> LinearQuadratic:
    """Build it. A [D, D], B [D, controls], Q [D, D] and R [controls, controls] symmetric, Q >= 0, R > 0; a number is 1 x 1.

    Raises InputError for other shapes, for NaN, for Q or R that are not symmetric or not definite as wanted, and where values
    leave the range of numbers.
    """
    A, B = _matrix("A", A, (None, None)), _matrix("B", B, (None, None))
    size, controls = len(A), B.shape[1]
    if A.shape != (size, size) or len(B) != size:
        raise InputError(
            f"linear_quadratic: A of shape {A.shape} and B of shape {B.shape}: wanted [D, D], [D, controls]"
        )
    Q, R = _matrix("Q", Q, (size, size)), _matrix("R", R, (controls, controls))
    for name, matrix in (("Q", Q), ("R", R)):
        if asymmetry(matrix) > ROUNDING:
            raise InputError(
                f"linear_quadratic: {name} is not symmetric: wanted ({name} + {name}') / 2, the same welfare"
            )
    if least_root(Q)[0] < -ROUNDING or (R.diagonal() == 0.0).any() or least_root(R)[0] <= 0.0:
        raise InputError("consumer 'household' is not concave: wanted Q positive semidefinite and R positive definite")

    def loss(matrix: np.ndarray, name: str, good: str) -> Consumer:
        return Consumer(
            name, (good,), lambda x: -np.sum(x @ matrix * x, axis=1), lambda x: -2 * x @ matrix, concave=True
        )

    economy = unroll(
        [Good("state", len(A), dated=True), Good("control", B.shape[1], dated=True)],
        [Dense("dynamics", ["state", "control"], ["state'"], np.hstack([A, B]).T)],
        [loss(Q, "household", "state"), loss(R, "effort", "control")],
        horizon,
        discount=discount,
        terminal=[loss(Q, "heir", "state")],
    )
    with np.errstate(over="ignore", invalid="ignore"):
        values, gains = backwards(A, B, Q, R, horizon, discount)
    if not (np.isfinite(values).all() and np.isfinite(gains).all()):
        raise InputError(
            f"linear_quadratic: welfare over {horizon} periods is beyond what numbers can hold: wanted a shorter horizon, or "
            "smaller A, B, Q and R"
        )
    return LinearQuadratic(economy, values, gains, discount)


def _matrix(name: str, given: Any, shape: tuple[int | None, int | None]) -> np.ndarray:
    return inputs.finite_array(
        f"linear_quadratic: {name}", np.reshape(given, (1, 1)) if np.size(given) == 1 else given, shape
    )
