"""Where entrants' conditions come from: covering, generalising and specialising rich rules, crossover and mutation.

Each proposal says which positions of the situation at hand an entrant names; what it wants there is what it sees there, so
that every entrant matches the situation for which it was proposed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from marketic.agents.rule_bits import flip, has
from marketic.agents.splitmix import below, uniform
from marketic.errors import InputError
from marketic.numbers import all_amounts, all_finite, check_shares, check_wholes

MOST_TRIALS = 10**6
"""Most draws for one entrant: nothing can interrupt them."""


@dataclass(frozen=True)
class Cover:
    """A few positions drawn at random (with repetition). positions >= 1."""

    positions: int = 3
    parents: int = 0

    def __post_init__(self) -> None:
        if not (all_finite(self.positions) and self.positions >= 1):
            raise InputError(f"{self}: wanted positions >= 1")
        check_wholes(self, MOST_TRIALS, positions=1)

    @property
    def rule(self) -> Any:
        """Compiled."""
        return cover

    @property
    def parameters(self) -> np.ndarray:
        """The number of positions."""
        return np.array([float(self.positions)])


@dataclass(frozen=True)
class CoverShare:
    """Each position with the same probability, in (0, 1]: covering as in XCS (Wilson 1995), share = 1 - P#."""

    share: float = 0.25
    parents: int = 0

    def __post_init__(self) -> None:
        if not (all_finite(self.share) and 0 < self.share <= 1):
            raise InputError(f"{self}: wanted a share above 0, at most 1")

    @property
    def rule(self) -> Any:
        """Compiled."""
        return cover_share

    @property
    def parameters(self) -> np.ndarray:
        """The share."""
        return np.array([self.share])


@dataclass(frozen=True)
class Generalise:
    """A parent's positions without one of them (with probability `one`) or without two."""

    one: float = 0.7
    parents: int = 1

    def __post_init__(self) -> None:
        check_shares(self, "one")

    @property
    def rule(self) -> Any:
        """Compiled."""
        return generalise

    @property
    def parameters(self) -> np.ndarray:
        """The probability."""
        return np.array([self.one])


@dataclass(frozen=True)
class Specialise:
    """A parent's positions and some more, drawn at random. positions >= 1."""

    positions: int = 1
    parents: int = 1

    def __post_init__(self) -> None:
        check_wholes(self, MOST_TRIALS, positions=1)

    @property
    def rule(self) -> Any:
        """Compiled."""
        return specialise

    @property
    def parameters(self) -> np.ndarray:
        """How many."""
        return np.array([float(self.positions)])


@dataclass(frozen=True)
class Cross:
    """Each position as in one of two parents, then turned over with probability `mutation`, in [0, 1]."""

    mutation: float = 0.07
    parents: int = 2

    def __post_init__(self) -> None:
        if not (all_finite(self.mutation) and 0 <= self.mutation <= 1):
            raise InputError(f"{self}: wanted a probability")

    @property
    def rule(self) -> Any:
        """Compiled."""
        return cross

    @property
    def parameters(self) -> np.ndarray:
        """The probability."""
        return np.array([self.mutation])


def check_proposals(proposals: Any) -> None:
    """Raise InputError unless these are pairs of a proposal and a share >= 0, and one of them needs no parents."""
    try:
        founders = [share for part, share in proposals if part.parents == 0]
        sound = all(all_amounts(share) and share >= 0 for _, share in proposals) and sum(founders) > 0
        sound = sound and all(isinstance(part.parents, int) and 0 <= part.parents <= 2 for part, _ in proposals)
    except (TypeError, ValueError, AttributeError):
        sound = False
    if not sound:
        raise InputError(
            f"proposals={proposals!r}: wanted pairs of a proposal and its share >= 0, one at least without parents (such as "
            "Cover): nobody could enter an empty market"
        )


@njit(cache=True)
def cover(x, parents, positions, parameters, random, mask):  # type: ignore[no-untyped-def]
    """Random positions."""
    for _ in range(np.int64(parameters[0])):
        position = below(random, positions)
        if not has(mask, position):
            flip(mask, position)


@njit(cache=True)
def cover_share(x, parents, positions, parameters, random, mask):  # type: ignore[no-untyped-def]
    """Each position with probability parameters[0]."""
    for position in range(positions):
        if uniform(random) < parameters[0]:
            flip(mask, position)


@njit(cache=True)
def generalise(x, parents, positions, parameters, random, mask):  # type: ignore[no-untyped-def]
    """The first parent's positions but one or two."""
    count = 0
    for position in range(positions):
        if has(parents[0], position):
            flip(mask, position)
            count += 1
    leaving = 1 if uniform(random) < parameters[0] else 2
    for _ in range(min(leaving, count)):
        which = below(random, count)
        for position in range(positions):
            if has(mask, position):
                if which == 0:
                    flip(mask, position)
                    break
                which -= 1
        count -= 1


@njit(cache=True)
def specialise(x, parents, positions, parameters, random, mask):  # type: ignore[no-untyped-def]
    """The first parent's positions and some more."""
    for w in range(mask.shape[0]):
        mask[w] = parents[0, w]
    cover(x, parents, positions, parameters, random, mask)


@njit(cache=True)
def cross(x, parents, positions, parameters, random, mask):  # type: ignore[no-untyped-def]
    """Uniform crossover and mutation of the masks."""
    for position in range(positions):
        bit = has(parents[below(random, 2)], position)
        if uniform(random) < parameters[0]:
            bit = 1 - bit
        if bit:
            flip(mask, position)
