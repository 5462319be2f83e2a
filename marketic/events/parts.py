"""One part of one table: a Parquet file, written whole or not at all, and read back with its damage named."""

import contextlib
import hashlib
import io
import os
from pathlib import Path
from typing import IO, Any

import numpy as np

from marketic.atomic import write_atomically
from marketic.errors import CorruptFile, InputError
from marketic.events.manifest import forget, make_folder
from marketic.events.schema import DICTIONARY, FORMAT, TABLES, arrow_type
from marketic.part_files import numbered


def path_of(folder: Path, table: str, number: int) -> Path:
    """The file of a part of a table."""
    return folder / table / f"part-{number:05d}.parquet"


def encoded(table: str, columns: dict[str, Any], version: int = FORMAT) -> tuple[bytes, int]:
    """Columns (arrays of one length; lists of members as int [rows, K]) as a Parquet file, and the number of rows.

    version: of the schema, one of `schema.READABLE`.
    """
    import pyarrow
    import pyarrow.parquet

    made, fields = [], []
    for column in TABLES[table]:
        kind = arrow_type(column.kind)
        values = columns.get(column.name)
        if values is None:
            values = [column.default] * len(next(iter(columns.values())))
        made.append(pyarrow.array(values, type=kind))
        fields.append(pyarrow.field(column.name, kind, nullable=False))
    if "buyers" in columns:
        made.append(_lists(columns["buyers"]) if version == 1 else _packed(columns["buyers"]))
        fields.append(pyarrow.field("buyers", made[-1].type, nullable=False))
    content = pyarrow.table(made, schema=pyarrow.schema(fields, metadata={"marketic.events": str(version)}))
    memory = io.BytesIO()  # a full disk is then met by our own write, with its errno
    pyarrow.parquet.write_table(content, memory, row_group_size=max(len(content), 1), **_settings(table, len(content)))
    return memory.getvalue(), len(content)


def _settings(table: str, rows: int) -> dict[str, Any]:
    """How Parquet stores a part. Few rows are stored plainly: setting a compressor up per column would take longer."""
    if rows <= SMALL:
        return {"compression": "none", "use_dictionary": False, "write_statistics": False}
    columns = TABLES[table]
    return {
        "compression": "zstd",
        "use_dictionary": [c.name for c in columns if c.encoding == DICTIONARY],
        "column_encoding": {c.name: c.encoding for c in columns if c.encoding != DICTIONARY},
        "write_statistics": [c.name for c in columns if c.name in STATISTICS],
    }


def _lists(members: np.ndarray) -> Any:
    """Members, int [rows, K], as a pyarrow array of lists of K int32."""
    import pyarrow

    flat = pyarrow.array(np.ascontiguousarray(members, dtype=np.int32).ravel())
    return pyarrow.FixedSizeListArray.from_arrays(flat, members.shape[1])


def _packed(members: np.ndarray) -> Any:
    """The same as a pyarrow array of 4 K bytes a row."""
    import pyarrow

    bytes_ = np.ascontiguousarray(members, dtype=">i4")
    kind = pyarrow.binary(4 * members.shape[1])
    return pyarrow.Array.from_buffers(kind, len(members), [None, pyarrow.py_buffer(bytes_)])


def unpacked(table: Any) -> Any:
    """A pyarrow table as written, with its members (if it has any, see `_packed`) as lists."""
    import pyarrow

    place = table.schema.get_field_index("buyers")
    if place < 0 or not pyarrow.types.is_fixed_size_binary(table.schema.field(place).type):
        return table
    packed, members = table.column(place).combine_chunks(), table.schema.field(place).type.byte_width // 4
    packed = pyarrow.concat_arrays(packed.chunks) if isinstance(packed, pyarrow.ChunkedArray) else packed
    numbers = np.frombuffer(packed.buffers()[1], dtype=">i4", count=(packed.offset + len(packed)) * members)
    lists = _lists(numbers[packed.offset * members :].reshape(-1, members))
    return table.set_column(place, pyarrow.field("buyers", lists.type, nullable=False), lists)


def write_part(folder: Path, table: str, number: int, columns: dict[str, Any], version: int = FORMAT) -> dict[str, Any]:
    """Write columns (see `encoded`) to a part. Returns rows, bytes and sha256."""
    data, rows = encoded(table, columns, version)

    def write(file: IO[bytes]) -> None:
        file.write(data)

    path = path_of(folder, table, number)
    if number == 0 or not path.parent.is_dir():
        make_folder(path.parent)
    write_atomically(path, write, durable=False)
    return {"rows": rows, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def drop_parts(folder: Path, first: int) -> None:
    """Remove the files of parts from number `first` on; of all, the manifest first, which would name what is gone."""
    if first == 0:
        forget(folder)
    for table in TABLES:
        for path in numbered(folder / table, first):
            path.unlink(missing_ok=True)


def sync(paths: list[Path]) -> None:
    """Have files, and their names, on the disk before anything relies on them. Raises InputError if the disk fails."""
    try:
        for path in [*paths, *dict.fromkeys(path.parent for path in paths)]:
            with contextlib.suppress(PermissionError):  # not every system can open a folder
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
    except OSError as error:
        raise InputError(f"cannot write {paths[0]}: {error.strerror or error}; free some space") from None


SMALL = 500
"""Rows, at most, that are not worth compressing."""
STATISTICS = ("trade", "step", "episode", "account")
"""Columns whose ranges per part are written down, so that queries can skip parts."""


def read_part(folder: Path, table: str, number: int, columns: list[str] | None = None) -> Any:
    """A part as a pyarrow table, members as lists. Raises CorruptFile for one that is missing or damaged."""
    import pyarrow
    import pyarrow.parquet

    path = path_of(folder, table, number)
    try:
        return unpacked(pyarrow.parquet.read_table(path, columns=columns, partitioning=None))
    except FileNotFoundError:
        raise CorruptFile(
            f"{path} is missing: the log was altered, copied without it, or is just being resumed"
        ) from None
    except (pyarrow.ArrowException, OSError) as error:
        raise CorruptFile(f"{path} is damaged ({str(error).splitlines()[0]}): the log was altered") from None


def altered(folder: Path, table: str, number: int, entry: dict[str, Any]) -> str | None:
    """What is wrong with a part's file, in words; None if it is the one that was written."""
    import pyarrow
    import pyarrow.parquet

    path = path_of(folder, table, number)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return f"{path.parent.name}/{path.name} is missing"
    if len(data) != entry["bytes"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
        return f"{path.parent.name}/{path.name} is not the file that was written: it was altered or cut short"
    try:
        rows = pyarrow.parquet.ParquetFile(io.BytesIO(data)).metadata.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        return f"{path.parent.name}/{path.name} cannot be read ({str(error).splitlines()[0]}): it was altered"
    if rows != entry["rows"]:
        return f"{path.parent.name}/{path.name} has {rows} rows, but the manifest counts {entry['rows']}"
    return None
