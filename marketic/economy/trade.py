"""The trade graph: who sells what to whom, how much, at which price."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from marketic.economy.prices import Prices

OUTSIDE = "endowment"
"""The seller of what is endowed."""


def trade_graph(prices: "Prices") -> Any:
    """A networkx.MultiDiGraph: nodes are firms, consumers and "endowment"; an edge is a good's way from seller to buyer.

    Node attributes: kind ("firm", "consumer", "endowment"); profit, for firms (marginal, mean per day).
    Edge attributes (key = good): quantity (sum over dims, mean over days, of what the buyer reads of this seller's
    product), offer (the buyer's price, mean over days and dims), value (offer times quantity, mean per day). For finite
    goods quantity is 1 and value is the offer for the variety that was traded. Raises InputError if the economy has changed
    since the prices were posted.
    """
    import networkx as nx

    from marketic.economy.structure import marginal_profit

    prices.require_current()
    economy, state = prices.economy, prices.state
    profit = marginal_profit(prices)
    graph = nx.MultiDiGraph()
    graph.add_nodes_from((name, {"kind": "firm", "profit": profit[name]}) for name in economy.firms)
    graph.add_nodes_from((name, {"kind": "consumer"}) for name in economy.consumers)
    if state.endowment:
        graph.add_node(OUTSIDE, kind="endowment")
    for good, buyers in economy.users.items():
        sources = {name: state.outputs[name][:, economy.columns[name][good]] for name in economy.makers[good]}
        if good in state.endowment:
            sources[OUTSIDE] = state.endowment[good]
        for seller, quantity in sources.items():
            for buyer in buyers:
                offer = prices.offers[buyer][:, economy.price_columns[buyer][good]]
                share = economy.shares[good][buyer] if good in economy.shares else 1.0
                graph.add_edge(
                    seller, buyer, key=good, **_deal(economy.layout.goods[good].kind, offer, quantity * share)
                )
    return graph


def _deal(kind: str, offer: np.ndarray, quantity: np.ndarray) -> dict[str, float]:
    if kind == "finite":
        value = float(np.take_along_axis(offer, quantity.astype(int), axis=1).mean())
        return {"quantity": 1.0, "offer": value, "value": value}
    return {
        "quantity": float(quantity.sum(axis=1).mean()),
        "offer": float(offer.mean()),
        "value": float((offer * quantity).sum(axis=1).mean()),
    }
