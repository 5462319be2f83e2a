"""The agent families."""

from marketic.agents.bank import Bank
from marketic.agents.research import Research
from marketic.agents.tabular import Tabular
from marketic.agents.tiles import Tiles, Tiling

__all__ = ["Bank", "Research", "Tabular", "Tiles", "Tiling"]
