"""The event log: everything that happened in a market, as append-only Parquet parts that can be queried and audited.

`schema` says what is written, `tape` catches it inside compiled code, `writer` turns it into parts, `manifest` chains
the parts together, `log` reads them back, `sql` asks them questions, `replay` moves the money again, `auditing` proves it.
"""

from typing import Any

from marketic.lazy_names import first_use

_HOMES = {
    "EventLog": "marketic.events.log",
    "EventWriter": "marketic.events.writer",
    "LEVELS": "marketic.events.schema",
    "audit": "marketic.events.auditing",
    "open_log": "marketic.events.log",
    "query": "marketic.events.sql",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    return first_use(globals(), _HOMES, name)


def __dir__() -> list[str]:
    return __all__
