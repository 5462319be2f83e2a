"""The program behind `walras_lp`: its data, checked. How it is solved: `walras_solution`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from marketic.errors import InputError
from marketic.mechanisms.equilibrium import floats
from marketic.quadratic_forms import ROUNDING, asymmetry, least_root


class Program:
    """maximise values . z - z'Hz / 2 subject to use z <= supply, 0 <= z <= limits; arguments as for `WalrasLP.solve`."""

    def __init__(
        self,
        values: Any,
        use: Any,
        supply: Any,
        limits: Any,
        curvature: Any,
        disposal: Any,
        goods: Sequence[str] | None,
        activities: Sequence[str] | None,
    ) -> None:
        table = use if issparse(use) else floats("use", use)
        if table.ndim != 2 or 0 in table.shape:
            raise InputError(f"use of shape {table.shape}: wanted goods x activities, at least one of each")
        self.use = csr_array(table, dtype=float)
        m, k = self.use.shape
        self.good_names, self.activity_names = _named("goods", goods, m), _named("activities", activities, k)
        self.values = self._vector("values", "activity", values, k)
        self.supply = self._vector("supply", "good", supply, m)
        self.limits = np.full(k, np.inf) if limits is None else floats("limits", limits)
        told = np.asarray(disposal, dtype=bool)
        if told.shape not in ((), (m,)):
            raise InputError(f"disposal of shape {told.shape}: wanted one bool, or ({m},), one per good")
        self.disposal = np.broadcast_to(told, (m,))
        if self.limits.shape != (k,):
            raise InputError(f"limits of shape {self.limits.shape}: wanted ({k},), one number per activity")
        if not (self.limits >= 0.0).all():
            at = int((~(self.limits >= 0.0)).argmax())
            raise InputError(f"the limit of activity {self.activity(at)} is {self.limits[at]}: wanted a number >= 0")
        if not np.isfinite(self.use.data).all():
            entry = self.use.tocoo()
            at = int((~np.isfinite(entry.data)).argmax())
            raise InputError(
                f"activity {self.activity(entry.col[at])} uses {entry.data[at]} of good {self.good(entry.row[at])}"
            )
        self.curvature, self.curved = self._concave(curvature, k), curvature is not None

    def good(self, g: int) -> str:
        """A good's name for a message."""
        return repr(self.good_names[g]) if self.good_names is not None else str(int(g))

    def activity(self, a: int) -> str:
        """An activity's name for a message."""
        return repr(self.activity_names[a]) if self.activity_names is not None else str(int(a))

    def _vector(self, what: str, whose: str, given: Any, size: int) -> np.ndarray:
        """Finite float64 [size], or InputError."""
        array = floats(what, given)
        if array.shape != (size,):
            raise InputError(f"{what} of shape {array.shape}: wanted ({size},), one number per {whose}")
        if not np.isfinite(array).all():
            at = int((~np.isfinite(array)).argmax())
            name = self.good(at) if whose == "good" else self.activity(at)
            raise InputError(f"{what} of {whose} {name} is {array[at]}: wanted a finite number")
        return array

    def _concave(self, curvature: Any, k: int) -> np.ndarray:
        if curvature is None:
            return np.zeros(k)
        bend = floats("curvature", curvature)
        if bend.shape not in ((k,), (k, k)):
            raise InputError(f"curvature of shape {bend.shape}: wanted ({k},) or ({k}, {k})")
        if not np.isfinite(bend).all():
            row = int((~np.isfinite(bend)).reshape(k, -1).any(axis=1).argmax())
            raise InputError(f"curvature of activity {self.activity(row)} is {bend[row]}: wanted finite numbers")
        if bend.ndim == 2 and asymmetry(bend) > ROUNDING:
            raise InputError("curvature is not symmetric: wanted H = H'")
        least, at = (float(bend.min()), int(bend.argmin())) if bend.ndim == 1 else least_root(bend)
        if least < (0.0 if bend.ndim == 1 else -ROUNDING):
            own = bend[at] if bend.ndim == 1 else bend[at, at]
            raise InputError(
                f"welfare is not concave: activity {self.activity(at)} has increasing returns (curvature {own:g} by itself"
                f"{'' if own < 0.0 else ', and less together with others'}), so prices need not exist; wanted a curvature >= 0"
            )
        return bend

    def bend(self, levels: np.ndarray) -> np.ndarray:
        """H z."""
        return np.asarray(self.curvature * levels if self.curvature.ndim == 1 else self.curvature @ levels)


def _named(what: str, given: Sequence[str] | None, size: int) -> Sequence[str] | None:
    if given is not None and len(given) != size:
        raise InputError(f"{what} lists {len(given)} names: wanted {size}, or None")
    return given
