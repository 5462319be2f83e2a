"""The ranges of the features that tiles and growing markets divide: read off a task's space, or given and held against it."""

from typing import Any

from marketic.errors import InputError
from marketic.goods import Goods

UNBOUNDED = 10.0
"""Features without a bound are divided up to here; what lies beyond belongs to the edge."""


def ranges(goods: Goods, features: int) -> tuple[list[float], list[float]]:
    """Lower and upper end of the first `features` goods; one that never changes gets a range of 1."""
    chosen = list(goods)[:features]
    low = [max(good.low, -UNBOUNDED) for good in chosen]
    high = [min(good.high, UNBOUNDED) for good in chosen]
    return low, [top if top > bottom else bottom + 1.0 for bottom, top in zip(low, high, strict=True)]


def check_ranges(family: str, goods: Goods, features: int, options: dict[str, Any]) -> None:
    """Raise InputError unless the given ranges, and pairs of an angle's components, fit the observation.

    features: how many there are, angles first. options: `low`, `high` and perhaps `angles` are read.
    """
    for name in ("low", "high"):
        if len(options[name]) != features:
            raise InputError(
                f"{family}: {name} has {len(options[name])} entries, but observations {goods.space} have {features} features: "
                "wanted one for each (were these settings made for another task, or is the environment wrapped?)"
            )
    for pair in options.get("angles", ()):
        if len(pair) != 2 or not all(0 <= component < len(goods) for component in pair):
            raise InputError(
                f"{family}: angles names components {pair}: wanted two of the {len(goods)} of the observation"
            )
