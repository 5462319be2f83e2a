"""What programs can say about a task: typed terms, the literals that compare them, and moves. Declared once per task.

A literal compares two terms of one kind, as in "top2 == goal at the top"; kinds keep programs from comparing a colour with
a height, which strongly typed genetic programming (Montana 1995) does for the same reason: nonsense need not be searched.
"""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from marketic.errors import InputError
from marketic.hayek.interface import CAP, HEADER, OVER, PROGRESS, SIZE, SOLVED, WORLD_CALL, address_returning
from marketic.hayek.random_numbers import random_state
from marketic.numbers import flag
from marketic.screening import keep

UNTOUCHED, MARGIN = -(2**40), 1024
"""What stands in arrays before a rehearsal, and how many numbers beyond their end: worlds that write there are found out."""
COMPARISONS = ("==", "!=", "<", ">")


@dataclass(frozen=True)
class Kind:
    """A type of term: whole numbers from `low` to `high`; `ordered`: < and > mean something."""

    name: str
    low: int
    high: int
    ordered: bool = False


@dataclass(frozen=True)
class Term:
    """Something that programs can read. kind: name of its `Kind`. constant: its value, or None if the world tells."""

    name: str
    kind: str
    constant: int | None = None


@dataclass(frozen=True)
class Vocabulary:
    """The words of a task.

    kinds: the types. terms: those that the world tells first, in the order in which it writes them, then constants.
    moves: names of the primitive moves, by number.

    Raises InputError for names that occur twice, kinds that are not declared, ranges that are none, and constants out of range
    or out of order.
    """

    kinds: tuple[Kind, ...]
    terms: tuple[Term, ...]
    moves: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, kind_of_part in (("kinds", Kind), ("terms", Term), ("moves", str)):
            keep(self, name, _tuple_of(name, getattr(self, name), kind_of_part))
        for kind in self.kinds:
            flag(f"{kind}: ordered", kind.ordered)
            if not _whole(kind.low) or not _whole(kind.high) or kind.low > kind.high:
                raise InputError(f"{kind}: wanted whole numbers of 64 bits, low <= high")
        for what, names in (("kind", self.kinds), ("term", self.terms)):
            known = [part.name for part in names]
            if not known or len(set(known)) < len(known):
                raise InputError(f"Vocabulary: {what}s {known}: wanted at least one, each with a name of its own")
        if not self.moves or len(set(self.moves)) < len(self.moves):
            raise InputError(f"Vocabulary: moves {self.moves}: wanted at least one, each with a name of its own")
        fixed = [term.constant is not None for term in self.terms]
        if fixed != sorted(fixed):
            raise InputError(
                "Vocabulary: wanted the terms that the world tells first, then the constants; reorder them"
            )
        for term in self.terms:
            kind = self.kind_of(term)
            if term.constant is not None and not (_whole(term.constant) and kind.low <= term.constant <= kind.high):
                raise InputError(f"{term} is no {kind.name}: wanted a constant from {kind.low} to {kind.high}")

    def kind_of(self, term: Term) -> Kind:
        """The kind of a term. Raises InputError if it was not declared."""
        for kind in self.kinds:
            if kind.name == term.kind:
                return kind
        raise InputError(f"{term} is of kind {term.kind!r}: wanted one of {[kind.name for kind in self.kinds]}")

    @property
    def sensed(self) -> int:
        """How many terms the world tells."""
        return sum(term.constant is None for term in self.terms)

    def constants(self) -> np.ndarray:
        """A fresh row of terms, int64 [terms]: constants in their places, 0 where the world will write."""
        return np.array([term.constant or 0 for term in self.terms], dtype=np.int64)

    def literals(self) -> np.ndarray:
        """Every comparison that makes sense, int64 [L, 3]: term, term, number in COMPARISONS. Two constants make none.

        Raises InputError if there is none.
        """
        return _literals(self).copy()

    def say(self, literal: np.ndarray) -> str:
        """A literal int64 [3] in words."""
        first, second, comparison = (int(part) for part in literal)
        return f"{self.terms[first].name} {COMPARISONS[comparison]} {self.terms[second].name}"


def _whole(given: Any) -> bool:
    return isinstance(given, int | np.integer) and not isinstance(given, bool) and -(2**63) <= int(given) < 2**63


def _tuple_of(what: str, given: Any, kind: type) -> tuple[Any, ...]:
    """A list or tuple of parts with names as a tuple. Raises InputError for other things."""
    named = isinstance(given, list | tuple) and all(
        isinstance(one, kind) and isinstance(name := getattr(one, "name", one), str) and name for one in given
    )
    if not named:
        raise InputError(f"Vocabulary: {what}={given!r}: wanted a tuple of {kind.__name__}, each with its name")
    return tuple(given)


