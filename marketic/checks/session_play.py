"""Playing a session: opening it, ordering, keeping what it answered, and writing down how to do it again."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from marketic.checks.reproducer import written
from marketic.claims import Claim, Terms
from marketic.clearing import Clearing
from marketic.trade_orders import TradeOrders

Answer = tuple[str, str, int]
"""status, explanation, cases."""

ROUNDING = 1e-9
"""Relative to the largest amount of the case: what rounding may do, and no more."""

STEPS = 4
"""How long a session is walked through."""


@dataclass(frozen=True)
class Played:
    """What happened in a session. states: one more than steps. orders and cleared: one per step."""

    states: tuple[Any, ...]
    orders: tuple[Any, ...]
    cleared: tuple[Clearing, ...]

    @property
    def last(self) -> Any:
        """The state after the last step."""
        return self.states[-1]

    def paid(self) -> np.ndarray:
        """What the traders paid in all steps together, float64 [...], currency."""
        return np.asarray(sum(np.asarray(c.payments, dtype=float).sum(axis=-1) for c in self.cleared))

    def received(self) -> np.ndarray:
        """What each trader received in all steps, float64 [..., n, m]."""
        return np.asarray(sum(np.asarray(c.allocation, dtype=float) for c in self.cleared))

    def largest(self) -> np.ndarray:
        """The largest amount of each case, at least 1: float64 [...]."""
        most = np.ones(self.cleared[0].payments.shape[:-1])
        for cleared in self.cleared:
            most = np.maximum(most, np.abs(cleared.payments).max(axis=-1, initial=0.0))
            most = np.maximum(most, np.abs(np.asarray(cleared.allocation, dtype=float)).max(axis=(-2, -1), initial=0.0))
        return most

    def served(self) -> np.ndarray:
        """Whether everybody got what it ordered in every step, bool [...]; who was refused at the door got nothing."""
        pairs = zip(self.orders, self.cleared, strict=True)
        return np.asarray(np.all([_got(orders, cleared) for orders, cleared in pairs], axis=0))


def _got(orders: TradeOrders, cleared: Clearing) -> np.ndarray:
    same = np.asarray((orders.shares == cleared.allocation).all(axis=(-2, -1)))
    return same if orders.refused is None else same & (orders.refused == 0).all(axis=-1)


def play(session: Any, orders: Sequence[Any], traders: int, batch: tuple[int, ...] = ()) -> Played:
    """Open the session and take the steps of a script."""
    states, cleared = [session.open(traders, batch)], []
    for order in orders:
        state, answer = session.step(states[-1], order)
        states.append(state)
        cleared.append(answer)
    return Played(tuple(states), tuple(orders), tuple(cleared))


def script(shares: np.ndarray) -> list[TradeOrders]:
    """Orders for each step of shares float64 [..., steps, n, m]."""
    return [TradeOrders(shares[..., step, :, :]) for step in range(shares.shape[-3])]


def walk(session: Any, rng: np.random.Generator, traders: int, batch: tuple[int, ...]) -> list[tuple[Any, Any, Any]]:
    """(state before, orders, state after) of a few steps."""
    state, seen = session.open(traders, batch), []
    for _ in range(STEPS):
        if closed(session, state):
            if not hasattr(session, "resolve"):
                break
            state = session.resolve(state, np.zeros(batch, dtype=np.int64))
        orders = draw_orders(session, rng, state, traders, batch)
        after, _cleared = session.step(state, orders, rng=np.random.default_rng(1))
        seen.append((state, orders, after))
        state = after
    return seen


def draw_orders(session: Any, rng: np.random.Generator, state: Any, traders: int, batch: tuple[int, ...]) -> Any:
    """Orders that the session understands: its own, its proxies', or trades in shares of each quoted outcome."""
    from marketic.domains.market_making import trades

    if hasattr(session, "draw_orders"):
        return session.draw_orders(rng, state)
    if hasattr(session, "proxy") and hasattr(session, "domain"):
        cases = int(np.prod(batch, dtype=np.int64))
        truth = session.domain.draw(rng, cases, traders)
        shaped = {f.name: getattr(truth, f.name) for f in fields(truth) if f.init}
        shaped = {k: v.reshape(*batch, *v.shape[1:]) if isinstance(v, np.ndarray) else v for k, v in shaped.items()}
        return session.proxy(type(truth)(**shaped), state, session.quote(state))
    m = outcomes_of(session)
    shares = trades(rng, int(np.prod(batch, dtype=np.int64)) * traders, m, scale_of(session))
    return TradeOrders(shares.reshape(*batch, traders, m))


