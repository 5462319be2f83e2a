"""Grid worlds drawn as the map they are: the price of the right to act in each cell, and the winner's move."""

from typing import Any

import numpy as np

from marketic.market import Market
from marketic.reporting.appraisal import Appraisal, appraise
from marketic.reporting.colours import ramp, shade
from marketic.reporting.page import card, escape, figure, number, table
from marketic.vocabulary.grid import Grid, grid_of
from marketic.vocabulary.tasks import COMPASS, TAXI_PLACES, Task

_WIDTH = 480


def grid_card(market: Market, task: Task) -> str:
    """The map with prices and arrows; "" for a task that is no grid."""
    grid = grid_of(market)
    if grid is None:
        return ""
    answers = appraise(market, np.arange(grid.shape[0] * grid.shape[1], dtype=float)[:, None])
    note = "Each cell: the highest bid for the right to act there, in units of reward, and the move of the agent that bids it. "
    note += "Grey: nobody has acted there yet. " + task.remark
    return card("What each place is worth", draw_grid(grid, answers, task), note.strip(), wide=grid.shape[1] > 8)


def taxi_card(market: Market, task: Task) -> str:
    """Taxi's 500 states as two maps and a table; "" for other tasks."""
    env: Any = market.env.unwrapped
    if not hasattr(env, "locs") or not hasattr(env, "encode") or market.world.goods.states != 500:
        return ""
    desc = np.asarray(env.desc, dtype="S1")
    walls = frozenset((r, c) for r in range(5) for c in range(4) if desc[1 + r, 2 * c + 2] == b"|")
    marks = {(int(r), int(c)): TAXI_PLACES[k] for k, (r, c) in enumerate(env.locs)}
    grid = Grid((5, 5), marks, frozenset(), walls)
    maps = []
    for passenger, title in ((0, "Passenger waits at R, wants to G"), (4, "Passenger in the taxi, wants to G")):
        states = [env.encode(r, c, passenger, 1) for r, c in np.ndindex(5, 5)]
        maps.append(card(title, draw_grid(grid, appraise(market, np.array(states, dtype=float)[:, None]), task)))
    head = ["Passenger", *(f"to {place}" for place in TAXI_PLACES[:4])]
    rows = [[escape(TAXI_PLACES[p]), *(_taxi_mean(market, env, p, d) for d in range(4))] for p in range(5)]
    note = (
        "Mean of the highest bids over the 25 places of the taxi, in units of reward; –: the market has not been there."
    )
    return "".join(maps) + card("What each errand is worth", table(head, rows, range(1, 5)), note, wide=True)


def _taxi_mean(market: Market, env: Any, passenger: int, destination: int) -> str:
    states = [env.encode(r, c, passenger, destination) for r, c in np.ndindex(5, 5)]
    answers = appraise(market, np.array(states, dtype=float)[:, None])
    if passenger == destination or not answers.known.any():
        return "–"
    return figure(f"errand-{passenger}-{destination}", float(answers.price[answers.known].mean()))


def draw_grid(grid: Grid, answers: Appraisal, task: Task) -> str:
    """The drawing and its colour scale."""
    rows, columns = grid.shape
    size = _WIDTH / columns if columns < 10 else 900 / columns
    sold = answers.known & np.array([place not in grid.ends for place in np.ndindex(*grid.shape)])
    low, high = (float(answers.price[sold].min()), float(answers.price[sold].max())) if sold.any() else (0.0, 0.0)
    cells = []
    for state, place in enumerate(np.ndindex(*grid.shape)):
        share = (answers.price[state] - low) / (high - low) if high > low else 0.5
        colours = shade(float(share)) if sold[state] else ("var(--blank)", "var(--ink)")
        label = task.words.move(int(answers.move[state])) if sold[state] else ""
        price = float(answers.price[state]) if sold[state] else None
        cells.append(_cell((place[0], place[1]), size, colours, grid.marks.get((place[0], place[1]), ""), label, price))
    for r, c in grid.walls:
        cells.append(
            f'<path stroke="var(--ink)" stroke-width="5" d="M{(c + 1) * size:.1f} {r * size:.1f}v{size:.1f}"/>'
        )
    box = f'viewBox="0 0 {size * columns:.0f} {size * rows:.0f}" role="img" aria-label="map of prices"'
    svg = f"<svg {box}>{''.join(cells)}</svg>"
    return svg + (ramp(low, high, "units of reward") if sold.any() else "")


def _cell(
    place: tuple[int, int], size: float, colours: tuple[str, str], mark: str, move: str, price: float | None
) -> str:
    """One square: arrow in the middle, price below, what is there on top (text only where there is room for it)."""
    fill, ink = colours
    x, y, middle = place[1] * size, place[0] * size, (place[1] + 0.5) * size
    fact = f'data-cell="{place[0]},{place[1]}"'
    if price is not None:
        fact += f' data-value="{price!r}" data-move="{escape(move)}"'
    square = f'x="{x:.1f}" y="{y:.1f}" width="{size:.1f}" height="{size:.1f}"'
    text = [f'<rect {square} fill="{fill}" stroke="var(--card)" stroke-width="2" {fact}/>']
    font = min(max(size * 0.2, 12), 18)
    written = f'text-anchor="middle" fill="{ink}" font-size="{font:.0f}"'
    if price is not None and move in COMPASS:
        turn = f"translate({middle:.1f} {y + size * 0.5:.1f}) rotate({COMPASS[move]}) scale({size / 60:.2f})"
        text.append(
            f'<path transform="{turn}" d="M-11 0H9M2-7L10 0L2 7" fill="none" stroke="{ink}" stroke-width="3.2"/>'
        )
    elif price is not None and size >= 40:
        text.append(f'<text x="{middle:.1f}" y="{y + size * 0.58:.1f}" {written}>{escape(move)}</text>')
    if size >= 40:
        if mark:
            at = y + size * (0.22 if price is not None else 0.58)
            text.append(f'<text x="{middle:.1f}" y="{at:.1f}" {written} opacity=".85">{escape(mark)}</text>')
        if price is not None:
            text.append(
                f'<text x="{middle:.1f}" y="{y + size * 0.93:.1f}" {written} font-weight="600">{number(price)}</text>'
            )
    return "".join(text)
