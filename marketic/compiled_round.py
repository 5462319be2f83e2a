"""A whole round in one compiled call: what `marketic.round` does step by step, for parts that offer compiled code.

Same order, same arithmetic: a test holds the two to the same bits. The mechanism's rule and the family's functions are
called by address, so that a part from outside is as fast as one of ours.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from marketic.agents.syndicates import Syndicates, learn_rows, mean_bids
from marketic.array_table import ArrayTable, floats_1d, floats_2d, ints_1d, ints_2d, ints_3d
from marketic.bids import quantise
from marketic.function_pointer import RULE, address_of, call_match, call_rule
from marketic.settlement import IDLE, REALISED, SALE, SOLD, settle

if TYPE_CHECKING:
    from marketic.chain import Settlement
    from marketic.market import Market

UNSOLD, UNSOUND = 1, 2
"""Answers of `trade_round` besides 0: some right found no buyer (call `finish_round`); an observation or reward is bad."""

MATCH_ADDRESS, ADAPT_ADDRESS, RULE_ADDRESS, FIRST_ACCOUNT, TWINS = range(5)  # entries of NUMBERS
(
    NUMBERS, LOW, HIGH, UNIFORM, PARAMETERS, ORDER, VALUE, PAYMENTS, MATCHED,
    INTEGERS, REALS, PRICE, TRADES, CLOCK, RATE, PAST, NEWEST, DECAY,
    TERMS, WEIGHTS, BALANCE, FLOWS, POSITION, OWNER, LIEN_OWNER, LIEN_HELD, OUTCOME, SURPRISE,
) = range(28)  # entries of the table, in the order in which `CompiledTrade` writes them  # fmt: skip


@njit(cache=True)
def unsound(observation, low, high, reward):  # type: ignore[no-untyped-def]
    """-1 if all is well, -2 for a reward that is not finite, else the number of a bad observation component."""
    for row in range(reward.shape[0]):
        if not -np.inf < reward[row] < np.inf:
            return -2
    for row in range(observation.shape[0]):
        for column in range(observation.shape[1]):
            value = observation[row, column]
            if not (-np.inf < value < np.inf and low[column] <= value <= high[column]):
                return column
    return -1


@njit(cache=True)
def auction_rows(observation, rows):  # type: ignore[no-untyped-def]
    """Bids, rounding and clearing; writes the winners to order[:, 1] and returns how many rights need a novice."""
    numbers, order, payments = ints_1d(rows, NUMBERS), ints_2d(rows, ORDER), floats_2d(rows, PAYMENTS)
    value, matched = floats_2d(rows, VALUE), ints_3d(rows, MATCHED)
    call_match(numbers[MATCH_ADDRESS], observation, ints_1d(rows, INTEGERS), floats_1d(rows, REALS), matched)
    mean_bids(floats_1d(rows, PRICE), matched, value)
    active = np.ones(value.shape, dtype=np.bool_)
    quantise(value, active, floats_1d(rows, TERMS)[2], value, active)
    winner = np.empty(value.shape[0], dtype=np.int64)
    call_rule(numbers[RULE_ADDRESS], value, active, floats_1d(rows, UNIFORM), floats_1d(rows, PARAMETERS), winner, payments)
    missing = 0
    for row in range(value.shape[0]):
        order[row, 1] = winner[row]
        if winner[row] < 0 and order[row, 2] < 0 and order[row, 0] != IDLE:
            missing += 1
    return missing


@njit(cache=True)
def finish_rows(bought_at, buyer, reward, rows):  # type: ignore[no-untyped-def]
    """Settlement, learning of the sellers, and the choice of the next owners.

    bought_at float64 [B, D] and buyer int64 [B]: the last purchase; `buyer` is overwritten by this one. reward float64 [B].
    """
    numbers, order, matched, outcome = ints_1d(rows, NUMBERS), ints_2d(rows, ORDER), ints_3d(rows, MATCHED), floats_2d(rows, OUTCOME)
    integers, reals = ints_1d(rows, INTEGERS), floats_1d(rows, REALS)
    books = (ints_1d(rows, BALANCE), ints_1d(rows, FLOWS), np.empty((0, 4), dtype=np.int64), np.empty(1, dtype=np.int64))
    settle(order, floats_2d(rows, VALUE), floats_2d(rows, PAYMENTS), matched + numbers[FIRST_ACCOUNT], reward,
           floats_1d(rows, TERMS), floats_1d(rows, WEIGHTS), books, ints_2d(rows, POSITION), ints_2d(rows, OWNER),
           ints_3d(rows, LIEN_OWNER), ints_2d(rows, LIEN_HELD), outcome, floats_1d(rows, SURPRISE))  # fmt: skip
    call_match(numbers[MATCH_ADDRESS], bought_at, integers, reals, matched)
    learn_rows(outcome[:, SOLD] > 0.0, buyer, outcome[:, REALISED].copy(), order[:, 0] != SALE, bought_at, matched,
               floats_1d(rows, DECAY)[0], numbers[ADAPT_ADDRESS], integers, reals, floats_1d(rows, PRICE),
               ints_1d(rows, TRADES), ints_1d(rows, CLOCK), floats_1d(rows, RATE), ints_3d(rows, PAST),
               ints_1d(rows, NEWEST), numbers[TWINS])  # fmt: skip
    for row in range(order.shape[0]):
        buyer[row] = order[row, 2] if order[row, 2] >= 0 else order[row, 1]


@njit(cache=True)
def trade_round(observation, bought_at, buyer, reward, rows):  # type: ignore[no-untyped-def]
    """One round. observation float64 [B, D]; bought_at, buyer and reward as in `finish_rows`; rows of an `ArrayTable`."""
    if unsound(observation, floats_1d(rows, LOW), floats_1d(rows, HIGH), reward) != -1:
        return UNSOUND
    if auction_rows(observation, rows) > 0:
        return UNSOLD
    finish_rows(bought_at, buyer, reward, rows)
    return 0


class CompiledTrade:
    """The auction, the settlement and the learning of a market's rows, as one call.

    `rows` is what `trade_round` takes after the four arrays that change from step to step; the arrays behind it are those
    of population, ledger and settlement themselves, so compiled and plain rounds can follow each other.
    """

    def __init__(self, market: "Market", settlement: "Settlement", rows: int) -> None:
        population: Any = market.population
        kernels, rule, world, chain = population.kernels, market.auction.rule, market.world, settlement.chain
        shape = (rows, population.n_bidders)
        self.random = rule.random
        self.value, self.payments = np.zeros(shape), np.zeros(shape)
        self.order = np.full((rows, 3), -1, dtype=np.int64)
        self.order[:, 0] = SALE
        self.uniform = np.zeros(rows)
        decay = chain.discount * chain.royalty
        population.open_past(rows, decay)
        price, trades, clock, rate, past, newest, twins = population.learning_arrays
        numbers = np.array(
            [*kernels.addresses, address_of(rule.function, RULE), int(market.accounts[0]), twins], dtype=np.int64
        )
        matched = np.zeros((*shape, population.members), dtype=np.int64)
        balance, flows, _, _ = market.ledger.books
        self.table = ArrayTable([
            numbers, world.low, world.high, self.uniform, rule.parameters, self.order, self.value, self.payments, matched,
            kernels.integers, kernels.reals, price, trades, clock, rate, past, newest, np.array([decay]),
            settlement.terms, settlement.weights, balance, flows, settlement.position, settlement.owner,
            settlement.lien_owner, settlement.lien_held, settlement.outcome, settlement.surprise,
        ])  # fmt: skip
        self.rows = self.table.rows

    @staticmethod
    def fits(market: "Market") -> bool:
        """Whether all parts of this market offer compiled code (and nobody opens accounts or reads a journal)."""
        if not market.compiled_parts or market.auction.rule is None or market.ledger.journal:
            return False
        return isinstance(market.population, Syndicates) and market.selection is None
