"""Bets between rules: a market for one-step tasks that are won or lost, settled by Kelly's criterion.

Every rule stakes its whole wealth on its belief (how often its action wins where its condition holds). The quote for an
action is the wealth-weighted mean belief of its advocates, the house (a small stake on 1/2) among them. After a trade each
advocate's wealth is multiplied by belief / quote if it won, by (1 - belief) / (1 - quote) if it lost: a market of such bettors
quotes as Bayes' rule would, with wealth as posterior odds (Beygelzimer, Langford and Pennock 2012). The right to act costs
1/2 and brings 1 if it wins; the pay rule says whose profit that is. A wealth tax and bankruptcy clear what nobody needs.

Only trades whose action was drawn at random count towards beliefs and the record: a market that serves a niche only when it is
right would take its overgeneral rules for accurate ones (survivorship bias).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from marketic.agents.rule_bits import match
from marketic.agents.rule_books import (
    HOUSE,
    LEAST_STAKE,
    MOST_MONEY,
    OPEN,
    PROBLEMS,
    TAX,
    TICKS,
    TOP,
    WORLD,
    bury,
    collect_tax,
    move_money,
    raise_tax,
)
from marketic.agents.rule_entry import (
    CHILDREN,
    SCORED,
    SURPRISE,
    TRIES,
    Entry,
    PublicRecord,
    bear_children,
    enter_with_record,
    prepare,
)
from marketic.agents.rule_parts import PAY, address_and_settings, call_pay
from marketic.agents.rule_pay import Squared, rehearse_pay
from marketic.agents.rule_record import write
from marketic.agents.splitmix import below, uniform
from marketic.errors import InputError
from marketic.numbers import all_amounts, check_flags

STAKE, SOLID, RATE, BUDGET, BANKRUPT, KELLY = range(6)
"""Entries of `reals`."""
BURIAL_EVERY = 50
"""Trades between two looks for the bankrupt."""
MEMORY = 0.001
"""Weight of a trade in the share of open situations."""


@dataclass(frozen=True)
class Bets:
    """The economy of one-step tasks. Currency: a win brings 1.

    pay:      who gets a profit (see `rule_pay`). entry: who may enter (see `rule_entry`).
    solid:    a situation with a quote of at least this is served; below it, it is open: actions are random, entrants try.
    house:    the house's stake in every quote, > 0. tax: of wealth per trade, >= 0; budget: no more than this / rules alive.
    bankrupt: who owns less leaves. par: a realised value of at least this is a win. explore: share of the served situations in
              which the action is random all the same. kelly: False: no transfers between bettors (an ablation).
    """

    pay: Any = Squared()  # noqa: RUF009  frozen
    entry: Any = PublicRecord()  # noqa: RUF009  frozen
    solid: float = 0.97
    house: float = 0.1
    tax: float = 0.01
    budget: float = 0.04
    bankrupt: float = 0.2
    par: float = 0.5
    explore: float = 0.02
    kelly: bool = True

    def __post_init__(self) -> None:
        sound = all_amounts(self.solid, self.house, self.explore)
        if not (sound and 0 < self.solid <= 1 and LEAST_STAKE <= self.house <= MOST_MONEY and 0 <= self.explore <= 1):
            raise InputError(
                f"{self}: wanted solid in (0, 1], a house stake > 0, from {LEAST_STAKE:g} to {MOST_MONEY:,}, and explore as "
                "a probability"
            )
        costs = (self.tax, self.budget, self.bankrupt)
        if not (all_amounts(*costs, self.par) and min(costs) >= 0):
            raise InputError(f"{self}: wanted tax, budget and bankrupt >= 0 and a finite par")
        check_flags(self, "kelly")


class Terms(NamedTuple):
    """Settings for compiled code, and scratch: belief, stake float64 [actions]; seats, capital, shares [C]."""

    reals: np.ndarray
    pay: np.ndarray
    pay_settings: np.ndarray
    belief: np.ndarray
    stake: np.ndarray
    seats: np.ndarray
    capital: np.ndarray
    shares: np.ndarray


def prepare_bets(bets: Bets, actions: int, positions: int, capacity: int) -> tuple[Terms, Entry]:
    """Compile the parts. Raises InputError for parts that are none."""
    address, settings = address_and_settings(bets.pay, PAY, "pay rule")
    rehearse_pay(bets.pay, settings)
    reals = [bets.house, bets.solid, bets.tax, bets.budget, bets.bankrupt * TICKS, float(bets.kelly)]
    terms = Terms(
        np.array(reals), np.array([address]), settings, np.zeros(actions), np.zeros(actions),
        np.zeros(capacity, np.int64), np.zeros(capacity), np.zeros(capacity),
    )  # fmt: skip
    return terms, prepare(bets.entry, positions, capacity)


@njit(cache=True)
def quote(books, x, house, belief, stake):  # type: ignore[no-untyped-def]
    """Quotes of all actions at x to belief, the money behind them to stake, float64 [actions]; nothing else changes.

    Returns how many rules match; they are in books.hits.
    """
    count = match(x, books.mask, books.value, books.counts[TOP], books.flags, books.hits)
    for a in range(belief.shape[0]):
        belief[a], stake[a] = 0.5 * house, house
    for k in range(count):
        seat = books.hits[k]
        due = books.clock[TAX] - books.stamp[seat]
        wealth = books.wealth[seat] / TICKS
        if due > 0.0:
            wealth *= np.exp(-due)
        a = books.action[seat]
        belief[a] += wealth * (books.wins[seat] + 0.5) / (books.trials[seat] + 1.0)
        stake[a] += wealth
    for a in range(belief.shape[0]):
        belief[a] /= stake[a]
    return count


@njit(cache=True)
def _settle(books, terms, count, action, won):  # type: ignore[no-untyped-def]
    """Bets and the profit of the trade; books.hits[:count] match. Money moves between rules, house and world only."""
    price, n = terms.belief[action], 0
    for k in range(count):
        seat = books.hits[k]
        if books.action[seat] != action:
            continue
        if terms.reals[KELLY] > 0.0:
            belief = (books.wins[seat] + 0.5) / (books.trials[seat] + 1.0)
            factor = belief / price if won else (1.0 - belief) / (1.0 - price)
            move_money(books, seat, HOUSE, np.int64(np.floor(books.wealth[seat] * factor)) - books.wealth[seat])
        terms.seats[n], terms.capital[n] = seat, books.wealth[seat] / TICKS
        n += 1
    if won:
        books.money[WORLD] -= np.int64(TICKS)
        books.money[HOUSE] += np.int64(TICKS)
    if n == 0:
        return
    capital, shares = terms.capital[:n], terms.shares[:n]
    if won:
        shares[:] = 0.0
        call_pay(terms.pay[0], capital, terms.pay_settings, shares)
        for k in range(n):
            if 0.0 < shares[k] <= 1.0:  # whatever else a pay rule wrote is no share
                move_money(books, terms.seats[k], HOUSE, np.int64(np.floor(0.5 * TICKS * shares[k])))
        return
    total = 0.0
    for k in range(n):
        total += capital[k]
    for k in range(n):
        seat = terms.seats[k]
        loss = np.int64(np.floor(0.5 * TICKS * capital[k] / total)) if total > 0.0 else 0
        move_money(books, seat, HOUSE, -min(loss, books.wealth[seat] - books.wealth[seat] // 2))


@njit(cache=True)
def trade(books, record, entry, terms, x, action, won, counted):  # type: ignore[no-untyped-def]
    """One problem: settle, count (if the action was drawn at random), tax, let entrants in, bury.

    x uint64 [W]; record: of no length for a market without memory.
    """
    belief = terms.belief
    count = quote(books, x, terms.reals[STAKE], belief, terms.stake)
    for k in range(count):
        collect_tax(books, books.hits[k])
    favourite, top = 0, belief[0]
    for a in range(1, belief.shape[0]):
        if belief[a] > top:
            favourite, top = a, belief[a]
    _settle(books, terms, count, action, won)
    if counted:
        for k in range(count):
            seat = books.hits[k]
            if books.action[seat] == action:
                books.trials[seat] += 1.0
                books.wins[seat] += won
    raise_tax(books, terms.reals[RATE], terms.reals[BUDGET])
    books.counts[PROBLEMS] += 1
    if entry.numbers[SCORED] != 0:
        if counted:
            write(record, action, x, won)
        surprised = entry.numbers[SURPRISE] != 0 and counted and action == favourite and not won
        is_open = top < terms.reals[SOLID] or surprised
        books.clock[OPEN] += MEMORY * (is_open - books.clock[OPEN])
        if is_open and uniform(books.random) * books.clock[OPEN] < entry.reals[TRIES]:
            target = action
            if not won and belief.shape[0] > 1:
                target = (action + 1 + below(books.random, belief.shape[0] - 1)) % belief.shape[0]
            enter_with_record(books, record, entry, x, count, target, belief[target])
    elif won and entry.numbers[CHILDREN] > 0:
        bear_children(books, entry, entry.places.shape[0], x, count, action)
    if books.counts[PROBLEMS] % BURIAL_EVERY == 0:
        bury(books, terms.reals[BANKRUPT])


@njit(cache=True)
def play(books, record, entry, terms, words, payoff, explore):  # type: ignore[no-untyped-def]
    """Trade many problems: words uint64 [n, W], payoff bool [n, actions] says which actions would win.

    Actions are random where the market is open and in the share `explore` of the rest, else the favourite's. Returns the wins.
    """
    wins = 0
    for i in range(words.shape[0]):
        quote(books, words[i], terms.reals[STAKE], terms.belief, terms.stake)
        action, top = 0, terms.belief[0]
        for a in range(1, terms.belief.shape[0]):
            if terms.belief[a] > top:
                action, top = a, terms.belief[a]
        counted = top < terms.reals[SOLID] or uniform(books.random) < explore
        if counted:
            action = below(books.random, terms.belief.shape[0])
        won = payoff[i, action]
        trade(books, record, entry, terms, words[i], action, won, counted)
        wins += won
    return wins


@njit(cache=True)
def quote_rows(books, words, house, belief, lead):  # type: ignore[no-untyped-def]
    """Quotes float64 [n, actions] and the richest advocate's seat (-1: none) int64 [n, actions] for words uint64 [n, W]."""
    stake = np.zeros(belief.shape[1])
    for i in range(words.shape[0]):
        count = quote(books, words[i], house, belief[i], stake)
        lead[i] = -1
        for k in range(count):
            seat = books.hits[k]
            first = lead[i, books.action[seat]]
            if first < 0 or books.wealth[seat] > books.wealth[first]:
                lead[i, books.action[seat]] = seat
