"""Programs and their ancestors in plain words."""

import numpy as np

from marketic.agents.lineage import BORN, CODE, DIED, UID, ancestry
from marketic.agents.program_literals import Literals
from marketic.words import Words


def clauses(literals: Literals, guard: np.ndarray, words: Words) -> list[str]:
    """What a guard, int64 [G], asks for."""
    return [literals.say(k, words) for k in dict.fromkeys(guard.tolist()) if k >= 0]


def deed(literals: Literals, action: int, until: int, words: Words) -> str:
    """What a program does."""
    return words.move(int(action)) + (f" until {literals.say(int(until), words)}" if until >= 0 else "")


def forebears(kin: np.ndarray, uid: int, literals: Literals, words: Words) -> list[str]:
    """A program and its ancestors, youngest first, one line each. kin: see `marketic.agents.lineage`; code: action, until,
    guard. Raises InputError for a uid that was never born or is forgotten."""
    lines = []
    for row in ancestry(kin, uid):
        asked = " and ".join(clauses(literals, row[CODE + 2 :], words)) or "always"
        end = "alive" if row[DIED] < 0 else f"died {row[DIED]}"
        lines.append(
            f"{row[UID]} (born {row[BORN]}, {end}): {asked}: {deed(literals, row[CODE], row[CODE + 1], words)}"
        )
    return lines
