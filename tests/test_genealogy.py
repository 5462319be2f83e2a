"""Lineages in the trade graph, its files and the event log, held against what the families themselves remember."""

import json

import networkx
import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeing_runs import hand_log

import marketic
from marketic.agents.rule_bets import Bets
from marketic.agents.rule_entry import Offspring
from marketic.commands.watching import run_plot
from marketic.errors import InputError
from marketic.events import audit, open_log, query
from marketic.genealogy import ALIVE, LONG_DEAD, Genealogy
from marketic.graph import graph_of, write_graph
from marketic.graph.agents import facts_of
from marketic.graph.kin import Register, relatives
from marketic.graph.trades import account_name
from marketic.run import resume, train
from marketic.run_config import RunConfig

FAMILIES = {
    "rules": {"contract": Bets(entry=Offspring()), "capacity": 40},
    "programs": {"births": 0.5, "slots": 40, "few": 2, "members": 8},
    "expressions": {"slots": 40, "births": 0.5},
}


@pytest.fixture(scope="module", params=FAMILIES)
def bred(request, tmp_path_factory):
    """A market with births and deaths, and its log at the end of training."""
    folder = tmp_path_factory.mktemp(request.param)
    market = marketic.make("marketic/Multiplexer-v0", agents=request.param, seed=0, **FAMILIES[request.param])
    market.log_to(folder, snapshot_every=500).learn(1200)
    return market


def name_in(market, family, uid):
    """What an agent is called in the graph, worked out here: by the account of its seat, or by its uid."""
    row = family.row(uid)
    return f"agent {family.agent[row]}" if family.died[row] == ALIVE else f"ancestor {uid}"


def expected_edges(market, traders):
    """Parent edges that a graph of these accounts must have, from the family's own memory."""
    family = market.population.genealogy()
    seats = {int(seat): uid for seat, uid in zip(family.agent.tolist(), family.uid.tolist(), strict=True)}
    waiting = [seats[a - 2] for a in traders if a > 1 and a - 2 in seats]
    found = set()
    while waiting:
        uid = waiting.pop()
        for parent in family.parents[family.row(uid)].tolist():
            edge = parent >= 0 and family.remembers(parent) and (parent, uid)
            if edge and edge not in found:
                found.add(edge)
                waiting.append(parent)
    return {(name_in(market, family, a), name_in(market, family, b)) for a, b in found}


READ = {
    ".graphml": networkx.read_graphml,
    ".gexf": networkx.read_gexf,
    ".json": lambda path: networkx.node_link_graph(json.loads(path.read_text()), edges="edges"),
}


def descent(graph):
    return {(a, b) for a, b, known in graph.edges(data=True) if known.get("descent")}


@pytest.mark.parametrize("ending", READ)
def test_files_hold_the_familys_genealogy(bred, ending, tmp_path):
    graph = bred.graph(arrays=True, members=True)
    back = READ[ending](write_graph(graph, tmp_path / f"graph{ending}"))
    family, wanted = bred.population.genealogy(), expected_edges(bred, graph.account.tolist())
    assert len(wanted) > 10
    assert wanted <= descent(back)
    everything = {(name_in(bred, family, a), name_in(bred, family, b)) for a, b in family.graph().edges}
    both = {(a, b) for a, b in descent(back) if all(family.remembers(back.nodes[one]["uid"]) for one in (a, b))}
    assert wanted <= both <= everything, "the others are between ancestors that the log alone remembers"
    for name, told in back.nodes(data=True):
        if told["kind"] != "agent" or "uid" not in told or not family.remembers(told["uid"]):
            continue
        row = family.row(told["uid"])
        assert name == name_in(bred, family, told["uid"])
        assert (told["born"], told["unit"], told["alive"]) == (family.born[row], "trades", family.died[row] == ALIVE)
        assert told["program"].startswith(family.program(row).split(" bids")[0])
        parents = [uid for uid in family.parents[row].tolist() if uid >= 0]
        assert len(told.get("parent", "").split(", ")) == max(len(parents), 1)
    paid = sum(known["volume"] for _, _, known in back.edges(data=True) if known["kind"] == "pays")
    assert paid == pytest.approx(graph.volume.sum()), "a parent edge hides no payment"
    assert not descent(graph.networkx(genealogy=False))


