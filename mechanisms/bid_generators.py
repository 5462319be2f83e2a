"""Realistic package bids at random: small relatives of the Combinatorial Auction Test Suite (Leyton-Brown, Pearson and
Shoham 2000), written from the descriptions in that paper. Each generator gives one auction of XOR bidders.

    regions     plots of land on a grid: a bidder wants connected plots around one it likes, superadditive in their number
    paths       roads between towns: a bidder wants some route between two towns, worth more than the shortest by a margin
    matching    slots at different places (airports): a bidder wants one slot each at departure and arrival
    scheduling  time on a machine: a bidder wants some slots in a row before its deadline, worth less the later
    arbitrary   like regions, but nearness is random for every pair of goods

All values are positive, currency; `rng` is the only source of chance.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import networkx as nx
import numpy as np

from marketic.bundle_bids import BundleBids

Bid = tuple[float, Sequence[int]]


def regions(rng: np.random.Generator, bidders: int, goods: int, bids: int = 3) -> BundleBids:
    """Connected plots on a grid of `goods` plots, [n, k, m] with k = bids."""
    width = max(math.isqrt(goods), 1)
    place = np.stack([np.arange(goods) // width, np.arange(goods) % width], axis=1)
    near = np.abs(place[:, None] - place[None]).sum(axis=-1) == 1
    return _neighbours(rng, bidders, goods, bids, near.astype(float))


def arbitrary(rng: np.random.Generator, bidders: int, goods: int, bids: int = 3) -> BundleBids:
    """Goods that go together by chance, [n, k, m] with k = bids."""
    weight = rng.random((goods, goods))
    return _neighbours(rng, bidders, goods, bids, (weight + weight.T) / 2.0)


def _neighbours(rng: np.random.Generator, bidders: int, goods: int, bids: int, near: np.ndarray) -> BundleBids:
    common = rng.uniform(1.0, 2.0, size=goods)
    drawn: list[list[Bid]] = []
    for _ in range(bidders):
        private = common + rng.uniform(-0.5, 0.5, size=goods)
        drawn.append([])
        for _ in range(bids):
            chosen = [int(rng.choice(goods, p=private / private.sum()))]
            while rng.random() < 0.7 and len(chosen) < goods:
                pull = near[chosen].sum(axis=0) * private
                pull[chosen] = 0.0
                if pull.sum() <= 0.0:
                    break
                chosen.append(int(rng.choice(goods, p=pull / pull.sum())))
            drawn[-1].append((float(private[chosen].sum() + len(chosen) ** 1.2), chosen))
    return _packed(drawn, goods)


def paths(rng: np.random.Generator, bidders: int, goods: int, bids: int = 3) -> BundleBids:
    """Routes between towns in the plane whose roads are the goods, [n, k, m] with k = bids."""
    towns = max(goods // 2, 2)
    at = rng.random((towns, 2))
    length = np.linalg.norm(at[:, None] - at[None], axis=-1)
    pairs = sorted(((i, j) for i in range(towns) for j in range(i)), key=lambda pair: length[pair])[:goods]
    network = nx.Graph()
    for good, (i, j) in enumerate(pairs):
        network.add_edge(i, j, weight=float(length[i, j]), good=good)
    drawn = []
    for _ in range(bidders):
        start = list(network)[rng.integers(len(network))]
        reached = sorted(nx.node_connected_component(network, start) - {start})
        end = reached[rng.integers(len(reached))]
        worth = rng.uniform(1.0, 2.0) * nx.shortest_path_length(network, start, end, weight="weight")
        routes: list[Bid] = []
        for route in nx.shortest_simple_paths(network, start, end, weight="weight"):
            cost = nx.path_weight(network, route, "weight")
            if cost >= worth or len(routes) == bids:
                break
            roads = [network.edges[edge]["good"] for edge in pairwise(route)]
            routes.append((float(worth - cost / 2.0), roads))
        drawn.append(routes)
    return _packed(drawn, goods)


def matching(rng: np.random.Generator, bidders: int, goods: int, bids: int = 3) -> BundleBids:
    """A slot at each of two of four places, the closer in time to what one wants the better, [n, k, m], k <= bids."""
    places = min(4, max(goods // 2, 1))
    slots = goods // places
    drawn: list[list[Bid]] = []
    for _ in range(bidders):
        wanted = rng.choice(places, size=min(2, places), replace=False)
        ideal, best = rng.uniform(0, slots, size=2), rng.uniform(1.0, 3.0)
        drawn.append([])
        for _ in range(bids):
            times = np.clip(np.rint(ideal + rng.normal(0.0, 1.0, size=2)), 0, slots - 1).astype(int)
            off = np.abs(times - ideal)[: len(wanted)].sum()
            chosen = [int(place * slots + time) for place, time in zip(wanted, times, strict=False)]
            drawn[-1].append((float(best * 0.9**off), chosen))
    return _packed(drawn, goods)


def scheduling(rng: np.random.Generator, bidders: int, goods: int, bids: int = 3) -> BundleBids:
    """Consecutive slots for a job of given length before its deadline, [n, k, m] with k <= bids."""
    drawn = []
    for _ in range(bidders):
        size = int(rng.integers(1, max(goods // 3, 1) + 1))
        deadline, worth = int(rng.integers(size, goods + 1)), size * rng.uniform(1.0, 2.0)
        starts = range(deadline - size, -1, -1)[:bids]
        drawn.append([(float(worth * 0.95 ** (start + size)), range(start, start + size)) for start in starts])
    return _packed(drawn, goods)


GENERATORS: dict[str, Callable[..., BundleBids]] = {
    "regions": regions,
    "paths": paths,
    "matching": matching,
    "scheduling": scheduling,
    "arbitrary": arbitrary,
}


def _packed(drawn: Sequence[Sequence[Bid]], goods: int) -> BundleBids:
    most = max((len(bids) for bids in drawn), default=0)
    value, offered = np.zeros((len(drawn), most)), np.zeros((len(drawn), most), dtype=bool)
    bundle = np.zeros((len(drawn), most, goods), dtype=bool)
    for i, bids in enumerate(drawn):
        for j, (worth, chosen) in enumerate(bids):
            value[i, j], offered[i, j] = worth, True
            bundle[i, j, list(chosen)] = True
    return BundleBids(value, bundle, offered=offered)
