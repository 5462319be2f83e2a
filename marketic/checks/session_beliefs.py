"""What traders who believe something should do in a market, and how well its prices do against them."""

from typing import Any

import numpy as np

from marketic.checks.reproducer import written
from marketic.checks.session_orders import truthful_by_own_orders
from marketic.checks.session_play import ROUNDING, Answer, bound_of, outcomes_of, scale_of, simplest, some_traders
from marketic.claims import Claim
from marketic.domains.market_making import beliefs, trades
from marketic.errors import InputError
from marketic.trade_orders import TargetPrices, TradeOrders


def bounded_regret(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """Over any rounds, the price's log loss exceeds that of each trader by no more than the bound in the terms."""
    if not callable(getattr(session, "resolve", None)):
        return "could not test", "it needs a method `resolve(state, outcome)` that opens the next round", 0
    m, rounds, tried = outcomes_of(session), 12, 0
    for traders in some_traders(session):
        if traders == 0:
            continue
        cases_here = max(1, cases // 4)
        views = beliefs(rng, cases_here * rounds * traders, m).reshape(rounds, cases_here, traders, m)
        views = np.where(rng.random((1, cases_here, 1, 1)) < 0.5, views[:1], views)  # half of them never change
        helped = rng.integers(0, traders, size=cases_here)  # outcomes that suit one trader, in half of the cases
        state = session.open(traders, (cases_here,))
        bound = bound_of(session, Claim.BOUNDED_REGRET, state)
        if bound is None:
            return "could not test", "its `terms` state no bound", 0
        bound = np.broadcast_to(np.asarray(bound, dtype=float), (cases_here, traders))
        regret, outcomes = np.zeros((cases_here, traders)), np.zeros((rounds, cases_here), dtype=np.int64)
        for t in range(rounds):
            state, cleared = session.step(state, TargetPrices(views[t]))
            edge = views[t][np.arange(cases_here), helped] / np.where(cleared.prices > 0, cleared.prices, np.nan)
            best = np.nan_to_num(edge, nan=-1.0).argmax(axis=-1)
            outcomes[t] = np.where(rng.random(cases_here) < 0.5, best, rng.integers(0, m, size=cases_here))
            regret += _ahead(views[t], cleared.prices, outcomes[t])
            state = session.resolve(state, outcomes[t])
            tried += cases_here
            broken = ~(regret <= bound + ROUNDING * (t + 1) * (1.0 + np.abs(regret)))
            if broken.any():
                case = simplest(views[: t + 1].swapaxes(0, 1), np.asarray(broken.any(axis=1)))
                who = int(broken[case].argmax())
                reason = f"trader {who} is ahead by {regret[case, who]:.9g} nats, more than {bound[case, who]:.9g}"
                rows = [(views[s, case].tolist(), int(outcomes[s, case])) for s in range(t + 1)]
                return "refuted", f"{reason}\n{_told_rounds(session, traders, rows)}", tried
    return "kept", "", tried


def _ahead(views: np.ndarray, prices: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """ln p_k(o) - ln p(o), [cases, n]: by how much each trader's log loss is below the price's."""
    rows = np.arange(len(outcome))
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(views[rows, :, outcome]) - np.log(prices[rows, outcome])[:, None])


def _told_rounds(session: Any, traders: int, rows: list[Any]) -> str:
    homes = {"TargetPrices": "marketic.trade_orders"}
    maker = written(session, homes)
    lines = [
        "import numpy as np; " + "; ".join(f"from {module} import {name}" for name, module in sorted(homes.items())),
        f"session = {maker}; state = session.open({traders}); ahead = np.zeros({traders})",
        f"for views, outcome in {rows}:",
        "    state, c = session.step(state, TargetPrices(views)); state = session.resolve(state, outcome); "
        "ahead += np.log(np.array(views)[:, outcome] / c.prices[outcome])",
        "print(ahead)",
    ]
    return "\n".join("    " + line for line in lines)


def myopically_truthful(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """A trader with a belief expects the most from moving the prices there; and what it expects is the closed form."""
    if not callable(getattr(session, "settle", None)):
        return "could not test", "it needs a method `settle(state, outcome)`", 0
    if hasattr(session, "draw_orders") and hasattr(session, "truthful"):
        return truthful_by_own_orders(session, rng, cases)
    m, scale = outcomes_of(session), scale_of(session)
    before = trades(rng, cases, m, 0.1 * scale)[:, None]
    start, _ = session.step(session.open(1, (cases,)), TradeOrders(before))
    belief, other = beliefs(rng, cases, m), beliefs(rng, cases, m)
    try:
        honest, prices = _expected(session, start, TargetPrices(belief[:, None]), belief, m)
    except InputError as error:
        return "could not test", f"it takes no TargetPrices: {error}", 0
    lies: list[Any] = [TargetPrices(other[:, None]), TradeOrders(trades(rng, cases, m, scale)[:, None])]
    for near in (1e-2, 1e-4):
        lies.append(TargetPrices((belief * (1 + near * rng.uniform(-1, 1, belief.shape)))[:, None]))
    slack = ROUNDING * np.maximum(scale, np.abs(before).max(axis=(1, 2)))
    if not (np.abs(prices - belief) <= 1e-6).all():
        return "refuted", "an order for target prices does not set these prices", cases
    for lie in lies:
        gain = _expected(session, start, lie, belief, m)[0] - honest
        if not (gain <= slack).all():
            case = int(np.flatnonzero(~(gain <= slack))[0])
            return "refuted", _told_lie(session, before[case], belief[case], lie, case, float(gain[case])), cases
    if callable(getattr(session, "expected_profit", None)):
        stated = session.expected_profit(session.quote(start), belief)
        wrong = (session.quote(start) > 0).all(axis=-1)  # a price that has underflowed to 0 says nothing
        wrong &= ~(np.abs(stated - honest) <= 1e-7 * np.maximum(scale, np.abs(before).max(axis=(1, 2))))
        if wrong.any():
            case = int(np.flatnonzero(wrong)[0])
            reason = f"truth earns {honest[case]:.9g} in expectation, `expected_profit` says {stated[case]:.9g}"
            return "refuted", reason, cases
    return "kept", "", cases * (len(lies) + 1)


def _expected(session: Any, start: Any, orders: Any, belief: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """What trader 0 expects by `belief` [cases, m] from an order, float64 [cases], and the prices after it [cases, m]."""
    after, cleared = session.step(start, orders)
    gain = np.stack([(session.settle(after, o) - session.settle(start, o))[:, 0] for o in range(m)], axis=-1)
    return (belief * gain).sum(axis=-1) - cleared.payments[:, 0], session.quote(after)


def _told_lie(session: Any, before: np.ndarray, belief: np.ndarray, lie: Any, case: int, gain: float) -> str:
    homes = {"TargetPrices": "marketic.trade_orders", "TradeOrders": "marketic.trade_orders"}
    maker = written(session, homes)
    other = (
        f"TradeOrders({lie.shares[case].tolist()})"
        if isinstance(lie, TradeOrders)
        else f"TargetPrices({lie.price[case].tolist()})"
    )
    m = len(belief)
    lines = [
        "import numpy as np; " + "; ".join(f"from {module} import {name}" for name, module in sorted(homes.items())),
        f"session, belief = {maker}, np.array({belief.tolist()})",
        f"start = session.step(session.open(1), TradeOrders({before.tolist()}))[0]",
        f"for after, c in (session.step(start, o) for o in (TargetPrices(belief[None]), {other})):",
        f"    print(sum(belief[o] * (session.settle(after, o) - session.settle(start, o))[0] for o in range({m})) "
        "- c.payments[0])",
    ]
    reason = f"a trader gains {gain:.9g} in expectation by not moving the prices to its belief"
    return reason + "\n" + "\n".join("    " + line for line in lines)
