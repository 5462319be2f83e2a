"""One tiling: overlapping grids over some of an observation's features, as `marketic.agents.tiles` lays them out."""

from dataclasses import dataclass

import numpy as np

from marketic.errors import InputError
from marketic.numbers import check_wholes, whole
from marketic.screening import keep


@dataclass(frozen=True)
class Tiling:
    """`count` grids over some features, each shifted by another fraction of a tile.

    features: which features span the grid, e.g. (0, 1).
    bins:     tiles along each of them, same length as `features`, each >= 1.
    count:    how many shifted copies, >= 1.
    """

    features: tuple[int, ...]
    bins: tuple[int, ...]
    count: int = 8

    def __post_init__(self) -> None:
        for name, least in (("features", 0), ("bins", 1)):
            given = getattr(self, name)
            if not isinstance(given, list | tuple | np.ndarray):
                raise InputError(f"Tiling: {name}={given!r}: wanted a tuple of whole numbers")
            keep(self, name, tuple(whole(f"Tiling: {name}", one, least) for one in given))
        check_wholes(self, count=1)
        if len(self.features) != len(self.bins) or not self.features:
            raise InputError(f"{self}: wanted as many bins as features, at least one")
