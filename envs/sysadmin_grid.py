"""How well SysAdmin can be played on a grid, at most: the approximate linear program over 1 and x_i, with weights w >= 0.

For each action the constraints of all 2^n states say that a maximum over x is at most 0:

    max_x  c + sum_i l_i x_i + sum_e g_e x_child(e) x_parent(e)  <=  0,

with c, l and g >= 0 linear in the weights. It is a minimum cut, so its linear program (z_e <= x_child, z_e <= x_parent) is
exact, and by that program's dual it holds exactly where there are u >= 0 and 0 <= alpha_e <= g_e with

    c + sum_i u_i <= 0,    u_i >= l_i + sum of alpha_e over e with child i + sum of g_e - alpha_e over e with parent i.

These stand in the place of the 2^n constraints: n + 1 actions with as many rows as computers and edges, one program in all.
"""

from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_array, csr_array, dia_array, eye_array, hstack, kron, vstack

from marketic.errors import InputError

ALONE, RECOVERS, REBOOT_COST = 0.40, 0.05, 0.75
"""What being up adds to the chance of being up tomorrow, on which neighbours come; that of coming up; the cost of a reboot."""


def grid_bound(task: Any) -> float:
    """The least bound on the value of "all up", plus what the solver's residual may hide. task: a `SysAdmin`."""
    n, edges = task.computers, int(task.around.sum())
    parts = [_Action(task, reboot) for reboot in range(-1, n)]
    one = eye_array(n)
    own = block_array([[np.ones((1, n)), None], [-one, parts[0].up - parts[0].down], [None, eye_array(edges)]])
    matrix = hstack([vstack([part.rows() for part in parts]), kron(eye_array(n + 1), own)], format="csr")
    limits = np.concatenate([[part.cost, *np.full(n, -1.0), *np.zeros(edges)] for part in parts])
    goal = np.zeros(matrix.shape[1])
    goal[0], goal[1 : n + 1] = 1.0 / (1.0 - task.discount), 1.0  # the constant counts per step
    found = least(goal, matrix, limits, [(None, None)] + [(0.0, None)] * (len(goal) - 1), "highs-ipm")
    shares = found[n + 1 :].reshape(n + 1, n + edges)[:, n:]
    missing = max(part.violation(found[0], found[1 : n + 1], alpha) for part, alpha in zip(parts, shares, strict=True))
    return float(goal @ found + max(missing, 0.0) / (1.0 - task.discount))


def least(goal: np.ndarray, matrix: Any, limits: np.ndarray, bounds: Any, method: str = "highs") -> np.ndarray:
    """Minimise goal @ w over w with matrix @ w <= limits. Raises InputError if HiGHS finds no answer."""
    found = linprog(goal, A_ub=matrix, b_ub=limits, bounds=bounds, method=method)
    if found.status != 0:
        raise InputError(
            f"approximate linear program: HiGHS ended with {found.message}; wanted a discount further below 1, usually"
        )
    return np.asarray(found.x)


class _Action:
    """c, l and g of one action as functions of the weights; `reboot`: the computer, -1 for none."""

    def __init__(self, task: Any, reboot: int) -> None:
        n, g = task.computers, task.discount
        alive = np.arange(n) != reboot
        share = 0.5 / (1.0 + task.around.sum(axis=1))
        child, parent = np.nonzero(task.around)
        each = np.arange(len(child))
        ones = np.ones(len(child))
        self.cost = REBOOT_COST * (reboot >= 0)
        self.constant = g * np.where(alive, RECOVERS, 1.0)
        self.linear = g * alive * (ALONE + share) - 1.0
        self.up = csr_array((ones, (child, each)), shape=(n, len(child)))
        self.down = csr_array((ones, (parent, each)), shape=(n, len(child)))
        self.gain = csr_array((g * (alive * share)[child], (each, child)), shape=(len(child), n))

    def rows(self) -> csr_array:
        """What the constraints take of the constant's weight and the others, [1 + n + edges, 1 + n]."""
        n = len(self.linear)
        weights = vstack(
            [self.constant[None], dia_array((self.linear[None], [0]), shape=(n, n)) + self.down @ self.gain, -self.gain]
        )
        constant = np.zeros((weights.shape[0], 1))
        constant[0] = -1.0
        return hstack([csr_array(constant), weights], format="csr")

    def violation(self, constant: float, weights: np.ndarray, alpha: np.ndarray) -> float:
        """By how much any state may violate the constraint, at most."""
        gain = self.gain @ weights
        alpha = np.clip(alpha, 0.0, gain)
        up = np.maximum(1.0 + self.linear * weights + self.up @ alpha + self.down @ (gain - alpha), 0.0)
        return float(self.constant @ weights - constant - self.cost + up.sum())
