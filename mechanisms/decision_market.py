"""Decision market (Hanson 1999; Othman and Sandholm 2010; Chen, Kash, Ruberry and Shnayder 2011).

For each of K actions traders set the price of "it succeeds, if we do it". Then an action is taken, and only its market pays:
b ln(p'(s) / p(s)) for success or failure s; the others are void. If the action with the highest price is always taken, whoever
knows better of a second action pushes down the first, is never asked about it, and earns on the second: truth is not best,
whatever the scoring rule. The cure is to take every action now and then, and to pay 1 / pi(a) times as much where a was
taken with probability pi(a): then every edit earns, in expectation over the draw, what it would earn if its action were
taken for sure. It costs: the maker may lose K / exploration times as much as before.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from marketic.claims import Claim, Terms
from marketic.errors import InputError
from marketic.mechanisms.probability_edits import EditMaker, Edits, EditState, check_liquidity, number_of_outcome
from marketic.numbers import MOST_ENTRIES, check_kinds, check_wholes

RAREST = 1e-9
"""The least exploration: what scores are multiplied with is finite, and so is the loss."""


@dataclass(frozen=True)
class DecisionMarket(EditMaker):
    """`Edits(price, action)` [..., n] set P(success | action). Outcome 2a + s: action a was taken, and s = 1 it succeeded.

    actions: K >= 1. exploration: the chance, from 0 to 1, that the action is drawn evenly, instead of taking the (first)
    one with the highest price. 0: always the highest, scores are not scaled, and truth is not claimed.
    liquidity: b > 0, currency.
    """

    actions: int = 2
    exploration: float = 0.1
    liquidity: float = 100.0
    base_claims: ClassVar[frozenset[Claim]] = frozenset({Claim.BOUNDED_LOSS, Claim.CONSERVES})

    def __post_init__(self) -> None:
        check_kinds(self)
        check_liquidity(self, self.liquidity)
        check_wholes(self, MOST_ENTRIES // 2, actions=1)
        if not (self.exploration == 0.0 or RAREST <= self.exploration <= 1.0):
            raise InputError(f"{self!r}: wanted exploration 0, or from {RAREST:g} to 1 (scores are divided by it)")

    @property
    def claims(self) -> frozenset[Claim]:
        """DSIC if every action is taken now and then (or there is no choice)."""
        honest = self.exploration > 0.0 or self.actions == 1
        return self.base_claims | {Claim.DSIC} if honest else self.base_claims

    @property
    def terms(self) -> dict[Claim, Terms]:
        """The bound on the loss, and what truth means here."""
        source = "Chen, Kash, Ruberry and Shnayder 2011, theorem 1"
        last = "in expectation over the draw of the action, for a risk-neutral trader who does not trade again"
        return {
            Claim.BOUNDED_LOSS: Terms(bound=self.worst_loss, source=source),
            Claim.DSIC: Terms(domain=last, source=source),
        }

    @property
    def worst_loss(self) -> float:
        """b ln 2, times K / exploration if scores are scaled, currency."""
        return self.liquidity * math.log(2.0) * (self.actions / self.exploration if self.exploration > 0.0 else 1.0)

    @property
    def outcomes(self) -> int:
        """2 K."""
        return 2 * self.actions

    @cached_property
    def questions(self) -> np.ndarray:
        """(action, 0), int64 [K, 2]."""
        return np.stack([np.arange(self.actions), np.zeros(self.actions, dtype=np.int64)], axis=-1)

    def quote(self, state: EditState) -> np.ndarray:
        """P(success | action), float64 [..., K]."""
        return np.exp(state.log_price[..., 1])

    def policy(self, state: EditState) -> np.ndarray:
        """Chances of the actions if the market closes now, float64 [..., K]."""
        best = np.arange(self.actions) == state.log_price[..., 1].argmax(axis=-1)[..., None]
        return self.exploration / self.actions + (1.0 - self.exploration) * best

    def draw_action(self, state: EditState, rng: np.random.Generator) -> np.ndarray:
        """An action by the policy, int64 [...]."""
        bar = np.cumsum(self.policy(state), axis=-1)[..., :-1]
        return np.asarray((rng.random(bar.shape[:-1])[..., None] >= bar).sum(axis=-1))

    def settle(self, state: EditState, outcome: Any) -> np.ndarray:
        """Scores on the action taken, scaled by 1 / its chance: float64 [..., n], currency. outcome: int64 [...], 2a + s."""
        chosen = number_of_outcome(outcome, self.outcomes, state.holdings.shape[:-2])
        owed = np.take_along_axis(state.holdings, chosen[..., None, None], axis=-1)[..., 0]
        if self.exploration == 0.0:
            return owed
        return np.asarray(owed / np.take_along_axis(self.policy(state), chosen[..., None] // 2, axis=-1))

    def chances(self, state: EditState, belief: np.ndarray) -> np.ndarray:
        """Chance of each outcome if the market closes now, float64 [..., 2K]; of `belief` [..., 2K] the odds given a count."""
        pairs = belief.reshape(*belief.shape[:-1], self.actions, 2)
        success = pairs / pairs.sum(axis=-1, keepdims=True)
        return np.asarray((self.policy(state)[..., None] * success).reshape(belief.shape))

    def truthful(self, orders: Edits, belief: np.ndarray) -> Edits:
        """The same questions, answered by `belief` float64 [..., 2K]: what the kit compares other answers with."""
        pairs = belief.reshape(*belief.shape[:-1], self.actions, 2)
        success = pairs[..., 1] / pairs.sum(axis=-1)
        return Edits(
            np.take_along_axis(success, orders.variable, axis=-1), orders.variable, orders.given, orders.active
        )
