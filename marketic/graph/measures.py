"""How unequal, how concentrated, how restless: measures of wealth and trade, each of them one formula.

Gini (1912): twice the area between the Lorenz curve and the diagonal. Herfindahl and Hirschman: the sum of squared
shares, 1/n if all are equal and 1 for a monopoly. PageRank (Brin and Page 1998) along the edges of money: where a unit
of money is found after many trades if with probability 1 - damping it restarts at a random agent.
"""

from itertools import pairwise

import numpy as np

from marketic.errors import InputError


def lorenz(wealth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of agents and of wealth, poorest first, both float64 [n + 1]. Debts count as 0.

    >>> [share.tolist() for share in lorenz(np.array([3.0, -1.0, 1.0, 0.0]))]
    [[0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.0, 0.25, 1.0]]
    """
    held = np.sort(np.maximum(wealth, 0.0))
    total = held.sum()
    shares = np.concatenate([[0.0], np.cumsum(held) / total if total > 0 else np.full(len(held), np.nan)])
    return np.linspace(0.0, 1.0, len(held) + 1), shares


def gini(wealth: np.ndarray) -> float:
    """Gini coefficient with debts counted as 0: 0 where all hold the same; NaN if nobody holds anything, or is there.

    >>> gini(np.array([1.0, 1.0])), gini(np.array([0.0, 0.0, 0.0, 1.0])), gini(np.array([]))
    (0.0, 0.75, nan)
    """
    agents, shares = lorenz(wealth)
    if len(agents) == 1:
        return float("nan")
    return float(1.0 - ((shares[1:] + shares[:-1]) * np.diff(agents)).sum())


def concentration(amounts: np.ndarray) -> float:
    """Herfindahl-Hirschman index of amounts >= 0 (negative ones count as 0), in (0, 1]; NaN if all are 0.

    >>> concentration(np.array([1.0, 1.0, 0.0])), concentration(np.array([5.0]))
    (0.5, 1.0)
    """
    held = np.maximum(np.asarray(amounts, dtype=float), 0.0)
    total = held.sum()
    return float(((held / total) ** 2).sum()) if total > 0 else float("nan")


def turnover(volume: float, wealth: np.ndarray) -> float:
    """How often the agents' wealth (debts count as 0) changed hands: volume of trade / wealth held; NaN without wealth.

    >>> turnover(6.0, np.array([2.0, 1.0, -5.0]))
    2.0
    """
    held = float(np.maximum(wealth, 0.0).sum())
    return volume / held if held > 0 else float("nan")


def pagerank(
    n: int,
    source: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    *,
    damping: float = 0.85,
    tolerance: float = 1e-12,
) -> np.ndarray:
    """PageRank of n nodes, float64 [n], sum 1. source, target: int64 [edges] in 0..n-1; weight: float64 [edges] >= 0.

    Money of a node without outgoing edges restarts anywhere. Iterates until the sum of changes is below `tolerance`.
    Raises InputError for a damping outside [0, 1) or negative weights.
    """
    if not 0 <= damping < 1 or (len(weight) and weight.min() < 0):
        raise InputError(f"pagerank(damping={damping}): wanted damping in [0, 1) and weights >= 0")
    out = np.bincount(source, weights=weight, minlength=n)
    sinks = out == 0
    share = weight / np.where(sinks, 1.0, out)[source]
    rank = np.full(n, 1.0 / max(n, 1))
    for _ in range(10_000):
        flowing = np.bincount(target, weights=share * rank[source], minlength=n)
        new = damping * (flowing + rank[sinks].sum() / n) + (1 - damping) / n
        if np.abs(new - rank).sum() < tolerance:
            return new
        rank = new
    return rank


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation of two lists of numbers, float64 [n], in [-1, 1]; NaN if one of them is constant.

    >>> rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([10.0, 20.0, 21.0]))
    1.0
    """
    if len(first) < 2:
        return float("nan")
    a, b = _ranks(first), _ranks(second)
    spread = a.std() * b.std()
    return float(np.clip(((a - a.mean()) * (b - b.mean())).mean() / spread, -1, 1)) if spread > 0 else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0; equal values share the mean of theirs."""
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(count)])
    return np.array([(low + high - 1) / 2 for low, high in pairwise(ends)])[group]
