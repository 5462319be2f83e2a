"""Guarded macro programs over a vocabulary, as a species for the episodic economy (`marketic.hayek`).

A program is a guard, up to a few literals that must all hold, and a body of one or two instructions: a move, or a move repeated
until a literal holds. It says "if top2 is not empty and stack 1 has no wrong block: move 2 to 1 until top2 differs from
the goal". No single program of that size solves a task of any depth; they must pass the work on.
"""

from dataclasses import dataclass, field, fields

import numpy as np

from marketic.agents import program_kernels as kernels
from marketic.array_table import ArrayTable
from marketic.errors import InputError
from marketic.hayek.interface import SpeciesFunctions
from marketic.hayek.random_numbers import random_state
from marketic.hayek.vocabulary import World, rehearse
from marketic.numbers import LARGEST_WHOLE, all_finite, check_flags, check_room, check_wholes

MOST_PARTS = 2**16
"""Literals of a guard, or instructions of a body, at most."""
FUNCTIONS = SpeciesFunctions(kernels.begin, kernels.applies, kernels.perform, kernels.breed, kernels.alike)


@dataclass(frozen=True)
class Edits:
    """How children differ from their parents: `copy` is the share that differ in their price only; the others have one to five
    edits (geometric), each of a kind drawn with these weights, >= 0 and not all 0.

    set: a literal becomes a random one (specialise). clear: it is dropped (generalise). borrow: it is another agent's
    (crossover). move: a move changes, or one more is appended. until: a repetition's end changes, or there is none any more.
    drop: the last instruction goes. body: another agent's whole body is taken (macro-copy).
    """

    copy: float = 0.15
    set: float = 0.22
    clear: float = 0.17
    borrow: float = 0.11
    move: float = 0.22
    until: float = 0.11
    drop: float = 0.08
    body: float = 0.09

    def __post_init__(self) -> None:
        given = [getattr(self, field.name) for field in fields(self)]
        weights = self._weights() if all_finite(*given) else np.zeros(1)
        if not weights.any() or weights.min() < 0 or weights.max() > LARGEST_WHOLE or not 0 <= self.copy <= 1:
            raise InputError(f"{self}: wanted copy from 0 to 1, and weights >= 0, not all of them 0")

    def _weights(self) -> np.ndarray:
        return np.array([getattr(self, field.name) for field in fields(self)[1:]], dtype=float)

    def odds(self) -> np.ndarray:
        """float64 [8]: copy, then the weights' shares, added up."""
        weights = self._weights()
        total = weights.sum()
        return np.append(self.copy, np.cumsum(weights if abs(total - 1.0) < 1e-12 else weights / total))


@dataclass(frozen=True)
class MacroPrograms:
    """Programs over a world's vocabulary.

    guards: literals in a guard, >= 0. instructions: most of them in a body, >= 1. loops: whether moves may be repeated until a
    literal holds. edits: how children are written; `functions` with a `breed` of your own replaces all of that.

    Raises InputError for other numbers, and for a world that does not keep to its vocabulary.
    """

    world: World
    guards: int = 3
    instructions: int = 2
    loops: bool = True
    edits: Edits = Edits()
    functions: SpeciesFunctions = field(default=FUNCTIONS, repr=False)

    def __post_init__(self) -> None:
        for name, kind in (("world", World), ("edits", Edits), ("functions", SpeciesFunctions)):
            if not isinstance(given := getattr(self, name), kind):
                raise InputError(f"MacroPrograms: {name}={given!r}: wanted {kind.__module__}.{kind.__name__}")
        if not all_finite(self.guards, self.instructions) or self.guards < 0 or self.instructions < 1:
            raise InputError(f"{self}: wanted guards >= 0 and instructions >= 1")
        check_wholes(self, MOST_PARTS, guards=0, instructions=1)
        check_flags(self, "loops")
        self.functions.addresses()
        self.world.addresses()
        rehearse(self.world)

    @property
    def code_length(self) -> int:
        """Whole numbers in a program."""
        return self.guards + 1 + 2 * self.instructions

    def table(self, slots: int, largest: int, seed: int) -> ArrayTable:
        """Fresh arrays for the economy. Raises InputError if they do not fit into memory."""
        check_room(slots * self.code_length, f"slots={slots} with {self.code_length} numbers each", "choose fewer")
        vocabulary = self.world.vocabulary
        shape = np.array([self.guards, self.instructions, len(vocabulary.moves), int(self.loops)], dtype=np.int64)
        code = np.zeros((slots, self.code_length), dtype=np.int64)
        return ArrayTable([self.world.blank(largest), random_state(seed), code, vocabulary.constants(),
                           vocabulary.literals(), self.world.addresses(), shape, self.edits.odds()])  # fmt: skip

    def sound(self, code: np.ndarray) -> np.ndarray:
        """Which rows of int64 [n, code_length] are programs that may run, bool [n]: literals, moves and lengths exist."""
        guard, count, body = code[:, : self.guards], code[:, self.guards], code[:, self.guards + 1 :]
        made = np.arange(self.instructions) < count[:, None]
        literals, moves = len(self.world.vocabulary.literals()), len(self.world.vocabulary.moves)
        right = (body[:, ::2] >= 0) & (body[:, ::2] < moves) & (body[:, 1::2] < literals)
        fits = (count >= 0) & (count <= self.instructions)
        return np.asarray(fits & (guard < literals).all(axis=1) & (right | ~made).all(axis=1))

    def words(self, code: np.ndarray) -> str:
        """A program, int64 [code_length], as a sentence. Raises InputError for what is none."""
        code = np.asarray(code)
        if code.shape != (self.code_length,) or code.dtype.kind not in "iu" or not self.sound(code[None])[0]:
            raise InputError(
                f"{code.tolist()} is no program: wanted {self.code_length} whole numbers, as a Snapshot has them"
            )
        vocabulary = self.world.vocabulary
        literals = vocabulary.literals()
        guard = " and ".join(vocabulary.say(literals[k]) for k in dict.fromkeys(code[: self.guards].tolist()) if k >= 0)
        body = []
        for k in range(int(code[self.guards])):
            move, until = code[self.guards + 1 + 2 * k : self.guards + 3 + 2 * k].tolist()
            stop = f" until {vocabulary.say(literals[until])}" if until >= 0 else ""
            body.append(vocabulary.moves[move] + stop)
        return f"{guard or 'always'}: {'; '.join(body)}"
