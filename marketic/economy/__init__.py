"""The wide market: many goods, firms that turn some into others, and prices that are gradients.

`Economy` is the general one; `SparseEconomy` is the same thing for millions of one-good firms; `ClosedEconomy` has no
outside (its prices are PageRank); `marketic.economy.time` dates the goods; `marketic.economy.structure` lets firms and
edges enter and leave. `Good` here is a factor with a price; `marketic.goods.Good` is a factor of a Gymnasium space.
"""

from importlib import import_module
from typing import Any

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
    """Import public names on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'marketic.economy' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
