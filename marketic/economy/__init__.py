"""The wide market: many goods, firms that turn some into others, and prices that are gradients.

`Economy` is the general one; `SparseEconomy` is the same thing for millions of one-good firms; `ClosedEconomy` has no
outside (its prices are PageRank); `marketic.economy.time` dates the goods; `marketic.economy.structure` lets firms and
edges enter and leave. `Good` here is a factor with a price; `marketic.goods.Good` is a factor of a Gymnasium space.
"""

from typing import Any

from marketic.lazy_names import first_use

_HOMES = {
    "ClosedEconomy": "marketic.economy.closed",
    "Consumer": "marketic.economy.consumer",
    "Dense": "marketic.economy.firm",
    "Economy": "marketic.economy.economy",
    "Firm": "marketic.economy.firm",
    "Good": "marketic.economy.layout",
    "Layout": "marketic.economy.layout",
    "LogScore": "marketic.economy.consumer",
    "Prices": "marketic.economy.prices",
    "SparseEconomy": "marketic.economy.sparse",
    "Table": "marketic.economy.firm",
    "unroll": "marketic.economy.time",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    return first_use(globals(), _HOMES, name)


def __dir__() -> list[str]:
    return __all__
