"""Typed expressions as text: printed as S-expressions, and said in plain words."""

from collections.abc import Callable

from marketic.agents.expression_language import MOVE, TERM, TURN, WHOLE, Language, Primitive

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
