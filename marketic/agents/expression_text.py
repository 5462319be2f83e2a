"""Typed expressions as text: printed as S-expressions, read back, and said in plain words."""

import re
from collections.abc import Callable

from marketic.agents.expression_language import MOVE, PLAN, TERM, TURN, WHOLE, Language, Primitive
from marketic.errors import InputError

DEEPEST = 200
"""Nesting of parentheses that is read."""
_SAYINGS: dict[str, str] = {
    "and": "{0} and {1}", "or": "({0} or {1})", "not": "not ({0})", "==": "{0} is {1}", "!=": "{0} is not {1}",
    "<": "{0} is below {1}", ">": "{0} is above {1}", "+": "({0} + {1})", "-": "({0} - {1})", "*": "{0} times {1}",
    "true": "always", "then": "{0}, then {1}", "when": "if {0}: ({1})", "while": "as long as {0}: ({1})",
    "twice": "twice ({0})", "join": "{0} {1}", "undo": "undo ({0})", "commutator": "the commutator of ({0}) and ({1})",
    "conjugate": "({1}) done from ({0})", "thrice": "three times ({0})", "look": "what is at ({0}, {1})",
    "gain": "what the plan gains", "perform": "carry out the plan", "if": "({1} if {0}, else {2})",
}  # fmt: skip


def to_text(tokens: list[int], language: Language) -> str:
    """A well-typed program as an S-expression."""
    return _fold(
        tokens,
        language,
        lambda one, parts: f"({' '.join([one.name, *parts])})" if parts else language.symbols[one],
    )


def to_words(tokens: list[int], language: Language) -> str:
    """A well-typed program in plain words."""
    return _fold(tokens, language, _say)


def _fold(tokens: list[int], language: Language, join: Callable[[Primitive, list[str]], str]) -> str:
    """Join the parts of every expression, from the end of the prefix to its beginning."""
    stack: list[str] = []
    for token in reversed(tokens):
        one = language.primitives[token]
        parts = [stack.pop() for _ in one.arguments]
        stack.append(join(one, parts))
    return stack[0]


def _say(one: Primitive, parts: list[str]) -> str:
    if one.result == WHOLE:
        plan = f" [plan: {parts[0]}]" if len(parts) == 3 else ""
        return f"{parts[-2]}: {parts[-1]}{plan}"
    if one.operation not in (TERM, MOVE, TURN):  # a term or a move may have any name, "look" or "twice" too
        return _SAYINGS[one.name].format(*parts)
    return one.name


def parse(text: str, language: Language) -> list[int]:
    """Tokens of a program. Raises InputError for parentheses that do not match, unknown words and wrong types."""
    words = re.findall(r"[()]|[^\s()]+", text)
    tokens, end = _read(words, 0, WHOLE, language, 0, {})
    if end < len(words):
        raise InputError(f"{text!r}: {' '.join(words[end : end + 5])!r} is left over; wanted one expression")
    return tokens


Read = tuple[list[int], int]
"""The tokens of an expression, and where in the words it ends."""


def _read(
    words: list[str],
    at: int,
    kind: int,
    language: Language,
    depth: int,
    known: dict[tuple[int, int], Read | InputError],
) -> Read:
    """Read one expression of a type from words[at:]. known: what was found at each place as each type, so that words of many
    types, such as ==, inside each other are not tried in all combinations."""
    if (at, kind) not in known:
        try:
            known[at, kind] = _read_afresh(words, at, kind, language, depth, known)
        except InputError as error:
            known[at, kind] = error
    found = known[at, kind]
    if isinstance(found, InputError):
        raise found
    return found


def _read_afresh(
    words: list[str],
    at: int,
    kind: int,
    language: Language,
    depth: int,
    known: dict[tuple[int, int], Read | InputError],
) -> Read:
    if depth > DEEPEST:
        raise InputError(f"more than {DEEPEST} parentheses inside each other: wanted a shallower program")
    if at >= len(words) or words[at] == ")":
        raise InputError(f"after {' '.join(words[max(at - 5, 0) : at])!r}: wanted {_name(kind, language)}")
    opened = words[at] == "("
    at += opened
    word = words[at] if at < len(words) else ""
    reason: InputError | None = None
    for k in _fitting(word, opened, kind, language):
        arguments, tokens, end = language.primitives[k].arguments, [k], at + 1
        try:
            for argument in arguments:
                part, end = _read(words, end, argument, language, depth + 1, known)
                tokens += part
            if opened and (end >= len(words) or words[end] != ")"):
                raise InputError(
                    f"({' '.join(words[at:end])}: wanted a closing parenthesis after {len(arguments)} arguments"
                )
            return tokens, end + opened
        except InputError as error:
            reason = error
    assert reason is not None
    raise reason


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
