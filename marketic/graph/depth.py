"""Chain depth: how many owners stand between the start of an episode and its reward.

An episode is a chain of sales. Its *length* counts the sales; its *depth* the different agents that owned the right
in it, from the first buyer to the one that held it when the reward came. A market in which one rich agent does
everything has depth 1, however long its episodes are.
"""

import numpy as np

from marketic.graph.trades import Trades


def chain_depth(trades: Trades) -> tuple[np.ndarray, np.ndarray]:
    """Episode numbers in order, int64 [e], and how many different agents owned the right up to its last reward, int64 [e].

    Episodes without any reward count all their owners.

    >>> t = Trades.of(episode=[0, 0, 0, 1], buyer=[2, 3, 2, 5], reward=[0, 1, 0, 0])
    >>> [a.tolist() for a in chain_depth(t)]
    [[0, 1], [2, 1]]
    """
    if not len(trades):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    trades = trades.where(np.argsort(trades.episode, kind="stable"))
    numbers, first, group = np.unique(trades.episode, return_index=True, return_inverse=True)
    place = np.arange(len(trades))
    last = np.full(len(numbers), -1)
    paid = trades.reward != 0
    np.maximum.at(last, group[paid], place[paid])
    last = np.where(last < 0, np.append(first[1:], len(trades)) - 1, last)
    counted = place <= last[group]
    owners = np.unique(np.stack([group[counted], trades.buyer[counted]]), axis=1)
    return numbers, np.bincount(owners[0], minlength=len(numbers))


def steps_to_end(trades: Trades) -> np.ndarray:
    """For every sale, how many more sales of the same right follow in its episode, int64 [k]; 0: the last one.

    >>> steps_to_end(Trades.of(episode=[0, 0, 1, 0], good=[0, 0, 0, 0])).tolist()
    [2, 1, 0, 0]
    """
    return _after(trades)[0]


def steps_from_start(trades: Trades) -> np.ndarray:
    """For every sale, how many sales of the same right came before it in its episode, int64 [k]."""
    return _after(trades)[1]


def _after(trades: Trades) -> tuple[np.ndarray, np.ndarray]:
    """Sales of the same chain after and before each one."""
    order = np.lexsort((np.arange(len(trades)), trades.good, trades.episode))
    episode, good = trades.episode[order], trades.good[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(episode) != 0) | (np.diff(good) != 0)
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, len(order)))
    before_sorted = np.arange(len(order)) - np.repeat(starts, sizes)
    after, before = np.empty(len(order), dtype=np.int64), np.empty(len(order), dtype=np.int64)
    before[order] = before_sorted
    after[order] = np.repeat(sizes, sizes) - 1 - before_sorted
    return after, before
