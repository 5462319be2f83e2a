"""What bidders report when several units of one good are for sale: a marginal value for each unit."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from marketic.bids import Bids
from marketic.errors import InputError
from marketic.screening import Reason, keep, mask, numbers, screen, sentences

__all__ = ["DemandBids", "check_units", "demand", "highest_bids", "in_demand"]

MOST_UNITS = 2**31
"""Most units for sale: their products with numbers of bidders stay whole numbers of 64 bits."""


@dataclass(frozen=True, slots=True)
class DemandBids:
    """Demand vectors of `n` bidders in each of a batch of auctions, screened at the door.

    value:  float64 [..., n, k], currency. What the 1st, 2nd ... k-th unit adds for each bidder; 0: it does not want it.
    active: bool [..., n]. False: this bidder stays away from the auction. Default: all take part.
    refused: int8 [..., n] or None, set here: why a bidder was turned away (`marketic.screening.Reason`, 0: it was not).

    Whoever names NaN, an infinite or absurd amount for any unit is refused: its values become 0, it is not active, and the
    others' auction goes on. Raises InputError for what is no array of numbers or has the wrong shape.

    >>> DemandBids([[3.0, 1.0], [2.0, float("inf")]]).reasons()
    {1: 'the bid is infinite'}
    """

    PER_BIDDER: ClassVar[tuple[str, ...]] = ("value", "active")
    value: np.ndarray
    active: np.ndarray
    refused: np.ndarray | None = field(init=False)

    def __init__(self, value: npt.ArrayLike, active: npt.ArrayLike | None = None) -> None:
        amounts = numbers("DemandBids.value", value)
        if amounts.ndim < 2:
            raise InputError(
                f"DemandBids.value has shape {amounts.shape}: wanted [..., n, k], a row of k units per bidder"
            )
        keep(self, "value", amounts)
        keep(self, "active", mask("DemandBids.active", active, amounts.shape[:-1]))
        keep(self, "refused", None)
        reason = screen(amounts)
        if reason is not None:
            self._refuse(reason.max(axis=-1, initial=0))

    def _refuse(self, reason: np.ndarray) -> None:
        """Turn away the bidders whose `reason` int8 [..., n] is not 0. Only for records under construction."""
        keep(self, "value", np.where(reason[..., None] > 0, 0.0, self.value))
        keep(self, "active", self.active & (reason == 0))
        keep(self, "refused", reason)

    def refusing(self, rule: npt.ArrayLike, reason: Reason) -> "DemandBids":
        """These bids without the bidders where `rule` bool [..., n] holds; they are refused for `reason`."""
        bad = np.asarray(rule) & self.active
        if not bad.any():
            return self
        changed = DemandBids(self.value, self.active)
        before = np.zeros(bad.shape, dtype=np.int8) if self.refused is None else self.refused
        changed._refuse(np.where(bad, np.int8(reason), before))
        return changed

    def at_least(self, lowest: float = 0.0) -> "DemandBids":
        """These bids without the bidders who name less than `lowest` for any unit: the good is no burden."""
        return self.refusing(np.any(self.value < lowest, axis=-1), Reason.NEGATIVE)

    def decreasing(self) -> "DemandBids":
        """These bids without the bidders whose marginal values increase anywhere."""
        return self.refusing(np.any(self.value[..., 1:] > self.value[..., :-1], axis=-1), Reason.NOT_DECREASING)

    def reasons(self) -> dict[Any, str]:
        """Who was refused and why: index of the bidder (a tuple if there are batch axes) -> sentence."""
        return sentences(self.refused)


def check_units(name: str, units: int) -> None:
    """Raises InputError if `units`, the supply of the auction `name`, is no whole number from 1 to MOST_UNITS."""
    if not isinstance(units, int | np.integer) or isinstance(units, bool) or not 1 <= units <= MOST_UNITS:
        raise InputError(f"{name}(units={units!r}): wanted a whole number from 1 to {MOST_UNITS:,}, e.g. units=2")


def demand(bids: DemandBids | Bids, units: int) -> DemandBids:
    """The bids that an auction of `units` units takes: not negative, never increasing, at most `units` values a bidder.

    Scalar `Bids` are demand for one unit. Bidders who break a rule are refused.
    """
    if not isinstance(bids, DemandBids | Bids):
        raise InputError(f"{type(bids).__name__}: an auction of many units wants DemandBids, or Bids for one unit each")
    if isinstance(bids, Bids):
        bids = DemandBids(bids.value[..., None], bids.active)
    sound = bids.at_least(0.0).decreasing()
    if sound.value.shape[-1] <= units:
        return sound
    return DemandBids(sound.value[..., :units], sound.active)


def in_demand(bids: DemandBids, units: int) -> int:
    """How many of `units` can be sold at most, one for each bid (and 1 if there is none): no more need be reckoned with."""
    return max(1, min(int(units), bids.value.shape[-2] * bids.value.shape[-1]))


def highest_bids(bids: DemandBids, units: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sell each unit to the highest bid for it: the sorting that most auctions of many units start from.

    Returns `won` float64 [..., n], units per bidder; `ranked` float64 [..., n * k + 2 * units], all bids from the highest
    down with zeros behind; `owner` int64 of the same shape, whose bid it is (-1: nobody's). Entry `units` is the highest
    losing bid. A bid of 0 is no demand and wins nothing. Of equal bids the lower-numbered bidder's comes first.

    >>> won, ranked, owner = highest_bids(DemandBids([[5.0, 4.0], [3.0, 0.0]]), units=2)
    >>> won.tolist(), float(ranked[2]), int(owner[2])
    ([2.0, 0.0], 3.0, 1)
    """
    n, k = bids.value.shape[-2:]
    flat = np.where(bids.active[..., None], bids.value, 0.0).reshape(*bids.active.shape[:-1], n * k) + 0.0
    order = np.argsort(-flat, axis=-1, kind="stable")
    wins = np.zeros(flat.shape, dtype=bool)
    first = order[..., :units]
    np.put_along_axis(wins, first, np.take_along_axis(flat, first, axis=-1) > 0.0, axis=-1)
    won = wins.reshape(*bids.active.shape, k).sum(axis=-1).astype(np.float64)
    behind = np.zeros((*flat.shape[:-1], 2 * units))
    ranked = np.concatenate([np.take_along_axis(flat, order, axis=-1), behind], axis=-1)
    owner = np.concatenate([order // max(k, 1), behind.astype(np.int64) - 1], axis=-1)
    return won, ranked, owner
