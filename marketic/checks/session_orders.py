"""Market makers with orders of their own kind: the same two attacks, with orders that the session draws itself.

Such a maker offers `draw_orders(rng, state)`, and `outcomes`, their number, if it is not the length of its quotes. For DSIC
it also offers `truthful(orders, belief)`: the same orders as a trader of `belief` float64 [..., outcomes] should give them; and
`chances(state, belief)`, how likely each outcome is, where the market has a say in what happens.
"""

from dataclasses import fields
from typing import Any

import numpy as np

from marketic.checks.reproducer import written
from marketic.checks.session_play import ROUNDING, Answer, draw_orders, outcomes_of, play, slice_of
from marketic.domains.market_making import beliefs

LONGEST_ATTACK = 12
"""Steps of the greedy adversary."""


def loss_by_own_orders(session: Any, rng: np.random.Generator, cases: int, bound: float) -> Answer:
    """Whatever is ordered and whatever comes true, the maker loses no more than `bound`, currency.

    Among orders drawn at random an adversary takes, step by step, those that make the loss at one outcome largest.
    """
    m, tried, width = outcomes_of(session), 0, max(1, min(cases, 200))
    for target in range(min(m, 16)):
        script: list[Any] = []
        worst, state = -np.inf, session.open(1, (width,))
        for _ in range(LONGEST_ATTACK):
            orders = draw_orders(session, rng, state, 1, (width,))
            after = session.step(state, orders)[0]
            loss = np.asarray(session.settle(after, target)).sum(axis=-1)
            best = int(np.where(np.isfinite(loss), loss, np.inf).argmax())
            tried += width
            if script and not loss[best] > worst:
                continue
            worst = float(loss[best])
            script.append(slice_of(orders, best))
            state = _repeated(after, best, width)
            if not worst <= bound + ROUNDING * max(1.0, bound):
                return "refuted", _told_loss(session, script, target, bound), tried
    return "kept", "", tried


def _repeated(state: Any, case: int, width: int) -> Any:
    """One market of a batch, as a batch of equal ones."""
    arrays = {field.name: np.asarray(getattr(state, field.name)) for field in fields(state)}
    return type(state)(**{name: np.repeat(array[case : case + 1], width, axis=0) for name, array in arrays.items()})


def _told_loss(session: Any, script: list[Any], target: int, bound: float) -> str:
    """The sentence and the reproducer, with as few of the orders as show it."""

    def loss(orders: list[Any]) -> float:
        played = play(session, orders, 1)
        return float(np.asarray(session.settle(played.last, target)).sum() - played.paid())

    step = 0
    while step < len(script) and len(script) > 1:
        fewer = script[:step] + script[step + 1 :]
        script, step = (fewer, step) if loss(fewer) > bound * (1 + ROUNDING) else (script, step + 1)
    ending = f"print(session.settle(state, {target}).sum() - paid, {bound!r})"
    return f"it loses {loss(script):.9g} at outcome {target}, more than {bound:.9g}\n{_told(session, script, ending)}"


def truthful_by_own_orders(session: Any, rng: np.random.Generator, cases: int) -> Answer:
    """A trader who orders once more expects most from ordering as it believes, whatever was ordered before."""
    m, cases = outcomes_of(session), max(1, cases)
    for steps in (0, 1, 3):
        before = []
        state = session.open(2, (cases,))
        for _ in range(steps):
            before.append(_by_the_other(draw_orders(session, rng, state, 2, (cases,))))
            state = session.step(state, before[-1])[0]
        belief = beliefs(rng, cases, m)
        lie = _by_one(draw_orders(session, rng, state, 2, (cases,)))
        honest = session.truthful(lie, belief)
        gain = _expected(session, state, lie, belief, m) - _expected(session, state, honest, belief, m)
        size = np.maximum(1.0, np.abs(_expected(session, state, honest, belief, m)))
        broken = np.flatnonzero(~(gain <= ROUNDING * size))
        if len(broken):
            case = int(broken[np.argmax(gain[broken])])
            orders = [slice_of(some, case) for some in (*before, honest, lie)]
            return "refuted", _told_lie(session, orders, belief[case], m, float(gain[case])), cases * (steps + 1)
    return "kept", "", 3 * cases


def _by_one(orders: Any) -> Any:
    """Only trader 0 orders."""
    return _acting(orders, 0)


def _by_the_other(orders: Any) -> Any:
    """Only trader 1 orders."""
    return _acting(orders, 1)


def _acting(orders: Any, who: int) -> Any:
    arrays = {field.name: getattr(orders, field.name) for field in fields(orders) if field.init}
    arrays["active"] = arrays["active"] & (np.arange(orders.active.shape[-1]) == who)
    return type(orders)(**arrays)


def _expected(session: Any, state: Any, orders: Any, belief: np.ndarray, m: int) -> np.ndarray:
    """What trader 0 expects by `belief` [cases, m] to end up with, float64 [cases]."""
    after, cleared = session.step(state, orders)
    chance = session.chances(after, belief) if hasattr(session, "chances") else belief
    owed = np.stack([np.asarray(session.settle(after, o))[..., 0] for o in range(m)], axis=-1)
    return np.asarray((chance * owed).sum(axis=-1) - cleared.payments[..., 0])


def _told_lie(session: Any, orders: list[Any], belief: np.ndarray, m: int, gain: float) -> str:
    homes: dict[str, str] = {}
    written(orders[0], homes)
    chance = "session.chances(s, belief)" if hasattr(session, "chances") else "belief"
    maker, before = written(session, homes), ", ".join(written(some, homes) for some in orders[:-2])
    honest, lie = (written(some, homes) for some in orders[-2:])
    lines = [
        "import numpy as np; " + "; ".join(f"from {module} import {name}" for name, module in sorted(homes.items())),
        f"session, belief = {maker}, np.array({belief.tolist()}); state = session.open(2)",
        f"for orders in [{before}]: state = session.step(state, orders)[0]",
        f"for s in [session.step(state, {honest})[0], session.step(state, {lie})[0]]:",
        f"    print(sum({chance}[o] * session.settle(s, o)[0] for o in range({m})))",
    ]
    reason = f"a trader gains {gain:.9g} in expectation by ordering something else than it believes"
    return reason + "\n" + "\n".join("    " + line for line in lines)


def _told(session: Any, script: list[Any], ending: str) -> str:
    homes: dict[str, str] = {}
    maker, orders = written(session, homes), ", ".join(written(some, homes) for some in script)
    lines = [
        "import numpy as np; " + "; ".join(f"from {module} import {name}" for name, module in sorted(homes.items())),
        f"session = {maker}; state = session.open(1); paid = 0.0",
        f"for orders in [{orders}]:",
        "    state, cleared = session.step(state, orders); paid += cleared.payments.sum()",
        ending,
    ]
    return "\n".join("    " + line for line in lines)
