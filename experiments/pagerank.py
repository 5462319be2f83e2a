"""PageRank is the price vector of a closed linear economy, with the damping as what rent leaves.

Claim: `marketic.economy.closed` gives the construction; the reference is networkx's pagerank. The bars are ours.
Command: marketic reproduce pagerank [--quick] [--json]. About a minute.

Prices of every graph are compared with networkx (tol 1e-13 in the 1-norm, so that its own error is below the bar), at
dampings 0.85 and 0.99: the karate club with and without weights, a preferential-attachment graph, and a directed
scale-free multigraph, whose dangling nodes' dividends go where networkx sends them. One graph is personalised, one has
dividends of its own. The large one has 1,000,000 nodes and 10,000,000 links with a heavy tail; it is timed from the links
to the prices against the plain power iteration on scipy.sparse, to the same tolerance (1e-12), the least of the turns.
"""

import time
from typing import Any

import networkx as nx
import numpy as np
import scipy.sparse as sparse

from marketic.economy import ClosedEconomy
from marketic.result import Row, result

DAMPINGS = (0.85, 0.99)


def graphs(n: int) -> dict[str, tuple[nx.Graph, dict[str, Any]]]:
    """Name -> graph and what is particular about the household: shares of its rents (and of its dividends)."""
    scale_free = nx.scale_free_graph(n, seed=3)
    weights = np.random.default_rng(0).random(scale_free.number_of_edges())
    for (_, _, link), weight in zip(scale_free.edges(data=True), weights.tolist(), strict=True):
        link["weight"] = weight
    karate = nx.karate_club_graph()
    plain = nx.Graph(karate.edges)
    return {
        "karate, weighted": (karate, {}),
        "karate, unweighted": (plain, {}),
        "karate, personalised at node 0": (karate, {"preference": {0: 1.0}}),
        f"preferential attachment, {n:,}": (nx.barabasi_albert_graph(n, 3, seed=1), {}),
        f"directed scale-free, weighted, {n:,}": (scale_free, {}),
        f"the same, dividends to two nodes, {n:,}": (scale_free, {"dividends": {0: 1.0, 5: 3.0}}),
    }


def compare(graph: nx.Graph, household: dict[str, Any], damping: float) -> dict[str, float]:
    """Largest difference to networkx, and the economy's own certificate."""
    economy = ClosedEconomy.from_graph(graph, rent=1 - damping, **household)
    prices = economy.prices()
    truth = nx.pagerank(
        graph,
        alpha=damping,
        personalization=household.get("preference"),
        dangling=household.get("dividends"),
        tol=1e-13 / len(graph),
        max_iter=10_000,
    )
    difference = np.abs(prices.values - np.array([truth[node] for node in graph])).max()
    return {
        "difference": float(difference),
        "bound": prices.error_bound,
        "rounds": prices.rounds,
        "dangling": len(economy.dangling),
    }


def random_links(n: int, links: int) -> sparse.csr_array:
    """A heavy-tailed directed graph: popular targets, random sources (some dangling)."""
    rng = np.random.default_rng(0)
    sources = rng.integers(n, size=links)
    targets = (n * rng.random(links) ** 3).astype(np.int64)
    return sparse.csr_array((np.ones(links), (sources, targets)), shape=(n, n))


def power_iteration(links: sparse.csr_array, damping: float, tolerance: float) -> np.ndarray:
    """The textbook's PageRank, as networkx does it: x <- d (x S + dangling) + (1 - d) / n."""
    n = links.shape[0]
    out = np.asarray(links.sum(axis=1)).ravel()
    spread = sparse.dia_array((np.divide(1, out, out=np.zeros(n), where=out > 0)[None], [0]), shape=(n, n))
    shares, dangling = sparse.csr_array(spread @ links), np.flatnonzero(out == 0)
    x = np.full(n, 1 / n)
    for _ in range(10_000):
        new = damping * (x @ shares + x[dangling].sum() / n) + (1 - damping) / n
        change = np.abs(new - x).sum()
        x = new
        if change <= tolerance:
            break
    return x


def race(n: int, links: int, turns: int) -> dict[str, float]:
    """Seconds from the links to the prices: ours, and plain power iteration to the same residual; and their difference."""
    matrix = random_links(n, links)
    times: dict[str, list[float]] = {"market": [], "power iteration": []}
    for _ in range(turns):
        start = time.perf_counter()
        prices = ClosedEconomy(matrix).prices(tolerance=1e-12)
        times["market"].append(time.perf_counter() - start)
        start = time.perf_counter()
        truth = power_iteration(matrix, 0.85, 1e-12)
        times["power iteration"].append(time.perf_counter() - start)
    difference = float(np.abs(prices.values - truth).max())
    return {key: min(value) for key, value in times.items()} | {
        "difference": difference,
        "bound": prices.error_bound,
        "rounds": prices.rounds,
        "links": int(matrix.nnz),
    }


def run(quick: bool = False) -> dict[str, Any]:
    """All rows; quick: graphs of 1,000 nodes, and 20,000 in the race."""
    begin = time.perf_counter()
    rows = []
    details: dict[str, Any] = {}
    for name, (graph, household) in graphs(1000 if quick else 10_000).items():
        details[name] = cases = [compare(graph, household, damping) for damping in DAMPINGS]
        worst = max(case["difference"] for case in cases)
        rows.append(Row(f"{name}: largest difference to networkx", worst, "<= 1e-10", worst <= 1e-10))
    worst = max(case["bound"] for cases in details.values() for case in cases)
    rows.append(Row("largest certified distance from equilibrium", worst, "<= 1e-10", worst <= 1e-10))
    n, links, turns = (20_000, 200_000, 2) if quick else (1_000_000, 10_000_000, 3)
    details["race"] = times = race(n, links, turns)
    ratio = times["market"] / times["power iteration"]
    rows.append(Row(f"{n:,} nodes, {links:,} links: seconds", times["market"], "", True))
    rows.append(Row("seconds / scipy.sparse power iteration", ratio, "" if quick else "<= 3", quick or ratio <= 3))
    rows.append(Row("largest difference to it", times["difference"], "<= 1e-10", times["difference"] <= 1e-10))
    even = ClosedEconomy(nx.to_scipy_sparse_array(nx.complete_bipartite_graph(3, 5)), rent=0.0)
    value = float(np.abs(even.prices(start=np.eye(8)[0]).values - np.repeat([1 / 6, 1 / 10], [3, 5])).max())
    rows.append(Row("no rent, periodic graph, half steps: error", value, "<= 1e-10", value <= 1e-10))
    return result("pagerank", rows, time.perf_counter() - begin, details)
