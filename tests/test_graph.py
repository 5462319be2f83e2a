"""The trade graph and its measures, each held against a case worked out by hand or an independent implementation."""

import json

import gymnasium as gym
import networkx
import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeing_runs import HAND, TICK, hand_log

import marketic
from marketic.economy import Consumer, Dense, Economy, Good
from marketic.errors import InputError
from marketic.events import open_log
from marketic.graph import (
    TradeGraph,
    Trades,
    chain_depth,
    check_gradients,
    concentration,
    gini,
    lorenz,
    measures_over_time,
    modularity,
    optimal_values,
    pagerank,
    price_error,
    turnover,
    write_graph,
)
from marketic.graph.communities import communities
from marketic.graph.depth import steps_from_start, steps_to_end
from marketic.graph.exports import graph_windows
from marketic.graph.from_log import Balances, Following, entered_at, entries_and_exits, trades_of
from marketic.graph.measures import rank_correlation
from marketic.graph.values import policy_value

SALES = [row for row in HAND if row[2] == 1]


@pytest.fixture
def log(tmp_path):
    hand_log(tmp_path)
    return open_log(tmp_path)


def test_sales_come_out_of_the_log_with_what_they_brought_their_buyer(log):
    trades = trades_of(log)
    assert trades.step.tolist() == [0, 1, 2, 3, 4]
    assert trades.buyer.tolist() == [2, 3, 4, 2, 3]
    assert trades.seller.tolist() == [1, 2, 3, 1, 2]
    assert trades.price.tolist() == [1.0, 2.0, 3.0, 2.0, 3.0]
    assert trades.paid.tolist() == [1.0, 1.5, 2.5, 2.0, 3.0]
    assert trades.reward.tolist() == [0.0, 0.0, 5.0, 1.0, 4.0]  # that of the seller's row, one sale later


def test_graph_adds_up_volume_price_and_count(log):
    graph = TradeGraph.of(trades_of(log))
    ends = zip(graph.account[graph.source].tolist(), graph.account[graph.target].tolist(), strict=True)
    edges = dict(zip(ends, zip(graph.volume, graph.price, graph.count, strict=True), strict=True))
    assert edges == {(2, 1): (3.0, 1.5, 2), (3, 2): (4.5, 2.5, 2), (4, 3): (2.5, 3.0, 1)}
    assert graph.among_agents.sum() == 2
    assert TradeGraph.of(trades_of(log), (3, 5)).volume.tolist() == [2.0, 3.0]


def test_networkx_graph_has_agents_goods_and_readable_attributes(log):
    graph = TradeGraph.of(trades_of(log), goods=["the right to act"]).networkx()
    assert set(graph) == {"house", "agent 0", "agent 1", "agent 2", "the right to act"}
    assert graph["agent 1"]["agent 0"] == {"kind": "pays", "volume": 4.5, "price": 2.5, "count": 2, "weight": 4.5}
    assert graph["the right to act"]["agent 1"]["count"] == 2
    assert graph["agent 1"]["the right to act"]["volume"] == 2.5
    assert graph.nodes["the right to act"] == {"kind": "good"}


@pytest.mark.parametrize("window", [(5, 3), (-1, 2)])
def test_wrong_window_is_refused(log, window):
    with pytest.raises(InputError, match="wanted 0 <= first <= last"):
        TradeGraph.of(trades_of(log), window)


def test_market_graph_describes_its_agents(tmp_path):
    market = marketic.make("FrozenLake-v1", agents="tabular", seed=0).log_to(tmp_path)
    market.learn(500)
    graph = market.graph()
    program = graph.nodes["agent 0"]
    assert program["program"].startswith("in state 0 (row 1, column 1): left, bids ")
    assert (program["family"], program["age"]) == ("Tabular", 500)
    assert program["wealth"] == market.wealth()[0]
    paid = sum(d["volume"] for _, _, d in graph.edges(data=True) if d["kind"] == "pays")
    ticks = market.events.to_arrow("trades", ["paid"]).column("paid").to_numpy().sum()
    assert paid == pytest.approx(ticks * market.ledger.tick)
    half = market.graph(window=(0, 250), arrays=True)
    assert half.count.sum() == sum(1 for s in market.events.to_arrow("trades", ["step", "kind"]).to_pylist()
                                   if s["kind"] == 1 and s["step"] < 250)  # fmt: skip


def test_market_without_a_log_says_how_to_keep_one():
    with pytest.raises(InputError, match="log_to"):
        marketic.make("FrozenLake-v1", seed=0).graph()


