"""Blocks World in compiled code; `marketic.envs.blocks_world` says what it is. State, int64:

the header of `marketic.hayek.interface`, then blocks, colours, stride, the heights of stacks 1 to 3, what the hand holds
(0: nothing), options, and four rows of `stride` colours, from the bottom: the goal and stacks 1 to 3, 0 beyond their height.
"""

import math

import numpy as np
from numba import njit

from marketic.hayek.interface import CAP, HEADER, OVER, PROGRESS, SIZE, SOLVED, TICKS
from marketic.hayek.random_numbers import below

BLOCKS, COLOURS, STRIDE, HEIGHT, HAND, OPTIONS, ROWS = (
    HEADER,
    HEADER + 1,
    HEADER + 2,
    HEADER + 3,
    HEADER + 6,
    HEADER + 7,
    16,
)
GRAB, DONE, SENSOR = 1, 2, 4
"""Bits of the options: grab and drop instead of fused moves; a move that says "done"; the sensor of the number correct."""
FUSED = np.array([(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)])
"""From stack, to stack (0 to 2) of the fused moves."""


@njit(cache=True)
def step_cap(blocks):  # type: ignore[no-untyped-def]
    """Primitive moves allowed: 10 n log3(n) + 10, rounded down (Baum and Durdanovic 2000)."""
    return np.int64(10.0 * blocks * math.log(float(blocks)) / math.log(3.0)) + 10


@njit(cache=True)
def begin(state, size, prefix, random):  # type: ignore[no-untyped-def]
    """A random goal of size + prefix blocks; its lowest `prefix` lie in place, the others on them in random order.

    Never solved at the start, unless size is 1. Returns 1 if the state has no room for it, else 0.
    """
    blocks, stride = size + prefix, state[STRIDE]
    if blocks >= stride or size < 1:
        return np.int64(1)
    state[BLOCKS], state[SOLVED] = blocks, 0
    for _ in range(1000):
        for k in range(blocks):
            state[ROWS + k] = state[ROWS + stride + k] = 1 + below(random, state[COLOURS])
        for k in range(blocks - 1, prefix, -1):
            other = prefix + below(random, k - prefix + 1)
            here, there = ROWS + stride + k, ROWS + stride + other
            state[here], state[there] = state[there], state[here]
        settle(state)
        if state[PROGRESS] < blocks or size == 1:
            break
    return np.int64(0)


@njit(cache=True)
def settle(state):  # type: ignore[no-untyped-def]
    """All blocks are on stack 1, as written there: set everything else for a fresh instance."""
    blocks, stride = state[BLOCKS], state[STRIDE]
    state[HEIGHT], state[HEIGHT + 1], state[HEIGHT + 2], state[HAND] = blocks, 0, 0, 0
    for k in range(blocks, stride):
        state[ROWS + k] = state[ROWS + stride + k] = 0
    for k in range(2 * stride):
        state[ROWS + 2 * stride + k] = 0
    correct = 0
    while correct < blocks and state[ROWS + correct] == state[ROWS + stride + correct]:
        correct += 1
    state[SIZE], state[PROGRESS], state[TICKS], state[CAP] = blocks, correct, 0, step_cap(blocks)
    state[OVER] = state[SOLVED] = 1 if correct == blocks and state[OPTIONS] & DONE == 0 else 0


@njit(cache=True)
def possible(state, move, _, __):  # type: ignore[no-untyped-def]
    """Whether a move would change something."""
    if state[OVER] == 1:
        return np.int64(0)
    if move == 6:
        return np.int64(1 if state[OPTIONS] & DONE else 0)
    if state[OPTIONS] & GRAB == 0:
        return np.int64(1 if state[HEIGHT + FUSED[move, 0]] > 0 else 0)
    if move < 3:
        return np.int64(1 if state[HAND] == 0 and state[HEIGHT + move] > 0 else 0)
    return np.int64(1 if state[HAND] > 0 else 0)


@njit(cache=True)
def move(state, move, _, __):  # type: ignore[no-untyped-def]
    """Make a move. 1 if it changed something, else 0."""
    if possible(state, move, 0, state) == 0:
        return np.int64(0)
    if move == 6:
        state[OVER] = 1
        state[SOLVED] = 1 if state[PROGRESS] == state[BLOCKS] else 0
        return np.int64(1)
    if state[OPTIONS] & GRAB == 0:
        _put(state, FUSED[move, 1], _take(state, FUSED[move, 0]))
    elif move < 3:
        state[HAND] = _take(state, move)
    else:
        _put(state, move - 3, state[HAND])
        state[HAND] = 0
    return np.int64(1)


@njit(cache=True)
def _take(state, stack):  # type: ignore[no-untyped-def]
    state[HEIGHT + stack] -= 1
    at = ROWS + (stack + 1) * state[STRIDE] + state[HEIGHT + stack]
    block, state[at] = state[at], 0
    if stack == 0 and state[HEIGHT] < state[PROGRESS]:
        state[PROGRESS] = state[HEIGHT]
    return block


@njit(cache=True)
def _put(state, stack, block):  # type: ignore[no-untyped-def]
    height = state[HEIGHT + stack]
    state[ROWS + (stack + 1) * state[STRIDE] + height] = block
    state[HEIGHT + stack] = height + 1
    if stack == 0 and state[PROGRESS] == height and state[ROWS + height] == block:
        state[PROGRESS] = height + 1
        if height + 1 == state[BLOCKS] and state[OPTIONS] & DONE == 0:
            state[OVER] = state[SOLVED] = 1


@njit(cache=True)
def sense(state, _, __, terms):  # type: ignore[no-untyped-def]
    """Write the terms of `marketic.envs.blocks_world_vocabulary.vocabulary`, in that order."""
    blocks, stride, correct = state[BLOCKS], state[STRIDE], state[PROGRESS]
    k, first = 0, state[HEIGHT]
    for stack in range(3):
        height = state[HEIGHT + stack]
        terms[k] = state[ROWS + (stack + 1) * stride + height - 1] if height > 0 else 0
        k += 1
    terms[k] = state[ROWS + first] if first < blocks else 0
    terms[k + 1] = state[ROWS + first - 1] if 0 < first <= blocks else 0
    k += 2
    if state[OPTIONS] & GRAB:
        terms[k] = state[HAND]
        k += 1
    if state[OPTIONS] & SENSOR:
        terms[k] = state[ROWS + correct] if correct < blocks else 0
        terms[k + 1] = state[ROWS + stride + correct] if correct < first else 0
        terms[k + 2] = correct
        k += 3
    terms[k], terms[k + 1], terms[k + 2], terms[k + 3] = blocks, first, state[HEIGHT + 1], state[HEIGHT + 2]
    return np.int64(0)


@njit(cache=True)
def common_subsequence(one, other):  # type: ignore[no-untyped-def]
    """Length of the longest common subsequence of two int64 arrays."""
    best = np.zeros(len(other) + 1, dtype=np.int64)
    for a in one:
        diagonal = 0
        for k in range(len(other)):
            above = best[k + 1]
            best[k + 1] = diagonal + 1 if a == other[k] else max(above, best[k])
            diagonal = above
    return best[-1]
