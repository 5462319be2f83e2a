"""The trade graph through time: who paid whom, drawn on the map of a grid world or along the episode, with a slider."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.graph.depth import steps_from_start
from marketic.graph.network import TradeGraph
from marketic.graph.trades import Trades, account_name
from marketic.ledger import HOUSE
from marketic.market import Market
from marketic.reporting.colours import KINDS
from marketic.reporting.history import History
from marketic.reporting.layout import moves_of, places_on_map
from marketic.reporting.page import card, escape, figure
from marketic.vocabulary.grid import Grid, grid_of
from marketic.vocabulary.programs import program
from marketic.words import Words

WINDOWS, NODES, EDGES, LABELS = 24, 60, 140, 10
WIDTH, HEIGHT = 900.0, 470.0


@dataclass(frozen=True)
class Scene:
    """Which agents are drawn, where, and what lies behind them.

    account: int64 [n]; place: float64 [n, 2], drawing units; move: int64 [n], action number, -1: unknown; background: SVG.
    """

    account: np.ndarray
    place: np.ndarray
    move: np.ndarray
    background: str
    size: tuple[float, float]
    axis: str


def graph_card(market: Market | None, history: History, words: Words, number: int) -> str:
    """The card with the drawing, the slider and the details; a sentence where nothing was traded between agents."""
    sales = history.trades.between_agents
    if not len(sales):
        return card("Who trades with whom", "<p>No agent has sold anything to another one yet.</p>", wide=True)
    scene = _scene(market, history.trades, sales)
    data = _data(market, history, scene, words, f"arrow-{number}")
    note = (
        f"An arrow goes from buyer to seller, the way the money goes; its width is the money paid in the window. Shown are "
        f"the {len(scene.account)} agents that traded most with others, and up to {EDGES} arrows a window. "
        "Faded: did not trade then."
    )
    box = f"{_slider(data)}{_drawing(scene, data, words, f'arrow-{number}')}{_legend(scene, words)}"
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    told = '<div class="told" aria-live="polite"><p>Click an agent or an arrow to read about it.</p></div>'
    body = f'<div class="graph">{box}{told}<script type="application/json">{text}</script></div>'
    return card("Who trades with whom", body, note, wide=True)


def _scene(market: Market | None, trades: Trades, sales: Trades) -> Scene:
    """Choose the agents that traded most with others, and lay them out."""
    others = sales.where(sales.buyer != sales.seller)
    sales = others if len(others) else sales
    account, group = np.unique(np.concatenate([sales.buyer, sales.seller]), return_inverse=True)
    busy = np.bincount(group, weights=np.abs(np.tile(sales.paid, 2)) + 1e-9)
    chosen = np.sort(account[np.argsort(-busy, kind="stable")[:NODES]])
    move = moves_of(market, chosen, trades)
    place = places_on_map(market, chosen, move) if market is not None else None
    grid = grid_of(market) if market is not None else None
    if place is None or grid is None:
        return _along_episode(trades, chosen, move)
    size = _map_size(grid)
    return Scene(chosen, place * size, move, _map_lines(grid, size), size, "")


def _map_size(grid: Grid) -> tuple[float, float]:
    cell = min(WIDTH / grid.shape[1], 150.0)
    return grid.shape[1] * cell, grid.shape[0] * cell


def _map_lines(grid: Grid, size: tuple[float, float]) -> str:
    """The cells of the map and what is there, as SVG."""
    cell, parts = size[0] / grid.shape[1], []
    for r, c in np.ndindex(*grid.shape):
        x, y = f"{c * cell:.1f}", f"{r * cell:.1f}"
        parts.append(f'<rect class="place" x="{x}" y="{y}" width="{cell:.1f}" height="{cell:.1f}"/>')
        if (r, c) in grid.marks and cell >= 36:
            parts.append(
                f'<text class="mark" x="{c * cell + 5:.1f}" y="{r * cell + 14:.1f}">{grid.marks[(r, c)]}</text>'
            )
    return "".join(parts)


def _along_episode(trades: Trades, account: np.ndarray, move: np.ndarray) -> Scene:
    """From left to right by the median number of sales before an agent's own in its episodes; spread out from the middle."""
    before = steps_from_start(trades)
    order = np.argsort(trades.buyer, kind="stable")
    first = np.searchsorted(trades.buyer[order], account)
    last = np.searchsorted(trades.buyer[order], account, side="right")
    median = np.array([np.median(before[order[a:b]]) if b > a else 0.0 for a, b in zip(first, last, strict=True)])
    ranked = np.argsort(np.argsort(median, kind="stable"), kind="stable")
    x = 40 + (WIDTH - 80) * ranked / max(len(account) - 1, 1)
    golden = (ranked * 0.6180339887498949) % 1.0  # neighbours in time land far apart: a low-discrepancy sequence
    place = np.stack([x, 34 + (HEIGHT - 90) * golden], axis=-1)
    ends = f"{median.min():.0f}", f"{median.max():.0f}"
    axis = f"left to right: in the order in which they act in an episode (median sale {ends[0]} to {ends[1]})"
    return Scene(account, place, move, "", (WIDTH, HEIGHT - 30), axis)


