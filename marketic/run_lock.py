"""One training at a time in a folder: two would overwrite each other's checkpoints, metrics and log.

The lock is the system's own, on the folder itself: it leaves no file behind, and goes with the process that holds it,
however that one ends. Readers (reports, live pages, queries) need none.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from marketic.errors import InputError

try:
    import fcntl
except ImportError:  # not on this system: then nothing is locked
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """While entered, everybody else who asks for the same folder is refused. The folder must be there.

    Raises InputError if somebody else has it; OSError if the folder cannot be opened.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another program is training in {folder} at this moment: wait until it is done, stop it (Ctrl-C there), or "
                "choose another --out"
            ) from None
        except OSError:  # some network disks cannot lock folders
            pass
        yield
    finally:
        os.close(handle)
