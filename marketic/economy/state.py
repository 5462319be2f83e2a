"""What an economy has made: quantities on every day, before prices come back; and when economies changed."""

import itertools
from dataclasses import dataclass

import numpy as np

from marketic.economy.layout import Quantities

_CHANGES = itertools.count(1)


def stamp() -> int:
    """The number of a change, larger than of any before: of two economies that change, none is ever taken for the other."""
    return next(_CHANGES)


@dataclass(frozen=True)
class State:
    """What was made of what. days: number of rows.

    supply: good -> [days, width]; inputs, outputs: agent -> [days, columns of its goods]; endowment: as checked.
    residual: largest absolute `supply - endowment - production`, units; 0 on an acyclic economy.
    version, moves: of the economy that produced it.
    """

    days: int
    supply: Quantities
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    endowment: Quantities
    residual: float = 0.0
    version: int = -1
    moves: int = -1

    def __getitem__(self, good: str) -> np.ndarray:
        return self.supply[good]
