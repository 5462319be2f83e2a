"""Asking a log questions in SQL: its tables as views in DuckDB, which reads the Parquet parts as they lie.

Views: trades, agents, genealogy, prices, accounts, episodes, transfers, bids, updates. Money is currency there (float64, and
exact for every amount below 2**53 ticks); columns that end in `_ticks` hold the integers.
"""

from pathlib import Path
from typing import Any

from marketic.errors import InputError
from marketic.events.log import EventLog, open_log
from marketic.events.parts import path_of
from marketic.events.schema import TABLES

_MONEY = {"accounts": ("balance",), "transfers": ("ticks",), "bids": ("ticks",)}


def query(run: str | Path, statement: str) -> Any:
    """The answer to one SQL statement about a run's log, as a pyarrow table.

    Raises InputError without DuckDB, without a log, or for SQL that DuckDB refuses.
    """
    log = open_log(run)
    connection = connect(log)
    try:
        kinds = [str(part.type).rpartition(".")[2] for part in connection.extract_statements(statement)]
        if len(kinds) != 1 or kinds[0] not in _READING:
            _refuse(f"it wanted one statement that reads, such as SELECT, and got {' and '.join(kinds) or 'none'}")
        return connection.sql(statement).to_arrow_table()
    except _errors() as error:
        damaged = "no magic bytes" in str(error).lower() or type(error).__name__ == "IOException"
        _refuse(f"{error}{' (marketic audit says which parts are sound)' if damaged else ''}")
    finally:
        connection.close()


_READING = ("SELECT", "EXPLAIN", "MULTI", "RELATION")


def connect(log: EventLog) -> Any:
    """A DuckDB connection, in memory, with the log's views. It can read files, but nothing in it changes the log.

    Raises InputError without DuckDB, or if a part is damaged.
    """
    try:
        import duckdb
    except ImportError:
        raise InputError(
            "SQL queries need DuckDB, which is not installed: pip install 'marketic[query]', or read the log with "
            "marketic.events.open_log(run).to_arrow()"
        ) from None
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")  # it would be drawn on stdout, where the answer goes
    try:
        for table in TABLES:
            if table in log.waiting_tables:
                connection.register(f"waiting_{table}", log.waiting_tables[table])
            connection.execute(f"CREATE VIEW {table} AS {_view(log, table)}")
    except duckdb.Error as error:
        why = str(error).splitlines()[0]
        raise InputError(
            f"the log in {log.folder} has a part that cannot be read ({why}): `marketic audit` says which"
        ) from None
    return connection


def _view(log: EventLog, table: str) -> str:
    """The SELECT behind a view."""
    return f"SELECT {_columns(log, table)} FROM {_source(log, table)}"


def _source(log: EventLog, table: str) -> str:
    """The files of a table's parts, or an empty table of its columns."""
    files = [
        path_of(log.folder, table, part["part"]).resolve() for part in log.manifest.parts if table in part["tables"]
    ]
    waiting = f"SELECT * FROM waiting_{table}" if table in log.waiting_tables else ""
    if files:
        names = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        later = [column.name for column in TABLES[table] if column.default is not None]
        written = f"read_parquet([{names}], hive_partitioning = false{', union_by_name = true' if later else ''})"
        nothing = f"SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in later)} WHERE false" if later else ""
        more = [piece for piece in (waiting, nothing) if piece]
        return f"({' UNION ALL BY NAME '.join([f'SELECT * FROM {written}', *more])})" if more else written
    if waiting:
        return f"({waiting})"
    kinds = {"string": "VARCHAR", "float64": "DOUBLE", "bool": "BOOLEAN", "uint16": "USMALLINT", "int8": "TINYINT",
             "int32": "INTEGER", "int64": "BIGINT"}  # fmt: skip
    fields = [f'NULL::{kinds[column.kind]} AS "{column.name}"' for column in TABLES[table]]
    if table == "trades" and log.members > 1:
        fields.append(f"NULL::{f'INTEGER[{log.members}]' if log.manifest.version == 1 else 'BLOB'} AS buyers")
    return f"(SELECT {', '.join(fields)} WHERE false)"


def _columns(log: EventLog, table: str) -> str:
    tick = _double(log.tick)
    if table == "trades":
        return _trade_columns(log, tick)
    fields = []
    for column in TABLES[table]:
        if column.default is not None:
            fields.append(f"coalesce({column.name}, '{column.default}') AS {column.name}")
            continue
        if column.name not in _MONEY.get(table, ()):
            fields.append(f'"{column.name}"')
            continue
        fields += [f'"{column.name}" * {tick} AS {"amount" if column.name == "ticks" else column.name}']
        fields += [f'"{column.name}" AS {"ticks" if column.name == "ticks" else column.name + "_ticks"}']
    return ", ".join(fields)


def _double(number: float) -> str:
    """A float64 literal, to the bit. DuckDB would read the bare digits as a DECIMAL and reckon exactly, unlike the ledger."""
    return f"CAST('{float(number)!r}' AS DOUBLE)"


def _trade_columns(log: EventLog, tick: str) -> str:
    """Columns of `trades`, with what follows from the chain's terms: see docs/event_log.md."""
    terms = log.header
    discount, royalty = _double(terms["discount"]), _double(terms["royalty"])
    first = "seller = 1"  # nobody but the house owned the right
    cash = f"(price - round_even({royalty} * price, 0)::BIGINT)" if terms["royalty"] else "price"
    kept = (
        f"(CASE WHEN kind = 1 THEN round_even({discount} * {cash}, 0)::BIGINT "
        f"WHEN kind IN (3, 4) THEN round_even({discount} * price, 0)::BIGINT ELSE 0 END)"
    )
    ticks = {
        "price": "price",
        "bid": "bid_over_price + price",
        "paid": "paid",
        "others_paid": "others_paid",
        "reward": "reward",
        "subsidy": f"CASE WHEN {first} OR kind = 5 THEN 0 WHEN kind = 1 THEN {cash} - paid - others_paid ELSE {kept} END",
        "withheld": f"CASE WHEN {first} OR kind <> 1 THEN 0 ELSE {cash} - {kept} END",
        "royalty": f"CASE WHEN {first} OR kind = 5 THEN 0 ELSE round_even({royalty} * (reward + {kept}), 0)::BIGINT END",
    }
    plain = ["trade", "step", "episode", '"row"', "kind", _KINDS, "bidder", "novice", "seller", "buyer"]
    money = [f"({value}) * {tick} AS {name}, ({value}) AS {name}_ticks" for name, value in ticks.items()]
    members = [_MEMBERS.format(last=log.members) if log.manifest.version > 1 else "buyers"] if log.members > 1 else []
    return ", ".join([*plain, *members, *money, '"check"'])


_MEMBERS = "[('0x' || hex(buyers)[8 * k + 1 : 8 * k + 8])::INTEGER FOR k IN range({last})]::INTEGER[{last}] AS buyers"
"""Members as a list, of the bytes that are on the disk."""
_KINDS = (
    "CASE kind WHEN 1 THEN 'sale' WHEN 2 THEN 'terminated' WHEN 3 THEN 'truncated' WHEN 4 THEN 'paused' "
    "ELSE 'contribution' END AS event"
)


def _errors() -> Any:
    import duckdb

    return duckdb.Error


def _refuse(reason: str) -> Any:
    words = " ".join(reason.split())
    raise InputError(f"DuckDB refuses the query: {words}")
