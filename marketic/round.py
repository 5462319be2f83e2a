"""One round of the market in every row: observe -> bid -> clear -> settle -> act -> reward -> learn -> select.

A row is one right in one copy of the environment: row = copy * rights + right. The right that is bought now is
resold in the next round; only then does its owner know what it was worth, and learns.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.bids import Bids
from marketic.breaks import last_states
from marketic.callbacks import CallbackList, EpisodeEnd, Sales, StepEnd
from marketic.chain import Settlement
from marketic.compiled_trade import CompiledTrade, missing_parts
from marketic.errors import InputError
from marketic.events.tape import NOTHING
from marketic.plain_round import PlainTrade, trades_plainly
from marketic.population import Receipt
from marketic.right_rows import RightRows
from marketic.settlement import CREDIT, IDLE, OWNED, REALISED, SALE, SOLD, TERMINATED, TRUNCATED
from marketic.small_rewards import LOOK_AT, warn_of_small_rewards
from marketic.soundness import check_action, check_world

if TYPE_CHECKING:
    from marketic.market import Market


_SALE = np.array([SALE, -1, -1])


class Round:
    """The state of training between two steps: what was bought where, and what the world paid since.

    `observation`, `final`, `bought_at` and `reward` are those of `RightRows`; `winner` int64 [rows]: who owns each right. All
    arrays stay where they are, so that compiled code can keep their addresses.
    """

    def __init__(self, market: "Market", callbacks: CallbackList) -> None:
        self.market, self.callbacks, self.log = market, callbacks, market.log
        self.world, self.population, self.auction = market.world, market.population, market.auction
        self.rights = market.rights
        rows = market.world.rows * self.rights
        if hasattr(market.population, "start"):
            market.population.start(rows)
        self.rows = rows
        self._settlement: Settlement | None = None
        self.compiled: CompiledTrade | None = None
        self.plain: PlainTrade | None = None
        self._simple = trades_plainly(market)
        self._order = np.full((rows, 3), -1, dtype=np.int64)
        self.winner = np.full(rows, -1, dtype=np.int64)
        self._nowhere = np.zeros(rows, dtype=bool)
        views = getattr(market.population, "takes_views", False)
        self.seen = seen = RightRows(market.world, self.rights, views, market.ledger.tick)
        self.observation, self.final, self.bought_at, self.reward = (
            seen.observation,
            seen.final,
            seen.bought_at,
            seen.reward,
        )
        self._actions = np.tile(market.world.rights.sizes, market.world.rows)
        self.returns = np.zeros(market.world.rows)
        self._lengths = np.zeros(market.world.rows, dtype=np.int64)
        market.world.reset(seed=market.streams.env_seed())
        self.reward[:] = 0.0
        if self.rights > 1:
            seen.refresh()
        if self.log is not None:
            self.log.begin()
        if not missing_parts(market):
            population: Any = market.population
            settlement = self._open_settlement((rows, population.n_bidders), population.members)
            self.compiled = CompiledTrade(self, settlement)

    def step(self) -> None:
        """Auction every right, let the winners act, and close the episodes that ended."""
        world, compiled = self.world, self.compiled
        if compiled is not None:
            compiled.trade()
            action = compiled.act()
        elif self.plain is not None and not self.plain.stale:
            self.plain.trade()
            action = self.plain.act()
        else:
            self._trade()
            action = self.population.act(self.winner.copy(), self.observation)  # who owns what is ours to remember
            self.check_action(action)
        resting = world.resting if world.rests else None
        world.step(action)
        if self.rights > 1:
            self.seen.refresh()
        self._count(resting)
        if self.callbacks.watches_trades and self._settlement is not None:
            self.callbacks.on_trade(Sales(self.market, *self.last_auction, self.winner, self._settlement.outcome))
        if world.ended:
            self._close_episodes()
        if self.log is not None and self.market.num_timesteps >= self.log.look_at:
            self.log.tick()
        if self.callbacks.watches_steps:
            self.callbacks.on_step(StepEnd(self.market, action))

    def _count(self, resting: np.ndarray | None) -> None:
        """Steps and returns so far; rows that were between two episodes (None: no row) made no step."""
        if self.world.rows == 1 and resting is None:  # without array overhead: this runs at every step
            self.market.num_timesteps += 1
            self.returns[0] += self.world.reward[0]
            self._lengths[0] += 1
            return
        self.returns += self.world.reward
        if resting is None:
            self.market.num_timesteps += self.world.rows
            self._lengths += 1
        else:
            self.market.num_timesteps += self.world.rows - int(np.count_nonzero(resting))
            self._lengths += ~resting

    def pause(self) -> None:
        """A clean break: price what is still owned, buy it back, and drop the open episodes.

        What nobody can price, because an agent or the mechanism fails, ends where it is: its owner has what it earned.
        """
        if self._settlement is None:
            return
        owned = self._settlement.position[:, OWNED] == 1
        if owned.any():
            if self.log is not None:
                self.log.pausing(True)
            try:
                self._close(*last_states(self, owned))
            finally:
                left = self._settlement.position[:, OWNED] == 1
                if left.any():
                    self._order[:] = np.where(left[:, None], (TERMINATED, -1, -1), (IDLE, -1, -1))
                    self._end(None, None)
                if self.log is not None:
                    self.log.pausing(False)
        warn_of_small_rewards(self.market)

    def _trade(self) -> None:
        """Sell every right; yesterday's owners are paid and learn."""
        self.check(self.observation)
        self.sell(*self._hold(self.observation))

    def _hold(self, observation: np.ndarray) -> tuple[Bids, np.ndarray, np.ndarray]:
        """Auction the right to act at each row's observation; see `Auction.hold`."""
        population = self.population
        return self.auction.hold(population.bid, observation, population.n_bidders, len(self.market.accounts))

    def sell(self, bids: Bids, winner: np.ndarray, payments: np.ndarray) -> None:
        """Settle auctions that were held: `bids` on the grid, winner int64 [rows] (-1: nobody), payments float64 [rows, n]."""
        order = self._order
        order[:] = _SALE
        order[:, 1] = buyer = winner
        if self.auction.unsold or self.market.novices is not None:
            order[:, 2] = self.market.send_novices(winner, bids.active)
            buyer = np.where(order[:, 2] >= 0, order[:, 2], winner)
        self.rest(order)
        noted = 0 if self.log is None else self.log.waiting
        settlement, accounts = self._books(bids), self._accounts_of(bids)
        earned = self.reward.copy()
        self.reward.fill(0.0)  # an interrupt may come at any moment, and nobody is paid twice
        try:
            settlement.settle(order, bids.value, payments, accounts, earned)
            if self.log is not None:
                self.log.note_bids(bids, noted)
            self.last_auction = bids.value, payments
            self._teach(earned, self.observation, self._nowhere, self._nowhere)
        finally:  # sold, whatever the sellers make of it
            self.seen.buy()
            self.winner[:] = buyer
        if self._simple and self._settlement is not None and (self.plain is None or self.plain.stale):
            self.plain = None if self.market.novices is not None else PlainTrade(self, self._settlement)

    def rest(self, order: np.ndarray) -> None:
        """Rows between two episodes sit this round out."""
        if self.world.rests:
            resting = self.world.resting if self.rights == 1 else np.repeat(self.world.resting, self.rights)
            order[resting, 0] = IDLE

    def _teach(
        self, earned: np.ndarray, observation: np.ndarray, terminated: np.ndarray, truncated: np.ndarray
    ) -> None:
        """Let the sellers of what was settled learn: `earned` float64 [rows], and the right is at `observation` now."""
        chain = self.market.chain
        receipt = Receipt(
            valid=np.greater(self._sold, 0.0),
            observation=self.bought_at,
            winner=self.winner,
            reward=earned,
            credit=self._credit,
            realised=self._realised,
            terminated=terminated,
            truncated=truncated,
            next_observation=observation,
            discount=chain.discount,
            royalty=chain.royalty,
        )
        self.population.learn(receipt)

    def _close_episodes(self) -> None:
        """Episodes ended: their last owners get the reward, and where time ran out, the price of the last state."""
        world, market = self.world, self.market
        if self.plain is not None and world.terminated[0] and not self.plain.stale:  # one row, without array overhead
            self.plain.terminate()
            self.end_episode(0, self.returns.item(0), self._lengths.item(0))
            self.returns[0], self._lengths[0], world.terminated[0] = 0.0, 0, False
        else:
            self._close_rows()
        world.ended = False
        if market.selection is not None:
            self._select()

    def _close_rows(self) -> None:
        """The same in the rows where episodes ended, all at once."""
        world, rights = self.world, self.rights
        ended = np.flatnonzero(world.terminated | world.truncated)
        stage = np.full(world.rows, IDLE)
        stage[world.terminated], stage[world.truncated] = TERMINATED, TRUNCATED
        if rights > 1:
            stage = np.repeat(stage, rights)
            self.seen.see_final()
        self._close(stage, self.final)
        episodes = zip(ended.tolist(), self.returns[ended].tolist(), self._lengths[ended].tolist(), strict=True)
        for row, episode_return, length in episodes:
            self.end_episode(row, episode_return, length)
        self.returns[ended], self._lengths[ended] = 0.0, 0
        world.terminated[:] = False
        world.truncated[:] = False

    def end_episode(self, row: int, episode_return: float, length: int) -> None:
        """Count an episode and tell everybody."""
        self.market.episodes += 1
        self.market.recent_returns.append(episode_return)
        if self.market.episodes == LOOK_AT:
            warn_of_small_rewards(self.market)
        if self.log is not None:
            self.log.end_episode(row, episode_return, length)
        if self.callbacks.watches_episodes:
            self.callbacks.on_episode(EpisodeEnd(self.market, row, episode_return, length))

    def _select(self) -> None:
        """Agents leave and enter between episodes; those who own a right in another row stay, under a new number."""
        market, before = self.market, self.market.accounts
        assert self._settlement is not None, "an episode ended, so something was sold"
        owned = self._settlement.position[:, OWNED] == 1
        market.selection.after_episode(market, self._settlement.owner[owned].ravel())  # type: ignore[union-attr]
        self.winner[owned] = np.searchsorted(market.accounts, before[self.winner[owned]])
        if self.log is not None:
            self._settlement.log = self.log.make_room()

    def _close(self, stage: np.ndarray, final: np.ndarray) -> None:
        """End the rows' chains of trade; an auction without a trade prices the states that were cut short."""
        if self.compiled is not None:
            self.compiled.close(stage, final)
            return
        self._order[:, 0], self._order[:, 1], self._order[:, 2] = stage, -1, -1
        self.check(self.observation)
        truncated = stage == TRUNCATED
        bids, payments = None, None
        if truncated.any():
            self.check(final)
            bids, self._order[:, 1], payments = self._hold(final)
        self._end(bids, payments)
        self._teach(self.reward, final, stage == TERMINATED, truncated)

    def _end(self, bids: Bids | None, payments: np.ndarray | None) -> None:
        """Settle the rows of `_order`, whose episodes end. Without bids nothing has a price."""
        value = self._no_bids if bids is None else bids.value
        paid = self._no_bids if payments is None else payments
        self._books(bids).settle(self._order, value, paid, self._accounts_of(bids), self.reward)

    def _books(self, bids: Bids | None) -> Settlement:
        """The settlement, opened by the first bids."""
        if self._settlement is not None:
            return self._settlement
        assert bids is not None, "the first thing that happens to a right is its sale"
        return self._open_settlement(bids.value.shape, 1 if bids.bidder is None else bids.bidder.shape[-1])

    def _open_settlement(self, bids: tuple[int, ...], members: int) -> Settlement:
        """Open the books for auctions with so many rows and bidders, int [2], of so many members."""
        market = self.market
        log = NOTHING if self.log is None else self.log.open(members)
        self._settlement = Settlement(market.chain, market.ledger, self.rows, members, market.surprise, log)
        outcome = self._settlement.outcome
        self._sold, self._credit, self._realised = outcome[:, SOLD], outcome[:, CREDIT], outcome[:, REALISED]
        self._no_bids = np.zeros(bids)
        self._no_accounts = np.zeros((*bids, members), dtype=np.int64)
        return self._settlement

    def _accounts_of(self, bids: Bids | None) -> np.ndarray:
        """Account numbers behind each bidder, int64 [rows, n, K]."""
        if bids is None:
            return self._no_accounts
        bidder = bids.bidder
        if bidder is None:
            bidder = np.broadcast_to(np.arange(bids.value.shape[1])[:, None], (*bids.value.shape, 1))
        assert self._settlement is not None, "accounts are asked for when something is settled"
        members = self._settlement.owner.shape[1]
        if bidder.shape[-1] != members:
            raise InputError(
                f"{type(self.population).__name__} bid in the names of {bidder.shape[-1]} agents each, at first of {members}: "
                "wanted bidders of as many members in every auction"
            )
        return self.market.accounts[bidder]

    def check_action(self, action: np.ndarray) -> None:
        """Raise InputError unless `action` holds one action number per row."""
        check_action(action, self._actions, self.population)

    def check(self, observation: np.ndarray) -> None:
        """Raise InputError if the environment gave an observation or a reward that cannot be traded on."""
        check_world(self.world, observation, self.rights, self.market.num_timesteps)
