"""Moving the money of a log again, from its trades alone, without agents, auctions or environment.

A second, plain reading of the settlement rule (`marketic.settlement`), in integers: with price p, cash paid c, reward r,
discount gamma and royalty lambda, all in ticks and rounded to even,

    cash = p - lambda p,  kept = gamma cash,  subsidy = cash - c,  discount = cash - kept,  royalty = lambda (r + kept)

the world pays r and the house the subsidy to the seller, who hands discount and royalty to the house; the house puts
royalties aside for earlier owners and pays them out when their claim runs out, or the chain of owners ends. K members
of a syndicate share every amount a as a (k + 1) // K - a k // K.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from marketic.events.manifest import AlteredLog
from marketic.events.tape import CONTRIBUTION, SALE, TERMINATED
from marketic.ledger import BUYBACK, DISCOUNT, HOUSE, MEMOS, NOVICE, PAYMENT, REWARD, ROYALTY, SUBSIDY, WORLD

FINE, NO_ROOM, STRANGER, CLOSED, NOT_THE_OWNER, NOBODY_OWNED, OTHER_BALANCES, NO_SUCH_RIGHT = range(8)
"""Answers of `replay_trades`: all is well; the journal is full; an account that is not there; one that left the market;
the seller did not own the right; an income without an owner; balances that are not those that were logged; a right or a
kind of trade that is not there."""
FAULTS = {
    STRANGER: "names an account that was never opened",
    CLOSED: "sells a right to account {buyer}, which had left the market",
    NOT_THE_OWNER: "says that account {seller} sold the right, but account {owner} owned it",
    NO_SUCH_RIGHT: "is of kind {kind}, about a right that the market does not have, or of a kind that there is not",
    NOBODY_OWNED: "pays an income of {reward} ticks for a right that nobody owned",
    OTHER_BALANCES: "does not leave the balances that were logged (price {price}, paid {paid}, reward {reward} ticks, "
    "from account {buyer} to account {seller})",
}
"""What answers other than `FINE` and `NO_ROOM` say about a trade."""
NEWEST, LIENS, OWNED, PAID = range(4)
MOST_CLAIMS = 2**28
"""Claims of earlier owners, over all rights and members: 2 GiB."""


@njit(cache=True)
def _hand(books, memo, payers, payees, amount):  # type: ignore[no-untyped-def]
    """Payers hand an amount to payees, int64 [K] or [1], in shares. cursor: rows of the journal, and the trade at hand."""
    balance, flows, journal, cursor = books
    parts = max(payers.shape[0], payees.shape[0])
    flows[memo] += amount
    for k in range(parts):
        share = amount * (k + 1) // parts - amount * k // parts
        payer = payers[k if payers.shape[0] > 1 else 0]
        payee = payees[k if payees.shape[0] > 1 else 0]
        balance[payer] -= share
        balance[payee] += share
        if journal.shape[0] > 0 and share != 0:
            line = journal[cursor[0]]
            line[0], line[1], line[2], line[3], line[4] = memo, payer, payee, share, cursor[1]
            cursor[0] += 1


@njit(cache=True)
def _fault(kind, seller, buyers, owned, owner, reward, closed, accounts):  # type: ignore[no-untyped-def]
    """What is wrong with a trade before any money moves."""
    if not 0 <= seller < accounts:
        return STRANGER
    for k in range(buyers.shape[0]):
        if not 0 <= buyers[k] < accounts:
            return STRANGER
        if closed[buyers[k]]:
            return CLOSED
    if seller != (owner[0] if owned else HOUSE):
        return NOT_THE_OWNER
    if not owned and (reward != 0 or kind not in (SALE, CONTRIBUTION)):
        return NOBODY_OWNED
    return FINE


@njit(cache=True)
def _earn(books, row, kind, price, paid, reward, terms, weights, place, owner, lien_held, house, world):  # type: ignore[no-untyped-def]  # fmt: skip
    """The owner's income, and what it hands on."""
    discount, royalty = terms[0], terms[1]
    subsidy, withheld, kept = np.int64(0), np.int64(0), np.int64(0)
    if kind == SALE:
        cash = price - np.int64(np.rint(royalty * price))
        kept = np.int64(np.rint(discount * cash))
        subsidy, withheld = cash - paid, cash - kept
    elif kind != TERMINATED:
        kept = np.int64(np.rint(discount * price))
        subsidy = kept
    income = reward + kept
    _hand(books, REWARD, world, owner[row], reward)
    _hand(books, SUBSIDY if kind == SALE else BUYBACK, house, owner[row], subsidy)
    _hand(books, DISCOUNT, owner[row], house, withheld)
    _hand(books, ROYALTY, owner[row], house, np.int64(np.rint(royalty * income)))
    if royalty != 0.0:
        length = lien_held.shape[1]
        for age in range(1, place[row, LIENS]):
            lien_held[row, (place[row, NEWEST] - age) % length] += np.int64((1.0 - royalty) * weights[age] * income)


