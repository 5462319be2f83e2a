"""The language of typed S-expressions that programs over a world's vocabulary are written in (strongly typed GP, Montana 1995).

Every primitive has a type and typed arguments, so that whatever is generated, mutated or crossed over makes sense:

truth    `true`, `(and truth truth)`, `(or truth truth)`, `(not truth)`, `(== kind kind)`, `(!= kind kind)`;
         `<`, `>` of ordered kinds
kind     the vocabulary's terms; `(if truth kind kind)`; of ordered kinds also `+`, `-`, `*`; `(look kind
         kind)` if the world has it
action   a move; `(then action action)`; `(when truth action)`; `(while truth action)`; `(twice action)`
program  `(program truth action)`: what it does, and in which states it wants to.

Worlds whose moves can be undone (`Reversible`) also have plans: `(program plan truth action)`, with the plan made of moves by
`(join plan plan)`, `(undo plan)`, `(commutator plan plan)`, `(conjugate plan plan)`, `(thrice plan)`; then `gain` is the
progress that the plan would make, from the side from which it makes most, and `perform` carries it out.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.hayek.interface import WORLD_CALL, address_returning
from marketic.hayek.vocabulary import World
from marketic.numbers import flag, whole

TERM, ADD, SUBTRACT, MULTIPLY, CHOOSE, LOOK, GAIN = range(7)
TRUE, AND, OR, NOT, EQUAL, DIFFERENT, LESS, MORE = range(7, 15)
MOVE, THEN, WHEN, WHILE, TWICE, PERFORM = range(15, 21)
TURN, JOIN, UNDO, COMMUTATOR, CONJUGATE, THRICE = range(21, 27)
PROGRAM, PLANNED = 27, 28
TRUTH, ACTION, PLAN, WHOLE, FIRST_KIND = 0, 1, 2, 3, 4
"""Types by number; the vocabulary's kinds follow."""
LARGEST = 2**31 - 1
"""Sums, differences and products are cut to +- this; what they are made of is no larger than 2**31."""
MOST_MOVES = 2**20
"""Moves of a plan at most."""
OPERATION, OPERAND, RESULT, ARITY, ARGUMENTS, WIDTH = 0, 1, 2, 3, 4, 7
"""Columns of the table of primitives; ARGUMENTS is the first of three."""


@dataclass(frozen=True)
class Reversible:
    """What a world adds whose moves can be undone, as numba functions `f(state, a, b, other) -> int64`, and numbers.

    inverse: int64 [moves], the move that undoes each. sides: how many ways there are to look at the world.
    summarise: a = number of moves, in other[:a]: writes what they come to, at most `room` numbers, into other[most:]; 0.
    imagine: other as written by `summarise`: progress that the moves would make now from the best side, and that side
             in other[-1].
    seen:    a = move, b = side: the move that does there what the move does from side 0.
    most:    moves of a plan at most. room: numbers that `summarise` writes at most. kind: of `gain`.
    """

    inverse: np.ndarray
    summarise: Any
    imagine: Any
    seen: Any
    most: int
    room: int
    kind: str


@dataclass(frozen=True)
class Primitive:
    """name: as printed. operation, operand: for the machine. result: type; arguments: types."""

    name: str
    operation: int
    operand: int
    result: int
    arguments: tuple[int, ...] = ()
    weight: int = 1


