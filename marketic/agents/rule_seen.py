"""The situations that a market has seen, each once: a set of bit strings in compiled code (open addressing, linear probing)."""

from typing import NamedTuple

import numpy as np
from numba import njit

from marketic.numbers import check_room


class Seen(NamedTuple):
    """words: uint64 [memory, W], the first counts[0] of them used; table: int64 [4 * memory], place in `words` or -1.

    counts: int64 [2]: situations, and positions in an observation.
    """

    words: np.ndarray
    table: np.ndarray
    counts: np.ndarray


def open_seen(memory: int, words: int, positions: int = 0) -> Seen:
    """An empty set with room for `memory` situations. Raises InputError for one beyond memory."""
    check_room(memory * max(words, 4), f"Prices: memory={memory}", "remember fewer situations")
    return Seen(np.zeros((memory, words), np.uint64), np.full(4 * memory, -1), np.array([0, positions]))


@njit(cache=True)
def note(seen, x):  # type: ignore[no-untyped-def]
    """Remember a situation, uint64 [W], if it is new and there is room."""
    key = np.uint64(0)
    for w in range(x.shape[0]):
        key = (key ^ x[w]) * np.uint64(0xFF51AFD7ED558CCD)
        key ^= key >> np.uint64(32)
    size = seen.table.shape[0]
    place = np.int64(key % np.uint64(size))
    while seen.table[place] >= 0:
        known, same = seen.words[seen.table[place]], True
        for w in range(x.shape[0]):
            same = same and known[w] == x[w]
        if same:
            return
        place = (place + 1) % size
    if seen.counts[0] < seen.words.shape[0]:
        seen.table[place] = seen.counts[0]
        seen.words[seen.counts[0]] = x
        seen.counts[0] += 1
