"""Random expressions, mutation and crossover in compiled code; whatever comes out is well typed and not too long.

Strongly typed genetic programming (Montana 1995): an expression is only ever replaced by one of the same type.
"""

import numpy as np
from numba import njit

from marketic.agents.expression_compiler import skip
from marketic.agents.expression_language import ARGUMENTS, ARITY, CONJUGATE, OPERATION, PLAN, PLANNED, RESULT, WHOLE
from marketic.hayek.random_numbers import below, uniform

COPY = 0.15
"""Odds that a child is a copy, which only gets another price."""
EDITS = np.cumsum(np.array([0.30, 0.25, 0.15, 0.12, 0.18]))
"""Odds of the edits of a mutation, in the order of `_edit`."""
MOST_EDITS = 5
CONJUGATION = 0.3
"""Odds that a mutant of a program with a plan only does the plan from elsewhere."""


@njit(cache=True)
def random_expression(row, first, room, kind, depth, table, choices, random):  # type: ignore[no-untyped-def]
    """Write a random expression of a type into row[first:], at most `room` >= 1 tokens; where it ends.

    At each place an expression with arguments is drawn the less likely the deeper, and never if its arguments could not be
    finished within the room.
    """
    kinds, depths = np.empty(room + 3, dtype=np.int64), np.empty(room + 3, dtype=np.int64)
    kinds[0], depths[0], open_, k = kind, depth, 1, first
    while open_ > 0:
        open_ -= 1
        wanted, deep = kinds[open_], depths[open_]
        left = room - (k - first) - open_ - 1
        token = -1
        must = choices[0, wanted, 0] == 0
        if choices[1, wanted, 0] > 0 and (must or uniform(random) < 0.8 / (1.0 + 0.35 * deep)):
            token = choices[1, wanted, 1 + below(random, choices[1, wanted, 0])]
            if table[token, ARITY] > left and not must:
                token = -1
        if token < 0:
            token = choices[0, wanted, 1 + below(random, choices[0, wanted, 0])]
        row[k] = token
        k += 1
        for argument in range(table[token, ARITY] - 1, -1, -1):
            kinds[open_], depths[open_] = table[token, ARGUMENTS + argument], deep + 1
            open_ += 1
    return k


@njit(cache=True)
def random_program(row, table, choices, random):  # type: ignore[no-untyped-def]
    """Write a random program."""
    row[:] = 0
    row[0] = random_expression(row, 1, len(row) - 1, WHOLE, -1, table, choices, random) - 1


@njit(cache=True)
def mutate(row, donor, table, choices, random):  # type: ignore[no-untyped-def]
    """One edit or more (geometric, at most MOST_EDITS), or another start of the plan; donor: another program's row to borrow
    from (it may be the same). Returns whether it borrowed."""
    if row[0] > 1 and table[row[1], OPERATION] == PLANNED and uniform(random) < CONJUGATION:
        _conjugate(row, table, choices, random)
        return False
    edits, borrowed = 1, False
    while edits < MOST_EDITS and uniform(random) < 0.4:
        edits += 1
    for _ in range(edits):
        borrowed |= _edit(row, donor, table, choices, random)
    return borrowed


@njit(cache=True)
def _edit(row, donor, table, choices, random):  # type: ignore[no-untyped-def]
    """Replace an expression by a random one; by a primitive of the same types; by a part of itself; put it inside a new one;
    or replace it by one of the donor's (crossover). Returns whether the donor's came in."""
    if row[0] < 2:
        return False
    draw, at = uniform(random), 2 + below(random, row[0] - 1)
    kind, end = table[row[at], RESULT], skip(row, at, table)
    room = len(row) - 1 - row[0] + (end - at)
    piece = np.empty(2 * len(row) + 16, dtype=np.int64)
    if draw < EDITS[0]:
        n = random_expression(piece, 0, min(room, 12), kind, 1, table, choices, random)
        _splice(row, at, end, piece, n)
    elif draw < EDITS[1]:
        _replace_primitive(row, at, table, choices, random)
    elif draw < EDITS[2]:
        inner = at + below(random, end - at)
        if table[row[inner], RESULT] == kind:
            n = skip(row, inner, table) - inner
            piece[:n] = row[inner : inner + n]
            _splice(row, at, end, piece, n)
    elif draw < EDITS[3]:
        _wrap(row, at, end, piece, table, choices, random)
    elif donor[0] >= 2:
        first = 2 + below(random, donor[0] - 1)
        n = skip(donor, first, table) - first
        if table[donor[first], RESULT] == kind and n <= room:
            piece[:n] = donor[first : first + n]
            _splice(row, at, end, piece, n)
            return True
    return False


