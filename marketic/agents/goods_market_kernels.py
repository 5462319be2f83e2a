"""Compiled parts of the goods market: who gets scarce resources, what neighbours offer for a part's state, and values."""

import numpy as np
from numba import njit

from marketic.factoring import ROOM


@njit(cache=True)
def share_out(gain, uses, capacity, worth, chosen):  # type: ignore[no-untyped-def]
    """Give resources to the bids that offer most per unit; write the actions, int64 [n]; return the cut-off.

    gain float64 [n, A]: what each action is worth to its part beyond action 0 (-inf: not there). uses float64 [n, A, K];
    capacity, worth float64 [K]: what there is, and what a unit is held to be worth (only ratios matter).

    Bids are served in the order of gain / (worth . uses); an action of the same part that gains more and fits as well
    replaces what was served. With one resource and uses of 0 or 1 that is exactly the best allocation. The cut-off is
    the highest ratio among the bids that were turned away, 0 if none was: at prices cut-off * worth nobody who was
    turned away would want to buy, and nobody who was served regrets it (with one resource and unit uses: the price of
    the first bid that lost).
    """
    parts, actions, resources = uses.shape
    ratio = np.full(parts * actions, -np.inf)
    for i in range(parts):
        chosen[i] = 0
        for a in range(1, actions):
            if gain[i, a] > 0.0:
                cost = 0.0
                for k in range(resources):
                    cost += worth[k] * uses[i, a, k]
                ratio[i * actions + a] = gain[i, a] / cost if cost > 0.0 else np.inf
    order = np.argsort(-ratio)
    left = capacity * ROOM
    for turn in range(2):
        for place in order:
            if ratio[place] == -np.inf:
                break
            i, a = place // actions, place % actions
            now = chosen[i]
            if now == a or (now > 0 and (turn == 0 or gain[i, a] <= gain[i, now])):
                continue
            fits = True
            for k in range(resources):
                fits = fits and uses[i, a, k] - uses[i, now, k] <= left[k]
            if fits:
                chosen[i] = a
                for k in range(resources):
                    left[k] -= uses[i, a, k] - uses[i, now, k]
    for place in order:
        if ratio[place] == -np.inf:
            break
        if chosen[place // actions] == 0:
            return ratio[place]
    return 0.0


@njit(cache=True)
def expect_states(local, action, kind, outcomes, forecast):  # type: ignore[no-untyped-def]
    """Write tomorrow's states as chances, float64 [n, S]; outcomes float64 [kinds, L, A, S]; local, action int64 [n]."""
    for i in range(local.shape[0]):
        for y in range(forecast.shape[1]):
            forecast[i, y] = outcomes[kind[i], local[i], action[i], y]


@njit(cache=True)
def price_states(value, kind, members, strides, sizes, forecast, price):  # type: ignore[no-untyped-def]
    """Write what it is worth that a part is in a state tomorrow, float64 [n, S], currency: own value and neighbours' offers.

    value float64 [kinds, L]: by local state, a table over (parents ..., self). members int64 [n, m]: the parts in the table
    of part c, itself last (-1: nobody); strides int64 [n, m] of the table; sizes int64 [n]: states of each part.
    forecast float64 [n, S]. For y of part i: E[v_i | i in y] + sum over its children c of E[v_c | i in y] - E[v_c]: states
    are non-rival goods, so the offers add up.
    """
    parts, width = members.shape
    price[:] = 0.0
    digit = np.zeros(width, dtype=np.int64)
    for c in range(parts):
        table = 1
        for m in range(width):
            if members[c, m] >= 0:
                table *= sizes[members[c, m]]
        mean = 0.0
        for entry in range(table):
            chance = 1.0
            for m in range(width):
                if members[c, m] >= 0:
                    digit[m] = entry // strides[c, m] % sizes[members[c, m]]
                    chance *= forecast[members[c, m], digit[m]]
            mean += chance * value[kind[c], entry]
            for m in range(width):
                if members[c, m] < 0:
                    continue
                others = 1.0
                for o in range(width):
                    if o != m and members[c, o] >= 0:
                        others *= forecast[members[c, o], digit[o]]
                price[members[c, m], digit[m]] += others * value[kind[c], entry]
        for m in range(width - 1):
            if members[c, m] >= 0:
                for y in range(sizes[members[c, m]]):
                    price[members[c, m], y] -= mean


@njit(cache=True)
def sweep_values(outcomes, rewards, charge, discount, present, value):  # type: ignore[no-untyped-def]
    """One sweep of value iteration in every kind's table, in place; returns the largest change, currency.

    outcomes float64 [kinds, L, A, S], with L = S; rewards float64 [kinds, L, A]; charge float64 [kinds, A], what the
    resources that an action uses cost; present bool [kinds, A]; value float64 [kinds, L].
    """
    largest = 0.0
    for g in range(value.shape[0]):
        for s in range(value.shape[1]):
            best = -np.inf
            for a in range(rewards.shape[2]):
                if not present[g, a]:
                    continue
                quality = rewards[g, s, a] - charge[g, a]
                for y in range(outcomes.shape[3]):
                    quality += discount * outcomes[g, s, a, y] * value[g, y]
                best = max(best, quality)
            largest = max(largest, abs(best - value[g, s]))
            value[g, s] = best
    return largest


@njit(cache=True)
def best_worth(worth, present):  # type: ignore[no-untyped-def]
    """The greatest of worth, float64 [A], among the actions that are there, bool [A]."""
    best = -np.inf
    for a in range(worth.shape[0]):
        if present[a]:
            best = max(best, worth[a])
    return best


@njit(cache=True)
def trade_values(
    kind, local, action, reward, following, going_on, charge, discount, present, exponent, reference, visits, worth
):  # type: ignore[no-untyped-def]
    """One step of relative Q-learning in every part's own table, its use of resources charged. Updates what comes last.

    kind, local, action, following int64 [n]; reward float64 [n]; going_on: False after a terminal step; charge float64
    [n, A]; present bool [kinds, A]; reference int64 [kinds], the local state that worth is relative to (-1: the first one
    met becomes it); visits, worth float64 [kinds, L, A]. The rate is visits**-exponent.

    A terminal state is worth 0 in all, so relative to the reference it is minus what that one is worth in all.
    """
    for i in range(kind.shape[0]):
        g, at, a = kind[i], local[i], action[i]
        if reference[g] < 0:
            reference[g] = at
        base = best_worth(worth[g, reference[g]], present[g])
        ahead = best_worth(worth[g, following[i]], present[g]) - base if going_on else -base / (1.0 - discount)
        target = reward[i] - charge[i, a] + discount * ahead
        visits[g, at, a] += 1.0
        worth[g, at, a] += visits[g, at, a] ** -exponent * (target - worth[g, at, a])


@njit(cache=True)
def count_trades(
    kind, local, action, reward, following, state, uses, discount, visits, counts, earned, matrix, income, use
):  # type: ignore[no-untyped-def]
    """Write one step of every part into the records of its kind.

    local, following int64 [n] (-1: the episode terminated); state int64 [n], the own next state. visits, earned float64
    [kinds, L, A]; counts float64 [kinds, L, A, S]. For least squares (see `PolicyValues`): matrix float64 [kinds, L, L],
    income [kinds, L], use [kinds, L, K]; left alone if `matrix` is empty.
    """
    for i in range(kind.shape[0]):
        g, at, a = kind[i], local[i], action[i]
        visits[g, at, a] += 1.0
        earned[g, at, a] += reward[i]
        counts[g, at, a, state[i]] += 1.0
        if matrix.shape[0] == 0:
            continue
        matrix[g, at, at] += 1.0
        if following[i] >= 0:
            matrix[g, at, following[i]] -= discount
        income[g, at] += reward[i]
        for k in range(uses.shape[2]):
            use[g, at, k] += uses[i, a, k]


@njit(cache=True)
def weigh_actions(kind, local, outcomes, rewards, price, discount, present, quality):  # type: ignore[no-untyped-def]
    """Write what every action is worth, resources not charged, float64 [n, A]: reward + discount * E price of the next state.

    outcomes float64 [kinds, L, A, S]; rewards float64 [kinds, L, A]; price float64 [n, S]; -inf for actions not there.
    """
    for i in range(kind.shape[0]):
        g, at = kind[i], local[i]
        for a in range(quality.shape[1]):
            if not present[i, a]:
                quality[i, a] = -np.inf
                continue
            total = rewards[g, at, a]
            for y in range(price.shape[1]):
                total += discount * outcomes[g, at, a, y] * price[i, y]
            quality[i, a] = total
