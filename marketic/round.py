"""One round of the market in every row: observe -> bid -> clear -> settle -> act -> reward -> learn -> select.

A row is one right in one copy of the environment: row = copy * rights + right. The right that is bought now is
resold in the next round; only then does its owner know what it was worth, and learns.
"""

from typing import TYPE_CHECKING

import numpy as np

from marketic.bids import Bids
from marketic.callbacks import CallbackList, EpisodeEnd, Sales, StepEnd
from marketic.chain import Settlement
from marketic.compiled_round import UNSOLD, UNSOUND, CompiledTrade, trade_round, finish_rows, unsound
from marketic.errors import InputError
from marketic.population import Receipt
from marketic.settlement import CREDIT, IDLE, OWNED, REALISED, SALE, SOLD, TERMINATED, TRUNCATED

if TYPE_CHECKING:
    from marketic.market import Market


class Round:
    """The state of training between two steps: what was bought where, and what the world paid since."""

    def __init__(self, market: "Market", callbacks: CallbackList) -> None:
        self.market, self.callbacks = market, callbacks
        self.world, self.population, self.auction = market.world, market.population, market.auction
        self.rights = market.rights
        rows = market.world.rows * self.rights
        if hasattr(market.population, "start"):
            market.population.start(rows)
        self.rows = rows
        self._settlement: Settlement | None = None
        self._compiled: CompiledTrade | None = None
        self._order = np.full((rows, 3), -1, dtype=np.int64)
        self._reward = np.zeros(rows)
        self._winner = np.full(rows, -1, dtype=np.int64)
        self._nowhere = np.zeros(rows, dtype=bool)
        self._bought_at = np.zeros((rows, len(market.world.goods)))
        self._returns = np.zeros(market.world.rows)
        self._lengths = np.zeros(market.world.rows, dtype=np.int64)
        market.world.reset(seed=market.streams.env_seed())
        self._observe()

    def step(self) -> None:
        """Auction every right, let the winners act, and close the episodes that ended."""
        market, world, observation = self.market, self.world, self._observation
        buyer = self._trade() if self._compiled is None else self._trade_compiled(self._compiled)
        action = self.population.act(buyer, observation)
        self._bought_at, self._winner = observation, buyer
        resting = world.resting
        world.step(action.reshape(world.rows, self.rights) if self.rows > 1 else action[None, :])
        self._reward = world.reward if self.rights == 1 else np.repeat(world.reward / self.rights, self.rights)
        self._count(resting)
        if self.callbacks.watches_trades and self._settlement is not None:
            self.callbacks.on_trade(Sales(market, *self._last_auction, buyer, self._settlement.outcome))
        self._observe()
        if world.ended:
            self._close_episodes()
        if self.callbacks.watches_steps:
            self.callbacks.on_step(StepEnd(market, action))

    def _count(self, resting: np.ndarray) -> None:
        """Steps and returns so far; rows that were between two episodes made no step."""
        if self.world.rows == 1:  # without array overhead: this runs at every step
            self.market.num_timesteps += 1
            self._returns[0] += self.world.reward[0]
            self._lengths[0] += 1
            return
        acted = ~resting
        self.market.num_timesteps += int(acted.sum())
        self._returns += self.world.reward
        self._lengths += acted

    def pause(self) -> None:
        """A clean break: price what is still owned, buy it back, and drop the open episodes."""
        if self._settlement is None:
            return
        owned = self._settlement.position[:, OWNED] == 1
        if owned.any():
            self._close(np.where(owned, TRUNCATED, IDLE), self._observation)

    def _trade(self) -> np.ndarray:
        """Sell every right; yesterday's owners are paid and learn. Returns the buyers, int64 [rows]."""
        self._check(self._observation)
        bids, winner, payments = self.auction.hold(self.population.bid, self._observation)
        order = self._order
        order[:, 0], order[:, 1], order[:, 2] = SALE, winner, -1
        buyer = winner
        if self.auction.unsold or self.market.novices is not None:
            order[:, 2] = self.market.send_novices(winner, bids.active)
            buyer = np.where(order[:, 2] >= 0, order[:, 2], winner)
        self._rest(order)
        self._deliver(bids, payments, self._observation, self._nowhere, self._nowhere)
        self._last_auction = bids.value, payments
        if CompiledTrade.fits(self.market):
            self._compiled = CompiledTrade(self.market, self._settlement, self.rows)
        return buyer

    def _trade_compiled(self, trade: CompiledTrade) -> np.ndarray:
        """The same in one compiled call."""
        market, buyer = self.market, self._winner
        if self.world.rows > 1:
            trade.order[:, 0] = SALE
            self._rest(trade.order)
        if trade.random:
            trade.uniform[:] = market.streams.mechanism.random(self.rows)
        if market.novices is not None:
            trade.order[:, 2] = market.draw_novices(self.rows)
        answer = trade_round(self._observation, self._bought_at, buyer, self._reward, trade.rows)
        if answer == UNSOUND:
            self._check(self._observation)
        if answer == UNSOLD:
            trade.order[:, 2] = market.fill_unsold(trade.order[:, 1], trade.order[:, 2], np.ones_like(trade.value))
            finish_rows(self._bought_at, buyer, self._reward, trade.rows)
            trade.order[:, 2] = -1
        self._last_auction = trade.value, trade.payments
        return buyer

    def _rest(self, order: np.ndarray) -> None:
        """Rows between two episodes sit this round out."""
        if self.world.rows > 1 and self.world.resting.any():
            order[np.repeat(self.world.resting, self.rights), 0] = IDLE

    def _deliver(
        self,
        bids: Bids | None,
        payments: np.ndarray | None,
        observation: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
    ) -> None:
        """Settle the rows of `_order` and let the sellers learn. Without bids nothing is sold (episodes that ended)."""
        settlement = self._settlement or self._open_settlement(bids)
        value = self._no_bids if bids is None else bids.value
        paid = self._no_bids if payments is None else payments
        outcome = settlement.settle(self._order, value, paid, self._accounts_of(bids), self._reward)
        chain = self.market.chain
        receipt = Receipt(
            valid=outcome[:, SOLD] > 0.0,
            observation=self._bought_at,
            winner=self._winner,
            reward=self._reward,
            credit=outcome[:, CREDIT].copy(),
            realised=outcome[:, REALISED].copy(),
            terminated=terminated,
            truncated=truncated,
            next_observation=observation,
            discount=chain.discount,
            royalty=chain.royalty,
        )
        self.population.learn(receipt)

    def _close_episodes(self) -> None:
        """Episodes ended: their last owners get the reward, and where time ran out, the price of the last state."""
        world, rights, market = self.world, self.rights, self.market
        stage = np.where(world.truncated, TRUNCATED, np.where(world.terminated, TERMINATED, IDLE))
        self._close(np.repeat(stage, rights), np.repeat(world.final, rights, axis=0))
        for row in np.flatnonzero(stage != IDLE).tolist():
            market.episodes += 1
            market.recent_returns.append(float(self._returns[row]))
            self.callbacks.on_episode(EpisodeEnd(market, row, float(self._returns[row]), int(self._lengths[row])))
            self._returns[row], self._lengths[row] = 0.0, 0
        world.terminated[:] = False
        world.truncated[:] = False
        world.ended = False
        if market.selection is not None:
            market.selection.after_episode(market)

    def _close(self, stage: np.ndarray, final: np.ndarray) -> None:
        """End the rows' chains of trade; an auction without a trade prices the states that were cut short."""
        self._order[:, 0], self._order[:, 1], self._order[:, 2] = stage, -1, -1
        truncated = stage == TRUNCATED
        bids, payments = None, None
        if truncated.any():
            self._check(final)
            bids, self._order[:, 1], payments = self.auction.hold(self.population.bid, final)
        self._deliver(bids, payments, final, stage == TERMINATED, truncated)

    def _open_settlement(self, bids: Bids | None) -> Settlement:
        assert bids is not None, "the first thing that happens to a right is its sale"
        members = 1 if bids.bidder is None else bids.bidder.shape[-1]
        market = self.market
        self._settlement = Settlement(market.chain, market.ledger, self.rows, members, market.surprise)
        self._no_bids = np.zeros(bids.value.shape)
        self._no_accounts = np.zeros((*bids.value.shape, members), dtype=np.int64)
        return self._settlement

    def _accounts_of(self, bids: Bids | None) -> np.ndarray:
        """Account numbers behind each bidder, int64 [rows, n, K]."""
        if bids is None:
            return self._no_accounts
        if bids.bidder is None:
            agents = np.broadcast_to(np.arange(bids.value.shape[1])[:, None], self._no_accounts.shape)
            return self.market.accounts[agents]
        return self.market.accounts[bids.bidder]

    def _observe(self) -> None:
        rows = self.world.observation
        self._observation = rows if self.rights == 1 else np.repeat(rows, self.rights, axis=0)

    def _check(self, observation: np.ndarray) -> None:
        world, step = self.world, self.market.num_timesteps
        fault = unsound(observation, world.low, world.high, world.reward)
        if fault == -1:
            return
        if fault == -2:
            raise InputError(
                f"the environment gave reward {world.reward.tolist()} at step {step}: wanted finite numbers; "
                "repair it, e.g. with gymnasium.wrappers.TransformReward"
            )
        good = world.goods[int(fault)]
        wanted = "finite numbers" if good.size is None else f"whole numbers from 0 to {good.size - 1}"
        raise InputError(
            f"the environment gave {good.name} = {observation[:, int(fault)].tolist()} at step {step}: wanted {wanted}; "
            "repair it, e.g. with gymnasium.wrappers.TransformObservation"
        )

