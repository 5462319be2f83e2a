"""Writing guards: one that holds here and nearby, or a child of two others. A guard: int64 [G], sorted, -1 (nothing) last."""

import numpy as np

from marketic.agents.program_literals import Literals, literal_holds

RELATED = 0.2
"""Share of new guards made of any literals that hold, those that compare two components among them."""
LEFT_OUT = 0.25
"""Odds that a new guard does not look at a component, if there is more than one."""
EXACT = 0.8
"""Odds that a new guard names the value of a finite component."""
MUTATION = 0.2
"""Odds that a literal of a child is dropped, or becomes another that holds here."""


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


def near(observation: np.ndarray, literals: Literals, guards: int, rng: np.random.Generator) -> np.ndarray:
    """A guard that holds for an observation, float64 [D], and mostly only nearby."""
    if guards == 0 or rng.random() < RELATED:
        some = np.array([true_literal(observation, literals, rng) for _ in range(guards)], dtype=np.int64)
        return tidy(np.where(rng.random(guards) < 2.0 / max(guards, 4), some, -1), guards)
    chosen: list[int] = []
    for component in rng.permutation(literals.components).tolist():
        if len(chosen) < guards and (literals.components == 1 or rng.random() >= LEFT_OUT):
            chosen += _about(component, float(observation[component]), literals, rng)
    return tidy(np.array(chosen[:guards], dtype=np.int64), guards)


def _about(component: int, x: float, literals: Literals, rng: np.random.Generator) -> list[int]:
    """Literals that hold around x: its value, or bounds, of which the nearer are the likelier."""
    alone = (literals.left == component) & (literals.right < 0)
    same = np.flatnonzero(alone & (literals.comparison == 0) & (literals.constant == x))
    if len(same) and rng.random() < EXACT:
        return [int(same[0])]
    chosen = []
    for comparison, sign in ((2, 1.0), (3, -1.0)):
        gap = (literals.constant - x) * sign
        bounds = np.flatnonzero(alone & (literals.comparison == comparison) & (gap > 0))
        rank = int(rng.geometric(0.5)) - 1
        if rank < len(bounds):
            chosen.append(int(bounds[np.argsort(gap[bounds], kind="stable")[rank]]))
    return chosen


def crossed(
    mother: np.ndarray, father: np.ndarray, observation: np.ndarray, literals: Literals, rng: np.random.Generator
) -> np.ndarray:
    """Some literals of each parent, int64 [G], some changed to others that hold here."""
    guard = np.where(rng.random(len(mother)) < 0.5, mother, father)
    for g in np.flatnonzero(rng.random(len(guard)) < MUTATION).tolist():
        guard[g] = -1 if rng.random() < 0.5 else true_literal(observation, literals, rng)
    return tidy(guard, len(guard))
