"""From a program in prefix order to the code of a stack machine, in compiled code; types are checked on the way.

A row of a program: how many tokens, then the tokens, places in the language's table of primitives. Its code: how many
instructions, then pairs (operation, operand). What is not well typed, too long or cut short becomes the code of a program that
never applies: nothing that a stranger writes into a row can make the machine read where it should not.
"""

import numpy as np
from numba import njit

from marketic.agents.expression_language import (
    AND,
    ARGUMENTS,
    ARITY,
    CHOOSE,
    COMMUTATOR,
    CONJUGATE,
    JOIN,
    OPERAND,
    OPERATION,
    OR,
    PLANNED,
    PROGRAM,
    RESULT,
    THEN,
    THRICE,
    TURN,
    TWICE,
    UNDO,
    WHEN,
    WHILE,
    WHOLE,
)  # fmt: skip

END, JUMP, JUMP_IF_FALSE, KEEP_IF_FALSE, KEEP_IF_TRUE, LOOP_BEGIN, LOOP_END, COUNT, COUNT_DOWN = range(100, 109)
"""Instructions beyond the language's own operations."""


@njit(cache=True)
def skip(tokens, first, table):  # type: ignore[no-untyped-def]
    """Where the expression that begins at `first` ends (the place after it)."""
    open_, k = 1, first
    while open_ > 0:
        open_ += table[tokens[k], ARITY] - 1
        k += 1
    return k


@njit(cache=True)
def well_typed(row, most, table):  # type: ignore[no-untyped-def]
    """Whether a row holds exactly one whole program, of at most `most` tokens."""
    n = row[0]
    if n < 1 or n > most or n >= len(row):
        return False
    wanted = np.empty(3 * most + 4, dtype=np.int64)
    wanted[0], depth = WHOLE, 1
    for k in range(n):
        token = row[1 + k]
        if depth == 0 or token < 0 or token >= len(table) or table[token, RESULT] != wanted[depth - 1]:
            return False
        depth -= 1
        for argument in range(table[token, ARITY] - 1, -1, -1):
            wanted[depth] = table[token, ARGUMENTS + argument]
            depth += 1
    return depth == 0


@njit(cache=True)
def which_are_well_typed(rows, most, table):  # type: ignore[no-untyped-def]
    """`well_typed` for each row of int64 [n, L], bool [n]."""
    found = np.zeros(len(rows), dtype=np.bool_)
    for k in range(len(rows)):
        found[k] = well_typed(rows[k], most, table)
    return found


@njit(cache=True)
def compile_program(row, most, table, code):  # type: ignore[no-untyped-def]
    """Write the code of a well-typed row: the guard, a jump to the end if it is false, the body.

    Each open expression is a frame: its token, how many arguments have been written, where its jumps stand.
    """
    frames = np.empty((most + 1, 4), dtype=np.int64)
    depth, n, registers, at = 0, 0, 0, 1
    if table[row[1], OPERATION] == PLANNED:
        at = skip(row, 2, table) - 1
        frames[0, 0], frames[0, 1], frames[0, 2], frames[0, 3], depth = row[1], 1, 0, 0, 1
    k = 1 + at if depth == 1 else 1
    while True:
        if depth > 0 and frames[depth - 1, 1] == table[frames[depth - 1, 0], ARITY]:
            n = _close(frames[depth - 1], table, code, n)
            depth -= 1
            if depth == 0:
                break
            n = _between(frames[depth - 1], table, code, n)
            continue
        token = row[k]
        k += 1
        frames[depth, 0], frames[depth, 1], frames[depth, 2], frames[depth, 3] = token, 0, n, registers
        operation = table[token, OPERATION]
        if operation == WHILE:
            n = _write(code, n, LOOP_BEGIN, registers)
            registers += 1
        elif operation == TWICE:
            n = _write(code, n, COUNT, registers)
            registers += 1
        depth += 1
    n = _write(code, n, END, 0)
    code[0] = n


@njit(cache=True)
def _write(code, n, operation, operand):  # type: ignore[no-untyped-def]
    code[1 + 2 * n], code[2 + 2 * n] = operation, operand
    return n + 1


