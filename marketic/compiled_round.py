"""A whole round in one compiled call: what `marketic.round` does step by step, for parts that offer compiled code.

Same order, same arithmetic: a test holds the two to the same bits. The mechanism's rule and the family's functions are
called by address, so that a part from outside is as fast as one of ours.
"""

import numpy as np
from numba import njit

from marketic.agents.syndicates import learn_row, mean_bids
from marketic.array_table import (
    flags_2d,
    floats_1d,
    floats_2d,
    floats_3d,
    ints_1d,
    ints_2d,
    ints_3d,
    lone_2d,
    lone_3d,
    lone_floats,
    none_2d,
    row_2d,
)
from marketic.auction import sound_answer
from marketic.bids import quantise
from marketic.function_pointer import call_match, call_round, call_rule
from marketic.settlement import IDLE, REALISED, SALE, SOLD, TRUNCATED, settle
from marketic.soundness import unsound

UNSOLD, UNSOUND, NONSENSE = 1, 2, 3
"""Answers of `trade_round` besides 0: some right found no buyer (send novices, then call `finish_rows`); an observation
or reward is bad; the mechanism's rule wrote winners or payments that cannot be settled."""

MATCH_ADDRESS, _ENTER, _ADAPT, RULE_ADDRESS, FIRST_ACCOUNT, TWINS, FIXED, PAY_ADDRESS = range(8)  # entries of NUMBERS
(
    NUMBERS, LOW, HIGH, UNIFORM, PARAMETERS, ORDER, VALUE, ACTIVE, WINNER, PAYMENTS, MATCHED, STANDING, ACCOUNT,
    OBSERVATION, FINAL, BOUGHT_AT, BUYER, REWARD, INTEGERS, REALS, PRICE, TRADES, CLOCK, RATE, CLAIMS, OPENED, FADING,
    TERMS, WEIGHTS, BALANCE, FLOWS, TAPE, CURSOR, POSITION, OWNER, LIEN_OWNER, LIEN_HELD, OUTCOME, SURPRISE,
    STEADY, LICENCE, REVENUE, PAPER, EPISODES, MARKS, RETURNS, REHEARSALS, REHEARSE, LOG_STATE,
    LOG_TAPE,
) = np.arange(50)  # entries of the table, in the order in which `CompiledTrade` writes them  # fmt: skip


@njit(cache=True, forceinline=True)
def auction_rows(where, rows, first, last):  # type: ignore[no-untyped-def]
    """Bids, rounding and clearing at table entry `where`, OBSERVATION or FINAL; writes the winners to order[:, 1].

    Holds the auctions of rows `first` to below `last`. Returns how many rights need a novice, or -1 if the rule's answer
    cannot be settled.
    """
    numbers, order, winner = ints_1d(rows, NUMBERS), ints_2d(rows, ORDER)[first:last], ints_1d(rows, WINNER)[first:last]
    value, active = floats_2d(rows, VALUE)[first:last], flags_2d(rows, ACTIVE)[first:last]
    payments, matched = floats_2d(rows, PAYMENTS)[first:last], ints_3d(rows, MATCHED)[first:last]
    seen = floats_2d(rows, where)[first:last]
    call_match(numbers[MATCH_ADDRESS], seen, ints_1d(rows, INTEGERS), floats_1d(rows, REALS), matched)
    mean_bids(floats_1d(rows, PRICE), matched, value)
    for row in range(active.shape[0]):
        for i in range(active.shape[1]):
            active[row, i] = True
    quantise(value, active, floats_1d(rows, TERMS)[2], value, active)
    uniform = floats_1d(rows, UNIFORM)[first:last]
    call_rule(numbers[RULE_ADDRESS], value, active, uniform, floats_1d(rows, PARAMETERS), winner, payments)
    if not sound_answer(winner, payments, active):
        return -1
    missing = 0
    for row in range(value.shape[0]):
        order[row, 1] = winner[row]
        if winner[row] < 0 and order[row, 2] < 0 and order[row, 0] == SALE:
            missing += 1
    return missing


