"""One instance of the economy, compiled: the right to act is sold again and again until the prize is won or time is up.

Holland's bucket brigade in Baum's form (Holland 1985; Baum 1999): the winner pays the owner before it (the house first), acts
as long as its body runs, and sells. The last owner gets the prize. Every price is a share of the prize, every step of a price a
share of prize / size: what one unit of progress is worth.
"""

import math

import numpy as np
from numba import njit

from marketic.array_table import ints_1d
from marketic.hayek.books import AUCTIONS, NOVICE, PRICED, PRIZE, PRIZES, SOLVED_COUNT, STEPS, TREASURY
from marketic.hayek.interface import (
    ACTS,
    CAP,
    OVER,
    PROGRESS,
    RANDOM,
    SIZE,
    SOLVED,
    STATE,
    TICKS,
    call_species,
    call_world,
)
from marketic.hayek.random_numbers import below, uniform

BEGIN, APPLIES, PERFORM, BREED, ALIKE, ENTRY, PARENT = 0, 1, 2, 3, 4, 5, 6
"""Places of a species' functions among the addresses, and of the parts of `marketic.hayek.parts`."""


@njit(cache=True)
def play(table, address, books, rules, trial):  # type: ignore[no-untyped-def]
    """Play the instance that is open. trial: novices may enter. Returns 1 if it was solved, else 0."""
    state = ints_1d(table, STATE)
    _write_bids(state, books, rules)
    owner, title = -1, 0
    state[TICKS] = 0
    while state[OVER] == 0 and state[TICKS] < state[CAP]:
        winner, top, second = _best(table, address, state, books, rules, owner, title)
        if trial:
            novice, bid = _try_novice(table, address, state, books, rules, winner, top)
            if novice >= 0:
                winner, top, second = novice, bid, top
        if winner < 0:
            break
        price = max(second, 1) if rules.second_price > 0.0 else top
        _pay(books, winner, owner, price)
        owner, title = winner, price
        books.account[AUCTIONS] += 1
        steps = min(max(call_species(address[PERFORM], table, winner, 0, 0), 1), state[CAP] - state[TICKS])
        state[TICKS] += steps
        books.account[STEPS] += steps
        books.last_win[winner] = books.account[2]
        books.log[books.uid[winner], 3] += 1
        _pay(books, winner, -1, np.int64(rules.move_tax * PRIZE / state[SIZE] * steps))
    return _award(state, books, rules, owner)


@njit(cache=True)
def _earned(state, rules):  # type: ignore[no-untyped-def]
    """What the world would pay if the instance ended here unsolved, ticks: nobody gets the state for less."""
    return PRIZE * state[PROGRESS] // state[SIZE] if rules.progress_prize > 0.0 else 0


@njit(cache=True)
def _award(state, books, rules, owner):  # type: ignore[no-untyped-def]
    """The prize, or the share of it that was earned, goes to the last owner. Returns 1 if the instance was solved, else 0."""
    solved = 1 if state[SOLVED] == 1 and owner >= 0 else 0
    prize = PRIZE * solved
    if rules.progress_prize > 0.0 and owner >= 0:
        prize = _earned(state, rules)
    if prize > 0:
        books.wealth[owner] += prize
        books.account[PRIZES] += prize
    books.account[SOLVED_COUNT] += solved
    return solved


@njit(cache=True)
def _write_bids(state, books, rules):  # type: ignore[no-untyped-def]
    """This instance's bids of everybody with a price, as a function of progress; and what each agent starts with."""
    size = float(state[SIZE])
    for k in range(books.listing[0]):
        i = books.listed[k]
        _write_bid(i, size, books, rules)
        books.start[i] = books.wealth[i]


@njit(cache=True)
def _write_bid(i, size, books, rules):  # type: ignore[no-untyped-def]
    if rules.progress_form > 0.0:
        books.base[i] = PRIZE * books.offset[i]
    else:
        books.base[i] = PRIZE * (1.0 - books.slope[i] - books.offset[i] / size)
    books.rise[i] = PRIZE * books.slope[i] / size


