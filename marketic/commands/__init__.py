"""What the command line does, one room per kind of command; `marketic.cli` only reads the arguments."""

import json
from typing import Any


def print_json(result: dict[str, Any]) -> None:
    """One JSON object, on one line of stdout."""
    print(json.dumps(result, allow_nan=False), flush=True)
