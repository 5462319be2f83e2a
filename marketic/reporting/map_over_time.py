"""The price map of a grid world through time: what the right to act in each cell sold for, window by window, with a slider.

In a table of states every agent stands for a cell, so the log alone tells where each sale was. A cell shows the mean price of
its sales in the window and the move that was sold most; a faint arrow: nothing was sold there then, the last known is shown.
"""

import json
from typing import Any

import numpy as np

from marketic.graph.trades import Trades
from marketic.market import Market
from marketic.reporting.colours import ramp, shade
from marketic.reporting.history import History
from marketic.reporting.layout import moves_of, states_of
from marketic.reporting.page import card, escape, figure, number
from marketic.vocabulary.grid import Grid, grid_of
from marketic.vocabulary.tasks import COMPASS, Task

WINDOWS, SHADES = 24, 64
NOTE = (
    "Each cell: the mean price at which the right to act there was sold in the window, in units of reward, and the move that "
    "was sold most. Faint arrow: not sold in this window, shown as it was before. Grey: never sold yet."
)
STYLE = """
.map-time .cell text{font-size:15px;text-anchor:middle}.map-time .cell path{fill:none;stroke-width:3.2}
.map-time .old path{opacity:.3}.map-time .old .price{font-weight:400}
"""
SCRIPT = """
document.querySelectorAll('.map-time').forEach(box=>{
 const data=JSON.parse(box.querySelector('script').textContent),cells=[...box.querySelectorAll('.cell')];
 const slider=box.querySelector('input'),play=box.querySelector('button');let at=data.windows.length-1,timer=0;
 const fig=(name,v)=>{const e=box.querySelector('[data-figure="'+name+'"]');
  e.dataset.value=v;e.textContent=v.toLocaleString('en')};
 function draw(){const w=data.windows[at];fig('map-first',w.first);fig('map-last',w.last);
  slider.setAttribute('aria-valuetext','steps '+w.first+' to '+w.last);
  cells.forEach(g=>{const [rect,arrow]=g.children,price=g.querySelector('.price'),mark=g.querySelector('.mark');
   const c=w.cells[g.dataset.place],ink=c?data.shades[c[0]][1]:'var(--ink)';
   rect.setAttribute('fill',c?data.shades[c[0]][0]:'var(--blank)');g.classList.toggle('old',!!c&&!c[3]);
   if(c)g.dataset.value=c[1];else delete g.dataset.value;
   if(price){price.textContent=c?c[4]:'';price.setAttribute('fill',ink)}if(mark)mark.setAttribute('fill',ink);
   const turn=c?data.turns[c[2]]:undefined;arrow.style.display=turn===undefined||turn===null?'none':'';
   arrow.setAttribute('stroke',ink);
   if(turn!=null)arrow.setAttribute('transform',arrow.dataset.at+' rotate('+turn+')'+arrow.dataset.size)})}
 const move=k=>{at=k;slider.value=k;draw()};
 function stop(){clearInterval(timer);timer=0;play.textContent='Play'}
 slider.addEventListener('input',()=>{stop();move(+slider.value)});
 play.addEventListener('click',()=>{if(timer)return stop();play.textContent='Pause';
  if(at>=data.windows.length-1)move(0);
  timer=setInterval(()=>{if(at>=data.windows.length-1)return stop();move(at+1)},600)});
 draw()});
"""


