"""A market on a stage: a population bids, acts and learns from invented trades, and everything it says is written down.

The trades follow the engine's order of calls (`marketic.round`): bids, what became of yesterday's rights, then the winners'
actions; at an episode's end, the last owners' receipts. They are meant to be unpleasant: losses, novices who never bid
highest, episodes that end after one step, rows in which nothing was owned.
"""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.bids import Bids
from marketic.goods import Goods
from marketic.population import Receipt

DISCOUNT = 0.9
LOSS = -1000.0
"""The worst reward, currency."""


@dataclass
class Minutes:
    """What a rehearsal heard.

    bids: (value, active) of every auction; refused: number of an auction -> why a bid was turned away in it; actions: of every
    round; trades: receipts sent; spoilt: which lent array the population wrote into first, in words, or "".
    """

    bids: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    actions: list[np.ndarray] = field(default_factory=list)
    trades: int = 0
    spoilt: str = ""


class Stage:
    """A task without dynamics: observations of `space` and actions 0 .. actions - 1, in `rows` rows.

    scribble: overwrite every array that the population was given as soon as it has answered, as the engine may.
    """

    def __init__(
        self, space: gym.Space, actions: int, rows: int, seed: int, *, royalty: float = 0.5, scribble: bool = False
    ) -> None:
        self.goods, self.actions, self.rows, self.royalty = Goods.from_space(space), actions, rows, royalty
        self.rng, self.scribble = np.random.default_rng(seed), scribble
        self.space = copy.deepcopy(space)
        self.space.seed(seed)
        self.minutes = Minutes()
        self._owned: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def observations(self, rows: int) -> np.ndarray:
        """Encoded samples of the space, float64 [rows, D]; those that it leaves unbounded are cut at +-1e3."""
        if rows == 0:
            return np.zeros((0, len(self.goods)))
        return np.clip(np.stack([self.goods.encode(self.space.sample()) for _ in range(rows)]), -1e3, 1e3)

    def play(self, population: Any, rounds: int) -> Minutes:
        """Hold `rounds` rounds; goes on where the last call stopped. Whatever the population raises is raised."""
        for _ in range(rounds):
            observation = self.observations(self.rows)
            bids = self._ask(population, observation)
            self._settle(population, bids, observation, np.ones(self.rows, dtype=bool), "sale")
            winner = self._winner(bids)
            lent = self._lend(winner, observation)
            action = np.array(population.act(*lent))
            self._look("act", {"winner": (winner, lent[0]), "observation": (observation, lent[1])})
            self._scribble(*lent)
            self.minutes.actions.append(action)
            self._owned = observation, winner, self._rewards()
            self._end_episodes(population)
        return self.minutes

    def cut(self, population: Any) -> None:
        """End the episodes of all rows early, as a market does before it is saved: nobody owns anything then."""
        final = self.observations(self.rows)
        self._settle(population, self._ask(population, final), final, np.ones(self.rows, dtype=bool), "truncated")

    def _ask(self, population: Any, observation: np.ndarray) -> Bids:
        (lent,) = self._lend(observation)
        bids = population.bid(lent)
        self._look("bid", {"observation": (observation, lent)})
        kept = Bids.unchecked(np.array(bids.value, dtype=float), np.array(bids.active), bidder=copy.copy(bids.bidder))
        for place, why in bids.reasons().items():
            self.minutes.refused.setdefault(len(self.minutes.bids), f"of bidder {place[-1]} in row {place[0]}: {why}")
        self.minutes.bids.append((kept.value, kept.active))
        self._scribble(lent)
        return kept

    def _winner(self, bids: Bids) -> np.ndarray:
        """The highest bidder; every fifth time anybody else."""
        value = np.where(bids.active & np.isfinite(bids.value), bids.value, -np.inf)
        anybody = self.rng.integers(value.shape[1], size=len(value))
        return np.where(self.rng.random(len(value)) < 0.2, anybody, value.argmax(axis=1)).astype(np.int64)

    def _rewards(self) -> np.ndarray:
        kind = self.rng.integers(6, size=self.rows)
        return np.choose(kind, [np.zeros(self.rows), self.rng.normal(size=self.rows), np.ones(self.rows),
                                np.full(self.rows, LOSS), np.full(self.rows, 100.0), np.zeros(self.rows)])  # fmt: skip

    def _end_episodes(self, population: Any) -> None:
        ends = self.rng.integers(8, size=self.rows)
        final = self.observations(self.rows)
        for stage, rows in (("terminated", ends == 0), ("truncated", ends == 1)):
            if rows.any():
                bids = self._ask(population, final) if stage == "truncated" else None
                self._settle(population, bids, final, rows, stage)

    def _settle(self, population: Any, bids: Bids | None, there: np.ndarray, rows: np.ndarray, stage: str) -> None:
        """Tell the owners of `rows` what became of their rights. Nothing was owned at first, and after an episode's end."""
        if self._owned is None:
            nothing = np.zeros(self.rows)
            self._owned = there.copy(), np.full(self.rows, -1, dtype=np.int64), nothing
        here, winner, reward = self._owned
        valid = rows & (winner >= 0)
        credit = np.zeros(self.rows)
        if bids is not None:
            credit = np.nan_to_num(np.where(bids.active, bids.value, -np.inf).max(axis=1), posinf=0.0, neginf=0.0)
        receipt = Receipt(
            valid=valid, observation=here, winner=winner, reward=reward, credit=credit,
            realised=reward + DISCOUNT * credit, terminated=rows & (stage == "terminated"),
            truncated=rows & (stage == "truncated"), next_observation=there, discount=DISCOUNT, royalty=self.royalty,
        )  # fmt: skip
        self.tell(population, receipt)
        if stage != "sale":
            self._owned = here, np.where(rows, -1, winner), reward

    def tell(self, population: Any, receipt: Receipt) -> None:
        """One call of `learn`, with arrays that are lent."""
        arrays = {name: value.copy() for name, value in _fields(receipt).items() if isinstance(value, np.ndarray)}
        self.minutes.trades += int(receipt.valid.sum())
        population.learn(replace(receipt, **arrays))  # type: ignore[arg-type]
        self._look("learn", {name: (getattr(receipt, name), lent) for name, lent in arrays.items()})
        self._scribble(*arrays.values())

    def _lend(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(array.copy() for array in arrays)

    def _look(self, call: str, lent: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """Note the first lent array that came back with other numbers. lent: name -> (as it was, as it came back)."""
        for name, (before, after) in lent.items():
            if not self.minutes.spoilt and not np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
                self.minutes.spoilt = f"`{call}` writes into the {name} that it is given: work on a copy"

    def _scribble(self, *arrays: np.ndarray) -> None:
        if self.scribble:
            for array in arrays:
                array[...] = 0 if array.dtype.kind != "f" else -7.0


def _fields(receipt: Receipt) -> dict[str, Any]:
    return {name: getattr(receipt, name) for name in Receipt.__slots__}
