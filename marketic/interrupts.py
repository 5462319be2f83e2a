"""Ctrl-C and SIGTERM as a polite request: training ends after the step it is in, and the run is saved."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from marketic.callbacks import Callback
from marketic.market import Market

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts(Callback):
    """While entered, the first signal sets `market.stopping`; the second one ends the program as usual.

    `signal`: the number of the signal that came, 0 if none did. Outside the main thread, where Python delivers no
    signals, this does nothing.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.signal = 0
        self._former: dict[int, Any] = {}

    def on_start(self, market: Market, total_timesteps: int) -> None:
        """A signal that came between two legs counts for the next one."""
        if self.signal:
            market.stopping = True

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        return self

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.signal, self.market.stopping = number, True
        self._restore()

    def _restore(self) -> None:
        while self._former:
            number, handler = self._former.popitem()
            signal.signal(number, handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