def map_over_time_card(market: Market | None, history: History, task: Task) -> str:
    """The card; "" for a task that is no grid, or agents that do not stand for a cell each."""
    grid = grid_of(market) if market is not None else None
    trades = history.trades
    if market is None or grid is None or not len(trades):
        return ""
    account, agent = np.unique(trades.buyer, return_inverse=True)
    states = states_of(market, account)
    if states is None:
        return ""
    move = moves_of(market, account, trades)[agent]
    frames = windows_of(history, states[agent], move, trades)
    prices = [price for frame in frames for price, _, _ in frame["cells"].values()]
    low, high = min(prices), max(prices)
    for frame in frames:
        frame["cells"] = {
            str(cell): [_share(price, low, high), round(price, 9), turn, int(new), number(price)]
            for cell, (price, turn, new) in frame["cells"].items()
        }
    turns = [COMPASS.get(task.words.move(k)) for k in range(int(move.max(initial=-1)) + 1)]
    data = {"windows": frames, "shades": [shade(k / (SHADES - 1)) for k in range(SHADES)], "turns": turns}
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    body = f"{_slider(frames)}{_drawing(grid)}{ramp(low, high, 'units of reward')}"
    content = f'<div class="map-time">{body}<script type="application/json">{text}</script></div>'
    return card("What each place sold for, through time", content, NOTE, wide=grid.shape[1] > 8)


def windows_of(history: History, state: np.ndarray, move: np.ndarray, trades: Trades) -> list[dict[str, Any]]:
    """Windows with first and last step, and cells: state -> (mean price in currency, most sold move, whether sold then).

    state, move: of each sale, int64 [k].
    """
    frames: list[dict[str, Any]] = []
    states, moves = int(state.max()) + 1, int(move.max()) + 2  # the first is for unknown moves
    known: dict[int, tuple[float, int, bool]] = {}
    for first, last, _ in history.windows(WINDOWS):
        here = np.flatnonzero((trades.step >= first) & (trades.step < last))
        known = {cell: (price, turn, False) for cell, (price, turn, _) in known.items()}
        count = np.bincount(state[here], minlength=states)
        total = np.bincount(state[here], weights=trades.price[here], minlength=states)
        sold = np.bincount(state[here] * moves + move[here] + 1, minlength=states * moves).reshape(states, moves)
        for cell in np.flatnonzero(count).tolist():
            known[cell] = float(total[cell] / count[cell]), int(sold[cell].argmax()) - 1, True
        frames.append({"first": first, "last": last, "cells": known})
    return frames


def _share(price: float, low: float, high: float) -> int:
    return round((SHADES - 1) * (price - low) / (high - low)) if high > low else SHADES // 2


def _slider(frames: list[dict[str, Any]]) -> str:
    last = len(frames) - 1
    first, end = (figure(f"map-{name}", frames[last][name]) for name in ("first", "last"))
    return (
        f'<div class="slide"><button type="button">Play</button><input type="range" min="0" max="{last}" value="{last}" '
        f'step="1" aria-label="time"></div><p class="note">steps {first} to {end}</p>'
    )


def _drawing(grid: Grid) -> str:
    """The map without prices, which the script fills in."""
    rows, columns = grid.shape
    size = 480 / columns if columns < 10 else 900 / columns
    cells = []
    for state, (r, c) in enumerate(np.ndindex(rows, columns)):
        x, y, middle = c * size, r * size, (c + 0.5) * size
        mark = escape(grid.marks.get((r, c), ""))
        texts = ""
        if size >= 40:
            texts = f'<text class="mark" x="{middle:.1f}" y="{y + size * 0.22:.1f}" fill="var(--ink)">{mark}</text>'
            texts += f'<text class="price" x="{middle:.1f}" y="{y + size * 0.93:.1f}" font-weight="600"></text>'
        at = f"translate({middle:.1f} {y + size * 0.5:.1f})"
        cells.append(
            f'<g class="cell" data-place="{state}"><rect x="{x:.1f}" y="{y:.1f}" width="{size:.1f}" height="{size:.1f}" '
            f'fill="var(--blank)" stroke="var(--card)" stroke-width="2"/><path d="M-11 0H9M2-7L10 0L2 7" style="display:none" '
            f'data-at="{at}" data-size=" scale({size / 60:.2f})"/>{texts}</g>'
        )
    box = f'viewBox="0 0 {size * columns:.0f} {size * rows:.0f}" role="img" aria-label="map of prices through time"'
    return f"<svg {box}>{''.join(cells)}</svg>"
