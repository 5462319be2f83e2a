"""Random numbers inside compiled code: SplitMix64 (Steele, Lea and Flood 2014), whose whole state is one int64."""

import math

import numpy as np
from numba import njit

_GAMMA, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@njit(cache=True)
def uniform(random):  # type: ignore[no-untyped-def]
    """The next number in [0, 1); random int64 [1] moves on."""
    state = np.uint64(random[0]) + _GAMMA
    random[0] = np.int64(state)
    state = (state ^ (state >> _S30)) * _FIRST
    state = (state ^ (state >> _S27)) * _SECOND
    state = state ^ (state >> _S31)
    return np.float64(state >> _S11) * 1.1102230246251565e-16


@njit(cache=True)
def below(random, n):  # type: ignore[no-untyped-def]
    """A whole number from 0 to n - 1, n >= 1."""
    return np.int64(uniform(random) * n)


@njit(cache=True)
def normal(random):  # type: ignore[no-untyped-def]
    """A standard normal number (Box and Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(random)))
    return radius * math.cos(2.0 * math.pi * uniform(random))


def random_state(seed: int) -> np.ndarray:
    """The state for a seed >= 0, int64 [1]: seeds that differ a little give states that differ a lot."""
    return np.random.SeedSequence(seed).generate_state(1, np.uint64).astype(np.int64)