@dataclass(frozen=True)
class Language:
    """The primitives for a world.

    look: a numba function `f(state, a, b, other) -> int64`, the sensor `(look a b)`; look_kinds: kinds of a, b
    and of the answer.
    arithmetic: whether there are `if`, `+`, `-`, `*` of values.

    Raises InputError for kinds that no term has, a `look` without its kinds, and numbers too large to reckon with.
    """

    world: World
    reversible: Reversible | None = None
    look: Any = None
    look_kinds: tuple[str, str, str] | None = None
    arithmetic: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.world, World) or not isinstance(self.reversible, Reversible | None):
            raise InputError(
                f"Language(world={self.world!r}, reversible={self.reversible!r}): wanted a World, and a Reversible or None"
            )
        flag("Language: arithmetic", self.arithmetic)
        if self.reversible is not None:
            self._check_plans(self.reversible)
        if (self.look is None) != (self.look_kinds is None):
            raise InputError(
                "Language: give look= and look_kinds=(kind, kind, kind of the answer) together, or neither"
            )
        for name in self.look_kinds or ():
            if name not in self.kinds:
                raise InputError(
                    f"Language(look_kinds={self.look_kinds}): {name!r} has no term; wanted some of {self.kinds}"
                )
        for kind in self.world.vocabulary.kinds:
            if self.arithmetic and kind.ordered and max(-kind.low, kind.high) > LARGEST + 1:
                raise InputError(
                    f"{kind}: wanted numbers up to +-{LARGEST + 1}, so that products are exact; tell it in larger "
                    "units, or give arithmetic=False"
                )
        self.addresses()

    def _check_plans(self, plans: Reversible) -> None:
        """Compiled code takes moves from `inverse`, and writes plans of up to `most` moves and `room` numbers more."""
        moves = len(self.world.vocabulary.moves)
        undoes = np.asarray(plans.inverse)
        if undoes.shape != (moves,) or undoes.dtype.kind not in "iu" or undoes.min() < 0 or undoes.max() >= moves:
            raise InputError(
                f"Reversible(inverse={plans.inverse!r}): wanted the number of a move, 0 to {moves - 1}, for each of {moves}"
            )
        whole("Reversible: most", plans.most, 1, MOST_MOVES)
        whole("Reversible: room", plans.room, 0, MOST_MOVES)
        if plans.kind not in self.kinds:
            raise InputError(f"Reversible(kind={plans.kind!r}): wanted the kind of some term, one of {self.kinds}")

    @property
    def kinds(self) -> list[str]:
        """Kinds that some term has, in the order of their declaration; type FIRST_KIND + k is the kind at k."""
        named = {term.kind for term in self.world.vocabulary.terms}
        return [kind.name for kind in self.world.vocabulary.kinds if kind.name in named]

    @cached_property
    def primitives(self) -> list[Primitive]:
        """All of them; a program is a list of places in this list, in prefix order."""
        vocabulary = self.world.vocabulary
        found = self._values()
        found += [
            Primitive("true", TRUE, 0, TRUTH), Primitive("and", AND, 0, TRUTH, (TRUTH, TRUTH), 4),
            Primitive("or", OR, 0, TRUTH, (TRUTH, TRUTH)), Primitive("not", NOT, 0, TRUTH, (TRUTH,)),
        ]  # fmt: skip
        if self.reversible is None:
            found += [Primitive(name, MOVE, k, ACTION) for k, name in enumerate(vocabulary.moves)]
        else:
            found += [Primitive("perform", PERFORM, 0, ACTION)]
            found += [Primitive(name, TURN, k, PLAN) for k, name in enumerate(vocabulary.moves)]
            found += [Primitive("join", JOIN, 0, PLAN, (PLAN, PLAN), 2), Primitive("undo", UNDO, 0, PLAN, (PLAN,))]
            found += [Primitive("commutator", COMMUTATOR, 0, PLAN, (PLAN, PLAN), 2)]
            found += [
                Primitive("conjugate", CONJUGATE, 0, PLAN, (PLAN, PLAN), 2),
                Primitive("thrice", THRICE, 0, PLAN, (PLAN,)),
            ]
        found += [
            Primitive("then", THEN, 0, ACTION, (ACTION, ACTION), 3), Primitive("when", WHEN, 0, ACTION, (TRUTH, ACTION)),
            Primitive("while", WHILE, 0, ACTION, (TRUTH, ACTION), 4), Primitive("twice", TWICE, 0, ACTION, (ACTION,)),
        ]  # fmt: skip
        if self.reversible is None:
            return [*found, Primitive("program", PROGRAM, 0, WHOLE, (TRUTH, ACTION))]
        return [*found, Primitive("program", PLANNED, 0, WHOLE, (PLAN, TRUTH, ACTION))]

    @cached_property
    def symbols(self) -> dict[Primitive, str]:
        """The word for each: its name without spaces and parentheses, numbered where another term or move has that already."""
        found: dict[Primitive, str] = {}
        taken: set[tuple[int, str]] = set()
        for one in self.primitives:
            symbol = plain = one.name if one.arguments else re.sub(r"[\s()]+", "-", one.name)
            group, number = min(one.result, FIRST_KIND), 1  # terms of different kinds are compared by the same word
            while not one.arguments and (group, symbol) in taken:
                number += 1
                symbol = f"{plain}~{number}"
            taken.add((group, symbol))
            found[one] = symbol
        return found

    def _values(self) -> list[Primitive]:
        vocabulary = self.world.vocabulary
        found = [
            Primitive(term.name, TERM, k, FIRST_KIND + self.kinds.index(term.kind))
            for k, term in enumerate(vocabulary.terms)
        ]
        for kind in vocabulary.kinds:
            if kind.name not in self.kinds:
                continue
            own = FIRST_KIND + self.kinds.index(kind.name)
            named = sum(term.kind == kind.name for term in vocabulary.terms)
            found += [Primitive("if", CHOOSE, 0, own, (TRUTH, own, own))] if self.arithmetic else []
            found += [
                Primitive("==", EQUAL, 0, TRUTH, (own, own), 3 + named // 3),
                Primitive("!=", DIFFERENT, 0, TRUTH, (own, own), 3),
            ]
            if kind.ordered:
                found += [Primitive("<", LESS, 0, TRUTH, (own, own), 2), Primitive(">", MORE, 0, TRUTH, (own, own), 2)]
                found += [
                    Primitive(name, ADD + k, 0, own, (own, own)) for k, name in enumerate("+-*") if self.arithmetic
                ]
            if self.reversible is not None and self.reversible.kind == kind.name:
                found += [Primitive("gain", GAIN, 0, own, (), 1 + named // 2)]
        if self.look_kinds is not None:
            one, other, answer = (FIRST_KIND + self.kinds.index(name) for name in self.look_kinds)
            found += [Primitive("look", LOOK, 0, answer, (one, other), 3)]
        return found

    def table(self) -> np.ndarray:
        """The primitives as numbers, int64 [P, WIDTH]."""
        rows = np.zeros((len(self.primitives), WIDTH), dtype=np.int64)
        for row, one in zip(rows, self.primitives, strict=True):
            row[:ARGUMENTS] = one.operation, one.operand, one.result, len(one.arguments)
            row[ARGUMENTS : ARGUMENTS + len(one.arguments)] = one.arguments
        return rows

    def choices(self) -> np.ndarray:
        """Primitives by type, for drawing: int64 [2, types, 1 + C]; row 0 those without arguments, row 1 those
        with, as often as they weigh; the first number of each says how many."""
        types = FIRST_KIND + len(self.kinds)
        lists = [
            [[p for p, one in enumerate(self.primitives) for _ in range(one.weight)
              if one.result == kind and bool(one.arguments) == deep] for kind in range(types)] for deep in (False, True)
        ]  # fmt: skip
        found = np.zeros((2, types, 1 + max(len(one) for row in lists for one in row)), dtype=np.int64)
        for deep in range(2):
            for kind, one in enumerate(lists[deep]):
                found[deep, kind, : 1 + len(one)] = [len(one), *one]
        return found

    def addresses(self) -> np.ndarray:
        """int64 [8]: begin, sense, possible, move; look, summarise, imagine, seen, 0 for those that are not there."""
        more = self.reversible
        parts = (self.look, *((more.summarise, more.imagine, more.seen) if more else (None, None, None)))
        extra = [0 if part is None else address_returning(part, WORLD_CALL) for part in parts]
        return np.concatenate([self.world.addresses(), np.array(extra, dtype=np.int64)])
