"""Static figures for papers, by matplotlib: the same numbers as in the report, as SVG, PDF or PNG."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from marketic.atomic import write_atomically
from marketic.errors import InputError
from marketic.graph.measures import gini, lorenz
from marketic.graph.network import TradeGraph
from marketic.graph.over_time import measures_over_time
from marketic.graph.residents import present
from marketic.reporting.activity import WINDOWS, price_lines
from marketic.reporting.colours import KINDS
from marketic.reporting.history import require
from marketic.reporting.layout import moves_of, places_on_map
from marketic.reporting.run_record import RunRecord, read_record

ENDINGS = (".svg", ".png", ".pdf")
STYLE: dict[Any, Any] = {"svg.hashsalt": "marketic", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
         "axes.spines.right": False, "figure.constrained_layout.use": True}  # fmt: skip
MOST_AGENTS = 40


def save_plot(folder: Path, what: str, path: Path) -> Path:
    """Draw `what` (a key of `PLOTS`) of a run into `path`, atomically; the same run gives the same bytes.

    Raises InputError for an unknown figure, an ending other than .svg, .png or .pdf, or a run that lacks what is drawn.
    """
    if what not in PLOTS:
        raise InputError(f"cannot plot {what!r}: wanted one of {', '.join(PLOTS)}")
    if path.suffix not in ENDINGS:
        raise InputError(f"cannot write a figure to {path}: wanted a name that ends with {', '.join(ENDINGS)}")
    record = read_record(Path(folder), 0)
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(4.6, 3.1))
        try:
            PLOTS[what](drawn, record)
        finally:
            if record.market is not None:
                record.market.env.close()
        dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)

        def write(file: IO[bytes]) -> None:
            drawn.savefig(file, format=path.suffix[1:], dpi=200, metadata=dates)

        write_atomically(path, write)
    return path


def _returns(drawn: Any, record: RunRecord) -> None:
    axes = drawn.add_subplot(xlabel="environment steps", ylabel="return per episode (units of reward)")
    step = record.column("step")
    axes.plot(step, record.column("return_mean"), color=KINDS[0], label="training, mean of 100 episodes")
    if np.isfinite(record.column("evaluation")).any():
        axes.plot(step, record.column("evaluation"), "o", color=KINDS[1], markersize=3, label="greedy evaluation")
    axes.legend(frameon=False)


def _price_error(drawn: Any, record: RunRecord) -> None:
    axes = drawn.add_subplot(xlabel="environment steps", ylabel="|bid - worth| (units of reward)")
    axes.plot(record.column("step"), record.column("price_error"), color=KINDS[2])


def _prices(drawn: Any, record: RunRecord) -> None:
    axes = drawn.add_subplot(xlabel="environment steps", ylabel="mean price (units of reward)")
    for line in price_lines(require(record.history, record.folder)):
        axes.plot(line.x, line.y, color=KINDS[line.colour % len(KINDS)], label=line.name)
    axes.legend(frameon=False, fontsize=7)


def _wealth(drawn: Any, record: RunRecord) -> None:
    if record.market is None:
        raise InputError(f"{record.folder} has no market to ask for its wealth: {record.why}")
    axes = drawn.add_subplot(xlabel="agents, poorest first (%)", ylabel="share of all wealth (%)")
    wealth = record.market.wealth()[present(record.market)]
    agents, shares = lorenz(wealth)
    axes.plot(100 * agents, 100 * shares, color=KINDS[0], label=f"wealth, Gini {gini(wealth):.3f}")
    axes.plot([0, 100], [0, 100], "--", color=KINDS[7], label="if all were equal")
    axes.legend(frameon=False)


def _measure(name: str, label: str) -> Callable[[Any, RunRecord], None]:
    def draw(drawn: Any, record: RunRecord) -> None:
        history = require(record.history, record.folder)
        found = measures_over_time(
            history.trades, WINDOWS, wealth=history.wealth, births=history.births, deaths=history.deaths,
            steps=history.steps, structure=name == "modularity",
        )  # fmt: skip
        axes = drawn.add_subplot(xlabel="environment steps", ylabel=label)
        axes.plot(found["last_step"], found[name], color=KINDS[0])
        if name == "births":
            axes.plot(found["last_step"], found["deaths"], color=KINDS[5], label="left")
            axes.lines[0].set_label("entered")
            axes.legend(frameon=False)

    return draw


def _graph(drawn: Any, record: RunRecord) -> None:
    """The sales of the last window between the busiest agents."""
    history = require(record.history, record.folder)
    spans = list(history.windows(WINDOWS))
    if not spans or not len(history.trades):
        raise InputError(f"{record.folder} logged no trades: train with --log trades")
    first, last, sales = spans[-1]
    graph = TradeGraph.of(sales, (first, last))
    kept = graph.drawn(120)
    there = np.unique(np.concatenate([graph.source[kept], graph.target[kept]]))[:MOST_AGENTS]
    account = graph.account[there]
    moves = moves_of(record.market, account, sales)
    place = places_on_map(record.market, account, moves) if record.market is not None else None
    turn = 2 * np.pi * np.arange(len(there)) / max(len(there), 1)
    place = np.stack([np.cos(turn), np.sin(turn)], axis=-1) if place is None else place * [1, -1]
    axes = drawn.add_subplot(title=f"who pays whom, steps {first:,} to {last:,}")
    axes.set_axis_off()
    axes.set_aspect("equal")
    where = dict(zip(there.tolist(), place.tolist(), strict=True))
    top = float(np.abs(graph.volume[kept]).max(initial=1e-12))
    for edge in kept.tolist():
        ends = int(graph.source[edge]), int(graph.target[edge])
        if ends[0] != ends[1] and ends[0] in where and ends[1] in where:
            width = 0.4 + 2 * (abs(float(graph.volume[edge])) / top) ** 0.5
            style = {"arrowstyle": "-|>", "connectionstyle": "arc3,rad=0.2", "color": KINDS[7], "alpha": 0.7,
                     "linewidth": width, "shrinkA": 4, "shrinkB": 5}  # fmt: skip
            axes.annotate("", where[ends[1]], where[ends[0]], arrowprops=style)
    axes.scatter(place[:, 0], place[:, 1], s=30, c=[KINDS[m % len(KINDS)] for m in moves.tolist()], zorder=3)
    for number, (x, y) in zip(account.tolist(), place.tolist(), strict=True):
        axes.annotate(f"{number - 2}", (x, y), textcoords="offset points", xytext=(0, 5), ha="center", fontsize=6)
    axes.margins(0.12)


PLOTS: dict[str, Callable[[Any, RunRecord], None]] = {
    "returns": _returns,
    "prices": _prices,
    "price-error": _price_error,
    "wealth": _wealth,
    "gini": _measure("gini", "Gini coefficient of wealth"),
    "concentration": _measure("concentration", "concentration of purchases (HHI)"),
    "depth": _measure("depth", "owners per episode, up to the reward"),
    "modularity": _measure("modularity", "modularity of trade"),
    "population": _measure("births", "agents in a 24th of the run"),
    "graph": _graph,
}
"""What can be drawn: name -> a function that draws it on a matplotlib figure."""
