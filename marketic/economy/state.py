"""What an economy has made: quantities on every day, before prices come back."""

from dataclasses import dataclass

import numpy as np

from marketic.economy.layout import Quantities


@dataclass(frozen=True)
class State:
    """What was made of what. days: number of rows.

    supply: good -> [days, width]; inputs, outputs: agent -> [days, columns of its goods]; endowment: as checked.
    residual: largest absolute `supply - endowment - production`, units; 0 on an acyclic economy.
    version: of the economy that produced it.
    """

    days: int
    supply: Quantities
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    endowment: Quantities
    residual: float = 0.0
    version: int = -1

    def __getitem__(self, good: str) -> np.ndarray:
        return self.supply[good]
