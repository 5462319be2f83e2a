"""Holding sessions to their word: clocks by their proxies, market makers by trades that an adversary would make.

A session that has a `domain` and a `proxy` (a clock, an order book) is checked as the sealed-bid mechanism in which
proxies play it. A market maker needs `settle(state, outcome)`, what each trader is owed, and for CONSERVES `house(state,
outcome)`, what the house is left with. It takes `TradeOrders` unless it offers `draw_orders(rng, state)`; what a maker with
orders of its own adds is said in `session_orders`.
If it says `coherent = True`, its quotes must be probabilities.
"""

from dataclasses import is_dataclass
from typing import Any

import numpy as np

from marketic.checks.session_claims import CLAIMS
from marketic.checks.session_play import (
    STEPS,
    Answer,
    arrays,
    draw_orders,
    outcomes_of,
    play,
    scale_of,
    slice_of,
    some_traders,
    told,
    walk,
)
from marketic.checks.session_purity import pure
from marketic.claims import Claim, Refutation
from marketic.session import Lifted, direct
from marketic.trade_orders import TradeOrders

MOST_CASES = 2_000
"""Markets played side by side per claim: more find nothing that these do not."""

UNKNOWN_ORDERS = (
    "the kit cannot tell what orders it takes: give it `settle(state, outcome)` if it is a market maker, `domain` and "
    "`proxy` if proxies can play it, or `draw_orders(rng, state)`"
)


def check_session_claims(
    session: Any, *, seed: int = 0, budget: int = 20_000, rng: np.random.Generator | None = None
) -> dict[str, Answer]:
    """Search for trades that break a rule of the house or a declared claim of a session.

    session: see `marketic.session.Session`. seed: of the search, if no `rng` is given. budget: cases per claim, >= 1 (at most
    2000 are of use). Returns promise -> (status, explanation, cases); status is "kept", "refuted" or "could not test",
    and the explanation of a refuted one holds a sentence and, mostly, up to five lines that replay it.
    """
    rng = np.random.default_rng(seed) if rng is None else rng
    cases = max(1, min(budget, MOST_CASES))
    if isinstance(session, Lifted):
        return _as_mechanism(session.mechanism, seed, budget)
    if not any(callable(getattr(session, name, None)) for name in ("settle", "draw_orders", "proxy")):
        return {claim.name: ("could not test", UNKNOWN_ORDERS, 0) for claim in session.claims}
    verdicts: dict[str, Answer] = {"ANSWERS": _answers(session, rng)}
    if verdicts["ANSWERS"][0] != "kept":
        return verdicts
    verdicts["STATE"] = _flat(session, rng)
    verdicts["PURE"] = pure(session, rng)
    if hasattr(session, "proxy"):
        return verdicts | _by_proxy(session, seed, budget)
    verdicts["BATCHED"] = _batched(session, rng)
    if getattr(session, "coherent", False):
        verdicts["PRICES"] = _prices(session, rng, cases)
    for claim in sorted(session.claims, key=list(Claim).index):
        verdicts[claim.name] = _tested(session, claim, rng, cases)
    for refutation in getattr(session, "refuted", ()):
        verdicts[f"not {refutation.claim.name}"] = _replayed(session, refutation)
    return verdicts


def _by_proxy(session: Any, seed: int, budget: int) -> dict[str, Answer]:
    """The verdicts on the mechanism in which proxies play the session."""
    if not hasattr(session, "domain"):
        return {
            claim.name: ("could not test", "it has a `proxy`, but no `domain` to draw true values from", 0)
            for claim in session.claims
        }
    verdicts = _as_mechanism(direct(session), seed, budget)
    return {name: verdict for name, verdict in verdicts.items() if name != "PURE"}


def _as_mechanism(mechanism: Any, seed: int, budget: int) -> dict[str, Answer]:
    """The verdicts on a sealed-bid mechanism, in this kit's format."""
    from marketic.checks.mechanism import check_mechanism

    report = check_mechanism(mechanism, seed=seed, budget=budget, raises=False)
    return {name: (v.status, v.explanation, v.cases) for name, v in report.verdicts.items()}


def _tested(session: Any, claim: Claim, rng: np.random.Generator, cases: int) -> Answer:
    if claim not in CLAIMS:
        return "could not test", "the kit knows no such test for a session without `proxy` and `domain`", 0
    try:
        return CLAIMS[claim](session, rng, cases)
    except (Exception, SystemExit) as error:  # whatever a stranger's code raises is an answer
        return "refuted", f"while it was tested, the session raised {type(error).__name__}: {error}", 0


