"""What a family of syndicates offers so that whole rounds can run in compiled code."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit

from marketic.function_pointer import ADAPT, ENTER, MATCH, address_of
from marketic.in_process import InProcess


@dataclass(frozen=True)
class Kernels(InProcess):
    """Compiled functions and the memory they share.

    match:  numba function `match(observation[B, D], integers, reals, matched[B, n, K])` that writes the agents behind each
            bidder. It must stay inside its arrays for any observation, NaN included.
    enter:  None, or a numba function `enter(observation[B, D], row, owner, members[K], integers, reals, price, trades,
            steady, licence)`, called before bidder `owner`, which bought at `observation[row]`, learns: where a growing
            family admits a novice with a narrower condition, in place of one of `members`.
    adapt:  None, or a numba function `adapt(observation[B, D], row, members[K], realised, delta, integers, reals, price,
            trades, steady, licence)`, called after the owner has learned: where it keeps statistics and splits.
    fixed:  True: the agents that `match` writes depend on the observation alone, always, so that it is asked once per round.
    integers, reals: int64 and float64 arrays, the family's own memory.
    """

    match: Any
    enter: Any = None
    adapt: Any = None
    fixed: bool = False
    integers: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    reals: np.ndarray = field(default_factory=lambda: np.zeros(1))

    @cached_property
    def addresses(self) -> np.ndarray:
        """Addresses of match, enter and adapt (0: none), int64 [3]."""
        enter = 0 if self.enter is None else address_of(self.enter, ENTER)
        adapt = 0 if self.adapt is None else address_of(self.adapt, ADAPT)
        return np.array([address_of(self.match, MATCH), enter, adapt], dtype=np.int64)


@njit(cache=True, forceinline=True)
def copy_numbers(source, target):  # type: ignore[no-untyped-def]
    """Write float64 [n] to the first n of `target`. Assigning to a slice takes numba longer to compile."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@njit(cache=True, forceinline=True)
def mean_bid(price, members):  # type: ignore[no-untyped-def]
    """What a syndicate bids: the mean over its members, int64 [K], of `price`, float64 [n_agents]."""
    total = 0.0
    for k in range(members.shape[0]):
        total += price[members[k]]
    return total / members.shape[0]
