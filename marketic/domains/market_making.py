"""Trades and beliefs to try on market makers: simple ones first, then many sizes, sales, complete sets and round trips."""

import numpy as np


def trades(rng: np.random.Generator, cases: int, outcomes: int, scale: float = 1.0) -> np.ndarray:
    """Bundles of shares, float64 [cases, m]: whole numbers, single outcomes, complete sets, tiny to large, bought and sold.

    scale: shares that move the prices noticeably, > 0.
    """
    style = rng.integers(0, 6, size=(cases, 1))
    one = (rng.integers(0, outcomes, size=(cases, 1)) == np.arange(outcomes)).astype(float)
    sign = rng.choice([-1.0, 1.0], size=(cases, 1))
    size = scale * 10.0 ** rng.uniform(-4.0, 1.5, size=(cases, 1))
    normal = rng.normal(size=(cases, outcomes))
    whole = rng.integers(-2, 4, size=(cases, outcomes)).astype(float)
    picked = np.choose(style, [one, sign * one, whole, sign * size * one, size * normal, size * np.abs(normal)])
    rare = rng.random((cases, 1))
    picked = np.where(rare < 0.05, sign * size, picked)  # a complete set
    return np.where(rare > 0.97, 1e4 * scale * one, picked)  # beyond the range of exp


def beliefs(rng: np.random.Generator, cases: int, outcomes: int) -> np.ndarray:
    """Probabilities > 0, float64 [cases, m]: even, on a grid, spread out, or nearly certain."""
    style = rng.integers(0, 4, size=(cases, 1))
    grid = rng.integers(1, 5, size=(cases, outcomes)).astype(float)
    flat = rng.dirichlet(np.ones(outcomes), size=cases)
    sure = (rng.integers(0, outcomes, size=(cases, 1)) == np.arange(outcomes)) + 1e-6
    picked = np.choose(style, [np.ones((cases, outcomes)), grid, flat + 1e-9, sure])
    return np.asarray(picked / picked.sum(axis=1, keepdims=True))


def attacks(outcomes: int, scale: float) -> np.ndarray:
    """Trades that an adversary tries at every step, float64 [trades, m]: one outcome, all but one, or all; bought or sold.

    scale: about what the maker can lose, currency; sizes go from a thousandth to a hundred times of it.
    """
    one = np.eye(outcomes)
    directions = np.concatenate([one, 1.0 - one, np.ones((1, outcomes))])
    sizes = scale * np.outer(10.0 ** np.arange(-3, 3), [1.0, 3.0]).ravel()
    both = np.concatenate([directions, -directions])
    return np.asarray((sizes[:, None, None] * both).reshape(-1, outcomes))
