"""The agent families."""

from marketic.agents.bank import Bank
from marketic.agents.expressions import Expressions
from marketic.agents.firms import Firms
from marketic.agents.goods_market import GoodsMarket
from marketic.agents.growing import Growing
from marketic.agents.hindsight import PaperTrades, SteadyBids
from marketic.agents.learning_rate import LearningRate
from marketic.agents.portfolio import Portfolio
from marketic.agents.programs import Programs
from marketic.agents.rehearsals import Rehearsals
from marketic.agents.research import Research
from marketic.agents.rules import Rules
from marketic.agents.tabular import Tabular
from marketic.agents.tiles import Tiles, Tiling

__all__ = [
    "Bank",
    "Expressions",
    "Firms",
    "GoodsMarket",
    "Growing",
    "LearningRate",
    "PaperTrades",
    "Portfolio",
    "Programs",
    "Rehearsals",
    "Research",
    "Rules",
    "SteadyBids",
    "Tabular",
    "Tiles",
    "Tiling",
]
