"""The door for auction mechanisms: one method, one set of claims, and an optional compiled rule.

A mechanism is any object with `claims` and `clear`; it inherits nothing and registers nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np

from marketic.bids import Bids
from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.errors import InputError

__all__ = ["Claim", "ClearingRule", "Mechanism", "Refutation", "Terms", "rule_of", "sells_one_right", "single_winner"]


@dataclass(frozen=True)
class ClearingRule:
    """A mechanism's rule as a compiled function, for the loops in which every microsecond counts.

    function:   a numba function `f(value[B, n], active[B, n], uniform[B], parameters[p], winner[B], payments[B, n])`
                that writes the winner's number (-1: not sold) and every bidder's payment. Bids are on the ledger's grid.
    parameters: float64 [p], passed on unchanged (temperature, reserve price ...).
    random:     True: the function reads `uniform`, one draw from [0, 1) per auction.
    """

    function: Callable[..., None]
    parameters: np.ndarray = field(default_factory=lambda: np.zeros(1))
    random: bool = False


@runtime_checkable
class Mechanism(Protocol):
    """One auction among `n` bidders, or a batch of them side by side.

    `clear` is pure: the same bids and the same generator state give the same clearing. Every array may carry leading
    batch axes `...`. Without `rng` a randomised mechanism returns its lottery and expected payments; with `rng`
    it returns one draw. Zero bidders, one bidder and ties are ordinary cases.

    A mechanism may also offer, as attributes or properties:
      rule     a `ClearingRule` that does the same in compiled code; without it the engine calls `clear`;
      domain   a `marketic.domains.Domain`: who may report what; without it, scalar bids >= 0 for one good;
      terms    {Claim: Terms}: in what sense a claim holds, where it is not "exactly, for every case of the domain";
      refuted  (Refutation, ...): claims known to fail, each with a stored counterexample that the kit replays.
    """

    @property
    def claims(self) -> frozenset[Claim]:
        """What it promises; a plain class attribute will do."""
        ...

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Decide who wins and who pays what."""
        ...


def single_winner(value: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rank the bids of each auction: the sorting that most single-good mechanisms start from.

    value: float64 [..., n]; active: bool [..., n]. Returns `wins` bool [..., n] (the first highest bid; all False
    where nobody bids), `top` and `second` float64 [...] (-inf where there is no such bid), `sold` bool [...].

    >>> wins, top, second, sold = single_winner(np.array([3.0, 5.0, 4.0]), np.array([True, True, True]))
    >>> wins.tolist(), float(top), float(second), bool(sold)
    ([False, True, False], 5.0, 4.0, True)
    """
    if value.shape[-1] == 0:
        empty = np.full(value.shape[:-1], -np.inf)
        return np.zeros(value.shape, dtype=bool), empty, empty.copy(), np.zeros(value.shape[:-1], dtype=bool)
    ranked = np.where(active, value, -np.inf)
    sold: np.ndarray = np.asarray(active.any(axis=-1))
    wins = (np.arange(value.shape[-1]) == ranked.argmax(axis=-1)[..., None]) & sold[..., None]
    top = ranked.max(axis=-1) + 0.0  # turns -0.0 into 0.0, so that equal bids are equal to the bit
    second = np.where(wins, -np.inf, ranked).max(axis=-1) + 0.0
    return wins, top, second, sold


def sells_one_right(mechanism: Any) -> bool:
    """Whether a mechanism sells one thing to one of several scalar bidders, so that it can drive a market."""
    from marketic.domains import SingleGood

    domain = getattr(mechanism, "domain", None)
    return callable(getattr(mechanism, "clear", None)) and (domain is None or isinstance(domain, SingleGood))


def check_held(adapter: str, mechanism: Any, fits: Callable[[Any], bool], wanted: str) -> None:
    """Raise InputError unless `mechanism` clears bids, and `fits` the domain that it clears them in.

    adapter: who holds it. wanted: mechanisms of which domains, for the message.
    """
    from marketic.domains import SingleGood

    if isinstance(mechanism, type) or not callable(getattr(mechanism, "clear", None)):
        raise InputError(
            f"{adapter}(mechanism={mechanism!r}): wanted an object with clear(bids, *, rng=None), e.g. SecondPrice(), or "
            "direct(clock)"
        )
    domain = getattr(mechanism, "domain", None) or SingleGood()
    if not fits(domain):
        raise InputError(
            f"{adapter}({type(mechanism).__name__}): a mechanism for {type(domain).__name__}; wanted one for {wanted}"
        )


def rule_of(mechanism: Any) -> ClearingRule | None:
    """The compiled rule that does what `clear` does, or None. A class that derives from a mechanism and has a `clear` of its
    own is not bound by the rule above it: that one does what the other `clear` did.
    """
    rule: ClearingRule | None = getattr(mechanism, "rule", None)
    if rule is None or ("rule" in getattr(mechanism, "__dict__", {}) and not _is_cached(mechanism)):
        return rule
    for kind in type(mechanism).__mro__:
        if "rule" in vars(kind):
            return rule
        if "clear" in vars(kind):
            return None
    return rule


def _is_cached(mechanism: Any) -> bool:
    """Whether the rule among its attributes was put there by a cached property, not by hand."""
    return isinstance(getattr(type(mechanism), "rule", None), cached_property)
