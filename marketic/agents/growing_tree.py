"""The compiled side of growing markets: which leaf holds an observation, and when a leaf becomes two.

Every action has one tree per sector, over features scaled to [0, 1] and moved by the sector's shift. The leaves are
agents. A leaf is halved in two cases: before its first trade, while it is wider than the cover (`enter_market`); and
when its ledger shows that its surprises differ between two halves of its box (`keep_ledger`). The lower heir keeps
the parent's number, the upper one is new; both start with the parent's bid and an empty ledger. Memory:
`growing_memory`.
"""

import math

import numpy as np
from numba import njit

from marketic.agents.growing_memory import (
    ACTIONS,
    AGENT_AT,
    ALIVE,
    ANGLES_AT,
    BOOK_AT,
    CAPACITY,
    CUT_AT,
    ENTRY_EVIDENCE,
    ENTRY_TRADES,
    FEATURES,
    LOW_AT,
    NODE_AT,
    NODES,
    SECTORS,
    SHIFT_AT,
    SPLITS,
)
from marketic.agents.tiles import _feature

SLACK = 1e-9
"""Widths that differ by less are equal."""
LEAST_SHARE = 0.1
"""A half needs at least this share of `entry_trades` before it is compared."""


@njit(cache=True)
def match_leaves(observation, integers, reals, matched):  # type: ignore[no-untyped-def]
    """observation float64 [B, D]; matched int64 [B, actions, sectors]: the leaf of every tree that holds it."""
    features, actions = integers[FEATURES], integers[ACTIONS]
    scaled, point = np.empty(features), np.empty(features)
    for row in range(observation.shape[0]):
        scale(observation, row, integers, reals, scaled)
        for sector in range(integers[SECTORS]):
            move(scaled, sector, integers, reals, point)
            for action in range(actions):
                matched[row, action, sector] = leaf(point, sector * actions + action, integers, reals)


@njit(cache=True)
def enter_market(observation, row, owner, members, integers, reals, price, trades, steady, licence):  # type: ignore[no-untyped-def]  # fmt: skip
    """Before bidder `owner` learns: members[k] becomes the leaf that holds observation[row] now, narrow enough to trade.

    members int64 [sectors]. A leaf that has never traded and is wider than the cover is halved there, the feature that
    exceeds it most first.
    """
    scaled, point = np.empty(integers[FEATURES]), np.empty(integers[FEATURES])
    scale(observation, row, integers, reals, scaled)
    for sector in range(members.shape[0]):
        move(scaled, sector, integers, reals, point)
        agent = leaf(point, sector * integers[ACTIONS] + owner, integers, reals)
        while trades[agent] == 0:
            feature = widest(agent, integers, reals)
            if feature < 0:
                break
            heir = split(agent, feature, integers, reals, price, trades, steady, licence)
            if heir < 0:
                break
            if point[feature] >= reals[book_of(heir, integers) + feature]:
                agent = heir
        members[sector] = agent


@njit(cache=True)
def keep_ledger(observation, row, members, realised, delta, integers, reals, price, trades, steady, licence):  # type: ignore[no-untyped-def]  # fmt: skip
    """After the owner learned: book its surprise delta with each of its members, and split those whose ledgers demand it."""
    features, least = integers[FEATURES], reals[ENTRY_TRADES]
    scaled, point = np.empty(features), np.empty(features)
    scale(observation, row, integers, reals, scaled)
    for sector in range(members.shape[0]):
        move(scaled, sector, integers, reals, point)
        agent = members[sector]
        counted = record(agent, point, delta, integers, reals)
        if counted >= least:
            feature = best_cut(agent, integers, reals)
            if feature >= 0:
                if split(agent, feature, integers, reals, price, trades, steady, licence) >= 0:
                    integers[SPLITS] += 1
            elif counted >= 4.0 * least:
                fade(agent, 0.5, integers, reals)


@njit(cache=True)
def scale(observation, row, integers, reals, scaled):  # type: ignore[no-untyped-def]
    """Write the features of observation[row], as shares of their ranges, into `scaled` float64 [F]."""
    features = integers[FEATURES]
    for d in range(features):
        value = _feature(observation[row], integers[ANGLES_AT:], d)
        share = (value - reals[LOW_AT + d]) / reals[LOW_AT + features + d]
        scaled[d] = min(max(share, 0.0), 1.0)


@njit(cache=True)
def move(scaled, sector, integers, reals, point):  # type: ignore[no-untyped-def]
    """Write `scaled` in the coordinates of a sector into `point` float64 [F]."""
    features = scaled.shape[0]
    first = integers[SHIFT_AT] + sector * features
    for d in range(features):
        point[d] = scaled[d] + reals[first + d]


@njit(cache=True)
def leaf(point, node, integers, reals):  # type: ignore[no-untyped-def]
    """The agent whose box holds `point`, in the tree below `node`; not a number counts as low."""
    nodes, cuts = integers[NODE_AT], integers[CUT_AT]
    feature = integers[nodes + 2 * node]
    while feature >= 0:
        upper = 1 if point[feature] >= reals[cuts + node] else 0
        node = integers[nodes + 2 * node + 1] + upper
        feature = integers[nodes + 2 * node]
    return integers[nodes + 2 * node + 1]


