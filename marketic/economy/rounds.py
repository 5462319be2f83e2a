"""One round of production around a cycle, and its derivative, the price map.

Both are taken from the firms as they are: a round runs every firm once; the price map asks every firm what one more unit of
each price would make it offer.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from marketic.economy.layout import Quantities, slices
from marketic.economy.state import State
from marketic.errors import InputError

if TYPE_CHECKING:
    from marketic.economy.economy import Economy

LARGEST = 30_000_000
"""Numbers in the price maps of all days together, at most: 240 MB."""


def describe(economy: "Economy") -> str:
    """The cycle in words: firm -good-> firm ..."""
    words = [economy.cycle[0]]
    for maker, user in zip(economy.cycle, economy.cycle[1:], strict=False):
        good = next(g for g in economy.firms[maker].outs if g in economy.firms[user].ins)
        words.append(f"-[{good}]-> {user}")
    return " ".join(words)


def one_round(economy: "Economy", supply: Quantities, given: Quantities, days: int) -> tuple[State, Quantities]:
    """What all firms make of `supply`, and what there is then."""
    state = State(days, dict(supply), {}, {}, given)
    for name in economy.order:
        economy.run_firm(name, state)
    return state, {name: economy._supply(name, state) for name in economy.layout.goods}


def price_map(economy: "Economy", state: State) -> np.ndarray:
    """A, float64 [days, D, D] with D price columns: posted prices are base + A p. Raises InputError if it is too large."""
    layout, days = economy.layout, state.days
    if days * layout.price_width**2 > LARGEST:
        raise InputError(
            f"the cycle {describe(economy)} is too large to certify: {layout.price_width} price columns on {days} days; "
            "use SparseEconomy or ClosedEconomy, or fewer days"
        )
    matrix = np.zeros((days, layout.price_width, layout.price_width))
    for bought, sold, share, slope in slopes(economy, state):
        matrix[:, layout.price_columns(bought), layout.price_columns(sold)] += share[:, None] * slope
    return matrix


def slopes(economy: "Economy", state: State) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """For each firm, good that it buys and good that it sells: its share of the former, [dim], and d offer / d price, [days,
    dim, dim]. Raises InputError, naming the firm, for offers that are not finite.
    """
    layout, days = economy.layout, state.days
    for name, firm in economy.firms.items():
        sold = slices(firm.outs, {good: layout.goods[good].dim for good in firm.outs})
        width = sum(layout.goods[good].dim for good in firm.outs)
        still = economy.ask_firm(name, state, np.zeros((days, width)))[0]
        slope = np.zeros((days, still.shape[1], width))
        for column in range(width):
            unit = np.zeros((days, width))
            unit[:, column] = 1
            with np.errstate(invalid="ignore"):
                slope[:, :, column] = economy.ask_firm(name, state, unit)[0] - still
        if not np.isfinite(slope).all():
            raise InputError(f"firm {name!r} offers prices that are NaN or infinite: check its derivative")
        for bought in firm.ins:
            share = economy.shares[bought][name] if bought in economy.shares else np.ones(layout.goods[bought].dim)
            for good in firm.outs:
                yield bought, good, share, slope[:, economy.price_columns[name][bought], sold[good]]
