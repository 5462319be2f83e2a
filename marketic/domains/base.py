"""What a mechanism is for: who may report what, what an outcome is worth, and how a report can be false.

The conformance kit knows no auction; it knows domains. It draws truthful reports from the mechanism's domain, lets a bidder
lie, leave, or come twice, and compares what the bidders end up with. In a domain the truthful report *is* the
valuation, so that one record (`Bids`, `DemandBids` ...) serves as both.

All records here have exactly one leading batch axis: `cases` small auctions with the same number of bidders.
"""

from dataclasses import fields, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from marketic.clearing import Clearing

Report = TypeVar("Report")


class Domain(Protocol):
    """Everything that the kit must know about one kind of auction.

    sizes:  numbers of bidders to try, the telling small ones first (0 and 1 are ordinary cases).
    share:  what part of the kit's budget of cases this domain can afford (1.0: microseconds a case).
    """

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of bidders to try."""
        ...

    @property
    def share(self) -> float:
        """Part of the kit's budget of cases, > 0."""
        ...

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> Any:
        """Truthful reports: ties, absentees, heavy tails and extremes included."""
        ...

    def lie(self, rng: np.random.Generator, truth: Any, who: np.ndarray) -> Any:
        """The same reports, but bidder `who[case]` (int64 [cases]) says something else."""
        ...

    def worth(self, truth: Any, clearing: Clearing) -> np.ndarray:
        """What the allocation is worth to each bidder by its true valuation, float64 [cases, n], currency."""
        ...

    def optimum(self, truth: Any) -> np.ndarray:
        """The highest sum of worths that any allocation reaches, float64 [cases], currency."""
        ...

    def infeasible(self, truth: Any, clearing: Clearing) -> tuple[np.ndarray, str]:
        """By how much the allocation gives what there is not, float64 [cases] (<= 0: feasible), and a sentence on it."""
        ...


class HasCore(Protocol):
    """A domain that knows what coalitions can do alone (for Claim.CORE)."""

    def blocking_gain(self, truth: Any, clearing: Clearing) -> np.ndarray:
        """The most that a coalition (with the seller) gains by leaving, float64 [cases]; <= 0: in the core."""
        ...


class HasShills(Protocol):
    """A domain in which a bidder can come twice (for Claim.FALSE_NAME_PROOF)."""

    def split(self, rng: np.random.Generator, truth: Any, who: np.ndarray) -> Any:
        """Reports of n + 1 bidders: `who[case]` reports something, and a shill of it is the last bidder."""
        ...

    def joint_worth(self, truth: Any, clearing: Clearing, who: np.ndarray) -> np.ndarray:
        """What `who` and the last bidder received together is worth to `who`, float64 [cases]."""
        ...


class HasPartners(Protocol):
    """A domain of two sides without money (for Claim.STABLE)."""

    def blocking_pairs(self, truth: Any, clearing: Clearing) -> np.ndarray:
        """How many pairs would rather have each other, int64 [cases]."""
        ...


def number_of_bidders(report: Any) -> int:
    """n of a report with one batch axis."""
    return int(report.active.shape[1])


def per_bidder(report: Any) -> dict[str, np.ndarray]:
    """The fields of a report that have one entry per bidder: name -> array [cases, n, ...].

    A record may name them in `PER_BIDDER`; otherwise they are the arrays whose second axis has the length of `active`'s.
    """
    n = number_of_bidders(report)
    named = getattr(type(report), "PER_BIDDER", None)
    found = {}
    for field in fields(report):
        array = getattr(report, field.name)
        is_one = isinstance(array, np.ndarray) and array.ndim >= 2 and array.shape[1] == n
        if field.init and array is not None and (field.name in named if named is not None else is_one):
            found[field.name] = array
    return found


def changed(report: Report, **arrays: np.ndarray) -> Report:
    """The report with other arrays. `refused` is worked out anew."""
    return replace(report, **arrays)  # type: ignore[type-var]


def without(report: Report, who: np.ndarray) -> Report:
    """The report with bidder `who[case]` absent."""
    active = report.active.copy()  # type: ignore[attr-defined]
    active[np.arange(len(active)), who] = False
    return changed(report, active=active)


def rearranged(report: Report, order: np.ndarray) -> Report:
    """The report with its bidders in another order: place j holds bidder `order[case, j]`, int64 [cases, n]."""
    rows = np.arange(len(order))[:, None]
    return changed(report, **{name: array[rows, order] for name, array in per_bidder(report).items()})


def taken(report: Report, cases: Any) -> Report:
    """Some of the cases (an index array, a slice or a mask), the batch axis kept."""
    arrays = {
        field.name: getattr(report, field.name)[cases]
        for field in fields(report)  # type: ignore[arg-type]
        if field.init and isinstance(getattr(report, field.name), np.ndarray)
    }
    return changed(report, **arrays)
