"""Compiled settlement: what happens to money when a right is sold, when an episode ends, and when it is cut short.

One row per right that is being traded. Amounts are integer ticks. The K members of a buying syndicate pay the K members
of the selling one pairwise. With royalty lambda a buyer pays only (1 - lambda) of the price in cash and owes the seller
lambda of whatever it earns itself, so the owner j sales ago receives (1 - lambda) (discount lambda)^j of each
income: G_t = r_t + discount [(1 - lambda) p_{t+1} + lambda G_{t+1}], the lambda-return, paid in money. Royalties are
held by the house until the owner's lien runs out (its weight falls below 1 %) or the episode ends. Where an episode is
cut short the house buys the right back with all that it may still earn, at the full price: there G_{t+1} = p_{t+1}.
"""

import numpy as np
from numba import njit

from marketic.array_table import floats_1d, floats_2d, ints_1d, ints_2d, ints_3d
from marketic.errors import InputError
from marketic.events.tape import CONTRIBUTION, LEVEL, begin_round, end_round, note_trade
from marketic.ledger import BUYBACK, HOUSE, NOVICE, PAYMENT, ROYALTY, SUBSIDY, WORLD, move_shares, pay_income

IDLE, SALE, TERMINATED, TRUNCATED = 0, 1, 2, 3
"""What a row does in a call of `settle`: nothing; sells to today's winner; ends worthless; ends and is bought back."""
NEWEST, LIENS, OWNED = 0, 1, 2  # columns of `position`
REALISED, CREDIT, SOLD, BID = 0, 1, 2, 3  # columns of `outcome`
MOST_TICKS, MOST_BALANCE = 2.0**60, np.int64(2**62)
"""What may be paid at a time, and what an account may hold or owe: int64 would wrap around at 2**63."""
OUT_OF_RANGE = (
    "an amount or a balance would leave the ledger's 64-bit range (2**60 ticks at a time, 2**62 in an account): wanted rewards "
    "and bids that are smaller beside the tick, or fewer steps; scale the reward, e.g. with "
    "gymnasium.wrappers.TransformReward, or use a larger tick: Market(..., ledger=Ledger(tick=1.0))"
)
_HOUSE, _WORLD = np.array([HOUSE]), np.array([WORLD])


@njit(cache=True, forceinline=True)
def _to_ticks(amount, tick):  # type: ignore[no-untyped-def]
    ticks = np.rint(amount / tick)
    if not abs(ticks) <= MOST_TICKS:
        raise InputError(OUT_OF_RANGE)
    return np.int64(ticks)


@njit(cache=True, forceinline=True)
def _check_balance(balance, account):  # type: ignore[no-untyped-def]
    """Accounts that grow are looked at after each sale: one sale moves far less than is left then."""
    if balance[account] > MOST_BALANCE or balance[account] < -MOST_BALANCE:
        raise InputError(OUT_OF_RANGE)


@njit(cache=True, forceinline=True)
def _pay_royalties(row, income, royalty, weights, lien_held, position):  # type: ignore[no-untyped-def]
    """Earlier owners' parts of the royalty that the owner passed on from its income are put aside in `lien_held`."""
    newest, liens, length = position[row, NEWEST], position[row, LIENS], lien_held.shape[1]
    if length == 1 or royalty == 0.0 or income == 0:
        return
    for age in range(1, min(liens, newest + 1)):  # age 0 is the owner itself
        lien_held[row, newest - age] += np.int64((1.0 - royalty) * weights[age] * income)
    for age in range(newest + 1, liens):  # round the ring; two loops, so that each runs through memory in one direction
        lien_held[row, newest - age + length] += np.int64((1.0 - royalty) * weights[age] * income)


@njit(cache=True, forceinline=True)
def _release(books, row, slot, lien_owner, lien_held):  # type: ignore[no-untyped-def]
    """Pay out what the house holds for one lien."""
    if lien_held[row, slot] != 0:
        move_shares(books, ROYALTY, _HOUSE, lien_owner[row, slot], lien_held[row, slot])
        lien_held[row, slot] = 0


@njit(cache=True, forceinline=True)
def _purchase(books, row, buyer, owner, lien_owner, lien_held, position):  # type: ignore[no-untyped-def]
    """Write the new owner and open its lien; the oldest lien runs out if the ring is full."""
    length = lien_held.shape[1]
    slot = position[row, NEWEST] + 1 if position[row, NEWEST] + 1 < length else 0
    _release(books, row, slot, lien_owner, lien_held)
    position[row, NEWEST] = slot
    position[row, LIENS] = min(position[row, LIENS] + 1, length)
    position[row, OWNED] = 1
    for k in range(buyer.shape[0]):
        owner[row, k] = buyer[k]
        lien_owner[row, slot, k] = buyer[k]


