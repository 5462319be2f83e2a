"""Price as gradient: in an economy of goods the price of a good should be what one more unit of it adds to welfare.

For every good, day and component: its price against (W(e + h) - W(e - h)) / 2h, the central difference of welfare in the
good's endowment, whose own error falls with h^2. Finite goods are left out: half a variety is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.economy.economy import Economy
from marketic.errors import InputError


@dataclass(frozen=True)
class GradientCheck:
    """Prices beside finite differences of welfare, good -> float64 [days, dim], in units of welfare per unit of good."""

    price: dict[str, np.ndarray]
    difference: dict[str, np.ndarray]

    @property
    def errors(self) -> dict[str, float]:
        """Good -> largest |price - difference|, relative to the good's largest |price| (or absolute, where that is 0)."""
        found = {}
        for good, price in self.price.items():
            size = float(np.abs(price).max(initial=0.0))
            found[good] = float(np.abs(price - self.difference[good]).max(initial=0.0)) / (size or 1.0)
        return found

    @property
    def worst(self) -> float:
        """The largest error of all goods; 0 without goods."""
        return max(self.errors.values(), default=0.0)


def check_gradients(
    economy: Economy, endowment: Mapping[str, Any], *, step: float = 1e-5, goods: list[str] | None = None
) -> GradientCheck:
    """Hold the prices of `economy` at an endowment (good -> [days, width]) against finite differences of welfare.

    step: h, in units of each good, > 0. goods: which vector goods; None: all. Costs 2 productions per component.

    Raises InputError for a good that is unknown or finite, and for what `Economy.produce` and `prices` refuse.
    """
    if not step > 0:
        raise InputError(f"check_gradients(step={step}): wanted a number > 0")
    known = economy.layout.goods
    chosen = [name for name, good in known.items() if good.kind == "vector"] if goods is None else goods
    wrong = [name for name in chosen if name not in known or known[name].kind != "vector"]
    if wrong:
        raise InputError(f"check_gradients(goods={goods}): {wrong[0]!r} is no vector good of this economy")
    state = economy.produce(endowment)
    prices = economy.prices(state)
    given = {name: np.array(np.broadcast_to(np.atleast_2d(value), (state.days, np.shape(np.atleast_2d(value))[1])))
             for name, value in endowment.items()}  # fmt: skip
    difference = {name: np.zeros((state.days, known[name].dim)) for name in chosen}
    for name in chosen:
        for component in range(known[name].dim):
            up, down = (_welfare(economy, given, state.days, name, component, sign * step) for sign in (1, -1))
            difference[name][:, component] = (up - down) / (2 * step)
    return GradientCheck({name: np.array(prices[name]) for name in chosen}, difference)


def _welfare(
    economy: Economy, given: dict[str, np.ndarray], days: int, good: str, component: int, extra: float
) -> np.ndarray:
    """Welfare per day with a little more of one component of a good, float64 [days]."""
    base = given.get(good, np.zeros((days, economy.layout.goods[good].dim))).astype(float)
    more = base.copy()
    more[:, component] += extra
    return economy.welfare(economy.produce({**given, good: more}))
