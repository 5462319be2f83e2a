"""What traders can do to a market maker: split a bundle, go there and back, and make it lose."""

from collections.abc import Callable
from typing import Any

import numpy as np

from marketic.checks.session_orders import loss_by_own_orders
from marketic.checks.session_play import ROUNDING, Answer, bound_of, outcomes_of, play, scale_of, script, simplest, told
from marketic.claims import Claim, Terms
from marketic.domains.market_making import attacks, trades
from marketic.trade_orders import TradeOrders

LONGEST_ATTACK = 40
"""Steps of the greedy adversary."""


def path_independent(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """A bundle costs the same in one trade, in parts, and after a detour; there and back costs nothing."""
    m, scale = outcomes_of(session), scale_of(session)
    before, goal, detour = (trades(rng, cases, m, scale) for _ in range(3))
    part = rng.choice([0.0, 0.25, 0.5, 1.0], size=(cases, 1))
    kind = rng.integers(0, 4, size=(cases, 1))
    before = np.where(rng.random((cases, 1)) < 0.5, 0.0, before)
    goal = np.where(kind == 0, 0.0, goal)  # there and back
    first = np.where(kind == 1, part * goal, goal + detour)
    nothing = np.zeros((cases, m))
    direct = np.stack([before, goal, nothing], axis=1)[:, :, None]
    around = np.stack([before, first, goal - first], axis=1)[:, :, None]

    def gap(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batch = one.shape[:-3]
        a, b = play(session, script(one), 1, batch), play(session, script(other), 1, batch)
        exact = (other[..., 1, 0, :] + other[..., 2, 0, :] == one[..., 1, 0, :]).all(axis=-1)
        saved = a.paid() - b.paid()
        slack = ROUNDING * np.maximum(np.maximum(a.largest(), b.largest()), scale) + _tolerance(
            session, Claim.PATH_INDEPENDENT
        )
        broken = ~(np.abs(saved) <= slack) & (exact | (np.abs(saved) > 1e-6 * slack / ROUNDING))
        return np.where(a.served() & b.served(), saved, 0.0), broken & a.served() & b.served()

    saved, broken = gap(direct, around)
    if not broken.any():
        fair = (play(session, script(around), 1, (cases,)).served()).any()
        return ("kept", "", cases) if fair else ("could not test", "it serves none of the orders tried", cases)
    trips = broken & ~goal.any(axis=1)
    case = simplest(around, trips if trips.any() else broken)  # to end where one began is easier to understand
    one, other = _plainer(gap, direct[case], around[case])
    saved, broken = gap(one, other)
    if not broken:
        return "refuted", "what a trade costs depends on the other markets of its batch", cases
    cost = float(-saved)
    reason = f"the same bundle in two parts costs {abs(cost):.9g} {'more' if cost > 0 else 'less'}"
    if not one[1].any():
        reason = f"buying and selling the same again {'costs' if cost > 0 else 'earns'} {abs(cost):.9g}"
    ending = _compared(one) if one.any() else "print(paid)"
    return "refuted", f"{reason}\n{told(session, 1, _used(other), ending)}", cases


def _plainer(gap: Callable[..., Any], one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same two ways [steps, n, m] to trade, without the trade before and with rounder numbers if they show the gap too."""
    for digits in (0, 1, 2, 17):
        for first in (np.zeros_like(other[:1]), other[:1]):
            around = np.round(np.concatenate([first, other[1:]]), digits)
            direct = np.stack([around[0], around[1] + around[2], np.zeros_like(around[0])])
            if gap(direct, around)[1]:
                return direct, around
    return one, other


def _compared(one: np.ndarray) -> str:
    """The last line of a reproducer that also trades directly."""
    direct = [TradeOrders(step).shares.tolist() for step in _used(one)]
    fresh = "s = session.open(1)"
    steps = "; ".join(f"s, c{i} = session.step(s, TradeOrders({step}))" for i, step in enumerate(direct))
    total = " + ".join(f"c{i}.payments.sum()" for i in range(len(direct)))
    return f"{fresh}; {steps}; print(paid, {total})"


def _used(shares: np.ndarray) -> np.ndarray:
    """Steps [steps, n, m] without those in which nobody trades."""
    return shares[shares.any(axis=(1, 2))]


def bounded_loss(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """Whatever is traded and whatever comes true, the maker loses no more than the bound in its terms."""
    bound = bound_of(session, Claim.BOUNDED_LOSS, session.open(1))
    if bound is None or not callable(getattr(session, "settle", None)):
        return "could not test", "it needs `terms` with a bound, and a method `settle(state, outcome)`", 0
    bound, m = float(np.max(bound)), outcomes_of(session)
    if hasattr(session, "draw_orders"):
        return loss_by_own_orders(session, rng, cases, bound)
    scale = bound if 0 < bound < np.inf else 1.0
    steps = 4
    shares = trades(rng, cases * steps, m, scale).reshape(cases, steps, 1, m)
    loss, slack = _losses(session, shares, m, scale)
    broken = ~(loss <= bound + slack)
    found = shares[simplest(shares, broken)] if broken.any() else None
    tried = cases
    for target in range(m):
        if found is None:
            attack = _greedy(session, m, target, scale, bound)
            tried += LONGEST_ATTACK * len(attacks(m, scale))
            loss, slack = _losses(session, attack, m, scale)
            found = attack if not loss <= bound + slack else None
    if found is None:
        return "kept", "", tried
    found = _shortened(session, found, m, scale, bound)
    loss, _ = _losses(session, found, m, scale)
    ending = f"print([float(session.settle(state, outcome).sum() - paid) for outcome in range({m})], {bound!r})"
    sentence = f"it loses {float(loss):.9g}, more than {bound:.9g}"
    return "refuted", f"{sentence}\n{told(session, 1, found, ending)}", tried


def _losses(session: Any, shares: np.ndarray, m: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The loss at the worst outcome and what rounding may do, float64 [...], after trades [..., steps, n, m]."""
    played = play(session, script(shares), shares.shape[-2], shares.shape[:-3])
    owed = np.max([session.settle(played.last, outcome).sum(axis=-1) for outcome in range(m)], axis=0)
    return owed - played.paid(), ROUNDING * np.maximum(played.largest(), scale)


def _greedy(session: Any, m: int, target: int, scale: float, bound: float) -> np.ndarray:
    """Trades [steps, 1, m] each of which makes the loss at outcome `target` as large as one trade can."""
    menu = attacks(m, scale)
    state = session.open(1, (len(menu),))
    chosen: list[np.ndarray] = []
    paid = np.zeros(len(menu))
    best = 0.0
    for _ in range(LONGEST_ATTACK):
        after, cleared = session.step(state, TradeOrders(menu[:, None]))
        loss = session.settle(after, target).sum(axis=-1) - paid - cleared.payments.sum(axis=-1)
        pick = int(np.where(np.isfinite(loss), loss, -np.inf).argmax())
        if not loss[pick] > best + 1e-12 * scale:
            break
        best = float(loss[pick])
        chosen.append(menu[pick])
        state, cleared = session.step(state, TradeOrders(np.broadcast_to(menu[pick], (len(menu), 1, m))))
        paid = paid + cleared.payments.sum(axis=-1)
        if best > bound * (1 + 1e-6) + 1e-6 * scale:
            break
    return np.array(chosen or [np.zeros(m)])[:, None]


def _shortened(session: Any, shares: np.ndarray, m: int, scale: float, bound: float) -> np.ndarray:
    """Fewer trades that still lose more than the bound."""

    def bad(some: np.ndarray) -> bool:
        loss, slack = _losses(session, some, m, scale)
        return not loss <= bound + slack

    plain = [size * np.eye(m)[[target]][None] for size in 10.0 ** np.arange(7) for target in range(m)]
    for simple in [*plain, shares.sum(axis=0, keepdims=True)]:
        if bad(simple):
            return np.asarray(simple)
    step = 0
    while step < len(shares) and len(shares) > 1:
        fewer = np.delete(shares, step, axis=0)
        shares, step = (fewer, step) if bad(fewer) else (shares, step + 1)
    return shares


def _tolerance(session: Any, claim: Claim) -> float:
    return float(getattr(session, "terms", {}).get(claim, Terms()).tolerance)
