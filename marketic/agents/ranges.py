"""The ranges of the features that tiles and growing markets divide: read off a task's space, or given and held against it."""

from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.goods import Good, Goods

UNBOUNDED, WIDEST = 10.0, 1e6
"""Features without a bound are divided up to +-UNBOUNDED; what lies beyond belongs to the edge. Ranges of WIDEST or more
count as unbounded: nobody means them."""


def ends_of(good: Good) -> tuple[float, float]:
    """Where a component probably lies: its range, or the part of an endless one that is around 0, or nearest to it."""
    low, high = float(good.low), float(good.high)
    if high - low < WIDEST:
        return low, high
    if low >= UNBOUNDED:
        return low, min(high, 2.0 * low)
    if high <= -UNBOUNDED:
        return max(low, 2.0 * high), high
    return max(low, -UNBOUNDED), min(high, UNBOUNDED)


def ranges(goods: Goods, features: int) -> tuple[list[float], list[float]]:
    """Lower and upper end of the first `features` goods; one that never changes gets a range of 1, or of its own size."""
    ends = [ends_of(good) for good in list(goods)[:features]]
    tops = [top if top > bottom else bottom + max(1.0, abs(bottom)) for bottom, top in ends]
    return [bottom for bottom, _ in ends], tops


def check_ranges(family: str, goods: Goods, features: int, options: dict[str, Any]) -> None:
    """Raise InputError unless the given ranges, and pairs of an angle's components, fit the observation.

    features: how many there are, angles first. options: `low`, `high` and perhaps `angles` are read.
    """
    for name in ("low", "high"):
        ends = numbers_of(family, name, options[name])
        if len(ends) != features:
            raise InputError(
                f"{family}: {name} has {len(ends)} entries, but observations {goods.space} have {features} features: "
                "wanted one for each (were these settings made for another task, or is the environment wrapped?)"
            )
    for pair in pairs_of(family, options.get("angles", ())):
        if not all(0 <= component < len(goods) for component in pair):
            raise InputError(
                f"{family}: angles names components {pair}: wanted two of the {len(goods)} of the observation"
            )


def numbers_of(family: str, name: str, given: Any) -> np.ndarray:
    """A list of numbers, float64 [n]. Raises InputError for anything else."""
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "fiu" or array.ndim != 1:
            raise TypeError
    except (TypeError, ValueError):  # lists of different lengths
        raise InputError(f"{family}: {name}={given!r}: wanted a list of numbers, one per feature") from None
    return array.astype(np.float64)


def pairs_of(family: str, given: Any) -> tuple[tuple[int, int], ...]:
    """Pairs of distinct components (cosine, sine), as plain numbers. Raises InputError for anything else."""
    try:
        pairs = [tuple(pair) for pair in given]
    except TypeError:
        pairs = [()]
    if isinstance(given, str) or not all(len(pair) == 2 and _are_whole(*pair) for pair in pairs):
        raise InputError(f"{family}: angles={given!r}: wanted pairs of components (cosine, sine), e.g. [[0, 1]]")
    used = [component for pair in pairs for component in pair]
    if len(set(used)) < len(used):
        raise InputError(f"{family}: angles={given!r}: wanted pairs of distinct components")
    return tuple((int(cosine), int(sine)) for cosine, sine in pairs)


def check_components(family: str, angles: tuple[tuple[int, int], ...], features: int) -> None:
    """Raise InputError unless the components that angles name are there. features: how many, the angles among them."""
    if not all(0 <= component < features + len(angles) for pair in angles for component in pair):
        raise InputError(f"{family}: angles={angles}: wanted pairs of distinct components of the observation")


def _are_whole(*given: Any) -> bool:
    return all(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in given)
