"""Novices: now and then the house sends in a random bidder instead of the winner, and pays for the mistake."""

from dataclasses import dataclass

import numpy as np

from marketic.errors import InputError
from marketic.numbers import all_finite, check_wholes


@dataclass(frozen=True)
class Novices:
    """With this probability a right goes to a bidder drawn at random (epsilon-greedy, paid by the house).

    The novice pays its own bid; the house makes up the difference to what the seller is credited.

    probability: at the first step, in [0, 1].
    final:       after `horizon` steps, in [0, 1]; None: constant.
    horizon:     environment steps over which the probability falls linearly.
    """

    probability: float = 0.1
    final: float | None = None
    horizon: int = 10_000

    def __post_init__(self) -> None:
        last = self.probability if self.final is None else self.final
        sound = all_finite(self.probability, last, self.horizon)
        if not (sound and 0 <= self.probability <= 1 and 0 <= last <= 1 and self.horizon >= 1):
            raise InputError(f"{self}: wanted probabilities from 0 to 1 and horizon >= 1")
        check_wholes(self, horizon=1)

    def at(self, step: int) -> float:
        """The probability at an environment step."""
        if self.final is None:
            return self.probability
        return self.probability + (self.final - self.probability) * min(1.0, step / self.horizon)

    def choose(self, rows: int, bidders: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
        """The novice of each row, int64 [rows]; -1 where the winner keeps the right. bidders: int64 [rows], seats."""
        probability = self.at(step)
        if rows == 1:  # the common case, without array overhead
            novice = int(rng.integers(bidders[0])) if rng.random() < probability else -1
            return np.array([novice], dtype=np.int64)
        sent = rng.random(rows) < probability
        return np.where(sent, rng.integers(bidders), -1)
