"""Files that are either whole or absent: written under a temporary name, flushed to disk, then renamed."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from marketic.errors import InputError


def write_atomically(path: Path, write: Callable[[IO[bytes]], None], *, durable: bool = True) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it into place.

    durable: wait until the disk has it; without, it is whole or absent after a crash of the program, not of the machine.
    Raises InputError (disk full, no permission, no such folder, no name); then nothing is left under that name or beside it.
    """
    if not path.name:
        raise InputError(f"cannot write {path}: it names a folder; add the name of a file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        _remove(temporary)
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; free some space or choose another folder"
        ) from None
    except BaseException:
        _remove(temporary)
        raise


def _remove(temporary: Path) -> None:
    """Leave nothing behind. A read-only disk refuses even the removal of what is not there: the first error says it."""
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system allows it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # not every system can open a folder
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
