"""The public record: what became of past trades, bit-sliced so that a condition is judged 64 problems at a time.

For each action a ring of the last `size` problems at which it was taken on purpose of learning. Column b holds position b of
all of them as a bit set, one more column who won, and one more which entries are used. How often a condition matched, and
won, is then a few ANDs and population counts (the machine instruction). A record is memory: comparisons with learners
that have none must say so.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from marketic.agents.rule_bits import EVERYTHING, NOTHING, ONE, has, popcount
from marketic.numbers import check_room


class Record(NamedTuple):
    """columns: uint64 [actions, positions + 2, size / 64], the last two: won, used. at: int64 [actions], problems so far."""

    columns: np.ndarray
    at: np.ndarray


def open_record(actions: int, positions: int, size: int) -> Record:
    """An empty record of `size` problems per action, a multiple of 64 (0: none). Raises InputError for one beyond memory."""
    why = f"PublicRecord: size={size} of {actions} actions and {positions} positions"
    check_room(actions * (positions + 2) * (size // 64), why, "keep fewer problems")
    return Record(np.zeros((actions, positions + 2, size // 64), np.uint64), np.zeros(actions, np.int64))


@njit(cache=True, forceinline=True)
def words_used(record, action):  # type: ignore[no-untyped-def]
    """How many words of the action's columns have anything in them."""
    size = record.columns.shape[2]
    return min(size, (record.at[action] + 63) >> 6)


@njit(cache=True)
def write(record, action, x, won):  # type: ignore[no-untyped-def]
    """Enter a problem, uint64 [W], and whether the action won; the oldest one makes room."""
    columns = record.columns[action]
    positions, size = columns.shape[0] - 2, columns.shape[1]
    place = record.at[action] % (size * 64)
    word, bit = place >> 6, ONE << np.uint64(place & 63)
    for position in range(positions):
        if has(x, position):
            columns[position, word] |= bit
        else:
            columns[position, word] &= ~bit
    if won:
        columns[positions, word] |= bit
    else:
        columns[positions, word] &= ~bit
    columns[positions + 1, word] |= bit
    record.at[action] += 1


@njit(cache=True, forceinline=True)
def keep_all(columns, used, cases):  # type: ignore[no-untyped-def]
    """All entries: cases uint64 [size] becomes the set of those used."""
    last = columns.shape[0] - 1
    for w in range(used):
        cases[w] = columns[last, w]


@njit(cache=True, forceinline=True)
def keep_like(columns, used, x, position, cases):  # type: ignore[no-untyped-def]
    """Only those of the cases that agree with x at a position stay."""
    column = columns[position]
    turn = NOTHING if has(x, position) else EVERYTHING
    for w in range(used):
        cases[w] &= column[w] ^ turn


@njit(cache=True, forceinline=True)
def tally(columns, used, cases):  # type: ignore[no-untyped-def]
    """(wins, cases) as int64."""
    won = columns[columns.shape[0] - 2]
    wins, seen = np.int64(0), np.int64(0)
    for w in range(used):
        seen += popcount(cases[w])
        wins += popcount(cases[w] & won[w])
    return wins, seen


@njit(cache=True, forceinline=True)
def tally_like(columns, used, x, position, cases):  # type: ignore[no-untyped-def]
    """(wins, cases) among those of the cases that agree with x at a position; nothing is changed."""
    won, column = columns[columns.shape[0] - 2], columns[position]
    turn = NOTHING if has(x, position) else EVERYTHING
    wins, seen = np.int64(0), np.int64(0)
    for w in range(used):
        kept = cases[w] & (column[w] ^ turn)
        seen += popcount(kept)
        wins += popcount(kept & won[w])
    return wins, seen
