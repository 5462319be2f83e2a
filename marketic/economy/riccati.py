"""Riccati's equation backwards in time: what a linear-quadratic economy is worth, and its best controls.

x' = A x + B u costs x'Qx + u'Ru a period. With S_T = Q and s = discount S_{t+1},

    K_t = (R + B'sB)^-1 B'sA,     S_t = Q + A'sA - A'sB K_t:     the best control is -K_t x, the least cost to come x'S_t x.

S_t is carried as a root L with L'L = S_t (square-root algorithm; Kailath, Sayed and Hassibi 2000, chapter 12): a product of an
orthogonal and an upper triangular matrix turns

    [ R^1/2   0  ]        [ D   D K ]
    [ l B    l A ]   to   [ 0   L_t ] ,   l'l = s,
    [ 0     Q^1/2]        [ 0    0  ]

so that no number is a small rest of large ones: where dynamics grow by themselves, the formula above loses all digits to
A'sA - A'sB K_t.
"""

import numpy as np


def backwards(
    A: np.ndarray, B: np.ndarray, Q: np.ndarray, R: np.ndarray, horizon: int, discount: float
) -> tuple[np.ndarray, np.ndarray]:
    """S_t, float64 [horizon + 1, D, D], and K_t, float64 [horizon, controls, D], for t = 0 ... horizon.

    A [D, D]; B [D, controls]; Q >= 0 and R > 0 symmetric. A rounding by which Q is negative counts as 0.
    """
    size, controls = B.shape
    values, gains = [Q], list[np.ndarray]()
    cost, effort = _root(Q), _root(R)
    root, both = cost, np.hstack([B, A])
    for _ in range(horizon):
        rows = [
            np.hstack([effort, np.zeros((controls, size))]),
            np.sqrt(discount) * root @ both,
            np.hstack([np.zeros((size, controls)), cost]),
        ]
        turned = np.linalg.qr(np.vstack(rows)).R
        root = turned[controls:, controls:]
        gains.insert(0, np.linalg.solve(turned[:controls, :controls], turned[:controls, controls:]))
        values.insert(0, root.T @ root)
    return np.array(values), np.array(gains)


def _root(matrix: np.ndarray) -> np.ndarray:
    """A square L with L'L = matrix, which is symmetric and positive semidefinite up to rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
