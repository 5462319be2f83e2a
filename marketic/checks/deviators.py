"""Who lies, leaves or comes twice in a case."""

from typing import Any

import numpy as np


def some_bidders(rng: np.random.Generator, truth: Any, how_many: int = 1) -> np.ndarray:
    """Different bidders, int64 [cases, how_many]: anybody, and in half of the cases those who name the most, or nearly so."""
    cases, n = truth.active.shape[:2]
    turn = rng.random((cases, n))
    value = getattr(truth, "value", None)
    if value is None or n <= how_many:
        return np.argsort(turn, axis=1)[:, :how_many]
    named = np.where(truth.active, value.reshape(cases, n, -1).max(axis=2, initial=-np.inf), -np.inf)
    leads = named >= np.sort(named, axis=1)[:, -how_many - 1, None]
    return np.argsort(turn - (leads & (rng.random((cases, 1)) < 0.5)), axis=1)[:, :how_many]
