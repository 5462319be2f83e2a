"""What the episodic economy asks of a species: five compiled functions over one table of arrays, called by address.

The economy knows agents by their slots and worlds by a header; it never sees a genome, a move or a block. A species (how
programs are written, bred and run in a world) fills in the rest, so one compiled economy serves all species: nothing
recompiles (see `marketic.function_pointer`, `marketic.array_table`).

Each function has the signature `f(table, a, b, c) -> int64`, with `table` int64 [entries, 4] to be read with
`marketic.array_table.ints_1d(table, k)` and its sisters:

function  a, b, c                 does, and returns
begin     size, prefix, 0         opens an instance of this size above a prefix that is solved already; fills the header. 0.
applies   slot, 0, 0              NO if the guard is false, IDLE if it is true but the body would change nothing, else ACTS.
perform   slot, 0, 0              runs the body, at most CAP - TICKS primitive steps, and returns how many it made.
breed     child, parent, donor    writes a child's code: the parent's, mutated, with loans from the donor; parent -1: random. 0.
alike     one, other, 0           1 if two agents would do the same, whatever their guards, else 0.

The header is the first HEADER numbers of entry STATE. `begin` sets all five; `perform` keeps PROGRESS, SOLVED and OVER:
SIZE (units of work, >= 1), PROGRESS (units done, 0 .. SIZE), CAP (primitive steps allowed, >= 1), SOLVED (1: the prize is
earned), OVER (1: nothing more can be done; also when solved). TICKS, the steps used so far, is the economy's own.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic

from marketic.array_table import ArrayTable
from marketic.errors import InputError
from marketic.function_pointer import INTS, INTS_2D, address_of, caller

STATE, RANDOM, CODE = 0, 1, 2
"""Entries of every species' table: world int64 [S], random state int64 [1], programs int64 [slots, L]. Others are its own."""
SIZE, PROGRESS, TICKS, CAP, SOLVED, OVER, HEADER = 0, 1, 2, 3, 4, 5, 8
NO, IDLE, ACTS = 0, 1, 2

SPECIES_CALL = (INTS_2D, types.int64, types.int64, types.int64)
WORLD_CALL = (INTS, types.int64, types.int64, INTS)
"""state, a, b, other: see `marketic.hayek.vocabulary.World`."""


@dataclass(frozen=True)
class SpeciesFunctions:
    """The five numba functions of a species; see the head of this file."""

    begin: Any
    applies: Any
    perform: Any
    breed: Any
    alike: Any

    def addresses(self) -> np.ndarray:
        """int64 [5], in the order of the fields. Raises InputError for what is no numba function of the right signature."""
        parts = (self.begin, self.applies, self.perform, self.breed, self.alike)
        return np.array([address_returning(part, SPECIES_CALL) for part in parts], dtype=np.int64)


class Species(Protocol):
    """How programs are written, bred and run in one world.

    A species whose functions believe what stands in a program has one method more, `sound(code) -> bool [n]`: which rows of
    int64 [n, code_length] may run. Agents that users hand over are asked for it; what `breed` writes is not.
    """

    @property
    def functions(self) -> SpeciesFunctions:
        """Its compiled functions."""
        ...

    @property
    def code_length(self) -> int:
        """Whole numbers in a program."""
        ...

    def table(self, slots: int, largest: int, seed: int) -> ArrayTable:
        """Fresh arrays for this many agents and instances of up to `largest` units; the first three as STATE, RANDOM, CODE."""
        ...

    def words(self, code: np.ndarray) -> str:
        """One program, int64 [code_length], in plain words."""
        ...


def address_returning(function: Any, signature: tuple[Any, ...]) -> int:
    """The address of a numba function that returns int64. Raises InputError if it is none, or returns something else."""
    address = address_of(function, signature)
    assert isinstance(function, Dispatcher)
    compiled: Any = function.overloads[signature]
    returned = compiled.signature.return_type
    if returned != types.int64:
        raise InputError(
            f"{function.py_func.__name__} returns {returned}: wanted int64; return np.int64(...) on every path"
        )
    return address


def _species(typing_context, address, table, a, b, c):  # type: ignore[no-untyped-def]
    return caller(SPECIES_CALL, types.int64)(typing_context, address)


def _world(typing_context, address, state, a, b, other):  # type: ignore[no-untyped-def]
    return caller(WORLD_CALL, types.int64)(typing_context, address)


_intrinsic: Any = intrinsic
call_species: Any = _intrinsic(_species)
call_world: Any = _intrinsic(_world)
