"""Priced rules learn a table of situations in one compiled loop: the same trades as step by step, without an environment.

Episodes start on a situation drawn uniformly; in the share `explore` of them all actions are random, in the others the
highest quote acts (ties: one of them at random).
"""

import numpy as np
from numba import njit

from marketic.agents.rule_books import HOUSE, TICKS, WORLD
from marketic.agents.rule_prices import FLOOR, PRIZE, trade_price
from marketic.agents.rule_quotes import quote_prices
from marketic.agents.splitmix import below, uniform
from marketic.errors import InputError
from marketic.screening import LARGEST_BID


def check_table(
    following: object, reward: object, starts: object, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `walk` takes for `size` = (S, actions). Raises InputError for what is no such table."""
    try:
        after, paid, first = (np.array(given, dtype=np.float64) for given in (following, reward, starts))
    except (TypeError, ValueError):
        raise InputError("wander(): wanted following, reward and starts as arrays of numbers") from None
    fits = after.shape == paid.shape == size and first.ndim == 1 and len(first) > 0
    exact = fits and all((array == np.floor(array)).all() for array in (after, first))
    if not (exact and (after < size[0]).all() and ((first >= 0) & (first < size[0])).all()):
        raise InputError(
            f"wander(): wanted following and reward{size}, following below {size[0]}, and starts among them, whole numbers"
        )
    if not (np.abs(paid) <= LARGEST_BID).all():  # false for NaN as well
        raise InputError(f"wander(): wanted rewards as finite currency up to {LARGEST_BID:.3g}")
    return after.astype(np.int64), paid, first.astype(np.int64)


@njit(cache=True)
def _favourite(quotes, random):  # type: ignore[no-untyped-def]
    """The highest quote's action; one of them, if there are several."""
    best, ties = 0, 0
    for a in range(quotes.shape[0]):
        if quotes[a] > quotes[best]:
            best, ties = a, 1
        elif quotes[a] == quotes[best]:
            ties += 1
            if below(random, ties) == 0:
                best = a
    return best


@njit(cache=True)
def walk(books, terms, words, following, reward, starts, episodes, longest, explore, discount, admit):  # type: ignore[no-untyped-def]
    """Play and learn episodes of at most `longest` steps; returns the number of steps.

    words: uint64 [S, W]. following: int64 [S, actions], the next situation, -1 where the episode ends. reward: float64
    [S, actions], currency, from the world to the house, which holds the auctions. starts: int64 [k]. admit: let entrants in?
    """
    quotes, weights = np.zeros(following.shape[1]), np.zeros(following.shape[1])
    floor, steps = terms.reals[FLOOR], 0
    for _ in range(episodes):
        here = starts[below(books.random, starts.shape[0])]
        at_random = uniform(books.random) < explore
        for _ in range(longest):
            if at_random:
                action = below(books.random, following.shape[1])
            else:
                quote_prices(books, words[here], floor, quotes, weights)
                action = _favourite(quotes, books.random)
            there, earned = following[here, action], reward[here, action]
            paid = np.int64(np.rint(earned * TICKS))
            books.money[WORLD] -= paid
            books.money[HOUSE] += paid
            resale = 0.0
            if there >= 0:
                quote_prices(books, words[there], floor, quotes, weights)
                resale = discount * quotes.max() * terms.reals[PRIZE]
            trade_price(books, terms, words[here], action, earned + resale, admit)
            steps += 1
            if there < 0:
                break
            here = there
    return steps
