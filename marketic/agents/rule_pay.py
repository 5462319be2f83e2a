"""Who gets the profit of a trade that several rules advocated: the pay rules one can swap.

`Pivotal` is the payment of Vickrey, Clarke and Groves for rules that would all have chosen the same: whoever is not
needed gets nothing. Taxed, redundant rules then die out, which leaves the smallest population where the best rules do not
overlap. Where they overlap, `Squared` is the safe choice.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from marketic.errors import InputError

_TRIALS = ((1.0,), (0.0,), (1.0, 1.0), (0.25, 3.0, 0.0), (0.0, 0.0), tuple(float(k) for k in range(1, 9)))
"""Advocates' wealth in the rehearsal of a pay rule."""


def rehearse_pay(pay: Any, parameters: np.ndarray) -> None:
    """Ask a pay rule who gets how much. Raises InputError unless it writes shares of one profit: >= 0, together at most 1."""
    for wealth in _TRIALS:
        shares = np.zeros(len(wealth))
        pay.rule(np.array(wealth), parameters, shares)
        if not ((shares >= 0).all() and shares.sum() <= 1 + 1e-9):
            raise InputError(
                f"{pay!r} gives advocates with {wealth} the shares {shares.tolist()}: wanted shares >= 0, together at most 1"
            )


class _Plain:
    """No settings."""

    @property
    def parameters(self) -> np.ndarray:
        """None needed."""
        return np.zeros(1)


@dataclass(frozen=True)
class Shared(_Plain):
    """In proportion to wealth."""

    @property
    def rule(self) -> Any:
        """Compiled."""
        return shared


@dataclass(frozen=True)
class Squared(_Plain):
    """In proportion to wealth squared: the rich get more than their share."""

    @property
    def rule(self) -> Any:
        """Compiled."""
        return squared


@dataclass(frozen=True)
class Pivotal(_Plain):
    """All of it to the only advocate; nothing if there are two or more."""

    @property
    def rule(self) -> Any:
        """Compiled."""
        return pivotal


@njit(cache=True)
def shared(wealth, parameters, shares):  # type: ignore[no-untyped-def]
    """wealth / sum of wealth."""
    total = 0.0
    for i in range(wealth.shape[0]):
        total += wealth[i]
    for i in range(wealth.shape[0]):
        shares[i] = wealth[i] / total if total > 0.0 else 0.0


@njit(cache=True)
def squared(wealth, parameters, shares):  # type: ignore[no-untyped-def]
    """wealth**2 / sum of wealth**2."""
    total = 0.0
    for i in range(wealth.shape[0]):
        total += wealth[i] * wealth[i]
    for i in range(wealth.shape[0]):
        shares[i] = wealth[i] * wealth[i] / total if total > 0.0 else 0.0


@njit(cache=True)
def pivotal(wealth, parameters, shares):  # type: ignore[no-untyped-def]
    """1 for a lone advocate."""
    for i in range(wealth.shape[0]):
        shares[i] = 1.0 if wealth.shape[0] == 1 else 0.0
