"""One thing that can happen around an auction: the truthful reports, the reports they are compared with, and who deviates."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from marketic.clearing import Clearing
from marketic.domains.base import number_of_bidders, taken

TOLERANCE = 1e-9
"""Relative to the largest amount of the case, or to 1 if that is more: what rounding may do, and no more."""


@dataclass(frozen=True)
class Scenario:
    """A batch of cases with the same number of bidders.

    truth: truthful reports with one batch axis. other: reports it is compared with (a lie, an absentee, a shill, another
    order or currency), or None. who: int64 [cases, k], the bidders who deviate, or the new order; or None.
    """

    truth: Any
    other: Any = None
    who: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.truth.active)

    @property
    def bidders(self) -> int:
        """How many bidders each truthful case has."""
        return number_of_bidders(self.truth)

    def case(self, number: int) -> "Scenario":
        """One case, the batch axis kept."""
        one = slice(number, number + 1)
        return Scenario(
            taken(self.truth, one),
            None if self.other is None else taken(self.other, one),
            None if self.who is None else self.who[one],
        )

    def slack(self, domain: Any) -> np.ndarray:
        """What rounding may do in each case, float64 [cases], currency: bids for a unit count as often as `domain` sells it."""
        largest = np.ones(len(self))
        for report in (self.truth, self.other):
            for name in MONEY:
                amounts = getattr(report, name, None)
                if amounts is not None and amounts.size:
                    finite = np.where(np.isfinite(amounts), np.abs(amounts), 0.0)
                    largest = np.maximum(largest, finite.reshape(len(self), -1).max(axis=1, initial=0.0))
        return TOLERANCE * largest * max(1.0, getattr(domain, "units_per_bid", 1.0))


MONEY = ("value", "budget", "cost")
"""The fields of a report that are amounts of currency."""


def answer(mechanism: Any, report: Any, rng: np.random.Generator | None = None) -> Clearing:
    """The mechanism's answer as float arrays. Both sides work on copies: neither can change what the other holds."""
    cleared = mechanism.clear(copied(report), rng=rng)
    return Clearing(
        np.array(cleared.allocation, dtype=float),
        np.array(cleared.payments, dtype=float),
        np.array(cleared.prices, dtype=float),
        cleared.certificate,
    )


def copied(report: Any) -> Any:
    """An equal report with arrays of its own. None stays None."""
    return None if report is None else _each(report, np.copy)


def batched(report: Any) -> Any:
    """A report without batch axes as a batch of one. None stays None."""
    return None if report is None else _each(report, lambda array: array[None])


def single(report: Any) -> Any:
    """The only case of a batch of one, without the batch axis. None stays None."""
    return None if report is None else _each(report, lambda array: array[0])


def _each(report: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    arrays = {
        field.name: change(getattr(report, field.name))
        for field in fields(report)
        if field.init and isinstance(getattr(report, field.name), np.ndarray)
    }
    return replace(report, **arrays)
