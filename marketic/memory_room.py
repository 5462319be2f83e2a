"""Whether an array fits into this machine's memory, asked before it fills up in the middle of a training."""

import os

from marketic.errors import InputError


def check_room(size: int, what: str, repair: str) -> None:
    """Raise InputError if `size` bytes are more than half of this machine's memory: saving takes a copy.

    what, repair: how the message begins and ends. Where the system does not tell its memory, nothing is refused.
    """
    most = _memory() // 2
    if most and size > most:
        raise InputError(
            f"{what} takes {size / 2**30:,.1f} GiB: wanted at most {most / 2**30:,.1f}, half of this machine's memory "
            f"(saving takes a copy); {repair}"
        )


def _memory() -> int:
    """Bytes of memory, 0 if unknown (as on Windows)."""
    pages = ("SC_PHYS_PAGES", "SC_PAGE_SIZE")
    known = getattr(os, "sysconf_names", {})
    return os.sysconf(pages[0]) * os.sysconf(pages[1]) if all(name in known for name in pages) else 0