def test_members_of_syndicates_trade_pairwise(tmp_path):
    market = marketic.make("CartPole-v1", seed=0).log_to(tmp_path)
    market.learn(300)
    members = market.events.header["members"]
    assert members > 1
    leads, all_ = market.graph(arrays=True), market.graph(arrays=True, members=True)
    assert all_.count.sum() == members * leads.count.sum()
    assert all_.volume.sum() == pytest.approx(leads.volume.sum())
    lists = market.events.to_arrow("trades", ["kind", "buyers"]).to_pylist()
    assert set(all_.account.tolist()) - {1} == {a for row in lists if row["kind"] == 1 for a in row["buyers"]}


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_gini_is_the_mean_difference(wealth):
    amounts = np.array(wealth, dtype=float)
    if amounts.sum() == 0:
        assert np.isnan(gini(amounts))
        return
    n = len(amounts)
    expected = np.abs(amounts[:, None] - amounts).sum() / (2 * n * amounts.sum())
    assert gini(amounts) == pytest.approx(expected)
    assert lorenz(amounts)[1][-1] == pytest.approx(1.0)


def test_concentration_and_turnover_by_hand():
    assert concentration(np.array([3.0, 1.0])) == pytest.approx(0.625)
    assert concentration(np.ones(4)) == 0.25
    assert np.isnan(concentration(np.zeros(3)))
    assert turnover(6.0, np.array([1.0, 2.0, -4.0])) == 2.0


def test_chain_depth_by_hand(log):
    numbers, depth = chain_depth(trades_of(log))
    assert numbers.tolist() == [0, 1]
    assert depth.tolist() == [3, 2]  # agents 2, 3, 4 up to the reward; then 2 and 3, both were paid
    trades = trades_of(log)
    assert steps_to_end(trades).tolist() == [2, 1, 0, 1, 0]
    assert steps_from_start(trades).tolist() == [0, 1, 2, 0, 1]


def test_pagerank_is_networkxs():
    rng = np.random.default_rng(0)
    source, target, weight = rng.integers(0, 12, 60), rng.integers(0, 12, 60), rng.random(60)
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(12))
    for a, b, w in zip(source.tolist(), target.tolist(), weight.tolist(), strict=True):
        graph.add_edge(a, b, weight=w + (graph[a][b]["weight"] if graph.has_edge(a, b) else 0.0))
    theirs = networkx.pagerank(graph, weight="weight", tol=1e-14, max_iter=1000)
    ours = pagerank(12, source, target, weight)
    assert ours == pytest.approx([theirs[k] for k in range(12)], abs=1e-9)
    assert ours.sum() == pytest.approx(1.0)


def test_modularity_is_networkxs_and_finds_two_cliques():
    pairs = [(a, b) for group in ((2, 3, 4), (5, 6, 7)) for a in group for b in group if a != b] + [(2, 5)]
    trades = Trades.of(buyer=[a for a, _ in pairs], seller=[b for _, b in pairs], price=np.ones(len(pairs)))
    graph = TradeGraph.of(trades)
    group, q = communities(graph)
    assert len(set(group[:3])) == len(set(group[3:])) == 1
    assert group[0] != group[3]
    partition = [{0, 1, 2}, {3, 4, 5}]
    plain = networkx.DiGraph([(a - 2, b - 2) for a, b in pairs])
    assert q == pytest.approx(networkx.community.modularity(plain, partition))
    assert modularity(graph.source, graph.target, graph.volume, np.zeros(6, dtype=int)) == pytest.approx(0.0)


def test_rank_correlation_shares_ranks_of_equals():
    from scipy.stats import spearmanr

    a, b = np.array([1.0, 2, 2, 5, 0]), np.array([3.0, 1, 4, 9, 2])
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(rank_correlation(a, np.ones(5)))


def test_measures_over_time_by_hand(log):
    wealth = Balances.of(log, "accounts", "balance", log.tick)
    births, deaths = entries_and_exits(log)
    assert (births.tolist(), deaths.tolist(), entered_at(log)) == ([2], [], {5: 2})
    found = measures_over_time(trades_of(log), 2, wealth=wealth, births=births, deaths=deaths, steps=6)
    assert found["first_step"].tolist() == [0, 3]
    assert found["sales"].tolist() == [3, 2]
    assert found["volume"].tolist() == [5.0, 5.0]
    assert found["mean_price"].tolist() == [2.0, 2.5]
    assert found["depth"].tolist() == [3, 2]
    assert found["births"].tolist() == [1, 0]
    assert found["gini"] == pytest.approx([gini(np.array([-1, 1, 2.5])), gini(np.array([0.5, 2.5, 2.5]))])
    assert found["turnover"] == pytest.approx([5.0 / 3.5, 5.0 / 5.5])
    assert found["concentration"] == pytest.approx([1 / 3, 1 / 2])


def test_following_gives_the_same_balances_forwards_and_back(log):
    whole, following = Balances.of(log, "accounts", "balance", TICK), Following("accounts", "balance")
    for step in (2, 3, 5, 6, 3, 0, 6):
        for part, other in zip(whole(step), following.at(log, step), strict=True):
            assert part.tolist() == other.tolist()


