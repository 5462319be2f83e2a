"""Random numbers inside compiled code: SplitMix64 (Steele, Lea and Flood 2014), one word of state that belongs to the caller.

The state is seeded from the user's generator and saved with the population, so that a market goes on where it stopped.
"""

import numpy as np
from numba import njit

_STEP, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)


def seeded(rng: np.random.Generator) -> np.ndarray:
    """A state, uint64 [1], drawn from a generator."""
    return rng.integers(0, 2**64, 1, dtype=np.uint64)


@njit(cache=True, forceinline=True)
def next_word(state):  # type: ignore[no-untyped-def]
    """64 random bits; state uint64 [1] moves on."""
    state[0] = state[0] + _STEP
    z = state[0]
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


@njit(cache=True, forceinline=True)
def uniform(state):  # type: ignore[no-untyped-def]
    """A float64 in [0, 1)."""
    return np.float64(next_word(state) >> _S11) * 2.0**-53


@njit(cache=True, forceinline=True)
def below(state, n):  # type: ignore[no-untyped-def]
    """An integer from 0 to n - 1, int64."""
    return np.int64(uniform(state) * n)
