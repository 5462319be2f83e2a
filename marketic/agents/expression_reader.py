"""Typed expressions read back from text, each word by the type that its place asks for."""

import re

from marketic.agents.expression_language import PLAN, WHOLE, Language
from marketic.errors import InputError

DEEPEST = 200
"""Nesting of parentheses that is read."""
Read = tuple[list[int], int]
"""The tokens of an expression, and where in the words it ends."""


def parse(text: str, language: Language) -> list[int]:
    """Tokens of a program. Raises InputError for parentheses that do not match, unknown words and wrong types."""
    words = re.findall(r"[()]|[^\s()]+", text)
    tokens, end = _Reader(words, language).read(0, WHOLE, 0)
    if end < len(words):
        raise InputError(f"{text!r}: {' '.join(words[end : end + 5])!r} is left over; wanted one expression")
    return tokens


class _Reader:
    """Reads expressions that begin at any of its words.

    known: what was found at each place as each type: words of several types, such as ==, may stand inside each other, and
    trying all combinations would take for ever.
    """

    def __init__(self, words: list[str], language: Language) -> None:
        self.words, self.language = words, language
        self.known: dict[tuple[int, int], Read | InputError] = {}

    def read(self, at: int, kind: int, depth: int) -> Read:
        """One expression of a type from words[at:], inside `depth` others. Raises InputError if there is none."""
        if (at, kind) not in self.known:
            try:
                self.known[at, kind] = self._read_afresh(at, kind, depth)
            except InputError as error:
                self.known[at, kind] = error
        found = self.known[at, kind]
        if isinstance(found, InputError):
            raise found
        return found

    def _read_afresh(self, at: int, kind: int, depth: int) -> Read:
        words, language = self.words, self.language
        if depth > DEEPEST:
            raise InputError(f"more than {DEEPEST} parentheses inside each other: wanted a shallower program")
        if at >= len(words) or words[at] == ")":
            raise InputError(f"after {' '.join(words[max(at - 5, 0) : at])!r}: wanted {_name(kind, language)}")
        opened = words[at] == "("
        at += opened
        reason: InputError | None = None
        for k in _fitting(words[at] if at < len(words) else "", opened, kind, language):
            try:
                return self._read_arguments(at, k, opened, depth)
            except InputError as error:
                reason = error
        assert reason is not None
        raise reason

    def _read_arguments(self, at: int, k: int, opened: bool, depth: int) -> Read:
        """The expression whose first word, words[at], is primitive k."""
        words, arguments = self.words, self.language.primitives[k].arguments
        tokens, end = [k], at + 1
        for argument in arguments:
            part, end = self.read(end, argument, depth + 1)
            tokens += part
        if opened and (end >= len(words) or words[end] != ")"):
            said = f"({' '.join(words[at:end])}"
            raise InputError(f"{said}: wanted a closing parenthesis after {len(arguments)} arguments")
        return tokens, end + opened


def _fitting(word: str, opened: bool, kind: int, language: Language) -> list[int]:
    """The primitives of a type that a word may stand for. Raises InputError if there is none."""
    named = [k for k, one in enumerate(language.primitives) if language.symbols[one] == word and one.result == kind]
    fitting = [k for k in named if opened or not language.primitives[k].arguments]
    if named and not fitting:
        raise InputError(f"{word!r} stands alone: wanted ({word} ...), with its arguments")
    if not fitting:
        raise InputError(f"{word!r} is no {_name(kind, language)}; wanted one of {_known(kind, language)}")
    return fitting


def _name(kind: int, language: Language) -> str:
    return ("truth", "action", "plan", "program", *language.kinds)[kind]


def _known(kind: int, language: Language) -> str:
    names = [language.symbols[one] for one in language.primitives if one.result == kind]
    return ", ".join(names[:12] + ["..."] * (len(names) > 12)) if kind != PLAN else ", ".join(names)
