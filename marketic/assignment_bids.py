"""What buyers report to an assignment market: what each of several different goods is worth, of which they want one."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from marketic.errors import InputError
from marketic.screening import LARGEST_BID, Reason, keep, mask, numbers, screen, sentences

__all__ = ["AssignmentBids"]


@dataclass(frozen=True, slots=True)
class AssignmentBids:
    """Values of `n` buyers for each of `m` sellers' goods, in each of a batch of markets, screened at the door.

    value:  float64 [..., n, m], currency. What each good is worth to each buyer, who can use one of them.
    cost:   float64 [..., m], currency, >= 0. What its good is worth to each seller (reserve price). Default: 0.
    active: bool [..., n]. False: this buyer stays away from the market. Default: all take part.
    refused: int8 [..., n] or None, set here: why a buyer was turned away (`marketic.screening.Reason`, 0: it was not).

    A buyer who names NaN, an infinite or absurd amount for any good is refused: its values become 0, it is not active, and the
    others' market goes on. Raises InputError for costs that are no amounts >= 0 and for wrong shapes.

    >>> AssignmentBids([[5.0, 8.0], [float("nan"), 1.0]]).reasons()
    {1: 'the bid is not a number'}
    """

    PER_BIDDER: ClassVar[tuple[str, ...]] = ("value", "active")
    value: np.ndarray
    cost: np.ndarray
    active: np.ndarray
    refused: np.ndarray | None = field(init=False)

    def __init__(
        self, value: npt.ArrayLike, cost: npt.ArrayLike | None = None, active: npt.ArrayLike | None = None
    ) -> None:
        amounts = numbers("AssignmentBids.value", value)
        if amounts.ndim < 2:
            raise InputError(
                f"AssignmentBids.value has shape {amounts.shape}: wanted [..., n, m], a row of goods per buyer"
            )
        goods = (*amounts.shape[:-2], amounts.shape[-1])
        costs = np.zeros(goods) if cost is None else numbers("AssignmentBids.cost", cost, goods)
        if not ((costs >= 0.0) & (costs <= LARGEST_BID)).all():
            raise InputError(f"AssignmentBids.cost = {costs.tolist()}: wanted amounts from 0 to {LARGEST_BID:.3g}")
        keep(self, "value", amounts)
        keep(self, "cost", costs + 0.0)
        keep(self, "active", mask("AssignmentBids.active", active, amounts.shape[:-1]))
        keep(self, "refused", None)
        reason = screen(amounts)
        if reason is not None:
            self._refuse(reason.max(axis=-1, initial=0))

    def _refuse(self, reason: np.ndarray) -> None:
        """Turn away the buyers whose `reason` int8 [..., n] is not 0. Only for records under construction."""
        keep(self, "value", np.where(reason[..., None] > 0, 0.0, self.value))
        keep(self, "active", self.active & (reason == 0))
        keep(self, "refused", reason)

    def at_least(self, lowest: float = 0.0) -> "AssignmentBids":
        """These bids without the buyers who name less than `lowest` for any good: goods are no burden."""
        bad = (self.value < lowest).any(axis=-1) & self.active
        if not bad.any():
            return self
        changed = AssignmentBids(self.value, self.cost, self.active)
        before = np.zeros(bad.shape, dtype=np.int8) if self.refused is None else self.refused
        changed._refuse(np.where(bad, np.int8(Reason.NEGATIVE), before))
        return changed

    def reasons(self) -> dict[Any, str]:
        """Who was refused and why: index of the buyer (a tuple if there are batch axes) -> sentence."""
        return sentences(self.refused)
