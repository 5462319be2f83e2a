"""Workshops that share labour and energy: stocks, recipes to choose from, and two scarce resources at once.

Each workshop keeps 0 to `room` units of its own product. Every day it follows a recipe, then a customer comes with chance
d_i and takes one unit for v_i if there is one; what is left costs `storage` a unit. Recipes (labour, energy, makes): idle
(0, 0, 0), by hand (3, 0, 1), by machine (1, 1, 1), at full speed (2, 3, 2). What does not fit into the store is lost. Labour
and energy are rival goods, of which there is a fixed amount a day for all workshops: which recipe is best depends on what
both cost, so their prices must be found together. A weakly coupled problem in the sense of Hawkins (2003) with K = 2.

How far bounds are from the optimum: where units are few, `lagrangian_bound` is loose, since a recipe takes up to 3 of them and
it lets a day be shared in fractions; `integer_bound` counts whole recipes. With 3 or 4 workshops the exact optimum is .63 to
.68 of the former and .976 to .998 of the latter, and the policy at market prices is optimal within .3 %. By price bids (100
episodes, standard error up to .8 %), of the bounds with dated prices:

    workshops             6      10      20      50
    of lagrangian_bound   .529   .908   .910   .968
    of integer_bound      .987   .986   .993   .998
"""

from types import SimpleNamespace

import numpy as np

from marketic.economy import inputs
from marketic.envs.weakly_coupled import WeaklyCoupled
from marketic.envs.weakly_coupled_bound import lagrangian_bound
from marketic.errors import InputError
from marketic.factoring import MOST_PARTS
from marketic.numbers import whole

MOST_ROOM = 1000
"""Of a store: the chances of its levels are a table of levels times levels."""

RECIPES = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 1.0], [1.0, 1.0, 1.0], [2.0, 3.0, 2.0]])
"""Labour, energy and units made, by recipe."""
RESOURCES = ("labour", "energy")
JUDGED = 32
"""So many workshops decide whether resources are scarce."""


class Production(WeaklyCoupled):
    """`workshops` >= 1 with stores for `room` >= 2 units, empty at first; action: the recipe, 0 to 3.

    labour, energy: units a day; None: 0.6 and 0.2 per workshop, at least 3 and 1. storage:
    currency per unit and day, >= 0. economy: int >= 0, the seed that draws the workshops: chance of a customer d_i uniform
    on [0.3, 0.8], value of a unit v_i on [1, 3].

    Raises InputError for other numbers, and if labour or energy is not scarce.
    """

    def __init__(
        self,
        workshops: int = 20,
        *,
        labour: float | None = None,
        energy: float | None = None,
        room: int = 4,
        storage: float = 0.05,
        economy: int = 0,
        discount: float = 0.95,
        render_mode: str | None = None,
    ) -> None:
        for name, number, least in (("workshops", workshops, 1), ("room", room, 2), ("economy", economy, 0)):
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
                raise InputError(f"Production({name}={number!r}): wanted a whole number >= {least}")
        whole("Production: workshops", workshops, 1, MOST_PARTS)
        whole("Production: room", room, 2, MOST_ROOM)
        inputs.number("Production(...): storage", storage, least=0.0)
        for name, amount in zip(RESOURCES, (labour, energy), strict=True):
            if amount is not None and inputs.number(f"Production(...): {name}", amount, least=0.0) == 0.0:
                raise InputError(f"Production({name}=0): wanted some of it, > 0")
        rng = np.random.default_rng(economy)
        self.d, self.v = rng.uniform(0.3, 0.8, workshops), rng.uniform(1.0, 3.0, workshops)
        given = (labour, energy)
        amounts = [
            max(least, share * workshops) if amount is None else float(amount)
            for amount, least, share in zip(given, (3.0, 1.0), (0.6, 0.2), strict=True)
        ]
        uses = np.broadcast_to(RECIPES[:, :2], (workshops, len(RECIPES), 2))
        super().__init__(
            *_dynamics(self.d, self.v, int(room), float(storage)), uses, np.array(amounts), np.zeros(workshops, np.int64),
            discount=discount, render_mode=render_mode,
        )  # fmt: skip
        self._refuse_plenty()

    def _refuse_plenty(self) -> None:
        """Raise InputError unless both resources have a price above 0 (judged by the first workshops, if there are many)."""
        n = min(self.parts, JUDGED)
        few = SimpleNamespace(
            transitions=self.transitions[:n], rewards=self.rewards[:n], uses=self.uses[:n], start=self.start[:n],
            capacity=self.capacity * n / self.parts, discount=self.discount,
        )  # fmt: skip
        prices = lagrangian_bound(few).prices[0]
        for name, price, amount in zip(RESOURCES, prices, self.capacity, strict=True):
            if price <= 1e-3:
                raise InputError(
                    f"Production: {amount:g} units of {name} a day are worth nothing (price 0): nobody would compete for "
                    f"them; give less {name} or more of the other resource, or take more workshops"
                )


def _dynamics(d: np.ndarray, v: np.ndarray, room: int, storage: float) -> tuple[np.ndarray, np.ndarray]:
    """Transitions [n, 4, room + 1, room + 1] and expected rewards [n, room + 1, 4]."""
    n, states = len(d), room + 1
    transitions, rewards = np.zeros((n, len(RECIPES), states, states)), np.zeros((n, states, len(RECIPES)))
    for stock in range(states):
        for recipe, (_, _, made) in enumerate(RECIPES):
            filled = min(stock + int(made), room)
            sold = 1 if filled else 0
            transitions[:, recipe, stock, filled - sold] += d
            transitions[:, recipe, stock, filled] += 1.0 - d
            rewards[:, stock, recipe] = sold * d * v - storage * (filled - sold * d)
    return transitions, rewards
