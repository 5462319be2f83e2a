"""The live page as a process of its own: python -m marketic.dashboard FOLDER PORT [beside], as soon as the folder is a run.

beside: the page ends when its standard input does, that is with the process that started it, however that one ends.
"""

import os
import sys
import threading
import time
from pathlib import Path

from marketic.dashboard.server import serve
from marketic.errors import InputError

PATIENCE = 120.0
"""Seconds to wait for the run to begin."""


def main() -> int:
    """Wait for the run's configuration, then serve. Port 0: a free one."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    if sys.argv[3:] == ["beside"]:
        threading.Thread(target=_end_with_the_input, daemon=True).start()
    until = time.monotonic() + PATIENCE
    while not (folder / "config.toml").is_file() and time.monotonic() < until:
        time.sleep(0.2)
    try:
        serve(folder, port or None, lambda line: print(line, file=sys.stderr, flush=True))
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _end_with_the_input() -> None:
    """Wait for the end of the standard input, then end: at once, for a signal may be ignored (a job in the background)."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
