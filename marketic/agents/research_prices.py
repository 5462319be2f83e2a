"""Pricing claims from the counted model: optimistic (prospectus) and sober (audited) prices.

A claim is c = state * A + action. model = (visits, kinds, head, sibling, to, ends, count, mean), see
`marketic.agents.counted_model`; belief = (fresh, trials, evenness), what all claims together say about surprises; terms =
(discount, ceiling, bonus, doubt); queues = (queue, queued, cursor), the states that wait to be priced afresh, a ring with
cursor = [start, length, next state of the round]; buyers = (parent, cousin, claim), who may go on to a state.
"""

import numpy as np
from numba import njit

from marketic.agents.counted_model import KINDS, bucket


@njit(cache=True)
def moments(c, discount, price, model, evenness):  # type: ignore[no-untyped-def]
    """Return (mean, variance, effective visits) of reward + discount * next price for a tried claim c.

    Outcome shares are shrunk towards even ones: (count + kappa) / (visits + kappa * kinds).
    """
    visits, kinds, head, sibling, to, ends, count, mean, spread = model
    kappa = evenness[min(kinds[c], KINDS - 1)]
    total = visits[c] + kappa * kinds[c]
    first = 0.0
    second = 0.0
    e = head[c]
    while e >= 0:
        y = mean[e]
        if not ends[e]:
            y += discount * price[to[e]]
        w = (count[e] + kappa) / total
        first += w * y
        second += w * y * y + w * spread[e] / count[e]
        e = sibling[e]
    return first, max(second - first * first, 0.0), total


@njit(cache=True)
def prospectus(c, traffic, terms, price, model, belief):  # type: ignore[no-untyped-def]
    """Return the optimistic price of claim c; untried claims cost the ceiling.

    traffic = log(1 + visits of the state): a claim passed over again and again is doubted again (UCB), so
    that no mistake is locked in.
    q = (1-u) m + u * ceiling + bonus * sqrt(var * traffic / n): a variance-aware bonus (UCBVI-BF: Azar, Osband,
    Munos 2017, Algorithm 4, without its logarithms) whose range term is replaced by the measured
    chance u that one more visit shows an outcome not seen before. In deterministic tasks u -> 0 after
    one visit and var = 0: there the rule becomes R-max (Brafman, Tennenholtz 2002) with m = 1.
    """
    discount, ceiling, bonus, doubt = terms
    fresh, trials, evenness = belief
    n = model[0][c]
    if n == 0:
        return ceiling
    m, var, total = moments(c, discount, price, model, evenness)
    row = min(model[1][c], KINDS - 1)
    b = bucket(n)
    u = min(1.0, (fresh[row, b] + doubt * traffic / n) / (trials[row, b] + doubt))
    return min(ceiling, (1.0 - u) * m + u * ceiling + bonus * np.sqrt(var * traffic / total))


@njit(cache=True)
def enqueue(s, queues):  # type: ignore[no-untyped-def]
    """Put state s at the tail of the ring unless it waits already."""
    queue, queued, cursor = queues
    if not queued[s]:
        queued[s] = True
        queue[(cursor[0] + cursor[1]) % queue.size] = s
        cursor[1] += 1


@njit(cache=True)
def reprice(actions, terms, tolerance, effort, price, queues, buyers, model, belief):  # type: ignore[no-untyped-def]
    """Work through the waiting states, at most `effort` of them; a changed price is news for its buyers.

    Asynchronous value iteration with predecessors (prioritised sweeping, Moore and Atkeson 1993, with
    a first-in first-out queue). What is not done stays queued for the next call.
    """
    queue, queued, cursor = queues
    parent, cousin, claim = buyers
    done = 0
    while cursor[1] > 0 and done < effort:
        s = queue[cursor[0]]
        cursor[0] = (cursor[0] + 1) % queue.size
        cursor[1] -= 1
        queued[s] = False
        done += 1
        best = -np.inf
        traffic = np.log(1.0 + model[0][s * actions : (s + 1) * actions].sum())
        for a in range(actions):
            best = max(best, prospectus(s * actions + a, traffic, terms, price, model, belief))
        moved = abs(best - price[s])
        if moved <= tolerance:
            continue
        price[s] = best
        e = parent[s]
        while e >= 0:
            enqueue(claim[e] // actions, queues)
            e = cousin[e]


@njit(cache=True)
def sober(c, discount, worst, price, model, evenness):  # type: ignore[no-untyped-def]
    """The audited price of claim c: no bonus; untried claims get the worst price."""
    if model[0][c] == 0:
        return worst
    return moments(c, discount, price, model, evenness)[0]


@njit(cache=True)
def audit(actions, discount, worst, tolerance, sweeps, price, roll, enrolled, model, evenness):  # type: ignore[no-untyped-def]
    """Value iteration (in place, newest state first) on audited prices over the enrolled states."""
    for _ in range(sweeps):
        largest = 0.0
        for i in range(enrolled - 1, -1, -1):
            s = roll[i]
            best = -np.inf
            for a in range(actions):
                best = max(best, sober(s * actions + a, discount, worst, price, model, evenness))
            largest = max(largest, abs(best - price[s]))
            price[s] = best
        if largest < tolerance:
            break


@njit(cache=True)
def quote(states, actions, terms, worst, frank, price, model, belief, value):  # type: ignore[no-untyped-def]
    """Fill value float64 [B, actions] with the prices of all claims of states int64 [B]; frank: audited ones."""
    for i in range(states.size):
        first = states[i] * actions
        traffic = np.log(1.0 + model[0][first : first + actions].sum())
        for a in range(actions):
            if frank:
                value[i, a] = sober(first + a, terms[0], worst, price, model, belief[2])
            else:
                value[i, a] = prospectus(first + a, traffic, terms, price, model, belief)
