"""Saved programs, looked at before they trade: literals, actions and seats that are not there would be read beyond arrays."""

import numpy as np

from marketic.agents.saved_arrays import State, check_arrays, check_births, check_range

ROWS = ("repeats", "ran", "tape")
"""Arrays with an entry per auction held at a time, or per trade of the episodes under way."""


def check_saved(given: State, own: State, literals: int, actions: int) -> None:
    """Raise InputError unless `given` may replace `own`, the state of programs over so many literals and actions."""
    check_arrays("programs", given, own, ROWS)
    for part in ("", "licensed_"):
        check_range("programs", f"{part}guard", given[f"{part}guard"], -1, literals)
        check_range("programs", f"{part}action", given[f"{part}action"], 0, actions)
    rows, tape = len(given["repeats"]), given["tape"]
    check_range("programs", "until", given["until"], -1, literals)
    check_range("programs", "repeats", given["repeats"], -1, len(given["uid"]))
    check_range("programs", "ran", given["ran"], 0, 2**53)
    check_range("programs", "ran: its length", np.array([len(given["ran"])]), rows, rows + 1)
    check_range("programs", "tape: a row", tape[:, 0], 0, rows)
    check_range("programs", "tape: an action", tape[:, 1], 0, actions)
    check_range("programs", "trades", given["trades"], 0, 2**53)
    check_births("programs", given["kin"])