def test_exports_hold_the_same_edges(log, tmp_path):
    graph = TradeGraph.of(trades_of(log))
    read = {
        ".graphml": lambda p: networkx.read_graphml(p),
        ".gexf": lambda p: networkx.read_gexf(p),
        ".json": lambda p: networkx.node_link_graph(json.loads(p.read_text()), edges="edges"),
    }
    for ending, reader in read.items():
        back = reader(write_graph(graph, tmp_path / f"graph{ending}"))
        assert set(back.edges) == set(graph.networkx().edges)
        assert back["agent 1"]["agent 0"]["volume"] == 4.5
    rows = pyarrow.parquet.read_table(
        write_graph(graph_windows(trades_of(log), 2), tmp_path / "edges.parquet")
    ).to_pylist()
    assert [(r["first_step"], r["payer_name"], r["payee"], r["volume"]) for r in rows] == [
        (0, "agent 0", 1, 1.0), (0, "agent 1", 2, 1.5), (2, "agent 0", 1, 2.0), (2, "agent 1", 2, 3.0), (2, "agent 2", 3, 2.5),
    ]  # fmt: skip


def test_exports_refuse_what_they_cannot_write(log, tmp_path):
    graph = TradeGraph.of(trades_of(log))
    with pytest.raises(InputError, match=r"\.graphml, \.gexf"):
        write_graph(graph, tmp_path / "graph.dot")
    with pytest.raises(InputError, match="holds one graph"):
        write_graph([graph, graph], tmp_path / "graph.json")


def test_optimal_values_by_hand_and_by_a_linear_program():
    from scipy.optimize import linprog

    table, discount = gym.make("FrozenLake-v1").unwrapped.P, 0.95
    values = optimal_values(table, discount)
    rows, bounds = [], []
    for s, acts in table.items():
        for ends in acts.values():
            row = np.zeros(16)
            row[s] -= 1
            for p, to, _, over in ends:
                row[to] += discount * p * (not over)
            rows.append(row)
            bounds.append(-sum(p * r for p, _, r, _ in ends))
    best = linprog(np.ones(16), A_ub=rows, b_ub=bounds, bounds=(None, None))
    assert values == pytest.approx(best.x, abs=1e-7)


def test_optimal_values_of_a_paying_loop_are_refused():
    with pytest.raises(InputError, match="do not settle"):
        optimal_values({0: {0: [(1.0, 0, 1.0, False)]}}, 1.0)


def test_price_error_is_zero_where_prices_are_the_values():
    market = marketic.make("FrozenLake-v1", agents="tabular", seed=0)
    market.learn(2000)
    table, discount = market.env.unwrapped.P, market.chain.discount
    values = optimal_values(table, discount)
    for s, acts in table.items():
        for a, ends in acts.items():
            market.population.price[4 * s + a] = sum(p * (r + discount * (not o) * values[t]) for p, t, r, o in ends)
    error = price_error(market)
    assert error.largest < 1e-8
    assert set(error.state) <= set(range(16)) - {5, 7, 11, 12, 15}
    market.population.price += 0.5
    assert price_error(market).mean == pytest.approx(0.5)
    assert price_error(marketic.make("CartPole-v1", seed=0)) is None


def test_prices_of_an_economy_are_gradients_and_a_wrong_derivative_is_seen():
    def economy(slope):
        mill = Dense("mill", ["grain"], ["flour"], [[0.5, 0.1], [0.2, 0.7]])
        baker = Consumer("baker", "flour", lambda x: np.log(x).sum(axis=1), lambda x: slope / x)
        return Economy([Good("grain", 2), Good("flour", 2)], [mill], [baker])

    given_ = {"grain": [[4.0, 2.0], [1.0, 3.0]]}
    honest = check_gradients(economy(1.0), given_)
    assert honest.worst < 1e-8
    assert honest.price["grain"].shape == (2, 2)
    assert check_gradients(economy(1.1), given_).errors["flour"] == pytest.approx(0.1 / 1.1, rel=1e-5)
    with pytest.raises(InputError, match="no vector good"):
        check_gradients(economy(1.0), given_, goods=["water"])


def test_the_value_of_a_greedy_policy_is_that_of_long_play():
    """FrozenLake's best policy is worth 0.542 at discount 0.99 (value iteration), and wins 74 % of games of 100 steps."""
    market = marketic.make("FrozenLake-v1", seed=0).learn(20_000)
    exact = policy_value(market)
    assert exact.best == pytest.approx(0.5420, abs=1e-4)
    assert 0.98 * exact.best <= exact.value <= exact.best + 1e-9
    assert market.evaluate(2_000, seed=5).mean() == pytest.approx(exact.expected, abs=4 * 0.0098)
    assert policy_value(marketic.make("CartPole-v1", seed=0)) is None
    early = marketic.make("FrozenLake-v1", seed=0).learn(50)
    assert policy_value(early).value < 0.5 * exact.best
