"""A market whose model has a hidden cause (latent classes: Lazarsfeld and Henry 1968; the scoring rule: Hanson 2003).

Whether this is a good year (z) nobody will ever verify; but many indicators x_i depend on it, and on nothing else once z is
known: p(x) = sum_z p(z) prod_i p(x_i | z). Traders edit p(z) and p(x_i | z), and are scored by what can be verified alone:
whoever moves the model from p to p' is owed b ln(p'(x) / p(x)). So z never needs to resolve, yet an indicator that has resolved
moves the prices of those that have not, through it. All edits together cost what the logarithmic rule over the 2^V worlds of
the indicators costs: at most b ln(1 / p_first(x)).

No claim that an answer by one's belief about z is best: different models can say the same of x.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from marketic.claims import Claim, Terms
from marketic.errors import InputError
from marketic.mechanisms.cost_function import maker_terms
from marketic.mechanisms.probability_edits import EditMaker, EditState, check_liquidity, number_of_outcome
from marketic.numbers import check_kinds, check_list

MOST_INDICATORS = 12
"""Scores are kept by world, 2^V of them."""


@dataclass(frozen=True)
class LatentClassMarket(EditMaker):
    """`Edits` [..., n] -> scores. classes: opening p(z), S >= 2 of them. indicators: V rows of the S opening p(x_i = 1 | z).

    liquidity: b > 0, currency. `Edits(price, i, z)` sets p(x_i = 1 | z); `Edits(price, V, z)` sets p(z), and what is left is
    shared by the other classes as before. Outcomes are worlds of the indicators: x_i is bit i of the number.
    """

    classes: tuple[float, ...] = (0.5, 0.5)
    indicators: tuple[tuple[float, ...], ...] = ((0.8, 0.2),) * 4
    liquidity: float = 100.0
    claims: ClassVar[frozenset[Claim]] = frozenset({Claim.BOUNDED_LOSS, Claim.CONSERVES})

    def __post_init__(self) -> None:
        check_kinds(self)
        check_liquidity(self, self.liquidity)
        table, chance = check_list(self, "indicators", axes=2), check_list(self, "classes")
        if len(chance) < 2 or not ((chance > 0) & (abs(chance.sum() - 1.0) <= 1e-9)).all():
            raise InputError(f"{self!r}: wanted classes as at least 2 probabilities > 0 that sum to 1")
        if not 1 <= len(table) <= MOST_INDICATORS or table.shape[1] != len(chance):
            raise InputError(f"{self!r}: wanted 1 to {MOST_INDICATORS} indicators, with a number for each class")
        if not ((table > 0) & (table < 1)).all():
            raise InputError(f"{self!r}: wanted p(x_i = 1 | z) above 0 and below 1")

    @property
    def outcomes(self) -> int:
        """Worlds of the indicators."""
        return 2 ** len(self.indicators)

    @property
    def worst_loss(self) -> float:
        """b max_x ln(1 / p(x)), currency: b V ln 2 for an even start."""
        return float(-self.liquidity * self.log_worlds(self.start()).min())

    @property
    def terms(self) -> dict[Claim, Terms]:
        """The bound on the loss."""
        return {Claim.BOUNDED_LOSS: maker_terms(self.worst_loss)[Claim.BOUNDED_LOSS]}

    @cached_property
    def questions(self) -> np.ndarray:
        """(indicator, class), then (V, class), int64 [(V + 1) S, 2]."""
        return np.argwhere(np.ones((len(self.indicators) + 1, len(self.classes))))

    def start(self) -> np.ndarray:
        """The opening model, float64 [(V + 1) S, 2]."""
        yes = np.concatenate([np.array(self.indicators).ravel(), np.array(self.classes) / np.sum(self.classes)])
        return np.stack([np.log1p(-yes), np.log(yes)], axis=-1)

    def quote(self, state: EditState) -> np.ndarray:
        """P(x_i = 1), float64 [..., V]."""
        return self.given(state, np.full(len(self.indicators), -1))

    def given(self, state: EditState, known: Any) -> np.ndarray:
        """P(x_i = 1 | the indicators that have resolved), float64 [..., V]. known: int [..., V], 1 yes, 0 no, -1 open."""
        seen = np.asarray(known)
        if seen.shape[-1:] != (len(self.indicators),) or not np.isin(seen, (-1, 0, 1)).all():
            raise InputError(f"known = {known!r}: wanted 1 (yes), 0 (no) or -1 (open) for each indicator")
        hidden, table = self._parts(state.log_price)
        told = np.where(seen[..., None] < 0, 0.0, np.where(seen[..., None] == 1, table[..., 1], table[..., 0]))
        hidden = hidden + told.sum(axis=-2)
        posterior = np.exp(hidden - np.logaddexp.reduce(hidden, axis=-1)[..., None])
        open_ones = (posterior[..., None, :] * np.exp(table[..., 1])).sum(axis=-1)
        return np.where(seen < 0, open_ones, seen.astype(float))

    def settle(self, state: EditState, outcome: Any) -> np.ndarray:
        """The scores in world `outcome` (int64 [...]): float64 [..., n], currency."""
        world = number_of_outcome(outcome, self.outcomes, state.holdings.shape[:-2])
        return np.take_along_axis(state.holdings, world[..., None, None], axis=-1)[..., 0]

    def revised(self, log_price: np.ndarray, question: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """As for any edit; where a class was edited, the other classes share what is left."""
        after = super().revised(log_price, question, wanted)
        first = len(self.indicators) * len(self.classes)
        asked = np.arange(len(self.classes)) == (question[..., None] - first)
        left = np.where(asked, log_price[..., first:, 0], 0.0).sum(axis=-1)  # ln(1 - the old p(z)), 0 elsewhere
        others = log_price[..., first:, 1] + (wanted[..., 0] - left)[..., None]
        with np.errstate(divide="ignore", invalid="ignore"):
            shared = np.stack([np.log1p(-np.exp(others)), others], axis=-1)
        change = (asked.any(axis=-1)[..., None] & ~asked)[..., None]
        return np.concatenate([after[..., :first, :], np.where(change, shared, after[..., first:, :])], axis=-2)

    def scores(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """b ln(p'(x) / p(x)) in every world x, float64 [..., 2^V], currency."""
        return self.liquidity * (self.log_worlds(after) - self.log_worlds(before))

    def log_worlds(self, log_price: np.ndarray) -> np.ndarray:
        """ln p(x) of every world, float64 [..., 2^V]."""
        hidden, table = self._parts(log_price)
        bits = (np.arange(self.outcomes)[:, None] >> np.arange(len(self.indicators))) & 1
        no = table[..., 0].sum(axis=-2)
        odds = table[..., 1] - table[..., 0]
        joint = (hidden + no)[..., None, :] + bits.astype(float) @ odds
        return np.asarray(np.logaddexp.reduce(joint, axis=-1))

    def _parts(self, log_price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ln p(z), float64 [..., S], and ln p(x_i | z), float64 [..., V, S, 2]."""
        first, size = len(self.indicators) * len(self.classes), len(self.classes)
        hidden = log_price[..., first:, 1]
        table = log_price[..., :first, :].reshape(*log_price.shape[:-2], -1, size, 2)
        return hidden - np.logaddexp.reduce(hidden, axis=-1)[..., None], table
