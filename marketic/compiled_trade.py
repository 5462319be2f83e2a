"""The trade of a market whose mechanism and population offer compiled code: its arrays in one table, and two calls."""

from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.agents.syndicates import Syndicates
from marketic.array_table import ArrayTable
from marketic.compiled_round import (
    NONSENSE,
    UNSOLD,
    UNSOUND,
    close_rows,
    finish_rows,
    pay_and_learn,
    pay_and_learn_lone,
    pay_and_learn_row,
    trade_round,
)
from marketic.function_pointer import ROUND, RULE, address_of
from marketic.settlement import SALE, TRUNCATED

if TYPE_CHECKING:
    from marketic.chain import Settlement
    from marketic.round import Round


class CompiledTrade:
    """The auction, the settlement and the learning of a market's rows, as one call.

    `rows` is what `trade_round` takes; the arrays behind it are those of round, population, ledger and settlement
    themselves. `trade`, `act` and `close` do what `Round` does step by step where a market has no compiled parts.
    """

    def __init__(self, current: "Round", settlement: "Settlement") -> None:
        market: Any = current.market
        self.current, self.settlement, population = current, settlement, market.population
        self.kernels, rule, world = population.kernels, market.auction.rule, market.world
        shape = (current.rows, population.n_bidders)
        self.random, self._acts_itself = rule.random, type(population).act is not Syndicates.act
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
            *market.population.hindsight.arrays, *settlement.log,
        ])  # fmt: skip
        self.rows = self.table.rows

    def trade(self) -> None:
        """Sell every right; yesterday's owners are paid and learn."""
        current, market = self.current, self.current.market
        if current.rows > 1:
            self.order[:, 0] = SALE
            current.rest(self.order)
        if self.random:
            self.uniform[:] = market.streams.mechanism.random(current.rows)
        if market.novices is not None:
            self.order[:, 2] = market.draw_novices(current.rows)
        answer = trade_round(self.rows)
        if answer:
            self.resolve(answer)
        current.last_auction = self.value, self.payments

    def act(self) -> np.ndarray:
        """The winners' action numbers, int64 [rows]; checked where a family acts in a way of its own."""
        current = self.current
        if not self._acts_itself:
            return current.population.act(current.winner, current.observation)
        action = current.population.act(current.winner.copy(), current.observation)
        current.check_action(action)
        return action

    def close(self, stage: np.ndarray, final: np.ndarray) -> None:
        """End the rows' chains of trade; an auction without a trade prices the states that were cut short.

        stage: int64 [rows], of `marketic.settlement`; IDLE: the chain goes on. final: float64 [rows, D], the last states.
        """
        if final is not self.current.final:
            self.current.final[:] = final
        self.order[:, 0] = stage
        if self.random and (stage == TRUNCATED).any():
            self.uniform[:] = self.current.market.streams.mechanism.random(len(stage))
        answer = close_rows(self.rows)
        if answer:
            self.resolve(answer)

    def resolve(self, answer: int) -> None:
        """What compiled code leaves to us: errors, and rights that nobody bought."""
        current = self.current
        if answer != UNSOLD:
            self.order[:, 1:] = -1  # nothing was sold: what had been drawn for it is forgotten
        if answer == NONSENSE:
            raise current.auction.nonsense(self.winner, self.payments)
        if answer == UNSOUND:
            current.check(current.observation)
            current.check(current.final)
        if answer == UNSOLD:
            active = np.ones_like(self.value)
            self.order[:, 2] = current.market.fill_unsold(self.order[:, 1], self.order[:, 2], active)
            finish_rows(self.rows)
            self.order[:, 2] = -1

    def _numbers(self, current: "Round") -> np.ndarray:
        market: Any = current.market
        twins = market.population.learning_arrays[-2]
        rule = address_of(market.auction.rule.function, RULE)
        first, pay = int(market.accounts[0]), address_of(self._payment(current), ROUND)
        return np.array([*self.kernels.addresses, rule, first, twins, self.kernels.fixed, pay], dtype=np.int64)

    def _payment(self, current: "Round") -> Any:
        """The leanest of the three ways to pay and learn that this market allows."""
        if len(self.settlement.log[1]) or len(current.market.ledger.tape):
            return pay_and_learn
        if self.settlement.owner.shape[1] == 1 and len(self.settlement.weights) == 1:
            return pay_and_learn_lone
        return pay_and_learn_row if current.rows == 1 else pay_and_learn

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
