"""Prices of programs in compiled code: who bids together for an action, and what they learn from what their right was worth.

Programs that match and want the same action bid as one syndicate, the mean of its members' prices; in a hopeful market, places
that are free where fewer than a few match count as programs that expect what was expected at first. Everybody in it moves by
the syndicate's surprise, not by its own: a special program ends up with what the general ones beside it get wrong. With all
matching programs as members that is linear value approximation over conjunctions (Sutton and Barto 2018, section 9.5).

Trades on paper: when an episode is over, its rights are settled once more from the last to the first, at today's prices, with
royalties: G = reward + discount * ((1 - royalty) * best bid of the next state + royalty * G).
"""

import numpy as np
from numba import njit

from marketic.agents.program_literals import literal_holds

TRIAL = 20
"""Trades for which a newcomer gets a seat before all others: without one it could never show what it is worth."""
USEFUL = 0.05
"""How fast merit follows."""


@njit(cache=True)
def matches(i, observation, guard, left, comparison, right, constant):  # type: ignore[no-untyped-def]
    """Whether all literals of program i hold for one observation, float64 [D]."""
    for g in range(guard.shape[1]):
        if guard[i, g] < 0:  # guards are sorted, empty places last
            return True
        if not literal_holds(guard[i, g], observation, left, comparison, right, constant):
            return False
    return True


@njit(cache=True)
def seat(observation, programs, price, hope, members, value, count):  # type: ignore[no-untyped-def]
    """The syndicates for one observation, float64 [D]: up to K matching programs per action, of the highest standing.

    programs: guard, action, live, merit, trades, and the literals' four arrays. members int64 [A, K] (repeated in turn where
    fewer match), value float64 [A], count int64 [A]: overwritten. hope float64 [2]: places that a syndicate has at least, and
    what one bids while it is free.
    """
    guard, action, live, merit, trades, left, comparison, right, constant = programs
    most = members.shape[1]
    count[:] = 0
    for i in range(len(action)):
        if not live[i] or not matches(i, observation, guard, left, comparison, right, constant):
            continue
        a = action[i]
        if count[a] < most:
            members[a, count[a]] = i
            count[a] += 1
            continue
        worst, least = -1, np.inf if trades[i] < TRIAL else merit[i]
        for k in range(most):
            standing = np.inf if trades[members[a, k]] < TRIAL else merit[members[a, k]]
            if standing < least:
                worst, least = k, standing
        if worst >= 0:
            members[a, worst] = i
    for a in range(members.shape[0]):
        total = max(hope[0] - count[a], 0.0) * hope[1]
        for k in range(count[a]):
            total += price[members[a, k]]
        value[a] = total / max(count[a], hope[0], 1.0)
        for k in range(count[a], most):
            members[a, k] = members[a, k - count[a]] if count[a] > 0 else 0


@njit(cache=True)
def form_syndicates(observation, programs, price, hope, members, value, count):  # type: ignore[no-untyped-def]
    """`seat` for each row: members int64 [B, A, K], value float64 [B, A], count int64 [B, A], all overwritten."""
    for row in range(len(observation)):
        seat(observation[row], programs, price, hope, members[row], value[row], count[row])


@njit(cache=True)
def settle(members, size, bid, worth, rate, now, price, merit, trades, last_win):  # type: ignore[no-untyped-def]
    """The first `size` of members, int64 [K], learn that a right for which they bid `bid` was `worth` so much, currency.

    Merit follows how far a program's price is from what its syndicate would bid without it: who agrees with all others adds
    nothing.
    """
    surprise = worth - bid
    for k in range(size):
        i = members[k]
        trades[i] += 1
        price[i] += rate * surprise
        if size > 1:
            apart = abs(price[i] - bid) * size / (size - 1.0)
            merit[i] += max(USEFUL, 1.0 / trades[i]) * (apart - merit[i])
        last_win[i] = now


@njit(cache=True)
def trade_on_paper(tape, owner, reward, final, terminated, discount, royalty, rate, programs, price, hope, last_win, now,
                   actions, most):  # type: ignore[no-untyped-def]  # fmt: skip
    """Settle an episode once more, backwards. tape float64 [T, D], owner int64 [T], reward float64 [T], final float64 [D]."""
    members, value = np.zeros((actions, most), dtype=np.int64), np.zeros(actions)
    count = np.zeros(actions, dtype=np.int64)
    top, gain = 0.0, 0.0
    if not terminated:
        seat(final, programs, price, hope, members, value, count)
        top = value.max()
        gain = top
    for t in range(len(owner) - 1, -1, -1):
        gain = reward[t] + discount * ((1.0 - royalty) * top + royalty * gain)
        seat(tape[t], programs, price, hope, members, value, count)
        top = value.max()
        a = owner[t]
        if count[a] > 0:
            settle(members[a], count[a], value[a], gain, rate, now, price, programs[3], programs[4], last_win)
