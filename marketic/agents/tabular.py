"""Tables: one agent per state and action, each with its own price for the right to take that action there."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from marketic.agents.hindsight import PaperTrades, SteadyBids
from marketic.agents.kernels import Kernels
from marketic.agents.learning_rate import LearningRate
from marketic.agents.syndicates import Syndicates, check_size
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.numbers import count_text, whole
from marketic.words import NO_WORDS, Words, rule


class Tabular(Syndicates):
    """Agents (state, action, clone) with scalar bids; agent number = (state * actions + action) * clones + clone.

    states:      number of states, >= 1, or the sizes of the finite goods that make a state, e.g. (32, 11, 2): the
                 encoded observation is then float64 [B, 3], and the state its index in C order.
    actions:     number of actions, >= 1.
    initial_bid: currency. An optimistic value (the most that a state can be worth) makes the market explore by itself.
    tie_noise:   currency. Initial bids are spread over [initial_bid, initial_bid + tie_noise).

    With `marketic.mechanisms.minted_vickrey` this is Q-learning (Watkins and Dayan 1992), by construction.
    """

    def __init__(
        self,
        states: int | Sequence[int],
        actions: int,
        *,
        initial_bid: float = 0.0,
        tie_noise: float = 1e-4,
        learning_rate: LearningRate | None = None,
        clones: int = 1,
        public: bool = True,
        paper_trades: PaperTrades | None = None,
        greedy: SteadyBids | None = None,
        rng: np.random.Generator,
    ) -> None:
        clones = whole("clones", clones, 1)
        self.states, strides = state_strides(states, actions * clones)
        self._kernels = Kernels(match_states, fixed=True, reals=strides)
        super().__init__(
            self.states * actions * clones,
            actions,
            1,
            components=len(strides),
            learning_rate=learning_rate or LearningRate(),
            initial_bid=initial_bid,
            tie_noise=tie_noise,
            clones=clones,
            public=public,
            paper_trades=paper_trades,
            greedy=greedy,
            rng=rng,
        )

    @property
    def kernels(self) -> Kernels:
        """Matching by state number."""
        return self._kernels

    @classmethod
    def for_spaces(cls, goods: Goods, actions: int, *, rng: np.random.Generator, **options: Any) -> "Tabular":
        """A table for a task whose observations are finite goods. Raises InputError if one is real."""
        if goods.states is None:
            raise InputError(
                f"tabular agents need finite observations, not {goods.space}: try agents='tiles' or 'bank'"
            )
        return cls([good.size or 1 for good in goods], actions, rng=rng, **options)

    def prices(self) -> np.ndarray:
        """Bids as a table, float64 [states, actions, clones], currency."""
        return self.price.reshape(self.states, self.actions, self.clones)

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """An agent's rule in plain words, e.g. "in state 14: action 1, bids 0.83"."""
        state, bidder = divmod(int(agent), self.n_bidders)
        conditions = describe_state(state, self._kernels.reals, words)
        return rule(conditions, words.move(bidder // self.clones), self.price[agent])


def describe_state(state: int, strides: np.ndarray, words: Words) -> list[str]:
    """A state's number as conditions in plain words; strides as in `state_strides`."""
    if len(strides) == 1:
        return ["in " + (words.place(state) if words.place else f"state {state}")]
    conditions = []
    for number, stride in enumerate(strides.astype(int).tolist()):
        value, state = divmod(state, stride)
        conditions.append(f"{words.component(number)[0]} is {value}")
    return conditions


def state_strides(states: int | Sequence[int], bidders: int) -> tuple[int, np.ndarray]:
    """How many states there are, and float64 strides [D] such that `observation @ strides` is a state's number.

    Raises InputError for a table with no entry, or with more than MOST_AGENTS of `bidders` in each state.
    """
    sizes = np.atleast_1d(np.asarray(states, dtype=np.int64))
    if sizes.min() < 1 or bidders < 1:
        raise InputError(f"states={states}, actions={bidders}: wanted at least one of each")
    count = math.prod(sizes.tolist())  # of any size, where int64 would wrap around
    table = f"a table of {count_text(count)} states with {bidders} bidders has "
    check_size(count * bidders, table, "take agents='bank', which reads goods as numbers")
    return count, np.concatenate([np.cumprod(sizes[::-1])[-2::-1], [1]]).astype(float)


@njit(cache=True)
def match_states(observation, integers, strides, matched):  # type: ignore[no-untyped-def]
    """observation float64 [B, D], values of finite goods; strides float64 [D]; matched int64 [B, n, 1]."""
    bidders = matched.shape[1]
    for row in range(observation.shape[0]):
        state = 0.0
        for d in range(strides.shape[0]):
            state += observation[row, d] * strides[d]
        first = np.int64(state) * bidders
        for i in range(bidders):
            matched[row, i, 0] = first + i
