"""Training as one compiled loop: market and environment together, thousands of steps per call.

The round is the one that `marketic.round` makes step by step (`trade_round`, `close_rows`), the environment is a compiled
twin (`marketic.dynamics`), and the draws come from the same generators in the same order: a test holds loop and
steps to the same bits. What needs Python (an evaluation, an episode that somebody watches) happens between two calls.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from marketic.array_table import ArrayTable, floats_1d, floats_2d, ints_1d, ints_2d
from marketic.callbacks import Callback, StepEnd
from marketic.compiled_round import (
    BUYER,
    FINAL,
    OBSERVATION,
    ORDER,
    REWARD,
    UNIFORM,
    UNSOLD,
    close_rows,
    trade_round,
)
from marketic.compiled_trade import missing_parts
from marketic.dynamics import TwinWorld
from marketic.errors import InputError
from marketic.exploration import Novices
from marketic.function_pointer import call_reset, call_step
from marketic.settlement import TERMINATED, TRUNCATED

if TYPE_CHECKING:
    from marketic.market import Market
    from marketic.round import Round

LONGEST_LEG = 10_000
"""Steps per call at most, so that an interrupt is heard within milliseconds."""
EPISODES_PER_LEG = 1_000

# entries of the loop's own table, and of its first two arrays
PLAN, PROGRESS, ELAPSED, STATE, DRAWS, INTEGERS, REALS, OUTCOME, NOVICES, RETURN, EPISODES = range(11)
RESET_ADDRESS, STEP_ADDRESS, RESET_DRAWS, STEP_DRAWS, TIME_LIMIT, SEATS, CLONES, RANDOM, STOPS = range(9)
MADE, WANTED, CLOSED, SOLD_ALREADY = range(4)
PROBABILITY, LAST_PROBABILITY, HORIZON, STEPS_BEFORE = range(4)  # of NOVICES


@njit(cache=True)
def _novice(novices, made, seats, selection):  # type: ignore[no-untyped-def]
    """`Novices.at` and `Novices.choose` for one row."""
    probability = novices[PROBABILITY]
    if novices[HORIZON] > 0.0:
        progress = min(1.0, (novices[STEPS_BEFORE] + made) / novices[HORIZON])
        probability = probability + (novices[LAST_PROBABILITY] - probability) * progress
    return selection.integers(0, seats) if selection.random() < probability else -1


@njit(cache=True, forceinline=True)
def _act(rows, loop, world):  # type: ignore[no-untyped-def]
    """The winner acts. Returns how the episode goes on: 0, TERMINATED or TRUNCATED."""
    plan, elapsed, draws, outcome = (
        ints_1d(loop, PLAN),
        ints_1d(loop, ELAPSED),
        floats_1d(loop, DRAWS),
        floats_1d(loop, OUTCOME),
    )
    for k in range(plan[STEP_DRAWS]):
        draws[k] = world.random()
    action = ints_1d(rows, BUYER)[0] // plan[CLONES]
    call_step(plan[STEP_ADDRESS], floats_1d(loop, STATE), action, draws, ints_1d(loop, INTEGERS), floats_1d(loop, REALS),
              floats_2d(rows, OBSERVATION)[0], outcome)  # fmt: skip
    elapsed[0] += 1
    floats_1d(rows, REWARD)[0] = outcome[0]
    floats_1d(loop, RETURN)[0] += outcome[0]
    if outcome[1] > 0.0:
        return TERMINATED
    return TRUNCATED if 0 < plan[TIME_LIMIT] <= elapsed[0] else 0


@njit(cache=True)
def _end_episode(stage, rows, loop, world, mechanism):  # type: ignore[no-untyped-def]
    """Close the chain of trade, note return and length, and start the next episode. Returns `close_rows`'s answer."""
    plan, progress, elapsed, draws = (
        ints_1d(loop, PLAN),
        ints_1d(loop, PROGRESS),
        ints_1d(loop, ELAPSED),
        floats_1d(loop, DRAWS),
    )
    observation, total, episodes = floats_2d(rows, OBSERVATION), floats_1d(loop, RETURN), floats_2d(loop, EPISODES)
    floats_2d(rows, FINAL)[0] = observation[0]
    for k in range(plan[RESET_DRAWS]):
        draws[k] = world.random()
    call_reset(
        plan[RESET_ADDRESS],
        floats_1d(loop, STATE),
        draws,
        ints_1d(loop, INTEGERS),
        floats_1d(loop, REALS),
        observation[0],
    )
    ints_2d(rows, ORDER)[0, 0] = stage
    if plan[RANDOM] == 1 and stage == TRUNCATED:
        floats_1d(rows, UNIFORM)[0] = mechanism.random()
    answer = close_rows(rows)
    episodes[progress[CLOSED], 0], episodes[progress[CLOSED], 1] = total[0], elapsed[0]
    progress[CLOSED] += 1
    total[0], elapsed[0] = 0.0, 0
    return answer


