"""Real observations: prices and moves over a plane through the state space, with the way of one greedy episode."""

from dataclasses import dataclass

import numpy as np

from marketic.market import Market
from marketic.reporting.appraisal import appraise
from marketic.reporting.charts import axes_for
from marketic.reporting.colours import KINDS, ramp, shade
from marketic.reporting.page import card, escape, number
from marketic.reporting.run_record import EVALUATION_SEED, LONGEST_EPISODE, greedy_arena
from marketic.vocabulary.tasks import Task
from marketic.vocabulary.words_of import words_of

PIXELS, SHADES, HEIGHT, WAY = 56, 24, 360, 150


@dataclass(frozen=True)
class Plane:
    """Two axes through the space of encoded observations; all other components rest at `base`, float64 [D].

    axes: two component numbers; names: with units; low, high: the range drawn; angle: the first axis is the angle
    behind components (0, 1).
    """

    axes: tuple[int, int]
    names: tuple[str, str]
    low: tuple[float, float]
    high: tuple[float, float]
    base: np.ndarray
    angle: bool

    def lift(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Observations [B, D] for points of the plane."""
        rows = np.tile(self.base, (len(x), 1))
        if self.angle:
            rows[:, 0], rows[:, 1] = np.cos(x), np.sin(x)
        else:
            rows[:, self.axes[0]] = x
        rows[:, self.axes[1]] = y
        return rows

    def drop(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points of the plane under observations [B, D], moved to its edge if they lie beyond."""
        x = np.arctan2(rows[:, 1], rows[:, 0]) if self.angle else rows[:, self.axes[0]]
        return np.clip(x, self.low[0], self.high[0]), np.clip(rows[:, self.axes[1]], self.low[1], self.high[1])


def heat_cards(market: Market, task: Task) -> str:
    """A map of prices and one of moves; "" for tasks without two real components."""
    goods = list(market.world.goods)
    real = [k for k, good in enumerate(goods) if good.size is None]
    if len(real) < 2:
        return ""
    walk = _greedy_walk(market)
    plane = _plane(market, task, walk, real)
    centres = [
        low + (np.arange(PIXELS) + 0.5) * (high - low) / PIXELS for low, high in zip(plane.low, plane.high, strict=True)
    ]
    x, y = np.meshgrid(*centres)
    answers = appraise(market, plane.lift(x.ravel(), y.ravel()))
    price, move, known = (a.reshape(PIXELS, PIXELS) for a in (answers.price, answers.move, answers.known))
    ranged = price[known] if known.any() else np.array([0.0, 1.0])
    low, high = float(ranged.min()), float(ranged.max())
    level = np.clip((price - low) / (high - low if high > low else 1.0) * (SHADES - 1), 0, SHADES - 1)
    shades = [shade(k / (SHADES - 1))[0] for k in range(SHADES)]
    way = plane.drop(walk[:WAY])
    prices = _draw(plane, np.where(known, np.nan_to_num(level).round(), -1).astype(int), shades, way, "map of prices")
    moves = _draw(plane, np.where(known, move % len(KINDS), -1), list(KINDS), way, "map of moves")
    keys = ramp(low, high, "units of reward")
    keys += f'<p class="note">line: one greedy episode, its first {WAY} steps at most</p>'
    legend = _legend(market, sorted(set(move[known].tolist())))
    right = "the right to act" if market.rights == 1 else f"the first of {market.rights} rights"
    note = f"The highest bid for {right}, {_rest(plane, task)}. Grey: nobody has acted there yet."
    return card("What each situation is worth", prices + keys, note) + card(
        "What the winner does there", moves + legend, f"The move of the highest bidder for {right}."
    )


def _legend(market: Market, moves: list[int]) -> str:
    """Which colour is which move."""
    words = words_of(market)
    boxes = (f'<i class=box style="background:{KINDS[k % len(KINDS)]}"></i>{escape(words.move(k))}' for k in moves)
    return f'<div class="legend">{"".join(f"<span>{box}</span>" for box in boxes)}</div>'


def _rest(plane: Plane, task: Task) -> str:
    """Where the components that are not drawn are held."""
    drawn = {*plane.axes, *((0, 1) if plane.angle else ())}
    held = [f"{task.words.component(k)[0]} {number(float(v), 2)}" for k, v in enumerate(plane.base) if k not in drawn]
    return "in units of reward" + (f", with {', '.join(held[:6])}{' ...' if len(held) > 6 else ''}" if held else "")


def _greedy_walk(market: Market) -> np.ndarray:
    """Encoded observations of one greedy episode, float64 [steps, D]."""
    env = greedy_arena(market)
    try:
        observation, _ = env.reset(seed=EVALUATION_SEED)
        rows, ended = [market.world.goods.encode(observation)], False
        while not ended and len(rows) < LONGEST_EPISODE:
            action, _ = market.predict(observation, deterministic=True)
            observation, _, terminated, truncated, _ = env.step(action)
            rows.append(market.world.goods.encode(observation))
            ended = bool(terminated or truncated)
    finally:
        env.close()
    return np.array(rows, dtype=float)


def _plane(market: Market, task: Task, walk: np.ndarray, real: list[int]) -> Plane:
    """The task's own plane, or its first two real components; ranges from the task, the space or the episode."""
    axes = task.plane if task.words.components and max(task.plane) < walk.shape[1] else (real[0], real[1])
    base = np.median(walk, axis=0)
    if task.words.components and not task.angle:
        base = np.where(np.abs(base) < 0.2 * (np.ptp(walk, axis=0) + 0.1), 0.0, base)
    if task.angle:
        base = np.array([1.0, 0.0] * (walk.shape[1] // 2) + [0.0] * (walk.shape[1] % 2))
        base[4:] = 0.0
    finite = [k for k, good in enumerate(market.world.goods) if good.size is not None]
    base[finite] = np.rint(base[finite])
    low, high = list(task.low), list(task.high)
    for axis in axes if not low else ():
        good, seen = market.world.goods[axis], walk[:, axis]
        bounded = good.high - good.low < 1e3
        room = 0.1 * float(np.ptp(seen)) + 1e-3
        low.append(good.low if bounded else float(seen.min()) - room)
        high.append(good.high if bounded else float(seen.max()) + room)
    named = [
        task.words.angle(0, 1) if task.angle and k == 0 else task.words.component(axis) for k, axis in enumerate(axes)
    ]
    labels = [f"{name} ({unit})" if unit else name for name, unit in named]
    return Plane(axes, (labels[0], labels[1]), (low[0], low[1]), (high[0], high[1]), base, task.angle)


def _draw(plane: Plane, level: np.ndarray, palette: list[str], way: tuple[np.ndarray, np.ndarray], label: str) -> str:
    """Coloured pixels (int64 [PIXELS, PIXELS], -1: grey) in axes, and the way across them."""
    axes = axes_for((plane.low[0], plane.high[0]), (plane.low[1], plane.high[1]), HEIGHT)
    (x0, y0), (x1, y1) = axes.place(
        np.array([plane.low[0], plane.high[0]]), np.array([plane.low[1], plane.high[1]])
    ).tolist()
    pixels = ""
    for k in sorted(set(level.ravel().tolist())):
        pixels += f'<path fill="{palette[k] if k >= 0 else "var(--blank)"}" d="{_runs(level == k)}"/>'
    scale = f"translate({x0:.2f} {y0:.2f}) scale({(x1 - x0) / PIXELS:.5f} {(y1 - y0) / PIXELS:.5f})"
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in axes.place(*way).tolist())
    halo = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round" points="{points}"/>'
        for colour, width in (("#000000", 2.8), ("#ffffff", 1.2))
    )
    body = f'{axes.frame(plane.names[0])}<g transform="{scale}" shape-rendering="crispEdges">{pixels}</g>{halo}'
    return f'<p class="note">vertical: {escape(plane.names[1])}</p>' + (
        f'<svg class="chart" viewBox="0 0 {axes.width} {axes.height}" role="img" aria-label="{label}">{body}</svg>'
    )


def _runs(mask: np.ndarray) -> str:
    """A path that covers the True pixels, one rectangle per horizontal run."""
    parts = []
    for row in range(mask.shape[0]):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], mask[row].astype(int), [0]])))
        parts += [
            f"M{a} {row}h{b - a}v1h{a - b}z" for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        ]
    return "".join(parts)
