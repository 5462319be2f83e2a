"""How the parts of a goods market come to know what their actions are worth, at given prices of scarce resources.

Two ways, one meaning of `quality(own, local)`: float64 [n, A], what each action of each part is worth, resources not charged.

*Trades*: no model. Every part Q-learns its own table, the resources that it uses charged at their prices (Watkins and
Dayan 1992), relative to what one state is worth (Devraj and Meyn 2022; Abounadi, Bertsekas and Borkar 2001):
    h(l, a) <- r - lambda . u(a) + discount (max h(l', .) - max h(l0, .)),   Q = h + discount / (1 - discount) max h(l0, .).
In plain Q-learning all entries share one large level that takes 1 / (1 - discount) steps to follow, and an entry that is
rarely visited keeps the level of long ago, which looks like a gain or a loss; here only differences are learned, and they
settle as fast as the part forgets where it began. What a part does to other parts' states is not seen.

*Model*: parts count what follows their actions. Where nothing but resources couples them, values come from value
iteration in every part's table, resources charged: V(s) = max_a r - lambda . u(a) + discount E V(s'), the Lagrangian
decomposition (Hawkins 2003). Where parts have parents, the table v_i(parents, self) is the part's own income, resources
charged, under the policy that the market plays: least squares temporal differences (Bradtke and Barto 1996) for every
kind of part, older experience forgotten. A part's next state is then worth its own v_i and what its children offer for
it, as in coordination among factored agents (Guestrin, Koller and Parr 2002).
"""

import numpy as np

from marketic.agents.goods_market_kernels import (
    count_trades,
    expect_states,
    price_states,
    sweep_values,
    trade_values,
    weigh_actions,
)
from marketic.agents.goods_market_parts import Parts
from marketic.factoring import LocalModel
from marketic.numbers import check_room

SCRATCH = 4
"""Tables as large as the counts that are at work at a time."""
DOUBT = 1.0
"""Transitions' worth of weight on the prior of the least squares: that parents do not matter."""


class Trades:
    """Tables of what actions were worth in one's own trades.

    worth, visits: float64 [kinds, L, A]; worth is relative to the local state `reference`, int64 [kinds]: the first one met.
    """

    arrays = ("worth", "visits", "reference")

    def __init__(self, parts: Parts, exponent: float) -> None:
        self.parts, self.exponent = parts, exponent
        shape = (parts.kinds, parts.local_size, parts.actions)
        self.worth, self.visits = np.zeros(shape), np.zeros(shape)
        self.reference = np.full(parts.kinds, -1)
        self._present = parts.present[parts.examples]

    def record(self, local, action, reward, following, own, ended, prices, discount) -> None:  # type: ignore[no-untyped-def]
        """One step of one copy of the task; see `marketic.agents.goods_market_kernels.trade_values`."""
        trade_values(
            self.parts.kind, local, action, reward, following, not ended, self.parts.uses @ prices,
            discount, self._present, self.exponent, self.reference, self.visits, self.worth,
        )  # fmt: skip

    def review(self, prices: np.ndarray, discount: float) -> None:
        """Nothing to do between steps."""

    def quality(self, local: np.ndarray, prices: np.ndarray, discount: float) -> np.ndarray:
        """What actions are worth before resources are charged, float64 [n, A]; -inf where there is none."""
        parts = self.parts
        base = self.worth[np.arange(parts.kinds), self.reference]  # of kinds that met nothing yet: zeros
        level = discount / (1.0 - discount) * np.where(self._present, base, -np.inf).max(axis=1)
        worth = self.worth[parts.kind, local] + level[parts.kind, None]
        return np.where(parts.present, worth + parts.uses @ prices, -np.inf)


