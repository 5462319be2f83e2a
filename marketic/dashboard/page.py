"""The live page: one Bokeh document per browser tab, fed from a run folder that it only reads.

Time is cut into windows of equally many steps. While "live" is on the page shows the newest window; otherwise the slider,
the arrows and the play button walk through the past. Every figure on the page is a sum over rows of the log.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from marketic.dashboard.books import Books
from marketic.dashboard.details import Details
from marketic.dashboard.feed import Feed
from marketic.dashboard.figures import curve_figures, graph_figure, sources
from marketic.dashboard.scenes import Layout, frame_width, graph_columns, lorenz_columns, map_columns, window_figures
from marketic.dashboard.stage import Stage
from marketic.errors import InputError
from marketic.reporting.page import escape, figure

REFRESH, TICK = 1000, 120
"""Milliseconds between two looks at the folder, and between two frames of a replay."""
STYLE = """
:root{color-scheme:light dark;--ink:#1b2127;--paper:#f7f5f0;--line:#cfcabf}
@media (prefers-color-scheme:dark){:root{--ink:#e7e9eb;--paper:#12161a;--line:#343d46}}
body{background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;margin:14px}
"""


class Page:
    """One tab. feed: the run; books: its market, read now and then, shared by all tabs."""

    def __init__(self, doc: Any, feed: Feed, books: Books) -> None:
        self.doc, self.feed, self.books = doc, feed, books
        self.sources = sources()
        self.layout = Layout()
        self.window, self.width = 0, 1
        self.seen, self.task, self.failed = -1, "", False
        self.details = Details(self)
        self.stage = Stage(self.sources["frame"])
        self._build()
        self.follow()
        doc.add_periodic_callback(self.follow, REFRESH)
        doc.add_periodic_callback(self._tick, TICK)

    @property
    def span(self) -> tuple[int, int]:
        """First and last + 1 step of the window that is shown."""
        return self.window * self.width, (self.window + 1) * self.width

    def _build(self) -> None:
        from bokeh.layouts import column
        from bokeh.models import GlobalInlineStyleSheet
        from bokeh.models.widgets import Button, Div, Slider, Toggle

        self.head = Div(name="head", sizing_mode="stretch_width")
        self.told = Div(name="window", sizing_mode="stretch_width")
        self.live = Toggle(label="Live", active=True, button_type="primary", width=70, name="live")
        self.play = Toggle(label="Play", width=70, name="play")
        back, forward = Button(label="◀", width=45, name="back"), Button(label="▶", width=45, name="forward")
        self.slider = Slider(start=0, end=1, value=0, step=1, title="window", name="time", sizing_mode="stretch_width")
        self.slider.on_change("value", lambda attr, old, new: self._moved(int(new)))
        back.on_click(lambda: self._step(-1))
        forward.on_click(lambda: self._step(1))
        self.live.on_change("active", lambda attr, old, new: self.follow() if new else None)
        self.play.on_change("active", lambda attr, old, new: self._release() if new else None)
        graph = graph_figure(self.sources)
        self.sources["nodes"].selected.on_change("indices", lambda attr, old, new: self._agent(new))
        self.sources["edges"].selected.on_change("indices", lambda attr, old, new: self._edge(new))
        controls = side_by_side([self.live, self.play, back, forward, self.slider], 260)
        left = column(graph, self.told, sizing_mode="stretch_width")
        right = column(self.details.view(), self.stage.view(self.books), sizing_mode="stretch_width")
        self.curves = curve_figures(self.sources)
        curves = side_by_side(self.curves, 300)
        body = column(self.head, controls, side_by_side([left, right], 340), curves,
                      sizing_mode="stretch_width", stylesheets=[GlobalInlineStyleSheet(css=STYLE)])  # fmt: skip
        self.doc.add_root(body)

    def follow(self) -> None:
        """Look at the folder; show what is new."""
        try:
            self.feed.refresh()
        except InputError as error:  # somebody else's hands were in the folder, or the run is started afresh
            self.head.text = _complaint(error)
            return
        new, self.seen = self.feed.changes != self.seen, self.feed.changes
        if new:
            self.books.renew()
            self._name()
            self._map()
            self._resize()
            self._curves()
        self._headline()
        if (new and self.live.active) or self.failed:
            self.show(self._last if self.live.active else self.window)

    def _name(self) -> None:
        """The task's; if another one is trained here now, nobody has a place yet."""
        config = self.feed.config
        task = f"{config.get('env')} {config.get('env_options')}"
        if task != self.task:
            self.task, self.layout = task, Layout()
            self.sources["places"].data = map_columns(None)
            self.doc.title = f"marketic: {config.get('env', self.feed.folder.name)}"

    @property
    def _last(self) -> int:
        return max(0, (self.feed.steps - 1) // self.width)

    def _map(self) -> None:
        """The newest market knows the map, if the task has one; until it is there, nobody has a place on it."""
        if self.layout.market is None and self.books.market is not None:
            self.layout.places.clear()
            self.sources["places"].data = map_columns(self.books.market)
        self.layout.market = self.books.market

    def _resize(self) -> None:
        """The slider spans the run; as it grows, windows get wider, and the one shown stays where it was."""
        width = frame_width(max(self.feed.steps, 1))
        at = self.window * self.width
        self.width, self.window = width, min(at // width, max(0, (self.feed.steps - 1) // width))
        self.slider.update(end=max(self._last, 1), title=f"window of {width:,} environment steps")

    def show(self, window: int) -> None:
        """Show one window."""
        self.window = min(max(window, 0), self._last)
        first, last = self.span
        try:
            trades, wealth = self.feed.sales(first, last), self.feed.wealth(last)
        except InputError as error:  # perhaps only until a run that is resumed has written it again
            self.told.text, self.failed = _complaint(error), True
            return
        self.failed = False
        nodes, edges = graph_columns(trades, wealth, self.layout)
        for name in ("nodes", "edges"):
            self.sources[name].selected.indices = []
        self.sources["nodes"].data, self.sources["edges"].data = nodes, edges
        self.sources["lorenz"].data = lorenz_columns(wealth)
        shares = self.curves[2]
        shares.title.text = shares.tags[0] + ("" if (wealth[1] > 0).any() else "\nno agent holds any")
        shown = {name: figure(f"window-{name}", value) for name, value in window_figures(trades).items()}
        alone = " Nobody paid another agent." if len(trades) and not len(edges["payer"]) else ""
        if self.feed.cut:
            alone += f" These are the newest {len(trades):,} sales of the window: it has more."
        words = (
            f"steps {first:,} to {last:,}: {shown['sales']} sales by {shown['agents']} agents, {shown['paid']} units of reward "
            f"paid, mean price {shown['mean_price']}, rewards {shown['reward']}.{alone}"
        )
        self.told.text = words if self.feed.log is not None else self._no_log()
        if self.slider.value != self.window:
            self.slider.value = self.window
        self.details.again(trades)

    def _no_log(self) -> str:
        """Why there is nobody to see."""
        if self.feed.config.get("log", "off") != "off":
            return "Nothing was sold yet."
        return "This run keeps no event log: train with <code>--log trades</code> to see who trades with whom."

    def _headline(self) -> None:
        state = "finished" if self.feed.finished else "running, or stopped"
        env = escape(self.feed.config.get("env", ""))
        notes = "".join(f"<br>{escape(note)}" for note in self.feed.notes)
        text = (
            f"<b>{env}</b> · {escape(self.feed.folder.name)} · {self.feed.steps:,} environment steps · {state}{notes}"
        )
        if text != self.head.text:
            self.head.text = text

    def _curves(self) -> None:
        metrics = self.feed.metrics
        step = metrics["step"]
        keep = ("return_mean", "evaluation", "price_error", "agents_alive")
        columns = {k: metrics.get(k, np.full(len(step), np.nan)) for k in keep}
        self.sources["metrics"].data = {"step": step, **columns}
        for drawing, names in zip(self.curves, (keep[:2], keep[2:3]), strict=False):
            known = any(np.isfinite(columns[name]).any() for name in names)
            drawing.title.text = drawing.tags[0] + ("" if known else "\nnothing was recorded yet")

    def _moved(self, window: int) -> None:
        if window != self.window:
            self.live.active = False
            self.show(window)

    def _step(self, by: int) -> None:
        self.live.active = False
        self.show(self.window + by)

    def _release(self) -> None:
        self.live.active = False
        if self.window >= self._last:
            self.show(0)

    def _tick(self) -> None:
        """The next window while playing, and the next frame of the replay."""
        if self.play.active:
            if self.window >= self._last:
                self.play.active = False
            else:
                self.show(self.window + 1)
        self.stage.tick()

    def _agent(self, chosen: list[int]) -> None:
        if chosen:
            self.sources["edges"].selected.indices = []
            self.details.agent(int(self.sources["nodes"].data["account"][chosen[0]]))

    def _edge(self, chosen: list[int]) -> None:
        if chosen:
            data = self.sources["edges"].data
            self.sources["nodes"].selected.indices = []
            self.details.edge(int(data["payer"][chosen[0]]), int(data["payee"][chosen[0]]))


def _complaint(error: InputError) -> str:
    return f"<b>This cannot be shown.</b> {escape(str(error))}. <code>marketic audit</code> says which parts are sound."


def side_by_side(children: list[Any], least: int) -> Any:
    """A row that breaks where there is no room, as on a phone. least: pixels that a child which stretches wants."""
    from bokeh.layouts import row
    from bokeh.models import InlineStyleSheet

    for child in children:
        if child.sizing_mode == "stretch_width":
            child.styles = {"flex": f"1 1 {least}px", "min-width": "0"}
    breaking = InlineStyleSheet(css=":host{flex-wrap:wrap!important}")
    return row(*children, sizing_mode="stretch_width", stylesheets=[breaking])


def application(feed: Feed, books: Books) -> Callable[[Any], None]:
    """What the server calls for every tab."""

    def open_tab(doc: Any) -> None:
        Page(doc, feed, books)

    return open_tab
