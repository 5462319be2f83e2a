"""The agent families."""

from marketic.agents.bank import Bank
from marketic.agents.firms import Firms
from marketic.agents.growing import Growing
from marketic.agents.hindsight import PaperTrades, SteadyBids
from marketic.agents.learning_rate import LearningRate
from marketic.agents.research import Research
from marketic.agents.tabular import Tabular
from marketic.agents.tiles import Tiles, Tiling

__all__ = [
    "Bank",
    "Firms",
    "Growing",
    "LearningRate",
    "PaperTrades",
    "Research",
    "SteadyBids",
    "Tabular",
    "Tiles",
    "Tiling",
]
