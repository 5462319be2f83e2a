"""Programs of typed expressions as a species: the five compiled functions of `marketic.hayek.interface`."""

import numpy as np
from numba import njit

from marketic.agents.expression_breeding import COPY, mutate, random_program
from marketic.agents.expression_compiler import compile_program, skip, well_typed, write_plan
from marketic.agents.expression_language import OPERATION, PLANNED
from marketic.agents.expression_machine import MOVES_COUNT, PLAN_MOVES, run
from marketic.array_table import ints_1d, ints_2d, ints_3d
from marketic.hayek.interface import CAP, CODE, NO, RANDOM, STATE, TICKS, call_world
from marketic.hayek.random_numbers import uniform

TERMS, PRIMITIVES, CHOICES, WORLD, MIRROR, COMPILED, PLANS, STACK, INVERSE, SHAPE = range(3, 13)
"""Further entries of the table: terms int64 [T]; `Language.table`, `Language.choices`, `Language.addresses`; per slot the row
that was compiled, its code and its plan; stack and registers int64 [2, L]; what undoes each move int64 [moves]; and below."""
TOKENS, TICKS_A_MOVE, MOST_MOVES = 0, 1, 2
"""In SHAPE: most tokens of a program, ticks for every move that it may still make, most moves of a plan."""
W_BEGIN, W_SENSE, W_SUMMARISE = 0, 1, 5


@njit(cache=True)
def begin(table, size, prefix, _):  # type: ignore[no-untyped-def]
    """Open an instance, look at it, and compile the programs that have changed since the last."""
    state, terms, world = ints_1d(table, STATE), ints_1d(table, TERMS), ints_1d(table, WORLD)
    answer = call_world(world[W_BEGIN], state, size, prefix, ints_1d(table, RANDOM))
    if answer != 0:
        return answer
    call_world(world[W_SENSE], state, 0, 0, terms)
    code, mirror = ints_2d(table, CODE), ints_2d(table, MIRROR)
    for slot in range(len(code)):
        for k in range(code.shape[1]):
            if code[slot, k] != mirror[slot, k]:
                compile_slot(table, slot)
                break
    return np.int64(0)


@njit(cache=True)
def compile_slot(table, slot):  # type: ignore[no-untyped-def]
    """Write a slot's code and plan; no code for what is not well typed."""
    row, compiled, plan = ints_2d(table, CODE)[slot], ints_2d(table, COMPILED)[slot], ints_2d(table, PLANS)[slot]
    primitives, shape, world = ints_2d(table, PRIMITIVES), ints_1d(table, SHAPE), ints_1d(table, WORLD)
    ints_2d(table, MIRROR)[slot] = row
    compiled[0], plan[MOVES_COUNT] = 0, 0
    if not well_typed(row, shape[TOKENS], primitives):
        return
    compile_program(row, shape[TOKENS], primitives, compiled)
    if primitives[row[1], OPERATION] == PLANNED:
        moves = plan[PLAN_MOVES:]
        plan[MOVES_COUNT] = write_plan(row, primitives, ints_1d(table, INVERSE), shape[MOST_MOVES], moves)
        call_world(world[W_SUMMARISE], ints_1d(table, STATE), plan[MOVES_COUNT], 0, moves)


@njit(cache=True)
def _run(table, slot, budget, probe):  # type: ignore[no-untyped-def]
    compiled, stack = ints_2d(table, COMPILED)[slot], ints_2d(table, STACK)
    if compiled[0] == 0:
        return np.int64(NO if probe else 0)
    ticks = compiled[0]  # enough to the first move: what `applies` finds, `perform` reaches
    if not probe:
        ticks = max(ticks, ints_1d(table, SHAPE)[TICKS_A_MOVE] * (budget + 10))
    return np.int64(
        run(
            compiled, ints_1d(table, TERMS), ints_1d(table, STATE), ints_1d(table, WORLD), ints_2d(table, PLANS)[slot],
            stack[0], stack[1], ticks, budget, probe,
        )
    )  # fmt: skip


@njit(cache=True)
def applies(table, slot, _, __):  # type: ignore[no-untyped-def]
    """NO, IDLE or ACTS: run it up to the first move that would change something."""
    return _run(table, slot, np.int64(1), True)


@njit(cache=True)
def perform(table, slot, _, __):  # type: ignore[no-untyped-def]
    """Run it as far as the time that is left."""
    state = ints_1d(table, STATE)
    return _run(table, slot, state[CAP] - state[TICKS], False)


@njit(cache=True)
def breed(table, child, parent, donor):  # type: ignore[no-untyped-def]
    """A random program, a copy, or a mutant that may borrow from the donor."""
    write_child(table, child, parent, donor)
    return np.int64(0)


@njit(cache=True)
def write_child(table, child, parent, donor):  # type: ignore[no-untyped-def]
    """What `breed` does; returns whether another program than the parent, the donor, gave it code."""
    code, random = ints_2d(table, CODE), ints_1d(table, RANDOM)
    primitives, choices = ints_2d(table, PRIMITIVES), ints_3d(table, CHOICES)
    if parent < 0:
        random_program(code[child], primitives, choices, random)
        return False
    code[child] = code[parent]
    if uniform(random) < COPY:
        return False
    borrowed = mutate(code[child], code[donor if donor >= 0 else parent], primitives, choices, random)
    return borrowed and donor >= 0 and donor != parent and donor != child  # a donor whose place the child takes is gone


@njit(cache=True)
def alike(table, one, other, _):  # type: ignore[no-untyped-def]
    """Whether two bodies are equal, and so are their plans."""
    code, primitives, plans = ints_2d(table, CODE), ints_2d(table, PRIMITIVES), ints_2d(table, PLANS)
    if plans[one, MOVES_COUNT] != plans[other, MOVES_COUNT]:
        return np.int64(0)
    for k in range(plans[one, MOVES_COUNT]):
        if plans[one, PLAN_MOVES + k] != plans[other, PLAN_MOVES + k]:
            return np.int64(0)
    first, second = _body(code[one], primitives), _body(code[other], primitives)
    if code[one, 0] - first != code[other, 0] - second:
        return np.int64(0)
    for k in range(1 + code[one, 0] - first):
        if code[one, first + k] != code[other, second + k]:
            return np.int64(0)
    return np.int64(1)


@njit(cache=True)
def _body(row, primitives):  # type: ignore[no-untyped-def]
    """Where the action of a program begins."""
    first = skip(row, 2, primitives)
    return skip(row, first, primitives) if primitives[row[1], OPERATION] == PLANNED else first
