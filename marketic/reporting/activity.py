"""The market over time: prices rising backwards from the reward, wealth, concentration, structure, births and deaths."""

import numpy as np

from marketic.graph.depth import steps_to_end
from marketic.graph.over_time import measures_over_time
from marketic.graph.trades import windows
from marketic.reporting.charts import Series, line_chart
from marketic.reporting.history import History
from marketic.reporting.page import card, escape, figure

WINDOWS = 24
DISTANCES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)
LINES = 6
STEPS = "environment steps"


def activity_cards(history: History) -> str:
    """Everything that needs the event log; only what the log's level has on record is shown."""
    found = measures_over_time(
        history.trades,
        WINDOWS,
        wealth=history.wealth,
        births=history.births,
        deaths=history.deaths,
        steps=history.steps,
    )
    middle = (found["first_step"] + found["last_step"]) / 2
    cards = [_inequality(found), _population(history, found)]
    if len(history.trades):
        cards = [_prices(history), _trade(history, found, middle), *cards[:1], _structure(found, middle), *cards[1:]]
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in history.notes)
    return "".join(cards) + (card("About the log", notes) if notes else "")


def price_lines(history: History) -> list[Series]:
    """Mean price of the sales at some distances from their episode's end, by window."""
    trades = history.trades
    left, spans = steps_to_end(trades), windows(history.steps, WINDOWS)
    window = np.searchsorted([last for _, last in spans], trades.step, side="right")
    typical = np.median(left[np.diff(trades.episode, append=-1) != 0]) if len(trades) else 0
    longest = max(int(np.percentile(left, 90)) if len(left) else 0, int(typical))
    near = [k for k in DISTANCES if k <= max(longest, 1)]
    chosen = [near[i] for i in np.unique(np.linspace(0, len(near) - 1, LINES).astype(int))] if near else []
    lines = []
    middle = np.array([(first + last) / 2 for first, last in spans])
    for colour, distance in enumerate(chosen):
        at = left == distance
        count = np.bincount(window[at], minlength=len(spans))[: len(spans)]
        total = np.bincount(window[at], weights=trades.price[at], minlength=len(spans))[: len(spans)]
        name = "last sale" if distance == 0 else f"{distance} sale{'s' if distance > 1 else ''} before it"
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        lines.append(Series(name, middle, mean, colour=colour))
    return lines


def _prices(history: History) -> str:
    drawing = line_chart(
        price_lines(history), STEPS, "Mean price of the right to act, by place in the episode, in units of reward"
    )
    note = (
        "The last sale of an episode learns first what the reward is; its price is what the sale before it is credited."
    )
    return card("Prices rise backwards from the reward", drawing, note)


def _trade(history: History, found: dict[str, np.ndarray], middle: np.ndarray) -> str:
    sales, paid = figure("sales", float(len(history.trades))), figure("volume", float(history.trades.paid.sum()))
    text = f"<p>{sales} sales, {paid} units of reward paid by buyers.</p>"
    lines = [
        Series("agents that traded", middle, found["traders"]),
        Series("pairs that traded", middle, found["edges"], colour=1),
    ]
    return card("Who takes part", text + line_chart(lines, STEPS, "Number in a 24th of the run"))


def _inequality(found: dict[str, np.ndarray]) -> str:
    lines = [
        Series("Gini coefficient of wealth", found["last_step"], found["gini"]),
        Series("concentration of purchases (HHI)", found["last_step"], found["concentration"], colour=1),
        Series("rank correlation of wealth and PageRank", found["last_step"], found["rank_wealth"], colour=2),
    ]
    note = (
        "Gini: 0 all equal, towards 1 one holds all. HHI: 1 / number of buyers if all buy as much, 1 if one buys all."
    )
    return card("Wealth and power", line_chart(lines, STEPS, "Share or correlation, no unit"), note)


def _structure(found: dict[str, np.ndarray], middle: np.ndarray) -> str:
    lines = [Series("owners per episode", middle, found["depth"])]
    drawing = line_chart(
        lines, STEPS, "Different agents that owned the right before the last reward, mean over episodes"
    )
    groups = line_chart(
        [Series("modularity", middle, found["modularity"], colour=3)], STEPS, "Modularity of trade, no unit"
    )
    if not np.isfinite(found["modularity"]).any():
        groups = '<p class="note">No agent bought from another one: trade has no groups.</p>'
    return card("Structure of trade", drawing + groups)


def _population(history: History, found: dict[str, np.ndarray]) -> str:
    born, died = len(history.births), len(history.deaths)
    text = (
        f"<p>{figure('births', float(born))} agents entered after the start, {figure('deaths', float(died))} left.</p>"
    )
    if not born and not died:
        return card("Births and deaths", text)
    last = found["last_step"]
    lines = [Series("entered", last, found["births"], colour=2), Series("left", last, found["deaths"], colour=1)]
    return card("Births and deaths", text + line_chart(lines, STEPS, "Agents in a 24th of the run"))
