"""A whole round in one compiled call: what `marketic.round` does step by step, for parts that offer compiled code.

Same order, same arithmetic: a test holds the two to the same bits. The mechanism's rule and the family's functions are
called by address, so that a part from outside is as fast as one of ours.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from marketic.agents.syndicates import Syndicates, learn_row, mean_bids
from marketic.array_table import ArrayTable, flags_2d, floats_1d, floats_2d, floats_3d, ints_1d, ints_2d, ints_3d
from marketic.auction import sound_answer
from marketic.bids import LARGEST_BID, quantise
from marketic.function_pointer import RULE, address_of, call_match, call_rule
from marketic.settlement import REALISED, SALE, SOLD, TRUNCATED, settle

if TYPE_CHECKING:
    from marketic.chain import Settlement
    from marketic.round import Round

UNSOLD, UNSOUND, NONSENSE = 1, 2, 3
"""Answers of `trade_round` besides 0: some right found no buyer (send novices, then call `finish_rows`); an observation
or reward is bad; the mechanism's rule wrote winners or payments that cannot be settled."""

MATCH_ADDRESS, RULE_ADDRESS, FIRST_ACCOUNT, TWINS, FIXED = 0, 3, 4, 5, 6  # entries of NUMBERS, after enter and adapt
(
    NUMBERS, LOW, HIGH, UNIFORM, PARAMETERS, ORDER, VALUE, ACTIVE, WINNER, PAYMENTS, MATCHED, STANDING, ACCOUNT,
    OBSERVATION, FINAL, BOUGHT_AT, BUYER, REWARD, INTEGERS, REALS, PRICE, TRADES, CLOCK, RATE, CLAIMS, OPENED, FADING,
    TERMS, WEIGHTS, BALANCE, FLOWS, TAPE, CURSOR, POSITION, OWNER, LIEN_OWNER, LIEN_HELD, OUTCOME, SURPRISE,
    STEADY, LICENCE, REVENUE, PAPER, EPISODES, MARKS, RETURNS,
) = range(46)  # entries of the table, in the order in which `CompiledTrade` writes them  # fmt: skip


@njit(cache=True, forceinline=True)
def unsound(observation, low, high, reward):  # type: ignore[no-untyped-def]
    """-1 if all is well, -2 for a reward that is not finite, else the number of a bad observation component.

    Components with a finite `low` are finite goods, whose values are whole numbers.
    """
    for row in range(reward.shape[0]):
        if not -LARGEST_BID <= reward[row] <= LARGEST_BID:
            return -2
    for row in range(observation.shape[0]):
        for column in range(observation.shape[1]):
            value = observation[row, column]
            if not (-np.inf < value < np.inf and low[column] <= value <= high[column]):
                return column
            if low[column] > -np.inf and value != np.floor(value):
                return column
    return -1


@njit(cache=True, forceinline=True)
def auction_rows(where, rows):  # type: ignore[no-untyped-def]
    """Bids, rounding and clearing at table entry `where`, OBSERVATION or FINAL; writes the winners to order[:, 1].

    Returns how many rights need a novice, or -1 if the rule's answer cannot be settled.
    """
    numbers, order, winner = ints_1d(rows, NUMBERS), ints_2d(rows, ORDER), ints_1d(rows, WINNER)
    value, active, payments = floats_2d(rows, VALUE), flags_2d(rows, ACTIVE), floats_2d(rows, PAYMENTS)
    matched = ints_3d(rows, MATCHED)
    call_match(numbers[MATCH_ADDRESS], floats_2d(rows, where), ints_1d(rows, INTEGERS), floats_1d(rows, REALS), matched)
    mean_bids(floats_1d(rows, PRICE), matched, value)
    for row in range(active.shape[0]):
        for i in range(active.shape[1]):
            active[row, i] = True
    quantise(value, active, floats_1d(rows, TERMS)[2], value, active)
    call_rule(
        numbers[RULE_ADDRESS], value, active, floats_1d(rows, UNIFORM), floats_1d(rows, PARAMETERS), winner, payments
    )
    if not sound_answer(winner, payments, active):
        return -1
    missing = 0
    for row in range(value.shape[0]):
        order[row, 1] = winner[row]
        if winner[row] < 0 and order[row, 2] < 0 and order[row, 0] == SALE:
            missing += 1
    return missing