@njit(cache=True)
def book_of(agent, integers):  # type: ignore[no-untyped-def]
    """Where in reals the agent's box and ledger start."""
    return integers[BOOK_AT] + agent * (6 * integers[FEATURES] + 1)


@njit(cache=True)
def widest(agent, integers, reals):  # type: ignore[no-untyped-def]
    """The feature in which the agent's box exceeds the cover most; -1: in none."""
    features, book = integers[FEATURES], book_of(agent, integers)
    cover = LOW_AT + 2 * features
    found, most = -1, 1.0 + SLACK
    for d in range(features):
        ratio = (reals[book + features + d] - reals[book + d]) / reals[cover + d]
        if ratio > most:
            found, most = d, ratio
    return found


@njit(cache=True)
def record(agent, point, delta, integers, reals):  # type: ignore[no-untyped-def]
    """Book a surprise at `point` with an agent. Returns the trades in its ledger."""
    features = integers[FEATURES]
    low = book_of(agent, integers)
    high, squares = low + features, low + 2 * features
    counts, sums = squares + 1, squares + 1 + 2 * features
    reals[squares] += delta * delta
    for d in range(features):
        upper = 1 if point[d] >= 0.5 * (reals[low + d] + reals[high + d]) else 0
        reals[counts + 2 * d + upper] += 1.0
        reals[sums + 2 * d + upper] += delta
    return reals[counts] + reals[counts + 1]


@njit(cache=True)
def best_cut(agent, integers, reals):  # type: ignore[no-untyped-def]
    """The feature whose two halves differ most in their mean surprise, by more than entry_evidence errors; -1: none."""
    features = integers[FEATURES]
    low, narrowest = book_of(agent, integers), LOW_AT + 3 * features
    high, squares = low + features, low + 2 * features
    counts, sums = squares + 1, squares + 1 + 2 * features
    deviation = math.sqrt(reals[squares] / (reals[counts] + reals[counts + 1])) + 1e-12
    best, most = -1, reals[ENTRY_EVIDENCE]
    for d in range(features):
        below, above = reals[counts + 2 * d], reals[counts + 2 * d + 1]
        if min(below, above) < LEAST_SHARE * reals[ENTRY_TRADES]:
            continue
        if reals[high + d] - reals[low + d] < 2.0 * reals[narrowest + d] - SLACK:
            continue
        gap = abs(reals[sums + 2 * d] / below - reals[sums + 2 * d + 1] / above)
        errors = gap / (deviation * math.sqrt(1.0 / below + 1.0 / above))
        if errors > most:
            best, most = d, errors
    return best


@njit(cache=True)
def fade(agent, share, integers, reals):  # type: ignore[no-untyped-def]
    """Keep only a share of what the agent's ledger says."""
    features = integers[FEATURES]
    first = book_of(agent, integers) + 2 * features
    for i in range(first, first + 4 * features + 1):
        reals[i] *= share


@njit(cache=True)
def split(agent, feature, integers, reals, price, trades, steady, licence):  # type: ignore[no-untyped-def]
    """Halve the agent's box: it keeps the lower half. Returns the upper heir's number, or -1 if the market is full."""
    heir = integers[ALIVE]
    if heir >= integers[CAPACITY]:
        return -1
    features, low, heirs_low = integers[FEATURES], book_of(agent, integers), book_of(heir, integers)
    for d in range(2 * features):
        reals[heirs_low + d] = reals[low + d]
    middle = 0.5 * (reals[low + feature] + reals[low + features + feature])
    reals[low + features + feature] = middle
    reals[heirs_low + feature] = middle
    fade(agent, 0.0, integers, reals)
    grow(agent, heir, feature, middle, integers, reals)
    price[heir], trades[heir] = price[agent], trades[agent]
    if steady.shape[0] > heir:
        steady[heir] = steady[agent]
    if licence.shape[0] > heir:
        licence[heir] = licence[agent]
    return heir


@njit(cache=True)
def grow(agent, heir, feature, cut, integers, reals):  # type: ignore[no-untyped-def]
    """Turn the agent's leaf into a node with two leaves: the agent's and the heir's."""
    nodes, agents = integers[NODE_AT], integers[AGENT_AT]
    node, lower = integers[agents + 2 * agent], integers[NODES]
    integers[nodes + 2 * node], integers[nodes + 2 * node + 1] = feature, lower
    reals[integers[CUT_AT] + node] = cut
    integers[nodes + 2 * lower], integers[nodes + 2 * lower + 1] = -1, agent
    integers[nodes + 2 * lower + 2], integers[nodes + 2 * lower + 3] = -1, heir
    integers[agents + 2 * agent] = lower
    integers[agents + 2 * heir], integers[agents + 2 * heir + 1] = lower + 1, agent
    integers[NODES] = lower + 2
    integers[ALIVE] = heir + 1
