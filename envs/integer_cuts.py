"""What fits into one step in whole actions: prices of bottlenecks, which close the Lagrangian bound where units are few.

`marketic.envs.weakly_coupled_bound` keeps the capacities on average, so it lets parts share a step in fractions: with 3
units of labour and 1 of energy, 1 part by machine (1, 1) and 2/3 of a part by hand (3, 0), although only one of the two
fits. Where few units are shared by actions that take several, that is most of the gap between bound and optimum.

Where all parts use the same, a step is a vector of counts x_a, how many parts take action a = 1 .. A - 1, and what is
feasible is the set of whole x with sum_a x_a u_a <= capacity and sum_a x_a <= parts. Its convex hull is given by cuts
c_f . x <= 1, c_f >= 0, which any policy meets in every step and therefore also on average: they take the place of the
resources (which they imply), and the bound is computed as before (integer hull in place of the relaxed set: Geoffrion 1974;
Gomory 1958). Each cut is a bottleneck with a price, and an action costs the sum of the bottlenecks it goes through, which
need not be linear in what it uses.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from marketic.envs.weakly_coupled_bound import Bound, lagrangian_bound
from marketic.errors import InputError
from marketic.factoring import ROOM

ROUNDING = 1e-9
"""Of the plane of a facet, whose counts are of the size of 1."""
MOST_COUNTS = 200_000
"""Vectors of counts that are looked at; beyond, capacities are so large that fractions of a step hardly matter."""


def integer_cuts(uses: np.ndarray, capacity: np.ndarray, parts: int) -> np.ndarray | None:
    """The cuts c, float64 [F, A] >= 0, of the whole counts that fit: exactly those with c @ x <= 1 in every row.

    uses: float64 [A, K] >= 0, of one part's actions, 0 for action 0; capacity: float64 [K] > 0. An action that does not
    fit even once has c = inf in a row of its own. None if there are more than MOST_COUNTS counts to look at.
    """
    with np.errstate(divide="ignore"):
        most = np.floor(np.where(uses > 0, capacity * ROOM / uses, np.inf).min(axis=1, initial=parts)).astype(int)
    live = [action for action in range(1, len(uses)) if most[action] > 0]
    never = [action for action in range(1, len(uses)) if most[action] == 0]
    rest = np.prod([most[action] + 1.0 for action in live[1:]])
    if rest > MOST_COUNTS:
        return None
    found = _hull(_corners(uses[live], capacity, parts, most[live])) if live else np.zeros((0, 0))
    cuts = np.zeros((len(found) + len(never), len(uses)))
    cuts[: len(found), live] = found
    cuts[np.arange(len(found), len(cuts)), never] = np.inf
    return cuts


def _corners(uses: np.ndarray, capacity: np.ndarray, parts: int, most: np.ndarray) -> np.ndarray:
    """Counts whose hull is that of all that fit, int64 [P, A]: of the first action none, or as many as fit."""
    others = np.indices((most[1:] + 1).tolist()).reshape(len(most) - 1, int(np.prod(most[1:] + 1))).T
    left = capacity * ROOM - others @ uses[1:]
    fits = (left >= 0.0).all(axis=1)
    others, left = others[fits], left[fits]
    free = parts - others.sum(axis=1)
    others, left, free = others[free >= 0], left[free >= 0], free[free >= 0]
    takes = uses[0] > 0
    first = np.floor(left[:, takes] / uses[0][takes]).min(axis=1, initial=parts)
    first = np.minimum(first, free).astype(int)
    return np.concatenate([np.c_[first, others], np.c_[np.zeros_like(first), others]])


def _hull(points: np.ndarray) -> np.ndarray:
    """The facets c . x <= 1 of points' convex hull, float64 [F, A], where the points hold 0 and every unit vector."""
    from scipy.spatial import ConvexHull

    if points.shape[1] == 1:
        return np.array([[1.0 / points.max()]])
    planes = ConvexHull(points).equations  # normal . x + offset <= 0
    planes = planes[planes[:, -1] < -ROUNDING]  # the others go through 0: counts are not negative
    return np.unique(np.round(np.maximum(planes[:, :-1] / -planes[:, -1:], 0.0), 12), axis=0)


def integer_bound(task: Any, *, periods: int = 0) -> Bound:
    """The least Lagrangian bound over prices of the cuts: at most `lagrangian_bound`. task: a `WeaklyCoupled`.

    Prices and use are those of the cuts, float64 [T + 1, F], in the order of `integer_cuts`. Raises InputError unless all
    parts use the same; where there are too many counts it is `lagrangian_bound` itself.
    """
    if (task.uses != task.uses[:1]).any():
        part = int(np.flatnonzero((task.uses != task.uses[:1]).any(axis=(1, 2)))[0])
        raise InputError(
            f"integer_bound: parts 0 and {part} use different amounts for the same action; use lagrangian_bound"
        )
    cuts = integer_cuts(task.uses[0], task.capacity, task.parts)
    if cuts is None:
        return lagrangian_bound(task, periods=periods)
    never = np.isinf(cuts).any(axis=1)
    stays = ~np.isinf(cuts).any(axis=0)
    uses = np.tile(cuts[~never][:, stays].T, (task.parts, 1, 1))
    cut = SimpleNamespace(
        transitions=task.transitions[:, stays], rewards=np.ascontiguousarray(task.rewards[:, :, stays]), uses=uses,
        capacity=np.ones(uses.shape[2]), start=task.start, discount=task.discount, kinds=task.kinds,
    )  # fmt: skip
    return lagrangian_bound(cut, periods=periods)
