"""Combinatorial prediction market on a tree of yes-no variables (Hanson 2003, 2007; Sun, Hanson, Laskey and Twardy 2012).

V variables make 2^V worlds, and a market scoring rule over them needs one price each. If each variable depends on at most one
other, its parent, then p(x) = prod_v p(x_v | x_parent(v)), and 2V numbers do. A trader edits one conditional probability,
and in world x where its condition holds it is owed b ln(p'(x_v | a) / p(x_v | a)), elsewhere nothing: to the last digit
what the logarithmic rule over all worlds would give for the same change, because the other factors cancel. So scores are
kept by question, in 4V numbers per trader, and prices elsewhere move by inference, two sweeps over the tree (Pearl 1988).

Truth is best for a trader who edits once more and never again: it expects b p(a) KL(its belief || price) of the edit. The
maker loses at most b ln(1 / p_first(x)), b V ln 2 for an even start.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from marketic.claims import Claim, Terms
from marketic.errors import InputError
from marketic.mechanisms.cost_function import maker_terms
from marketic.mechanisms.probability_edits import EditMaker, Edits, EditState, check_liquidity, number_of_outcome
from marketic.numbers import check_kinds, check_list
from marketic.screening import keep


@dataclass(frozen=True)
class TreeLMSR(EditMaker):
    """`Edits` [..., n] -> scores. parents: for each variable the number of an earlier one that it depends on, -1: none.

    liquidity: b > 0, currency. `Edits(price, variable, given)` sets P(variable = 1 | parent = given) to `price`; given is 0
    for a variable without parent. Outcomes are worlds: x_v is bit v of the number, for up to 62 variables.

    >>> market = TreeLMSR((-1, 0), liquidity=1.0)
    >>> state, _ = market.step(market.open(1), Edits([0.75], [1], [1]))  # "if the first happens, the second likely does too"
    >>> market.quote(state).round(3).tolist(), market.settle(state, 3).round(3).tolist(), market.settle(state, 2).tolist()
    ([0.5, 0.625], [0.405], [0.0])
    """

    parents: tuple[int, ...] = (-1, 0, 1)
    liquidity: float = 100.0
    claims: ClassVar[frozenset[Claim]] = frozenset({Claim.BOUNDED_LOSS, Claim.CONSERVES, Claim.DSIC})

    def __post_init__(self) -> None:
        check_kinds(self)
        check_liquidity(self, self.liquidity)
        given = check_list(self, "parents")
        earlier = all(parent in range(-1, v) for v, parent in enumerate(given.tolist()))
        if not 1 <= len(given) <= 62 or not earlier:
            raise InputError(
                f"{self!r}: wanted 1 to 62 parents, each -1 or the number of an earlier variable, e.g. (-1, 0, 0)"
            )
        keep(self, "parents", tuple(map(int, given)))

    @property
    def outcomes(self) -> int:
        """Number of worlds."""
        return 2 ** len(self.parents)

    @property
    def worst_loss(self) -> float:
        """b V ln 2, currency."""
        return self.liquidity * len(self.parents) * math.log(2.0)

    @property
    def terms(self) -> dict[Claim, Terms]:
        """The bound on the loss, and what truth means here."""
        return maker_terms(self.worst_loss)

    @cached_property
    def questions(self) -> np.ndarray:
        """(variable, value of its parent), int64 [P, 2]."""
        pairs = [(v, a) for v, parent in enumerate(self.parents) for a in range(1 if parent < 0 else 2)]
        return np.array(pairs, dtype=np.int64)

    def quote(self, state: EditState) -> np.ndarray:
        """P(x_v = 1), float64 [..., V]."""
        return self.given(state, np.full(len(self.parents), -1))

    def given(self, state: EditState, known: Any) -> np.ndarray:
        """P(x_v = 1 | what is known), float64 [..., V]. known: int [..., V], 1 yes, 0 no, -1 open."""
        model, seen = self._factors(state.log_price), np.asarray(known)
        size = len(self.parents)
        if seen.shape[-1:] != (size,) or not np.isin(seen, (-1, 0, 1)).all():
            raise InputError(f"known = {known!r}: wanted 1 (yes), 0 (no) or -1 (open) for each of {size} variables")
        agrees = np.stack([seen != 1, seen != 0], axis=-1)
        with np.errstate(divide="ignore"):
            below = np.broadcast_to(np.log(agrees.astype(float)), (*model.shape[:-3], size, 2)).copy()
        upward = np.empty_like(below)  # ln P(what is known at v and below | parent = a)
        for v in reversed(range(size)):
            upward[..., v, :] = np.logaddexp.reduce(model[..., v, :, :] + below[..., v, None, :], axis=-1)
            if self.parents[v] >= 0:
                below[..., self.parents[v], :] += upward[..., v, :]
        chance = np.empty_like(below)
        for v, parent in enumerate(self.parents):
            to = np.exp(model[..., v, :, :] + below[..., v, None, :] - upward[..., v, :, None])
            chance[..., v, :] = to[..., 0, :] if parent < 0 else (chance[..., parent, :, None] * to).sum(axis=-2)
        return chance[..., 1]

    def settle(self, state: EditState, outcome: Any) -> np.ndarray:
        """The scores of the edits whose conditions hold in world `outcome` (int64 [...]): float64 [..., n], currency."""
        world = number_of_outcome(outcome, self.outcomes, state.holdings.shape[:-2])
        owed = np.zeros(state.holdings.shape[:-1])
        for row, (v, a) in enumerate(self.questions.tolist()):
            parent = self.parents[v]
            holds = True if parent < 0 else (world >> parent) & 1 == a
            value = (world >> v) & 1
            pair = state.holdings[..., 2 * row : 2 * row + 2]
            owed += np.where(
                np.asarray(holds)[..., None], np.where((value == 1)[..., None], pair[..., 1], pair[..., 0]), 0.0
            )
        return owed

    def truthful(self, orders: Edits, belief: np.ndarray) -> Edits:
        """The same questions, answered by `belief` float64 [..., worlds]: what the kit compares other answers with."""
        world = np.arange(self.outcomes)
        parent = np.array(self.parents)[orders.variable]
        value = (world >> orders.variable[..., None]) & 1
        holds = (parent[..., None] < 0) | ((world >> np.maximum(parent, 0)[..., None]) & 1 == orders.given[..., None])
        weight = belief[..., None, :] * holds
        price = (weight * value).sum(axis=-1) / weight.sum(axis=-1)
        return Edits(price, orders.variable, orders.given, orders.active)

    def _factors(self, log_price: np.ndarray) -> np.ndarray:
        """ln p(x_v | a), float64 [..., V, 2 (a), 2 (x_v)]; the same for both a where there is no parent."""
        first = np.searchsorted(self.questions[:, 0], np.arange(len(self.parents)))
        rows = first[:, None] + np.where(np.array(self.parents)[:, None] < 0, 0, np.arange(2))
        return np.asarray(log_price[..., rows, :])
