"""Literals that hold here, the material of guards. A guard: int64 [G], sorted, -1 (nothing) last."""

import numpy as np

from marketic.agents.program_literals import Literals, literal_holds


def true_literal(observation: np.ndarray, literals: Literals, rng: np.random.Generator) -> int:
    """A random literal that holds for an observation, float64 [D]; -1 if none was found."""
    parts = (literals.left, literals.comparison, literals.right, literals.constant)
    for literal in rng.integers(len(literals), size=8).tolist():
        if literal_holds(literal, observation, *parts):
            return int(literal)
    return -1


def tidy(guard: np.ndarray, guards: int) -> np.ndarray:
    """Every literal once, sorted, in `guards` places."""
    once = np.unique(guard[guard >= 0])[::-1][:guards]
    return np.concatenate([once, np.full(guards - len(once), -1)]).astype(np.int64)


def about(component: int, x: float, literals: Literals, exact: float, rng: np.random.Generator) -> list[int]:
    """Literals that hold around x: with odds `exact` its value, else bounds, of which the nearer are the likelier."""
    alone = (literals.left == component) & (literals.right < 0)
    same = np.flatnonzero(alone & (literals.comparison == 0) & (literals.constant == x))
    if len(same) and rng.random() < exact:
        return [int(same[0])]
    chosen = []
    for comparison, sign in ((2, 1.0), (3, -1.0)):
        gap = (literals.constant - x) * sign
        bounds = np.flatnonzero(alone & (literals.comparison == comparison) & (gap > 0))
        rank = int(rng.geometric(0.5)) - 1
        if rank < len(bounds):
            chosen.append(int(bounds[np.argsort(gap[bounds], kind="stable")[rank]]))
    return chosen


def twin_key(guard: np.ndarray, action: int) -> bytes:
    """What two programs have in common if one of them is enough."""
    return guard.tobytes() + action.to_bytes(8, "little")
