"""Priced rules: a market for tasks of many steps, where a rule knows what the right to act is worth where it matches.

Each rule has a price and a variance; the quote for an action is the mean price of its advocates, weighted by wealth / variance.
When the right is resold for y (reward + discount times the next price: the bucket brigade of Holland 1985 as an auction, so
that quotes obey Bellman's equation) every advocate's wealth is multiplied by the density it gave y, as a share of the
market's; it gets a dividend for information, and its price moves to y. A situation without an advocate for the action taken
is covered exactly; later, rules take over their neighbours where that changes no quote by more than `tolerance`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from marketic.agents.rule_bits import words_for
from marketic.agents.rule_books import (
    HOUSE,
    LEAST_STAKE,
    MOST_MONEY,
    PROBLEMS,
    TICKS,
    bury,
    collect_tax,
    enter,
    move_money,
    raise_tax,
)
from marketic.agents.rule_quotes import quote_prices
from marketic.agents.rule_seen import Seen, note, open_seen
from marketic.agents.rule_takeover import take_over
from marketic.agents.splitmix import uniform
from marketic.errors import InputError
from marketic.numbers import all_amounts, check_numbers, check_wholes

STAKE, BUDGET, BANKRUPT, RATE, ENDOWMENT, VARIANCE, FLOOR, TRIES, AFTER, TOLERANCE, PRIZE, DIVIDEND = range(12)
"""Entries of `reals`."""
BURIAL_EVERY = 50
CLOSED_TAX = 0.2
"""Of the tax budget, in a market that is closed to entrants."""
LEAST_PRIZE = 2.0**-20
"""Currency: the ledger's default tick."""
MOST_ODDS = 5.0
"""One trade multiplies nobody's wealth by more than this, or by less than its inverse."""


@dataclass(frozen=True)
class Prices:
    """The economy of tasks with many steps. Shares are of `prize`, the most that a right is worth, currency.

    rate:      of a price's move to what its right fetched, once 1 / trials is smaller; in (0, 1].
    tolerance: two prices that differ by at most this share of the prize are the same to a takeover; well below the difference
               between neighbouring situations.
    takeovers: probability of a try per trade, in [0, 1]; after: trades before the first one (early prices are all alike).
    house:     its stake in every quote. tax: budget of the wealth tax per trade. bankrupt: who owns less leaves.
    endowment: of an entrant, from the house. spread: standard deviation of an entrant's belief; floor: added to everybody's.
    dividend:  for information, per trade, from the house. memory: situations remembered for takeovers, >= 1.
    """

    prize: float = 1.0
    rate: float = 0.5
    tolerance: float = 0.01
    takeovers: float = 0.3
    after: int = 10_000
    house: float = 0.1
    tax: float = 0.3
    bankrupt: float = 0.01
    endowment: float = 0.3
    spread: float = 0.3
    floor: float = 0.005
    dividend: float = 1.0
    memory: int = 4096

    def __post_init__(self) -> None:
        positive = (self.prize, self.house, self.endowment, self.spread, self.floor)
        check_numbers(self, "prize", least=LEAST_PRIZE)
        if not (all_amounts(*positive, self.rate) and min(positive) > 0 and 0 < self.rate <= 1):
            raise InputError(f"{self}: wanted prize, house, endowment, spread, floor > 0 and a rate in (0, 1]")
        rest = (self.tolerance, self.tax, self.bankrupt, self.dividend, self.after, self.takeovers)
        if not (all_amounts(*rest) and min(rest) >= 0 and self.takeovers <= 1):
            raise InputError(f"{self}: wanted no negative numbers, and takeovers as a probability")
        if max(self.endowment, self.dividend, self.house) > MOST_MONEY:
            raise InputError(
                f"{self}: wanted endowment, dividend and house of at most {MOST_MONEY:,}: rules' money is in whole ticks"
            )
        if min(self.house, self.floor) < LEAST_STAKE:
            raise InputError(f"{self}: wanted house and floor of at least {LEAST_STAKE:g}: prices are divided by them")
        check_wholes(self, after=0, memory=1)


class PriceTerms(NamedTuple):
    """Settings for compiled code, the situations seen, and scratch."""

    reals: np.ndarray
    seen: Seen
    quotes: np.ndarray
    weights: np.ndarray
    masks: np.ndarray