@njit(cache=True)
def run_steps(rows, loop, world, mechanism, selection):  # type: ignore[no-untyped-def]
    """Steps until PROGRESS[WANTED] are made or Python is needed. Returns 0 or what `trade_round` answers.

    rows, loop: tables of `CompiledTrade` and `CompiledLoop`; world, mechanism, selection: numpy generators.
    """
    plan, progress, novices = ints_1d(loop, PLAN), ints_1d(loop, PROGRESS), floats_1d(loop, NOVICES)
    order, uniform = ints_2d(rows, ORDER), floats_1d(rows, UNIFORM)
    most = floats_2d(loop, EPISODES).shape[0] if plan[STOPS] == 0 else 1
    while progress[MADE] < progress[WANTED] and progress[CLOSED] < most:
        if progress[SOLD_ALREADY] == 0:
            if plan[RANDOM] == 1:
                uniform[0] = mechanism.random()
            if plan[SEATS] > 0:
                order[0, 2] = _novice(novices, progress[MADE], plan[SEATS], selection)
            answer = trade_round(rows)
            if answer != 0:
                return answer
        progress[SOLD_ALREADY] = 0
        stage = _act(rows, loop, world)
        progress[MADE] += 1
        if stage != 0:
            answer = _end_episode(stage, rows, loop, world, mechanism)
            if answer != 0:
                return answer
    return 0


class CompiledLoop:
    """Drives a market's training in legs of many steps; `leg` takes the place of `Round.step`.

    Raises InputError, naming every reason, if the market or a callback needs Python at each step.
    """

    def __init__(self, current: "Round") -> None:
        reasons = obstacles(current.market) + _watchers(current.callbacks.callbacks)
        if reasons:
            raise InputError(f"compiled=True: {'; '.join(reasons)}. Leave out compiled=True, or change that")
        self.round, self.market = current, current.market
        self.periods = [c.period for c in current.callbacks.callbacks if type(c).on_step is not Callback.on_step]
        self._table: ArrayTable | None = None

    def leg(self, target: int) -> None:
        """Go on towards `target` environment steps, as far as Python is not needed."""
        market, trade = self.market, self.round.compiled
        world: Any = market.world
        assert trade is not None, "`obstacles` asks for the same as the round"
        table = self._table or self._open(world)
        made, log = market.num_timesteps, market.log
        longest = LONGEST_LEG if log is None else min(LONGEST_LEG, log.leg)
        stop = min([target, made + longest, *((made // p + 1) * p for p in self.periods)])
        self.progress[[MADE, WANTED, CLOSED]] = 0, stop - market.num_timesteps, 0
        self.novices[STEPS_BEFORE] = market.num_timesteps
        streams = market.streams
        answer = run_steps(trade.rows, table.rows, world.rng, streams.mechanism, streams.selection)
        market.num_timesteps += int(self.progress[MADE])
        if answer:
            trade.resolve(answer)
            self.progress[SOLD_ALREADY] = answer == UNSOLD
        for episode_return, length in self.episodes[: self.progress[CLOSED]].tolist():
            self.round.end_episode(0, episode_return, int(length))
        if log is not None:
            log.tick()
        if any(market.num_timesteps % period == 0 for period in self.periods):
            action = market.population.act(self.round.winner.copy(), self.round.observation)
            self.round.callbacks.on_step(StepEnd(market, action))

    def _open(self, world: Any) -> ArrayTable:
        """Write the loop's table: constants, counters, and the arrays of world and round."""
        market: Any = self.market
        twin = world.dynamics
        stops = int(self.round.callbacks.watches_episodes)
        seats = 0 if market.novices is None else int(market._seats[0])
        plan = [*twin.addresses, twin.reset_draws, twin.step_draws, twin.time_limit, seats,
                market.population.clones, market.auction.rule.random, stops]  # fmt: skip
        self.progress, self.episodes = np.zeros(4, dtype=np.int64), np.zeros((EPISODES_PER_LEG, 2))
        self.novices = _novice_terms(market.novices)
        self._table = ArrayTable([
            np.array(plan, dtype=np.int64), self.progress, world.elapsed, world.state, world.uniform, twin.integers,
            twin.reals, world.outcome, self.novices, self.round.returns, self.episodes,
        ])  # fmt: skip
        return self._table


def _novice_terms(novices: Novices | None) -> np.ndarray:
    if novices is None:
        return np.zeros(4)
    falls = novices.final is not None
    return np.array([novices.probability, novices.final if falls else 0.0, novices.horizon if falls else 0.0, 0.0])


def obstacles(market: "Market") -> list[str]:
    """Why a market cannot train in a compiled loop: one phrase for every reason, none if it can."""
    reasons = missing_parts(market)
    if not isinstance(market.world, TwinWorld):
        reasons.append("the environment has no compiled twin")
    if market.novices is not None and type(market.novices) is not Novices:
        reasons.append(f"the novices are a {type(market.novices).__name__}")
    act = getattr(type(market.population), "act", None)
    if not reasons and act is not None and act.__module__ != "marketic.agents.syndicates":
        reasons.append(f"the population {type(market.population).__name__} acts in plain Python")
    return reasons


def _watchers(callbacks: list[Any]) -> list[str]:
    """Callbacks that want to be called at every single step."""
    reasons = []
    for callback in callbacks:
        if type(callback).on_trade is not Callback.on_trade:
            reasons.append(f"the callback {type(callback).__name__} watches every trade (on_trade)")
        if type(callback).on_step is not Callback.on_step and callback.period < 2:
            reasons.append(f"the callback {type(callback).__name__} watches every step (on_step; set its `period`)")
    return reasons