@njit(cache=True)
def pay_and_learn(rows):  # type: ignore[no-untyped-def]
    """Settlement of the rows in `order`, and learning of those who sold. Called by address: compiled once, not per caller.

    `pay_and_learn_lone` and `pay_and_learn_row` do the same where nobody writes a journal or a log, in two common cases: every
    bidder is one agent and nobody claims royalties; there is one row. Shapes that the compiler knows make code vanish,
    and half of the time in the first case, a tenth in the second. A market compiles only the one that it needs.
    """
    books = ints_1d(rows, BALANCE), ints_1d(rows, FLOWS), ints_2d(rows, TAPE), ints_1d(rows, CURSOR)
    _settle_and_learn(
        rows, ints_2d(rows, ORDER), ints_3d(rows, ACCOUNT), floats_1d(rows, WEIGHTS), books, ints_2d(rows, OWNER),
        ints_3d(rows, LIEN_OWNER), ints_2d(rows, LIEN_HELD), ints_2d(rows, LOG_TAPE), ints_3d(rows, STANDING),
        floats_1d(rows, FADING),
    )  # fmt: skip


@njit(cache=True)
def pay_and_learn_lone(rows):  # type: ignore[no-untyped-def]
    """`pay_and_learn` where every bidder is one agent and nobody claims royalties."""
    books = ints_1d(rows, BALANCE), ints_1d(rows, FLOWS), none_2d(rows, TAPE), ints_1d(rows, CURSOR)
    _settle_and_learn(
        rows, ints_2d(rows, ORDER), lone_3d(rows, ACCOUNT), lone_floats(rows, WEIGHTS), books, lone_2d(rows, OWNER),
        lone_3d(rows, LIEN_OWNER), lone_2d(rows, LIEN_HELD), none_2d(rows, LOG_TAPE), lone_3d(rows, STANDING),
        lone_floats(rows, FADING),
    )  # fmt: skip


@njit(cache=True)
def pay_and_learn_row(rows):  # type: ignore[no-untyped-def]
    """`pay_and_learn` where there is one row."""
    books = ints_1d(rows, BALANCE), ints_1d(rows, FLOWS), none_2d(rows, TAPE), ints_1d(rows, CURSOR)
    _settle_and_learn(
        rows, row_2d(rows, ORDER), ints_3d(rows, ACCOUNT), floats_1d(rows, WEIGHTS), books, ints_2d(rows, OWNER),
        ints_3d(rows, LIEN_OWNER), ints_2d(rows, LIEN_HELD), none_2d(rows, LOG_TAPE), ints_3d(rows, STANDING),
        floats_1d(rows, FADING),
    )  # fmt: skip


@njit(cache=True, inline="always")
def _settle_and_learn(rows, order, account, weights, books, owner, lien_owner, lien_held, log, standing, fading):  # type: ignore[no-untyped-def]  # fmt: skip
    """The same with those arrays whose shapes the compiler may know."""
    numbers, outcome = ints_1d(rows, NUMBERS), floats_2d(rows, OUTCOME)
    settle(order, floats_2d(rows, VALUE), floats_2d(rows, PAYMENTS), account, floats_1d(rows, REWARD), floats_1d(rows, TERMS),
           weights, books, ints_2d(rows, POSITION), owner, lien_owner, lien_held, outcome, floats_1d(rows, SURPRISE),
           ints_1d(rows, LOG_STATE), log)  # fmt: skip
    bought_at, buyer = floats_2d(rows, BOUGHT_AT), ints_1d(rows, BUYER)
    integers, reals = ints_1d(rows, INTEGERS), floats_1d(rows, REALS)
    hindsight = (floats_1d(rows, STEADY), floats_1d(rows, LICENCE), floats_1d(rows, REVENUE), floats_1d(rows, PAPER),
                 floats_3d(rows, EPISODES), ints_2d(rows, MARKS), floats_1d(rows, RETURNS), ints_2d(rows, REHEARSALS),
                 ints_1d(rows, REHEARSE))  # fmt: skip
    if numbers[FIXED] == 0:  # agents may have been born or have died where the right was bought
        call_match(numbers[MATCH_ADDRESS], bought_at, integers, reals, standing)
    reward, final, discount = floats_1d(rows, REWARD), floats_2d(rows, FINAL), floats_1d(rows, TERMS)[0]
    price, trades = floats_1d(rows, PRICE), ints_1d(rows, TRADES)
    clock, rate = ints_1d(rows, CLOCK), floats_1d(rows, RATE)
    claims, opened = ints_3d(rows, CLAIMS), ints_2d(rows, OPENED)
    for row in range(order.shape[0]):
        if outcome[row, SOLD] > 0.0:
            learn_row(row, buyer[row], outcome[row, REALISED], reward[row], order[row, 0], bought_at, final, standing, fading,
                      discount, numbers, integers, reals, price, trades, clock, rate, claims, opened, numbers[TWINS],
                      hindsight)  # fmt: skip


