"""Bidders that know nothing of auctions learn what theory says they should bid.

Claim: Vickrey 1961; Krishna 2010, propositions 2.1 and 2.2. With n bidders and values uniform on [0, 1] the equilibrium of
a first-price auction is to bid (n - 1)/n of one's value; in a second-price auction the truth is dominant.
Command: marketic reproduce learning-to-bid [--quick] [--json]. Measured figures: experiments/README.md.

Each bidder keeps a bid for every value on a grid, at first a random increasing one. In smooth fictitious play (Fudenberg and
Levine 1998, chapter 4) it answers the recent history of its rivals: from sampled auctions, held by the mechanism of the
environment and by nothing else, it estimates how often each bid wins and what it pays, and mixes the bids with odds
exp(earnings / temperature), of which it bids the mean. Nobody is told the rule of the auction.

What is compared is the slope of bids against values: least squares through the origin, each value weighted by how often it
wins (values that never win learn nothing). Differences: theory has a continuum of bids, here there are 101, and rivals'
hands tremble by half a step of that grid, which breaks ties.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.envs.auction_env import auction_batch
from marketic.mechanisms.first_price import FirstPrice
from marketic.mechanisms.second_price import SecondPrice
from marketic.result import Row, result

AUCTIONS = {"first price": (FirstPrice(), 0.03), "second price": (SecondPrice(), 0.02)}
"""The mechanism, and how far the slope may be from theory's, as a share of it."""
BIDS = np.linspace(0.0, 1.0, 101)
VALUES = np.linspace(0.0, 1.0, 51)


@dataclass(frozen=True)
class Args:
    """Settings of one run.

    bidders: how many, >= 2. rounds: of learning. samples: auctions that a bidder looks at per round.
    newest: weight of the newest round in the history, once there is one. temperature: of the mixture, currency.
    """

    bidders: int = 2
    rounds: int = 150
    samples: int = 80
    newest: float = 0.03
    temperature: float = 0.001


class Bidder:
    """A bid for each of VALUES, and what the bidder knows about each of BIDS: how often it wins, and what it pays."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.bid = np.sort(rng.random(len(VALUES))) * rng.random()
        self.chance, self.payment = np.zeros((2, len(BIDS)))

    def bids_for(self, value: np.ndarray) -> np.ndarray:
        """Bids for any values, between the grid's by interpolation."""
        return np.interp(value, VALUES, self.bid)

    def look(self, chance: np.ndarray, payment: np.ndarray, weight: float, temperature: float) -> None:
        """Add what each bid would have made of the newest rivals to the history, and answer it."""
        self.chance += weight * (chance - self.chance)
        self.payment += weight * (payment - self.payment)
        earnings = VALUES[:, None] * self.chance - self.payment
        odds = np.exp((earnings - earnings.max(axis=1, keepdims=True)) / temperature)
        self.bid = (odds @ BIDS) / odds.sum(axis=1)


def learn_to_bid(mechanism: Any, args: Args, rng: np.random.Generator) -> list[float]:
    """Let `args.bidders` bidders learn from each other; they meet the mechanism through `auction_batch` alone.

    Returns each bidder's slope (see `slope`) for its mean bids over the last half of the rounds.
    """
    bidders = [Bidder(rng) for _ in range(args.bidders)]
    late = np.zeros((args.bidders, len(VALUES)))
    for t in range(args.rounds):
        for bidder, (chance, payment) in zip(bidders, look_around(mechanism, bidders, args, rng), strict=True):
            bidder.look(chance, payment, max(1.0 / (t + 1), args.newest), args.temperature)
        if t >= args.rounds // 2:
            late += [bidder.bid for bidder in bidders]
    late /= args.rounds - args.rounds // 2
    return [slope(bid, bidder) for bid, bidder in zip(late, bidders, strict=True)]


def look_around(
    mechanism: Any, bidders: list[Bidder], args: Args, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each bidder: how often each of BIDS wins against its rivals' present bids, and what it pays on average."""
    shape = (args.samples, args.bidders)
    strata = rng.permuted(np.repeat(np.arange(args.samples)[:, None], args.bidders, axis=1), axis=0)
    value = (strata + rng.random(shape)) / args.samples  # uniform on [0, 1], evenly spread
    bids = np.stack([bidder.bids_for(value[:, i]) for i, bidder in enumerate(bidders)], axis=1)
    bids = np.maximum(bids + BIDS[1] * (rng.random(shape) - 0.5), 0.0)
    seen = []
    for i in range(args.bidders):
        tried = np.repeat(bids[None], len(BIDS), axis=0)
        tried[:, :, i] = BIDS[:, None]
        both = np.broadcast_to(np.array([0.0, 1.0])[:, None, None, None], (2, *tried.shape))
        # utility is value * chance - payment, so the values 0 and 1 tell both
        worthless, worth_one = auction_batch(mechanism, both, tried)[..., i].mean(axis=2)
        seen.append((worth_one - worthless, -worthless))
    return seen


def slope(bid: np.ndarray, bidder: Bidder) -> float:
    """Bids against values, least squares through the origin, weighted by the chance to win."""
    wins = np.interp(bid, BIDS, bidder.chance)
    return float((wins * VALUES * bid).sum() / (wins * VALUES**2).sum())


def run(quick: bool = False) -> dict[str, Any]:
    """Both auctions with 2, 3 and 5 bidders, 5 seeds each (`quick`: 2 bidders, 3 seeds). The slope is the bidders' mean."""
    start = time.perf_counter()
    sizes, seeds = ((2,), range(3)) if quick else ((2, 3, 5), range(5))
    rows, details = [], []
    for name, (mechanism, bar) in AUCTIONS.items():
        for n in sizes:
            theory = (n - 1) / n if name == "first price" else 1.0
            streams = (np.random.default_rng([seed, n]) for seed in seeds)
            found = [float(np.mean(learn_to_bid(mechanism, Args(bidders=n), rng))) for rng in streams]
            off = float(np.median([abs(s / theory - 1.0) for s in found]))
            what = f"{name}, {n} bidders: |slope / {theory:.3g} - 1|, median of {len(found)} seeds"
            rows.append(Row(what, round(off, 4), f"<= {bar:g}", off <= bar))
            details.append({"auction": name, "bidders": n, "theory": theory, "slopes": [round(s, 4) for s in found]})
    return result("learning-to-bid", rows, time.perf_counter() - start, details)
