"""Catching events where they happen: compiled settlement notes every sale on a tape of integers.

The tape is an int64 array that stays where it is, so compiled loops can write to it; Python empties it between two
calls (`marketic.events.writer`). At level off the tape has no rows and one comparison per settled row is all it costs.
"""

import numpy as np
from numba import njit

LEVEL, CURSOR, STEP, EPISODES, RIGHTS, CUT, HEAD = range(7)
"""Entries of the tape's state, int64 [HEAD + copies]: the level (an index of `schema.LEVELS`); rows on the tape;
environment steps made; episodes begun; rights per copy of the environment; 1 while training makes a clean break; from
HEAD on, the number of each copy's present episode."""

(AT_STEP, AT_EPISODE, AT_ROW, AT_KIND, AT_BIDDER, AT_NOVICE, AT_SELLER, AT_PRICE, AT_BID, AT_PAID, AT_OTHERS,
 AT_REWARD, AT_CHECK, AT_BUYERS) = range(14)  # fmt: skip
"""Columns of the tape; the K members of the buyer stand from AT_BUYERS on."""

SALE, TERMINATED, TRUNCATED, PAUSED, CONTRIBUTION = np.arange(1, 6)
"""Kinds of trades; the first three are the stages of `marketic.settlement`. A contribution is a payment of somebody who did
not get the right (in an all-pay auction, say); it stands before its sale."""

NOTHING = np.zeros(HEAD, dtype=np.int64), np.zeros((0, AT_BUYERS + 1), dtype=np.int64)
"""State and tape of a market whose log is off."""


@njit(cache=True, forceinline=True)
def begin_round(order, position, state):  # type: ignore[no-untyped-def]
    """Before a round is settled: number the episodes that begin with it."""
    rights = state[RIGHTS]
    for row in range(0, order.shape[0], rights):
        if order[row, 0] == SALE and position[row, 2] == 0:
            state[HEAD + row // rights] = state[EPISODES]
            state[EPISODES] += 1


@njit(cache=True, forceinline=True)
def end_round(order, state):  # type: ignore[no-untyped-def]
    """After a round was settled: every copy that sold its rights makes one step."""
    sold = 0
    for row in range(order.shape[0]):
        sold += order[row, 0] == SALE
    state[STEP] += sold // state[RIGHTS]


@njit(cache=True, forceinline=True)
def check_digits(balance, seller, buyers):  # type: ignore[no-untyped-def]
    """16 bits that depend on every balance a trade leaves behind: the replay of an altered trade gives others."""
    total = balance[0] + 3 * balance[1] + 5 * balance[seller]
    for k in range(buyers.shape[0]):
        total += (2 * k + 7) * balance[buyers[k]]
    return total & 0xFFFF


@njit(cache=True, forceinline=True)
def note_trade(state, tape, balance, row, kind, bidder, novice, seller, buyers, price, bid, paid, others, reward):  # type: ignore[no-untyped-def]  # fmt: skip
    """Write one row of the tape. buyers int64 [K], the owner now; amounts in ticks."""
    line = tape[state[CURSOR]]
    line[AT_STEP], line[AT_EPISODE], line[AT_ROW] = state[STEP], state[HEAD + row // state[RIGHTS]], row
    line[AT_KIND] = PAUSED if kind == TRUNCATED and state[CUT] == 1 else kind
    line[AT_BIDDER], line[AT_NOVICE], line[AT_SELLER] = bidder, novice, seller
    line[AT_PRICE], line[AT_BID], line[AT_PAID], line[AT_OTHERS] = price, bid, paid, others
    line[AT_REWARD] = reward
    line[AT_CHECK] = check_digits(balance, seller, buyers) if kind != CONTRIBUTION else 0
    for k in range(line.shape[0] - AT_BUYERS):
        line[AT_BUYERS + k] = buyers[k] if k < buyers.shape[0] else 0
    state[CURSOR] += 1
