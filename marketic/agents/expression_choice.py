"""One decision as a world: what was observed, told in whole numbers, and the first move that a program makes is its choice.

So programs of typed expressions are written, compiled and run for any Gymnasium task as they are for a compiled world. Finite
components are told by their number, real ones in thousandths of their range, or of x / (1 + |x|) where it is infinite.
"""

import numpy as np
from numba import njit

from marketic.agents.expression_kernels import STATE, applies, compile_slot, perform
from marketic.array_table import ints_1d
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.hayek.interface import ACTS, CAP, HEADER, OVER, PROGRESS, SIZE, SOLVED, TICKS
from marketic.hayek.vocabulary import Kind, Term, Vocabulary, World, possible_until_over
from marketic.numbers import check_observations

CHOICE, COUNT, TOLD = HEADER, HEADER + 1, HEADER + 2
"""In the state: the choice, how many terms are told, the first of them."""
TERMS = 3
SCALE, MOST_CONSTANTS = 1000, 20


@njit(cache=True)
def begin(state, _, __, ___):  # type: ignore[no-untyped-def]
    """Nothing chosen yet."""
    state[SIZE], state[CAP], state[PROGRESS], state[TICKS], state[SOLVED], state[OVER], state[CHOICE] = (
        1,
        1,
        0,
        0,
        0,
        0,
        -1,
    )
    return np.int64(0)


@njit(cache=True)
def sense(state, _, __, terms):  # type: ignore[no-untyped-def]
    """What was observed."""
    terms[: state[COUNT]] = state[TOLD : TOLD + state[COUNT]]
    return np.int64(0)


@njit(cache=True)
def move(state, which, _, __):  # type: ignore[no-untyped-def]
    """Choose."""
    if state[OVER] == 1:
        return np.int64(0)
    state[CHOICE], state[OVER], state[SOLVED], state[PROGRESS] = which, 1, 1, 1
    return np.int64(1)


@njit(cache=True)
def choose(table, told, live, chosen):  # type: ignore[no-untyped-def]
    """What each live program chooses for each observation, int64 [B, T]; chosen int64 [B, slots]: overwritten,
    -1 for nothing."""
    state = ints_1d(table, STATE)
    for row in range(len(told)):
        state[TOLD : TOLD + told.shape[1]] = told[row]
        begin(state, 0, 0, state)
        sense(state, 0, 0, ints_1d(table, TERMS))
        for slot in range(len(live)):
            chosen[row, slot] = -1
            if live[slot] and applies(table, slot, 0, 0) == ACTS:
                perform(table, slot, 0, 0)
                chosen[row, slot] = state[CHOICE]
                begin(state, 0, 0, state)


@njit(cache=True)
def gather(chosen, price, weight, standing, members, value, active):  # type: ignore[no-untyped-def]
    """For each row and action: up to K of the programs of highest standing that chose it, and their mean price by weight.

    chosen int64 [B, slots]; price, weight, standing float64 [slots]; members int64 [B, A, K] (repeated in turn
    where fewer chose it), value float64 [B, A], active
    bool [B, A]: overwritten.
    """
    rows, actions, most = members.shape
    count = np.zeros(actions, dtype=np.int64)
    for row in range(rows):
        count[:] = 0
        for i in range(chosen.shape[1]):
            a = chosen[row, i]
            if a < 0:
                continue
            if count[a] < most:
                members[row, a, count[a]] = i
                count[a] += 1
                continue
            worst = members[row, a, :most][np.argmin(standing[members[row, a, :most]])]
            if standing[i] > standing[worst]:
                for k in range(most):
                    if members[row, a, k] == worst:
                        members[row, a, k] = i
        for a in range(actions):
            total, mean = 0.0, 0.0
            for k in range(count[a]):
                total += weight[members[row, a, k]]
                mean += weight[members[row, a, k]] * price[members[row, a, k]]
            active[row, a], value[row, a] = count[a] > 0, mean / total if count[a] > 0 else 0.0
            for k in range(count[a], most):
                members[row, a, k] = members[row, a, k - count[a]] if count[a] > 0 else 0


@njit(cache=True)
def compile_all(table, slots):  # type: ignore[no-untyped-def]
    """Compile the programs of the first slots."""
    for slot in range(slots):
        compile_slot(table, slot)


def decision_world(goods: Goods, actions: int) -> World:
    """The world of one decision about these goods. Raises InputError for a task with nothing to observe."""
    if len(goods) == 0:
        raise InputError("expressions need something to observe: this task's observation has no components")
    kinds, terms, constants = {}, [], []
    for good in goods:
        name = "real" if good.size is None else f"one-of-{good.size}"
        if name not in kinds:
            size = good.size or 0
            kinds[name] = Kind(name, *((-SCALE, SCALE) if good.size is None else (0, size - 1)), ordered=size != 2)
            values = (
                range(-SCALE, SCALE + 1, 500)
                if good.size is None
                else range(0, size, max(1, -(-size // MOST_CONSTANTS)))
            )
            constants += [Term(f"{k}/1000" if good.size is None else f"{k}-of-{size}", name, k) for k in values]
        terms.append(Term(good.name, name))
    moves = tuple(f"action-{a}" for a in range(actions))
    return World(
        Vocabulary(tuple(kinds.values()), (*terms, *constants), moves),
        begin,
        sense,
        possible_until_over,
        move,
        _Blank(len(terms)),
    )


class _Blank:
    """Makes states with room for some terms."""

    def __init__(self, terms: int) -> None:
        self.terms = terms

    def __call__(self, _: int) -> np.ndarray:
        state = np.zeros(TOLD + self.terms, dtype=np.int64)
        state[COUNT] = self.terms
        return state


def tell(goods: Goods, observation: np.ndarray) -> np.ndarray:
    """Encoded observations, float64 [B, D], in whole numbers, int64 [B, D]. Raises InputError for others."""
    told = np.array(observation, dtype=float)
    check_observations(told, len(goods))
    for k, good in enumerate(goods):
        if good.size is None:
            x = np.nan_to_num(told[:, k])
            if np.isfinite([good.low, good.high]).all() and good.high - good.low < 1e6:
                span = good.high - good.low
                told[:, k] = 2.0 * ((x - good.low) / span) - 1.0 if span > 0.0 else -1.0
            else:
                told[:, k] = x / (1.0 + np.abs(x))
            told[:, k] = np.clip(told[:, k], -1.0, 1.0) * SCALE
    return np.rint(told).astype(np.int64)