@njit(cache=True)
def _best(table, address, state, books, rules, owner, title):  # type: ignore[no-untyped-def]
    """The highest bidder among those that may bid, its bid and the second; -1 and what the world bids if there is none."""
    progress, winner = float(state[PROGRESS]), -1
    top = second = _earned(state, rules)
    least = top + 1 if rules.progress_prize > 0.0 else np.int64(-PRIZE * 1000)
    floor = np.int64(rules.below * rules.endowment * PRIZE) if rules.insolvency > 0.0 else 0
    most = np.int64(min(rules.stop_loss, 1e6) * PRIZE)
    vickrey, wanted = rules.second_price > 0.0, ACTS if rules.idle_ban > 0.0 else 1
    for k in range(books.listing[0]):
        i = books.listed[k]
        bid = max(np.int64(books.base[i] + books.rise[i] * progress), least)
        if bid <= second or (bid <= top and not vickrey):
            continue
        equity = books.wealth[i] + (title if i == owner else 0)
        if equity < bid or equity < floor or equity < books.start[i] - most:
            continue
        if call_species(address[APPLIES], table, i, 0, 0) < wanted:
            continue
        if bid > top:
            winner, top, second = i, bid, top
        else:
            second = bid
    return winner, top, second


@njit(cache=True)
def _try_novice(table, address, state, books, rules, winner, top):  # type: ignore[no-untyped-def]
    """A random novice that applies here takes a price just above the winner's, and has won: its slot and bid, or -1, 0."""
    count, slots, random = books.listing[1], len(books.listed), ints_1d(table, RANDOM)
    if count == 0:
        return -1, 0
    first = below(random, count)
    for k in range(count):
        place = slots - 1 - (first + k) % count
        i = books.listed[place]
        if call_species(address[APPLIES], table, i, 0, 0) == ACTS:
            bid = call_world(address[ENTRY], state, top, np.int64(rules.premium * PRIZE), random)
            same = winner >= 0 and rules.twins == 0.0 and call_species(address[ALIKE], table, i, winner, 0) == 1
            if same or bid <= top or bid >= PRIZE or books.wealth[i] < bid:
                return -1, 0
            _fix_price(state, books, rules, i, bid, place)
            return i, bid
    return -1, 0


@njit(cache=True)
def _fix_price(state, books, rules, i, bid, place):  # type: ignore[no-untyped-def]
    """Solve for the offset that makes this bid here, and move the novice from the one list to the other."""
    size = float(state[SIZE])
    done = state[PROGRESS] / size
    if rules.progress_form > 0.0:
        books.offset[i] = bid / PRIZE - books.slope[i] * done
    else:
        books.offset[i] = size * (1.0 - books.slope[i] * (1.0 - done) - bid / PRIZE)
    last = len(books.listed) - books.listing[1]
    books.listed[place] = books.listed[last]
    books.listing[1] -= 1
    books.listed[books.listing[0]] = i
    books.listing[0] += 1
    books.status[i] = PRICED
    books.start[i] = books.wealth[i]
    _write_bid(i, size, books, rules)


@njit(cache=True)
def _pay(books, payer, payee, ticks):  # type: ignore[no-untyped-def]
    """From an agent to an agent, or to the treasury (payee -1)."""
    books.wealth[payer] -= ticks
    if payee >= 0:
        books.wealth[payee] += ticks
    else:
        books.account[TREASURY] += ticks
    if books.watch[0] == 1:
        books.trade[payer, payee] += ticks


@njit(cache=True)
def draw_size(random, level, rules):  # type: ignore[no-untyped-def]
    """Size, prefix and whether the size is the level's: see `Curriculum`."""
    top = int(level)
    full = uniform(random) < rules.full
    size = top
    if not full:
        low, high = math.log(rules.smallest), math.log(top + 1.0)
        size = min(int(math.exp(low + uniform(random) * (high - low))), top)
    prefix = below(random, top + 1) if uniform(random) < rules.prefix else 0
    return size, prefix, full


@njit(cache=True)
def list_agents(books):  # type: ignore[no-untyped-def]
    """Write the lists of agents with a price and without."""
    books.listing[0], books.listing[1] = 0, 0
    slots = len(books.listed)
    for i in range(slots):
        if books.status[i] == PRICED:
            books.listed[books.listing[0]] = i
            books.listing[0] += 1
        elif books.status[i] == NOVICE:
            books.listing[1] += 1
            books.listed[slots - books.listing[1]] = i
