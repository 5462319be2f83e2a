"""The books of a market of rules: who there is, what each knows and owns, and where its money came from.

A rule sits on a seat; seats are used again. Money is in integer ticks of 2**-20 and double entry: the wealth of all
rules, the house and the world add up to 0 after every trade, compared with `==`. The world pays rewards, the house endows
entrants, bets against every rule, collects taxes, and inherits from those who leave. A rule pays its tax where it matches a
problem that is settled, and everybody pays before bankrupts leave; in between, who is richest, poorest or leads is judged by
what stands in the books, tax that is due not taken off.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from marketic.agents.birth_table import CODE, note_birth, note_death, open_births
from marketic.agents.rule_bits import BLOCK, EVERYTHING, words_for
from marketic.agents.splitmix import seeded
from marketic.ledger import HOUSE, WORLD

TICKS = 2.0**20
"""Ticks per unit of currency."""
MOST_MONEY = 2**16
"""Most that the house may stake, or give to an entrant, currency: all rules together stay far below 2**63 ticks."""
LEAST_STAKE = 1e-100
"""Least that the house may stake: what is divided by it, or by its square, stays finite."""
TOP, ALIVE, PROBLEMS, BORN, LEFT = range(5)
"""Entries of `counts`: seats in use or used before, rules alive, trades so far, rules born, rules that left."""
MOST_CHILDREN = 64
"""Entrants at one trade, at most."""
TAX, OPEN = range(2)
"""Entries of `clock`: the wealth tax due so far, as a rate of continuous decay; the recent share of open situations."""


class Books(NamedTuple):
    """One array per column; C seats.

    mask, value: uint64 [words, C], conditions. action, wealth (ticks), uid, parent (uid of the first parent, -1: none),
    born (trades so far): int64 [C]; uid -1 marks an empty seat. trials, wins, stamp (tax paid up to), price, variance:
    float64 [C]. empty: int64 [C], seats to use next. flags, hits: scratch. money: int64 [2], ticks of WORLD and HOUSE.
    counts, clock: see the constants. random: uint64 [1]. kin: who descends from whom, the dead too (see `birth_table`); code:
    the action, mask and value.
    """

    mask: np.ndarray
    value: np.ndarray
    action: np.ndarray
    wealth: np.ndarray
    uid: np.ndarray
    parent: np.ndarray
    born: np.ndarray
    trials: np.ndarray
    wins: np.ndarray
    stamp: np.ndarray
    price: np.ndarray
    variance: np.ndarray
    empty: np.ndarray
    flags: np.ndarray
    hits: np.ndarray
    money: np.ndarray
    counts: np.ndarray
    clock: np.ndarray
    random: np.ndarray
    kin: np.ndarray


SCRATCH = ("flags", "hits")


def open_books(positions: int, capacity: int, rng: np.random.Generator) -> Books:
    """Empty books for `capacity` rules over so many positions."""
    words = words_for(positions)
    mask, value = np.zeros((words, capacity), np.uint64), np.zeros((words, capacity), np.uint64)
    mask[-1], value[-1] = EVERYTHING, EVERYTHING
    whole, real = np.zeros((5, capacity), np.int64), np.zeros((5, capacity))
    whole[2:4] = -1
    columns = dict(
        zip(Books._fields, [mask, value, *(row.copy() for row in whole), *(row.copy() for row in real)], strict=False)
    )
    return Books(
        **columns, empty=np.arange(capacity)[::-1].copy(), flags=np.zeros(BLOCK, np.uint8),
        hits=np.zeros(capacity + MOST_CHILDREN, np.int64), money=np.zeros(2, np.int64), counts=np.zeros(5, np.int64),
        clock=np.array([0.0, 1.0]), random=seeded(rng), kin=open_births(capacity, 1 + 2 * words),
    )  # fmt: skip


@njit(cache=True, forceinline=True)
def move_money(books, seat, account, ticks):  # type: ignore[no-untyped-def]
    """A rule receives `ticks` (it pays, if they are negative) from WORLD or HOUSE."""
    books.wealth[seat] += ticks
    books.money[account] -= ticks


@njit(cache=True)
def enter(books, mask, value, action, parent, other, endowment):  # type: ignore[no-untyped-def]
    """Seat a rule: mask, value uint64 [W]; parent, other: uids of its parents, -1: none; endowment in ticks from the house.

    Returns its seat, or -1 if all are taken.
    """
    alive = books.counts[ALIVE]
    if alive == books.action.shape[0]:
        return -1
    seat = books.empty[books.action.shape[0] - 1 - alive]
    for w in range(mask.shape[0]):
        books.mask[w, seat] = mask[w]
        books.value[w, seat] = value[w] & mask[w]
    books.action[seat], books.parent[seat] = action, parent
    books.uid[seat], books.born[seat] = books.counts[BORN], books.counts[PROBLEMS]
    row = note_birth(books.kin, books.counts[BORN], parent, other, books.counts[PROBLEMS])
    books.kin[row, CODE] = action
    for w in range(mask.shape[0]):
        books.kin[row, CODE + 1 + w] = np.int64(books.mask[w, seat])
        books.kin[row, CODE + 1 + mask.shape[0] + w] = np.int64(books.value[w, seat])
    books.trials[seat], books.wins[seat], books.stamp[seat] = 0.0, 0.0, books.clock[TAX]
    books.price[seat], books.variance[seat] = 0.0, 0.0
    books.wealth[seat] = 0
    move_money(books, seat, HOUSE, endowment)
    books.counts[ALIVE] += 1
    books.counts[BORN] += 1
    books.counts[TOP] = max(books.counts[TOP], seat + 1)
    return seat


@njit(cache=True)
def leave(books, seat):  # type: ignore[no-untyped-def]
    """A rule leaves; the house inherits."""
    note_death(books.kin, books.uid[seat], books.counts[PROBLEMS])
    move_money(books, seat, HOUSE, -books.wealth[seat])
    last = books.mask.shape[0] - 1
    books.mask[last, seat] = EVERYTHING
    books.value[last, seat] = EVERYTHING
    books.uid[seat] = -1
    books.counts[ALIVE] -= 1
    books.counts[LEFT] += 1
    books.empty[books.action.shape[0] - 1 - books.counts[ALIVE]] = seat


@njit(cache=True, forceinline=True)
def collect_tax(books, seat):  # type: ignore[no-untyped-def]
    """The wealth tax since the rule last paid it goes to the house."""
    due = books.clock[TAX] - books.stamp[seat]
    if due > 0.0:
        kept = np.int64(np.floor(books.wealth[seat] * np.exp(-due)))
        move_money(books, seat, HOUSE, kept - books.wealth[seat])
        books.stamp[seat] = books.clock[TAX]


@njit(cache=True, forceinline=True)
def raise_tax(books, rate, budget):  # type: ignore[no-untyped-def]
    """One more trade: everybody owes `rate` of its wealth, or budget / rules alive if that is less."""
    books.clock[TAX] += min(rate, budget / max(books.counts[ALIVE], 1))


@njit(cache=True)
def bury(books, least):  # type: ignore[no-untyped-def]
    """Collect everybody's tax; who then owns less than `least` ticks leaves."""
    for seat in range(books.counts[TOP]):
        if books.uid[seat] >= 0:
            collect_tax(books, seat)
            if books.wealth[seat] < least:
                leave(books, seat)
    while books.counts[TOP] > 0 and books.uid[books.counts[TOP] - 1] < 0:
        books.counts[TOP] -= 1


def total(books: Books) -> int:
    """All money there is, in ticks: 0, always."""
    return int(books.wealth[books.uid >= 0].sum()) + int(books.money.sum())


__all__ = ["HOUSE", "WORLD", "Books"]
