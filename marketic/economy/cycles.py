"""Order of production, and economies in which goods go round.

On an acyclic economy every firm follows the makers of its inputs. Around a cycle, quantities solve `x = e + alpha(x)` and
prices solve `p = base + A p` with A the price map (the transposed Jacobian of one round of production). Posting
converges from anywhere if and only if the spectral radius of A is below 1. A is assembled, its eigenvalues are computed,
and without that certificate the economy is refused; with it, the distance of posted prices q from the exact ones is at
most `||(I - A)^-1|| * ||q - base - A q||` (maximum norms).
"""

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from marketic.errors import InputError

if TYPE_CHECKING:
    from marketic.economy.economy import Economy, State
    from marketic.economy.layout import Quantities

PATIENCE = 10_000
"""Rounds after which quantities must move less than they did before."""
LARGEST = 30_000_000
"""Numbers in the price maps of all days together, at most: 240 MB."""


def order(economy: "Economy") -> tuple[list[str], list[str]]:
    """Firms so that makers come before users, and, if that is impossible, the names along one cycle (else empty)."""
    before = {name: {m for good in firm.ins for m in economy.makers[good]} for name, firm in economy.firms.items()}
    after: dict[str, list[str]] = {name: [] for name in before}
    for name, makers in before.items():
        for maker in makers:
            after[maker].append(name)
    waiting = {name: len(makers) for name, makers in before.items()}
    ready = deque(name for name, count in waiting.items() if count == 0)
    done = []
    while ready:
        done.append(ready.popleft())
        for name in after[done[-1]]:
            waiting[name] -= 1
            if waiting[name] == 0:
                ready.append(name)
    left = {name for name, count in waiting.items() if count}
    if not left:
        return done, []
    path = [min(left)]  # every firm that is left has a maker that is left: walking back must return
    while path[-1] not in path[:-1]:
        path.append(min(before[path[-1]] & left))
    return [*done, *(name for name in economy.firms if name in left)], path[path.index(path[-1]) :][::-1]


def longest_path(economy: "Economy") -> int:
    """The number of firms on the longest path of trade; all firms, if the economy is cyclic."""
    if economy.cycle:
        return len(economy.firms)
    level: dict[str, int] = {}
    for name in economy.order:
        makers = [level[maker] for good in economy.firms[name].ins for maker in economy.makers[good]]
        level[name] = 1 + max(makers, default=0)
    return max(level.values(), default=0)


def describe(economy: "Economy") -> str:
    """The cycle in words: firm -good-> firm ..."""
    words = [economy.cycle[0]]
    for maker, user in zip(economy.cycle, economy.cycle[1:], strict=False):
        good = next(g for g in economy.firms[maker].outs if g in economy.firms[user].ins)
        words.append(f"-[{good}]-> {user}")
    return " ".join(words)


def settle(
    economy: "Economy", given: "Quantities", days: int, tolerance: float = 1e-14, limit: int = 1_000_000
) -> "State":
    """Quantities of a cyclic economy, by rounds of production until no good moves by more than `tolerance` (relative).

    Raises InputError, naming the good that moves most, if that does not happen within `limit` rounds, or if moves have not
    become smaller during the last PATIENCE.
    """
    from marketic.economy.economy import State

    goods = economy.layout.goods
    supply = {name: given.get(name, np.zeros((days, good.width))) for name, good in goods.items()}
    moves: dict[str, float] = {}
    before = np.inf
    for number in range(1, limit + 1):
        state = State(days, dict(supply), {}, {}, given)
        for name in economy.order:
            economy.run_firm(name, state)
        new = {name: economy._supply(name, state) for name in goods}
        moves = {name: float(np.abs(new[name] - supply[name]).max(initial=0)) for name in goods}
        supply = new
        scale = max(1.0, *(float(np.abs(value).max(initial=0)) for value in supply.values()))
        if not scale < 1e100 or max(moves.values()) <= tolerance * scale:
            break
        if number % PATIENCE == 0:
            if not max(moves.values()) < before:
                break
            before = max(moves.values())
    worst = max(moves, key=lambda name: moves[name] if np.isfinite(moves[name]) else np.inf)
    if not moves[worst] <= tolerance * scale:
        raise InputError(
            f"quantities do not settle around the cycle {describe(economy)}: good {worst!r} still moves by "
            f"{moves[worst]:g} after {number} rounds; each round must keep less than it takes (a discount, a rent, a leak)"
        )
    state = State(days, supply, state.inputs, state.outputs, given, max(moves.values()))
    economy._finish(state)
    return state


def price_map(economy: "Economy", state: "State") -> np.ndarray:
    """A, float64 [days, D, D] with D price columns: posted prices are base + A p. Raises InputError if it is too large."""
    layout, days = economy.layout, state.days
    if days * layout.price_width**2 > LARGEST:
        raise InputError(
            f"the cycle {describe(economy)} is too large to certify: {layout.price_width} price columns on {days} days; "
            "use SparseEconomy or ClosedEconomy, or fewer days"
        )
    matrix = np.zeros((days, layout.price_width, layout.price_width))
    for name, firm in economy.firms.items():
        columns = [c for good in firm.outs for c in range(*layout.price_columns(good).indices(layout.price_width))]
        x, y = state.inputs[name], state.outputs[name]
        still = firm.vjp(firm.capital, x, y, np.zeros((days, len(columns))))[0]
        for position, column in enumerate(columns):
            unit = np.zeros((days, len(columns)))
            unit[:, position] = 1
            offer = firm.vjp(firm.capital, x, y, unit)[0] - still
            for good in firm.ins:
                part = offer[:, economy.price_columns[name][good]]
                part = part * economy.shares[good][name] if good in economy.shares else part
                matrix[:, layout.price_columns(good), column] += part
    return matrix


def certify(economy: "Economy", state: "State") -> tuple[float, float, float]:
    """Spectral radius of the price map A, maximum norm of (I - A)^-1 and of A, the worst day of each.

    Raises InputError, naming the cycle, if the radius is not below 1.
    """
    matrix = price_map(economy, state)
    radius = float(np.abs(np.linalg.eigvals(matrix)).max(initial=0.0))
    if not radius < 1:
        raise InputError(
            f"no prices: the economy has the cycle {describe(economy)}, and the spectral radius of its price map is "
            f"{radius:.6g}, wanted < 1; a discount or a rent on the way round makes it smaller"
        )
    inverse = np.linalg.inv(np.eye(matrix.shape[1]) - matrix)
    return radius, float(np.abs(inverse).sum(axis=2).max()), float(np.abs(matrix).sum(axis=2).max())
