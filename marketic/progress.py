"""A progress bar on stderr. It looks at the market from a thread of its own, so training steps cost nothing more."""

import sys
import threading
import time
from collections import deque
from typing import Any

from marketic.callbacks import Callback
from marketic.market import Market
from marketic.metrics import PriceError, agents_alive

REFRESH = 0.2
"""Seconds between two looks at the market, on a terminal."""
PLAIN_REFRESH = 10.0
"""Seconds between two lines, where stderr is no terminal."""
_COMPILING_AFTER = 1.5
_SAMPLES = 15  # the speed shown is that of the last 3 seconds on a terminal


class ProgressBar(Callback):
    """Steps, mean return of the last episodes, recent price error, agents alive, steps per second.

    total: steps of the whole training, if it goes on over several calls of `Market.learn`: the bar then stays until
    `close()`. None: one call.

    Works without a terminal, too: then it prints a plain line every ten seconds and one at the end.
    """

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self._market: Market | None = None
        self._bar: Any = None
        self._thread: threading.Thread | None = None
        self._done = threading.Event()

    def on_start(self, market: Market, total_timesteps: int) -> None:
        """Show the bar, unless it is there already."""
        if self._market is not None:
            return
        self._market, self._errors, self._price_error = market, PriceError(market), float("nan")
        self._samples = deque([(time.monotonic(), market.num_timesteps)], maxlen=_SAMPLES)
        self._began = self._samples[0]
        self._end = market.num_timesteps + total_timesteps if self.total is None else self.total
        self._bar = terminal_bar(self._end, market.num_timesteps) if sys.stderr.isatty() else None
        self._done.clear()
        self._thread = threading.Thread(target=self._watch, name="marketic-progress", daemon=True)
        self._thread.start()

    def on_stop(self, market: Market) -> None:
        """Close the bar if this was all."""
        if self.total is None:
            self.close()

    def close(self) -> None:
        """Show the last state and let go of the terminal."""
        if self._thread is None:
            return
        self._done.set()
        self._thread.join()
        self._thread = None
        self._samples = deque([self._began])  # the last line tells the speed of the whole training
        self._show()
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._market = None

    def _watch(self) -> None:
        while not self._done.wait(PLAIN_REFRESH if self._bar is None else REFRESH):
            self._show()

    def _show(self) -> None:
        market, figures = self._market, self.figures()
        if market is None:
            return
        if self._bar is None:
            steps = f"{market.num_timesteps:,} of {self._end:,} steps"
            print(f"{steps}  {figures}", file=sys.stderr, flush=True)
            return
        self._bar.figures = figures
        self._bar.update(self._bar.task_ids[0], completed=market.num_timesteps)
        self._bar.refresh()

    def figures(self) -> str:
        """What there is to tell beside the number of steps."""
        market, now = self._market, time.monotonic()
        if market is None:
            return ""
        steps = market.num_timesteps
        if steps == self._began[1]:
            return "compiling kernels (once)" if now - self._began[0] > _COMPILING_AFTER else "starting"
        then, before = self._samples[0]
        self._samples.append((now, steps))
        returns = list(market.recent_returns)
        shown = f"return {sum(returns) / len(returns):.4g}  " if returns else ""
        error = self._errors.recent(market)
        self._price_error = error if error == error else self._price_error  # NaN: nothing was sold since
        speed = (steps - before) / max(now - then, 1e-9)
        alive = agents_alive(market)
        return f"{shown}price error {self._price_error:.3g}  agents alive {alive:,}  {speed:,.0f} steps/s"


def terminal_bar(total: int, first: int) -> Any:
    """A rich progress bar, with a line of figures below it, that is refreshed by hand."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Bar(Progress):
        figures = "starting"

        def get_renderables(self) -> Any:
            yield from super().get_renderables()
            yield Text(f"  {self.figures}", no_wrap=True, overflow="ellipsis")

    columns = (BarColumn(bar_width=40), MofNCompleteColumn(), TextColumn("steps"), TimeRemainingColumn())
    bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False)
    bar.add_task("training", total=total, completed=first)
    bar.start()
    return bar
