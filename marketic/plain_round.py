"""The round of plain-Python agents in one row, without what arrays of ten cost: what `marketic.round` does, step by step.

A call into numpy costs about as much as ten of Python's own operations, and a record of several fields as much again; with
ten agents the market would spend more on those than the agents on their bids. Here the numbers between the agents' calls
stay plain floats, and one compiled call checks the mechanism's answer, settles it and hands the right over. Same order, same
arithmetic: a test holds both ways to the same bits. Whatever is unusual (somebody stays away, a bid or an answer is
refused, nobody buys) is left to the round itself, before anything has changed.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from marketic.array_table import ArrayTable, floats_1d, floats_2d, ints_1d, ints_2d, ints_3d
from marketic.auction import read_clearing
from marketic.bids import LARGEST_BID, Bids
from marketic.clearing import Clearing
from marketic.individuals import Individuals, Trade, for_reading
from marketic.settlement import SALE, TERMINATED, settle
from marketic.soundness import unsound

if TYPE_CHECKING:
    from marketic.chain import Settlement
    from marketic.round import Round

_FLAG, _AMOUNT = np.dtype(bool), np.dtype(float)
(
    LOW, HIGH, ORDER, REWARD, TERMS, WEIGHTS, BALANCE, FLOWS, TAPE, CURSOR, POSITION, OWNER, LIEN_OWNER, LIEN_HELD, OUTCOME,
    SURPRISE, LOG_STATE, LOG_TAPE, ACCOUNT, OBSERVATION, BOUGHT_AT, BUYER, NOTHING,
) = range(23)  # entries of the table, in the order in which `PlainTrade` writes them  # fmt: skip


@njit(cache=True)
def sound_row(rows):  # type: ignore[no-untyped-def]
    """Whether observation and reward may be traded on."""
    fault = unsound(floats_2d(rows, OBSERVATION), floats_1d(rows, LOW), floats_1d(rows, HIGH), floats_1d(rows, REWARD))
    return fault == -1


@njit(cache=True)
def round_bids(value, tick):  # type: ignore[no-untyped-def]
    """Put bids, float64 [1, n], on the ledger's grid, as `marketic.bids.quantise` does; False: one would be refused."""
    largest = min(LARGEST_BID, 2.0**60 * tick)
    for i in range(value.shape[1]):
        if not -largest <= value[0, i] <= largest:
            return False
        value[0, i] = np.rint(value[0, i] / tick) * tick
    return True


@njit(cache=True, forceinline=True)
def _settle(rows, value, payments):  # type: ignore[no-untyped-def]
    books = (ints_1d(rows, BALANCE), ints_1d(rows, FLOWS), ints_2d(rows, TAPE), ints_1d(rows, CURSOR))
    settle(ints_2d(rows, ORDER), value, payments, ints_3d(rows, ACCOUNT), floats_1d(rows, REWARD), floats_1d(rows, TERMS),
           floats_1d(rows, WEIGHTS), books, ints_2d(rows, POSITION), ints_2d(rows, OWNER), ints_3d(rows, LIEN_OWNER),
           ints_2d(rows, LIEN_HELD), floats_2d(rows, OUTCOME), floats_1d(rows, SURPRISE), ints_1d(rows, LOG_STATE),
           ints_2d(rows, LOG_TAPE))  # fmt: skip


@njit(cache=True)
def sell(rows, value, allocation, payments):  # type: ignore[no-untyped-def]
    """Settle one auction in which all n bid: value, payments float64 [1, n], allocation bool [1, n].

    The new owner stands in BUYER, at BOUGHT_AT. Returns it, or -1, and nothing has changed, where there is no single winner or
    a payment is unsound.
    """
    winner, count = -1, 0
    for i in range(allocation.shape[1]):
        if allocation[0, i]:
            winner = i
            count += 1
        if not -LARGEST_BID <= payments[0, i] <= LARGEST_BID:
            return -1
    if count != 1:
        return -1
    order, observation, bought_at = ints_2d(rows, ORDER), floats_2d(rows, OBSERVATION), floats_2d(rows, BOUGHT_AT)
    order[0, 0], order[0, 1], order[0, 2] = SALE, winner, -1
    _settle(rows, value, payments)
    ints_1d(rows, BUYER)[0] = winner
    floats_1d(rows, REWARD)[0] = 0.0  # paid; what comes next may be interrupted
    for d in range(observation.shape[1]):
        bought_at[0, d] = observation[0, d]
    return winner


@njit(cache=True)
def end(rows):  # type: ignore[no-untyped-def]
    """Settle a terminal state: the last owner gets its reward."""
    order, nothing = ints_2d(rows, ORDER), floats_2d(rows, NOTHING)
    order[0, 0], order[0, 1], order[0, 2] = TERMINATED, -1, -1
    _settle(rows, nothing, nothing)


