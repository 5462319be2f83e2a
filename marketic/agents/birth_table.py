"""Births and deaths of families whose agents sit on seats, in bounded memory: the table behind their genealogies.

One row per agent in order of birth: UID, PARENT and OTHER (uids, -1: none), BORN, DIED (trades so far; DIED -1: alive), then
what it did, as whole numbers. When the table is full, the dead from whom nobody alive descends by first parents are
forgotten; if the living and their ancestors alone fill more than half of it, so are the oldest of the dead, whose children then
name a parent that nobody remembers.
"""

from collections.abc import Callable

import numpy as np
from numba import njit

from marketic.genealogy import Genealogy

UID, PARENT, OTHER, BORN, DIED, CODE = 0, 1, 2, 3, 4, 5
PER_AGENT = 4
"""Rows for each agent that can be alive at a time."""


def open_births(agents: int, code: int) -> np.ndarray:
    """An empty table for at most so many living agents, each of `code` whole numbers: int64 [1 + rows, CODE + code].

    The first number of row 0 says how many rows are in use.
    """
    return np.zeros((1 + PER_AGENT * agents + 16, CODE + code), dtype=np.int64)


@njit(cache=True)
def find(table, uid):  # type: ignore[no-untyped-def]
    """The row of an agent, or -1 if nobody remembers it."""
    low, high = 1, table[0, 0]
    while low <= high:
        middle = (low + high) // 2
        if table[middle, UID] == uid:
            return middle
        if table[middle, UID] < uid:
            low = middle + 1
        else:
            high = middle - 1
    return -1


@njit(cache=True)
def note_birth(table, uid, parent, other, born):  # type: ignore[no-untyped-def]
    """A row for a newborn; uids grow. Returns the row, whose code the caller writes."""
    if table[0, 0] + 1 == len(table):
        forget(table)
    table[0, 0] += 1
    row = table[0, 0]
    table[row, UID], table[row, PARENT], table[row, OTHER] = uid, parent, other
    table[row, BORN], table[row, DIED] = born, -1
    return row


@njit(cache=True)
def note_death(table, uid, died):  # type: ignore[no-untyped-def]
    """An agent has left."""
    row = find(table, uid)
    if row > 0:
        table[row, DIED] = died


@njit(cache=True)
def forget(table):  # type: ignore[no-untyped-def]
    """Make room: see the head of this file."""
    used, kept = table[0, 0], 0
    needed = np.zeros(used + 1, dtype=np.uint8)
    for row in range(used, 0, -1):  # children come after their parents
        if needed[row] == 1 or table[row, DIED] < 0:
            needed[row] = 1
            kept += 1
            parent = find(table, table[row, PARENT])
            if parent > 0:
                needed[parent] = 1
    for row in range(1, used + 1):
        if kept <= len(table) // 2:
            break
        if needed[row] == 1 and table[row, DIED] >= 0:
            needed[row] = 0
            kept -= 1
    last = 0
    for row in range(1, used + 1):
        if needed[row] == 1:
            last += 1
            table[last] = table[row]
    table[0, 0] = last


def genealogy_of(table: np.ndarray, seats: np.ndarray, program: Callable[[np.ndarray], str]) -> Genealogy:
    """What a table remembers. seats: int64 [agents], the uid on each, -1: nobody. program: a row's code -> words."""
    rows = table[1 : 1 + int(table[0, 0])].copy()
    taken = np.flatnonzero(seats >= 0)
    order = taken[np.argsort(seats[taken])]
    agent = np.full(len(rows), -1)
    agent[np.searchsorted(rows[:, UID], seats[order])] = order  # the living are never forgotten
    parents = rows[:, [PARENT, OTHER]]
    return Genealogy(rows[:, UID], parents, rows[:, BORN], rows[:, DIED], agent, lambda row: program(rows[row, CODE:]))