@njit(cache=True)
def _release(books, row, slot, lien_owner, lien_held, house):  # type: ignore[no-untyped-def]
    """The house pays out what it holds for one earlier owner."""
    _hand(books, ROYALTY, house, lien_owner[row, slot], lien_held[row, slot])
    lien_held[row, slot] = 0


@njit(cache=True)
def _digits(balance, seller, buyers):  # type: ignore[no-untyped-def]
    total = balance[WORLD] + 3 * balance[HOUSE] + 5 * balance[seller]
    for k in range(buyers.shape[0]):
        total += (2 * k + 7) * balance[buyers[k]]
    return total & 0xFFFF


@njit(cache=True)
def replay_trades(start, row, kind, novice, seller, buyers, price, paid, reward, check, terms, weights, closed, books,
                  place, owner, lien_owner, lien_held):  # type: ignore[no-untyped-def]  # fmt: skip
    """Replay trades from number `start` of the columns on. Returns (first trade not replayed, why: FINE if all were)."""
    house, world = np.array([HOUSE]), np.array([WORLD])
    balance, _, journal, cursor = books
    members, length = owner.shape[1], lien_held.shape[1]
    for t in range(start, row.shape[0]):
        if journal.shape[0] > 0 and cursor[0] + members * (6 + length) > journal.shape[0]:
            return t, NO_ROOM
        r, cursor[1] = row[t], t
        if not 0 <= r < place.shape[0] or not SALE <= kind[t] <= CONTRIBUTION:
            return t, NO_SUCH_RIGHT
        owned = place[r, OWNED] == 1
        fault = _fault(kind[t], seller[t], buyers[t], owned, owner[r], reward[t], closed, balance.shape[0])
        if fault != FINE:
            return t, fault
        if kind[t] == SALE or kind[t] == CONTRIBUTION:
            memo = NOVICE if novice[t] else PAYMENT
            _hand(books, memo, buyers[t], owner[r] if owned else house, paid[t])
            place[r, PAID] += paid[t]  # losers' contributions come before the sale
            if kind[t] == CONTRIBUTION:
                continue
        if owned:
            _earn(
                books,
                r,
                kind[t],
                price[t],
                place[r, PAID],
                reward[t],
                terms,
                weights,
                place,
                owner,
                lien_held,
                house,
                world,
            )
        place[r, PAID] = 0
        shown = buyers[t]
        if kind[t] == SALE:
            slot = (place[r, NEWEST] + 1) % length
            _release(books, r, slot, lien_owner, lien_held, house)
            place[r, NEWEST], place[r, LIENS], place[r, OWNED] = slot, min(place[r, LIENS] + 1, length), 1
            owner[r] = shown
            lien_owner[r, slot] = shown
        else:
            for slot in range(length):
                _release(books, r, slot, lien_owner, lien_held, house)
            place[r, LIENS], place[r, OWNED] = 0, 0
            shown = shown[:1]
        if _digits(balance, seller[t], shown) != check[t]:
            return t, OTHER_BALANCES
    return row.shape[0], FINE