@njit(cache=True, forceinline=True)
def _income(books, row, stage, price, paid, reward, terms, owner):  # type: ignore[no-untyped-def]
    """Reward and sale price reach the owner, less its royalties; returns its income in ticks, royalties included.

    `paid` has arrived from the buyers already.
    """
    discount, royalty, tick = terms[0], terms[1], terms[2]
    earned = _to_ticks(reward, tick)
    received, withheld, grant = np.int64(0), np.int64(0), np.int64(0)
    if stage == SALE:
        # whoever buys a right owes royalties later and pays less cash for it
        cash = _less_royalties(price, royalty)
        received = np.int64(np.rint(discount * cash))
        grant, withheld = cash - paid, cash - received
    elif stage == TRUNCATED:  # the house buys back the whole claim
        received = np.int64(np.rint(discount * price))
        grant = received
    income = earned + received
    passed_on = income - _less_royalties(income, royalty)
    pay_income(books, owner[row], earned, grant, SUBSIDY if stage == SALE else BUYBACK, withheld, passed_on)
    return income


@njit(cache=True, forceinline=True)
def _less_royalties(ticks, royalty):  # type: ignore[no-untyped-def]
    """What is left of an amount in ticks without the royalties on it."""
    return ticks if royalty == 0.0 else ticks - np.int64(np.rint(royalty * ticks))


@njit(cache=True, forceinline=True)
def _cash(amount, terms):  # type: ignore[no-untyped-def]
    """What a buyer pays now of an amount in currency, ticks: all but the royalties that it owes later."""
    return _less_royalties(_to_ticks(amount, terms[2]), terms[1])


@njit(cache=True, forceinline=True)
def _pay(books, row, memo, amount, payers, terms, owner, owned):  # type: ignore[no-untyped-def]
    """The members of a bidder pay the seller (the house, if nobody owned the right); returns the ticks that they paid."""
    ticks = _cash(amount, terms)
    if ticks != 0:
        if owned:
            move_shares(books, memo, payers, owner[row], ticks)
        else:
            move_shares(books, memo, payers, _HOUSE, ticks)
    return ticks


@njit(cache=True, forceinline=True)
def _charge(books, row, winner, value, payments, novice, account, terms, owner, owned):  # type: ignore[no-untyped-def]
    """Buyers pay the seller; returns the ticks that it got from them.

    A novice pays its own bid; the house, not the novice, makes up the difference to the market's price.
    """
    if novice >= 0:
        return _pay(books, row, NOVICE, value[row, novice], account[row, novice], terms, owner, owned)
    total, others = np.int64(0), 0
    for i in range(value.shape[1]):  # who wins is hard to predict, that nobody else pays is not
        others += i != winner and payments[row, i] != 0.0
    if others == 0:
        return _pay(books, row, PAYMENT, payments[row, winner], account[row, winner], terms, owner, owned)
    for i in range(value.shape[1]):
        total += _pay(books, row, PAYMENT, payments[row, i], account[row, i], terms, owner, owned)
        _check_balance(books[0], account[row, i, 0])
    return total


@njit(cache=True, forceinline=True)
def _price(row, winner, value, payments, by_bid):  # type: ignore[no-untyped-def]
    """What the seller is credited: the winner's bid, or the sum of the payments."""
    if winner < 0:
        return 0.0
    if by_bid:
        return value[row, winner]
    total = 0.0
    for i in range(value.shape[1]):
        total += payments[row, i]
    return total


@njit(cache=True, forceinline=True)
def _note(state, tape, books, row, stage, winner, novice, seller, price, paid, reward, value, payments, account, terms, owner):  # type: ignore[no-untyped-def]  # fmt: skip
    """Put a settled row on the tape of the event log: first what losers paid, if they did, then the trade."""
    balance, no, others = books[0], np.int64(0), np.int64(0)
    if stage != SALE:
        buyers = _WORLD if stage == TERMINATED else _HOUSE
        note_trade(state, tape, balance, row, stage, no - 1, no, seller, buyers, price, no, no, no, reward)
        return
    buyer = novice if novice >= 0 else winner
    if novice < 0:
        for i in range(value.shape[1]):
            if i != buyer and payments[row, i] != 0.0:
                part, payer = _cash(payments[row, i], terms), account[row, i]
                note_trade(state, tape, balance, row, CONTRIBUTION, i, no, seller, payer, no, no, part, no, no)
                others += part
    bid, sent, paid = _to_ticks(value[row, buyer], terms[2]), np.int64(novice >= 0), paid - others
    note_trade(state, tape, balance, row, stage, buyer, sent, seller, owner[row], price, bid, paid, others, reward)


