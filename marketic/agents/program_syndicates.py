"""Syndicates of programs whose members are weighted by accuracy: what they learn, in compiled code."""

from numba import njit

LEAST = 1e-280
"""Accuracy of a program that is far off: it stays above 0, so that shares of it can be told."""


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
        weight[i] = max((1.0 + error[i] / tolerance) ** -4.0, LEAST) * min(1.0, trades[i] / 10.0)
        total += weight[i]
    for k in range(size):
        i = members[k]
        step = max(1.0 / trades[i], rate)
        merit[i] += step * (weight[i] / total - merit[i])
        company[i] += step * (size - company[i])
        last_win[i] = now
    return size
