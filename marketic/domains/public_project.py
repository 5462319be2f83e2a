"""A public project: a bridge for all or for nobody, worth something to each, harmful to some, at a cost to be shared."""

from dataclasses import dataclass, field

import numpy as np

from marketic.bids import LARGEST_BID, Bids
from marketic.clearing import Clearing
from marketic.domains.scalar import SingleGood


@dataclass(frozen=True)
class PublicProject:
    """Scalar reports of what the project is worth. The allocation [cases, n] is 1.0 for all present if it is built.

    cost:   of the project, currency, >= 0. Those present share it equally, on top of a mechanism's payments.
    shared: False: the house bears the cost, and nobody's worth is reduced by it.
    lowest: the lowest value, currency; below 0 some are harmed. sizes, share: as for every domain.
    """

    cost: float = 0.0
    shared: bool = True
    lowest: float = -np.inf
    sizes: tuple[int, ...] = (2, 1, 3, 0, 5, 4, *range(6, 11))
    share: float = 1.0
    values: SingleGood = field(default_factory=SingleGood)

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> Bids:
        """Values [cases, n] of either sign, some bidders absent."""
        bids = self.values.draw(rng, cases, bidders)
        sign = np.where(rng.random(bids.value.shape) < 0.4, -1.0, 1.0)
        return Bids(np.maximum(bids.value * sign, self.lowest), bids.active)

    def lie(self, rng: np.random.Generator, truth: Bids, who: np.ndarray) -> Bids:
        """Bidder `who` reports another number, at times one that just turns the decision."""
        lied = self.values.lie(rng, truth, who)
        rows = np.arange(len(who))
        value = lied.value.copy()
        turn = value[rows, who] - np.where(truth.active, value, 0.0).sum(axis=-1) + self.cost
        step = rng.choice([-1.0, 0.0, 1.0], len(who)) * 10.0 ** -rng.integers(0, 10, len(who))
        style = rng.random(len(who))
        picked = np.where(style < 0.4, turn + step, np.where(style < 0.7, -value[rows, who], value[rows, who]))
        value[rows, who] = np.clip(picked, max(self.lowest, -LARGEST_BID), LARGEST_BID)  # refusal would be a way out
        return Bids(value, truth.active)

    def worth(self, truth: Bids, clearing: Clearing) -> np.ndarray:
        """Value less the own share of the cost, where it is built."""
        return self.net(truth) * np.asarray(clearing.allocation, dtype=float)

    def optimum(self, truth: Bids) -> np.ndarray:
        """The sum of net values if the project should be built, else 0."""
        total = np.where(truth.active, truth.value, 0.0).sum(axis=-1)
        built = truth.active.any(axis=-1) & (total >= self.cost)
        return np.where(built, total - (self.cost if self.shared else 0.0), 0.0)

    def infeasible(self, truth: Bids, clearing: Clearing) -> tuple[np.ndarray, str]:
        """A project for some of those present only, or for more than once."""
        given = np.asarray(clearing.allocation, dtype=float)
        most = np.where(truth.active, given, -np.inf).max(axis=-1, initial=0.0)
        least = np.where(truth.active, given, np.inf).min(axis=-1, initial=np.inf)
        spread = np.where(truth.active.any(axis=-1), most - least, 0.0)
        excess = np.maximum.reduce([spread, most - 1.0, np.where(np.isfinite(least), -least, 0.0)])
        return excess - 1e-9, "it builds for some of those present and not for others"

    def net(self, truth: Bids) -> np.ndarray:
        """Values less equal shares of the cost, float64 [cases, n]; 0 for those who are absent."""
        heads = np.maximum(truth.active.sum(axis=-1, keepdims=True), 1)
        return np.where(truth.active, truth.value - (self.cost / heads if self.shared else 0.0), 0.0)
