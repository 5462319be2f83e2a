"""Planted offenders: sessions that change what they were lent, remember what they may not, or cannot answer."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from marketic.mechanisms.lmsr import LMSR


class Mutating(LMSR):
    """Writes into the books that it was given."""

    def step(self, state, orders, *, rng=None):
        after, cleared = super().step(state, orders)
        state.outstanding[...] = after.outstanding
        return after, cleared


class Greedy(LMSR):
    """Writes into the orders."""

    def step(self, state, orders, *, rng=None):
        answer = super().step(state, orders)
        orders.shares[...] += 1.0
        return answer


class Random(LMSR):
    """Has a generator of its own."""

    def step(self, state, orders, *, rng=None):
        after, cleared = super().step(state, orders)
        noise = 1e-6 * np.random.default_rng().random(cleared.payments.shape)
        return after, replace(cleared, payments=cleared.payments + noise)


class Recycling(LMSR):
    """Answers in arrays that it uses again."""

    payments: ClassVar[dict[tuple[int, ...], np.ndarray]] = {}

    def step(self, state, orders, *, rng=None):
        after, cleared = super().step(state, orders)
        again = self.payments.setdefault(cleared.payments.shape, np.zeros(cleared.payments.shape))
        again[...] = cleared.payments
        return after, replace(cleared, payments=again)


class Flickering(LMSR):
    """Quotes one of two prices, in turn."""

    asked: ClassVar[list[int]] = [0]

    def quote(self, state):
        self.asked[0] += 1
        return super().quote(state)[..., :: 1 - 2 * (self.asked[0] % 2)] + 1e-3 * (self.asked[0] % 2)


class Peeping(LMSR):
    """Who looks at its prices moves them."""

    def quote(self, state):
        prices = super().quote(state)
        state.outstanding[..., 0] += 1e-3
        return prices


class Sharing(LMSR):
    """Charges by the traders of the last market that was opened."""

    last: ClassVar[list[float]] = [0.0]

    def open(self, bidders, batch=()):
        self.last[0] += 1.0
        return super().open(bidders, batch)

    def step(self, state, orders, *, rng=None):
        after, cleared = super().step(state, orders)
        return after, replace(cleared, payments=cleared.payments + self.last[0])


class Gambling(LMSR):
    """Draws from the generator that everybody shares."""

    def step(self, state, orders, *, rng=None):
        np.random.random()  # noqa: NPY002
        return super().step(state, orders)


class Reseeding(LMSR):
    """Sets the generator that it is given."""

    def step(self, state, orders, *, rng=None):
        if rng is not None:
            rng.bit_generator.state = np.random.default_rng(0).bit_generator.state
        return super().step(state, orders)


class Unlike(LMSR):
    """Its copies are deeper markets."""

    def __deepcopy__(self, memo):
        return LMSR(2.0 * self.liquidity, self.outcomes)


class Crowded(LMSR):
    """Lets the markets of a batch share one price."""

    def cost_of(self, outstanding, shares):
        return super().cost_of(outstanding, shares - shares.mean(axis=tuple(range(shares.ndim - 1))))


@dataclass
class Diary:
    """A state that no file format holds."""

    log: list


class Listed(LMSR):
    """Keeps its books in a list."""

    def open(self, bidders, batch=()):
        return Diary([super().open(bidders, batch)])

    def quote(self, state):
        return super().quote(state.log[-1])

    def is_open(self, state):
        return super().is_open(state.log[-1])

    def step(self, state, orders, *, rng=None):
        after, cleared = super().step(state.log[-1], orders)
        return Diary([*state.log, after]), cleared


class Fragile(LMSR):
    """Cannot do without traders."""

    def step(self, state, orders, *, rng=None):
        orders.shares.max()
        return super().step(state, orders)


IMPURE = [
    (Fragile(), "ANSWERS", "raised ValueError"),
    (Listed(), "STATE", "`state.log` is a list"),
    (Mutating(), "PURE", "changes the state"),
    (Greedy(), "PURE", "changes the orders"),
    (Random(), "PURE", "two results"),
    (Recycling(), "PURE", "changes when the next one is given"),
    (Flickering(), "PURE", "two quotes"),
    (Peeping(), "PURE", "quote changes the state"),
    (Sharing(), "PURE", "other markets were opened"),
    (Gambling(), "PURE", "a generator that everybody shares"),
    (Reseeding(), "PURE", "different generators in the same state"),
    (Unlike(), "PURE", "a copy of it answers otherwise"),
    (Crowded(), "BATCHED", "other markets of its batch"),
]
