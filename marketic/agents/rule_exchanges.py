"""The two exchanges on which rules trade, with one face for the population: quote, learn, and what to save."""

from typing import Any

import numpy as np

from marketic.agents.rule_bets import SOLID, STAKE, Bets, play, prepare_bets, quote_rows, trade
from marketic.agents.rule_books import ALIVE, SCRATCH, Books, open_books
from marketic.agents.rule_entry import PublicRecord
from marketic.agents.rule_prices import FLOOR, PRIZE, Prices, prepare_prices, trade_price
from marketic.agents.rule_quotes import price_rows
from marketic.agents.rule_record import open_record
from marketic.agents.rule_saved import fault_of_books, fault_of_seen
from marketic.agents.rule_walk import walk
from marketic.errors import InputError

PIECE = 20_000
"""Trades in one compiled loop, at most, or one episode."""


class _Exchange:
    """What both have: books for so many actions, and arrays to save."""

    books: Books
    actions: int

    def _saved(self) -> dict[str, np.ndarray]:
        return {name: array for name, array in self.books._asdict().items() if name not in SCRATCH}

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all arrays that learning changes."""
        return {name: array.copy() for name, array in self._saved().items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore them. Raises InputError for arrays of another market."""
        for name, array in self._saved().items():
            given = state.get(name)
            if given is None or given.shape != array.shape or given.dtype != array.dtype:
                found = "nothing" if given is None else f"{given.dtype}{given.shape}"
                raise InputError(
                    f"saved rules have {found} as {name!r}: wanted {array.dtype}{array.shape}, as this market"
                )
        fault = self._fault(state)
        if fault is not None:
            raise InputError(f"saved rules have {fault}")
        for name, array in self._saved().items():
            array[...] = state[name]

    def _fault(self, state: dict[str, np.ndarray]) -> str | None:
        return fault_of_books(state, self.actions)

    def _rows(self, words: np.ndarray, actions: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((len(words), actions)), np.zeros((len(words), actions), np.int64)


class BetExchange(_Exchange):
    """Rules that bet (see `rule_bets`)."""

    def __init__(self, bets: Bets, actions: int, positions: int, capacity: int, rng: np.random.Generator) -> None:
        self.contract, self.actions = bets, actions
        self.terms, self.entry = prepare_bets(bets, actions, positions, capacity)
        self.books = open_books(positions, capacity, rng)
        size = bets.entry.size if isinstance(bets.entry, PublicRecord) else 0
        self.record = open_record(actions, positions, size)

    def _saved(self) -> dict[str, np.ndarray]:
        return {**super()._saved(), "columns": self.record.columns, "at": self.record.at}

    def quote(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Quotes float64 [B, actions] and the leading advocates' seats (-1: none) int64 [B, actions]; nothing changes."""
        value, lead = self._rows(words, self.actions)
        quote_rows(self.books, words, self.terms.reals[STAKE], value, lead)
        return value, lead

    def explores(self, value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Where the action is to be drawn at random, bool [B]: where the market is open, and now and then elsewhere."""
        return (value.max(axis=1) < self.terms.reals[SOLID]) | (rng.random(len(value)) < self.contract.explore)

    def learn(self, words: np.ndarray, action: int, realised: float, counted: bool) -> None:
        """One trade at words uint64 [W]; counted: its action was drawn at random."""
        trade(self.books, self.record, self.entry, self.terms, words, action, realised >= self.contract.par, counted)

    def play(self, words: np.ndarray, payoff: np.ndarray, explore: float) -> int:
        """Many problems in compiled loops, between which an interrupt is heard; returns the wins."""
        wins = 0
        for first in range(0, len(words), PIECE):
            piece = slice(first, first + PIECE)
            wins += int(play(self.books, self.record, self.entry, self.terms, words[piece], payoff[piece], explore))
        return wins

    def belief(self, seat: int) -> float:
        """What a rule bids: its belief."""
        return float((self.books.wins[seat] + 0.5) / (self.books.trials[seat] + 1.0))


class PriceExchange(_Exchange):
    """Rules with prices (see `rule_prices`)."""

    def __init__(self, prices: Prices, actions: int, positions: int, capacity: int, rng: np.random.Generator) -> None:
        self.contract, self.actions = prices, actions
        self.terms = prepare_prices(prices, actions, positions)
        self.books = open_books(positions, capacity, rng)
        self.admits = np.ones(1, dtype=bool)

    def _saved(self) -> dict[str, np.ndarray]:
        seen = self.terms.seen
        return {
            **super()._saved(),
            "seen": seen.words,
            "table": seen.table,
            "situations": seen.counts,
            "admits": self.admits,
        }

    def _fault(self, state: dict[str, np.ndarray]) -> str | None:
        return super()._fault(state) or fault_of_seen(state, int(self.terms.seen.counts[1]))

    def quote(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Quotes in currency float64 [B, actions], leading advocates' seats (-1: none) int64 [B, actions]; nothing changes."""
        value, lead = self._rows(words, self.actions)
        price_rows(self.books, words, self.terms.reals[FLOOR], self.terms.reals[PRIZE], value, lead)
        return value, lead

    def explores(self, value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Nowhere: the market's novices explore."""
        return np.zeros(len(value), dtype=bool)

    def learn(self, words: np.ndarray, action: int, realised: float, counted: bool) -> None:
        """One trade at words uint64 [W] that fetched `realised`."""
        trade_price(self.books, self.terms, words, action, realised, bool(self.admits[0]))

    def walk(self, table: tuple[np.ndarray, ...], episodes: int, longest: int, explore: float, discount: float) -> int:
        """Many episodes of `rule_walk.walk` in compiled loops, between which an interrupt is heard; returns the steps.

        table: words, following, reward and starts.
        """
        compiled: Any = walk
        steps, most, admits = 0, max(PIECE // max(longest, 1), 1), bool(self.admits[0])
        for first in range(0, episodes, most):
            some = min(most, episodes - first)
            steps += int(compiled(self.books, self.terms, *table, some, longest, explore, discount, admits))
        return steps

    def belief(self, seat: int) -> float:
        """What a rule bids: its price, currency."""
        return float(self.books.price[seat] * self.contract.prize)


def open_exchange(
    contract: Any, actions: int, positions: int, capacity: int, rng: np.random.Generator
) -> BetExchange | PriceExchange:
    """The exchange for a kind of contract. Raises InputError for anything but `Bets` and `Prices`."""
    if isinstance(contract, Bets):
        return BetExchange(contract, actions, positions, capacity, rng)
    if isinstance(contract, Prices):
        return PriceExchange(contract, actions, positions, capacity, rng)
    raise InputError(
        f"contract={contract!r}: wanted Bets(...) for tasks that are won or lost in one step, else Prices(...)"
    )


def alive(exchange: BetExchange | PriceExchange) -> int:
    """How many rules there are."""
    return int(exchange.books.counts[ALIVE])
