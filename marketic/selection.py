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
        sound = 0 <= self.rent < math.inf and 0 <= self.tax <= 1 and not math.isnan(self.stop_loss)
        if not (sound and math.isfinite(self.endowment)):
            raise InputError(
                f"{self}: wanted a finite rent >= 0, tax from 0 to 1, a stop_loss that is a number and a finite "
                "endowment"
            )

    def check(self, population: Any) -> None:
        """Raises InputError if `population` lacks a method that this selection needs."""
        needs = [("retire", "stop_loss", self.stop_loss > -math.inf), ("admit", "entrants", self.entrants is not None)]
        for name, option, needed in needs:
            if needed and not callable(getattr(population, name, None)):
                raise InputError(
                    f"selection with {option} needs a population with a method {name}, such as marketic.Individuals; "
                    f"{type(population).__name__} has none"
                )

    def after_episode(self, market: "Market", holders: np.ndarray | None = None) -> None:
        """Collect rent and tax, bury the bankrupt, admit entrants.

        holders: accounts of agents that own a right at this moment (in other rows); they leave only when it is sold.
        """
        self._collect(market)
        if self.stop_loss > -math.inf:
            self._bury(market, holders)
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

    def _bury(self, market: "Market", holders: np.ndarray | None) -> None:
        wealth = market.wealth()
        bankrupt = wealth < self.stop_loss
        if holders is not None:
            bankrupt &= ~np.isin(market.accounts, holders)
        if bankrupt.all():
            bankrupt[wealth.argmax()] = False
        if not bankrupt.any():
            return
        leaving = market.accounts[bankrupt]
        market.ledger.transfer(leaving, np.full(len(leaving), HOUSE), market.ledger.wealth(leaving), "exit")
        market.population.retire(np.flatnonzero(bankrupt))  # type: ignore[attr-defined]
        market.accounts = market.accounts[~bankrupt]
