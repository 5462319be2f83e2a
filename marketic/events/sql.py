"""Asking a log questions in SQL: its tables as views in DuckDB, over the Parquet parts as they lie.

Views: trades, agents, genealogy, prices, accounts, episodes, transfers, bids, updates. Money is currency there (float64, and
exact for every amount below 2**53 ticks); columns that end in `_ticks` hold the integers.
"""

import itertools
from pathlib import Path
from typing import Any

from marketic.errors import InputError
from marketic.events.log import EventLog, open_log
from marketic.events.parts import path_of
from marketic.events.schema import TABLES, arrow_type

_MONEY = {"accounts": ("balance",), "transfers": ("ticks",), "bids": ("ticks",)}


def query(run: str | Path, statement: str) -> Any:
    """The answer to one SQL statement about a run's log, as a pyarrow table; columns of one name get numbers: a, a_1.

    Raises InputError without DuckDB, without a log, or for SQL that DuckDB refuses.
    """
    log = open_log(run)
    connection = connect(log)
    try:
        kinds = [str(part.type).rpartition(".")[2] for part in connection.extract_statements(statement)]
        if len(kinds) != 1 or kinds[0] not in _READING:
            _refuse(f"it wanted one statement that reads, such as SELECT, and got {' and '.join(kinds) or 'none'}")
        answer = connection.sql(statement).to_arrow_table()
        return answer.rename_columns(_unlike(answer.column_names))
    except _errors() as error:
        damaged = "/part-" in str(error) and ".parquet" in str(error)  # it names one of the log's files
        _refuse(f"{error}{' (marketic audit says which parts are sound)' if damaged else ''}")
    finally:
        connection.close()


_READING = ("SELECT", "EXPLAIN", "MULTI", "RELATION")


def _unlike(names: list[str]) -> list[str]:
    """Names, of which those that stood before get the first free number: a join has two columns `trade`."""
    taken: dict[str, None] = {}
    for name in names:
        others = (f"{name}_{k}" for k in itertools.count(1))
        taken[name if name not in taken else next(n for n in others if n not in taken and n not in names)] = None
    return list(taken)


def connect(log: EventLog) -> Any:
    """A DuckDB connection, in memory, with the log's views. Parts are read for it: it can open, write and fetch no file.

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
    connection.execute("SET enable_external_access = false")  # a statement that reads may hold one that writes
    try:
        for table in TABLES:
            connection.register(f"parts_{table}", _parts(log, table))
            waits = table in log.waiting_tables
            if waits:
                connection.register(f"waiting_{table}", log.waiting_tables[table])
            more = f" UNION ALL BY NAME SELECT * FROM waiting_{table}" if waits else ""
            source = f"(SELECT * FROM parts_{table}{more})"
            connection.execute(f"CREATE VIEW {table} AS SELECT {_columns(log, table)} FROM {source}")
    except (duckdb.Error, OSError) as error:
        why = str(error).splitlines()[0]
        raise InputError(
            f"the log in {log.folder} has a part that cannot be read ({why}): `marketic audit` says which"
        ) from None
    return connection


def _parts(log: EventLog, table: str) -> Any:
    """The parts of a table, as a pyarrow dataset that is read where a query needs it. What older parts lack is null."""
    import pyarrow
    import pyarrow.dataset

    fields = [pyarrow.field(column.name, arrow_type(column.kind)) for column in TABLES[table]]
    if table == "trades" and log.members > 1:
        lists = pyarrow.list_(pyarrow.int32(), log.members)
        fields.append(pyarrow.field("buyers", lists if log.manifest.version == 1 else pyarrow.binary(4 * log.members)))
    schema = pyarrow.schema(fields)
    files = [str(path_of(log.folder, table, part["part"])) for part in log.manifest.parts if table in part["tables"]]
    return pyarrow.dataset.dataset(files, schema=schema, format="parquet") if files else schema.empty_table()


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