@pytest.mark.parametrize("ending", [".graphml", ".gexf"])
def test_files_can_be_read_whatever_the_words(ending, tmp_path):
    log = hand_log(tmp_path / "run")
    graph = graph_of(open_log(log.folder))
    words = "a\x01b\x0b\ud800\ufffe\tc \U0001f600 <&>"
    drawn = graph.networkx()
    first = next(name for name in drawn if drawn.nodes[name]["kind"] == "agent")
    drawn.nodes[first]["program"] = words
    drawn = networkx.relabel_nodes(drawn, {first: "x\x01"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(graph), "networkx", lambda self: drawn)
        back = READ[ending](write_graph(graph, tmp_path / f"graph{ending}"))
    assert back.nodes["x\\u0001"]["program"] == "a\\u0001b\\u000b\\ud800\\ufffe\tc \U0001f600 <&>"
    assert len(back) == len(drawn)


def test_the_log_remembers_what_the_family_does_and_more(bred):
    graph = graph_of(open_log(bred.log.folder), members=True)
    assert expected_edges(bred, graph.account.tolist()) <= set(graph.descent)
    family = bred.population.genealogy()
    told = {row["uid"]: row for row in bred.events.to_arrow("genealogy").to_pylist()}  # of several rows the last
    assert set(family.uid.tolist()) <= set(told)
    for row, uid in enumerate(family.uid.tolist()):
        seat = int(family.agent[row])
        assert told[uid]["account"] == (bred.accounts[seat] if seat >= 0 else -1)
        assert told[uid]["died"] == family.died[row]
    assert {uid for uid, row in told.items() if row["died"] == ALIVE} == set(family.uid[family.died == ALIVE].tolist())
    assert audit(bred.log.folder).sound


@pytest.mark.parametrize("source", ["market", "log"])
def test_a_living_winners_line_ends_with_a_founder(bred, source, tmp_path):
    graph = (
        bred.graph(arrays=True, members=True)
        if source == "market"
        else graph_of(open_log(bred.log.folder), members=True)
    )
    back = networkx.read_graphml(write_graph(graph, tmp_path / "graph.graphml"))
    family, reached = bred.population.genealogy(), 0
    winners = [name for name in back if back.nodes[name].get("alive") and back.nodes[name].get("parent")]
    for name in sorted(winners, key=lambda name: -back.nodes[name]["wealth"]):
        line = [name]
        while parent := back.nodes[line[-1]].get("parent", "").split(", ")[0]:
            if parent not in back:
                break
            assert back[parent][line[-1]]["descent"]
            assert back.nodes[parent]["born"] <= back.nodes[line[-1]]["born"]
            line.append(parent)
        uids = [back.nodes[one]["uid"] for one in line]
        remembered = family.lineage(uids[0])
        assert uids[: len(remembered)] == remembered
        reached += "parent" not in back.nodes[line[-1]]
    assert reached > 0


def test_parquet_has_a_second_file_of_agents(bred, tmp_path):
    graph = bred.graph(arrays=True, members=True)
    write_graph(graph, tmp_path / "edges.parquet")
    rows = pyarrow.parquet.read_table(tmp_path / "edges.agents.parquet").to_pylist()
    named = {row["name"]: row for row in rows}
    assert len(named) == len(rows)
    edges = {(parent, row["name"]) for row in rows for parent in (row["parent"] or "").split(", ") if parent in named}
    assert expected_edges(bred, graph.account.tolist()) <= edges
    assert edges == set(graph.descent)
    born = [row["born"] for row in rows if row["born"] is not None]
    assert born == sorted(born)
    assert {account_name(a) for a in graph.account.tolist() if a > 1} <= set(named)


def test_facts_without_a_log_know_parents_too(bred):
    family = bred.population.genealogy()
    for account, facts in facts_of(bred).items():
        if facts.uid is None:  # nobody sits there
            assert "parents" not in facts.as_dict()
            continue
        row = family.row(facts.uid)
        assert family.agent[row] == account - 2
        assert facts.born == family.born[row]
        assert facts.parents == tuple(
            name_in(bred, family, uid) if family.remembers(uid) else f"ancestor {uid}"
            for uid in family.parents[row].tolist() if uid >= 0
        )  # fmt: skip


def test_growing_agents_descend_by_account(tmp_path):
    market = marketic.make("CartPole-v1", agents="growing", seed=0, sectors=2).log_to(tmp_path)
    market.learn(600)
    parents, first = market.population.parents, market.accounts[0]
    assert (parents >= 0).sum() > 10
    graph = market.graph(members=True)
    children = [a for a in graph if graph.nodes[a]["kind"] == "agent" and graph.nodes[a].get("parent")]
    assert children
    for name in children:
        agent = graph.nodes[name]["account"] - first
        assert graph.nodes[name]["parent"] == f"agent {parents[agent]}"
        assert graph[f"agent {parents[agent]}"][name]["descent"]
        assert (graph.nodes[name]["unit"], graph.nodes[name]["alive"]) == ("steps", True)
    assert all(parents[graph.nodes[a]["account"] - first] < 0 for a in graph
               if graph.nodes[a]["kind"] == "agent" and a not in children)  # fmt: skip


def test_births_in_a_log_made_by_hand(tmp_path):
    hand_log(tmp_path)
    log = open_log(tmp_path)
    graph = graph_of(log)
    assert [graph.facts[a].born for a in (2, 3, 4)] == [0, 0, 0]
    assert graph.facts[3].wealth == 10 * log.tick
    assert not graph.descent, "agent 3 has not traded yet"
    from marketic.graph.kin import registers_of

    known, nameless = relatives(registers_of(log), [5])
    assert (known[5].parents, known[5].born, known[5].unit) == (("agent 1",), 2, "steps")
    assert (set(known), nameless) == ({3, 5}, {})


def test_a_log_that_goes_on_tells_everybody_once(tmp_path):
    options = {"births": 0.5, "slots": 40, "few": 2, "members": 8}
    config = RunConfig("FrozenLake-v1", agents="programs", steps=600, seed=0, log="trades", options=options)
    train(config, tmp_path / "run")
    resume(tmp_path / "run", steps=1200)
    rows = query(
        tmp_path / "run", "SELECT uid, count(*) AS rows, max(step) AS step FROM genealogy WHERE died = -1 GROUP BY uid"
    )
    told = rows.to_pylist()
    assert {row["rows"] for row in told} == {1}
    assert {row["step"] for row in told} == {600, 1200}
    family = marketic.load(tmp_path / "run" / "final.market").population.genealogy()
    living = query(
        tmp_path / "run", "SELECT uid FROM genealogy GROUP BY uid HAVING max(died) = -1 AND min(died) = -1 ORDER BY uid"
    )
    assert [row["uid"] for row in living.to_pylist()] == family.uid[family.died == ALIVE].tolist()


def test_the_command_line_exports_lineages(tmp_path):
    options = FAMILIES["programs"]
    config = RunConfig("FrozenLake-v1", agents="programs", steps=1500, seed=0, log="trades", options=options)
    train(config, tmp_path / "run")
    assert run_plot(tmp_path / "run", "graph", tmp_path / "lake.graphml") == 0
    market = marketic.load(tmp_path / "run" / "final.market")
    back = networkx.read_graphml(tmp_path / "lake.graphml")
    accounts = [told["account"] for _, told in back.nodes(data=True) if "account" in told]
    traded = {end for *edge, told in back.edges(data=True) if told["kind"] == "pays" for end in edge}
    wanted = expected_edges(market, [a for a in accounts if account_name(a) in traded])
    assert len(wanted) > 10
    assert wanted <= descent(back)
    said = [told["program"] for _, told in back.nodes(data=True) if "uid" in told]
    assert not any("action" in program for program in said), "the task's own words for moves"
    assert any("left" in program for program in said)


def test_a_summary_has_a_genealogy_but_no_graph(tmp_path):
    market = marketic.make("FrozenLake-v1", agents="programs", seed=0, **FAMILIES["programs"])
    market.log_to(tmp_path, "summary").learn(200)
    rows = market.events.to_arrow("genealogy").to_pylist()
    assert {row["uid"] for row in rows} >= set(market.population.uid[market.population.live].tolist())
    assert {row["program"] for row in rows} == {""}
    with pytest.raises(InputError, match="keeps no trades"):
        graph_of(open_log(tmp_path))


@given(st.lists(st.tuples(st.integers(-1, 30), st.integers(-1, 30)), min_size=1, max_size=30), st.integers(1, 40))
def test_relatives_are_all_ancestors_or_the_youngest(drawn, most):
    parents = np.array([[min(a, uid - 1), min(b, uid - 1)] for uid, (a, b) in enumerate(drawn)])
    n = len(parents)
    dead = np.full(n, LONG_DEAD)
    dead[-1] = ALIVE
    family = Genealogy(np.arange(n), parents, np.arange(n), dead, np.where(dead == ALIVE, 0, -1), str)
    book = Register(family, np.where(dead == ALIVE, 7, -1))
    whole, waiting = set(), [n - 1]
    while waiting:
        for parent in set(parents[waiting.pop()].tolist()) - {-1} - whole:
            whole.add(parent)
            waiting.append(parent)
    known, ancestors = relatives([book], [7], most)
    assert set(known) == {7}
    assert set(ancestors) == {f"ancestor {uid}" for uid in sorted(whole, reverse=True)[:most]}
    assert family.lineage(n - 1)[-1] == min(family.lineage(n - 1))


WRONG = {
    "uids fall": ([1, 0], [[-1], [-1]], "growing uids"),
    "own parent": ([0, 1], [[-1], [1]], "smaller uids"),
    "three parents": ([0], [[-1, -1, -1]], "one or two parents"),
    "a row too few": ([0, 1], [[-1]], "n rows each"),
}


@pytest.mark.parametrize(("uid", "parents", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_genealogy_is_refused(uid, parents, words):
    whole = np.zeros(len(uid), dtype=np.int64)
    with pytest.raises(InputError, match=words):
        Genealogy(np.array(uid), np.array(parents), whole, whole, whole, str)


def test_a_graph_with_a_name_of_no_format_is_refused_with_all_formats(tmp_path):
    with pytest.raises(InputError, match=r"\.svg, \.png, \.pdf, \.graphml, \.gexf, \.json, \.parquet"):
        run_plot(tmp_path, "graph", tmp_path / "market.xyz")
    assert list(tmp_path.iterdir()) == []