def _answers(session: Any, rng: np.random.Generator) -> Answer:
    """It opens, quotes and steps, for any number of traders and any batch."""
    tried = 0
    for batch in ((3,), (), (2, 2)):
        for traders in some_traders(session):
            try:
                for state, orders, _after in walk(session, rng, traders, batch):
                    session.quote(state)
                    cleared = session.step(state, orders, rng=np.random.default_rng(1))[1]
                    tried += 1
                    if np.shape(cleared.payments) != (*batch, traders):
                        shape = np.shape(cleared.payments)
                        return "refuted", f"payments{shape} for {traders} traders in a batch of shape {batch}", tried
                    if not np.isfinite(cleared.payments).all():
                        return "refuted", "payments are not finite" + _not_finite(session), tried
            except (Exception, SystemExit) as error:  # whatever a stranger's code raises is an answer
                where = f"with {traders} traders in a batch of shape {batch}"
                return "refuted", f"{where} it raised {type(error).__name__}: {error}", tried
    return "kept", "", tried


def _not_finite(session: Any) -> str:
    """Lines that show it, where one order from the opening does."""
    for size in 10.0 ** np.arange(10):
        shares = np.zeros((1, 1, outcomes_of(session)))
        shares[0, 0, 0] = size
        if not np.isfinite(play(session, [TradeOrders(shares[0])], 1).paid()).all():
            return "\n" + told(session, 1, shares, "print(paid)")
    return ""


def _flat(session: Any, rng: np.random.Generator) -> Answer:
    """States are dataclasses of arrays, all the way through a session."""
    seen = walk(session, rng, some_traders(session)[0], (2,))
    for state in [before for before, _, _ in seen] + [seen[-1][2]]:
        if not is_dataclass(state):
            return "refuted", f"its state is a {type(state).__name__}: wanted a dataclass of arrays", 1
        for name, value in arrays(state).items():
            if value is not None and not isinstance(value, np.ndarray | np.generic | bool | int | float):
                return "refuted", f"`state.{name}` is a {type(value).__name__}: wanted an array or a number", 1
            if isinstance(value, np.ndarray) and value.dtype == object:
                return "refuted", f"`state.{name}` is an array of objects: wanted numbers", 1
    return "kept", "", len(seen) + 1


def _batched(session: Any, rng: np.random.Generator) -> Answer:
    """A market of a batch is answered as it is alone."""
    tried = 0
    for traders in some_traders(session):
        state = session.open(traders, (6,))
        orders = draw_orders(session, rng, state, traders, (6,))
        if not is_dataclass(orders):
            return "could not test", f"it does not know how to take one case out of {type(orders).__name__}", 0
        together = play(session, [orders], traders, (6,)).cleared[0]
        for case in range(6):
            alone = play(session, [slice_of(orders, case)], traders).cleared[0]
            tried += 1
            for name in ("allocation", "payments", "prices"):
                one, many = np.asarray(getattr(alone, name)), np.asarray(getattr(together, name))[case]
                if one.shape != many.shape or not np.allclose(one, many, rtol=1e-9, atol=1e-9, equal_nan=True):
                    return "refuted", f"{name} of a market depend on the other markets of its batch", tried
    return "kept", "", tried


def _prices(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """Quotes are probabilities (or NaN where there is nothing to quote), before and after trades of all sizes."""
    traders = some_traders(session)[0]
    for state, orders, after in walk(session, rng, traders, (cases,)):
        for where in (state, after):
            quoted = np.asarray(session.quote(where), dtype=float)
            quoted = quoted[~np.isnan(quoted).all(axis=-1)]
            off = np.maximum(np.abs(quoted.sum(axis=-1) - 1.0), -quoted.min(axis=-1, initial=0.0))
            if not (off <= 1e-9).all():
                worst = quoted[~(off <= 1e-9)][0]
                reason = f"it quotes {worst.tolist()}, which are no probabilities"
                return "refuted", reason + _worst_quote(session, orders, after), cases
    return "kept", "", cases * STEPS


def _worst_quote(session: Any, orders: Any, after: Any) -> str:
    """Lines that show bad prices, where one step from the opening shows them."""
    if not isinstance(orders, TradeOrders):
        return ""
    m = orders.shares.shape[-1]
    for size in (0.0, 1.0, scale_of(session), 10.0 * scale_of(session), 1000.0 * scale_of(session)):
        shares = np.zeros((1, 1, m))
        shares[0, 0, 0] = size
        quoted = np.asarray(session.quote(play(session, [TradeOrders(shares[0])], 1).last), dtype=float)
        if not (abs(quoted.sum() - 1.0) <= 1e-9 and quoted.min() >= -1e-9):
            return "\n" + told(session, 1, shares, "print(session.quote(state), session.quote(state).sum())")
    return ""


def _replayed(session: Any, refutation: Refutation) -> Answer:
    """A stored round trip must cost something; other claims of sessions are not refuted by stored orders."""
    if refutation.claim is not Claim.PATH_INDEPENDENT:
        return "could not test", f"no stored orders refute {refutation.claim.name}", 0
    orders = refutation.truth if isinstance(refutation.truth, tuple) else (refutation.truth,)
    played = play(session, orders, orders[0].shares.shape[-2])
    back, cost = not played.received().any(), float(played.paid())
    if back and abs(cost) > 1e-9 * float(played.largest()):
        return "kept", f"there and back costs {cost:.9g}", 1
    return (
        "refuted",
        f"the stored orders do not break it: they end {'where they began' if back else 'elsewhere'}, for {cost:.9g}",
        1,
    )
