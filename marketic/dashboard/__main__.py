"""The live page as a process of its own: python -m marketic.dashboard FOLDER PORT, as soon as the folder is a run."""

import sys
import time
from pathlib import Path

from marketic.dashboard.server import serve
from marketic.errors import InputError

PATIENCE = 120.0
"""Seconds to wait for the run to begin."""


def main() -> int:
    """Wait for the run's configuration, then serve. Port 0: a free one."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    until = time.monotonic() + PATIENCE
    while not (folder / "config.toml").is_file() and time.monotonic() < until:
        time.sleep(0.2)
    try:
        serve(folder, port or None, lambda line: print(line, file=sys.stderr, flush=True))
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
