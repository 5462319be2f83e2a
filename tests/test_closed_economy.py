"""A closed linear economy's prices are PageRank: against networkx, eigenvectors, and by their own certificate."""

import json

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import InputError
from marketic.economy import ClosedEconomy


def networkx_prices(graph: nx.Graph, damping: float, **options) -> np.ndarray:
    ranks = nx.pagerank(graph, alpha=damping, tol=1e-13 / len(graph), max_iter=10_000, **options)
    return np.array([ranks[node] for node in graph])


GRAPHS = {
    "karate": nx.karate_club_graph(),
    "preferential": nx.barabasi_albert_graph(500, 3, seed=1),
    "scale-free": nx.scale_free_graph(500, seed=3),
    "path": nx.path_graph(7, create_using=nx.DiGraph),
    "alone": nx.empty_graph(4, create_using=nx.DiGraph),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("damping", [0.5, 0.85, 0.99])
def test_prices_are_pagerank(name: str, damping: float) -> None:
    graph = GRAPHS[name]
    nodes = list(graph)
    household = {"preference": {nodes[0]: 1.0, nodes[-1]: 2.0}, "dividends": {nodes[1]: 1.0}}
    for given_, options in (
        ({}, {}),
        ({"preference": household["preference"]}, {"personalization": household["preference"]}),
        (household, {"personalization": household["preference"], "dangling": household["dividends"]}),
    ):
        prices = ClosedEconomy.from_graph(graph, rent=1 - damping, **given_).prices()
        assert np.abs(prices.values - networkx_prices(graph, damping, **options)).max() <= 1e-10
        assert prices.certificate.status == "optimal"
        assert prices.error_bound <= 1e-10
        assert prices.values.sum() == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix, sparse.coo_array, np.array])
def test_the_callers_links_are_neither_changed_nor_kept(kind: type) -> None:
    rows = np.random.default_rng(0).random((6, 6))
    links = kind(rows)
    before = links.copy()
    economy = ClosedEconomy(links)
    assert abs(links - before).max() == 0
    prices = economy.prices().values
    links *= 0.0
    assert np.array_equal(economy.prices().values, prices)
    assert np.allclose(prices, ClosedEconomy(rows).prices().values, rtol=0, atol=1e-15)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), powers=st.lists(st.integers(-1074, 1023), min_size=5, max_size=5))
def test_only_ratios_of_a_firms_links_count(seed: int, powers: list[int]) -> None:
    rng = np.random.default_rng(seed)
    links = np.exp2(rng.integers(0, 3, (5, 5))) * (rng.random((5, 5)) < 0.5)  # powers of 2: scaling is exact
    largest = links.max(axis=1)
    scaled = np.ldexp(links, np.clip(powers, -1074, 1023 - np.log2(np.maximum(largest, 1)).astype(int))[:, None])
    prices, truth = ClosedEconomy(scaled), ClosedEconomy(links)
    assert np.array_equal(prices.dangling, truth.dangling)
    assert np.allclose(prices.prices().values, truth.prices().values, rtol=0, atol=1e-12)


def test_weights_count_unless_told_otherwise() -> None:
    graph = GRAPHS["karate"]
    weighted, plain = (ClosedEconomy.from_graph(graph, weight=w).prices().values for w in ("weight", None))
    assert np.abs(plain - networkx_prices(graph, 0.85, weight=None)).max() <= 1e-10
    assert np.abs(weighted - plain).max() > 1e-3


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 12), rent=st.floats(0.01, 1.0))
def test_prices_clear_the_markets_and_the_bound_holds(seed: int, n: int, rent: float) -> None:
    rng = np.random.default_rng(seed)
    links = rng.random((n, n)) * (rng.random((n, n)) < 0.4)
    preference, dividends = rng.random(n) + 0.01, rng.random(n) + 0.01
    economy = ClosedEconomy(links, rent=rent, preference=preference, dividends=dividends)
    w, v = preference / preference.sum(), dividends / dividends.sum()
    shares = np.array([row / row.sum() if row.sum() else v for row in links])
    truth = np.linalg.solve(np.eye(n) - (1 - rent) * shares.T, rent * w)
    for limit in (3, 100_000):
        prices = economy.prices(limit=limit)
        assert np.abs(prices.values - truth).sum() <= prices.error_bound + 1e-13
        assert prices.rounds <= limit
    assert np.allclose(prices.values, truth, rtol=0, atol=1e-11)
    assert np.allclose(economy.spend(truth), truth, rtol=0, atol=1e-14)
    trade = economy.flows(prices)
    spent = np.asarray(trade.sum(axis=1)).ravel()
    linked = links.sum(axis=1) > 0
    assert np.allclose(spent[linked], (1 - rent) * prices.values[linked], atol=1e-14)
    assert not spent[~linked].any()


def test_half_steps_settle_a_periodic_economy_without_rent() -> None:
    links = nx.to_scipy_sparse_array(nx.complete_bipartite_graph(3, 5))
    economy = ClosedEconomy(links, rent=0.0)
    start = np.eye(8)[0]
    prices = economy.prices(start=start)
    assert np.allclose(prices.values, np.repeat([1 / 6, 1 / 10], [3, 5]), rtol=0, atol=1e-12)
    assert np.abs(prices.values - np.repeat([1 / 6, 1 / 10], [3, 5])).sum() <= prices.error_bound < 1e-12
    stuck = economy.prices(start=start, half_steps=False, limit=1000)
    assert stuck.certificate.status == "approximate"
    assert stuck.certificate.optimality > 0.1


