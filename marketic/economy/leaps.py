"""Leaps: where a round around a cycle keeps nearly all of an error, all rounds to come are added up at once.

Rounds move x by m, J m, J^2 m ... with J the derivative of a round, so that what is to come is (I - J)^-1 m, Newton's step:
exact where the rounds are linear, as those of prices are. A leap only says where the next round starts. Whether everything
has settled is judged by the rounds after it, as without.
"""

from typing import TYPE_CHECKING

import numpy as np

from marketic.economy.layout import Quantities
from marketic.economy.rounds import LARGEST, one_round, price_map
from marketic.economy.state import State

if TYPE_CHECKING:
    from marketic.economy.economy import Economy

FIRST = 256
"""Rounds before the first leap; each later one is tried after twice as many."""
NEAR = 1e-7
"""How far below 1 the spectral radius must lie: closer, a leap is lost in rounding."""
SHORT = 1e-12
"""A leap that moves no number by more than this share of it is not worth starting again for."""
FAR = 4.0
"""A leap may be that many times as long as the pace of the last rounds lets expect."""


def due(rounds: int) -> bool:
    """Whether a leap may be tried after so many rounds."""
    return rounds >= FIRST and rounds & (rounds - 1) == 0


def ahead(derivative: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
    """Where rounds lead that moved `before` to `after`, [days, D]; derivative: J, [days, D, D]. None: nowhere else."""
    try:
        step = np.linalg.solve(np.eye(derivative.shape[1]) - derivative, (after - before)[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        return None
    there: np.ndarray = before + step
    far = bool((np.abs(there - after) > SHORT * np.abs(there)).any())
    return there if far and np.isfinite(there).all() else None


def quantities_ahead(
    economy: "Economy", state: State, before: np.ndarray, after: np.ndarray, to_come: np.ndarray
) -> Quantities | None:
    """Where quantities that moved from `before` to `after`, [days, width], will settle; None if that cannot be told.

    state: the round between them. to_come: [days, width], how far the pace of rounds says that it is. A leap is taken only
    where rounds contract, to numbers of the same signs, no farther than expected, and if a round there moves less than half.
    """
    layout = economy.layout
    if any(good.kind == "finite" for good in layout.goods.values()) or state.days * layout.width**2 > LARGEST:
        return None
    try:  # firms are asked for derivatives, and to produce where they need not go: they may refuse
        derivative = price_map(economy, state).swapaxes(1, 2)
        there = ahead(derivative, before, after)
        if there is None or not np.abs(np.linalg.eigvals(derivative)).max(initial=0.0) < 1.0 - NEAR:
            return None
        if (np.sign(there) != np.sign(after)).any() or (np.abs(there - after) > FAR * to_come).any():
            return None
        supply = layout.unpack(there)
        new = layout.pack(one_round(economy, supply, state.endowment, state.days)[1])
    except (ArithmeticError, ValueError, NotImplementedError):
        return None
    calmer = np.abs(new - there) <= 0.5 * np.abs(after - before) + 1e-12 * np.abs(there)
    return supply if calmer.all() else None
