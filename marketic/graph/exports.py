"""Trade graphs as files: GraphML and GEXF for Gephi and its like, JSON for the web, Parquet with one row per edge and window.

Agents, their ancestors, and the edges from parents to children are in all of them; beside a .parquet of edges stands a second
file, .agents.parquet, with one row per agent.

All are written under a temporary name and renamed, so that nobody ever reads half a file.
"""

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from marketic.atomic import write_atomically
from marketic.errors import InputError
from marketic.graph.network import TradeGraph
from marketic.graph.trades import Trades, account_name

KINDS = (".graphml", ".gexf", ".json", ".parquet")


def write_graph(graph: TradeGraph | Sequence[TradeGraph], path: str | Path) -> Path:
    """Write a graph, or (to .parquet only) one graph per window, in the format that the name of `path` ends with.

    To edges.parquet belongs edges.agents.parquet: what is known of traders and their ancestors, a row each, the eldest first.
    Raises InputError for another ending, or for several graphs in a format that holds one.
    """
    target = Path(path)
    graphs = [graph] if isinstance(graph, TradeGraph) else list(graph)
    if target.suffix not in KINDS:
        raise InputError(f"cannot write a graph to {target}: wanted a name that ends with {', '.join(KINDS)}")
    if target.suffix != ".parquet" and len(graphs) != 1:
        raise InputError(f"{target} holds one graph, not {len(graphs)}: write windows to .parquet, or one file each")
    if target.suffix == ".parquet":
        _write(target.with_suffix(".agents.parquet"), _agents(graphs))
        _write(target, _parquet(graphs))
    else:
        _write(target, _WRITERS[target.suffix](graphs[0]))
    return target


def _write(target: Path, data: bytes) -> None:
    def write(file: IO[bytes]) -> None:
        file.write(data)

    write_atomically(target, write)


def graph_windows(trades: Trades, count: int) -> list[TradeGraph]:
    """One graph for each of `count` windows of equally many environment steps."""
    return [TradeGraph.of(sales, (first, last)) for first, last, sales in trades.windows(count)]


def _graphml(graph: TradeGraph) -> bytes:
    import networkx

    memory = io.BytesIO()
    networkx.write_graphml_xml(_for_xml(graph), memory)  # the lxml writer closes what it is given
    return memory.getvalue()


def _gexf(graph: TradeGraph) -> bytes:
    import networkx

    memory = io.BytesIO()
    networkx.write_gexf(_for_xml(graph), memory)
    return memory.getvalue()


_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped: control characters, halves of pairs, and two non-characters."""


def _for_xml(graph: TradeGraph) -> Any:
    """The graph as networkx, with an escape such as \\u0001 for each character in its words that XML cannot hold."""
    import networkx

    found = graph.networkx()
    for known in [*(data for _, data in found.nodes(data=True)), *(data for *_, data in found.edges(data=True))]:
        known.update({key: _escaped(text) for key, text in known.items() if isinstance(text, str)})
    names = {name: _escaped(name) for name in found if _NO_XML.search(name)}
    return networkx.relabel_nodes(found, names) if names else found


def _escaped(text: str) -> str:
    return _NO_XML.sub(lambda one: f"\\u{ord(one[0]):04x}", text)


def _json(graph: TradeGraph) -> bytes:
    import networkx

    return json.dumps(networkx.node_link_data(graph.networkx(), edges="edges")).encode()


def _parquet(graphs: Sequence[TradeGraph]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    columns: dict[str, Any] = {
        "first_step": np.concatenate([np.full(len(g), g.first) for g in graphs] or [np.zeros(0, dtype=int)]),
        "last_step": np.concatenate([np.full(len(g), g.last) for g in graphs] or [np.zeros(0, dtype=int)]),
        "payer": _joined([g.account[g.source] for g in graphs]),
        "payee": _joined([g.account[g.target] for g in graphs]),
        "volume": _joined([g.volume for g in graphs]).astype(float),
        "price": _joined([g.price for g in graphs]).astype(float),
        "count": _joined([g.count for g in graphs]),
    }
    for end in ("payer", "payee"):
        names = [account_name(int(account)) for account in columns[end]]
        columns[f"{end}_name"] = pyarrow.array(names, type=pyarrow.string()).dictionary_encode()
    memory = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), memory, compression="zstd")
    return memory.getvalue()


_AGENT = {"name": "string", "account": "int64", "uid": "int64", "parent": "string", "born": "int64", "died": "int64",
          "unit": "string", "alive": "bool", "family": "string", "program": "string", "wealth": "float64",
          "age": "int64"}  # fmt: skip
"""Columns of the file of agents; what is not known is null. parent: names, with ", " between two."""


def _agents(graphs: Sequence[TradeGraph]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    everybody: dict[str, dict[str, Any]] = {}
    for graph in graphs:
        everybody |= graph.agents()
    rows = [{"name": name, **known} for name, known in everybody.items()]
    rows.sort(key=lambda row: (row.get("born", -1), row.get("uid", row.get("account", -1))))
    kinds = {
        "string": pyarrow.string(),
        "int64": pyarrow.int64(),
        "bool": pyarrow.bool_(),
        "float64": pyarrow.float64(),
    }
    columns = {column: pyarrow.array([row.get(column) for row in rows], kinds[kind]) for column, kind in _AGENT.items()}
    memory = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), memory, compression="zstd")
    return memory.getvalue()


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


_WRITERS = {".graphml": _graphml, ".gexf": _gexf, ".json": _json}