def test_without_rent_prices_must_be_unique() -> None:
    apart = sparse.block_diag([sparse.coo_array(np.ones((n, n))) for n in (2, 3)])
    with pytest.raises(InputError, match=r"2 groups of firms keep their money.*firm 0.*firm 2"):
        ClosedEconomy(apart, rent=0.0).prices()
    leaky = np.array([[0, 1, 0], [0, 0, 1], [0, 1, 0]])  # firm 0 feeds the pair that keeps the money
    assert ClosedEconomy(leaky, rent=0.0).prices().values == pytest.approx([0, 0.5, 0.5], abs=1e-12)
    dangling = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])  # dividends close the circle
    assert ClosedEconomy(dangling, rent=0.0).prices().values == pytest.approx([1 / 6, 2 / 6, 3 / 6], abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([[0, -1], [1, 0]],), "firm 0 has a link of weight -1"),
        (([[0, 1], [np.nan, 0]],), "firm 1 has a link of weight nan"),
        ((np.ones((2, 3)),), r"links of shape \(2, 3\)"),
    ],
)
def test_bad_links_are_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ClosedEconomy(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rent": 1.5}, "rent=1.5"),
        ({"preference": [1.0]}, "preference of shape"),
        ({"preference": [0.0, 0.0]}, "preference of shape"),
        ({"dividends": [1.0, -1.0]}, "dividends of shape"),
    ],
)
def test_bad_households_are_refused(options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ClosedEconomy([[0, 1], [1, 0]], **options)


def test_bad_graphs_are_refused() -> None:
    with pytest.raises(InputError, match="without nodes"):
        ClosedEconomy.from_graph(nx.Graph())
    with pytest.raises(InputError, match="preference names node 99"):
        ClosedEconomy.from_graph(GRAPHS["karate"], preference={99: 1.0})


def test_the_experiment_reproduces() -> None:
    from marketic.experiments.pagerank import run

    result = run(quick=True)
    json.dumps(result)
    assert result["met"]
    assert sum("difference to networkx" in row["what"] for row in result["rows"]) >= 4


@pytest.mark.parametrize("rent", [0.0, 1e-13])
@pytest.mark.parametrize("passed", [1e-2, 1e-6, 1e-9, 1e-12, 1e-15])
def test_parts_that_hardly_trade_are_not_called_solved(rent: float, passed: float) -> None:
    """Two pairs that pass on next to nothing, one twice what the other does: worth 2/3 and 1/3, whatever it is."""
    links = np.array([[0, 1 - passed, passed, 0], [1, 0, 0, 0], [2 * passed, 0, 0, 1 - 2 * passed], [0, 0, 1, 0]])
    found = ClosedEconomy(links, rent=rent).prices(limit=20_000)
    exact = np.array([2.0, 2.0 - 2 * passed, 1.0, 1.0 - 2 * passed])
    error = np.abs(found.values - exact / exact.sum()).sum()
    assert error <= 1.001 * found.error_bound + rent / passed  # the bound is one of its own equilibrium
    assert (found.certificate.status == "optimal") == (passed == 1e-2)
    assert found.certificate.status == "approximate" or error < 1e-8


@pytest.mark.parametrize("bridge", [100.0, 1e-3, 1e-14, 1e-17])
def test_without_rent_the_distance_is_bounded_for_thousands_of_firms(bridge: float) -> None:
    """Who trades both ways alike is worth its trade: links w = w' have prices in proportion to their sums."""
    parts = [nx.to_scipy_sparse_array(nx.barabasi_albert_graph(900, m, seed=m), dtype=float) for m in (3, 8)]
    links = sparse.block_diag(parts, format="lil")
    links[0, 900] = links[900, 0] = bridge
    economy = ClosedEconomy(links, rent=0.0)
    exact = np.asarray(links.sum(axis=1)).ravel() / links.sum()
    posted = np.abs(economy.prices(limit=1).values - exact).sum()
    assert posted <= economy.prices(limit=1).error_bound  # far from settled
    found = economy.prices(limit=30_000)
    error = np.abs(found.values - exact).sum()
    assert error <= found.error_bound <= 2.0
    assert found.certificate.status == ("optimal" if bridge == 100.0 else "approximate")
    assert bridge < 100.0 or found.error_bound < 1e-9


@pytest.mark.parametrize("passed", [1e-14, 1e-17])
def test_a_rent_too_small_to_be_seen_promises_nothing(passed: float) -> None:
    links = np.array([[1, 1, passed, 0], [1, 1, 0, 0], [3 * passed, 0, 1, 1], [0, 0, 1, 1]])
    found = ClosedEconomy(links, rent=passed / 10).prices()
    assert found.certificate.status == "approximate"  # one pair is worth about three times the other, not as much
    assert found.error_bound > 0.4


@given(seed=st.integers(0, 10**6), n=st.integers(1, 12), spread=st.floats(0, 8))
def test_the_bound_without_rent_holds(seed: int, n: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    links = rng.random((n, n)) * 10.0 ** -(spread * rng.random((n, n))) * (rng.random((n, n)) < 0.6)
    links[np.arange(n), (np.arange(n) + 1) % n] += 0.1  # a circle through all
    shares = links / links.sum(axis=1, keepdims=True)
    system = np.vstack([(np.eye(n) - shares.T)[1:], np.ones(n)])
    found = ClosedEconomy(links, rent=0.0).prices(limit=5000)
    assert np.abs(found.values - np.linalg.solve(system, np.eye(n)[-1])).sum() <= found.error_bound + 1e-14
    assert found.certificate.status == "optimal" or found.certificate.optimality > 1e-14


@pytest.mark.parametrize("n", [2, 30, 1000])
def test_a_ring_without_rent_is_solved(n: int) -> None:
    found = ClosedEconomy(np.roll(np.eye(n), 1, axis=1), rent=0.0).prices()
    assert found.certificate.status == "optimal"
    assert found.error_bound < 1e-9
