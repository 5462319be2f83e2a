"""How far an agent moves its bid towards what a right turned out to be worth."""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from marketic.numbers import check_numbers, check_shares

VISIT_EXPONENT = 2
"""Where `LearningRate.parameters` keeps the visit exponent; 0 there: the rate is the same for all agents."""


@dataclass(frozen=True)
class LearningRate:
    """alpha = max(floor, initial / n**visit_exponent) / (1 + t / horizon), in [0, 1] (0: learn on paper only).

    n is the number of rights that this agent has owned so far (this one included), t the number of trades in the whole
    market. visit_exponent 0 and horizon None: a constant rate. visit_exponent 1: the running average.

    >>> LearningRate(0.5, horizon=1000).at(visits=3, trades=1000)
    0.25
    """

    initial: float = 0.1
    floor: float = 0.0
    visit_exponent: float = 0.0
    horizon: float | None = None

    def __post_init__(self) -> None:
        check_shares(self, "initial", "floor")
        check_numbers(self, "visit_exponent", least=0)
        if self.horizon is not None:
            check_numbers(self, "horizon", above=0)

    @property
    def parameters(self) -> np.ndarray:
        """The numbers as compiled code reads them, float64 [4]."""
        return np.array([self.initial, self.floor, self.visit_exponent, self.horizon or 0.0])

    def at(self, visits: int, trades: int) -> float:
        """The rate of an agent that has owned `visits` >= 1 rights when the market has seen `trades`."""
        return float(learning_rate(self.parameters, visits, trades))


@njit(cache=True, forceinline=True)
def learning_rate(parameters, visits, trades):  # type: ignore[no-untyped-def]
    """The formula of `LearningRate`."""
    initial, floor, exponent, horizon = parameters[0], parameters[1], parameters[2], parameters[3]
    rate = initial
    if exponent == 0.5:
        rate = initial / math.sqrt(max(visits, 1))
    elif exponent != 0.0:
        rate = initial / max(visits, 1) ** exponent
    rate = max(rate, floor)
    return rate if horizon == 0.0 else rate / (1.0 + trades / horizon)
