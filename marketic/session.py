"""Mechanisms with memory: clocks, order books, market makers. And the two bridges to and from sealed-bid mechanisms.

A session is pure: the same state, orders and generator state give the same next state and clearing. States are flat
dataclasses of arrays, so that they can be copied, saved and compared like any other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from marketic.claims import Claim, Refutation, Terms
from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.mechanism import Mechanism, check_held


@runtime_checkable
class Session(Protocol):
    """A market that stays open over several steps."""

    @property
    def claims(self) -> frozenset[Claim]:
        """What it promises; a plain class attribute will do."""
        ...

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> Any:
        """The opening state for `bidders` traders, in each of a batch of markets."""
        ...

    def quote(self, state: Any) -> np.ndarray:
        """What everyone may see: current prices, float64 [...] or [..., m], currency."""
        ...

    def is_open(self, state: Any) -> np.ndarray:
        """Whether orders are still taken, bool [...]."""
        ...

    def step(self, state: Any, orders: Any, *, rng: np.random.Generator | None = None) -> tuple[Any, Clearing]:
        """Take one order of each trader. Returns the next state and what this step gave to whom, and who paid."""
        ...


@dataclass(frozen=True)
class OneStep:
    """The state of a lifted mechanism. closed: bool [...], whether it has cleared. bidders: how many may bid."""

    closed: np.ndarray
    bidders: int


@dataclass(frozen=True)
class Lifted:
    """A sealed-bid mechanism as a session of one step."""

    mechanism: Mechanism

    def __post_init__(self) -> None:
        check_held("lift", self.mechanism, lambda domain: True, "any bids")

    @property
    def claims(self) -> frozenset[Claim]:
        """Those of the mechanism."""
        return self.mechanism.claims

    def open(self, bidders: int, batch: tuple[int, ...] = ()) -> OneStep:
        """Nobody has bid yet."""
        return OneStep(np.zeros(batch, dtype=bool), bidders)

    def quote(self, state: OneStep) -> np.ndarray:
        """Nothing is announced before the bids are opened: NaN [...]."""
        return np.full(state.closed.shape, np.nan)

    def is_open(self, state: OneStep) -> np.ndarray:
        """True until the only step."""
        return ~state.closed

    def step(self, state: OneStep, orders: Any, *, rng: np.random.Generator | None = None) -> tuple[OneStep, Clearing]:
        """Clear the bids. Raises InputError once closed."""
        if state.closed.any():
            raise InputError("this session has cleared its only step: open another one")
        return OneStep(np.ones_like(state.closed), state.bidders), self.mechanism.clear(orders, rng=rng)


def lift(mechanism: Mechanism) -> Session:
    """The session in which `mechanism` clears once."""
    return Lifted(mechanism)


@dataclass(frozen=True)
class Direct:
    """A session played by proxies, as a sealed-bid mechanism: report once, and a program bids for you.

    session: a clock. proxy: `proxy(bids, state, quote) -> orders`, what truthful agents with the reports `bids` would do;
    None: the session's own `proxy`. claims, terms and refuted are those of the session, `domain` too if it has one.
    """

    session: Any
    proxy: Callable[[Any, Any, np.ndarray], Any] | None = None

    def __post_init__(self) -> None:
        able = all(callable(getattr(self.session, name, None)) for name in ("open", "step"))
        if isinstance(self.session, type) or not able:
            raise InputError(f"direct(session={self.session!r}): wanted an object with open and step (a Session)")
        if not callable(self.proxy or getattr(self.session, "proxy", None)):
            raise InputError(
                f"direct({type(self.session).__name__}) has no proxy: wanted proxy(bids, state, quote) -> orders, what "
                "truthful agents order, or a clock such as EnglishClock(), which has one"
            )

    @property
    def claims(self) -> frozenset[Claim]:
        """Those of the session."""
        return frozenset(self.session.claims)

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Those of the session."""
        return dict(getattr(self.session, "terms", {}))

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Those of the session."""
        return tuple(getattr(self.session, "refuted", ()))

    @property
    def domain(self) -> Any:
        """That of the session, if it has one."""
        return self.session.domain

    def clear(self, bids: Any, *, rng: np.random.Generator | None = None) -> Clearing:
        """Open the session, let the proxies play until it closes, and add up what each got and paid."""
        proxy = self.proxy or self.session.proxy
        state = self.session.open(bids.active.shape[-1], bids.active.shape[:-1])
        total: Clearing | None = None
        while total is None or self.session.is_open(state).any():
            state, cleared = self.session.step(state, proxy(bids, state, self.session.quote(state)), rng=rng)
            total = cleared if total is None else _added(total, cleared)
        return total


def direct(session: Any, proxy: Callable[[Any, Any, np.ndarray], Any] | None = None) -> Mechanism:
    """The sealed-bid mechanism in which proxies play `session` (an English clock becomes a second-price auction)."""
    return Direct(session, proxy)


def check_orders(clock: str, orders: Any, kind: type, shape: tuple[int, ...]) -> None:
    """Raise InputError unless a clock is given a record of `kind` with an entry for each bidder, `shape` [..., n]."""
    if not isinstance(orders, kind):
        raise InputError(
            f"step of {clock} got {type(orders).__name__}: wanted marketic {kind.__name__}, one order per bidder"
        )
    given = orders.active.shape  # type: ignore[attr-defined]
    if given != shape:
        raise InputError(f"step of {clock} got orders of shape {given} for a clock of shape {shape} [..., bidders]")


def _added(before: Clearing, now: Clearing) -> Clearing:
    allocation = np.asarray(before.allocation) + np.asarray(now.allocation)  # of bool arrays: or
    prices = np.where(np.isnan(now.prices), before.prices, now.prices)
    return Clearing(allocation, before.payments + now.payments, prices, now.certificate or before.certificate)
