"""Plain Python agents: the simplest population, one object per agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from marketic.bids import Bids
from marketic.errors import InputError
from marketic.population import Receipt


class Agent(Protocol):
    """One program-agent, in plain Python.

    `observation` is the encoded observation, float64 [D]. A bid of None stays away from the auction.
    """

    def bid(self, observation: np.ndarray) -> float | None:
        """What I offer for the right to act now, currency."""
        ...

    def act(self, observation: np.ndarray) -> int:
        """The action number that I take, from 0."""
        ...

    def learn(self, trade: "Trade") -> None:
        """What became of the right that I bought."""
        ...


@dataclass(frozen=True, slots=True)
class Trade:
    """One right's story, told to the agent who owned it. Fields as in `marketic.population.Receipt`, one row."""

    observation: np.ndarray
    reward: float
    credit: float
    realised: float
    terminated: bool
    truncated: bool


class Individuals:
    """A population of plain Python agents, one bidder each, for tasks with one action component.

    agents: objects with `bid`, `act` and `learn` (see `Agent`). Raises InputError if one lacks a method or there is none.

    An agent whose `bid` raises, or returns NaN or an infinite number, does not hurt the run: that bid is refused.
    """

    def __init__(self, agents: Sequence[Any]) -> None:
        if not agents:
            raise InputError("Individuals([]): wanted at least one agent, an object with bid, act and learn")
        for number, agent in enumerate(agents):
            missing = [name for name in ("bid", "act", "learn") if not callable(getattr(agent, name, None))]
            if missing:
                raise InputError(f"agent {number} ({type(agent).__name__}) has no method {missing[0]}: see marketic.Agent")
        self.agents: list[Any] = list(agents)
        self.refused: dict[int, str] = {}
        self._bidder = np.arange(len(agents))[None, :, None]

    @property
    def n_agents(self) -> int:
        """How many agents there are."""
        return len(self.agents)

    @property
    def n_bidders(self) -> int:
        """Every agent bids for itself."""
        return len(self.agents)

    def bid(self, observation: np.ndarray) -> Bids:
        """Ask every agent. Reasons for refusals are kept in `refused` (agent number -> last reason)."""
        rows, n = len(observation), len(self.agents)
        value, active = np.zeros((rows, n)), np.ones((rows, n), dtype=bool)
        for row in range(rows):
            for number, agent in enumerate(self.agents):
                try:
                    offer = agent.bid(observation[row])
                    value[row, number] = np.nan if offer is None else offer
                    active[row, number] = offer is not None
                except Exception as error:  # an agent's own failure must not end everybody's run
                    active[row, number] = False
                    self.refused[number] = f"{type(error).__name__}: {error}"
        return Bids(value, active, bidder=np.broadcast_to(self._bidder, (rows, n, 1)))

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """The winners act."""
        return np.array([self.agents[w].act(observation[row]) for row, w in enumerate(winner.tolist())], dtype=np.int64)

    def learn(self, receipt: Receipt) -> None:
        """Each owner hears of its own trade only."""
        for row in np.flatnonzero(receipt.valid).tolist():
            self.agents[receipt.winner[row]].learn(
                Trade(
                    receipt.observation[row].copy(),
                    float(receipt.reward[row]),
                    float(receipt.credit[row]),
                    float(receipt.realised[row]),
                    bool(receipt.terminated[row]),
                    bool(receipt.truncated[row]),
                )
            )
