"""What changed since the last look: balances, the agents' own prices, who entered, and how much was learned.

Only changes are written, so a quiet market costs nothing, and the state at any snapshot is the last value before it.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from marketic.market import Market


def own_prices(population: Any, first: int = 0) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """(first agent, price float64 [n], trades int64 [n]) of every part of a population that keeps a price per agent."""
    parts = getattr(population, "populations", None)
    if parts is not None:
        found = []
        for part in parts:
            found += own_prices(part, first)
            first += part.n_agents
        return found
    price, trades = getattr(population, "price", None), getattr(population, "trades", None)
    fits = isinstance(price, np.ndarray) and price.shape == (population.n_agents,) and isinstance(trades, np.ndarray)
    return [(first, price, trades)] if fits and price is not None and trades is not None else []


def alive_agents(population: Any) -> int:
    """How many agents there are: fewer than `n_agents` where a population has room to grow."""
    alive = getattr(population, "alive", None)
    return int(alive) if isinstance(alive, int | np.integer) else int(population.n_agents)


class Snapshots:
    """Compares a market with how it stood at the last snapshot."""

    def __init__(self, market: "Market") -> None:
        self.market = market
        self.balance = market.ledger.balance.copy()
        self.known = alive_agents(market.population)
        self.prices = [  # what untraded agents bid is no news
            (np.where(trades > 0, np.nan, price), np.zeros(len(price), dtype=np.int64))
            for _, price, trades in own_prices(market.population)
        ]
        self.surprise = market.surprise.copy()
        self.bought = np.zeros(0, dtype=np.int64)

    def count(self, account: np.ndarray, more: np.ndarray) -> np.ndarray:
        """Rights that accounts have bought so far, int64 [k], with those of the last part; where agents do not count."""
        missing = len(self.market.ledger.balance) - len(self.bought)
        self.bought = np.concatenate([self.bought, np.zeros(missing, dtype=np.int64)])
        self.bought[account] += more
        return self.bought[account]

    def restore(self, log: Any, known: int, surprise: np.ndarray) -> None:
        """Take what a log says as known; known, surprise: as they stood at its last snapshot."""
        self.known, self.surprise = known, np.array(surprise)
        self.balance = np.zeros(len(self.market.ledger.balance), dtype=np.int64)
        for batch in log.batches("accounts", ["account", "balance"]):
            self.balance[batch.column("account").to_numpy()] = batch.column("balance").to_numpy()
        self.bought = np.zeros(len(self.balance), dtype=np.int64)
        firsts = [first for first, _, _ in own_prices(self.market.population)]
        for batch in log.batches("prices", ["account", "price", "trades"]):
            agent, price, trades = (batch.column(name).to_numpy() for name in ("account", "price", "trades"))
            if not self.prices:
                self.bought[agent] = trades
            agent = agent - self.market.accounts[0]
            for (prices, traded), first in zip(self.prices, firsts, strict=True):
                here = (agent >= first) & (agent < first + len(prices))
                prices[agent[here] - first], traded[agent[here] - first] = price[here], trades[here]

    def accounts(self) -> dict[str, np.ndarray]:
        """Accounts and balances (ticks) that changed."""
        balance = self.market.ledger.balance
        before = np.zeros(len(balance), dtype=np.int64)
        before[: len(self.balance)] = self.balance
        changed = np.flatnonzero(balance != before)
        self.balance = balance.copy()
        return {"account": changed, "balance": balance[changed]}

    def own(self) -> dict[str, np.ndarray] | None:
        """Accounts, own prices (currency) and trades of agents whose price or trades changed; None: no such prices."""
        parts = own_prices(self.market.population)
        if not parts:
            return None
        columns: dict[str, list[np.ndarray]] = {"account": [], "price": [], "trades": [], "change": []}
        for k, (first, price, trades) in enumerate(parts):
            before, traded = self.prices[k]
            changed = np.flatnonzero((price != before) | (trades != traded))
            columns["account"].append(self.market.accounts[first + changed])
            columns["price"].append(price[changed])
            columns["trades"].append(trades[changed])
            columns["change"].append(np.abs(price[changed] - before[changed]))
            self.prices[k] = price.copy(), trades.copy()
        return {name: np.concatenate(arrays) for name, arrays in columns.items()}

    def newborn(self) -> list[tuple[int, int]]:
        """(account, parent's account or -1) of agents that a growing population has brought forth."""
        population, accounts = self.market.population, self.market.accounts
        alive = alive_agents(population)
        if getattr(population, "alive", None) is None or alive <= self.known:
            return []
        parents = getattr(population, "parents", None)
        first, self.known = self.known, alive
        born = range(first, alive)
        older = [-1] * len(born) if parents is None else [int(parent) for parent in parents[first:alive]]
        return [
            (int(accounts[agent]), int(accounts[parent]) if parent >= 0 else -1)
            for agent, parent in zip(born, older, strict=True)
        ]

    def learned(self) -> tuple[int, float]:
        """Sales since the last snapshot, and their mean |realised - bid|, currency (NaN: none)."""
        total, count = self.market.surprise - self.surprise
        self.surprise = self.market.surprise.copy()
        return int(count), float(total / count) if count else float("nan")