@njit(cache=True, inline="always")
def settle(order, value, payments, account, reward, terms, weights,
           books, position, owner, lien_owner, lien_held, outcome, surprise, state, tape):  # type: ignore[no-untyped-def]  # fmt: skip
    """Settle one round in every row.

    order int64 [B, 3]: what the row does; the auction's winner; the novice that the house sends in instead (-1: none).
    value, payments float64 [B, n]; account int64 [B, n, K]; reward float64 [B], what the owner earned since its purchase;
    terms = (discount, royalty, tick, credit the winner's bid? 1 or 0); weights float64 [L].
    Ownership and liens are updated in place: position int64 [B, 3] (newest lien, open liens, owned), owner [B, K], lien_*.
    Writes outcome float64 [B, 4]: realised = reward + discount * credit, credit (the price announced for what was sold),
    1 if somebody sold, and the winning bid. surprise float64 [2] adds up |realised - bid at purchase| and its count.
    state, tape: of the event log, see `marketic.events.tape`; the tape has no rows if trades are not logged.
    """
    if state[LEVEL] > 0:
        begin_round(order, position, state)
    for row in range(order.shape[0]):
        stage, winner, novice = order[row, 0], order[row, 1], order[row, 2]
        bought = outcome[row, BID]
        outcome[row, REALISED], outcome[row, CREDIT], outcome[row, SOLD] = 0.0, 0.0, 0.0
        if stage == IDLE:
            continue
        price = _price(row, winner, value, payments, terms[3] > 0.0) if stage != TERMINATED else 0.0
        owned = position[row, OWNED] == 1
        paid, seller = np.int64(0), owner[row, 0] if owned else HOUSE
        if stage == SALE:
            paid = _charge(books, row, winner, value, payments, novice, account, terms, owner, owned)
        if owned:
            realised = reward[row] + terms[0] * price
            outcome[row, REALISED], outcome[row, CREDIT], outcome[row, SOLD] = realised, price, 1.0
            surprise[0] += abs(realised - bought)
            surprise[1] += 1.0
            income = _income(books, row, stage, _to_ticks(price, terms[2]), paid, reward[row], terms, owner)
            _pay_royalties(row, income, terms[1], weights, lien_held, position)
            for party in (WORLD, HOUSE, seller):
                _check_balance(books[0], party)
        if stage == SALE:
            buyer = novice if novice >= 0 else winner
            outcome[row, BID] = value[row, buyer]
            _purchase(books, row, account[row, buyer], owner, lien_owner, lien_held, position)
        else:
            for slot in range(lien_held.shape[1]):
                _release(books, row, slot, lien_owner, lien_held)
            position[row, LIENS] = 0
            position[row, OWNED] = 0
        if tape.shape[0] > 0:
            earned = _to_ticks(reward[row], terms[2]) if owned else np.int64(0)
            _note(state, tape, books, row, stage, winner, novice, seller, _to_ticks(price, terms[2]), paid, earned, value,
                  payments, account, terms, owner)  # fmt: skip
    if state[LEVEL] > 0:
        end_round(order, state)


@njit(cache=True)
def settle_table(rows, value, payments, account):  # type: ignore[no-untyped-def]
    """`settle` with all other arguments from an `ArrayTable`, in the order of `marketic.chain.Settlement`.

    Every array argument of a compiled function costs a tenth of a microsecond; these stay where they are.
    """
    books = (ints_1d(rows, 4), ints_1d(rows, 5), ints_2d(rows, 6), ints_1d(rows, 7))
    settle(
        ints_2d(rows, 0), value, payments, account, floats_1d(rows, 1), floats_1d(rows, 2), floats_1d(rows, 3), books,
        ints_2d(rows, 8), ints_2d(rows, 9), ints_3d(rows, 10), ints_2d(rows, 11), floats_2d(rows, 12), floats_1d(rows, 13),
        ints_1d(rows, 14), ints_2d(rows, 15),
    )  # fmt: skip