@functools.cache
def _literals(vocabulary: Vocabulary) -> np.ndarray:
    found = []
    for one, other in itertools.combinations(range(len(vocabulary.terms)), 2):
        first, second = vocabulary.terms[one], vocabulary.terms[other]
        if first.kind == second.kind and first.constant is None:
            count = 4 if vocabulary.kind_of(first).ordered else 2
            found += [(one, other, comparison) for comparison in range(count)]
    if not found:
        raise InputError("Vocabulary: no two terms can be compared; give two of one kind, or a constant of that kind")
    return np.array(found, dtype=np.int64)


@dataclass(frozen=True)
class World:
    """A task in compiled code, for programs over its vocabulary.

    Each function has the signature `f(state, a, b, other) -> int64`; `state` int64 [S] begins with the header of
    `marketic.hayek.interface`.
    begin:    a = size, b = prefix, other = random state: opens an instance (see `marketic.hayek.random_numbers`). 0.
    sense:    other int64 [terms]: writes the terms that the world tells, in their order. 0.
    possible: a = move: 1 if it would change something now, else 0.
    move:     a = move: makes it, keeps PROGRESS, SOLVED and OVER. 1 if it changed something, else 0.
    blank:    a Python function of the largest size plus prefix that makes a state, int64 [S].

    Raises InputError for a vocabulary that is none, and a blank that cannot be called.
    """

    vocabulary: Vocabulary
    begin: Any
    sense: Any
    possible: Any
    move: Any
    blank: Callable[[int], np.ndarray]

    def __post_init__(self) -> None:
        if not isinstance(self.vocabulary, Vocabulary) or not callable(self.blank):
            raise InputError(
                f"World(vocabulary={self.vocabulary!r}, blank={self.blank!r}): wanted a Vocabulary, and a function of a size"
            )

    def addresses(self) -> np.ndarray:
        """int64 [4]: begin, sense, possible, move. Raises InputError for what is no numba function of that signature."""
        parts = (self.begin, self.sense, self.possible, self.move)
        return np.array([address_returning(part, WORLD_CALL) for part in parts], dtype=np.int64)


@njit(cache=True)
def possible_until_over(state, move, _, __):  # type: ignore[no-untyped-def]
    """The `possible` of worlds in which every move changes something as long as the instance lasts."""
    return np.int64(1 - state[OVER])


def rehearse(world: World, size: int = 4, steps: int = 60, seed: int = 0) -> None:
    """Play random moves, and hold the world to its vocabulary. Raises InputError for terms out of their kind's range,
    terms beyond those declared, numbers written beyond the state, a header that makes no sense, and moves that do not do
    what `possible` says."""
    vocabulary, told = world.vocabulary, len(world.vocabulary.terms)
    random, draw = random_state(seed), np.random.default_rng(seed)
    state = world.blank(size)
    if not isinstance(state, np.ndarray) or state.dtype != np.int64 or state.ndim != 1 or len(state) < HEADER:
        raise InputError(
            f"blank({size}) made {state!r}: wanted an array of int64 with {HEADER} numbers or more, the header first"
        )
    room = np.append(state, np.full(MARGIN, UNTOUCHED))
    state = room[: len(state)]
    for trial in range(4):
        world.begin(state, size, 0, random)
        if state[SIZE] < 1 or state[CAP] < 1 or not 0 <= state[PROGRESS] <= state[SIZE]:
            raise InputError(
                f"begin({size}) left {state[:HEADER].tolist()}: wanted size and cap >= 1, progress 0 to size"
            )
        for _ in range(steps):
            terms = np.full(told + MARGIN, UNTOUCHED - trial, dtype=np.int64)
            world.sense(state, 0, 0, terms)
            _check_terms(vocabulary, terms, UNTOUCHED - trial)
            if state[OVER] or state[SOLVED]:
                break
            move = int(draw.integers(len(vocabulary.moves)))
            before, can = state.copy(), int(world.possible(state, move, 0, terms))
            did = int(world.move(state, move, 0, terms))
            if can not in (0, 1) or did != can or (not did and (before != state).any()):
                name = vocabulary.moves[move]
                raise InputError(
                    f"move {name!r}: possible() said {can}, move() said {did}: wanted the same, 0 or 1; 0 changes nothing"
                )
    if (room[len(state) :] != UNTOUCHED).any():
        raise InputError(f"the world wrote beyond its {len(state)} numbers: wanted a longer array from blank({size})")


def _check_terms(vocabulary: Vocabulary, terms: np.ndarray, untouched: int) -> None:
    told = vocabulary.sensed
    for term, value in zip(vocabulary.terms[:told], terms.tolist(), strict=False):
        kind = vocabulary.kind_of(term)
        if value == untouched:
            raise InputError(f"sense() wrote nothing for {term.name!r}: wanted all {told} terms, in order")
        if not kind.low <= value <= kind.high:
            raise InputError(
                f"sense() wrote {term.name} = {value}, which is no {kind.name}: wanted {kind.low} to {kind.high}"
            )
    if (terms[told:] != untouched).any():
        raise InputError(f"sense() wrote more than the {told} terms that are declared without a constant")
