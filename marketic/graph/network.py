"""The trade graph: agents and goods as nodes, sales added up as edges, in arrays; as a networkx graph on demand.

An edge between agents goes from buyer to seller, the way the money goes. A good (a right to act) has an edge from every
agent that sold it, and to every agent that bought it. Arrays hold millions of edges; networkx is for graphs to play with.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.errors import InputError
from marketic.graph.measures import pagerank
from marketic.graph.trades import Trades, account_name
from marketic.ledger import HOUSE

if TYPE_CHECKING:
    import networkx

    from marketic.graph.agent_facts import AgentFacts

MOST_NETWORKX_EDGES = 500_000


@dataclass(frozen=True)
class TradeGraph:
    """Sales of a window, added up.

    first, last: the window, environment steps first <= step < last.
    account:     int64 [n], accounts that traded, in order. `facts` says who they are.
    source, target: int64 [e], payer and payee as positions in `account`; volume: float64 [e], currency paid in cash;
                 price: float64 [e], mean price announced, currency; count: int64 [e], sales.
    bought, sold: good -> (positions int64 [k], volume float64 [k], count int64 [k]).
    facts:       account -> who is behind it now, for traders and their ancestors; ancestors: name -> the same, for ancestors
                 without an account, because others have taken their seat.
    """

    first: int
    last: int
    account: np.ndarray
    source: np.ndarray
    target: np.ndarray
    volume: np.ndarray
    price: np.ndarray
    count: np.ndarray
    bought: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]
    sold: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]
    facts: "dict[int, AgentFacts]" = field(default_factory=dict)
    goods: tuple[str, ...] = ()
    ancestors: "dict[str, AgentFacts]" = field(default_factory=dict)

    @classmethod
    def of(
        cls, trades: Trades, window: tuple[int, int] | None = None, *, facts: "dict[int, AgentFacts] | None" = None,
        goods: Iterable[str] = (),
    ) -> "TradeGraph":  # fmt: skip
        """Add up the sales of a window (None: all of them). facts: account -> who that is; goods: names by number.

        Raises InputError for a window that ends before it begins.

        >>> sales = Trades.of(step=[0, 1, 2], seller=[1, 2, 2], buyer=[2, 3, 3], price=[1.0, 2.0, 4.0])
        >>> graph = TradeGraph.of(sales)
        >>> graph.account.tolist(), graph.volume.tolist(), graph.count.tolist(), graph.price.tolist()
        ([1, 2, 3], [1.0, 6.0], [1, 2], [1.0, 3.0])
        """
        first, last = window or (0, int(trades.step.max(initial=-1)) + 1)
        if first > last or first < 0:
            raise InputError(f"window ({first}, {last}): wanted 0 <= first <= last, in environment steps")
        chosen = trades if window is None else trades.between(first, last)
        account = np.union1d(chosen.buyer, chosen.seller)
        buyer, seller = np.searchsorted(account, chosen.buyer), np.searchsorted(account, chosen.seller)
        pair, group = np.unique(buyer * len(account) + seller, return_inverse=True)
        count = np.bincount(group, minlength=len(pair))
        volume = np.bincount(group, weights=chosen.paid, minlength=len(pair))
        price = np.bincount(group, weights=chosen.price, minlength=len(pair)) / np.maximum(count, 1)
        source, target = np.divmod(pair, max(len(account), 1))
        bought, sold = {}, {}
        for good in np.unique(chosen.good).tolist():
            mask = chosen.good == good
            bought[good] = _per_node(buyer[mask], chosen.paid[mask], len(account))
            sold[good] = _per_node(seller[mask], chosen.paid[mask], len(account))
        return cls(first, last, account, source, target, volume, price, count, bought, sold, facts or {}, tuple(goods))

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def among_agents(self) -> np.ndarray:
        """Which edges join two agents, bool [e]: the house sells every first right, and is no trader."""
        return (self.account[self.source] > HOUSE) & (self.account[self.target] > HOUSE)

    def rank(self, damping: float = 0.85) -> np.ndarray:
        """PageRank of every account along the payments between agents, float64 [n]; 0 for house and world."""
        agents = np.flatnonzero(self.account > HOUSE)
        place = np.searchsorted(agents, np.arange(len(self.account)))
        kept = self.among_agents
        ends = place[self.source[kept]], place[self.target[kept]]
        rank = np.zeros(len(self.account))
        if len(agents):
            rank[agents] = pagerank(len(agents), *ends, np.maximum(self.volume[kept], 0.0), damping=damping)
        return rank

    def heaviest(self, most: int) -> np.ndarray:
        """Positions of the `most` edges between agents with the largest volume, int64, heaviest first."""
        kept = np.flatnonzero(self.among_agents)
        return kept[np.argsort(-np.abs(self.volume[kept]), kind="stable")[:most]]

    def drawn(self, most: int, edges: np.ndarray | None = None) -> np.ndarray:
        """The `most` of some edges (None: those between agents) to draw, int64: heaviest first, what agents buy from
        themselves last. Where owners often keep their rights, those would leave no room for what others paid."""
        kept = np.flatnonzero(self.among_agents) if edges is None else edges
        loop = self.source[kept] == self.target[kept]
        return kept[np.lexsort((-np.abs(self.volume[kept]), loop))[:most]]

    def networkx(self, *, goods: bool = True, genealogy: bool = True) -> "networkx.DiGraph":
        """As a networkx.DiGraph; nodes are named "agent 3", "house", "ancestor 17", and (with `goods`) after the goods.

        Nodes: kind, and where known what `AgentFacts` says. Edges: kind ("pays", "buys", "sells"), volume (currency), count,
        weight (= volume), and between accounts price (currency, mean). With `genealogy`, an edge from each known parent to its
        child has descent = True; where the parent paid the child nothing, its kind is "parent", and its volume 0.
        Raises InputError beyond 500,000 edges: use the arrays.
        """
        import networkx

        if len(self) > MOST_NETWORKX_EDGES:
            raise InputError(
                f"{len(self):,} edges are too many for networkx (wanted <= {MOST_NETWORKX_EDGES:,}): use the arrays "
                "(arrays=True), a shorter window, or the Parquet export"
            )
        graph = networkx.DiGraph(first_step=self.first, last_step=self.last)
        names = [account_name(account) for account in self.account.tolist()]
        for name, account in zip(names, self.account.tolist(), strict=True):
            graph.add_node(name, **self._attributes(account))
        rows = (part.tolist() for part in (self.source, self.target, self.volume, self.price, self.count))
        for payer, payee, volume, price, count in zip(*rows, strict=True):
            graph.add_edge(names[payer], names[payee], **_edge("pays", volume, count), price=price)
        if goods:
            self._add_goods(graph, names)
        if genealogy:
            for parent, child in self.descent:
                for name in (parent, child):
                    if name not in graph:
                        graph.add_node(name, **self._relatives[name])
                if not graph.has_edge(parent, child):
                    graph.add_edge(parent, child, **_edge("parent", 0.0, 0))
                graph[parent][child]["descent"] = True
        return graph

    def agents(self) -> dict[str, dict[str, Any]]:
        """Everybody in the graph but house and world, by name: traders, and the ancestors whom `descent` reaches."""
        traders = {account_name(a): self._attributes(a) for a in self.account.tolist() if a > HOUSE}
        return traders | {name: self._relatives[name] for edge in self.descent for name in edge}

    @cached_property
    def descent(self) -> list[tuple[str, str]]:
        """(parent, child) by name: from the traders back to the first ancestors that are known."""
        known = {account_name(account): facts for account, facts in self.facts.items()} | self.ancestors
        waiting = [account_name(account) for account in self.account.tolist()]
        found: dict[tuple[str, str], None] = {}
        while waiting:
            child = waiting.pop()
            for parent in known[child].parents if child in known else ():
                if parent in known and (parent, child) not in found:
                    found[parent, child] = None
                    waiting.append(parent)
        return list(found)

    @cached_property
    def _relatives(self) -> dict[str, dict[str, Any]]:
        """Attributes of everybody who is known, by name."""
        ancestors = {name: {"kind": "agent", **facts.as_dict()} for name, facts in self.ancestors.items()}
        return {account_name(account): self._attributes(account) for account in self.facts} | ancestors

    def _attributes(self, account: int) -> dict[str, Any]:
        """What the node of an account says."""
        known = self.facts[account].as_dict() if account in self.facts else {}
        return {"kind": "agent" if account > HOUSE else account_name(account), "account": account, **known}

    def good_name(self, good: int) -> str:
        """What a good is called."""
        return self.goods[good] if good < len(self.goods) else f"right {good}"

    def _add_goods(self, graph: Any, names: list[str]) -> None:
        for good in self.bought:
            name = self.good_name(good)
            graph.add_node(name, kind="good")
            for position, volume, count in zip(*(part.tolist() for part in self.bought[good]), strict=True):
                graph.add_edge(name, names[position], **_edge("buys", volume, count))
            for position, volume, count in zip(*(part.tolist() for part in self.sold[good]), strict=True):
                graph.add_edge(names[position], name, **_edge("sells", volume, count))


def _edge(kind: str, volume: float, count: int) -> dict[str, Any]:
    return {"kind": kind, "volume": volume, "count": count, "weight": volume}


def _per_node(node: np.ndarray, amount: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes that took part, with volume and count."""
    count = np.bincount(node, minlength=n)
    there = np.flatnonzero(count)
    return there, np.bincount(node, weights=amount, minlength=n)[there], count[there]
