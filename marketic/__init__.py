"""marketic: market-based agents. Simple programs trade the right to act, and together solve a task.

>>> import marketic
>>> market = marketic.make("FrozenLake-v1", seed=0).learn(total_timesteps=100)
"""

from typing import Any

from marketic.lazy_names import first_use

__version__ = "0.1.0"

_HOMES = {
    "Agent": "marketic.individuals",
    "AssignmentBids": "marketic.assignment_bids",
    "Bids": "marketic.bids",
    "BundleBids": "marketic.bundle_bids",
    "Callback": "marketic.callbacks",
    "Certificate": "marketic.clearing",
    "Chain": "marketic.chain",
    "Claim": "marketic.claims",
    "Clearing": "marketic.clearing",
    "ClearingRule": "marketic.mechanism",
    "DemandBids": "marketic.demand_bids",
    "Evaluate": "marketic.callbacks",
    "Good": "marketic.goods",
    "Goods": "marketic.goods",
    "Individuals": "marketic.individuals",
    "InputError": "marketic.errors",
    "LearningRate": "marketic.agents.learning_rate",
    "Ledger": "marketic.ledger",
    "Market": "marketic.market",
    "Mechanism": "marketic.mechanism",
    "Novices": "marketic.exploration",
    "Population": "marketic.population",
    "Refutation": "marketic.claims",
    "Rankings": "marketic.rankings",
    "Receipt": "marketic.population",
    "Selection": "marketic.selection",
    "Session": "marketic.session",
    "SideBySide": "marketic.side_by_side",
    "Terms": "marketic.claims",
    "TargetPrices": "marketic.trade_orders",
    "Trade": "marketic.individuals",
    "TradeOrders": "marketic.trade_orders",
    "load": "marketic.storage",
    "make": "marketic.presets",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    return first_use(globals(), _HOMES, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
