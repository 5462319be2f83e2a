"""Between instances, compiled: taxes, shares to parents, deaths, births, and the level of the curriculum."""

import numpy as np
from numba import njit

from marketic.array_table import ints_1d, ints_2d
from marketic.hayek.books import (
    BIRTH,
    BORN,
    COLLAPSES,
    DEATH,
    EMPTY,
    HIGHEST,
    INSTANCES,
    LEVEL,
    MOTHER,
    NOVICE,
    PRICED,
    PRIZE,
    SEEN,
    SUCCESS,
    TREASURY,
    WINS,
)  # fmt: skip
from marketic.hayek.instance import BEGIN, BREED, PARENT, draw_size, list_agents, play
from marketic.hayek.interface import CODE, RANDOM, call_species
from marketic.hayek.parts import call_parent
from marketic.hayek.random_numbers import below, normal, uniform


@njit(cache=True)
def live(table, address, books, rules, instances):  # type: ignore[no-untyped-def]
    """Play this many instances with everything between them. Returns 0; 1 if money was lost; 2 if an instance did not open."""
    random = ints_1d(table, RANDOM)
    for _ in range(instances):
        size, prefix, full = draw_size(random, books.signal[LEVEL], rules)
        trial = uniform(random) < rules.trial
        if call_species(address[BEGIN], table, size, prefix, 0) != 0:
            return 2
        solved = play(table, address, books, rules, trial)
        if full and prefix == 0 and not trial:
            _adjust_level(books.signal, solved, rules)
        books.account[INSTANCES] += 1
        _tax_and_share(books, rules)
        _bury(books, rules)
        if uniform(random) < rules.birth_rate:
            _bear(table, address, books, rules, random)
        list_agents(books)
        if books.wealth.sum() + books.account[TREASURY] != books.account[1]:
            return 1
    return 0


@njit(cache=True)
def _adjust_level(signal, solved, rules):  # type: ignore[no-untyped-def]
    signal[SUCCESS] = rules.memory * signal[SUCCESS] + (1.0 - rules.memory) * solved
    signal[SEEN] += 1.0
    if signal[SUCCESS] > rules.level_rise and signal[SEEN] >= rules.patience and signal[LEVEL] < rules.largest:
        signal[LEVEL] = min(signal[LEVEL] + max(1.0, 0.1 * signal[LEVEL]), rules.largest)
        signal[SUCCESS], signal[SEEN] = 0.75, 0.0
    elif signal[SUCCESS] < rules.level_fall and signal[LEVEL] > rules.smallest:
        signal[LEVEL] = max(0.85 * signal[LEVEL], rules.smallest)
        signal[SUCCESS], signal[SEEN] = 0.6, 0.0
    if signal[LEVEL] > signal[HIGHEST]:
        signal[HIGHEST] = signal[LEVEL]
    if signal[HIGHEST] >= 8.0 and signal[LEVEL] < 0.5 * signal[HIGHEST]:
        signal[COLLAPSES] += 1.0
        signal[HIGHEST] = signal[LEVEL]


@njit(cache=True)
def _tax_and_share(books, rules):  # type: ignore[no-untyped-def]
    """Wealth tax, and a share of this instance's gains to the parents. Gains are counted before any of it."""
    endowment = np.int64(rules.endowment * PRIZE)
    for k in range(books.listing[0]):
        i = books.listed[k]
        books.start[i] = books.wealth[i] - books.start[i]
    for k in range(books.listing[0]):
        i = books.listed[k]
        beyond = books.wealth[i] - endowment
        if beyond > 0:
            tax = np.int64(rules.wealth_tax * beyond)
            books.wealth[i] -= tax
            books.account[TREASURY] += tax
        slot = books.parent_slot[i]
        if books.start[i] > 0 and slot >= 0 and books.status[slot] != EMPTY and books.uid[slot] == books.parent[i]:
            share = np.int64(rules.share * books.start[i])
            books.wealth[i] -= share
            books.wealth[slot] += share


@njit(cache=True)
def _bury(books, rules):  # type: ignore[no-untyped-def]
    """The poor and the idle leave; what they have goes to the treasury."""
    poor, now = np.int64(rules.below * rules.endowment * PRIZE), books.account[INSTANCES]
    for i in range(len(books.status)):
        if books.status[i] != EMPTY and (books.wealth[i] < poor or now - books.last_win[i] > rules.idle):
            books.account[TREASURY] += books.wealth[i]
            books.wealth[i] = 0
            books.status[i] = EMPTY
            books.log[books.uid[i], DEATH] = now


@njit(cache=True)
def _bear(table, address, books, rules, random):  # type: ignore[no-untyped-def]
    """One birth in the first empty slot, if there is one (and somebody pays)."""
    slots, child = len(books.status), -1
    for i in range(slots):
        if books.status[i] == EMPTY:
            child = i
            break
    if child < 0:
        return
    endowment = np.int64(rules.endowment * PRIZE)
    parent = -1 if uniform(random) < rules.fresh else _choose_parent(address, books, rules, random)
    if rules.parent_pays > 0.0 and parent >= 0:
        if books.wealth[parent] < 2 * endowment:
            return
        books.wealth[parent] -= endowment
    else:
        books.account[TREASURY] -= endowment
    donor = below(random, slots)
    call_species(address[BREED], table, child, parent, -1 if books.status[donor] == EMPTY else donor)
    books.wealth[child], books.status[child] = endowment, NOVICE
    _inherit_slope(books, rules, random, child, parent)
    uid = books.account[BORN]
    books.account[BORN] += 1
    books.uid[child], books.parent_slot[child] = uid, parent
    books.parent[child] = books.uid[parent] if parent >= 0 else -1
    books.last_win[child] = books.account[INSTANCES]
    books.log[uid, MOTHER], books.log[uid, BIRTH] = books.parent[child], books.account[INSTANCES]
    books.log[uid, DEATH], books.log[uid, WINS] = -1, 0
    books.code_log[uid] = ints_2d(table, CODE)[child]


@njit(cache=True)
def _choose_parent(address, books, rules, random):  # type: ignore[no-untyped-def]
    """Whom the part for it names among the agents with a price; -1: nobody, also where it names somebody who left."""
    count, least = books.listing[0], np.int64(rules.rich * rules.endowment * PRIZE)
    if count == 0:
        return -1
    chosen = call_parent(address[PARENT], books.wealth, books.listed, count, least, np.int64(rules.tournament), random)
    return chosen if 0 <= chosen < len(books.status) and books.status[chosen] == PRICED else -1


@njit(cache=True)
def _inherit_slope(books, rules, random, child, parent):  # type: ignore[no-untyped-def]
    """A random slope for a fresh program; a child's is its parent's, sometimes changed."""
    if parent < 0:
        books.slope[child] = uniform(random) * rules.slope
        return
    slope = books.slope[parent]
    if uniform(random) < rules.slope_change:
        slope = abs(slope + 0.3 * normal(random))
    books.slope[child] = min(slope, rules.slope)