def _data(market: Market | None, history: History, scene: Scene, words: Words, arrow: str) -> dict[str, Any]:
    """Everything that the script needs, as plain lists."""
    known = history.wealth is not None
    frames, largest = [], 0.0
    for first, last, sales in history.windows(WINDOWS):
        graph = TradeGraph.of(sales, (first, last))
        inside = np.isin(graph.account, scene.account)
        kept = np.flatnonzero(inside[graph.source] & inside[graph.target])
        kept = graph.drawn(EDGES, kept)
        ends = (
            np.searchsorted(scene.account, graph.account[end[kept]]).tolist() for end in (graph.source, graph.target)
        )
        edges = [list(row) for row in zip(*ends, graph.volume[kept].tolist(), graph.count[kept].tolist(), strict=True)]
        size = _sizes(history, scene, sales, last)
        largest = max(largest, float(size.max(initial=0.0)))
        volume = float(sales.paid.sum())
        frames.append({"first": first, "last": last, "sales": len(sales), "volume": volume,
                       "size": [round(v, 6) for v in size.tolist()], "edges": edges})  # fmt: skip
    nodes = [
        {"account": account, "name": account_name(account), "x": round(x, 1), "y": round(y, 1),
         "program": _program(market, account, words, history.gone)}
        for account, (x, y) in zip(scene.account.tolist(), scene.place.tolist(), strict=True)
    ]  # fmt: skip
    sizes = "Wealth at the window's end, units of reward:" if known else "Paid in this window, units of reward:"
    return {"arrow": arrow, "sizes": sizes, "largest": largest, "nodes": nodes, "windows": frames}


def _sizes(history: History, scene: Scene, sales: Trades, last: int) -> np.ndarray:
    """What the circles show: wealth where it is on record, otherwise what was paid in the window. float64 [n]."""
    if history.wealth is None:
        place = np.searchsorted(scene.account, sales.buyer)
        there = scene.account[np.minimum(place, len(scene.account) - 1)] == sales.buyer
        return np.bincount(place[there], weights=sales.paid[there], minlength=len(scene.account))
    account, held = history.wealth(last)
    order = np.argsort(account)
    at = np.minimum(np.searchsorted(account[order], scene.account), max(len(account) - 1, 0))
    if not len(account):
        return np.zeros(len(scene.account))
    return np.where(account[order][at] == scene.account, held[order][at], 0.0)


def _program(market: Market | None, account: int, words: Words, gone: dict[int, str]) -> str:
    if account in gone:
        return f"{gone[account]} (has left the market)"
    if market is None or account <= HOUSE:
        return ""
    agent = np.flatnonzero(market.accounts == account)
    return program(market, int(agent[0]), words) if len(agent) else "has left the market"


def _slider(data: dict[str, Any]) -> str:
    last = len(data["windows"]) - 1
    now = data["windows"][last]
    facts = {name: figure(f"window-{name}", now[name]) for name in ("first", "last", "sales", "volume")}
    text = f"steps {facts['first']} to {facts['last']}: {facts['sales']} sales for {facts['volume']} units of reward"
    return (
        f'<div class="slide"><button type="button">Play</button><input type="range" min="0" max="{last}" value="{last}" '
        f'step="1" aria-label="time"></div><p class="note">{text}</p>'
    )


def _drawing(scene: Scene, data: dict[str, Any], words: Words, arrow: str) -> str:
    heaviest = np.argsort([-max(frame["size"][k] for frame in data["windows"]) for k in range(len(data["nodes"]))])
    named = set(heaviest[:LABELS].tolist())
    dots = []
    for k, node in enumerate(data["nodes"]):
        colour = KINDS[int(scene.move[k]) % len(KINDS)] if scene.move[k] >= 0 else KINDS[0]
        label = f'<text x="{node["x"]}" y="{node["y"] - 9:.1f}" text-anchor="middle">{node["account"] - 2}</text>'
        dots.append(
            f'<g class="node" tabindex="0" role="button" data-account="{node["account"]}" aria-label="{escape(node["name"])}">'
            f'<circle cx="{node["x"]}" cy="{node["y"]}" r="6" fill="{colour}"/>{label if k in named else ""}</g>'
        )
    head = f'<marker id="{arrow}" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="9" markerHeight="9" '
    head += 'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.6L7 4L0 7.4z" fill="var(--muted)"/></marker>'
    axis = f'<p class="note">{escape(scene.axis)}</p>' if scene.axis else ""
    width, height = scene.size
    limit = f' style="max-width:{width:.0f}px;margin:0 auto"' if width < WIDTH else ""
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}"{limit} role="group" aria-label="trade graph"><defs>{head}</defs>'
        f'{scene.background}<g class="edges"></g>{"".join(dots)}</svg>{axis}'
    )


def _legend(scene: Scene, words: Words) -> str:
    moves = sorted(set(scene.move[scene.move >= 0].tolist()))
    if not moves:
        return ""
    keys = (
        f'<span><i class="dot" style="background:{KINDS[m % len(KINDS)]}"></i>{escape(words.move(m))}</span>'
        for m in moves
    )
    return f'<div class="legend">{"".join(keys)}</div>'
