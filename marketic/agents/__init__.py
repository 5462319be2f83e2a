"""The agent families."""

from marketic.agents.tabular import Tabular
from marketic.agents.tiles import Tiles, Tiling

__all__ = ["Tabular", "Tiles", "Tiling"]
