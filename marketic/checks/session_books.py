"""Whose money is it: traders' losses are the house's gains, and the books say what the clearings said."""

from collections.abc import Callable
from typing import Any

import numpy as np

from marketic.checks.session_play import ROUNDING, Answer, draw_orders, outcomes_of, play, simplest, some_traders, told
from marketic.trade_orders import TradeOrders


def conserves(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """What traders lose is what the house gains, at every outcome, and the books say what the clearings said."""
    if not (callable(getattr(session, "settle", None)) and callable(getattr(session, "house", None))):
        return "could not test", "it needs methods `settle(state, outcome)` and `house(state, outcome)`", 0

    def loose(played: Any, outcome: Any) -> np.ndarray:
        house = session.house(played.last, outcome)
        payoffs = session.settle(played.last, outcome).sum(axis=-1)
        return np.abs(played.paid() - payoffs - house) / np.maximum(played.largest(), np.abs(payoffs))

    answer = _after_trades(
        session, rng, cases, loose, "the traders' losses and the house's gain differ by {:.9g} of the largest amount"
    )
    return answer if answer[0] != "kept" else _books(session, rng, min(cases, 50))


def _books(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """Fields `holdings` and `paid` of a state, where it has them, and what a session says that traders own."""
    traders = some_traders(session)[0]
    state = session.open(traders, (cases,))
    wealth = session.owned(state).sum(axis=-1) if hasattr(session, "owned") else None
    m = outcomes_of(session)
    for step in range(5):
        after, cleared = session.step(state, draw_orders(session, rng, state, traders, (cases,)))
        for name, change in (("holdings", cleared.allocation), ("paid", cleared.payments)):
            if hasattr(state, name):
                booked = getattr(after, name) - getattr(state, name)
                if not np.allclose(
                    booked, change, rtol=1e-6, atol=1e-6 * max(1.0, float(np.abs(change).max(initial=0)))
                ):
                    return "refuted", f"`state.{name}` does not change by what the clearing says (step {step})", cases
        state = after
        if hasattr(session, "resolve") and wealth is None:
            break
        if wealth is not None:
            state = session.resolve(state, rng.integers(0, m, size=cases))
            now = session.owned(state).sum(axis=-1)
            if not np.allclose(now, wealth, rtol=1e-9, atol=1e-9):
                reason = f"after {step + 1} rounds the traders own {float(now[0]):.9g} together, before {float(wealth[0]):.9g}"
                return "refuted", reason, cases
    return "kept", "", cases


def balanced(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """The traders together lose nothing and gain nothing."""
    return _after_trades(
        session, rng, cases, _house_gain(session, abs_=True), "the house is left with {:.9g} of the largest amount"
    )


def no_deficit(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """The traders together never gain."""
    return _after_trades(
        session, rng, cases, _house_gain(session, abs_=False), "the house pays {:.9g} of the largest amount"
    )


def _house_gain(session: Any, *, abs_: bool) -> Callable[[Any, Any], np.ndarray]:
    def excess(played: Any, outcome: Any) -> np.ndarray:
        gain = played.paid() - session.settle(played.last, outcome).sum(axis=-1)
        return np.asarray((np.abs(gain) if abs_ else -gain) / played.largest())

    return excess


def _after_trades(
    session: Any, rng: np.random.Generator, cases: int, excess: Callable[[Any, Any], np.ndarray], sentence: str
) -> Answer:
    """Trade, and measure `excess(played, outcome)` float64 [cases] at every outcome; above rounding: refuted."""
    if not callable(getattr(session, "settle", None)):
        return "could not test", "it needs a method `settle(state, outcome)`", 0
    m, tried = outcomes_of(session), 0
    for traders in some_traders(session):
        here = max(1, cases // 4) if traders else 1
        orders: list[Any] = []
        state = session.open(traders, (here,))
        for _ in range(1 if hasattr(session, "resolve") else 3):
            orders.append(draw_orders(session, rng, state, traders, (here,)))
            state, _cleared = session.step(state, orders[-1])
        played = play(session, orders, traders, (here,))
        tried += here
        for outcome in range(m):
            amount = excess(played, outcome)
            amount = np.ravel(amount)
            if not (amount <= ROUNDING).all():
                case, lines = int(np.flatnonzero(~(amount <= ROUNDING))[0]), ""
                if isinstance(orders[0], TradeOrders):
                    shares = np.stack([o.shares for o in orders], axis=1)
                    case = simplest(shares, ~(amount <= ROUNDING))
                    house = f", session.house(state, {outcome})" if hasattr(session, "house") else ""
                    ending = f"print(paid, session.settle(state, {outcome}).sum(){house})"
                    lines = "\n" + told(session, traders, shares[case], ending)
                text = sentence.format(float(amount[case])) + f" at outcome {outcome}{lines}"
                return "refuted", text, tried
    return "kept", "", tried
