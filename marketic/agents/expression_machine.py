"""The machine that runs compiled expressions, in compiled code: whole numbers on a stack, and a budget of ticks.

A program gets a tick for every instruction. It ends when they are used up, when time is up in the world, when the instance is
over, or when a loop has gone round without changing anything, since it would go on like that for ever; nor is anything done
twice that changed nothing. So no instruction runs again before the first move. Sums and products are cut to +-LARGEST.
"""

import numpy as np
from numba import njit

from marketic.agents import expression_language as language
from marketic.agents.expression_compiler import (
    COUNT,
    COUNT_DOWN,
    END,
    JUMP,
    JUMP_IF_FALSE,
    KEEP_IF_FALSE,
    KEEP_IF_TRUE,
    LOOP_BEGIN,
    LOOP_END,
)  # fmt: skip
from marketic.hayek.interface import ACTS, IDLE, NO, OVER, call_world

ADD, SUBTRACT, MULTIPLY, LOOK, GAIN, TERM = (
    language.ADD, language.SUBTRACT, language.MULTIPLY, language.LOOK, language.GAIN, language.TERM,
)  # fmt: skip
TRUE, NOT, EQUAL, DIFFERENT, LESS, MORE = (
    language.TRUE, language.NOT, language.EQUAL, language.DIFFERENT, language.LESS, language.MORE,
)  # fmt: skip
MOVE, PERFORM = language.MOVE, language.PERFORM
LARGEST = language.LARGEST
W_SENSE, W_POSSIBLE, W_MOVE, W_LOOK, W_IMAGINE, W_SEEN = 1, 2, 3, 4, 6, 7
"""Places of the world's functions among `Language.addresses`."""
MOVES_COUNT, PLAN_MOVES = 0, 1
"""A plan: how many moves, then the moves, then what they come to, and last the best side, as `imagine` left it."""


@njit(cache=True)
def run(code, terms, state, world, plan, stack, registers, ticks, budget, probe):  # type: ignore[no-untyped-def]
    """Run code as `compile_program` writes it.

    ticks: instructions at most. budget: moves at most. probe: change nothing, and return NO if the guard is false, ACTS if the
    body would change something, IDLE otherwise; else return how many moves were made.
    """
    top, at, moves = 0, 0, 0
    gain, imagined = 0, -1
    for _ in range(ticks):
        operation, operand = code[1 + 2 * at], code[2 + 2 * at]
        at += 1
        if operation == TERM:
            stack[top] = terms[operand]
            top += 1
        elif operation == JUMP_IF_FALSE:
            top -= 1
            if stack[top] == 0:
                if operand < 0:
                    return NO
                at = operand
        elif operation <= MORE:
            if operation == GAIN and imagined != moves:
                gain, imagined = call_world(world[W_IMAGINE], state, 0, 0, plan[PLAN_MOVES:]), moves
            top = _evaluate(operation, stack, top, state, world, terms, gain)
        elif operation in (KEEP_IF_FALSE, KEEP_IF_TRUE):
            if (stack[top - 1] == 0) == (operation == KEEP_IF_FALSE):
                at = operand
            else:
                top -= 1
        elif operation in (MOVE, PERFORM):
            if not probe:
                if operation == PERFORM and imagined != moves:
                    call_world(world[W_IMAGINE], state, 0, 0, plan[PLAN_MOVES:])
                moves += _act(operation, operand, state, world, plan, terms, budget - moves)
            elif _would_act(operation, operand, state, world, plan, terms):
                return ACTS
        elif operation == LOOP_BEGIN:
            registers[operand] = moves
        elif operation == LOOP_END:
            if moves > registers[operand >> 32]:
                at = operand & 0xFFFFFFFF
        elif operation == JUMP:
            at = operand
        elif operation == COUNT:
            registers[operand] = moves
        elif operation == COUNT_DOWN:
            if 0 <= registers[operand >> 32] < moves:  # what changed nothing once changes nothing twice
                registers[operand >> 32] = -1
                at = (operand & 0xFFFFFFFF) + 1
        elif operation == END:
            break
        if state[OVER] == 1 or moves >= budget:
            break
    return IDLE if probe else moves


@njit(cache=True)
def _evaluate(operation, stack, top, state, world, terms, gain):  # type: ignore[no-untyped-def]
    """Put what an operation comes to on the stack, in place of what it takes; the new top."""
    if operation in (GAIN, TRUE):
        stack[top] = gain if operation == GAIN else 1
        return top + 1
    if operation == NOT:
        stack[top - 1] = 1 - stack[top - 1]
        return top
    one, other = stack[top - 2], stack[top - 1]
    if operation == LOOK:
        stack[top - 2] = call_world(world[W_LOOK], state, one, other, terms)
    else:
        stack[top - 2] = _combine(operation, one, other)
    return top - 1


@njit(cache=True)
def _combine(operation, one, other):  # type: ignore[no-untyped-def]
    """Comparison or arithmetic, cut to +-LARGEST; what comes in is never beyond twice 2**31, so nothing overflows."""
    if operation == EQUAL:
        return np.int64(one == other)
    if operation == DIFFERENT:
        return np.int64(one != other)
    if operation == LESS:
        return np.int64(one < other)
    if operation == MORE:
        return np.int64(one > other)
    found = one * other
    if operation == ADD:
        found = one + other
    elif operation == SUBTRACT:
        found = one - other
    return min(max(found, -LARGEST), LARGEST)


@njit(cache=True)
def _would_act(operation, operand, state, world, plan, terms):  # type: ignore[no-untyped-def]
    """Whether a move is possible, or a plan has moves."""
    if operation == PERFORM:
        return plan[MOVES_COUNT] > 0
    return call_world(world[W_POSSIBLE], state, operand, 0, terms) == 1


@njit(cache=True)
def _act(operation, operand, state, world, plan, terms, budget):  # type: ignore[no-untyped-def]
    """One move, or all of the plan; how many moves were made."""
    if operation == PERFORM:
        return _carry_out(state, world, plan, terms, budget)
    if call_world(world[W_MOVE], state, operand, 0, terms) != 1:
        return 0
    call_world(world[W_SENSE], state, 0, 0, terms)
    return 1


@njit(cache=True)
def _carry_out(state, world, plan, terms, budget):  # type: ignore[no-untyped-def]
    """Make the plan's moves from the best side, until the instance is over; how many."""
    side, made = plan[-1], 0
    for k in range(min(plan[MOVES_COUNT], budget)):
        turned = call_world(world[W_SEEN], state, plan[PLAN_MOVES + k], side, terms)
        if call_world(world[W_MOVE], state, turned, 0, terms) != 1:
            break
        made += 1
        if state[OVER] == 1:
            break
    call_world(world[W_SENSE], state, 0, 0, terms)
    return made
