"""All matchings of a small market, and what is true of them, without a line of the library's own tests of stability."""

import itertools

import numpy as np

from marketic.clearing import Clearing
from marketic.domains.rankings import RankedObjects
from marketic.rankings import Rankings, matching


def partners(clearing: Clearing) -> list[int]:
    """The object of each proposer of one market, -1: none."""
    got = np.asarray(clearing.allocation)
    return np.where(got.any(-1), got.argmax(-1), -1).tolist()


def all_matchings(market: Rankings) -> list[tuple[int, ...]]:
    n, m = market.order.shape
    choices = [
        [-1] + [j for j in range(m) if market.active[i] and market.listed[i, j]] for i in range(n)
    ]  # fmt: skip
    fits = lambda match: all(match.count(j) <= market.seats[j] for j in range(m))  # noqa: E731
    return [match for match in itertools.product(*choices) if fits(match)]


def rank(market: Rankings, i: int, j: int) -> int:
    """Place of object j in i's list; nothing comes after all that is listed."""
    own = [k for k in market.order[i].tolist() if k >= 0]
    return own.index(j) if j in own else len(own)


def is_stable(market: Rankings, match: tuple[int, ...]) -> bool:
    n, m = market.order.shape
    for i, j in itertools.product(range(n), range(m)):
        if not (market.active[i] and market.listed[i, j]) or rank(market, i, j) >= rank(market, i, match[i]):
            continue
        queue = market.priority[j].tolist()
        guests = [k for k in range(n) if match[k] == j]
        if len(guests) < market.seats[j] or any(queue.index(i) < queue.index(k) for k in guests):
            return False
    return True


def improves(market: Rankings, one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether `one` is better than `other` for some proposers and worse for none."""
    change = [rank(market, i, b) - rank(market, i, a) for i, (a, b) in enumerate(zip(one, other, strict=True))]
    return min(change, default=0) >= 0 and max(change, default=0) > 0


def markets(count: int, endowed: bool = False, seed: int = 0, sizes: tuple[int, ...] = (1, 2, 3, 4)):
    """Single small markets."""
    rng = np.random.default_rng(seed)
    for turn in range(count):
        drawn = RankedObjects(endowed=endowed, most=3).draw(rng, 1, sizes[turn % len(sizes)])
        own = None if drawn.endowment is None else drawn.endowment[0]
        yield Rankings(drawn.order[0], drawn.priority[0], drawn.capacity[0], drawn.active[0], own)


def complete_markets(count: int, n: int = 3):
    """As many objects as proposers, one seat each, lists complete and independent: several stable matchings are common."""
    rng = np.random.default_rng(10)
    for _ in range(count):
        yield Rankings(rng.random((n, n)).argsort(axis=1), rng.random((n, n)).argsort(axis=1))


def batch_of_one(market: Rankings) -> Rankings:
    own = None if market.endowment is None else market.endowment[None]
    return Rankings(market.order[None], market.priority[None], market.capacity[None], market.active[None], own)


def as_batch(match: tuple[int, ...], market: Rankings) -> Clearing:
    return matching(batch_of_one(market), np.array([match], dtype=np.int64))
