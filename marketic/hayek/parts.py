"""Parts of breeding that one can swap, as numba functions that the compiled economy calls by address.

    Novices(entry=f)    f(state, top, premium, random) -> int64: what a novice bids, ticks, where it applies for the first time.
                        state: the world's, int64 [S], with the header of `marketic.hayek.interface`. top: the highest bid
                        there, ticks. premium: `Novices.premium` of the prize, ticks.
    Births(parent=f)    f(wealth, listed, count, least, tournament, random) -> int64: the slot of a child's parent; -1: none,
                        the child is random. wealth: int64 [slots], ticks. listed[:count]: slots of the agents with a price.
                        least: wealth, ticks, that `Births` asks of a parent.

random: int64 [1], for `marketic.hayek.random_numbers`. A bid that does not win, or is no less than the prize, does not enter.
Mutation, crossover, macro-copy, generalising and specialising belong to the species: their odds are `Edits` of
`marketic.agents.program_species`, and `breed` of its functions replaces them all.
"""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from marketic.errors import InputError
from marketic.function_pointer import INTS, caller
from marketic.hayek.books import PRIZE
from marketic.hayek.interface import SIZE, WORLD_CALL, address_returning
from marketic.hayek.random_numbers import below, uniform

PARENT_CALL = (INTS, INTS, types.int64, types.int64, types.int64, INTS)


@njit(cache=True)
def above(state, top, premium, random):  # type: ignore[no-untyped-def]
    """Epsilon above the winner, in steps that scale with prize / size."""
    return top + max(np.int64(premium / state[SIZE] * (0.5 + uniform(random))), 1)


@njit(cache=True)
def anything(state, top, premium, random):  # type: ignore[no-untyped-def]
    """A random share of the prize."""
    return np.int64(uniform(random) * PRIZE)


@njit(cache=True)
def richest(wealth, listed, count, least, tournament, random):  # type: ignore[no-untyped-def]
    """The richest of a few random agents that did well; -1: none of them did."""
    best = np.int64(-1)
    for _ in range(tournament):
        i = listed[below(random, count)]
        if wealth[i] > least and (best < 0 or wealth[i] > wealth[best]):
            best = i
    return best


ENTRIES = {"above": above, "random": anything}
PARENTS = {"richest": richest}


def entry_address(entry: Any) -> int:
    """Where the entry's function is. Raises InputError for an unknown name, or what is no such function."""
    return _address("entry", entry, ENTRIES, WORLD_CALL)


def parent_address(parent: Any) -> int:
    """Where the function that names parents is. Raises InputError as `entry_address` does."""
    return _address("parent", parent, PARENTS, PARENT_CALL)


def _address(what: str, given: Any, known: dict[str, Any], signature: tuple[Any, ...]) -> int:
    if isinstance(given, str):
        if given not in known:
            names = " or ".join(repr(name) for name in known)
            raise InputError(f"{what}={given!r}: wanted {names}, or a numba function (see marketic.hayek.parts)")
        given = known[given]
    return address_returning(given, signature)


def _parent(typing_context, address, wealth, listed, count, least, tournament, random):  # type: ignore[no-untyped-def]
    return caller(PARENT_CALL, types.int64)(typing_context, address)


_intrinsic: Any = intrinsic
call_parent: Any = _intrinsic(_parent)
