"""The trade graph: who pays whom, and what its shape says about the market.

An edge points the way money goes: from the agent that buys the right to act to the one that sells it. `trades` holds
the sales as arrays, `network` adds them up between agents, `measures` and `depth` say how unequal, how concentrated and
how deep the market is, `exports` writes files for other programs, `values` and `gradients` hold prices against the truth.
"""

from typing import Any

from marketic.lazy_names import first_use

_HOMES = {
    "TradeGraph": "marketic.graph.network",
    "Trades": "marketic.graph.trades",
    "chain_depth": "marketic.graph.depth",
    "check_gradients": "marketic.graph.gradients",
    "concentration": "marketic.graph.measures",
    "gini": "marketic.graph.measures",
    "graph_of": "marketic.graph.from_log",
    "lorenz": "marketic.graph.measures",
    "measures_over_time": "marketic.graph.over_time",
    "modularity": "marketic.graph.communities",
    "optimal_values": "marketic.graph.values",
    "pagerank": "marketic.graph.measures",
    "price_error": "marketic.graph.values",
    "turnover": "marketic.graph.measures",
    "write_graph": "marketic.graph.exports",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    return first_use(globals(), _HOMES, name)


def __dir__() -> list[str]:
    return __all__
