"""Syndicates of programs in compiled code: who bids together for an action, at what price, and what they learn from it."""

import numpy as np
from numba import njit

from marketic.agents.program_literals import literal_holds


@njit(cache=True)
def matches(i, observation, guard, left, comparison, right, constant):  # type: ignore[no-untyped-def]
    """Whether all literals of program i hold for one observation, float64 [D]."""
    for g in range(guard.shape[1]):
        if guard[i, g] >= 0 and not literal_holds(guard[i, g], observation, left, comparison, right, constant):
            return False
    return True


@njit(cache=True)
def form_syndicates(observation, guard, action, live, price, weight, left, comparison, right, constant, members, value, active):  # type: ignore[no-untyped-def]  # fmt: skip
    """For each row and action: the programs that match, up to K of the most accurate, and their weighted mean price.

    members int64 [B, A, K] (repeated in turn where fewer match), value float64 [B, A], active bool [B, A]: all overwritten.
    """
    rows, actions, most = members.shape
    count = np.zeros(actions, dtype=np.int64)
    for row in range(rows):
        count[:] = 0
        for i in range(len(action)):
            if live[i] and matches(i, observation[row], guard, left, comparison, right, constant):
                a = action[i]
                if count[a] < most:
                    members[row, a, count[a]] = i
                    count[a] += 1
                else:
                    worst = 0
                    for k in range(1, most):
                        if weight[members[row, a, k]] < weight[members[row, a, worst]]:
                            worst = k
                    if weight[i] > weight[members[row, a, worst]]:
                        members[row, a, worst] = i
        for a in range(actions):
            total, mean = 0.0, 0.0
            for k in range(count[a]):
                i = members[row, a, k]
                total += weight[i]
                mean += weight[i] * price[i]
            active[row, a] = count[a] > 0
            value[row, a] = mean / total if count[a] > 0 else 0.0
            for k in range(count[a], most):
                members[row, a, k] = members[row, a, k - count[a]] if count[a] > 0 else 0


@njit(cache=True)
def share_outcome(members, realised, rate, tolerance, now, price, error, weight, merit, company, trades, last_win):  # type: ignore[no-untyped-def]  # fmt: skip
    """The members of one syndicate, int64 [K], learn what their right was worth; the accurate earn merit.

    Prices and errors follow by the larger of 1 / trades and `rate`; weight is accuracy, (1 + error / tolerance) ** -4;
    merit follows a program's share of its syndicate's accuracy, company the syndicate's size.
    """
    size, total = 0, 0.0
    for k in range(len(members)):
        if k > 0 and members[k] == members[0]:
            break
        i = members[k]
        size += 1
        trades[i] += 1
        step = max(1.0 / trades[i], rate)
        gap = realised - price[i]
        price[i] += step * gap
        error[i] += step * (abs(gap) - error[i])
        weight[i] = (1.0 + error[i] / tolerance) ** -4.0 * min(1.0, trades[i] / 10.0)
        total += weight[i]
    for k in range(size):
        i = members[k]
        step = max(1.0 / trades[i], rate)
        merit[i] += step * (weight[i] / total - merit[i])
        company[i] += step * (size - company[i])
        last_win[i] = now
    return size
