"""A population without some of its agents: what a market would have been had they not been there."""

from typing import Any

import numpy as np

from marketic.bids import Bids
from marketic.errors import InputError
from marketic.population import Population, Receipt


class Absent:
    """`population`, in which no syndicate that holds one of `agents` (numbers) may bid, in training and in greedy play.

    The agents keep their accounts and arrays, so a saved market fits. Where nobody else bids, the house sends a random
    bidder, as it always does, but not one of them, unless there is nobody else. Rounds go through the population's plain
    methods.

    absent: bool [rows, bidders], who was left out of the last auction; None before the first.

    Raises InputError for a number that is no agent's.
    """

    def __init__(self, population: Any, agents: list[int]) -> None:
        wrong = [agent for agent in agents if not 0 <= agent < population.n_agents]
        if wrong:
            raise InputError(f"there is no agent {wrong[0]} to leave out: wanted 0 to {population.n_agents - 1}")
        self.present, self.agents = population, np.array(agents, dtype=np.int64)
        self.absent: np.ndarray | None = None

    def __getattr__(self, name: str) -> Any:
        """Everything else is the population's own."""
        if name in ("present", "agents", "absent"):
            raise AttributeError(name)
        found = getattr(self.present, name)
        return self._retire if name == "retire" else found

    def _retire(self, leaving: np.ndarray) -> None:
        """Agents leave; those after them move up."""
        self.present.retire(leaving)
        kept = self.agents[~np.isin(self.agents, leaving)]
        self.agents = kept - np.searchsorted(np.sort(leaving), kept)

    @property
    def n_agents(self) -> int:
        """Agents, those left out included."""
        return self.present.n_agents

    @property
    def n_bidders(self) -> int:
        """Bidders in each auction, those left out included."""
        return self.present.n_bidders

    def bid(self, observation: np.ndarray) -> Bids:
        """Everybody else's bids."""
        return self._without(self.present.bid(observation))

    def appraise(self, observation: np.ndarray) -> Bids:
        """The bids that greedy play reads."""
        return self._without(getattr(self.present, "appraise", self.present.bid)(observation))

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """The winners act."""
        return self.present.act(winner, observation)

    def learn(self, receipt: Receipt) -> None:
        """Those who owned a right learn."""
        self.present.learn(receipt)

    def _without(self, bids: Bids) -> Bids:
        rows, bidders = bids.value.shape
        members = (
            np.broadcast_to(np.arange(bidders)[None, :, None], (rows, bidders, 1))
            if bids.bidder is None
            else bids.bidder
        )
        absent: np.ndarray = np.asarray(np.isin(members, self.agents).any(axis=-1))
        self.absent = absent
        return Bids.unchecked(bids.value, bids.active & ~absent, bids.budget, bids.side, bids.bidder)


def best_bidders(market: Any, bids: Bids) -> np.ndarray:
    """Who acts in greedy play, int64 [rows]: the highest bidder; where nobody bids, the first who was not left out.

    bids: float64 [rows, bidders], rows = observations * rights. If all were left out, bidder 0, as there is nobody else.
    """
    value = np.where(bids.active & np.isfinite(bids.value), bids.value, -np.inf)
    best = value.argmax(axis=-1)
    absent = getattr(market.population, "absent", None)
    if absent is not None and (silent := np.flatnonzero(np.isneginf(value.max(axis=-1)))).size:
        everybody = np.full(market.rights, value.shape[1])
        seats = getattr(market.population, "seats", everybody)[silent % market.rights]
        best[silent] = (~absent[silent] & (np.arange(value.shape[1]) < seats[:, None])).argmax(axis=-1)
    return best


def leave_out(market: Any, accounts: list[int]) -> None:
    """Replace a market's population by one without the agents who hold these accounts. Raises InputError for others."""
    where = np.searchsorted(market.accounts, accounts)
    for account, agent in zip(accounts, where.tolist(), strict=True):
        if agent >= len(market.accounts) or market.accounts[agent] != account:
            last = int(market.accounts[-1])
            raise InputError(f"account {account} is no agent's: wanted one from {int(market.accounts[0])} to {last}")
    if not accounts:
        return
    population: Population = Absent(market.population, where.tolist())  # type: ignore[assignment]
    market.population = population
