"""The part on its way to the disk: one that cannot be written, or is interrupted, is kept and goes first next time."""

from pathlib import Path
from typing import Any

from marketic.events.manifest import Manifest
from marketic.events.parts import path_of, write_part

Tables = dict[str, dict[str, Any]]


class Outbox:
    """At most one part, and the files that were written but are not known to be on the disk."""

    def __init__(self) -> None:
        self.unsynced: list[Path] = []
        self.clear()

    def clear(self) -> None:
        """Forget the part."""
        self._part: tuple[int, dict[str, Any], Tables] | None = None

    @property
    def full(self) -> bool:
        """Whether a part waits that failed before."""
        return self._part is not None

    def send(self, manifest: Manifest, step: int, trades: int, tables: Tables) -> None:
        """Write a part. step: environment steps made; trades: in the log with it; tables: its columns, by name.

        Raises InputError if there is no room on the disk. The part is kept then: see `deliver`.
        """
        self._part = len(manifest.parts), {"step": step, "trades": trades}, tables
        try:
            self._write(manifest)
        except BaseException:
            if "trades" in tables:  # these are views of rows that will be used again
                tables["trades"] = {name: column.copy() for name, column in tables["trades"].items()}
            raise

    def deliver(self, manifest: Manifest) -> None:
        """Write the part that failed before, if there is one."""
        if self._part is not None:
            if len(manifest.parts) == self._part[0]:
                manifest.truncate(len(manifest.parts))  # its line may have been begun
            self._write(manifest)

    def _write(self, manifest: Manifest) -> None:
        assert self._part is not None, "somebody asked to write a part"
        number, about, tables = self._part
        if len(manifest.parts) == number:  # else the interrupt came after all was done
            folder = manifest.folder
            entries = {
                name: write_part(folder, name, number, tables[name], manifest.version) for name in sorted(tables)
            }
            manifest.append({**about, "tables": entries})
        self.unsynced += [path_of(manifest.folder, name, number) for name in tables]
        self._part = None
