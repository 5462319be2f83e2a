"""TensorBoard scalars of a run, through the optional package tensorboardX.

Its usual writer hands events to a thread, which dies on a full disk, and then training would wait for it for ever; so
events are written here, at once, with its file format.
"""

import contextlib
import math
import time
from pathlib import Path
from typing import Any

from marketic.errors import InputError


class Scalars:
    """Writes rows of metrics as scalars under `folder`, one file per process that trains.

    Raises InputError if tensorboardX is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import tensorboardX  # noqa: F401  for the message, now rather than at the first checkpoint
        except ImportError:
            raise InputError(
                "--tensorboard needs the package tensorboardX: pip install 'marketic[tensorboard]'"
            ) from None
        self._folder = folder
        self._first: int | None = None
        self._writer: Any = None

    def forget_after(self, step: int) -> None:
        """Training goes on from `step`: what was written of later steps is to be ignored."""
        self._first = step + 1

    def write(self, rows: dict[str, list[float]]) -> None:
        """One scalar per figure and row; NaN is left out. Raises InputError if they cannot be written."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        try:
            if self._writer is None:
                self._writer = self._opened()
            for name, values in rows.items():
                for step, value in zip(rows["step"], values, strict=True):
                    if name != "step" and not math.isnan(value):
                        summary = scalar(f"run/{name}", value)
                        self._writer.write_event(Event(wall_time=time.time(), step=int(step), summary=summary))
            self._writer.flush()
        except OSError as error:
            raise InputError(
                f"cannot write {self._folder}: {error.strerror or error}; free some space, or train without --tensorboard"
            ) from None

    def close(self) -> None:
        """Training is over; all rows were written as they came."""
        if self._writer is not None:
            with contextlib.suppress(OSError):  # a disk that was full has been told of
                self._writer.close()

    def _opened(self) -> Any:
        """A new file; TensorBoard is told from which step on it replaces older ones."""
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        self._folder.mkdir(parents=True, exist_ok=True)
        number = len(
            list(self._folder.glob("events.out.tfevents.*"))
        )  # names hold the second, in which a run may resume
        writer = EventsWriter(str(self._folder / "events"), f".{number}")
        if self._first is not None:
            start = SessionLog(status=SessionLog.START)
            writer.write_event(Event(wall_time=time.time(), step=self._first, session_log=start))
        return writer
