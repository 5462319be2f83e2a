"""What a population promises about its learning: from which trades, from whose, and that its state is all there is to it."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from marketic.bids import Bids
from marketic.checks.population_trial import ROWS, CannotTest, Finding, Trial, equal, greedy
from marketic.checks.rehearsal import DISCOUNT, Stage
from marketic.population import Receipt, fault_of_state

TRADES = 12
"""How many trades show whether anything is learned."""


def learns(test: Trial) -> Finding:
    """LEARNS: nothing that is true of a trade makes it fail, and an episode's last trade is heard as others are."""
    population, _ = test.fresh()
    minutes = test.stage(royalty=0.0).play(population, test.rounds)
    minutes = test.stage(royalty=0.9).play(population, test.rounds)
    failures = getattr(population, "refused", None)
    if isinstance(failures, dict) and failures:
        number, reason = next(iter(failures.items()))
        return f"agent {number} fails: {reason}", minutes.trades
    return _deaf_at_the_end(test), minutes.trades


def _deaf_at_the_end(test: Trial) -> str | None:
    """Whether trades change what is bid, unless they are the last of an episode: the only ones that tell of a goal."""
    heard = {}
    for terminated in (False, True):
        population, _, stage = test.trained()
        ask = greedy(population)
        heard[terminated] = 0
        for _ in range(TRADES):
            here, there = stage.observations(ROWS), stage.observations(ROWS)
            before = ask(here)
            if not equal(before, ask(here)):
                return None  # bids are drawn: nothing follows from a change
            winner = int(np.where(before.active[0], before.value[0], -np.inf).argmax())
            stage.tell(population, _one_trade(winner, here, there, terminated))
            heard[terminated] += not equal(before, ask(here))
    if heard[False] > TRADES // 2 and not heard[True]:
        return "what it bids changes after sales, and never after the trade that ends an episode (`receipt.terminated`)"
    return None


def state_is_all(test: Trial) -> Finding:
    """STATE: what is restored bids, and goes on, as what was saved between two episodes."""
    newborn, before = (
        test.fresh()[0].state_dict(),
        test.fresh(test.seed + 1)[0],
    )  # runs save before the first trade, too
    before.load_state_dict(newborn)
    population, rng, stage = test.trained()
    stage.cut(population)
    saved = population.state_dict()
    fault = fault_of_state(saved)
    if fault is not None:
        return fault, 1
    kept = {key: value.copy() for key, value in saved.items()}
    again, other = test.fresh(test.seed + 1)
    again.load_state_dict(saved)
    other.bit_generator.state = rng.bit_generator.state
    probe = stage.observations(20)
    one, two = greedy(population)(probe), greedy(again)(probe)
    if not equal(one, two):
        return f"restored, it bids {two.value[0].tolist()} instead of {one.value[0].tolist()}", 20
    fault = _goes_on_otherwise(test, stage, population, again)
    changed = [key for key in kept if not np.array_equal(kept[key], saved[key], equal_nan=kept[key].dtype.kind == "f")]
    if changed:
        return (
            f"what was saved as {changed[0]!r} changed while it learned on: state_dict and load_state_dict must copy",
            20,
        )
    return fault, 20


def _goes_on_otherwise(test: Trial, stage: Stage, population: Any, again: Any) -> str | None:
    """What a restored population does otherwise than the one that was saved, from the same trades on."""
    rounds, before = max(1, test.rounds // 3), len(stage.minutes.bids)
    other = copy.deepcopy(stage)
    first, second = stage.play(population, rounds), other.play(again, rounds)
    for number in range(before, len(first.bids)):
        one, two = first.bids[number], second.bids[number]
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, two, strict=True)):
            told = f"auction {number - before} brings bids {two[0].tolist()} instead of {one[0].tolist()}"
            return f"restored, and after the same trades, {told}: state_dict lacks something that it learns by"
    return None


def private(test: Trial) -> Finding:
    """PRIVATE: a trade changes the bids of its own agents only."""
    population, _, stage = test.trained()
    if hasattr(population, "start"):
        population.start(ROWS)  # nobody owns anything
    ask, probe = greedy(population), stage.observations(20)
    if not equal(ask(probe), ask(probe)):
        raise CannotTest("two bids for one observation differ, and there is no `appraise` that would not")
    cases = 0
    for winner in range(population.n_bidders):
        here, there = stage.observations(ROWS), stage.observations(ROWS)
        shown, before = ask(here), ask(probe)
        stage.tell(population, _one_trade(winner, here, there))
        after = ask(probe)
        owners = set(_members(shown, 0, winner))
        for row, bidder in np.argwhere(before.value != after.value).tolist():
            if not owners & set(_members(before, row, bidder)):
                who = f"bidder {bidder} at {probe[row].tolist()}"
                return f"when bidder {winner} sold its right at {here[0].tolist()}, {who} changed its bid", cases + 1
        cases += before.value.size
    return None, cases


def _one_trade(winner: int, here: np.ndarray, there: np.ndarray, terminated: bool = False) -> Receipt:
    """Bidder `winner` sold one right (or its episode ended), in row 0, at a loss; nothing happened in the other rows."""
    rows = len(here)
    nothing, nowhere = np.zeros(rows), np.zeros(rows, dtype=bool)
    reward = np.where(np.arange(rows) == 0, -5.0, 0.0)
    ended = nowhere | (terminated & (np.arange(rows) == 0))
    return Receipt(np.arange(rows) == 0, here, np.full(rows, winner), reward, nothing, reward, ended, nowhere.copy(), there,
                   DISCOUNT, 0.0)  # fmt: skip


def _members(bids: Bids, row: int, bidder: int) -> Iterable[int]:
    """The agents behind a bidder."""
    return [bidder] if bids.bidder is None else np.asarray(bids.bidder)[row, bidder].tolist()
