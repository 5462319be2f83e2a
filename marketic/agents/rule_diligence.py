"""Due diligence: an entrant looks its idea up in the public record and improves it before it risks any money.

Among `ideas` conditions that match the situation at hand the one with the best score is kept; then, as long as that helps
the score less its fees, the best position is added or dropped; if none helps, the best exchange of two is tried.
"""

import numpy as np
from numba import njit

from marketic.agents.rule_bits import flip, has, named
from marketic.agents.rule_parts import call_score
from marketic.agents.rule_record import keep_all, keep_like, tally, tally_like, words_used

NEVER = -1e300


@njit(cache=True, forceinline=True)
def _judged(score, settings, wins, seen, out):  # type: ignore[no-untyped-def]
    call_score(score, np.float64(wins), np.float64(seen - wins), settings, out)
    return out[0]


@njit(cache=True)
def judge(columns, used, x, mask, score, settings, cases, places, out):  # type: ignore[no-untyped-def]
    """The score of a condition: (score, wins, cases). cases uint64 [size], places int64 [positions]: scratch."""
    positions = columns.shape[0] - 2
    keep_all(columns, used, cases)
    count = named(mask, positions, places)
    for k in range(count):
        keep_like(columns, used, x, places[k], cases)
    wins, seen = tally(columns, used, cases)
    return _judged(score, settings, wins, seen, out), wins, seen


@njit(cache=True)
def _rest(columns, used, x, places, count, without, cases):  # type: ignore[no-untyped-def]
    """The cases that agree with x at all places but number `without`."""
    keep_all(columns, used, cases)
    for k in range(count):
        if k != without:
            keep_like(columns, used, x, places[k], cases)


@njit(cache=True)
def _best_step(columns, used, x, mask, score, settings, fee, cases, places, out):  # type: ignore[no-untyped-def]
    """The position that is best turned over, and the score less fees after it."""
    positions = columns.shape[0] - 2
    count = named(mask, positions, places)
    best, where = NEVER, -1
    _rest(columns, used, x, places, count, -1, cases)
    for position in range(positions):
        if not has(mask, position):
            wins, seen = tally_like(columns, used, x, position, cases)
            worth = _judged(score, settings, wins, seen, out) - fee * (count + 1)
            if worth > best:
                best, where = worth, position
    for k in range(count):
        _rest(columns, used, x, places, count, k, cases)
        wins, seen = tally(columns, used, cases)
        worth = _judged(score, settings, wins, seen, out) - fee * (count - 1)
        if worth > best:
            best, where = worth, places[k]
    return best, where


@njit(cache=True)
def _best_exchange(columns, used, x, mask, score, settings, fee, cases, places, out):  # type: ignore[no-untyped-def]
    """The two positions that are best exchanged (out, in), and the score less fees after it."""
    positions = columns.shape[0] - 2
    count = named(mask, positions, places)
    best, leaving, coming = NEVER, -1, -1
    for k in range(count):
        _rest(columns, used, x, places, count, k, cases)
        for position in range(positions):
            if not has(mask, position):
                wins, seen = tally_like(columns, used, x, position, cases)
                worth = _judged(score, settings, wins, seen, out) - fee * count
                if worth > best:
                    best, leaving, coming = worth, places[k], position
    return best, leaving, coming


@njit(cache=True)
def climb(record, action, x, mask, score, settings, fee, moves, cases, places, out):  # type: ignore[no-untyped-def]
    """Improve a condition, uint64 [W], in place by at most `moves` moves; returns its score less fees, wins and cases."""
    columns, used = record.columns[action], words_used(record, action)
    now, wins, seen = judge(columns, used, x, mask, score, settings, cases, places, out)
    now -= fee * named(mask, columns.shape[0] - 2, places)
    for _ in range(moves):
        best, where = _best_step(columns, used, x, mask, score, settings, fee, cases, places, out)
        if best > now:
            flip(mask, where)
        else:
            best, leaving, where = _best_exchange(columns, used, x, mask, score, settings, fee, cases, places, out)
            if best <= now:
                break
            flip(mask, leaving)
            flip(mask, where)
        now = best
    _, wins, seen = judge(columns, used, x, mask, score, settings, cases, places, out)
    return now, wins, seen