@dataclass
class Books:
    """The replayed market's money: balances and flows (ticks), and who owns which right."""

    balance: np.ndarray
    flows: np.ndarray
    place: np.ndarray
    owner: np.ndarray
    lien_owner: np.ndarray
    lien_held: np.ndarray
    closed: np.ndarray
    terms: np.ndarray
    weights: np.ndarray

    @classmethod
    def open(cls, header: dict[str, Any]) -> "Books":
        """Empty books for a log. Raises AlteredLog if its header does not say by what terms to replay it."""
        missing = [name for name in ("weights", "flows", "baseline") if name not in header]
        if missing:
            raise AlteredLog(f"the manifest's header was altered: {missing[0]!r} is missing; restore the log")
        if not header["weights"] or len(header["flows"]) != len(MEMOS):
            raise AlteredLog("the manifest's header was altered: 'weights' or 'flows' are too few; restore the log")
        rows, members, weights = header["rows"], header["members"], np.array(header["weights"], dtype=float)
        if rows * members * len(weights) > MOST_CLAIMS:
            raise AlteredLog("the manifest's header was altered: no memory holds as many claims; restore the log")
        accounts = header["first_account"] + header["agents"]
        return cls(
            balance=np.zeros(accounts, dtype=np.int64),
            flows=np.array(header["flows"], dtype=np.int64),
            place=np.zeros((rows, 4), dtype=np.int64),
            owner=np.zeros((rows, members), dtype=np.int64),
            lien_owner=np.zeros((rows, len(weights), members), dtype=np.int64),
            lien_held=np.zeros((rows, len(weights)), dtype=np.int64),
            closed=np.zeros(accounts, dtype=bool),
            terms=np.array([header["discount"], header["royalty"]]),
            weights=weights,
        )

    def enter(self, highest: int) -> None:
        """Make room for accounts up to a number."""
        more = highest + 1 - len(self.balance)
        if more > 0:
            self.balance = np.concatenate([self.balance, np.zeros(more, dtype=np.int64)])
            self.closed = np.concatenate([self.closed, np.zeros(more, dtype=bool)])

    def transfer(self, memo: str, payer: int, payee: int, ticks: int) -> None:
        """One transfer outside of trade."""
        self.balance[payer] -= ticks
        self.balance[payee] += ticks
        self.flows[MEMOS.index(memo)] += ticks


class Trades:
    """One part's trades as the arrays that `replay_trades` takes.

    first: the number of its first trade; in_order: whether those that follow have the numbers that follow.
    """

    def __init__(self, table: Any, members: int) -> None:
        self.table = table
        names = ("row", "kind", "novice", "seller", "price", "paid", "reward", "check")
        kinds = ("int64", "int64", "bool", "int64", "int64", "int64", "int64", "int64")
        row, kind, novice, seller, *money = (
            table.column(name).to_numpy().astype(kind) for name, kind in zip(names, kinds, strict=True)
        )
        if members > 1:
            lists = table.column("buyers").combine_chunks()
            buyers = lists.flatten().to_numpy().astype(np.int64).reshape(-1, members)
        else:
            buyers = table.column("buyer").to_numpy().astype(np.int64)[:, None]
        self.columns = (row, kind, novice, seller, buyers, *money)
        number = table.column("trade").to_numpy()
        self.first = int(number[0]) if len(table) else 0
        self.in_order = bool((number == self.first + np.arange(len(table))).all())

    def __len__(self) -> int:
        return len(self.table)

    def replay(self, books: Books, start: int, stop: int, journal: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        """Replay trades start to below stop of this part. Yields (next trade, answer, transfers) until done or wrong.

        journal: int64 [k, 5] to write transfers to (memo, payer, payee, ticks, place of its trade in this part); k = 0: none.
        """
        at, answer, cursor = start, NO_ROOM, np.zeros(2, dtype=np.int64)
        columns = [column[:stop] for column in self.columns]
        while answer == NO_ROOM:
            cursor[0] = 0
            at, answer = replay_trades(  # type: ignore[call-arg]
                at, *columns, books.terms, books.weights, books.closed,
                (books.balance, books.flows, journal, cursor), books.place, books.owner, books.lien_owner, books.lien_held,
            )  # fmt: skip
            yield at, answer, journal[: cursor[0]].copy()
