"""What each line of a log's manifest must hold, so that a line that somebody edited is named before anything reads it."""

from typing import Any

from marketic.events.schema import LEVELS, TABLES

_NUMBER = (int, float)
_ROOM, _LONG = 10**8, 2**63 - 1  # of what has a place in memory, and of what is only counted
HEADER: dict[str, Any] = {
    "format": int, "chain": str, "level": str, "tick": _NUMBER, "discount": _NUMBER, "royalty": _NUMBER, "rows": int,
    "rights": int, "members": int, "agents": int, "first_account": int, "step": int,
}  # fmt: skip
"""Keys of the header that every reader uses, and the types of their values. Others, such as seed and env, are only told."""
REPLAYED: dict[str, Any] = {"weights": list, "flows": list, "baseline": int, "snapshot_every": int}
"""Keys that only a replay or a resumed run uses: they may be missing from a log that is only read."""
PART: dict[str, Any] = {"part": int, "chain": str, "step": int, "trades": int, "tables": dict}
TABLE: dict[str, Any] = {"rows": int, "bytes": int, "sha256": str}
RANGES: dict[str, tuple[float, float]] = {
    "tick": (5e-324, 1e300), "discount": (0, 1), "royalty": (0, 1), "rows": (0, _LONG), "rights": (1, _ROOM),
    "members": (1, _ROOM), "agents": (0, _ROOM), "first_account": (2, _ROOM), "baseline": (0, _ROOM), "step": (0, _LONG),
    "snapshot_every": (1, _LONG), "part": (0, _ROOM), "trades": (0, _LONG), "bytes": (0, _LONG), "weights": (0, 1),
    "flows": (-_LONG, _LONG),
}  # fmt: skip
"""Least and most of each number, or of each in a list."""


def fault(header: dict[str, Any], parts: list[dict[str, Any]]) -> str | None:
    """The first line that lacks something, or holds another type or a number out of range, in words; None if there is none."""
    wrong = _fault(header, HEADER | {name: kind for name, kind in REPLAYED.items() if name in header})
    if wrong is None and header["level"] not in LEVELS[1:]:
        wrong = f"'level' is {header['level']!r:.40}"
    if wrong is None and not 1 <= header["rows"] <= _ROOM:
        wrong = f"'rows' is {header['rows']!r:.40}"
    if wrong is None and not all(_within(name, x) for name in ("weights", "flows") for x in header.get(name, ())):
        wrong = "'weights' or 'flows' are not numbers, or too large"
    if wrong is not None:
        return f"the manifest's header was altered: {wrong}"
    for number, part in enumerate(parts):
        wrong = _fault(part, PART) or next(filter(None, (_fault(e, TABLE) for e in part["tables"].values())), None)
        unknown = [] if wrong else [name for name in part["tables"] if name not in TABLES]
        wrong = f"there is no table {unknown[0]!r:.40}" if unknown else wrong
        if wrong is not None:
            return f"the manifest's line of part {number} was altered: {wrong}"
    return None


def _fault(line: Any, wanted: dict[str, Any]) -> str | None:
    if not isinstance(line, dict):
        return f"{line!r:.40} stands where a table was described"
    for name, kind in wanted.items():
        if name not in line:
            return f"{name!r} is missing"
        if not isinstance(line[name], kind) or not (kind in (str, list, dict) or _within(name, line[name])):
            return f"{name!r} is {line[name]!r:.40}"
    return None


def _within(name: str, value: Any) -> bool:
    """Whether a value is a number in its range; NaN is in none."""
    least, most = RANGES.get(name, (-_LONG, _LONG))
    return isinstance(value, _NUMBER) and not isinstance(value, bool) and least <= value <= most
