"""Forecasts of what follows an action: polynomials fitted by least squares, one set per action.

All agents read one record: for every action the sums of products of what was seen before a step and what changed with it
(the normal equations of linear least squares). They are solved anew when a forecast is wanted, with columns scaled to
length one and a small ridge (Hoerl and Kennard 1970), so that units do not matter and an action that was hardly ever
taken does no harm. A forecast is trusted inside the *known box* only, the smallest box that holds every state from which
an episode went on; outside, nobody knows.
"""

import math

import numpy as np
from numba import njit

from marketic.array_table import floats_1d, floats_2d, floats_3d, ints_1d
from marketic.linear_systems import solve

RIDGE = 1e-8  # of the scaled columns; with 1e-6 the forecasts of CartPole are 10 to 30 times as far off
LARGEST_DEGREE, MOST_TERMS = 3, 1000

# the first entries of a rehearsal's table; the others are in `marketic.agents.rehearsals`
GRAM, COEFFICIENTS, BOX, MONOMIALS, SIZES = range(5)
DEGREE, CLONES, SOLVER = range(3)  # of SIZES
LOWEST, HIGHEST = 0, 1  # rows of BOX; its last column is the reward's


def terms_of(columns: int, degree: int) -> int:
    """How many monomials of at most `degree` there are in `columns` variables.

    >>> terms_of(4, 3)
    35
    """
    return math.comb(columns + degree, degree)


@njit(cache=True)
def expand(state, degree, terms):  # type: ignore[no-untyped-def]
    """Write all monomials of float64 [D] up to `degree` (1, 2 or 3) to terms, float64 [W]."""
    columns, at = state.shape[0], 1
    terms[0] = 1.0
    for i in range(columns):
        terms[at] = state[i]
        at += 1
    if degree < 2:
        return
    for i in range(columns):
        for j in range(i, columns):
            terms[at] = state[i] * state[j]
            at += 1
    if degree < 3:
        return
    for i in range(columns):
        for j in range(i, columns):
            product = state[i] * state[j]
            for k in range(j, columns):
                terms[at] = product * state[k]
                at += 1


@njit(cache=True)
def record(table, action, state, reward, following, goes_on):  # type: ignore[no-untyped-def]
    """Enter one step: in `state`, float64 [D], `action` brought `reward` and led to `following`; goes_on: 1, or 0 at an end."""
    terms, gram, box = floats_1d(table, MONOMIALS), floats_3d(table, GRAM)[action], floats_2d(table, BOX)
    columns, width = state.shape[0], terms.shape[0]
    expand(state, ints_1d(table, SIZES)[DEGREE], terms)
    for i in range(width):
        for j in range(i + 1):
            gram[i, j] += terms[i] * terms[j]
        for d in range(columns):
            gram[i, width + d] += terms[i] * (following[d] - state[d])
        gram[i, width + columns] += terms[i] * reward
    _widen(box, columns, reward)
    for d in range(columns):
        _widen(box, d, state[d])
        if goes_on:
            _widen(box, d, following[d])


@njit(cache=True, forceinline=True)
def _widen(box, column, value):  # type: ignore[no-untyped-def]
    box[LOWEST, column] = min(box[LOWEST, column], value)
    box[HIGHEST, column] = max(box[HIGHEST, column], value)


@njit(cache=True)
def fit(table):  # type: ignore[no-untyped-def]
    """Solve the normal equations of every action: coefficients float64 [A, W, D + 1]. They stay if there is none."""
    gram, coefficients = floats_3d(table, GRAM), floats_3d(table, COEFFICIENTS)
    width, outputs = coefficients.shape[1], coefficients.shape[2]
    left, right, scale = np.empty((width, width)), np.empty((outputs, width)), np.empty(width)
    for action in range(gram.shape[0]):
        for i in range(width):
            scale[i] = 1.0 / math.sqrt(gram[action, i, i]) if gram[action, i, i] > 0.0 else 1.0
        for i in range(width):
            for j in range(i + 1):
                left[i, j] = left[j, i] = gram[action, i, j] * scale[i] * scale[j]
            left[i, i] = 1.0 + RIDGE
            for d in range(outputs):
                right[d, i] = gram[action, i, width + d] * scale[i]
        if solve(ints_1d(table, SIZES)[SOLVER], left, right):
            for i in range(width):
                for d in range(outputs):
                    coefficients[action, i, d] = scale[i] * right[d, i]


@njit(cache=True)
def forecast(table, action, state, following):  # type: ignore[no-untyped-def]
    """Write what probably follows `state` to `following`, float64 [D]. Returns (the reward, is that state known?)."""
    terms, box = floats_1d(table, MONOMIALS), floats_2d(table, BOX)
    coefficients = floats_3d(table, COEFFICIENTS)[action]
    columns = state.shape[0]
    expand(state, ints_1d(table, SIZES)[DEGREE], terms)
    reward = 0.0
    for d in range(columns):
        following[d] = state[d]
    for i in range(terms.shape[0]):
        for d in range(columns):
            following[d] += coefficients[i, d] * terms[i]
        reward += coefficients[i, columns] * terms[i]
    known = True
    for d in range(columns):
        known = known and box[LOWEST, d] <= following[d] <= box[HIGHEST, d]
    return min(max(reward, box[LOWEST, columns]), box[HIGHEST, columns]), known
