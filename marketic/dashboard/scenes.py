"""What the live page shows of one window of time: nodes, arrows, curves and tables, as plain columns for its sources."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from marketic.graph.measures import lorenz
from marketic.graph.network import TradeGraph
from marketic.graph.trades import Trades, account_name
from marketic.ledger import HOUSE
from marketic.market import Market
from marketic.reporting.colours import KINDS
from marketic.reporting.layout import moves_of, places_on_map
from marketic.vocabulary.grid import grid_of

NODES, EDGES, ROWS, FRAMES, LABELS = 60, 150, 60, 100, 12
Columns = dict[str, Any]


def frame_width(steps: int, most: int = FRAMES) -> int:
    """Steps per window, a round number, so that at most `most` windows cover a run.

    >>> frame_width(20_000), frame_width(20_001), frame_width(10)
    (200, 500, 1)
    """
    width = 1
    while True:
        for factor in (1, 2, 5):
            if -(-steps // (width * factor)) <= most:
                return width * factor
        width *= 10


@dataclass
class Layout:
    """Where agents are drawn; a place once taken stays, so that nothing jumps when time moves.

    market: knows the map of a grid world; None, or another task: newcomers go where there is room.
    """

    market: Market | None = None
    places: dict[int, tuple[float, float]] = field(default_factory=dict)

    def at(self, accounts: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """Places of accounts in [0, 1] x [0, 1], float64 [n, 2]."""
        new = np.array([a for a in accounts.tolist() if a not in self.places], dtype=np.int64)
        if len(new):
            on_map = places_on_map(self.market, new, moves[np.isin(accounts, new)]) if self.market is not None else None
            found = self._anywhere(len(new)) if on_map is None else on_map * [1, -1] + [0, 1]  # up is up here
            self.places.update(zip(new.tolist(), map(tuple, found.tolist()), strict=True))
        return np.array([self.places[a] for a in accounts.tolist()]).reshape(-1, 2)

    def _anywhere(self, count: int) -> np.ndarray:
        """Evenly spread places, however many there will be: Roberts' low-discrepancy sequence."""
        number = len(self.places) + np.arange(1, count + 1)
        return np.stack([(number * 0.7548776662466927) % 1.0, (number * 0.5698402909980532) % 1.0], axis=-1)


def graph_columns(trades: Trades, wealth: tuple[np.ndarray, np.ndarray], layout: Layout) -> tuple[Columns, Columns]:
    """Nodes and edges of a window: the `NODES` agents at its heaviest edges, those with most of them first."""
    graph = TradeGraph.of(trades)
    kept = graph.drawn(EDGES)
    ends = np.stack([graph.source[kept], graph.target[kept]], axis=1).ravel()
    found, first, busy = np.unique(ends, return_index=True, return_counts=True)
    chosen = np.argsort(first, kind="stable")[:NODES]
    there = found[chosen[np.lexsort((found[chosen], -busy[chosen]))]]
    kept = kept[np.isin(graph.source[kept], there) & np.isin(graph.target[kept], there)]
    account = graph.account[there]
    moves = moves_of(layout.market, account, trades)
    place = layout.at(account, moves)
    held = amounts(account, wealth)
    spent = np.bincount(graph.source, weights=graph.volume, minlength=len(graph.account))[there]
    size = held if np.isfinite(held).any() else spent
    top = float(np.nanmax(size, initial=0.0)) or 1.0
    discs = 7 + 20 * np.sqrt(np.clip(np.nan_to_num(size), 0, None) / top)
    nodes = {
        "account": account, "name": [account_name(a) for a in account.tolist()],
        "label": [f"{a - 2}" if k < LABELS else "" for k, a in enumerate(account.tolist())], "x": place[:, 0], "y": place[:, 1],
        "wealth": held, "spent": spent, "size": discs, "lift": -4 - discs / 2,
        "colour": [KINDS[m % len(KINDS)] if m >= 0 else KINDS[0] for m in moves.tolist()],
    }  # fmt: skip
    return nodes, _edges(graph, kept, dict(zip(there.tolist(), place.tolist(), strict=True)))