class PlainTrade:
    """The trade of one right between `Individuals`. `trade` and `terminate` do what their namesakes in `Round` do."""

    def __init__(self, current: "Round", settlement: "Settlement") -> None:
        market: Any = current.market
        self.current, self.population, self.outcome = current, market.population, settlement.outcome
        self.rng, self.tick = market.streams.mechanism, market.ledger.tick
        self.agents, self.accounts, self.balance = market.population.n_agents, market.accounts, market.ledger.balance
        self.shape, self.active = (1, self.agents), np.ones((1, self.agents), dtype=bool)
        self.bidder = np.arange(self.agents)[None, :, None]
        self.action, self.actions = np.zeros(1, dtype=np.int64), int(market.world.rights.sizes[0])
        world, self.order = market.world, np.full((1, 3), -1, dtype=np.int64)
        self.table = ArrayTable([
            world.low, world.high, self.order, current.reward, settlement.terms, settlement.weights, *market.ledger.books,
            settlement.position, settlement.owner, settlement.lien_owner, settlement.lien_held, settlement.outcome,
            settlement.surprise, *settlement.log, market.accounts[self.bidder], current.observation, current.bought_at,
            current.winner, np.zeros(self.shape),
        ])  # fmt: skip
        self.rows, self.here, self.bought = self.table.rows, current.observation[0], current.bought_at[0]
        self.shown = for_reading(self.here)  # what agents see until the next sale

    @property
    def stale(self) -> bool:
        """Whether agents or accounts are others than when the table was written, or novices have come into play."""
        market = self.current.market
        same = self.balance is market.ledger.balance and self.accounts is market.accounts and market.novices is None
        return not same or self.agents != len(self.population.agents)

    def trade(self) -> None:
        """Sell the right; yesterday's owner is paid and learns."""
        current = self.current
        if not sound_row(self.rows):
            current.check(current.observation)
        self.shown = for_reading(self.here)
        offers = self.population.offers(self.shown)
        value = self._amounts(offers)
        if value is None:
            bids = self.population.bids([self.population.read(offers)])
            current.sell(*current.auction.hold(lambda _: bids, current.observation, self.agents, self.agents))
            return
        bids = Bids.unchecked(value, self.active.copy(), None, None, self.bidder)
        mechanism = current.auction.mechanism
        clearing = mechanism.clear(bids, rng=self.rng)
        before, reward, owner = self.bought.copy(), current.reward.item(0), current.winner.item(0)
        if not self._plain(clearing) or sell(self.rows, value, clearing.allocation, clearing.payments) < 0:
            winner, payments = read_clearing(mechanism, bids, clearing)
            current.auction.unsold = winner[0] < 0
            current.sell(bids, winner, payments)
            return
        current.last_auction = value, clearing.payments
        realised, credit, sold, _ = self.outcome[0].tolist()
        if sold:
            self.population.tell(owner, Trade(before, reward, credit, realised, False, False))

    def _amounts(self, offers: list[Any]) -> np.ndarray | None:
        """Bids on the ledger's grid, float64 [1, n]; None if one of them is no sound amount."""
        try:
            value = np.array([offers], dtype=float)  # who stays away (None) becomes NaN
        except Exception:  # an agent's own failure must not end everybody's run
            return None
        return value if value.shape == self.shape and round_bids(value, self.tick) else None

    def _plain(self, clearing: Any) -> bool:
        """Whether a clearing holds arrays that `sell` reads: then it needs no conversion."""
        if type(clearing) is not Clearing:
            return False
        sold, paid = clearing.allocation, clearing.payments
        if type(sold) is not np.ndarray or type(paid) is not np.ndarray:
            return False
        kinds = sold.dtype is _FLAG and paid.dtype is _AMOUNT and sold.shape == paid.shape == self.shape
        return kinds and sold.flags.c_contiguous and paid.flags.c_contiguous

    def act(self) -> np.ndarray:
        """The owner's action number, int64 [1]; the array is reused."""
        self.action[0] = number = self.population.move(self.current.winner.item(0), self.shown)
        if number >= self.actions:
            self.current.check_action(self.action)
        return self.action

    def terminate(self) -> None:
        """The episode ended in a terminal state: the last owner gets its reward and learns."""
        current = self.current
        if not sound_row(self.rows):
            current.check(current.observation)
        reward, owner = current.reward.item(0), current.winner.item(0)
        end(self.rows)
        realised, credit, sold, _ = self.outcome[0].tolist()
        if sold:
            self.population.tell(owner, Trade(self.bought.copy(), reward, credit, realised, True, False))


def trades_plainly(market: Any) -> bool:
    """Whether `PlainTrade` may stand in: plain agents and a plain mechanism, one right in one environment, no extras."""
    population, family = market.population, type(market.population)
    own = ("bid", "bids", "offers", "read", "act", "move", "learn", "tell")
    return (
        isinstance(population, Individuals)
        and all(getattr(family, name) is getattr(Individuals, name) for name in own)
        and market.compiled_parts
        and market.auction.rule is None
        and market.world.rows * market.rights == 1
        and market.novices is None
        and market.log is None
        and not market.ledger.journal
    )
