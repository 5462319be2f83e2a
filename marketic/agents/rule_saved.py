"""What the arrays of a saved market of rules must say before compiled code, which trusts them, takes them as its books."""

import numpy as np

from marketic.agents.rule_bits import EVERYTHING
from marketic.agents.rule_books import ALIVE, TOP

State = dict[str, np.ndarray]


def fault_of_books(state: State, actions: int) -> str | None:
    """Why these arrays, of the right shapes and types, are not the books of a market with so many actions; None if they are."""
    taken = state["uid"] >= 0
    alive, top = int(taken.sum()), 1 + int(np.flatnonzero(taken).max(initial=-1))
    if not ((state["action"] >= 0) & (state["action"] < actions)).all():
        return f"rules for actions up to {state['action'].max()}: wanted 0 to {actions - 1}, as in this market"
    if state["counts"][ALIVE] != alive or not top <= state["counts"][TOP] <= len(taken) or (state["counts"] < 0).any():
        return f"counts of {state['counts'].tolist()} with {alive} rules on {len(taken)} seats: wanted those of its own rules"
    if not np.array_equal(np.sort(state["empty"][: len(taken) - alive]), np.flatnonzero(~taken)):
        return "other empty seats than those where nobody sits"
    if (state["mask"][-1, ~taken] != EVERYTHING).any() or (state["value"][-1, ~taken] != EVERYTHING).any():
        return "conditions on empty seats"
    real = [state[name] for name in ("trials", "wins", "price", "variance", "stamp", "clock")]
    if not all(np.isfinite(numbers).all() for numbers in real) or (state["variance"] < 0).any():
        return "trials, wins, prices, variances or taxes that are not finite"
    if (state["wealth"] < 0).any() or state["wealth"].sum() + state["money"].sum() != 0:
        return "money that does not add up to 0"
    return None if 0 <= state["kin"][0, 0] < len(state["kin"]) else "a table of births that is none"


def fault_of_seen(state: State, positions: int) -> str | None:
    """The same for the situations that a market with prices has seen."""
    (count, width), table = state["situations"].tolist(), state["table"]
    if width != positions:
        return f"situations of {width} positions: wanted {positions}, as in this market"
    sound = 0 <= count <= len(state["seen"]) and np.array_equal(np.sort(table[table >= 0]), np.arange(count))
    return None if sound and table.min() >= -1 else "a table of situations that is none"
