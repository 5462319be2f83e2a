"""Several rights at once: one population per action component, auctioned side by side at each step."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from marketic.auction import check_bids
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.population import Population, Receipt
from marketic.words import NO_WORDS, Words


class SideBySide:
    """Populations 0 .. R-1, one per right. Rows come environment by environment: row = environment * R + right.

    Auctions have as many bidders as the largest population; the seats that a smaller one lacks stay empty (`seats` int64
    [R] says how many each right has).
    """

    def __init__(self, populations: Sequence[Population]) -> None:
        if not populations:
            raise InputError("SideBySide([]): wanted one population per action component")
        self.populations = list(populations)
        self.n_bidders = max(p.n_bidders for p in self.populations)
        self.seats = np.array([p.n_bidders for p in self.populations])
        self.n_agents = sum(p.n_agents for p in self.populations)
        self._first_agent = np.cumsum([0] + [p.n_agents for p in self.populations])

    def start(self, rows: int) -> None:
        """Tell every population how many rows it will see."""
        for population in self.populations:
            if hasattr(population, "start"):
                population.start(rows // len(self.populations))

    def bid(self, observation: np.ndarray) -> Bids:
        """All rights' bids, [B, n_bidders]."""
        return self._gather([p.bid(rows) for p, rows in self._each(observation)], len(observation))

    def appraise(self, observation: np.ndarray) -> Bids:
        """All rights' bids for greedy play."""
        bids = [getattr(p, "appraise", p.bid)(rows) for p, rows in self._each(observation)]
        return self._gather(bids, len(observation))

    @property
    def trades(self) -> np.ndarray:
        """How many rights each agent has owned, int64 [n_agents]. AttributeError if a family does not count them."""
        return np.concatenate([p.trades for p in self.populations])  # type: ignore[attr-defined]

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """An agent's rule in plain words, with its right in front; names of moves are those of a single right's actions."""
        right = int(np.searchsorted(self._first_agent, agent, side="right")) - 1
        population, member = self.populations[right], int(agent - self._first_agent[right])
        describe = getattr(population, "describe", None)
        rule = describe(member, replace(words, moves=())) if describe else f"agent {member}"
        return f"right {right}, {rule}"

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Each right's winner acts."""
        rights = len(self.populations)
        action = np.empty(len(winner), dtype=np.int64)
        for right, (population, rows) in enumerate(self._each(observation)):
            action[right::rights] = population.act(winner[right::rights], rows)
        return action

    def learn(self, receipt: Receipt) -> None:
        """Each population learns from its own right."""
        rights = len(self.populations)
        names = ("valid", "observation", "winner", "reward", "credit", "realised", "terminated", "truncated")
        for right, population in enumerate(self.populations):
            parts = {
                name: np.ascontiguousarray(getattr(receipt, name)[right::rights])  # as compiled code wants them
                for name in (*names, "next_observation")
            }
            population.learn(Receipt(**parts, discount=receipt.discount, royalty=receipt.royalty))

    def state_dict(self) -> dict[str, np.ndarray]:
        """Every population's arrays, prefixed with its right's number."""
        return {f"{r}/{key}": value for r, p in enumerate(self.populations) for key, value in p.state_dict().items()}  # type: ignore[attr-defined]

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays."""
        for right, population in enumerate(self.populations):
            prefix = f"{right}/"
            part = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            population.load_state_dict(part)  # type: ignore[attr-defined]

    def _each(self, observation: np.ndarray) -> list[tuple[Population, np.ndarray]]:
        rights = len(self.populations)
        return [(p, np.ascontiguousarray(observation[right::rights])) for right, p in enumerate(self.populations)]

    def _gather(self, bids: list[Bids], rows: int) -> Bids:
        rights = len(self.populations)
        for population, part in zip(self.populations, bids, strict=True):
            check_bids(part, rows // rights, population.n_bidders)
        members = max(1 if b.bidder is None else b.bidder.shape[-1] for b in bids)
        value, active = np.zeros((rows, self.n_bidders)), np.zeros((rows, self.n_bidders), dtype=bool)
        bidder = np.zeros((rows, self.n_bidders, members), dtype=np.int64)
        for right, part in enumerate(bids):
            n = part.value.shape[-1]
            value[right::rights, :n], active[right::rights, :n] = part.value, part.active
            agents = np.arange(n)[:, None] if part.bidder is None else part.bidder
            if agents.shape[-1] != members:
                raise InputError("SideBySide: all populations need syndicates of the same size")
            bidder[right::rights, :n] = agents + self._first_agent[right]
        return Bids.unchecked(value, active, bidder=bidder)
