"""Frozen play: agents with fixed prices on fresh instances, their wealth anew with each. Nobody learns, enters or leaves."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from marketic.array_table import ints_1d
from marketic.errors import InputError
from marketic.hayek.books import AUCTIONS, PRICED, open_books
from marketic.hayek.doors import check_agents, seed_of
from marketic.hayek.instance import BEGIN, list_agents, play
from marketic.hayek.interface import CODE, PROGRESS, STATE, TICKS, Species, call_species
from marketic.hayek.rules import Rules
from marketic.hayek.snapshot import Snapshot
from marketic.numbers import MOST_ENTRIES, all_finite, whole

MOST_AGENTS = 2**14
"""Who pays whom has to fit into memory."""


@dataclass(frozen=True)
class Outcomes:
    """What came of each instance: solved bool [count]; steps, auctions, progress int64 [count].

    trade: ticks paid by agent i to agent j over all instances, int64 [n + 1, n + 1], the treasury last; wins int64 [n].
    """

    solved: np.ndarray
    steps: np.ndarray
    auctions: np.ndarray
    progress: np.ndarray
    trade: np.ndarray
    wins: np.ndarray

    @property
    def rate(self) -> float:
        """Share of the instances that were solved."""
        return float(self.solved.mean())


def try_out(
    species: Species,
    agents: Snapshot,
    size: int,
    count: int,
    *,
    seed: int,
    rules: Rules,
    prefix: int = 0,
    failures: int | None = None,
) -> Outcomes:
    """Play `count` >= 1 instances of `size` units. seed: of the instances and of nothing else.

    prefix: units below that are solved already. failures: stop after so many (the outcomes are then fewer). Raises
    InputError for no agents, no instances, and numbers that are not whole.
    """
    check_agents(agents, MOST_AGENTS, species)
    n = len(agents)
    if n == 0:
        raise InputError("an empty population cannot play: train longer, or start with agents=")
    size, count, prefix = _checked(size, count, prefix)
    failures = count if failures is None else whole("failures", failures, 1)
    seed = seed_of(seed)
    table = species.table(n, size + prefix, seed)
    address = np.append(species.functions.addresses(), [0, 0])  # nobody enters, nobody is born
    table.arrays[CODE][:] = agents.code
    books = open_books(n, n, species.code_length)
    books.status[:], books.slope[:], books.offset[:], books.uid[:] = PRICED, agents.slope, agents.offset, np.arange(n)
    books.watch[0] = 1
    list_agents(books)
    found = np.zeros((count, 4), dtype=np.int64)
    played = _play_all(table.rows, address, books, rules, agents.wealth, size, prefix, failures, found)
    if played < 0:
        raise InputError(f"the world did not open an instance of size {size} above {prefix}")
    found = found[:played]
    return Outcomes(found[:, 0] == 1, found[:, 1], found[:, 2], found[:, 3], books.trade, books.log[:, 3])


def _checked(size: Any, count: Any, prefix: Any) -> tuple[int, int, int]:
    if not all_finite(size, count, prefix) or size < 1 or count < 1 or prefix < 0:
        raise InputError(f"size={size!r}, count={count!r}, prefix={prefix!r}: wanted size and count >= 1, prefix >= 0")
    size, count = whole("size", size, 1, MOST_ENTRIES), whole("count", count, 1, MOST_ENTRIES // 4)
    return size, count, whole("prefix", prefix, 0, MOST_ENTRIES)


@njit(cache=True)
def _play_all(table, address, books, rules, wealth, size, prefix, failures, found):  # type: ignore[no-untyped-def]
    """Returns how many instances were played, -1 if one did not open."""
    state = ints_1d(table, STATE)
    failed = 0
    for k in range(len(found)):
        books.wealth[:] = wealth
        before = books.account[AUCTIONS]
        if call_species(address[BEGIN], table, size, prefix, 0) != 0:
            return -1
        found[k, 0] = play(table, address, books, rules, False)
        found[k, 1], found[k, 2] = state[TICKS], books.account[AUCTIONS] - before
        found[k, 3] = state[PROGRESS]
        failed += 1 - found[k, 0]
        if failed >= failures:
            return k + 1
    return len(found)