@njit(cache=True, forceinline=True)
def _pay_and_learn(rows):  # type: ignore[no-untyped-def]
    """Settlement of the rows in `order`, and learning of those who sold."""
    numbers, order, outcome = ints_1d(rows, NUMBERS), ints_2d(rows, ORDER), floats_2d(rows, OUTCOME)
    books = (ints_1d(rows, BALANCE), ints_1d(rows, FLOWS), ints_2d(rows, TAPE), ints_1d(rows, CURSOR))
    settle(order, floats_2d(rows, VALUE), floats_2d(rows, PAYMENTS), ints_3d(rows, ACCOUNT), floats_1d(rows, REWARD),
           floats_1d(rows, TERMS), floats_1d(rows, WEIGHTS), books, ints_2d(rows, POSITION), ints_2d(rows, OWNER),
           ints_3d(rows, LIEN_OWNER), ints_2d(rows, LIEN_HELD), outcome, floats_1d(rows, SURPRISE))  # fmt: skip
    bought_at, standing, buyer = floats_2d(rows, BOUGHT_AT), ints_3d(rows, STANDING), ints_1d(rows, BUYER)
    integers, reals = ints_1d(rows, INTEGERS), floats_1d(rows, REALS)
    hindsight = (floats_1d(rows, STEADY), floats_1d(rows, LICENCE), floats_1d(rows, REVENUE), floats_1d(rows, PAPER),
                 floats_3d(rows, EPISODES), ints_2d(rows, MARKS), floats_1d(rows, RETURNS))  # fmt: skip
    if numbers[FIXED] == 0:  # agents may have been born or have died where the right was bought
        call_match(numbers[MATCH_ADDRESS], bought_at, integers, reals, standing)
    for row in range(order.shape[0]):
        if outcome[row, SOLD] > 0.0:
            learn_row(row, buyer[row], outcome[row, REALISED], floats_1d(rows, REWARD)[row], order[row, 0], bought_at,
                      floats_2d(rows, FINAL), standing, floats_1d(rows, FADING), floats_1d(rows, TERMS)[0], numbers,
                      integers, reals, floats_1d(rows, PRICE), ints_1d(rows, TRADES), ints_1d(rows, CLOCK),
                      floats_1d(rows, RATE), ints_3d(rows, CLAIMS), ints_1d(rows, OPENED), numbers[TWINS],
                      hindsight)  # fmt: skip


@njit(cache=True, forceinline=True)
def finish_rows(rows):  # type: ignore[no-untyped-def]
    """After the auction: settlement, learning of the sellers, and the choice of the next owners."""
    order, matched, standing = ints_2d(rows, ORDER), ints_3d(rows, MATCHED), ints_3d(rows, STANDING)
    account, first = ints_3d(rows, ACCOUNT), ints_1d(rows, NUMBERS)[FIRST_ACCOUNT]
    for row in range(matched.shape[0]):
        for i in range(matched.shape[1]):
            for k in range(matched.shape[2]):
                account[row, i, k] = matched[row, i, k] + first
    _pay_and_learn(rows)
    observation, bought_at = floats_2d(rows, OBSERVATION), floats_2d(rows, BOUGHT_AT)
    buyer, reward = ints_1d(rows, BUYER), floats_1d(rows, REWARD)
    for row in range(matched.shape[0]):
        buyer[row] = order[row, 2] if order[row, 2] >= 0 else order[row, 1]
        reward[row] = 0.0  # paid; what comes next may be interrupted
        for d in range(observation.shape[1]):
            bought_at[row, d] = observation[row, d]
        for i in range(matched.shape[1]):
            for k in range(matched.shape[2]):
                standing[row, i, k] = matched[row, i, k]


@njit(cache=True)
def close_rows(rows):  # type: ignore[no-untyped-def]
    """End chains of trade: order[:, 0] says which rows, and whether their state at FINAL is priced (TRUNCATED)."""
    order, priced = ints_2d(rows, ORDER), False
    for row in range(order.shape[0]):
        order[row, 1], order[row, 2] = -1, -1
        priced = priced or order[row, 0] == TRUNCATED
    if unsound(floats_2d(rows, FINAL), floats_1d(rows, LOW), floats_1d(rows, HIGH), floats_1d(rows, REWARD)) != -1:
        return UNSOUND
    if priced and auction_rows(FINAL, rows) < 0:
        return NONSENSE
    _pay_and_learn(rows)
    for row in range(order.shape[0]):
        order[row, 0], order[row, 1], order[row, 2] = SALE, -1, -1
    return 0