def map_columns(market: Market | None) -> Columns:
    """The cells of a grid world and what is there, in the unit square; nothing for other tasks."""
    grid = grid_of(market) if market is not None else None
    if grid is None:
        return {name: [] for name in ("x", "y", "width", "height", "left", "top", "text")}
    rows, columns = grid.shape
    cells = list(np.ndindex(rows, columns))
    down, across = np.array(cells, dtype=float).T
    return {
        "x": (across + 0.5) / columns, "y": 1 - (down + 0.5) / rows, "left": across / columns, "top": 1 - down / rows,
        "width": np.full(len(cells), 1 / columns), "height": np.full(len(cells), 1 / rows),
        "text": [grid.marks.get((r, c), "") for r, c in cells],
    }  # fmt: skip


def _edges(graph: TradeGraph, kept: np.ndarray, place: dict[int, list[float]]) -> Columns:
    """Arrows, set a little aside so that both directions can be seen; loops are left out."""
    kept = kept[graph.source[kept] != graph.target[kept]]
    start = np.array([place[k] for k in graph.source[kept].tolist()]).reshape(-1, 2)
    end = np.array([place[k] for k in graph.target[kept].tolist()]).reshape(-1, 2)
    way = end - start
    length = np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-9)
    aside = 0.008 * np.stack([-way[:, 1], way[:, 0]], axis=-1) / length[:, None]
    start, end = start + aside, end + aside
    head = start + 0.62 * (end - start)
    volume = graph.volume[kept]
    top = float(np.abs(volume).max(initial=0.0)) or 1.0
    return {
        "payer": graph.account[graph.source[kept]], "payee": graph.account[graph.target[kept]],
        "x0": start[:, 0], "y0": start[:, 1], "x1": end[:, 0], "y1": end[:, 1], "hx": head[:, 0], "hy": head[:, 1],
        "angle": np.arctan2(way[:, 1], way[:, 0]) - np.pi / 2, "volume": volume, "price": graph.price[kept],
        "count": graph.count[kept], "width": 1 + 5 * np.sqrt(np.abs(volume) / top),
    }  # fmt: skip


def amounts(account: np.ndarray, book: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The amounts of some accounts in a book of (accounts in order, amounts), float64 [n]; NaN: not on record."""
    known, held = book
    if not len(known):
        return np.full(len(account), np.nan)
    at = np.minimum(np.searchsorted(known, account), len(known) - 1)
    return np.where(known[at] == account, held[at], np.nan)


def lorenz_columns(wealth: tuple[np.ndarray, np.ndarray]) -> Columns:
    """The Lorenz curve in per cent, at most 200 points."""
    agents, shares = lorenz(wealth[1]) if len(wealth[1]) else (np.zeros(0), np.zeros(0))
    kept = np.unique(np.linspace(0, max(len(agents) - 1, 0), 200).astype(int))[: len(agents)]
    return {"agents": 100 * agents[kept], "wealth": 100 * shares[kept]}


def ledger_columns(trades: Trades, payer: int, payee: int | None = None) -> Columns:
    """The newest sales of a window in which an account took part; with `payee`, those between the two."""
    if payee is None:
        chosen = np.flatnonzero((trades.buyer == payer) | (trades.seller == payer))
    else:
        chosen = np.flatnonzero((trades.buyer == payer) & (trades.seller == payee))
    part = trades.where(chosen[-ROWS:][::-1])
    names = [[account_name(a) for a in side.tolist()] for side in (part.buyer, part.seller)]
    return {"step": part.step, "episode": part.episode, "buyer": names[0], "seller": names[1],
            "price": part.price, "paid": part.paid, "reward": part.reward}  # fmt: skip


def window_figures(trades: Trades) -> dict[str, float]:
    """The numbers that the page prints about a window: they are sums over the log's rows, nothing else."""
    agents = np.union1d(trades.buyer, trades.seller)
    return {
        "sales": len(trades),
        "paid": float(trades.paid.sum()),
        "mean_price": float(trades.price.mean()) if len(trades) else float("nan"),
        "reward": float(trades.reward.sum()),
        "agents": int((agents > HOUSE).sum()),
    }
