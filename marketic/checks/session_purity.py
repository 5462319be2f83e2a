"""PURE, for sessions: the same state, orders and generator give the same, whatever was asked before or beside."""

import copy
import random
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from marketic.checks.purity import DRAW_SEED, shared_generators
from marketic.checks.reproducer import written
from marketic.checks.session_play import Answer, draw_orders, same, slice_of, snapshot, some_traders, walk

Beside = Callable[[], None]
"""Opens another market of the same session, and takes a step there."""
Way = Callable[[Any, Any, Any, Beside], str]
"""(session, state, orders, beside) -> what is wrong, or ""."""


def pure(session: Any, rng: np.random.Generator) -> Answer:
    """Whether each of WAYS holds along a session, for each number of traders."""
    tried = 0
    for traders in some_traders(session):
        for state, orders, _ in walk(session, rng, traders, (5,)):
            tried += 1
            sent = draw_orders(session, rng, session.open(traders, (5,)), traders, (5,))

            def beside(traders: int = traders, sent: Any = sent) -> None:
                session.step(session.open(traders, (5,)), sent)

            for way, ending in WAYS.items():
                reason = way(session, state, orders, beside)
                if reason:
                    return "refuted", reason + _replay(session, traders, orders, ending), tried
    return "kept", "", tried


def _writes(session: Any, state: Any, orders: Any, beside: Beside) -> str:
    kept = snapshot(state), snapshot(orders)
    for rng in (None, np.random.default_rng(DRAW_SEED)):
        session.step(state, orders, rng=rng)
        for name, now, before in (("state", state, kept[0]), ("orders", orders, kept[1])):
            if not same(now, before):
                return f"step changes the {name} it is given"
    for name in ("quote", "is_open"):
        getattr(session, name)(state)
        if not same(state, kept[0]):
            return f"{name} changes the state it is given"
    return ""


def _stepped(session: Any, state: Any, orders: Any, seed: int | None = None) -> Any:
    """A step's (state, clearing), as a copy."""
    return snapshot(session.step(state, orders, rng=None if seed is None else np.random.default_rng(seed)))


def _equal(one: Any, other: Any) -> bool:
    return same(one[0], other[0]) and same(one[1], other[1])


def _undecided(session: Any, state: Any, orders: Any, beside: Beside) -> str:
    pairs = ([_stepped(session, state, orders, seed) for _ in range(2)] for seed in (None, DRAW_SEED))
    if not all(_equal(*pair) for pair in pairs):
        return "two results for the same state, orders and generator"
    one, other = (np.array(session.quote(state), dtype=float) for _ in range(2))
    return "" if np.array_equal(one, other, equal_nan=True) else "two quotes for the same state"


def _overwrites(session: Any, state: Any, orders: Any, beside: Beside) -> str:
    first = session.step(state, orders)
    kept = snapshot(first)
    beside()
    return "" if _equal(first, kept) else "an answer changes when the next one is given: return arrays of their own"


def _remembers(session: Any, state: Any, orders: Any, beside: Beside) -> str:
    before = _stepped(session, state, orders)
    beside()
    kept = _equal(before, _stepped(session, state, orders))
    return "" if kept else "a step depends on what other markets were opened: keep all that is remembered in the state"


def _moves_the_world(session: Any, state: Any, orders: Any, beside: Beside) -> str:
    found = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        np.random.set_state(np.random.RandomState(DRAW_SEED).get_state())  # noqa: NPY002
        random.seed(DRAW_SEED)
        before = shared_generators()
        for seed in (None, DRAW_SEED):
            _stepped(session, state, orders, seed)
        kept = shared_generators() == before
    finally:
        np.random.set_state(found[0])  # noqa: NPY002
        random.setstate(found[1])
    return "" if kept else "step draws from a generator that everybody shares, or sets it: use its `rng`"


def _reseeds(session: Any, state: Any, orders: Any, beside: Beside) -> str:
    used = [np.random.default_rng(seed) for seed in (DRAW_SEED, DRAW_SEED + 1)]
    for rng in used:
        session.step(state, orders, rng=rng)
    alike = used[0].bit_generator.state == used[1].bit_generator.state
    return "step leaves different generators in the same state: draw from `rng`, and never set it" if alike else ""


def _copied_otherwise(session: Any, state: Any, orders: Any, beside: Beside) -> str:
    try:
        twin = copy.deepcopy(session)
    except (Exception, SystemExit):  # it need not be one that can be copied
        return ""
    kept = _equal(_stepped(session, state, orders), _stepped(twin, state, orders))
    return "" if kept else "a copy of it answers otherwise, and what is loaded is a copy"


STEP = "session.step(state, orders)"
WAYS: dict[Way, str] = {
    _writes: f"before = copy.deepcopy((state, orders)); {STEP}; session.quote(state); session.is_open(state); "
    "print(before, (state, orders), sep='\\n')",
    _undecided: f"print(*(({STEP}, session.quote(state)) for _ in range(2)), sep='\\n')",
    _overwrites: f"first = {STEP}; print(first); session.step(first[0], orders); print(first)",
    _remembers: f"print({STEP}); session.step(session.open(BIDDERS), orders); print({STEP})",
    _moves_the_world: "for between in (lambda: None, lambda: session.step(state, orders)): np.random.seed(987); "
    "random.seed(987); between(); print(np.random.random(), random.random())",
    _reseeds: f"print([({STEP[:-1]}, rng=rng), rng.random())[1] for rng in map(np.random.default_rng, (7, 8))])",
    _copied_otherwise: "print(*(s.step(state, orders)[1] for s in (session, copy.deepcopy(session))), sep='\\n')",
}
"""What is tried, and a line that shows it. BIDDERS stands for how many there are."""


def _replay(session: Any, traders: int, orders: Any, ending: str) -> str:
    """Lines that show it from the opening, where orders are a dataclass."""
    if not is_dataclass(orders):
        return ""
    homes: dict[str, str] = {}
    maker, sent = written(session, homes), written(slice_of(orders, 0), homes)
    imports = "; ".join(f"from {module} import {name}" for name, module in sorted(homes.items()))
    lines = [
        f"import copy, random; import numpy as np; {imports}",
        f"session = {maker}; state = session.open({traders})",
        f"orders = {sent}",
        ending.replace("BIDDERS", str(traders)),
    ]
    return "\n" + "\n".join("    " + line for line in lines)
