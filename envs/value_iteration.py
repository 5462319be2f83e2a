"""When value iteration may stop, and where it is heading: MacQueen's bounds.

After a sweep that took V to TV, the values it converges to lie between TV + g min(TV - V) and TV + g max(TV - V), with
g = discount / (1 - discount) (MacQueen 1966; Puterman 1994, section 6.6.3). The two close in as fast as the process forgets
where it began, which horizons far beyond that do not slow down.
"""

import numpy as np

ROUNDING = 4 * float(np.finfo(float).eps)
"""Of the largest value: smaller changes say nothing."""


def settled(
    before: np.ndarray, after: np.ndarray, discount: float, tolerance: float, largest: float
) -> np.ndarray | None:
    """The values in the middle of the bounds if these are close enough, else None: sweep again.

    before, after: float64 of any shape, values before and after a sweep. tolerance: relative to the largest value or reward.
    largest: of the rewards' sizes, currency. Also settled is where all that is left between the bounds is rounding.
    """
    change = after - before
    low, high, ahead = float(change.min()), float(change.max()), discount / (1.0 - discount)
    found = after + ahead * (low + high) / 2.0
    close = ahead * (high - low) / 2.0 <= tolerance * max(largest, float(np.abs(found).max()))
    rounded = high - low <= ROUNDING * max(largest, float(np.abs(after).max()))
    return found if close or rounded else None