def outcomes_of(session: Any) -> int:
    """m: what the session says, or as many as it quotes."""
    stated = getattr(session, "outcomes", None)
    if isinstance(stated, int):
        return stated
    return int(np.shape(session.quote(session.open(some_traders(session)[0])))[-1])


def some_traders(session: Any) -> tuple[int, ...]:
    """Numbers of traders that it opens for: of 2, 1, 3, 5 and 0, or the first other one that works."""
    able: list[int] = []
    for traders in (2, 1, 3, 5, 0, 4, *range(6, 13)):
        if able and traders in (4, 6):
            break
        try:
            session.open(traders)
        except ValueError:  # for instance because its wealth is for a certain number of traders
            continue
        able.append(traders)
    return tuple(able) or (2,)


def bound_of(session: Any, claim: Claim, state: Any) -> Any:
    """The bound in the terms of a claim, for a session that opened with `state`; None if none is stated."""
    bound = getattr(session, "terms", {}).get(claim, Terms()).bound
    return bound(state) if callable(bound) else bound


def scale_of(session: Any) -> float:
    """A number of shares that moves the prices noticeably: the bound on the maker's loss if there is one, else 10."""
    if Claim.BOUNDED_LOSS not in getattr(session, "claims", ()):
        return 10.0
    bound = bound_of(session, Claim.BOUNDED_LOSS, session.open(1))
    return 10.0 if bound is None or not np.isfinite(bound) or bound <= 0 else float(bound)


def closed(session: Any, state: Any) -> bool:
    """Whether no market of the batch takes orders."""
    return not np.asarray(session.is_open(state)).any()


def arrays(record: Any) -> dict[str, Any]:
    """Name -> value of the fields of a dataclass."""
    return {field.name: getattr(record, field.name) for field in fields(record)} if is_dataclass(record) else {}


def snapshot(record: Any) -> Any:
    """A copy that no later change can reach."""
    return copy.deepcopy(record)


def same(one: Any, other: Any, tolerance: float = 0.0) -> bool:
    """Whether two records hold the same arrays: to the bit, or up to a relative tolerance."""
    a, b = arrays(one), arrays(other)
    return a.keys() == b.keys() and all(_alike(a[name], b[name], tolerance) for name in a)


def _alike(a: Any, b: Any, tolerance: float) -> bool:
    if is_dataclass(a):
        return same(a, b, tolerance)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(_alike(x, y, tolerance) for x, y in zip(a, b, strict=True))
    one, other = np.asarray(a), np.asarray(b)
    if one.shape != other.shape:
        return False
    if one.dtype.kind in "fc":
        return bool(np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True))
    return bool((one == other).all())


def slice_of(record: Any, case: int) -> Any:
    """One market of a batch: orders, any dataclass of arrays, without their batch axis."""
    given = {field.name: getattr(record, field.name) for field in fields(record) if field.init}
    return type(record)(**{k: v[case] if isinstance(v, np.ndarray) else v for k, v in given.items()})


def told(session: Any, traders: int, shares: np.ndarray, ending: str) -> str:
    """A sentence's reproducer: five lines that trade `shares` [steps, n, m] and print `ending`, indented."""
    homes = {"TradeOrders": "marketic.trade_orders"}
    maker = written(session, homes)
    imports = "; ".join(f"from {module} import {name}" for name, module in sorted(homes.items()))
    lines = [
        imports,
        f"session = {maker}; state = session.open({traders}); paid = 0.0",
        f"for shares in {shares.tolist()}:",
        "    state, cleared = session.step(state, TradeOrders(shares)); paid += cleared.payments.sum()",
        ending,
    ]
    return "\n".join("    " + line for line in lines)


def simplest(cases: np.ndarray, broken: np.ndarray) -> int:
    """The case, of those where `broken` bool [cases] holds, that is written with the fewest digits. cases: [cases, ...]."""
    return int(min(np.flatnonzero(broken), key=lambda i: (len(repr(cases[i].tolist())), i)))
