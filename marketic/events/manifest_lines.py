"""What each line of a log's manifest must hold, so that a line that somebody edited is named before anything reads it."""

from typing import Any

_NUMBER = (int, float)
HEADER: dict[str, Any] = {
    "format": int, "chain": str, "level": str, "tick": _NUMBER, "discount": _NUMBER, "royalty": _NUMBER, "rows": int,
    "rights": int, "members": int, "agents": int, "first_account": int, "step": int,
}  # fmt: skip
"""Keys of the header that every reader uses, and the types of their values. Others, such as seed and env, are only told."""
REPLAYED: dict[str, Any] = {"weights": list, "flows": list, "baseline": int, "snapshot_every": int}
"""Keys that only a replay or a resumed run uses: they may be missing from a log that is only read."""
PART: dict[str, Any] = {"part": int, "chain": str, "step": int, "trades": int, "tables": dict}
TABLE: dict[str, Any] = {"rows": int, "bytes": int, "sha256": str}


def fault(header: dict[str, Any], parts: list[dict[str, Any]]) -> str | None:
    """The first line that lacks something or holds another type, in words; None if all can be read."""
    wrong = _fault(header, HEADER | {name: kind for name, kind in REPLAYED.items() if name in header})
    if wrong is None and not all(isinstance(x, _NUMBER) for name in ("weights", "flows") for x in header.get(name, ())):
        wrong = "'weights' or 'flows' are not numbers"
    if wrong is not None:
        return f"the manifest's header was altered: {wrong}"
    for number, part in enumerate(parts):
        wrong = _fault(part, PART) or next(filter(None, (_fault(e, TABLE) for e in part["tables"].values())), None)
        if wrong is not None:
            return f"the manifest's line of part {number} was altered: {wrong}"
    return None


def _fault(line: Any, wanted: dict[str, Any]) -> str | None:
    if not isinstance(line, dict):
        return f"{line!r:.40} stands where a table was described"
    for name, kind in wanted.items():
        if name not in line:
            return f"{name!r} is missing"
        if not isinstance(line[name], kind):
            return f"{name!r} is {line[name]!r:.40}"
    return None
