"""The trade graph of a living market: what its log says, and what only the agents themselves can add."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from marketic.graph.agents import facts_of
from marketic.graph.from_log import entered_at, graph_of
from marketic.graph.network import TradeGraph
from marketic.vocabulary.words_of import words_of

if TYPE_CHECKING:
    from marketic.market import Market


def market_graph(market: "Market", window: tuple[int, int] | None, members: bool, log: Any = None) -> TradeGraph:
    """The graph behind `Market.graph`. log: None: the one that the market keeps.

    Raises InputError if the market keeps no log, or for a log without trades.
    """
    log = market.events if log is None else log
    graph = graph_of(log, window, members=members, goods=_rights(market))
    now = facts_of(market, graph.facts, words_of(market), entered_at(log))  # prices and all, where the log knows births
    facts = {
        account: replace(
            graph.facts[account], wealth=one.wealth, age=one.age, family=one.family, program=one.program, alive=True
        )
        for account, one in now.items()
    }
    return replace(graph, facts={**graph.facts, **facts})


def _rights(market: "Market") -> list[str]:
    """What the rights to act are called: the action has one component, or several."""
    return ["the right to act"] if market.rights == 1 else [f"right {k} to act" for k in range(market.rights)]
