"""Market makers whose questions hang together: traders edit conditional probabilities (Hanson 2003; Sun et al. 2012).

The maker keeps a model of everything that may happen, with P numbers: how likely something is, given something else. Whoever
moves one of them is scored by the logarithm: b ln(p'(x) / p(x)) in the end, where x is what happened and p, p' are what the
maker thought of it before and after. Scores of a row of edits telescope: together they cost the maker b ln(p_last(x) /
p_first(x)), whoever made them. Scores are owed, and settled when x is known: no money moves before.

This file holds the orders, the books and the round; a maker adds how it scores an edit and who is paid at an outcome.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.screening import Reason, keep, mask, numbers, screen, sentences


@dataclass(frozen=True, slots=True)
class Edits:
    """One edit of each of n traders, served in order of number.

    price:    float64 [..., n], from 0 to 1: what the probability should be. At 0 and 1 a score is infinite: not for sale.
    variable: int64 [..., n], of what. given: int64 [..., n], given what; default: 0.
    active:   bool [..., n]. False: this trader does nothing. Default: all edit.
    refused:  int8 [..., n] or None, set here: why an edit was turned away (`marketic.screening.Reason`).

    Edits that name no probability are refused, and the others' go on. Raises InputError for wrong shapes and dtypes.

    >>> Edits([0.9, 1.5], [2, 0], [1, 0]).reasons()
    {1: 'more was asked for than there is'}
    """

    price: np.ndarray
    variable: np.ndarray
    given: np.ndarray
    active: np.ndarray
    refused: np.ndarray | None = field(init=False)

    def __init__(
        self,
        price: npt.ArrayLike,
        variable: npt.ArrayLike,
        given: npt.ArrayLike | None = None,
        active: npt.ArrayLike | None = None,
    ) -> None:
        wanted = numbers("Edits.price", price)
        screened = screen(wanted)
        reason = np.zeros(wanted.shape, dtype=np.int8) if screened is None else screened
        reason[(reason == 0) & (wanted < 0.0)] = Reason.NEGATIVE
        reason[(reason == 0) & (wanted > 1.0)] = Reason.TOO_MANY
        keep(self, "price", np.where(reason > 0, 0.5, wanted))
        keep(self, "variable", _whole("Edits.variable", variable, wanted.shape))
        keep(self, "given", _whole("Edits.given", 0 if given is None else given, wanted.shape))
        keep(self, "active", mask("Edits.active", active, wanted.shape) & (reason == 0))
        keep(self, "refused", reason if reason.any() else None)

    def reasons(self) -> dict[Any, str]:
        """Whose edit was refused and why: index of the trader -> sentence."""
        return sentences(self.refused)


@dataclass(frozen=True)
class EditState:
    """Books per market of the batch.

    log_price: float64 [..., P, 2], ln of the probabilities that are for sale: of "no" and of "yes".
    holdings:  float64 [..., n, m], currency: the scores of each trader so far, by what they depend on.
    """

    log_price: np.ndarray
    holdings: np.ndarray


class EditMaker(ABC):
    """What makers that sell conditional probabilities have in common.

    liquidity: b > 0, currency. outcomes: how many things may happen; they are numbered from 0.
    """

    liquidity: float

    @property
    @abstractmethod
    def outcomes(self) -> int:
        """How many things may happen."""

    @property
    @abstractmethod
    def questions(self) -> np.ndarray:
        """Every (variable, given) that may be edited, int64 [P, 2], in the order of `log_price`."""

    @abstractmethod
    def quote(self, state: EditState) -> np.ndarray:
        """What everyone may see, float64 [..., k], probabilities."""

    @abstractmethod
    def settle(self, state: EditState, outcome: Any) -> np.ndarray:
        """What each trader is owed if `outcome` (int64 [...]) comes true: float64 [..., n], currency; below 0: it owes."""

    def start(self) -> np.ndarray:
        """The opening model, float64 [P, 2]: everything is even."""
        return np.full((len(self.questions), 2), -math.log(2.0))

    def revised(self, log_price: np.ndarray, question: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """The model [..., P, 2] after the answers to question int64 [...] were set to `wanted` float64 [..., 2]."""
        asked = np.arange(log_price.shape[-2]) == question[..., None]
        return np.where(asked[..., None], wanted[..., None, :], log_price)

    def scores(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """What an edit from one model to another earns, float64 [..., m], by question and answer (m = 2P)."""
        gain = self.liquidity * (after - before)
        return gain.reshape(*gain.shape[:-2], -1)

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> EditState:
        """The opening model, and nobody owns anything."""
        model = self.start()
        owned = np.zeros((*batch, bidders, self.scores(model, model).shape[-1]))
        return EditState(np.broadcast_to(model, (*batch, *model.shape)).copy(), owned)

    def is_open(self, state: EditState) -> np.ndarray:
        """Always: bool [...]."""
        return np.ones(state.holdings.shape[:-2], dtype=bool)

    def step(
        self, state: EditState, orders: Edits, *, rng: np.random.Generator | None = None
    ) -> tuple[EditState, Clearing]:
        """Serve the traders in order of number. Raises InputError for edits of something that is not for sale."""
        question = self._questions_of(orders, state.holdings.shape[:-1])
        model, earned = state.log_price, np.zeros_like(state.holdings)
        sound = orders.active & (orders.price > 0.0) & (orders.price < 1.0)
        price = np.where(sound, orders.price, 0.5)
        wanted = np.stack([np.log1p(-price), np.log(price)], axis=-1)
        for i in range(orders.price.shape[-1]):
            revised = self.revised(model, question[..., i], wanted[..., i, :])
            served = sound[..., i] & np.isfinite(revised).all(axis=(-2, -1))
            revised = np.where(served[..., None, None], revised, model)
            earned[..., i, :] = self.scores(model, revised)
            model = revised
        after = EditState(model, state.holdings + earned)
        return after, Clearing(earned, np.zeros(state.holdings.shape[:-1]), self.quote(after))

    def house(self, state: EditState, outcome: Any) -> np.ndarray:
        """What the maker is left with at `outcome`, float64 [...], currency; negative: a loss."""
        return -self.settle(state, outcome).sum(axis=-1) + 0.0

    def draw_orders(self, rng: np.random.Generator, state: EditState) -> Edits:
        """Edits such as a test might make: of anything, to even, nearly certain and other probabilities."""
        shape = state.holdings.shape[:-1]
        chosen = self.questions[rng.integers(0, len(self.questions), size=shape)]
        sure = 10.0 ** -rng.uniform(1.0, 12.0, size=shape)
        near = np.where(rng.random(shape) < 0.5, sure, 1.0 - sure)
        price = np.choose(
            rng.integers(0, 3, size=shape), [near, rng.integers(1, 8, size=shape) / 8.0, rng.random(shape)]
        )
        return Edits(price, chosen[..., 0], chosen[..., 1], rng.random(shape) < 0.9)

    def _questions_of(self, orders: Any, shape: tuple[int, ...]) -> np.ndarray:
        """Which question each edit is of, int64 [..., n]."""
        if not isinstance(orders, Edits):
            raise InputError(f"step got {type(orders).__name__}: this market takes Edits(price, variable, given)")
        if orders.price.shape != shape:
            raise InputError(f"Edits of shape {orders.price.shape}: this market was opened for {shape} [..., n]")
        asked = np.stack([orders.variable, orders.given], axis=-1)
        same = (asked[..., None, :] == self.questions).all(axis=-1)
        missing = orders.active & ~same.any(axis=-1)
        if missing.any():
            wrong = tuple(asked[missing][0].tolist())
            raise InputError(f"an edit of (variable, given) = {wrong}: wanted one of {self.questions.tolist()}")
        return same.argmax(axis=-1)


def _whole(name: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(given)
    if array.dtype.kind not in "iu" or (array.ndim and array.shape != shape):
        raise InputError(f"{name} has shape {array.shape} and dtype {array.dtype}: wanted {shape} of whole numbers")
    return np.broadcast_to(array.astype(np.int64), shape)


def check_liquidity(maker: Any, liquidity: float) -> None:
    """Raises InputError unless it is a finite number > 0."""
    if not (liquidity > 0 and math.isfinite(liquidity)):
        raise InputError(f"{maker!r}: wanted liquidity as a finite number > 0, e.g. 100.0")


def number_of_outcome(outcome: Any, outcomes: int, shape: tuple[int, ...]) -> np.ndarray:
    """`outcome` as int64 array of `shape`. Raises InputError for no such outcome."""
    chosen = np.asarray(outcome)
    if chosen.dtype.kind not in "iu" or ((chosen < 0) | (chosen >= outcomes)).any():
        raise InputError(f"outcome = {outcome!r}: wanted whole numbers from 0 to {outcomes - 1}")
    return np.broadcast_to(chosen.astype(np.int64), shape)