@njit(cache=True)
def _between(frame, table, code, n):  # type: ignore[no-untyped-def]
    """An argument has been written: what stands between it and the next."""
    frame[1] += 1
    operation, done = table[frame[0], OPERATION], frame[1]
    if operation == AND and done == 1:
        frame[2] = n
        return _write(code, n, KEEP_IF_FALSE, 0)
    if operation == OR and done == 1:
        frame[2] = n
        return _write(code, n, KEEP_IF_TRUE, 0)
    guard = done == 1 and operation in (WHEN, CHOOSE, PROGRAM, WHILE)
    if guard or (operation == PLANNED and done == 2):
        if operation == WHILE:
            frame[2] = (frame[2] << 32) | n
        else:
            frame[2] = n
        return _write(code, n, JUMP_IF_FALSE, 1 if operation in (PROGRAM, PLANNED) else 0)
    if operation == CHOOSE and done == 2:
        code[2 + 2 * frame[2]] = n + 1
        frame[2] = n
        return _write(code, n, JUMP, 0)
    return n


@njit(cache=True)
def _close(frame, table, code, n):  # type: ignore[no-untyped-def]
    """All arguments have been written: the operation itself, and where jumps lead."""
    operation = table[frame[0], OPERATION]
    if operation in (AND, OR, CHOOSE, WHEN):
        code[2 + 2 * frame[2]] = n
        return n
    if operation in (PROGRAM, PLANNED):
        code[2 + 2 * frame[2]] = -1
        return n
    if operation == WHILE:
        first, test = frame[2] >> 32, frame[2] & 0xFFFFFFFF
        n = _write(code, n, LOOP_END, (frame[3] << 32) | first)
        code[2 + 2 * test] = n
        return n
    if operation == TWICE:
        return _write(code, n, COUNT_DOWN, (frame[3] << 32) | frame[2])
    if operation == THEN:
        return n
    return _write(code, n, operation, table[frame[0], OPERAND])


@njit(cache=True)
def write_plan(row, table, inverse, most, moves):  # type: ignore[no-untyped-def]
    """The plan of a well-typed row as a list of moves in moves[:count]; the count, or 0 if it is longer than `most`.

    The prefix is read from its end: what is finished lies on a stack of lists, the first argument on top.
    """
    end = skip(row, 2, table)
    lists, ends = np.empty((end, most), dtype=np.int64), np.empty(end, dtype=np.int64)
    top = 0
    for k in range(end - 1, 1, -1):
        operation = table[row[k], OPERATION]
        if operation == TURN:
            lists[top, 0], ends[top] = table[row[k], OPERAND], 1
            top += 1
            continue
        arguments = table[row[k], ARITY]
        one, other = top - 1, top - arguments
        made, n = np.empty(most, dtype=np.int64), 0
        n = _append(made, n, lists[one, : ends[one]], inverse, operation == UNDO)
        if operation == THRICE:
            n = _append(made, n, lists[one, : ends[one]], inverse, False)
            n = _append(made, n, lists[one, : ends[one]], inverse, False)
        elif operation in (JOIN, COMMUTATOR, CONJUGATE):
            n = _append(made, n, lists[other, : ends[other]], inverse, False)
            if operation != JOIN:
                n = _append(made, n, lists[one, : ends[one]], inverse, True)
            if operation == COMMUTATOR:
                n = _append(made, n, lists[other, : ends[other]], inverse, True)
        if n < 0:
            return 0
        top -= arguments
        lists[top, :n], ends[top] = made[:n], n
        top += 1
    moves[: ends[0]] = lists[0, : ends[0]]
    return ends[0]


@njit(cache=True)
def _append(made, n, moves, inverse, backwards):  # type: ignore[no-untyped-def]
    """Append moves, or what undoes them; a move and what undoes it cancel. The new length; -1: it is too long."""
    count = len(moves)
    for k in range(count):
        move = inverse[moves[count - 1 - k]] if backwards else moves[k]
        if n < 0:
            return n
        if n > 0 and made[n - 1] == inverse[move]:
            n -= 1
        elif n < len(made):
            made[n] = move
            n += 1
        else:
            return -1
    return n