class Model:
    """Counted dynamics, and values by value iteration or, with parents, by least squares.

    visits, earned: float64 [kinds, L, A]; counts: float64 [kinds, L, A, S]; value: float64 [kinds, L], currency.
    """

    def __init__(self, parts: Parts, given: LocalModel | None = None) -> None:
        self.parts, self.given = parts, given is not None
        states, shape = int(parts.sizes.max()), (parts.kinds, parts.local_size, parts.actions)
        entries = SCRATCH * int(np.prod(shape)) * states
        check_room(
            entries, f"counting what follows in {shape[1]:,} states", "take knowledge='trades', or let parts read less"
        )
        self.visits, self.earned, self.counts = np.zeros(shape), np.zeros(shape), np.zeros((*shape, states))
        self.value = np.zeros(shape[:2])
        self._present = parts.present[parts.examples]
        self._stay = np.zeros((*shape, states))  # what is expected before anything was seen
        at = np.arange(shape[1])
        for g, part in enumerate(parts.examples.tolist()):
            self._stay[g, at, :, at % parts.sizes[part]] = 1.0
        tables = 0 if parts.separable else parts.kinds
        self.matrix, self.income = np.zeros((tables, shape[1], shape[1])), np.zeros((tables, shape[1]))
        self.use = np.zeros((tables, shape[1], len(parts.capacity)))
        self.clock = np.zeros(2)  # steps recorded, and when values were last worked out
        self._outcomes, self._rewards = self._stay.copy(), np.zeros(shape)
        if given is not None:
            self._outcomes[:] = np.swapaxes(given.transitions[parts.examples], 1, 2)
            self._rewards[:] = given.rewards[parts.examples]

    @property
    def arrays(self) -> tuple[str, ...]:
        """What changes in training."""
        return ("visits", "earned", "counts", "value", "matrix", "income", "use", "clock")

    def record(self, local, action, reward, following, own, ended, prices, discount) -> None:  # type: ignore[no-untyped-def]
        """One step of one copy of the task: int64 [n] each, reward float64 [n]; ended: in a terminal state."""
        self.clock[0] += 1
        if self.given:
            return
        parts = self.parts
        count_trades(
            parts.kind, local, action, reward, np.full_like(following, -1) if ended else following, own, parts.uses,
            discount, self.visits, self.counts, self.earned, self.matrix, self.income, self.use,
        )  # fmt: skip
        self._refresh(parts.kind, local, action)

    def _refresh(self, *rows: np.ndarray) -> None:
        """Chances and mean rewards from the counts, where they changed (no rows: everywhere)."""
        seen = self.visits[rows][..., None]
        self._outcomes[rows] = (self.counts[rows] + 0.1 * self._stay[rows]) / (seen + 0.1)
        self._rewards[rows] = self.earned[rows] / (self.visits[rows] + 1e-9)

    def review(self, prices: np.ndarray, discount: float) -> None:
        """Let values follow: a sweep after every step, or least squares after every twentieth of all experience."""
        parts = self.parts
        if parts.separable:
            charge = (parts.uses @ prices)[parts.examples]
            sweep_values(self._outcomes, self._rewards, charge, discount, self._present, self.value)
            return
        if self.clock[0] < max(self.clock[1] + 50, 1.05 * self.clock[1]):
            return
        self.clock[1] = self.clock[0]
        prior = self._without_parents()
        income = self.income - self.use @ prices + DOUBT * prior
        found = np.linalg.solve(self.matrix + DOUBT * np.eye(parts.local_size), income[..., None])[..., 0]
        self.value += 0.3 * (found - self.value)
        for total in (self.matrix, self.income, self.use):
            total *= 0.85

    def _without_parents(self) -> np.ndarray:
        """Values float64 [kinds, L] as if parents did not matter: the mean over them, by how often they were met."""
        prior = np.empty_like(self.value)
        for g, part in enumerate(self.parts.examples.tolist()):
            shape = (-1, int(self.parts.sizes[part]))
            size = int(self.parts.local_sizes[part])
            weight = self.visits[g, :size].sum(axis=1).reshape(shape) + 1e-9
            mean = (weight * self.value[g, :size].reshape(shape)).sum(axis=0) / weight.sum(axis=0)
            prior[g, :size], prior[g, size:] = np.tile(mean, len(weight)), 0.0
        return prior

    def quality(self, local: np.ndarray, prices: np.ndarray, discount: float) -> np.ndarray:
        """What actions are worth before resources are charged, float64 [n, A]; -inf where there is none."""
        parts = self.parts
        quality = np.empty(parts.present.shape)
        price = self.state_prices(local, np.zeros(parts.n, np.int64))
        weigh_actions(parts.kind, local, self._outcomes, self._rewards, price, discount, parts.present, quality)
        return quality

    def state_prices(self, local: np.ndarray, action: np.ndarray) -> np.ndarray:
        """What it is worth that a part is in a state tomorrow, float64 [n, S], currency; local, action int64 [n]: today's."""
        parts = self.parts
        if parts.separable:
            return self.value[parts.kind]
        price = np.empty((parts.n, self._outcomes.shape[3]))
        forecast = np.empty_like(price)
        expect_states(local, action, parts.kind, self._outcomes, forecast)
        price_states(self.value, parts.kind, parts.members, parts.strides, parts.sizes, forecast, price)
        return price

    def load(self) -> None:
        """Work out again what follows from the counts."""
        if not self.given:
            self._refresh()
