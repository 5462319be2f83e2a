"""Plain Python agents: the simplest population, one object per agent."""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from marketic.bids import Bids
from marketic.errors import InputError
from marketic.population import Receipt


class Agent(Protocol):
    """One program-agent, in plain Python.

    `observation` is the encoded observation, float64 [D], read-only: copy it before you change it. A bid of None stays away
    from the auction.
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


_FLOATS = frozenset((float, np.float64))


def for_reading(observation: np.ndarray) -> np.ndarray:
    """A read-only copy: the market's own array changes at each step, and everybody reads the same one."""
    shown = observation.copy()
    shown.flags.writeable = False
    return shown


@dataclass(slots=True)
class Trade:
    """One right's story, told to the agent who owned it, and its own. Fields as in `marketic.population.Receipt`, one row."""

    observation: np.ndarray
    reward: float
    credit: float
    realised: float
    terminated: bool
    truncated: bool


class Individuals:
    """A population of plain Python agents, one bidder each, for tasks with one action component.

    agents:  objects with `bid`, `act` and `learn` (see `Agent`), at least one. Raises InputError if one lacks a method.
    actions: how many actions there are; None: the market says.

    No agent can hurt the run. A bid that raises, or is NaN or infinite, is refused; an act that raises, or names no
    action, becomes action 0; a `learn` that raises is skipped. The last reason of each agent is kept in `refused`.
    """

    def __init__(self, agents: Sequence[Any], actions: int | None = None) -> None:
        if not agents:
            raise InputError("Individuals([]): wanted at least one agent, an object with bid, act and learn")
        self.agents: list[Any] = []
        self._all = np.ones((0, 0), dtype=bool)
        self.actions = actions
        self.refused: dict[int, str] = {}
        self.admit(agents)

    @property
    def n_agents(self) -> int:
        """How many agents there are."""
        return len(self.agents)

    @property
    def n_bidders(self) -> int:
        """Every agent bids for itself."""
        return len(self.agents)

    def admit(self, agents: Sequence[Any]) -> None:
        """Add agents, numbered after those that are there. Raises InputError, and adds none, if one lacks a method."""
        for number, agent in enumerate(agents, len(self.agents)):
            missing = [name for name in ("bid", "act", "learn") if not callable(getattr(agent, name, None))]
            if missing:
                raise InputError(
                    f"agent {number} ({type(agent).__name__}) has no method {missing[0]}: see marketic.Agent"
                )
        self.agents.extend(agents)
        self._bidder = np.arange(len(self.agents))[None, :, None]

    def retire(self, numbers: np.ndarray) -> None:
        """Remove agents by number, int64 [k]; those behind them move up."""
        leaving = set(numbers.tolist())
        staying = [number for number in range(len(self.agents)) if number not in leaving]
        self.refused = {new: self.refused[old] for new, old in enumerate(staying) if old in self.refused}
        self.agents = [self.agents[number] for number in staying]
        self._bidder = np.arange(len(self.agents))[None, :, None]

    def bid(self, observation: np.ndarray) -> Bids:
        """Ask every agent. Reasons for refusals are kept in `refused` (agent number -> last reason)."""
        return self.bids([self.read(self.offers(observation[row])) for row in range(len(observation))])

    def bids(self, offers: list[list[float | None]]) -> Bids:
        """The bids that `offers` makes, row by row."""
        rows, n = len(offers), len(self.agents)
        bidder = self._bidder if rows == 1 else np.broadcast_to(self._bidder, (rows, n, 1))
        if not any(None in row for row in offers):  # the common case: everybody bids
            return Bids.unchecked(np.array(offers, dtype=float).reshape(rows, n), self._everybody(rows), bidder=bidder)
        active = np.array([[offer is not None for offer in row] for row in offers], dtype=bool)
        value = np.array([[0.0 if offer is None else offer for offer in row] for row in offers])
        return Bids.unchecked(value.reshape(rows, n), active.reshape(rows, n), bidder=bidder)

    def offers(self, observation: np.ndarray) -> list[Any]:
        """Every agent's answer at one observation, as it comes; None from those who fail."""
        offers: list[Any] = []
        shown = for_reading(observation) if observation.flags.writeable else observation
        for agent in self.agents:
            try:
                offers.append(agent.bid(shown))
            except Exception as error:  # an agent's own failure must not end everybody's run
                self.refused[len(offers)] = f"{type(error).__name__}: {error}"
                offers.append(None)
        return offers

    def read(self, offers: list[Any]) -> list[float | None]:
        """Answers as numbers; None for those who stay away, or name none."""
        if _FLOATS.issuperset(map(type, offers)) and math.isfinite(sum(offers)):  # the common case, at one glance
            return offers
        return [self._number(number, offer) for number, offer in enumerate(offers)]

    def _number(self, number: int, offer: Any) -> float | None:
        """An agent's bid as a number; None if it is none. One that is not finite is left for the auction to turn away."""
        if offer is None:
            return None
        try:
            offer = float(offer)
        except Exception as error:  # an agent's own failure must not end everybody's run
            self.refused[number] = f"{type(error).__name__}: {error}"
            return None
        if not math.isfinite(offer):
            self.refused[number] = f"bid {offer}: wanted a finite number or None"
        return offer

    def _everybody(self, rows: int) -> np.ndarray:
        """True for every agent in every row, bool [rows, n]; made once."""
        if self._all.shape != (rows, len(self.agents)):
            self._all = np.ones((rows, len(self.agents)), dtype=bool)
            self._all.flags.writeable = False
        return self._all

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """The winners act."""
        return np.array([self.move(w, observation[row]) for row, w in enumerate(winner.tolist())], dtype=np.int64)

    def move(self, number: int, observation: np.ndarray) -> int:
        """The action number that agent `number` takes at one observation."""
        try:
            shown = for_reading(observation) if observation.flags.writeable else observation
            action = operator.index(self.agents[number].act(shown))
        except Exception as error:  # an agent's own failure must not end everybody's run
            self.refused[number] = f"{type(error).__name__}: {error}"
            return 0
        if action < 0 or (self.actions is not None and action >= self.actions):
            self.refused[number] = f"act {action}: wanted a number from 0 to {(self.actions or 1) - 1}"
            return 0
        return action

    def learn(self, receipt: Receipt) -> None:
        """Each owner hears of its own trade only."""
        for row, valid in enumerate(receipt.valid.tolist()):
            if not valid:
                continue
            number = receipt.winner.item(row)
            trade = Trade(
                receipt.observation[row].copy(),
                receipt.reward.item(row),
                receipt.credit.item(row),
                receipt.realised.item(row),
                receipt.terminated.item(row),
                receipt.truncated.item(row),
            )
            self.tell(number, trade)

    def tell(self, number: int, trade: Trade) -> None:
        """Agent `number` hears what became of its right."""
        try:
            self.agents[number].learn(trade)
        except Exception as error:  # an agent's own failure must not end everybody's run
            self.refused[number] = f"{type(error).__name__}: {error}"
