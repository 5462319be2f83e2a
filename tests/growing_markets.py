"""Growing markets to try things on."""

import math

import numpy as np

from marketic.agents import growing_memory as memory
from marketic.agents.growing import Growing
from marketic.agents.growing_tree import enter_market, keep_ledger

NEVER = math.inf


def market(features: int = 2, seed: int = 0, **options) -> Growing:
    settings = {"actions": 2, "sectors": 4, "capacity": 2000, "tie_noise": 0.0, **options}
    return Growing([-1.0] * features, [3.0] * features, rng=np.random.default_rng(seed), **settings)


def slow_copies(population: Growing) -> tuple[np.ndarray, np.ndarray]:
    return population.price + 100.0, population.price + 200.0


def enter(population: Growing, observation, owner: int, copies=None) -> np.ndarray:
    """Let the syndicate of `owner` enter at an observation [D]; returns its members."""
    rows = np.asarray(observation, dtype=float)[None]
    members = population.match(rows)[0, owner].copy()
    kernels, learned = population.kernels, (population.price, population.trades)
    steady, licence = copies or slow_copies(population)
    enter_market(rows, 0, owner, members, kernels.integers, kernels.reals, *learned, steady, licence)
    return members


def trade(population: Growing, observation, owner: int, surprise: float, copies=None) -> np.ndarray:
    """One trade as the core settles it, bids left alone; returns the members."""
    rows = np.asarray(observation, dtype=float)[None]
    members = enter(population, observation, owner, copies)
    population.trades[members] += 1
    kernels, learned = population.kernels, (population.price, population.trades)
    steady, licence = copies or slow_copies(population)
    keep_ledger(rows, 0, members, surprise, surprise, kernels.integers, kernels.reals, *learned, steady, licence)
    return members


def places(count: int, features: int = 2, seed: int = 1) -> np.ndarray:
    """Observations in and around the range."""
    return np.random.default_rng(seed).uniform(-1.5, 3.5, (count, features))


def grown(**options) -> Growing:
    """A market after 3000 trades whose surprises depend on the place."""
    population, choose = market(**options), np.random.default_rng(2)
    for place in places(3000, len(population.low), seed=3):
        trade(population, place, int(choose.integers(2)), float(place[0] > 1.2) + 0.1 * choose.normal())
    return population


def by_boxes(population: Growing, observation: np.ndarray) -> np.ndarray:
    """Members [B, actions, sectors], by looking at every agent's box; fails unless exactly one holds each place."""
    share = np.clip((observation - population.low) / (population.high - population.low), 0.0, 1.0)
    integers, reals = population.kernels.integers, population.kernels.reals
    founder = memory.founders(integers)
    book = reals[integers[memory.BOOK_AT] :].reshape(population.n_agents, -1)[: population.alive]
    features = len(population.low)
    shift, _ = memory.displacements(np.full(features, 0.25), population.sectors)
    answer = np.empty((len(share), population.actions, population.sectors), dtype=np.int64)
    for sector in range(population.sectors):
        moved = (share + shift[sector])[:, None]
        holds = ((moved >= book[:, :features]) & (moved < book[:, features : 2 * features])).all(-1)
        for action in range(population.actions):
            mine = holds & (founder == sector * population.actions + action)
            assert (mine.sum(1) == 1).all()
            answer[:, action, sector] = mine.argmax(1)
    return answer
