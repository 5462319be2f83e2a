"""The counted model: what followed each claim so far, and what that says about claims in general.

A claim is c = s*A + a. Each distinct outcome (next state, terminated, reward) of a claim is one entry ("edge"),
linked twice: from its claim (successors) and from its next state (predecessors). Entries live in flat
arrays that the caller doubles, so memory follows what was seen, not S*A*S.
"""

import numpy as np
from numba import njit

KINDS = 16  # claims with more distinct outcomes share the last row of the tables
BUCKETS = 40  # visit counts are pooled by powers of two
REWARDS = 8  # of one claim and one next state that are told apart; the last stands for a spread of them
GRID = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 128.0, 512.0])
"""Candidate evenness (Dirichlet pseudo-counts per outcome). The last is as good as exactly even: a smaller one leaves
errors in claims with a few hundred visits that are as large as what parts the best two actions on FrozenLake8x8."""


@njit(cache=True)
def bucket(visits):  # type: ignore[no-untyped-def]
    """Return floor(log2(visits)), visits >= 1."""
    b = 0
    while visits > 1:
        visits >>= 1
        b += 1
    return b


@njit(cache=True)
def find(c, state, last, reward, head, sibling, to, ends, mean):  # type: ignore[no-untyped-def]
    """Return the entry of claim c for (state, last, reward), or -1.

    Where (state, last) came with `REWARDS` different rewards already, the newest of these entries takes all others.
    """
    e = head[c]
    newest = -1
    rewards = 0
    while e >= 0:
        if to[e] == state and ends[e] == last:
            if mean[e] == reward:
                return e
            newest = max(newest, e)
            rewards += 1
        e = sibling[e]
    return newest if rewards >= REWARDS else -1


@njit(cache=True)
def score(c, e, visits, kinds, count, likelihood, evenness):  # type: ignore[no-untyped-def]
    """Score each candidate evenness by how well it forecast the known outcome e; keep the best.

    Sequential Dirichlet-multinomial likelihood, conditional on the known support (type-II maximum
    likelihood; Minka, "Estimating a Dirichlet distribution", 2000). One table row per number of kinds,
    because claims with two outcomes need not be even where claims with three are.
    """
    k = kinds[c]
    row = min(k, KINDS - 1)
    best = 0
    for j in range(GRID.size):
        likelihood[row, j] += np.log((count[e] + GRID[j]) / (visits[c] + k * GRID[j]))
        if likelihood[row, j] > likelihood[row, best]:
            best = j
    evenness[row] = GRID[best]


@njit(cache=True)
def record(c, reward, state, last, model, buyers, belief, likelihood, used):  # type: ignore[no-untyped-def]
    """Enter one outcome of claim c; return the number of entries then in use.

    reward in currency. model, buyers, belief: see `marketic.agents.research_prices`. The arrays must have room for one
    more entry.
    """
    visits, kinds, head, sibling, to, ends, count, mean, spread = model
    parent, cousin, claim = buyers
    fresh, trials, evenness = belief
    e = find(c, state, last, reward, head, sibling, to, ends, mean)
    if visits[c] > 0:  # a repeat visit tells how often repeats still surprise (cf. Good-Turing)
        row = min(kinds[c], KINDS - 1)
        b = bucket(visits[c])
        trials[row, b] += 1.0
        if e < 0:
            fresh[row, b] += 1.0
        elif kinds[c] > 1:
            score(c, e, visits, kinds, count, likelihood, evenness)
    if e < 0:
        e = used
        used += 1
        claim[e], to[e], ends[e], count[e], mean[e], spread[e] = c, state, last, 0, 0.0, 0.0
        sibling[e] = head[c]
        head[c] = e
        cousin[e] = -1
        if not last:  # a final state is never priced, so nobody needs news of it
            cousin[e] = parent[state]
            parent[state] = e
        kinds[c] += 1
    visits[c] += 1
    count[e] += 1
    surprise = reward - mean[e]
    mean[e] += surprise / count[e]
    spread[e] += surprise * (reward - mean[e])  # Welford 1962
    return used
