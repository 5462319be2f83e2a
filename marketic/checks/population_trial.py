"""A population on trial: how it is made, the markets that are staged for it, and what its bids are compared by."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.bids import Bids
from marketic.checks.rehearsal import Stage
from marketic.errors import InputError
from marketic.population import Population

ROWS = 3
Build = Callable[[np.random.Generator], Any]
Finding = tuple[str | None, int]
"""What breaks a promise in words, or None, and how many cases were looked at."""


class CannotTest(Exception):
    """Why the kit cannot find out."""


class Trial:
    """A way to make a population, and the markets that are staged for it."""

    def __init__(self, build: Build, space: gym.Space, actions: int, rounds: int, seed: int) -> None:
        self.build, self.space, self.actions, self.rounds, self.seed = build, space, actions, rounds, seed

    def fresh(self, seed: int | None = None) -> tuple[Any, np.random.Generator]:
        """A new population, ready to trade, and the generator that it was given. Raises InputError if it is none."""
        rng = np.random.default_rng(self.seed if seed is None else seed)
        try:
            population = self.build(rng)
        except TypeError as error:
            raise InputError(f"it cannot be built with for_spaces or from a generator alone ({error})") from None
        if not isinstance(population, Population):
            raise InputError(f"a {type(population).__name__} has not all of n_agents, n_bidders, bid, act and learn")
        if getattr(population, "actions", 0) is None:
            population.actions = self.actions  # type: ignore[attr-defined]  # Individuals ask for it
        if hasattr(population, "start"):
            population.start(ROWS)
        return population, rng

    def stage(self, **options: Any) -> Stage:
        """A new stage; the same one every time."""
        return Stage(self.space, self.actions, ROWS, self.seed, **options)

    def trained(self) -> tuple[Any, np.random.Generator, Stage]:
        """A population after a whole rehearsal."""
        (population, rng), stage = self.fresh(), self.stage()
        stage.play(population, self.rounds)
        return population, rng, stage


def greedy(population: Any) -> Callable[[np.ndarray], Bids]:
    """Bids that should be a function of the observation."""
    ask: Callable[[np.ndarray], Bids] = getattr(population, "appraise", population.bid)
    return ask


def equal(one: Bids, other: Bids) -> bool:
    """Whether the same bidders bid the same, to the bit."""
    return np.array_equal(one.value, other.value, equal_nan=True) and np.array_equal(one.active, other.active)
