"""The door for agents: a population bids, acts for the winner, and learns from its own trades."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from marketic.bids import Bids


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the rights that were bought one round ago: one row per right.

    valid:       bool [B]. False: nothing was owned in this row; ignore it.
    observation: float64 [B, D], encoded: where the right was bought.
    winner:      int64 [B]: the bidder who owned it.
    reward:      float64 [B], currency: what the world paid the owner (the right's share of the step's reward).
    credit:      float64 [B], currency: the price that the next right fetched; 0 where the episode terminated.
    realised:    float64 [B], currency: reward + discount * credit. The bid that would have been fair.
    terminated:  bool [B]. The episode ended in a terminal state.
    truncated:   bool [B]. The episode was cut short; `credit` is the price of the state where it was cut.
    next_observation: float64 [B, D], encoded: where the next right was sold, or the final observation.
    discount, royalty: the chain's gamma and lambda.
    """

    valid: np.ndarray
    observation: np.ndarray
    winner: np.ndarray
    reward: np.ndarray
    credit: np.ndarray
    realised: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    next_observation: np.ndarray
    discount: float
    royalty: float


@runtime_checkable
class Population(Protocol):
    """Many agents at once, as arrays. Rows are parallel environments times action components.

    n_agents:  accounts to open; agents are numbered 0 .. n_agents-1.
    n_bidders: bidders in each auction.

    Every array that a population is given may be reused by the caller after the call: copy what you keep, and write into
    none. B may be 0.
    Optional members: `appraise(observation) -> Bids`, the bids that greedy play reads (default: `bid`);
    `state_dict()` and `load_state_dict(state)`, arrays only, needed for `Market.save` and for runs that resume, from the
    first step on; `seats`, int64 [rights], where rights differ in how many bidders they have, at most n_bidders;
    `start(rows)`, called before training with the number of rows; `describe(agent, words) -> str`, an agent in words; and
    `genealogy(words) -> Genealogy`, if agents have births: who descends from whom (see `marketic.genealogy`), for event logs
    and trade graphs.
    """

    n_agents: int
    n_bidders: int

    def bid(self, observation: np.ndarray) -> Bids:
        """Bids [B, n_bidders] for the right to act at `observation`, float64 [B, D]."""
        ...

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """The action number, int64 [B], that each winner (int64 [B]) takes."""
        ...

    def learn(self, receipt: Receipt) -> None:
        """Learn from what the rights bought one round ago turned out to be worth."""
        ...


def fault_of_state(state: object) -> str | None:
    """Why what `state_dict()` returned cannot be written to a file, or None. Wanted: arrays of numbers or text, by name."""
    if not isinstance(state, dict):
        return f"state_dict() is a {type(state).__name__}: wanted a dict of arrays"
    for key, value in state.items():
        if not isinstance(value, np.ndarray):
            return f"state_dict()[{key!r}] is a {type(value).__name__}: wanted arrays only, e.g. np.array(...)"
        if value.dtype.hasobject:
            return f"state_dict()[{key!r}] is an array of Python objects: wanted arrays of numbers or text"
    return None
