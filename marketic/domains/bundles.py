"""Package auctions: what sets of goods are worth to bidders and coalitions, by dynamic programming over all sets of goods.

With F_C(S) the most that coalition C can make of the goods S, F_{C + i}(S) = max over T in S of F_C(S - T) + v_i(T).
This is the kit's own yardstick: it shares no code with the mechanisms that it judges.
"""

from dataclasses import dataclass

import numpy as np

from marketic.bundle_bids import BundleBids
from marketic.clearing import Clearing
from marketic.domains.base import changed
from marketic.domains.draws import amounts, lies, present
from marketic.errors import InputError
from marketic.numbers import check_wholes

MOST_GOODS = 12
"""Of all their sets tables are made, for every coalition."""


@dataclass(frozen=True)
class Bundles:
    """XOR or OR* bids for a few goods, freely disposed of.

    sizes: numbers of bidders to try. share: part of the kit's budget. goods, bids: m and the k of each bidder.
    exclusive: XOR (True) or OR* bids. single_minded: every bidder wants one bundle, which it may misreport.
    """

    sizes: tuple[int, ...] = (3, 2, 1, 4, 0, 3, 6)
    share: float = 0.1
    goods: int = 3
    bids: int = 3
    exclusive: bool = True
    single_minded: bool = False

    def __post_init__(self) -> None:
        check_wholes(self, goods=1, bids=1)

    def draw(self, rng: np.random.Generator, cases: int, bidders: int) -> BundleBids:
        """Values [cases, n, k]; some bidders absent, some bids missing, a third of the time large bundles are dearer."""
        k = 1 if self.single_minded else self.bids
        if self.goods > MOST_GOODS:
            raise InputError(
                f"Bundles(goods={self.goods}): wanted at most {MOST_GOODS}, to try all their sets; check it for fewer"
            )
        value = amounts(rng, (cases, bidders, k))
        bundle = _some_goods(rng, (cases, bidders, k, self.goods))
        dearer = rng.random((cases, 1, 1)) < 1 / 3
        value = np.where(dearer, np.minimum(value * bundle.sum(axis=-1), 1e12), value)
        offered = rng.random(value.shape) < (1.0 if self.single_minded else 0.8)
        return BundleBids(value, bundle, present(rng, (cases, bidders)), offered, self.exclusive)

    def lie(self, rng: np.random.Generator, truth: BundleBids, who: np.ndarray) -> BundleBids:
        """Bidder `who` reports another amount, another bundle, all its amounts changed, or fewer bids."""
        rows, style = np.arange(len(who)), rng.integers(0, 5, size=len(who))
        value, bundle, offered = truth.value.copy(), truth.bundle.copy(), truth.offered.copy()
        k = value.shape[2]
        one = rng.integers(0, k, size=len(who))
        others = np.where(truth.live, truth.value, 0.0).reshape(len(who), -1)
        told = lies(rng, value[rows, who, one], others)
        value[rows, who, one] = np.where(style <= 1, told, value[rows, who, one])
        factor = np.where(style == 2, 2.0 * rng.random(len(who)), 1.0)
        value[rows, who] = np.minimum(value[rows, who] * factor[:, None], 1e12)
        wanted = _some_goods(rng, (len(who), self.goods))
        bundle[rows, who, one] = np.where((style == 3)[:, None], wanted, bundle[rows, who, one])
        offered[rows, who, one] &= (style != 4) | self.single_minded
        return changed(truth, value=value, bundle=bundle, offered=offered)

    def worth(self, truth: BundleBids, clearing: Clearing) -> np.ndarray:
        """The value of the goods received; single goods won under a lottery are no business of this domain."""
        received = np.asarray(clearing.allocation) > 0.5
        return self._worth(truth, _sets(received))

    def optimum(self, truth: BundleBids) -> np.ndarray:
        """The welfare of all bidders together."""
        return self.coalitions(truth)[:, -1]

    def infeasible(self, truth: BundleBids, clearing: Clearing) -> tuple[np.ndarray, str]:
        """A good given to more than one bidder, or in parts."""
        allocation = np.asarray(clearing.allocation, dtype=float)
        most = allocation.sum(axis=1).max(axis=-1, initial=0.0)
        parts = (np.abs(allocation - np.rint(allocation))).max(axis=(1, 2), initial=0.0)
        return np.maximum(most - 1.0, parts) - 1e-9, f"it gives one good {most.max(initial=0.0):g} times"

    def blocking_gain(self, truth: BundleBids, clearing: Clearing) -> np.ndarray:
        """The most that any of the 2^n coalitions gains with the seller, or any bidder alone."""
        surplus = self.worth(truth, clearing) - clearing.payments
        n = surplus.shape[1]
        member = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        gain = (self.coalitions(truth) - surplus @ member.T).max(axis=1) - clearing.payments.sum(axis=1)
        return np.maximum(gain, (-surplus).max(axis=1, initial=0.0))

    def split(self, rng: np.random.Generator, truth: BundleBids, who: np.ndarray) -> BundleBids:
        """The bidder asks for a part of its goods under each of two names."""
        rows = np.arange(len(who))
        told = self.lie(rng, truth, who)
        value = np.concatenate([told.value, told.value[rows, who][:, None]], axis=1)
        bundle = np.concatenate([told.bundle, told.bundle[rows, who][:, None]], axis=1)
        half = _some_goods(rng, (len(who), 1, self.goods))
        parted = (rng.random(len(who)) < 0.7)[:, None, None]
        bundle[rows, who] &= half | ~parted
        bundle[:, -1] &= ~half | ~parted
        value[:, -1] *= rng.choice([0.5, 1.0, 1.0, 2.0], size=(len(who), 1))
        active = np.concatenate([truth.active, truth.active[rows, who][:, None]], axis=1)
        offered = np.concatenate([told.offered, told.offered[rows, who][:, None]], axis=1)
        return BundleBids(np.minimum(value, 1e12), bundle, active, offered, self.exclusive)

    def joint_worth(self, truth: BundleBids, clearing: Clearing, who: np.ndarray) -> np.ndarray:
        """What both names received, in one hand."""
        rows = np.arange(len(who))
        received = np.asarray(clearing.allocation)[:, :-1] > 0.5
        received[rows, who] |= np.asarray(clearing.allocation)[:, -1] > 0.5
        return np.asarray(self._worth(truth, _sets(received))[rows, who])

    def coalitions(self, truth: BundleBids) -> np.ndarray:
        """What each coalition can make of all goods, float64 [cases, 2^n]; bit i of the index: bidder i is a member."""
        best = set_values(truth)
        cases, n, sets = best.shape
        made = np.zeros((cases, 2**n, sets))
        for i in range(n):
            made[:, 2**i : 2 ** (i + 1)] = _together(made[:, : 2**i], best[:, i, None])
        return np.asarray(made[:, :, -1])

    def _worth(self, truth: BundleBids, received: np.ndarray) -> np.ndarray:
        best = set_values(changed(truth, active=np.ones_like(truth.active)))
        return np.asarray(np.take_along_axis(best, received[..., None], axis=2)[..., 0])


