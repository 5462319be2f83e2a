"""Order of production, and economies in which goods go round.

On an acyclic economy every firm follows the makers of its inputs. Around a cycle, quantities solve `x = e + alpha(x)` and
prices solve `p = base + A p` with A the price map (the transposed Jacobian of one round of production). Synchronous rounds
converge from anywhere if and only if the spectral radius of A is below 1. Firms that post one at a time, at prices of bounded
age, converge for certain if the radius is below 1 with the size of what each firm passes on in place of the thing itself
(Chazan and Miranker 1969), and may move for ever otherwise. A is assembled, its eigenvalues are computed, and without that
certificate the economy is refused; with it, the distance of posted prices q from the exact ones is at most
`||(I - A)^-1|| * ||q - base - A q||` (maximum norms).
"""

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from marketic.economy import leaps
from marketic.economy.layout import Quantities
from marketic.economy.rounds import describe, one_round, price_map, slopes
from marketic.economy.settling import Settling
from marketic.economy.state import State
from marketic.errors import InputError

if TYPE_CHECKING:
    from marketic.economy.economy import Economy

PATIENCE = 10_000
"""Rounds after which moves must become smaller, or be rounding."""


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


def settle(economy: "Economy", given: Quantities, days: int, tolerance: float = 1e-14, limit: int = 1_000_000) -> State:
    """Quantities of a cyclic economy, by rounds of production until all have settled (`marketic.economy.settling`).

    Raises InputError, naming the good that moves most for its size, if that does not happen within `limit` rounds, or if
    moves have ceased to become smaller after PATIENCE.
    """
    goods = economy.layout.goods
    supply = {name: given.get(name, np.zeros((days, good.width))) for name, good in goods.items()}
    settling = Settling(economy, supply, tolerance)
    settled = False
    with np.errstate(over="ignore", invalid="ignore"):  # quantities that grow without end
        while not settled and settling.rounds < limit and np.isfinite(settling.values).all():
            before = settling.values
            state, supply = one_round(economy, supply, given, days)
            settled = settling.done(supply)
            if not settled and settling.stuck and settling.rounds >= PATIENCE:
                break
            if not settled and settling.rounds < limit and leaps.due(settling.rounds):
                there = leaps.quantities_ahead(economy, state, before, settling.values, settling.to_come())
                supply = supply if there is None else settling.leap(there)
    moves = {name: settling.moves[-1][:, economy.layout.columns(name)] for name in goods}
    if not settled:
        worst = max(goods, key=lambda name: _relative(moves[name], supply[name]))
        raise InputError(
            f"quantities do not settle around the cycle {describe(economy)}: good {worst!r} still moves by "
            f"{moves[worst].max():g} after {settling.rounds} rounds; each round must keep less than it takes (a discount, a "
            "rent, a leak)"
        )
    residual = float(settling.moves[-1].max(initial=0))
    state = State(days, supply, state.inputs, state.outputs, given, residual, economy.version, economy.moves)
    economy._finish(state)
    return state


def _relative(move: np.ndarray, size: np.ndarray) -> float:
    """The largest move for the size of what moves; NaN and infinity come first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(move == 0, 0.0, move / np.abs(size))
    return float(np.nan_to_num(share, nan=np.inf, posinf=np.inf).max())


def certify(economy: "Economy", state: State, delayed: bool) -> tuple[float, float, float]:
    """Spectral radius of the price map A, maximum norm of (I - A)^-1 and of A, the worst day of each.

    Raises InputError, naming the cycle, if the radius is not below 1, or, `delayed`, if that of the sizes of A's parts is not.
    """
    matrix = price_map(economy, state)
    radius = _radius(matrix)
    if not radius < 1:
        raise InputError(
            f"no prices: the economy has the cycle {describe(economy)}, and the spectral radius of its price map is "
            f"{radius:.6g}, wanted < 1; a discount or a rent on the way round makes it smaller"
        )
    if delayed:
        worst = delayed_radius(economy, state)
        if not worst < 1:
            raise InputError(
                f"asynchronous posting may move for ever around the cycle {describe(economy)}: old offers need not cancel new "
                f"ones, and the spectral radius is {radius:.6g} for its price map, but {worst:.6g}, wanted < 1, for the sizes "
                "of what firms pass on; use mode='synchronous'"
            )
    inverse = np.linalg.inv(np.eye(matrix.shape[1]) - matrix)
    return radius, float(np.abs(inverse).sum(axis=2).max()), float(np.abs(matrix).sum(axis=2).max())


def delayed_radius(economy: "Economy", state: State) -> float:
    """What must be below 1 for firms that post one at a time: the spectral radius of the sizes of what each passes on.

    Sizes of numbers, or of whole goods (2-norms; their numbers are posted and read together), whichever says less.
    """
    layout = economy.layout
    place = {name: k for k, name in enumerate(layout.goods)}
    numbers = np.zeros((state.days, layout.price_width, layout.price_width))
    goods = np.zeros((state.days, len(place), len(place)))
    for bought, sold, share, slope in slopes(economy, state):
        numbers[:, layout.price_columns(bought), layout.price_columns(sold)] += share[:, None] * np.abs(slope)
        goods[:, place[bought], place[sold]] += share.max() * np.linalg.norm(slope, ord=2, axis=(1, 2))
    return min(_radius(numbers), _radius(goods))


def _radius(matrix: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(matrix)).max(initial=0.0))
