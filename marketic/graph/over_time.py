"""All measures of the market, window by window."""

from collections.abc import Callable

import numpy as np

from marketic.graph.communities import communities
from marketic.graph.depth import chain_depth
from marketic.graph.measures import concentration, gini, rank_correlation, turnover
from marketic.graph.network import TradeGraph
from marketic.graph.trades import Trades, windows
from marketic.ledger import HOUSE

MEASURES = {
    "first_step": "first environment step of the window",
    "last_step": "the step after its last",
    "sales": "rights sold",
    "volume": "paid by buyers in cash, currency",
    "mean_price": "mean price announced, currency",
    "traders": "different agents that bought or sold",
    "edges": "different pairs of agents that traded",
    "concentration": "Herfindahl-Hirschman index of what agents bought, 1 / traders .. 1",
    "gini": "Gini coefficient of wealth at the window's end, debts counted as 0",
    "turnover": "volume / wealth held by agents at the window's end",
    "depth": "mean over the window's episodes of how many agents owned the right up to the last reward",
    "modularity": "of the groups that Louvain finds on the heaviest edges between agents",
    "rank_wealth": "Spearman's correlation of PageRank and wealth, over the agents that traded",
    "births": "agents that entered",
    "deaths": "agents that left",
}
"""Name -> what it says, with its unit."""

Wealth = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""step -> accounts int64 [n] and their wealth at that step, float64 [n], currency."""


def measures_over_time(
    trades: Trades, count: int = 24, *, wealth: Wealth | None = None, births: np.ndarray | None = None,
    deaths: np.ndarray | None = None, steps: int | None = None, structure: bool = True,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Every measure of `MEASURES` in `count` windows of equally many steps, float64 [windows]; NaN where nothing is known.

    wealth: who had how much at a step. births, deaths: int64 [k], environment steps of entries and exits (None: there
    were none). steps: length of the run; None: up to the last sale. structure: False leaves out modularity, which costs most.
    """
    length = int(trades.step.max(initial=-1)) + 1 if steps is None else steps
    spans = windows(length, count)
    found = {name: np.full(len(spans), np.nan) for name in MEASURES}
    edges = np.array([first for first, _ in spans] + [length])
    for name, at in (("births", births), ("deaths", deaths)):
        found[name][:] = np.histogram([] if at is None else at, bins=edges)[0] if spans else 0
    for k, (first, last) in enumerate(spans):
        row = _window(trades.between(first, last), (first, last), wealth, structure)
        for name, value in row.items():
            found[name][k] = value
    return found


def _window(trades: Trades, span: tuple[int, int], wealth: Wealth | None, structure: bool) -> dict[str, float]:
    """The measures of one window."""
    graph = TradeGraph.of(trades, span)
    volume = float(trades.paid.sum())
    _, depth = chain_depth(trades)
    buyers = np.unique(trades.buyer[trades.buyer > HOUSE], return_inverse=True)[1]
    row = {
        "first_step": span[0],
        "last_step": span[1],
        "sales": len(trades),
        "volume": volume,
        "mean_price": float(trades.price.mean()) if len(trades) else np.nan,
        "traders": int((graph.account > HOUSE).sum()),
        "edges": int(graph.among_agents.sum()),
        "concentration": concentration(np.bincount(buyers)),
        "depth": float(depth.mean()) if len(depth) else np.nan,
    }
    if structure:
        row["modularity"] = communities(graph)[1]
    if wealth is not None:
        accounts, held = wealth(span[1])
        row["gini"], row["turnover"] = gini(held), turnover(volume, held)
        there = np.isin(accounts, graph.account[graph.account > HOUSE])
        if there.sum() > 1:
            rank = graph.rank()[np.searchsorted(graph.account, accounts[there])]
            row["rank_wealth"] = rank_correlation(rank, held[there])
    return row
