"""Guarded macro programs in compiled code: matching, running, mutating. See `marketic.agents.program_species`.

A program is a row of whole numbers: `guards` literals (-1: none), all of which must hold; the number of instructions; then per
instruction a move and the literal that stops its repetition (-1: the move is made once).
"""

import numpy as np
from numba import njit

from marketic.array_table import floats_1d, ints_1d, ints_2d
from marketic.hayek.interface import ACTS, CAP, CODE, IDLE, NO, OVER, RANDOM, STATE, TICKS, call_world
from marketic.hayek.random_numbers import below, uniform

TERMS, LITERALS, WORLD, SHAPE, ODDS = 3, 4, 5, 6, 7
"""Further entries of the table: terms int64 [T], literals int64 [L, 3], addresses of the world int64 [4], and below; odds
float64 [8] of a copy and, added up, of the edits of a mutation, in the order of `_edit`."""
GUARDS, INSTRUCTIONS, MOVES, LOOPS, SHAPES = 0, 1, 2, 3, 4
"""In SHAPE: guards of a program, most instructions, how many moves there are, and 1 if programs may repeat a move."""
W_BEGIN, W_SENSE, W_POSSIBLE, W_MOVE = 0, 1, 2, 3


@njit(cache=True)
def holds(literal, literals, terms):  # type: ignore[no-untyped-def]
    """Whether a literal is true."""
    one, other, comparison = terms[literals[literal, 0]], terms[literals[literal, 1]], literals[literal, 2]
    if comparison == 0:
        return one == other
    if comparison == 1:
        return one != other
    return one < other if comparison == 2 else one > other


@njit(cache=True)
def begin(table, size, prefix, _):  # type: ignore[no-untyped-def]
    """Open an instance and look at it."""
    state, terms, world = ints_1d(table, STATE), ints_1d(table, TERMS), ints_1d(table, WORLD)
    answer = call_world(world[W_BEGIN], state, size, prefix, ints_1d(table, RANDOM))
    if answer == 0:
        call_world(world[W_SENSE], state, 0, 0, terms)
    return answer


@njit(cache=True)
def applies(table, agent, _, __):  # type: ignore[no-untyped-def]
    """NO, IDLE or ACTS: see `marketic.hayek.interface`."""
    code, terms, literals = ints_2d(table, CODE), ints_1d(table, TERMS), ints_2d(table, LITERALS)
    guards = ints_1d(table, SHAPE)[GUARDS]
    for k in range(guards):
        if code[agent, k] >= 0 and not holds(code[agent, k], literals, terms):
            return np.int64(NO)
    state, possible = ints_1d(table, STATE), ints_1d(table, WORLD)[W_POSSIBLE]
    for k in range(code[agent, guards]):
        move, until = code[agent, guards + 1 + 2 * k], code[agent, guards + 2 + 2 * k]
        if (until < 0 or not holds(until, literals, terms)) and call_world(possible, state, move, 0, terms) == 1:
            return np.int64(ACTS)
    return np.int64(IDLE)


@njit(cache=True)
def perform(table, agent, _, __):  # type: ignore[no-untyped-def]
    """Run a body; whatever it repeats, it stops when time is up or a move is impossible."""
    code, terms, literals = ints_2d(table, CODE), ints_1d(table, TERMS), ints_2d(table, LITERALS)
    state, world, guards = ints_1d(table, STATE), ints_1d(table, WORLD), ints_1d(table, SHAPE)[GUARDS]
    budget, steps = state[CAP] - state[TICKS], np.int64(0)
    for k in range(code[agent, guards]):
        move, until = code[agent, guards + 1 + 2 * k], code[agent, guards + 2 + 2 * k]
        while steps < budget and (until < 0 or not holds(until, literals, terms)):
            if call_world(world[W_MOVE], state, move, 0, terms) != 1:
                break
            steps += 1
            call_world(world[W_SENSE], state, 0, 0, terms)
            if state[OVER] == 1:
                return steps
            if until < 0:
                break
    return steps


@njit(cache=True)
def alike(table, one, other, _):  # type: ignore[no-untyped-def]
    """Whether two bodies are equal."""
    code, guards = ints_2d(table, CODE), ints_1d(table, SHAPE)[GUARDS]
    for k in range(guards, guards + 1 + 2 * code[one, guards]):
        if code[one, k] != code[other, k]:
            return np.int64(0)
    return np.int64(1)


@njit(cache=True)
def breed(table, child, parent, donor):  # type: ignore[no-untyped-def]
    """A random program, a copy, or a parent's with one edit or more (geometric, at most 5)."""
    code, shape, random = ints_2d(table, CODE), ints_1d(table, SHAPE), ints_1d(table, RANDOM)
    odds, literals = floats_1d(table, ODDS), len(ints_2d(table, LITERALS))
    if parent < 0:
        _random_program(code[child], shape, literals, random)
        return np.int64(0)
    code[child] = code[parent]
    if uniform(random) < odds[0]:
        return np.int64(0)
    edits = 1
    while edits < 5 and uniform(random) < 0.5:
        edits += 1
    for _ in range(edits):
        _edit(code, shape, odds[1:], literals, random, child, donor)
    return np.int64(0)


@njit(cache=True)
def _random_program(row, shape, literals, random):  # type: ignore[no-untyped-def]
    guards = shape[GUARDS]
    wanted = below(random, guards + 1)
    for k in range(guards):
        row[k] = below(random, literals) if k < wanted else -1
    row[guards] = 1 + below(random, shape[INSTRUCTIONS])
    for k in range(shape[INSTRUCTIONS]):
        _random_instruction(row, k, shape, literals, random)


@njit(cache=True)
def _random_instruction(row, k, shape, literals, random):  # type: ignore[no-untyped-def]
    guards = shape[GUARDS]
    row[guards + 1 + 2 * k] = below(random, shape[MOVES])
    row[guards + 2 + 2 * k] = below(random, literals) if shape[LOOPS] == 1 and uniform(random) < 0.5 else -1


@njit(cache=True)
def _edit(code, shape, edits, literals, random, child, donor):  # type: ignore[no-untyped-def]
    """One edit: set, clear or borrow a literal; change or append a move; change or drop an `until`; drop the last
    instruction; borrow a whole body."""
    row, guards, draw = code[child], shape[GUARDS], uniform(random)
    k, count = below(random, max(guards, 1)), row[guards]
    if draw < edits[0] and guards > 0:
        row[k] = below(random, literals)
    elif draw < edits[1] and guards > 0:
        row[k] = -1
    elif draw < edits[2] and guards > 0:
        if donor >= 0:
            row[k] = code[donor, below(random, guards)]
    elif draw < edits[3]:
        k = below(random, min(count + 1, shape[INSTRUCTIONS]))
        if k == count:
            row[guards] = count + 1
            _random_instruction(row, k, shape, literals, random)
        else:
            row[guards + 1 + 2 * k] = below(random, shape[MOVES])
    elif draw < edits[4]:
        until = below(random, literals) if uniform(random) < 0.7 and shape[LOOPS] == 1 else -1
        row[guards + 2 + 2 * below(random, count)] = until
    elif draw < edits[5]:
        row[guards] = max(count - 1, min(count, 1))  # a stranger's empty body has no instruction to go back to
    elif donor >= 0:
        row[guards:] = code[donor, guards:]
