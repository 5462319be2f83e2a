"""The open part: rows that still wait for their part, shown to readers every few seconds, so that slow runs can be watched.

It is one file beside the parts, `open-part`, replaced whole each time. It names the link of the chain that it follows, and
is passed over as soon as another part was written. It is no part of the chain: audits, checkpoints and resumed runs do
not know it, and when it is written depends on the clock.
"""

import hashlib
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from marketic.atomic import write_atomically
from marketic.events.parts import encoded

NAME = "open-part"
EVERY = 5.0
"""Wall seconds from one open part to the next, at least; nothing is written where nothing new happened."""
_PATIENCE = 0.25  # seconds from one look at the clock to the next, about


class Live:
    """Knows when readers have waited long enough. clock: seconds; another one is given in tests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.written = clock, clock()
        self._looked, self._stride = self.written, 1
        self._step: int | None = None  # at the last look

    def wrote(self) -> None:
        """Readers have everything now."""
        self.written = self.clock()

    def due(self, step: int) -> bool:
        """Whether it is time for an open part. Looks at the clock, and learns how fast steps are. step: made so far."""
        now = self.clock()
        passed, self._looked = now - self._looked, now
        made = self._stride if self._step is None else max(1, step - self._step)
        self._step = step
        if (
            passed < _PATIENCE
        ):  # from what was really made, which may be less than the stride: others ask for looks, too
            self._stride = 2 * min(made, self._stride)
        elif passed > 2 * _PATIENCE:
            self._stride = max(1, int(made * _PATIENCE / passed))
        return now - self.written >= EVERY

    @property
    def stride(self) -> int:
        """Environment steps, >= 1, to the next look at the clock."""
        return self._stride


def write_waiting(
    folder: Path, after: str, step: int, trades: int, tables: dict[str, dict[str, Any]], version: int
) -> None:
    """Write the open part. after: the newest link; trades: in the log with these; tables: their columns."""
    data = {name: encoded(name, columns, version) for name, columns in tables.items()}
    rows = {name: {"rows": count, "bytes": len(content)} for name, (content, count) in data.items()}
    about = json.dumps({"after": after, "step": step, "trades": trades, "tables": rows}).encode()
    content = b"".join([about, b"\n", *(content for content, _ in data.values())])

    def write(file: IO[bytes]) -> None:
        file.write(content)

    write_atomically(folder / NAME, write, durable=False)


def read_waiting(folder: Path, after: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The open part that follows the link `after`: as a line of the manifest, and its tables as written (pyarrow).

    None if there is none, if it was written before the newest part, or if it is damaged: it is only there to be watched.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        about, _, content = (folder / NAME).read_bytes().partition(b"\n")
        line, at, tables = json.loads(about), 0, {}
        if line["after"] != after:
            return None
        for name, entry in line["tables"].items():
            piece = content[at : at + entry["bytes"]]
            tables[name] = pyarrow.parquet.read_table(io.BytesIO(piece))
            at += entry["bytes"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pyarrow.ArrowException):
        return None
    link = hashlib.sha256(about + content).hexdigest()
    return {
        "step": line["step"],
        "trades": line["trades"],
        "tables": line["tables"],
        "chain": link,
        "open": True,
    }, tables


def forget_waiting(folder: Path) -> None:
    """Remove the open part, if there is one."""
    (folder / NAME).unlink(missing_ok=True)