def set_values(bids: BundleBids) -> np.ndarray:
    """What every set of goods is worth to every bidder, float64 [cases, n, 2^m], >= 0; absentees value nothing."""
    goods, live, wanted = bids.goods, bids.live, _sets(bids.bundle)
    cases, n, k = bids.value.shape
    best = np.zeros((cases, n, 2**goods))
    for j in range(k):
        before = np.zeros_like(best) if bids.exclusive else best
        for given in range(2**goods):
            inside = live[:, :, j] & ((wanted[:, :, j] & ~given) == 0)
            rest = np.where(inside, given & ~wanted[:, :, j], 0)
            made = bids.value[:, :, j] + np.take_along_axis(before, rest[..., None], axis=2)[..., 0]
            if bids.exclusive:
                best[:, :, given] = np.where(inside, np.maximum(best[:, :, given], made), best[:, :, given])
            else:
                best = best.copy() if given == 0 else best
                best[:, :, given] = np.where(inside, np.maximum(before[:, :, given], made), before[:, :, given])
    return best


def _together(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    sets = first.shape[-1]
    made = np.zeros(np.broadcast_shapes(first.shape, second.shape))
    for goods in range(sets):
        part = goods
        while True:
            made[..., goods] = np.maximum(made[..., goods], first[..., goods ^ part] + second[..., part])
            if part == 0:
                break
            part = (part - 1) & goods
    return made


def _sets(goods: np.ndarray) -> np.ndarray:
    return np.asarray(goods.astype(np.int64) @ (1 << np.arange(goods.shape[-1], dtype=np.int64)))


def _some_goods(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    goods = rng.random(shape) < 0.5
    goods[..., 0] |= ~goods.any(axis=-1)
    return goods
