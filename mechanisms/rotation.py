"""Rotation among clones: the auction decides which group wins, and a fair draw which of its members acts and pays.

In the credit-conserving Vickrey chain each program-agent has identical twins, so that the second bid equals the first
(Chang et al. 2020, "cloned" societies). If the top twin always acts, the other never learns and its bid goes stale;
rotation lets both trade.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.clearing import Clearing
from marketic.domains import SingleGood
from marketic.errors import InputError
from marketic.mechanism import Claim, Mechanism, check_held
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class Rotation:
    """Pass the winner's allocation and payment to a random member of its group of `clones` neighbouring bidders.

    Bidders 0 .. clones-1 are one group, the next `clones` the second, and so on. Without `rng` the inner winner keeps
    the good. Members that are not active are not drawn.
    """

    mechanism: Mechanism
    clones: int = 2
    claims: ClassVar[frozenset[Claim]] = frozenset()

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.clones < 1:
            raise InputError(f"Rotation(clones={self.clones}): wanted an integer >= 1")
        check_held("Rotation", self.mechanism, lambda domain: isinstance(domain, SingleGood), "one good (SingleGood)")

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Clear the inner auction, then draw among the winner's clones."""
        n = bids.value.shape[-1]
        if n % self.clones:
            raise InputError(f"Rotation(clones={self.clones}) got {n} bidders: wanted a multiple of {self.clones}")
        cleared = self.mechanism.clear(bids, rng=rng)
        if rng is None or n == 0:
            return cleared
        wins = np.asarray(cleared.allocation, dtype=bool)
        paid = np.where(wins, cleared.payments, 0.0).sum(axis=-1, keepdims=True)
        winner = wins.argmax(axis=-1)[..., None]
        same_group = (np.arange(n) // self.clones == winner // self.clones) & bids.active
        draw = np.where(same_group, rng.random(bids.value.shape), -1.0)
        chosen = (np.arange(n) == draw.argmax(axis=-1)[..., None]) & wins.any(axis=-1, keepdims=True)
        payments = np.where(wins, 0.0, cleared.payments) + np.where(chosen, paid, 0.0)
        return Clearing(chosen, payments, cleared.prices, cleared.certificate)
