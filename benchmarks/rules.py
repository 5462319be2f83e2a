"""What a market of condition-action rules costs: matching and auctioning against merely reading the rules.

    marketic bench rules [--quick] [--json]

Process CPU time, measured in turns in one process, after warm-up. Reading: a compiled loop that folds every word of the
rules' conditions into one (exclusive or), as fast as the memory gives them. Matching and auction: one situation against all
rules, quotes of both actions from all that match, the winner and the second price.
"""

import statistics
import time
from functools import partial
from typing import Any

import numpy as np
from numba import njit

from marketic.agents.rule_alphabet import Alphabet, Component
from marketic.agents.rule_bets import Bets, quote
from marketic.agents.rule_bits import pack
from marketic.agents.rule_books import TICKS, Books, enter
from marketic.agents.rules import Rules
from marketic.benchmarks.measure import cpu_seconds
from marketic.result import Row, result

RULES, BITS, NAMED = 10_000, 70, 7


def crowd(count: int, rng: np.random.Generator) -> Rules:
    """`count` random ternary rules of 70 bits, 7 of them named, as many as an accurate rule of the 70-bit multiplexer names."""
    rules = Rules(Alphabet([Component(size=2)] * BITS), 2, contract=Bets(), capacity=count, rng=rng)
    mask = rng.random((count, BITS)).argsort(axis=1) < NAMED
    masks, values = pack(mask), pack(rng.random((count, BITS)) < 0.5)
    books = rules.exchange.books
    for number in range(count):
        seat = enter(books, masks[number], values[number], number % 2, -1, -1, np.int64(TICKS))
        books.trials[seat], books.wins[seat] = 10.0, rng.integers(11)
    return rules


@njit(cache=True)
def read(mask, value, turns):  # type: ignore[no-untyped-def]
    """Fold all words uint64 [W, rules] into one, `turns` times."""
    folded = np.uint64(0)
    for _ in range(turns):
        for w in range(mask.shape[0]):
            masks, values = mask[w], value[w]
            for i in range(masks.shape[0]):
                folded ^= masks[i] ^ values[i]
        folded += np.uint64(1)  # so that no turn can be left out
    return folded


@njit(cache=True)
def auctions(books, words, belief, stake):  # type: ignore[no-untyped-def]
    """An auction per situation, words uint64 [n, W]; returns the sum of winning actions, second prices and matches."""
    won, paid, matched = 0, 0.0, 0
    for i in range(words.shape[0]):
        matched += quote(books, words[i], 0.1, belief, stake)
        winner, second = (0, belief[1]) if belief[0] >= belief[1] else (1, belief[0])
        won += winner
        paid += second
    return won, paid, matched


def matching(quick: bool) -> list[Row]:
    """The ratio, and what lies behind it."""
    rng, repeats, turns = np.random.default_rng(0), 5 if quick else 31, 200
    books: Books = crowd(RULES, rng).exchange.books
    words, belief, stake = pack(rng.random((turns, BITS)) < 0.5), np.zeros(2), np.zeros(2)
    works = [partial(auctions, books, words, belief, stake), partial(read, books.mask, books.value, turns)]
    matched = works[0]()[2] / turns
    works[1]()
    rounds = [[cpu_seconds(work) / turns * 1e6 for work in works] for _ in range(repeats)]
    ratio = statistics.median(ours / reading for ours, reading in rounds)
    auction, reading = (statistics.median(column) for column in zip(*rounds, strict=True))
    what = f"{RULES:,} ternary rules of {BITS} bits"
    return [
        Row(f"{what}: matching and auction / reading the rules once", round(ratio, 3), "<= 3", ratio <= 3.0),
        Row(
            f"{what}: matching and auction, microseconds ({matched:.0f} rules match)",
            round(auction, 2),
            "reported",
            True,
        ),
        Row(f"{what}: reading them once, microseconds", round(reading, 2), "reported", True),
    ]


def run(quick: bool = False) -> dict[str, Any]:
    """Measure; a few seconds. Returns the result as a JSON-able object."""
    start = time.perf_counter()
    return result("rules", matching(quick), time.perf_counter() - start)
