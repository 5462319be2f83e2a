"""Sales as arrays: the one form in which graphs, reports and pages read them, wherever they come from.

Accounts are the ledger's: 0 is the world, 1 the house, agents come after; they stay when agents are renumbered.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from marketic.errors import InputError
from marketic.ledger import HOUSE, WORLD


@dataclass(frozen=True)
class Trades:
    """Sales in the order in which they happened, one per row.

    step:    int64 [k], environment steps made when the right was sold.
    episode: int64 [k], number of the episode, so that the sales of one episode form one chain of owners.
    good:    int64 [k], which right was sold: the number of the action's component.
    seller, buyer: int64 [k], accounts; the seller of a first right is the house.
    bidder:  int64 [k], who bid for the buyer: action * clones + clone in the built-in families; not given: -1.
    price:   float64 [k], the price announced, currency: what the seller is credited before discount.
    paid:    float64 [k], what the buyer paid in cash, currency; not given: the price.
    reward:  float64 [k], what the world paid the buyer for its act, currency.

    >>> chain = Trades.of(step=[0, 1], episode=[0, 0], seller=[1, 2], buyer=[2, 3], price=[0.5, 0.75], reward=[0, 1])
    >>> len(chain), chain.between(1, 2).buyer.tolist()
    (2, [3])
    """

    step: np.ndarray
    episode: np.ndarray
    good: np.ndarray
    seller: np.ndarray
    buyer: np.ndarray
    bidder: np.ndarray
    price: np.ndarray
    paid: np.ndarray
    reward: np.ndarray

    @classmethod
    def of(cls, **columns: object) -> "Trades":
        """From anything like arrays; what is not given is 0 (or as above). InputError for unequal lengths."""
        names = {field.name for field in fields(cls)}
        if not columns or not set(columns) <= names:
            raise InputError(f"Trades.of({', '.join(columns)}): wanted columns out of {', '.join(sorted(names))}")
        given = {name: np.atleast_1d(np.asarray(values)) for name, values in columns.items()}
        lengths = {len(values) for values in given.values()}
        if len(lengths) != 1:
            raise InputError(f"Trades.of: columns of lengths {sorted(lengths)}: wanted one length")
        (length,) = lengths
        given.setdefault("bidder", np.full(length, -1))
        if "paid" not in given and "price" in given:
            given["paid"] = given["price"]
        whole = {name: np.float64 if name in ("price", "paid", "reward") else np.int64 for name in names}
        filled = {name: given.get(name, np.zeros(length)).astype(kind) for name, kind in whole.items()}
        return cls(**filled)

    @classmethod
    def none(cls) -> "Trades":
        """No sales at all."""
        return cls.of(step=np.zeros(0))

    def __len__(self) -> int:
        return len(self.step)

    def where(self, chosen: np.ndarray | slice) -> "Trades":
        """The rows that a mask, numbers or a slice choose."""
        return Trades(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    def between(self, first: int, last: int) -> "Trades":
        """Sales at steps first <= step < last."""
        return self.where((self.step >= first) & (self.step < last))

    def windows(self, count: int) -> Iterator[tuple[int, int, "Trades"]]:
        """`count` windows of equally many steps each, as (first step, last step + 1, sales)."""
        for first, last in windows(int(self.step.max(initial=-1)) + 1, count):
            yield first, last, self.between(first, last)

    @property
    def between_agents(self) -> "Trades":
        """Without the sales in which the house or the world is a party."""
        return self.where((self.seller > HOUSE) & (self.buyer > HOUSE))


def windows(steps: int, count: int) -> list[tuple[int, int]]:
    """`count` windows that cover [0, steps), as (first, last + 1); fewer if there are fewer steps.

    >>> windows(10, 4)
    [(0, 2), (2, 5), (5, 7), (7, 10)]
    """
    edges = np.linspace(0, steps, min(count, steps) + 1).astype(int).tolist()
    return list(pairwise(edges))


def account_name(account: int) -> str:
    """An account as people call it.

    >>> account_name(0), account_name(1), account_name(2)
    ('world', 'house', 'agent 0')
    """
    return {WORLD: "world", HOUSE: "house"}.get(account, f"agent {account - 2}")
