"""Who decides over which packages: the columns of the configuration program of `walras_bundles`.

A bidder whose bids are exclusive decides over them. One whose bids may win together (OR) decides over unions of disjoint
bids, worth their sum; bids that share no good, not even through others, are decided on apart, because then whatever is best
for one is so whatever becomes of the other. Prices at which every single bid is content suit the unions too, not the other
way round: of {AB, BC, AC} one bid can win, and at price 0 its bidder asks for no more.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from marketic.bundle_bids import BundleBids

MOST = 2**12
"""Unions of one bidder's overlapping bids that are written down; where there are more, bids are looked at one by one."""


@dataclass(frozen=True)
class Packages:
    """Packages c, deciders 0 ... count - 1, who choose one each.

    decider: int64 [c]; bundle: bool [c, m]; value: float64 [c], currency. of: int64 [n, k], who decides on a bid (-1: no one).
    """

    count: int
    decider: np.ndarray
    bundle: np.ndarray
    value: np.ndarray
    of: np.ndarray


def views(bids: BundleBids) -> Iterator[Packages]:
    """Ways to see one auction's bids: exclusive ones by bidder; others one by one and, if that does not do, in unions."""
    bidder, place = np.nonzero(bids.live)
    bundle, value, of = bids.bundle[bidder, place], bids.value[bidder, place], np.full(bids.value.shape, -1)
    if bids.exclusive:
        of[bidder, place] = bidder
        yield Packages(len(bids.value), bidder, bundle, value, of)
        return
    alone = np.arange(len(value))
    of[bidder, place] = alone
    yield Packages(len(value), alone, bundle, value, of)
    yield _in_unions(bundle, value, bidder, of)


def _in_unions(bundle: np.ndarray, value: np.ndarray, bidder: np.ndarray, alone: np.ndarray) -> Packages:
    """The bids [b] of OR bidders [b]; alone: int64 [n, k], their numbers."""
    masks = [sum(1 << int(good) for good in np.flatnonzero(row)) for row in bundle]
    decider, found, deciders = [], list[tuple[int, float]](), np.zeros(len(value), dtype=np.int64)
    count = 0
    for group in _overlapping(masks, value, bidder):
        unions = _unions([masks[bid] for bid in group], value[group])
        parts = [[(masks[bid], float(value[bid]))] for bid in group] if unions is None else [list(unions.items())]
        deciders[group] = count if unions is not None else count + np.arange(len(group))
        for part in parts:
            found += part
            decider += [count] * len(part)
            count += 1
    goods = [[mask >> good & 1 for good in range(bundle.shape[1])] for mask, _ in found]
    packages = np.array(goods, dtype=bool).reshape(len(found), bundle.shape[1])
    of = np.where(alone >= 0, np.append(deciders, -1)[alone], -1)
    return Packages(count, np.array(decider, dtype=np.int64), packages, np.array([worth for _, worth in found]), of)


def _overlapping(masks: list[int], value: np.ndarray, bidder: np.ndarray) -> Iterator[list[int]]:
    """Bids of one bidder that share goods, through others of its bids as well; those that are worth nothing stay alone."""
    groups: dict[int, list[tuple[int, list[int]]]] = {}
    for bid, mask in enumerate(masks):
        if value[bid] <= 0.0:
            yield [bid]
            continue
        own = groups.setdefault(int(bidder[bid]), [])
        touched = [group for group in own if group[0] & mask]
        for group in touched:
            own.remove(group)
            mask |= group[0]
        own.append((mask, [*(other for _, bids in touched for other in bids), bid]))
    for own in groups.values():
        yield from (bids for _, bids in own)


def _unions(masks: list[int], value: np.ndarray) -> dict[int, float] | None:
    """What every union of disjoint bids is worth at best; None if there are more than MOST."""
    best = {0: 0.0}
    for mask, worth in zip(masks, value.tolist(), strict=True):
        for other, before in list(best.items()):
            if not other & mask:
                best[other | mask] = max(best.get(other | mask, 0.0), before + worth)
        if len(best) > MOST:
            return None
    del best[0]
    return best