@njit(cache=True, forceinline=True)
def finish_rows(rows):  # type: ignore[no-untyped-def]
    """After the auction: settlement, learning of the sellers, and the choice of the next owners."""
    order, matched = ints_2d(rows, ORDER), ints_3d(rows, MATCHED)
    account, first = ints_3d(rows, ACCOUNT), ints_1d(rows, NUMBERS)[FIRST_ACCOUNT]
    payments, members = floats_2d(rows, PAYMENTS), matched.shape[2]
    for row in range(matched.shape[0]):
        for i in range(matched.shape[1]):
            # the others' accounts stay untouched; with one member it is quicker to write them than to ask
            if members == 1 or i == order[row, 1] or i == order[row, 2] or payments[row, i] != 0.0:
                for k in range(members):
                    account[row, i, k] = matched[row, i, k] + first
    call_round(ints_1d(rows, NUMBERS)[PAY_ADDRESS], rows)
    observation, bought_at = floats_2d(rows, OBSERVATION), floats_2d(rows, BOUGHT_AT)
    buyer, reward = ints_1d(rows, BUYER), floats_1d(rows, REWARD)
    for row in range(matched.shape[0]):
        buyer[row] = order[row, 2] if order[row, 2] >= 0 else order[row, 1]
        reward[row] = 0.0  # paid; what comes next may be interrupted
        for d in range(observation.shape[1]):
            bought_at[row, d] = observation[row, d]
    rows[MATCHED, 0], rows[STANDING, 0] = (
        rows[STANDING, 0],
        rows[MATCHED, 0],
    )  # those who stand here stood there next time


@njit(cache=True)
def close_rows(rows):  # type: ignore[no-untyped-def]
    """End chains of trade: order[:, 0] says which rows, and whether their state at FINAL is priced (TRUNCATED)."""
    order, final, reward = ints_2d(rows, ORDER), floats_2d(rows, FINAL), floats_1d(rows, REWARD)
    low, high, first = floats_1d(rows, LOW), floats_1d(rows, HIGH), 0
    for row in range(order.shape[0]):
        if order[row, 0] != IDLE and unsound(final[row : row + 1], low, high, reward[row : row + 1]) != -1:
            return UNSOUND
    for row in range(order.shape[0]):  # the states that were cut short are priced, in runs of neighbouring rows
        if order[row, 0] != TRUNCATED:
            first = row + 1
            continue
        last = row + 1 == order.shape[0] or order[row + 1, 0] != TRUNCATED
        if last and auction_rows(FINAL, rows, first, row + 1) < 0:
            return NONSENSE
    call_round(ints_1d(rows, NUMBERS)[PAY_ADDRESS], rows)
    for row in range(order.shape[0]):
        if order[row, 0] != IDLE:
            order[row, 1], order[row, 2] = -1, -1
        order[row, 0] = SALE
    return 0


@njit(cache=True, forceinline=True)
def trade_round(rows):  # type: ignore[no-untyped-def]
    """One round in every row; rows of an `ArrayTable` that `CompiledTrade` made."""
    if (
        unsound(floats_2d(rows, OBSERVATION), floats_1d(rows, LOW), floats_1d(rows, HIGH), floats_1d(rows, REWARD))
        != -1
    ):
        return UNSOUND
    missing = auction_rows(OBSERVATION, rows, np.int64(0), ints_2d(rows, ORDER).shape[0])
    if missing != 0:
        return UNSOLD if missing > 0 else NONSENSE
    finish_rows(rows)
    return 0
