"""Writing TOML (the standard library only reads it): tables of plain data, and one value typed on a command line."""

import json
import re
import tomllib
from typing import Any

from marketic.errors import InputError

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(data: dict[str, Any], heading: str = "") -> str:
    """A TOML document of values from `marketic.options.plain`; tables in tables get headers, deeper ones are inline.

    >>> print(to_toml({"steps": 5, "market": {"env": "FrozenLake-v1", "options": {"discount": 0.99}}}))
    steps = 5
    <BLANKLINE>
    [market]
    env = "FrozenLake-v1"
    <BLANKLINE>
    [market.options]
    discount = 0.99
    <BLANKLINE>
    """
    depth = heading.count(".") + 1 if heading else 0
    tables = {key: value for key, value in data.items() if isinstance(value, dict) and depth < 2}
    lines = [f"[{heading}]"] if heading else []
    lines += [
        f"{_key(key)} = {_value(value)}" for key, value in data.items() if key not in tables and value is not None
    ]
    text = "\n".join(lines) + "\n"
    for key, table in tables.items():
        text += "\n" + to_toml(table, f"{heading}.{_key(key)}" if heading else _key(key))
    return text


def parse_value(text: str) -> Any:
    """A value typed by hand: TOML if it is TOML, else the text itself, so that bare words need no quotes.

    >>> parse_value("0.5"), parse_value("[1, 2]"), parse_value("payment")
    (0.5, [1, 2], 'payment')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def parse_assignments(pairs: list[str], example: str = "--set learning_rate=0.1") -> dict[str, Any]:
    """`["key=value", ...]` as a table. Raises InputError, with the example, for one without "=" or with an empty key."""
    table: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise InputError(f"{example.split()[0]} {pair!r}: wanted key=value, e.g. {example}")
        table[key.strip()] = parse_value(value.strip())
    return table


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None) + "}"
    raise InputError(f"{value!r} cannot be written as TOML: see marketic.options.plain")
