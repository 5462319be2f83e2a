"""Goods of an economy, and how their quantities and prices lie in arrays.

A *vector* good is divisible: a quantity is a row of `dim` real numbers, and its price, an element of the dual space, is
a row of `dim` numbers too. A *finite* good is indivisible, one unit of one of `dim` varieties: a quantity is the number
of the variety (one column), and its price is a function on the varieties, a table of `dim` numbers.

Whoever uses a *non-rival* good reads all of it, and its price is the sum of what the users offer (Samuelson 1954);
users of a *rival* good share it, and in equilibrium all of them offer the same.

Rows are *days*: independent copies of the economy with one capital (a minibatch).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from marketic.errors import InputError

Quantities = dict[str, np.ndarray]
"""Good -> float64 [days, width]; width is `dim` for a vector good, 1 for a finite one."""


@dataclass(frozen=True, slots=True)
class Good:
    """One factor of the state, with a price.

    (`marketic.goods.Good` describes a component of a Gymnasium space: its range and its number of values. Here the
    same factor is described as something traded: how it is counted, and whether its users share it.)

    name:          unique in its economy.
    dim:           numbers in a quantity of a vector good; varieties of a finite good.
    kind:          "vector" (divisible) or "finite" (one unit of one variety).
    rival:         True if users share the supply, False if every user reads all of it.
    dated:         True if every period has a good of this name (see `marketic.economy.time`).
    free_disposal: True if one may throw it away: its price is then never negative.
    """

    name: str
    dim: int = 1
    kind: str = "vector"
    rival: bool = False
    dated: bool = False
    free_disposal: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"good {self.name!r}: wanted a name")
        if self.kind not in ("vector", "finite"):
            raise InputError(f"good {self.name!r} has kind={self.kind!r}: wanted 'vector' or 'finite'")
        if isinstance(self.dim, bool) or not isinstance(self.dim, int | np.integer) or self.dim < 1:
            raise InputError(f"good {self.name!r} has dim={self.dim!r}: wanted an integer >= 1")
        if self.kind == "finite" and self.rival:
            raise InputError(f"good {self.name!r} is finite and rival: one unit cannot be shared, auction it instead")

    @property
    def width(self) -> int:
        """Columns of a quantity."""
        return self.dim if self.kind == "vector" else 1


class Layout:
    """Where each good lies in one wide array: quantities [days, width] and prices [days, price_width].

    >>> layout = Layout([Good("ore", 2), Good("grade", 3, kind="finite")])
    >>> layout.width, layout.price_width, layout.columns("grade"), layout.price_columns("grade")
    (3, 5, slice(2, 3, None), slice(2, 5, None))
    """

    def __init__(self, goods: Iterable[Good]) -> None:
        self.goods: dict[str, Good] = {}
        self._columns: dict[str, slice] = {}
        self._price_columns: dict[str, slice] = {}
        self.width = self.price_width = 0
        for good in goods:
            if not isinstance(good, Good):
                raise InputError(f"goods hold {good!r}: wanted marketic.economy.Good(name, ...)")
            if good.name in self.goods:
                raise InputError(f"two goods are named {good.name!r}: names must be unique")
            self.goods[good.name] = good
            self._columns[good.name] = slice(self.width, self.width + good.width)
            self._price_columns[good.name] = slice(self.price_width, self.price_width + good.dim)
            self.width += good.width
            self.price_width += good.dim
        if not self.goods:
            raise InputError("an economy without goods: nothing can be traded")

    def columns(self, name: str) -> slice:
        """Columns of a good's quantity. Raises InputError for an unknown good."""
        self.require(name, "columns")
        return self._columns[name]

    def price_columns(self, name: str) -> slice:
        """Columns of a good's price. Raises InputError for an unknown good."""
        self.require(name, "price_columns")
        return self._price_columns[name]

    def require(self, name: str, who: str) -> Good:
        """The good of that name, or InputError: `who` wants a good that is not there."""
        if name not in self.goods:
            there = ", ".join(list(self.goods)[:8])
            raise InputError(f"{who} wants good {name!r}, which is not in the economy: wanted one of {there}")
        return self.goods[name]

    def pack(self, values: Mapping[str, np.ndarray], *, prices: bool = False) -> np.ndarray:
        """One array [days, width or price_width] from arrays by good; a good that is missing counts as zeros."""
        days = max((len(value) for value in values.values()), default=1)
        where = self._price_columns if prices else self._columns
        packed = np.zeros((days, self.price_width if prices else self.width))
        for name, value in values.items():
            self.require(name, "pack")
            packed[:, where[name]] = value
        return packed

    def unpack(self, packed: np.ndarray, *, prices: bool = False) -> Quantities:
        """Views of a packed array, by good. Raises InputError if it has the wrong number of columns."""
        width, where = (self.price_width, self._price_columns) if prices else (self.width, self._columns)
        if packed.ndim != 2 or packed.shape[1] != width:
            raise InputError(f"array of shape {packed.shape}: wanted [days, {width}]")
        return {name: packed[:, columns] for name, columns in where.items()}

    def supply(self, name: str, value: object) -> np.ndarray:
        """A checked endowment: float64 [days, width], copied.

        Raises InputError, naming the good, for a wrong shape, for NaN or infinity, for a negative amount of a rival or
        freely disposable good, and for a variety that a finite good does not have.
        """
        good = self.require(name, "the endowment")
        try:
            array = np.array(value, dtype=float)
        except (TypeError, ValueError) as error:
            raise InputError(f"endowment of good {name!r} is {value!r}: wanted numbers ({error})") from None
        array = array[:, None] if array.ndim == 1 and good.width == 1 else np.atleast_2d(array)
        if array.ndim != 2 or array.shape[1] != good.width:
            raise InputError(f"endowment of good {name!r} has shape {array.shape}: wanted [days, {good.width}]")
        if not len(array):
            raise InputError(f"endowment of good {name!r} has no days: wanted at least one row")
        if not np.isfinite(array).all():
            raise InputError(f"endowment of good {name!r} is infeasible: it has values that are NaN or infinite")
        if (good.rival or good.free_disposal) and array.min(initial=0.0) < 0:
            raise InputError(f"endowment of good {name!r} is infeasible: {array.min():g} units, wanted >= 0")
        if good.kind == "finite" and not np.isin(array, np.arange(good.dim)).all():
            raise InputError(f"endowment of good {name!r} is infeasible: wanted whole numbers from 0 to {good.dim - 1}")
        return array


def slices(names: tuple[str, ...], widths: dict[str, int]) -> dict[str, slice]:
    """Where goods of these widths lie side by side."""
    ends = np.cumsum([0, *(widths[name] for name in names)]).tolist()
    return {name: slice(start, end) for name, start, end in zip(names, ends, ends[1:], strict=False)}