def prepare_prices(prices: Prices, actions: int, positions: int) -> PriceTerms:
    """Lay out a market's settings and memory."""
    reals = np.array([
        prices.house, prices.tax, prices.bankrupt * TICKS, prices.rate, prices.endowment, prices.spread**2, prices.floor,
        prices.takeovers, float(prices.after), prices.tolerance, prices.prize, prices.dividend,
    ])  # fmt: skip
    seen = open_seen(prices.memory, words_for(positions), positions)
    return PriceTerms(reals, seen, np.zeros(actions), np.zeros(actions), np.zeros((2, words_for(positions)), np.uint64))


@njit(cache=True, forceinline=True)
def _density(books, seat, floor, y):  # type: ignore[no-untyped-def]
    deviation = np.sqrt(books.variance[seat]) + floor
    z = (y - books.price[seat]) / deviation
    return np.exp(-0.5 * z * z) / (deviation * 2.5066282746310002)


@njit(cache=True)
def _settle(books, reals, count, action, y):  # type: ignore[no-untyped-def]
    """Bets on y and the dividend, among the advocates in books.hits[:count]. Returns how many there are."""
    floor, pool, stake, n = reals[FLOOR], reals[STAKE], reals[STAKE], 0
    for k in range(count):
        seat = books.hits[k]
        if books.action[seat] == action:
            wealth = books.wealth[seat] / TICKS
            pool += wealth * _density(books, seat, floor, y)
            stake += wealth
            n += 1
    pool /= stake
    total = 0.0
    for k in range(count):
        seat = books.hits[k]
        if books.action[seat] == action:
            odds = min(max(_density(books, seat, floor, y) / pool, 1.0 / MOST_ODDS), MOST_ODDS)
            move_money(books, seat, HOUSE, np.int64(np.floor(books.wealth[seat] * odds)) - books.wealth[seat])
            total += books.wealth[seat]
    pivotal = books.counts[PROBLEMS] >= reals[AFTER]
    for k in range(count):
        seat = books.hits[k]
        if books.action[seat] == action and total > 0.0 and (n == 1 or not pivotal):
            share = books.wealth[seat] / total
            move_money(books, seat, HOUSE, np.int64(np.floor(reals[DIVIDEND] * TICKS * share)))
    return n


@njit(cache=True)
def trade_price(books, terms, x, action, realised, admit):  # type: ignore[no-untyped-def]
    """The right bought at x, uint64 [W], for `action` fetched `realised` currency: settle, learn, tax, cover, take over.

    admit: whether entrants are let in.
    """
    reals = terms.reals
    y = realised / reals[PRIZE]
    count = quote_prices(books, x, reals[FLOOR], terms.quotes, terms.weights)
    for k in range(count):
        collect_tax(books, books.hits[k])
    note(terms.seen, x)
    if _settle(books, reals, count, action, y) == 0 and admit:
        terms.masks[0][:] = 0
        for position in range(64 * x.shape[0]):
            if position < terms.seen.counts[1]:
                terms.masks[0][position >> 6] |= np.uint64(1) << np.uint64(position & 63)
        seat = enter(books, terms.masks[0], x, action, -1, -1, np.int64(reals[ENDOWMENT] * TICKS))
        if seat >= 0:
            books.variance[seat] = reals[VARIANCE]
            books.hits[count] = seat
            count += 1
    for k in range(count):
        seat = books.hits[k]
        if books.action[seat] == action:
            books.trials[seat] += 1.0
            error = y - books.price[seat]
            books.price[seat] += max(reals[RATE], 1.0 / books.trials[seat]) * error
            books.variance[seat] += reals[RATE] * (error * error - books.variance[seat])
    if admit:
        raise_tax(books, np.inf, reals[BUDGET])
    else:  # nobody could come back: mild, so that rules for rare situations live until they are needed again
        raise_tax(books, CLOSED_TAX * reals[BUDGET] / max(terms.seen.counts[0], 1), CLOSED_TAX * reals[BUDGET])
    books.counts[PROBLEMS] += 1
    if books.counts[PROBLEMS] > reals[AFTER] and uniform(books.random) < reals[TRIES]:
        take_over(
            books, terms.seen, reals[TOLERANCE], reals[FLOOR], not admit, terms.quotes, terms.weights, terms.masks
        )
    if books.counts[PROBLEMS] % BURIAL_EVERY == 0:
        bury(books, reals[BANKRUPT])
