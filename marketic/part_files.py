"""Files of a table in parts, `part-00000.parquet` and on. Beyond part 99,999 names have more digits, and do not sort."""

import re
from pathlib import Path

_NAME = re.compile(r"part-(\d+)\.parquet")


def numbered(folder: Path, first: int = 0) -> list[Path]:
    """The parts in a folder from number `first` on, in order of their numbers; none if there is no such folder."""
    found = [(int(match[1]), path) for path in folder.glob("part-*.parquet") if (match := _NAME.fullmatch(path.name))]
    return [path for number, path in sorted(found) if number >= first]
