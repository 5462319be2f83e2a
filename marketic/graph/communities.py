"""Modularity: whether trade stays within groups more than chance would have it.

Q = sum over groups c of [ W_c / m - (out_c / m) (in_c / m) ], for a directed graph with total weight m (Leicht and Newman
2008). Groups are found by Louvain (Blondel et al. 2008) on the heaviest edges, with a fixed seed.
"""

import numpy as np

from marketic.graph.network import TradeGraph

MOST_EDGES = 3000


def modularity(source: np.ndarray, target: np.ndarray, weight: np.ndarray, group: np.ndarray) -> float:
    """Q of a partition, below 1; NaN without weight. source, target int64 [e]; weight float64 [e] >= 0; group int64 [n].

    >>> two_pairs = np.array([0, 1, 2, 3]), np.array([1, 0, 3, 2]), np.ones(4)
    >>> modularity(*two_pairs, np.array([0, 0, 1, 1])), modularity(*two_pairs, np.zeros(4, dtype=int))
    (0.5, 0.0)
    """
    total = float(weight.sum())
    if total <= 0:
        return float("nan")
    groups = int(group.max()) + 1
    inside = np.bincount(group[source], weights=weight * (group[source] == group[target]), minlength=groups)
    out = np.bincount(group[source], weights=weight, minlength=groups)
    into = np.bincount(group[target], weights=weight, minlength=groups)
    return float((inside / total - (out / total) * (into / total)).sum())


def communities(graph: TradeGraph, most: int = MOST_EDGES) -> tuple[np.ndarray, float]:
    """Groups of the accounts, int64 [n] (-1: not in them), and their modularity, from the `most` heaviest edges."""
    import networkx

    chosen = graph.heaviest(most)
    group = np.full(len(graph.account), -1)
    chosen = chosen[graph.volume[chosen] > 0]
    if not len(chosen):
        return group, float("nan")
    source, target, weight = graph.source[chosen], graph.target[chosen], graph.volume[chosen]
    undirected = networkx.Graph()
    for a, b, w in zip(source.tolist(), target.tolist(), weight.tolist(), strict=True):
        undirected.add_edge(a, b, weight=w + (undirected[a][b]["weight"] if undirected.has_edge(a, b) else 0.0))
    found = networkx.community.louvain_communities(undirected, weight="weight", seed=0)
    for number, members in enumerate(sorted(found, key=min)):
        group[list(members)] = number
    return group, modularity(source, target, weight, group)