@njit(cache=True)
def _conjugate(row, table, choices, random):  # type: ignore[no-untyped-def]
    """Make one move before the plan and undo it after, or change or drop such a move: what the plan does to some parts of the
    world it then does to others, and to as few."""
    move = choices[0, PLAN, 1 + below(random, choices[0, PLAN, 0])]
    begun = table[row[2], OPERATION] == CONJUGATE and table[row[3], ARITY] == 0
    draw, n = uniform(random), row[0]
    if begun and draw < 0.5:
        row[3] = move
    elif begun and draw < 0.7:
        row[2 : n - 1] = row[4 : n + 1].copy()
        row[n - 1 :] = 0
        row[0] = n - 2
    elif n + 3 <= len(row):
        for token in range(len(table)):
            if table[token, OPERATION] == CONJUGATE:
                row[4 : n + 3] = row[2 : n + 1].copy()
                row[2], row[3], row[0] = token, move, n + 2
                return


@njit(cache=True)
def _splice(row, at, end, piece, n):  # type: ignore[no-untyped-def]
    """Put piece[:n] where row[at:end] was. The caller has made sure that there is room."""
    last = 1 + row[0]
    tail = row[end:last].copy()
    row[at : at + n] = piece[:n]
    row[at + n : at + n + len(tail)] = tail
    row[0] += n - (end - at)
    row[1 + row[0] :] = 0


@njit(cache=True)
def _replace_primitive(row, at, table, choices, random):  # type: ignore[no-untyped-def]
    """Another primitive of the same result and arguments, if a few draws find one."""
    old = row[at]
    deep, kind = (1 if table[old, ARITY] > 0 else 0), table[old, RESULT]
    for _ in range(4):
        new = choices[deep, kind, 1 + below(random, choices[deep, kind, 0])]
        same = table[new, ARITY] == table[old, ARITY]
        for argument in range(table[old, ARITY]):
            same = same and table[new, ARGUMENTS + argument] == table[old, ARGUMENTS + argument]
        if same:
            row[at] = new
            return


@njit(cache=True)
def _wrap(row, at, end, piece, table, choices, random):  # type: ignore[no-untyped-def]
    """Put the expression inside a new one that has an argument of its type; truths mostly inside `and`,
    actions inside `then`."""
    kind = table[row[at], RESULT]
    if choices[1, kind, 0] == 0:
        return
    outer, place = choices[1, kind, 1 + below(random, choices[1, kind, 0])], -1
    arity = table[outer, ARITY]
    shift = below(random, arity)
    for k in range(arity):
        argument = (k + shift) % arity
        if table[outer, ARGUMENTS + argument] == kind:
            place = argument
    spare = len(row) - 1 - row[0]
    if place < 0 or spare < arity:
        return
    piece[0], n = outer, 1
    for argument in range(arity):
        if argument == place:
            piece[n : n + end - at] = row[at:end]
            n += end - at
        else:
            left = spare - (n if argument < place else n - (end - at)) - (arity - 1 - argument)
            n = random_expression(
                piece, n, max(min(left, 5), 1), table[outer, ARGUMENTS + argument], 3, table, choices, random
            )
    if n - (end - at) <= spare:
        _splice(row, at, end, piece, n)
