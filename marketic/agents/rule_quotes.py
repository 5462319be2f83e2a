"""Quotes of priced rules: the mean price of an action's advocates, weighted by wealth / variance."""

import numpy as np
from numba import njit

from marketic.agents.rule_bits import match
from marketic.agents.rule_books import TAX, TICKS, TOP


@njit(cache=True)
def quote_prices(books, x, floor, quotes, weights):  # type: ignore[no-untyped-def]
    """Quotes of all actions at x as shares of the prize, float64 [actions]; 0, with weight 0, where nobody speaks for one.

    Returns how many rules match; they are in books.hits.
    """
    count = match(x, books.mask, books.value, books.counts[TOP], books.flags, books.hits)
    quotes[:] = 0.0
    weights[:] = 0.0
    for k in range(count):
        seat = books.hits[k]
        wealth = books.wealth[seat] / TICKS
        due = books.clock[TAX] - books.stamp[seat]
        if due > 0.0:
            wealth *= np.exp(-due)
        deviation = np.sqrt(books.variance[seat]) + floor
        weight = (wealth + 1e-9) / (deviation * deviation)
        quotes[books.action[seat]] += weight * books.price[seat]
        weights[books.action[seat]] += weight
    for a in range(quotes.shape[0]):
        if weights[a] > 0.0:
            quotes[a] /= weights[a]
    return count


@njit(cache=True)
def price_rows(books, words, floor, prize, value, lead):  # type: ignore[no-untyped-def]
    """Quotes in currency float64 [n, actions] and the richest advocate's seat (-1: none) int64 [n, actions], as they are."""
    weights = np.zeros(value.shape[1])
    for i in range(words.shape[0]):
        count = quote_prices(books, words[i], floor, value[i], weights)
        value[i] *= prize
        lead[i] = -1
        for k in range(count):
            seat = books.hits[k]
            first = lead[i, books.action[seat]]
            if first < 0 or books.wealth[seat] > books.wealth[first]:
                lead[i, books.action[seat]] = seat
