"""The list of a log's parts, chained: whoever changes, drops, adds or reorders one breaks every later link.

`manifest.jsonl` holds a header line and a line per part, each with the SHA-256 of its files and of the line before.
Lines are appended, so a crash leaves at most a torn last line, which is passed over and reported. A run's checkpoints
hold the newest link, which ties the log to the run.
"""

import hashlib
import json
from pathlib import Path
from typing import IO, Any

from marketic.atomic import write_atomically
from marketic.errors import CorruptFile, InputError
from marketic.events.manifest_lines import fault
from marketic.events.schema import FORMAT, READABLE

NAME = "manifest.jsonl"


class AlteredLog(CorruptFile):
    """A manifest that is not the one that was written: `audit` reports it as its finding."""


def make_folder(folder: Path) -> None:
    """Make a folder of the log. Raises InputError if that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot use the folder {folder}: {error.strerror or error}; choose another one") from None


def forget(folder: Path) -> None:
    """Remove the manifest of a log that begins again, if there is one."""
    try:
        (folder / NAME).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot use the folder {folder}: {error.strerror or error}; choose another one") from None


def link(before: str, line: dict[str, Any]) -> str:
    """The chain's next link: a digest of the link before and of a line (without its own link)."""
    content = json.dumps({key: value for key, value in line.items() if key != "chain"}, sort_keys=True)
    return hashlib.sha256((before + content).encode()).hexdigest()


class Manifest:
    """Header and parts of the log in a folder. notes: what was passed over when it was read.

    Raises (from `read`) InputError without a log, AlteredLog for one whose lines cannot be read, CorruptFile for another
    format version.
    """

    def __init__(self, folder: Path, header: dict[str, Any], parts: list[dict[str, Any]]) -> None:
        self.folder, self.header, self.parts = folder, header, parts
        self.notes: list[str] = []

    @property
    def path(self) -> Path:
        """The manifest's file."""
        return self.folder / NAME

    @property
    def version(self) -> int:
        """Version of the schema."""
        return int(self.header["format"])

    @property
    def head(self) -> str:
        """The newest link, hexadecimal."""
        return str((self.parts[-1] if self.parts else self.header)["chain"])

    @classmethod
    def create(cls, folder: Path, header: dict[str, Any]) -> "Manifest":
        """Start a log."""
        make_folder(folder)
        first = {"format": FORMAT, **header}
        manifest = cls(folder, {**first, "chain": link("", first)}, [])
        manifest._rewrite()
        return manifest

    def append(self, part: dict[str, Any]) -> None:
        """Add a part whose files are complete."""
        line = {"part": len(self.parts), **part}
        line["chain"] = link(self.head, line)
        try:
            with open(self.folder / NAME, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise InputError(
                f"cannot write {self.folder / NAME}: {error.strerror or error}; free some space or choose another folder"
            ) from None
        self.parts.append(line)

    def truncate(self, parts: int) -> None:
        """Forget all parts from number `parts` on."""
        self.parts = self.parts[:parts]
        self._rewrite()

    def _rewrite(self) -> None:
        text = "".join(json.dumps(line) + "\n" for line in [self.header, *self.parts])

        def write(file: IO[bytes]) -> None:
            file.write(text.encode())

        write_atomically(self.folder / NAME, write)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest in a folder; links that do not fit are only noted (see `broken`)."""
        path = folder / NAME
        if not path.is_file():
            raise InputError(
                f"no event log in {folder}: wanted a run trained with `marketic train --log trades` (or summary, everything)"
            )
        lines, notes = [], []
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            try:
                lines.append(_object(line))
            except ValueError:
                if number < len(text.splitlines()) or text.endswith("\n"):
                    raise AlteredLog(f"line {number} of {path} is not JSON: the log was altered") from None
                notes.append(f"the last line of {path.name} is half-written (a crash): its part is passed over")
        if not lines:
            raise AlteredLog(f"{path} is empty: the log was altered, or its disk was full")
        found = lines[0].get("format")
        if isinstance(found, int) and found not in READABLE:
            wrote = lines[0].get("marketic", "an unknown version")
            raise CorruptFile(
                f"{path} has schema version {found}, written by marketic {wrote}; this version reads "
                f"{' and '.join(map(str, READABLE))}: use that version of marketic"
            )
        wrong = fault(lines[0], lines[1:])
        if wrong is not None:
            raise AlteredLog(f"{wrong} ({path}); restore the log, or train again")
        manifest = cls(folder, lines[0], lines[1:])
        broken = manifest.broken()
        if broken is not None:
            notes.append(f"{broken}: what is shown may not be what happened (`marketic audit` says more)")
        manifest.notes = notes
        return manifest

    @classmethod
    def go_back(cls, folder: Path, parts: int, newest: str) -> "Manifest":
        """The manifest with only its first parts. Raises InputError if `newest` is not the link of the last of them, or the
        header was altered."""
        manifest = cls.read(folder)
        there = manifest.parts[parts - 1]["chain"] if 0 < parts <= len(manifest.parts) else None
        if there != newest or manifest.header_altered:
            raise InputError(
                f"the event log in {folder} does not hold the {parts} parts that the checkpoint counts: it was altered; "
                "restore it, or train again"
            )
        manifest.truncate(parts)
        return manifest

    @property
    def header_altered(self) -> bool:
        """Whether the header is not the one that was written."""
        return link("", self.header) != self.header["chain"]

    def broken(self) -> str | None:
        """The first line that does not fit the chain, in words; None if all do."""
        if self.header_altered:
            return "the manifest's header was altered"
        before = str(self.header["chain"])
        for number, part in enumerate(self.parts):
            if part.get("part") != number:
                return f"part {number} is missing or out of order: the manifest names part {part.get('part')} there"
            if link(before, part) != part.get("chain"):
                return f"the manifest's line of part {number} was altered, or a part before it was"
            before = str(part["chain"])
        return None


def _object(line: str) -> dict[str, Any]:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError
    return found
