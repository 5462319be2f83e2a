"""What the event log writes: levels, tables, columns, types, units and encodings (docs/event_log.md says it in prose).

Money is in whole ticks; `amount = ticks * tick`. Accounts are the ledger's: 0 is the world, 1 the house, agents come after
and their numbers are never used twice. Columns that change slowly are delta encoded, noisy integers are split into byte
streams (so that their quiet high bytes compress away), and names are dictionaries.
"""

from dataclasses import dataclass
from typing import Any

FORMAT = 2
"""Version of the schema that is written. A log that was begun in an older readable version is continued in that one."""

READABLE = (1, 2)
"""Versions that are read; any other one is refused by name. Version 1 had `buyers` as lists of int32 on the disk too."""

LEVELS = ("off", "summary", "trades", "everything")
"""How much is logged. summary: episodes, entries, exits, balances and prices now and then; trades: every trade as well;
everything: also every single transfer and every bid (in plain rounds, step by step)."""

SNAPSHOT_EVERY = 20_000
"""Steps between two snapshots of balances and prices, if nobody says otherwise."""

DELTA, SPLIT, DICTIONARY, PLAIN = "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT", "dictionary", "PLAIN"


@dataclass(frozen=True)
class Column:
    """A column: its name, Arrow type (by name) and Parquet encoding.

    default: what rows hold that do not say, and all rows of parts that were written before the column was added; None: the
    column has always been there.
    """

    name: str
    kind: str
    encoding: str = PLAIN
    default: str | None = None


TRADES = (
    Column("trade", "int64", DELTA),
    Column("step", "int64", DELTA),
    Column("episode", "int64", DELTA),
    Column("row", "int32", DICTIONARY),
    Column("kind", "int8", DICTIONARY),
    Column("bidder", "int32", DICTIONARY),
    Column("novice", "bool"),
    Column("seller", "int32"),
    Column("buyer", "int32"),
    Column("price", "int64", SPLIT),
    Column("bid_over_price", "int64", DICTIONARY),
    Column("paid", "int64", SPLIT),
    Column("others_paid", "int64", DICTIONARY),
    Column("reward", "int64", DICTIONARY),
    Column("check", "uint16", SPLIT),
)
"""As written. Readers get `bid` for `bid_over_price`, which is 0 wherever the buyer's bid is the price. Where buyers are
syndicates of K > 1 members, a column `buyers` (fixed_size_list<int32>[K]) follows, on the disk as 4 K bytes a row, high bytes
first: Parquet takes three times as long to write a list."""

TABLES: dict[str, tuple[Column, ...]] = {
    "trades": TRADES,
    "episodes": (
        Column("episode", "int64", DELTA),
        Column("step", "int64", DELTA),
        Column("row", "int32", DICTIONARY),
        Column("return", "float64", DICTIONARY),
        Column("length", "int64", DELTA),
    ),
    "accounts": (
        Column("trade", "int64", DICTIONARY),
        Column("step", "int64", DICTIONARY),
        Column("account", "int32", DELTA),
        Column("balance", "int64", SPLIT),
    ),
    "prices": (
        Column("trade", "int64", DICTIONARY),
        Column("step", "int64", DICTIONARY),
        Column("account", "int32", DELTA),
        Column("price", "float64", SPLIT),
        Column("trades", "int64", DELTA),
    ),
    "agents": (
        Column("trade", "int64", DICTIONARY),
        Column("step", "int64", DICTIONARY),
        Column("account", "int32", DELTA),
        Column("event", "string", DICTIONARY),
        Column("cause", "string", DICTIONARY),
        Column("parent", "int32", DICTIONARY),
        Column("program", "string", DICTIONARY, default=""),
    ),
    "genealogy": (
        Column("trade", "int64", DICTIONARY),
        Column("step", "int64", DICTIONARY),
        Column("right", "int32", DICTIONARY),
        Column("uid", "int64", DELTA),
        Column("account", "int32"),
        Column("parent", "int64"),
        Column("other_parent", "int64"),
        Column("born", "int64", DELTA),
        Column("died", "int64"),
        Column("unit", "string", DICTIONARY),
        Column("program", "string", DICTIONARY),
    ),
    "transfers": (
        Column("trade", "int64", DELTA),
        Column("step", "int64", DELTA),
        Column("memo", "string", DICTIONARY),
        Column("payer", "int32", DICTIONARY),
        Column("payee", "int32", DICTIONARY),
        Column("ticks", "int64", SPLIT),
        Column("settled", "bool"),
    ),
    "bids": (
        Column("trade", "int64", DELTA),
        Column("row", "int32", DICTIONARY),
        Column("bidder", "int32", DICTIONARY),
        Column("ticks", "int64", SPLIT),
    ),
    "updates": (
        Column("trade", "int64", DICTIONARY),
        Column("step", "int64", DICTIONARY),
        Column("sales", "int64", DELTA),
        Column("surprise", "float64", SPLIT),
        Column("agents_changed", "int64", DELTA),
        Column("price_change", "float64", SPLIT),
    ),
}
"""Table -> columns. `updates` sums up learning between two snapshots: sales that were learned from, their mean |realised -
bid| (currency), agents whose own price changed, and the mean of |change| over them (currency; NaN where not known)."""


def arrow_type(kind: str) -> Any:
    """The pyarrow type of a column's kind."""
    import pyarrow

    return {"bool": pyarrow.bool_, "string": pyarrow.string}.get(kind, getattr(pyarrow, kind, None))()  # type: ignore[misc]


def decoded(table: str, members: int = 1) -> tuple[str, ...]:
    """The names of a table's columns as readers get them."""
    names = tuple("bid" if column.name == "bid_over_price" else column.name for column in TABLES[table])
    return (*names, "buyers") if table == "trades" and members > 1 else names
