"""Who stays in the market: rent, wealth tax, bankruptcy and entry."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.errors import InputError
from marketic.ledger import HOUSE

if TYPE_CHECKING:
    from marketic.market import Market


@dataclass
class Selection:
    """Applied after every episode, to populations that can `retire` and `admit` agents (such as `Individuals`).

    rent:      currency that every agent pays the house per episode, >= 0.
    tax:       share of positive wealth that goes to the house per episode, in [0, 1].
    stop_loss: agents whose wealth is below this (currency) leave; -inf: nobody goes bankrupt.
    entrants:  called as `entrants(market, rng)` after exits; returns new agents to admit, possibly none. None: no entry.
    endowment: currency that the house gives each entrant.

    A market never loses its last agent: the richest stays even if it is bankrupt.
    """

    rent: float = 0.0
    tax: float = 0.0
    stop_loss: float = -math.inf
    entrants: Callable[["Market", np.random.Generator], list[Any]] | None = None
    endowment: float = 0.0

    def __post_init__(self) -> None:
        if self.rent < 0 or not 0 <= self.tax <= 1 or math.isnan(self.stop_loss):
            raise InputError(f"{self}: wanted rent >= 0, tax from 0 to 1 and a stop_loss that is a number")

    def after_episode(self, market: "Market") -> None:
        """Collect rent and tax, bury the bankrupt, admit entrants."""
        self._collect(market)
        if self.stop_loss > -math.inf:
            self._bury(market)
        if self.entrants is not None:
            newcomers = self.entrants(market, market.streams.selection)
            if newcomers:
                market.population.admit(newcomers)  # type: ignore[attr-defined]
                opened = market.ledger.open(len(newcomers), self.endowment)
                market.accounts = np.concatenate([market.accounts, opened])

    def _collect(self, market: "Market") -> None:
        accounts = market.accounts
        house = np.full(len(accounts), HOUSE)
        if self.rent:
            market.ledger.transfer(accounts, house, np.full(len(accounts), self.rent), "rent")
        if self.tax:
            market.ledger.transfer(accounts, house, np.maximum(market.wealth(), 0) * self.tax, "tax")

    def _bury(self, market: "Market") -> None:
        wealth = market.wealth()
        bankrupt = wealth < self.stop_loss
        if bankrupt.all():
            bankrupt[wealth.argmax()] = False
        if not bankrupt.any():
            return
        leaving = market.accounts[bankrupt]
        market.ledger.transfer(leaving, np.full(len(leaving), HOUSE), market.ledger.wealth(leaving), "exit")
        market.population.retire(np.flatnonzero(bankrupt))  # type: ignore[attr-defined]
        market.accounts = market.accounts[~bankrupt]
