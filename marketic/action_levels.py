"""The levels among which a real component of an action is chosen: each becomes a bidder."""

import math
from typing import Any

import numpy as np

from marketic.errors import InputError

MOST_LEVELS = 2**16


def check_bins(bins: Any) -> None:
    """Raise InputError unless `bins` is a number of levels, from 2 to MOST_LEVELS."""
    whole = isinstance(bins, int | np.integer) and not isinstance(bins, bool)
    if not (whole and 2 <= bins <= MOST_LEVELS):
        raise InputError(f"action_bins={bins!r}: wanted an integer >= 2, and at most {MOST_LEVELS:,}")


def levels_of(least: Any, most: Any, bins: int) -> np.ndarray:
    """Evenly spaced numbers from `least` to `most`, float64 [at most bins]: whole ones, once each, if these are integers."""
    low, high = float(least), float(most)
    levels = np.linspace(low, high, bins) if math.isfinite(high - low) else 2.0 * np.linspace(low / 2, high / 2, bins)
    if isinstance(least, np.integer):
        levels = np.unique(np.rint(levels))
        if int(levels[0]) < int(least):  # floats are too coarse for the longest integers
            levels[0] = np.nextafter(levels[0], np.inf)
        if int(levels[-1]) > int(most):
            levels[-1] = np.nextafter(levels[-1], -np.inf)
    return levels
