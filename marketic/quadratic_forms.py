"""Whether x'Hx has a sign, whatever the variables are counted in: judged with H's diagonal scaled to 1.

Scaling keeps the sign (Sylvester's law of inertia), and rounding of H is then as small as its own entries let it be: a
variable counted in tons does not hide the sign of one counted in grams, and a currency of large units hides nothing.
"""

import numpy as np

ROUNDING = 1e-12
"""How far the scaled numbers may be from symmetric, or from a sign: what was computed is not exact."""


def asymmetry(form: np.ndarray) -> float:
    """The largest difference of H, float64 [k, k], and its transpose, with the diagonal scaled to 1."""
    scaled = _scaled(form)
    return float(np.abs(scaled - scaled.T).max(initial=0.0))


def least_root(form: np.ndarray) -> tuple[float, int]:
    """The least eigenvalue of H, symmetric float64 [k, k], scaled likewise, and the variable that has most part in it.

    At least -ROUNDING if H is positive semidefinite, above ROUNDING if it is surely definite. A variable that has nothing on
    the diagonal but something beside it makes any H indefinite: -1.
    """
    empty = (form.diagonal() == 0.0) & (form != 0.0).any(axis=1)
    if empty.any():
        return -1.0, int(empty.argmax())
    roots, vectors = np.linalg.eigh(_scaled(form))
    return float(roots[0] / max(1.0, roots[-1])), int(np.abs(vectors[:, 0]).argmax())


def _scaled(form: np.ndarray) -> np.ndarray:
    size = np.sqrt(np.abs(form.diagonal()))
    size = np.where(size > 0.0, size, 1.0)
    return np.asarray(form / size[:, None] / size)
