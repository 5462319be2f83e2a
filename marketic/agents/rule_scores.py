"""What makes a condition worth betting on, judged from a record of wins and losses: the scoring rules one can swap.

A score must be averse to risk. With one data bit and some address bits of a multiplexer named, coverage times (win rate -
1/2) is the same however many address bits are named, so that a risk-neutral profit (`Profit`) gives no direction to climb;
coverage times the divergence of the win rate from the price (`Growth`, Kelly 1956) about doubles with each right position.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from marketic.errors import InputError
from marketic.numbers import all_amounts, check_numbers


@dataclass(frozen=True)
class Growth:
    """Log wealth of a bettor without hindsight (Krichevsky and Trofimov 1981) who was offered even odds all along.

    fee: price of each position named, in units of log(positions). enter: the least score, fees paid.

    Fits rewards with noise. Where a rule that is right in 15 of 16 cases beats its accurate specialisations it sticks.
    """

    fee: float = 0.7
    enter: float = 3.0

    def __post_init__(self) -> None:
        check_numbers(self, "fee", "enter")

    @property
    def rule(self) -> Any:
        """Compiled."""
        return growth

    @property
    def parameters(self) -> np.ndarray:
        """None needed."""
        return np.zeros(1)


@dataclass(frozen=True)
class WinRate:
    """Smoothed share of wins: accuracy comes first, as in XCS. Fits rewards without noise, and overfits the others.

    enter: the least score, 20 (win rate - 1/2).
    """

    fee: float = 0.0
    enter: float = 8.0

    def __post_init__(self) -> None:
        check_numbers(self, "fee", "enter")

    @property
    def rule(self) -> Any:
        """Compiled."""
        return win_rate

    @property
    def parameters(self) -> np.ndarray:
        """None needed."""
        return np.zeros(1)


@dataclass(frozen=True)
class Bound:
    """Lower confidence bound of the win rate (Wilson 1927): accuracy counts as far as there is evidence for it.

    deviations: width of the interval, standard deviations, > 0. enter: the least bound, as 20 (bound - 1/2).
    """

    deviations: float = 2.5
    fee: float = 0.0
    enter: float = 2.0

    def __post_init__(self) -> None:
        if not (all_amounts(self.deviations) and self.deviations > 0):
            raise InputError(f"{self}: wanted deviations > 0")
        check_numbers(self, "fee", "enter")

    @property
    def rule(self) -> Any:
        """Compiled."""
        return bound

    @property
    def parameters(self) -> np.ndarray:
        """The squared width."""
        return np.array([self.deviations**2])


@dataclass(frozen=True)
class Profit:
    """Wins minus losses: risk-neutral, and therefore no guide. Kept for the comparison."""

    fee: float = 0.0
    enter: float = 3.0

    def __post_init__(self) -> None:
        check_numbers(self, "fee", "enter")

    @property
    def rule(self) -> Any:
        """Compiled."""
        return profit

    @property
    def parameters(self) -> np.ndarray:
        """None needed."""
        return np.zeros(1)


@njit(cache=True)
def growth(wins, losses, parameters, out):  # type: ignore[no-untyped-def]
    """Log of the mixture bettor's wealth; below zero, but in order, for conditions that lose."""
    if wins <= losses:
        out[0] = -1.0 - 0.001 * (losses - wins)
        return
    n = wins + losses
    out[0] = (
        math.lgamma(wins + 0.5)
        + math.lgamma(losses + 0.5)
        - math.log(math.pi)
        - math.lgamma(n + 1.0)
        + n * math.log(2.0)
    )


@njit(cache=True)
def win_rate(wins, losses, parameters, out):  # type: ignore[no-untyped-def]
    """20 (win rate - 1/2), with one win and one loss added."""
    out[0] = 20.0 * ((wins + 1.0) / (wins + losses + 2.0) - 0.5)


@njit(cache=True)
def bound(wins, losses, parameters, out):  # type: ignore[no-untyped-def]
    """20 (lower bound - 1/2)."""
    n, z2 = wins + losses, parameters[0]
    if n == 0.0:
        out[0] = -10.0
        return
    spread = math.sqrt(z2 * (wins * losses / n + 0.25 * z2))
    out[0] = 20.0 * ((wins + 0.5 * z2 - spread) / (n + z2) - 0.5)


@njit(cache=True)
def profit(wins, losses, parameters, out):  # type: ignore[no-untyped-def]
    """Wins minus losses."""
    out[0] = wins - losses
