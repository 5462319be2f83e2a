"""Whether a part of a log holds the columns that its table is made of: a file that somebody rewrote may not."""

from typing import Any

from marketic.events.schema import TABLES, arrow_type


def columns_fault(table: str, found: Any, members: int, columns: list[str] | None = None) -> str | None:
    """What is wrong with a part as read (a pyarrow table, members as lists), in words; None if it can be used.

    members: K of the log's header. columns: those that were read; None: all.
    """
    import pyarrow

    wanted = {column.name: arrow_type(column.kind) for column in TABLES[table]}
    later = {column.name for column in TABLES[table] if column.default is not None}
    if table == "trades" and members > 1:
        wanted["buyers"] = pyarrow.list_(pyarrow.int32(), members)
    for name, kind in wanted.items():
        if columns is not None and name not in columns:
            continue
        place = found.schema.get_field_index(name)
        if place < 0 and name in later:
            continue
        if place < 0:
            return f"it has no column {name!r}, or two of that name"
        if not _same(found.schema.field(place).type, kind):
            return f"its column {name!r} holds {found.schema.field(place).type} instead of {kind}"
        if found.column(place).null_count:
            return f"its column {name!r} has gaps"
    return None


def _same(kind: Any, wanted: Any) -> bool:
    """Equal types; a list's items may have another name."""
    import pyarrow

    if pyarrow.types.is_fixed_size_list(wanted) and pyarrow.types.is_fixed_size_list(kind):
        return bool(kind.value_type == wanted.value_type and kind.list_size == wanted.list_size)
    return bool(kind == wanted)
