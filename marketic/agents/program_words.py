"""Programs in plain words."""

import numpy as np

from marketic.agents.program_literals import Literals
from marketic.words import Words, deed


def clauses(literals: Literals, guard: np.ndarray, words: Words) -> list[str]:
    """What a guard, int64 [G], asks for."""
    return [literals.say(k, words) for k in dict.fromkeys(guard.tolist()) if k >= 0]


def move_until(literals: Literals, action: int, until: int, words: Words) -> str:
    """What a program does."""
    return words.move(int(action)) + (f" until {literals.say(int(until), words)}" if until >= 0 else "")


def told(literals: Literals, words: Words, code: np.ndarray) -> str:
    """A program without its price. code: int64 [2 + G], action, until and guard."""
    return deed(clauses(literals, code[2:], words), move_until(literals, code[0], code[1], words))
