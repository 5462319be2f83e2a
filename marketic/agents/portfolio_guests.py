"""Families that need a little more to live in a portfolio, where others rule, and what they show is read in training too."""

from typing import Any

import numpy as np

from marketic.agents.bank import Bank
from marketic.agents.research import STALE, Research
from marketic.bids import Bids
from marketic.population import Receipt


class GuestBank(Bank):
    """A bank that also learns from episodes in which others ruled, but ranks its copies by its own alone."""

    ruling = False  # whether the trades that come next are those of its own training

    def _rank(self, row: int, revenue: float) -> None:
        if self.ruling:
            super()._rank(row, revenue)


class GuestResearch(Research):
    """Market research whose sober prices for greedy play are kept apart from those that it shows while it rules.

    Sober prices are computed when they are read, from the last ones: if the two were one, how often a market is evaluated
    would tell, within a tolerance, in what it pays.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.read, self.unread = np.zeros(self.states), np.ones(1, dtype=np.int64)

    def show(self, observation: np.ndarray) -> Bids:
        """Sober bids while it rules."""
        return super().appraise(observation)

    def appraise(self, observation: np.ndarray) -> Bids:
        """Sober bids for greedy play."""
        own, stale = self.audited, self.book[STALE]
        self.audited, self.book[STALE] = self.read, self.unread[0]
        try:
            return super().appraise(observation)
        finally:
            self.unread[0] = self.book[STALE]
            self.audited, self.book[STALE] = own, stale

    def learn(self, receipt: Receipt) -> None:
        """Enter the trades; all sober prices are out of date then."""
        super().learn(receipt)
        self.unread[0] |= self.book[STALE]


GUESTS: dict[Any, type] = {Bank: GuestBank, Research: GuestResearch}
"""Family -> what is founded in its place."""