@njit(cache=True, forceinline=True)
def trade_round(rows):  # type: ignore[no-untyped-def]
    """One round in every row; rows of an `ArrayTable` that `CompiledTrade` made."""
    if (
        unsound(floats_2d(rows, OBSERVATION), floats_1d(rows, LOW), floats_1d(rows, HIGH), floats_1d(rows, REWARD))
        != -1
    ):
        return UNSOUND
    missing = auction_rows(OBSERVATION, rows)
    if missing != 0:
        return UNSOLD if missing > 0 else NONSENSE
    finish_rows(rows)
    return 0


class CompiledTrade:
    """The auction, the settlement and the learning of a market's rows, as one call.

    `rows` is what `trade_round` takes; the arrays behind it are those of round, population, ledger and settlement
    themselves, so compiled and plain rounds can follow each other.
    """

    def __init__(self, current: "Round", settlement: "Settlement") -> None:
        market: Any = current.market
        population = market.population
        self.kernels, rule, world = population.kernels, market.auction.rule, market.world
        shape = (current.rows, population.n_bidders)
        self.random = rule.random
        self.value, self.payments, self.winner = np.zeros(shape), np.zeros(shape), np.zeros(shape[0], dtype=np.int64)
        self.order = np.full((shape[0], 3), -1, dtype=np.int64)
        self.order[:, 0] = SALE
        self.uniform = np.zeros(shape[0])
        self.table = ArrayTable([
            self._numbers(current), world.low, world.high, self.uniform, rule.parameters, self.order, self.value,
            np.ones(shape, dtype=bool), self.winner, self.payments, *self._places(current),
            current.observation, current.final, current.bought_at, current.winner, current.reward,
            self.kernels.integers, self.kernels.reals, *self._learning(current), settlement.terms, settlement.weights,
            *market.ledger.books, settlement.position, settlement.owner,
            settlement.lien_owner, settlement.lien_held, settlement.outcome, settlement.surprise,
            *market.population.hindsight.arrays,
        ])  # fmt: skip
        self.rows = self.table.rows

    def _numbers(self, current: "Round") -> np.ndarray:
        market: Any = current.market
        twins = market.population.learning_arrays[-2]
        rule = address_of(market.auction.rule.function, RULE)
        numbers = [*self.kernels.addresses, rule, int(market.accounts[0]), twins, self.kernels.fixed]
        return np.array(numbers, dtype=np.int64)

    def _places(self, current: "Round") -> list[np.ndarray]:
        """Who stands at the observation, who stood at the last one, and the accounts of the former, int64 [B, n, K]."""
        shape = (current.rows, current.population.n_bidders, current.population.members)  # type: ignore[attr-defined]
        matched, standing, account = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        if self.kernels.fixed:
            self.kernels.match(current.observation, self.kernels.integers, self.kernels.reals, standing)
        return [matched, standing, account]

    def _learning(self, current: "Round") -> list[Any]:
        population: Any = current.population
        decay = current.market.chain.discount * current.market.chain.royalty
        weights = population.open_past(current.rows, decay)
        population.open_tape(current.rows, current.observation.shape[1])
        return [*population.learning_arrays[:-2], weights]


def missing_parts(market: Any) -> list[str]:
    """Why a market's rounds cannot run in compiled code: one phrase for every reason, none if they can."""
    family = type(market.population)
    reasons = []
    if not market.compiled_parts:
        reasons.append("compiled_parts=False")
    if market.auction.rule is None:
        reasons.append(f"the mechanism {type(market.auction.mechanism).__name__} offers no compiled rule")
    if not isinstance(market.population, Syndicates):
        reasons.append(f"the population {family.__name__} is no family of syndicates (tabular, tiles or growing)")
    elif family.bid is not Syndicates.bid or family.learn is not Syndicates.learn:
        reasons.append(f"the population {family.__name__} bids or learns in plain Python")
    if market.ledger.journal:
        reasons.append("the ledger keeps a journal")
    if market.selection is not None:
        reasons.append("selection changes the population")
    return reasons
