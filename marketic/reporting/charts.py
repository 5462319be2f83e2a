"""Lines on axes, as SVG that follows the page's colours and shrinks with it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marketic.reporting.page import apart, escape

WIDTH, HEIGHT = 480, 270
_TOP, _BOTTOM, _RIGHT = 12, 46, 14
MOST_POINTS = 400
COLOURS = 7


@dataclass(frozen=True)
class Series:
    """One line. x, y float64 [points], NaN left out; dots: single measurements; dashed: a bar to compare with."""

    name: str
    x: np.ndarray
    y: np.ndarray
    dots: bool = False
    dashed: bool = False
    colour: int = 0


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers that span [low, high].

    >>> ticks(0, 480), ticks(-1.2, 0.6)
    ([0.0, 100.0, 200.0, 300.0, 400.0], [-1.0, -0.5, 0.0, 0.5])
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(power * k for k in (1, 2, 5, 10, 20) if (high - low) / (power * k) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def span(values: np.ndarray, margin: float = 0.05) -> tuple[float, float]:
    """The range of an axis that shows all finite values."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        low, high = low - max(0.5, abs(low) * 0.1), high + max(0.5, abs(high) * 0.1)
    pad = (high - low) * margin
    return (0.0 if 0 <= low <= 0.35 * high else low - pad), high + pad


@dataclass(frozen=True)
class Axes:
    """Where data land in the drawing."""

    x: tuple[float, float]
    y: tuple[float, float]
    left: float
    width: float = WIDTH
    height: float = HEIGHT

    def place(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Data to drawing units, float64 [points, 2]."""
        across = self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (self.width - self.left - _RIGHT)
        up = self.height - _BOTTOM - (y - self.y[0]) / (self.y[1] - self.y[0]) * (self.height - _TOP - _BOTTOM)
        return np.stack([across, up], axis=-1)

    def frame(self, x_label: str) -> str:
        """Grid lines, tick labels and the label of the horizontal axis."""
        parts = []
        levels = ticks(*self.y)
        for value, text in zip(levels, apart(levels), strict=True):
            _, y = self.place(np.array(self.x[0]), np.array(value))
            parts.append(f'<path class="grid" d="M{self.left:.1f} {y:.1f}H{self.width - _RIGHT}"/>')
            parts.append(f'<text x="{self.left - 7:.1f}" y="{y + 5:.1f}" text-anchor="end">{text}</text>')
        floor = self.height - _BOTTOM
        parts.append(f'<path class="axis" d="M{self.left:.1f} {floor}H{self.width - _RIGHT}"/>')
        marks = ticks(*self.x, most=4)
        for value, text in zip(marks, apart(marks), strict=True):
            x, _ = self.place(np.array(value), np.array(self.y[0]))
            anchor = "end" if x > self.width - 30 else "middle"
            parts.append(f'<text x="{x:.1f}" y="{floor + 19}" text-anchor="{anchor}">{text}</text>')
        middle = (self.left + self.width - _RIGHT) / 2
        parts.append(f'<text x="{middle:.1f}" y="{self.height - 7}" text-anchor="middle">{escape(x_label)}</text>')
        return "".join(parts)


def axes_for(x: tuple[float, float], y: tuple[float, float], height: float = HEIGHT) -> Axes:
    """Axes with room for the widest label on the left."""
    widest = max([*map(len, apart(ticks(*y))), 1])
    return Axes(x, y, 14 + 8.2 * widest, height=height)


def line_chart(series: Sequence[Series], x_label: str, y_label: str) -> str:
    """A chart with its legend; `y_label` says what is drawn, with its unit."""
    drawn = [line for line in series if np.isfinite(line.y).any()]
    if not drawn:
        return '<p class="note">Nothing was recorded yet.</p>'
    across, up = np.concatenate([line.x for line in drawn]), np.concatenate([line.y for line in drawn])
    axes = axes_for(span(across, 0.0), span(up))
    body = axes.frame(x_label) + "".join(_line(axes, line) for line in drawn)
    svg = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y_label)}">{body}</svg>'
    return f'<p class="note">{escape(y_label)}</p>{svg}{_legend(drawn)}'


def _line(axes: Axes, line: Series) -> str:
    known = np.isfinite(line.y) & np.isfinite(line.x)
    x, y = line.x[known], line.y[known]
    facts = f'data-series="{escape(line.name)}" data-points="{len(y)}" data-last="{float(y[-1])!r}"'
    if len(x) > MOST_POINTS:
        chosen = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(int))
        x, y = x[chosen], y[chosen]
    places, colour = axes.place(x, y), f"var(--s{line.colour % COLOURS})"
    if line.dots or len(places) == 1:
        dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.6"/>' for a, b in places.tolist())
        return f'<g fill="{colour}" {facts}>{dots}</g>'
    if line.dashed and x[0] == x[-1]:  # a bar to compare with, beside a single measurement
        places = axes.place(np.array(axes.x), y[[0, -1]])
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in places.tolist())
    dash = ' stroke-dasharray="6 5"' if line.dashed else ""
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dash} stroke-linejoin="round" points="{points}" {facts}/>'


def _legend(series: Sequence[Series]) -> str:
    keys = "".join(
        f'<span><i{" class=dot" if line.dots else ""} style="background:var(--s{line.colour % COLOURS})"></i>'
        f"{escape(line.name)}</span>"
        for line in series
    )
    return f'<div class="legend">{keys}</div>'
