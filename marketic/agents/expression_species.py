"""Typed S-expressions as a species for the episodic economy (`marketic.hayek`);
`marketic.agents.expression_language` is their language.

    (program (== first-wrong-block empty) (then (while (== top2 next-goal) (move-2-to-1)) (move-3-to-2)))

What a program wants to do, and in which states, is free-form code; what it bids is the economy's affair.
"""

from dataclasses import dataclass, field

import numpy as np

from marketic.agents import expression_kernels as kernels
from marketic.agents.expression_compiler import well_typed, which_are_well_typed
from marketic.agents.expression_language import Language
from marketic.agents.expression_reader import parse
from marketic.agents.expression_text import to_text, to_words
from marketic.array_table import ArrayTable
from marketic.errors import InputError
from marketic.hayek.interface import SpeciesFunctions
from marketic.hayek.random_numbers import random_state
from marketic.hayek.vocabulary import rehearse
from marketic.numbers import all_finite, check_room, check_wholes

MOST_TICKS = 2**20
"""For every move: more would leave the range of int64 in worlds of long instances."""
FUNCTIONS = SpeciesFunctions(kernels.begin, kernels.applies, kernels.perform, kernels.breed, kernels.alike)


@dataclass(frozen=True)
class ExpressionPrograms:
    """Programs in a language.

    tokens: most of them in a program, 4 to 1000. ticks: instructions that a program may run for every move that it may still
    make, >= 1, but no fewer than lead to its first move; whatever it is, it ends.

    Raises InputError for other numbers, and for a world that does not keep to its vocabulary.
    """

    language: Language
    tokens: int = 32
    ticks: int = 200
    functions: SpeciesFunctions = field(default=FUNCTIONS, repr=False)

    def __post_init__(self) -> None:
        for name, kind in (("language", Language), ("functions", SpeciesFunctions)):
            if not isinstance(given := getattr(self, name), kind):
                raise InputError(f"ExpressionPrograms: {name}={given!r}: wanted {kind.__module__}.{kind.__name__}")
        if not all_finite(self.tokens, self.ticks) or not 4 <= self.tokens <= 1000 or self.ticks < 1:
            raise InputError(
                f"ExpressionPrograms(tokens={self.tokens}, ticks={self.ticks}): wanted 4 to 1000 tokens, ticks >= 1"
            )
        check_wholes(self, MOST_TICKS, tokens=4, ticks=1)
        rehearse(self.language.world)

    @property
    def code_length(self) -> int:
        """Whole numbers in a program."""
        return 1 + self.tokens

    def table(self, slots: int, largest: int, seed: int) -> ArrayTable:
        """Fresh arrays for the economy. Raises InputError if they do not fit into memory."""
        check_room(slots * 6 * (self.tokens + 4), f"slots={slots} with tokens={self.tokens}", "choose fewer of either")
        language, more = self.language, self.language.reversible
        most, room = (more.most, more.room) if more else (0, 0)
        plans = f"slots={slots} and tokens={self.tokens} with plans of {most} moves"
        check_room(max(slots * (2 + most + room), self.tokens * most), plans, "choose fewer of any")
        whole = lambda *shape: np.zeros(shape, dtype=np.int64)  # noqa: E731
        return ArrayTable([
            language.world.blank(largest), random_state(seed), whole(slots, self.code_length),
            language.world.vocabulary.constants(), language.table(), language.choices(), language.addresses(),
            whole(slots, self.code_length), whole(slots, 1 + 6 * (self.tokens + 4)), whole(slots, 2 + most + room),
            whole(2, 2 * self.tokens + 8), np.asarray(more.inverse if more else [0], dtype=np.int64),
            np.array([self.tokens, self.ticks, most], dtype=np.int64),
        ])  # fmt: skip

    def sound(self, code: np.ndarray) -> np.ndarray:
        """Which rows of int64 [n, code_length] are well-typed programs, bool [n]: children of others could not be written."""
        rows = np.ascontiguousarray(code, dtype=np.int64)
        return np.asarray(which_are_well_typed(rows, self.tokens, self.language.table()))

    def text(self, code: np.ndarray) -> str:
        """A program, int64 [code_length], as an S-expression. Raises InputError for what is none."""
        return to_text(self._checked(code), self.language)

    def words(self, code: np.ndarray) -> str:
        """A program, int64 [code_length], as a sentence. Raises InputError for what is none."""
        return to_words(self._checked(code), self.language)

    def read(self, text: str) -> np.ndarray:
        """The program, int64 [code_length], that `text` prints. Raises InputError for syntax, words, types and length."""
        tokens = parse(text, self.language)
        if len(tokens) > self.tokens:
            raise InputError(
                f"a program of {len(tokens)} tokens: wanted at most {self.tokens}; give tokens= a larger number"
            )
        code = np.zeros(self.code_length, dtype=np.int64)
        code[0], code[1 : 1 + len(tokens)] = len(tokens), tokens
        return code

    def _checked(self, code: np.ndarray) -> list[int]:
        code = np.asarray(code, dtype=np.int64)
        if code.shape != (self.code_length,) or not well_typed(code, self.tokens, self.language.table()):
            raise InputError(
                f"{code.tolist()} is no well-typed program: wanted its length, then tokens in prefix order, then zeros"
            )
        tokens: list[int] = code[1 : 1 + code[0]].tolist()
        return tokens
