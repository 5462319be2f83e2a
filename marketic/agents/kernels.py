"""What a family of syndicates offers so that whole rounds can run in compiled code."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from marketic.function_pointer import ADAPT, MATCH, address_of


@dataclass(frozen=True)
class Kernels:
    """Two compiled functions and the memory they share.

    match:  numba function `match(observation[B, D], integers, reals, matched[B, n, K])` that writes the agents behind each
            bidder. It must stay inside its arrays for any observation, NaN included.
    adapt:  None, or a numba function `adapt(observation[B, D], row, members[K], realised, delta, integers, reals, price,
            trades)`, called after the owner (a syndicate of `members`, which bought at `observation[row]`) has learned:
            where a growing family keeps statistics and splits.
    fixed:  True: the agents that `match` writes depend on the observation alone, always, so that it is asked once per round.
    integers, reals: int64 and float64 arrays, the family's own memory.
    """

    match: Any
    adapt: Any = None
    fixed: bool = False
    integers: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    reals: np.ndarray = field(default_factory=lambda: np.zeros(1))

    @cached_property
    def addresses(self) -> np.ndarray:
        """Addresses of match and adapt (0: none), int64 [2]."""
        adapt = 0 if self.adapt is None else address_of(self.adapt, ADAPT)
        return np.array([address_of(self.match, MATCH), adapt], dtype=np.int64)
