"""What a population promises, each as a test on a staged market: a function of a `Trial` that finds what breaks it."""

from collections.abc import Callable, Iterable
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.bids import Bids
from marketic.checks.rehearsal import DISCOUNT, Stage
from marketic.errors import InputError
from marketic.individuals import Individuals
from marketic.population import Population, Receipt, fault_of_state

ROWS = 3
Build = Callable[[np.random.Generator], Any]
Finding = tuple[str | None, int]
"""What breaks a promise in words, or None, and how many cases were looked at."""


class CannotTest(Exception):
    """Why the kit cannot find out."""


class Trial:
    """A way to make a population, and the markets that are staged for it."""

    def __init__(self, build: Build, space: gym.Space, actions: int, rounds: int, seed: int) -> None:
        self.build, self.space, self.actions, self.rounds, self.seed = build, space, actions, rounds, seed

    def fresh(self, seed: int | None = None) -> tuple[Any, np.random.Generator]:
        """A new population, ready to trade, and the generator that it was given. Raises InputError if it is none."""
        rng = np.random.default_rng(self.seed if seed is None else seed)
        try:
            population = self.build(rng)
        except TypeError as error:
            raise InputError(f"it cannot be built with for_spaces or from a generator alone ({error})") from None
        if not isinstance(population, Population):
            raise InputError(f"a {type(population).__name__} has not all of n_agents, n_bidders, bid, act and learn")
        if getattr(population, "actions", 0) is None:
            population.actions = self.actions  # type: ignore[attr-defined]  # Individuals ask for it
        if hasattr(population, "start"):
            population.start(ROWS)
        return population, rng

    def stage(self, **options: Any) -> Stage:
        """A new stage; the same one every time."""
        return Stage(self.space, self.actions, ROWS, self.seed, **options)

    def trained(self) -> tuple[Any, np.random.Generator, Stage]:
        """A population after a whole rehearsal."""
        (population, rng), stage = self.fresh(), self.stage()
        stage.play(population, self.rounds)
        return population, rng, stage


def asserts(test: Trial, promise: str) -> bool:
    """Whether the population makes this promise at all."""
    population, _ = test.fresh()
    if promise == "STATE":
        return hasattr(population, "state_dict") and hasattr(population, "load_state_dict")
    if promise == "PRIVATE":
        twins = getattr(population, "clones", None)
        alone = twins is not None and (twins == 1 or not getattr(population, "public", True))
        return bool(getattr(population, "private", alone or isinstance(population, Individuals)))
    return True


def _bids(test: Trial) -> Finding:
    population, _ = test.fresh()
    stage = test.stage()
    cases = 0
    for part in ("n_agents", "n_bidders"):
        number = getattr(population, part)
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
            return f"{part} is {number!r}: wanted a whole number >= 1", 1
    for rows in (ROWS, 1):
        for observation in (stage.observations(rows) for _ in range(20)):
            given = observation.copy()
            fault = _misshapen(population, population.bid(given), rows)
            if fault is None and not np.array_equal(given, observation):
                fault = "it changed the observation that it was shown"
            if fault:
                return fault, cases + 1
            cases += 1
        stage.play(population, test.rounds // 2)
    return None, cases


def _misshapen(population: Any, bids: Any, rows: int) -> str | None:
    if not isinstance(bids, Bids):
        return f"bid returned a {type(bids).__name__}: wanted marketic.Bids"
    shape = (rows, population.n_bidders)
    if np.shape(bids.value) != shape or np.shape(bids.active) != shape or np.asarray(bids.active).dtype != bool:
        return f"bid gave value{np.shape(bids.value)} and active{np.shape(bids.active)}: wanted two of {shape}, the latter bool"
    if bids.bidder is None:
        return (
            None if population.n_bidders <= population.n_agents else "it has more bidders than agents, and names none"
        )
    members = np.asarray(bids.bidder)
    if members.ndim != 3 or members.shape[:2] != shape or members.dtype.kind not in "iu":
        return f"bid gave bidder{members.shape} of {members.dtype}: wanted whole numbers [{rows}, {shape[1]}, members]"
    if members.size and not (members.min() >= 0 and members.max() < population.n_agents):
        return f"it names agents {members.min()} to {members.max()}: wanted 0 to {population.n_agents - 1}"
    return None


def _finite(test: Trial) -> Finding:
    population, _ = test.fresh()
    minutes = test.stage().play(population, test.rounds)
    for number, why in minutes.refused.items():
        return f"a bid is turned away in auction {number} (after {minutes.trades} trades at most), {why}", number + 1
    for number, (value, active) in enumerate(minutes.bids):
        if not np.isfinite(value[active]).all():
            return f"it bids {value.tolist()} in auction {number} (after {minutes.trades} trades at most)", number + 1
    return None, len(minutes.bids)


def _actions(test: Trial) -> Finding:
    population, _ = test.fresh()
    stage = test.stage()
    cases = 0
    for winner in range(population.n_bidders):
        observation = stage.observations(ROWS)
        population.bid(observation)
        action = population.act(np.full(ROWS, winner, dtype=np.int64), observation)
        fault = _illegal(action, ROWS, test.actions)
        if fault:
            return f"when bidder {winner} wins, {fault}", cases + 1
        cases += 1
    for action in stage.play(population, test.rounds).actions:
        fault = _illegal(action, ROWS, test.actions)
        if fault:
            return fault, cases + 1
        cases += 1
    return None, cases


def _illegal(action: Any, rows: int, actions: int) -> str | None:
    array = np.asarray(action)
    if array.shape != (rows,) or array.dtype.kind not in "iu":
        return f"act gave {array.dtype}{array.shape}: wanted whole numbers [{rows}]"
    if array.size and not (array.min() >= 0 and array.max() < actions):
        return f"act gave {array.tolist()}: wanted numbers from 0 to {actions - 1}"
    return None


def _empty(test: Trial) -> Finding:
    population, _ = test.fresh()
    nowhere = test.stage().observations(0)
    fault = _misshapen(population, population.bid(nowhere), 0)
    return fault or _illegal(population.act(np.zeros(0, dtype=np.int64), nowhere), 0, test.actions), 2


def _learns(test: Trial) -> Finding:
    population, _ = test.fresh()
    minutes = test.stage(royalty=0.0).play(population, test.rounds)
    minutes = test.stage(royalty=0.9).play(population, test.rounds)
    failures = getattr(population, "refused", None)
    if isinstance(failures, dict) and failures:
        number, reason = next(iter(failures.items()))
        return f"agent {number} fails: {reason}", minutes.trades
    return None, minutes.trades


def _deterministic(test: Trial) -> Finding:
    return _replay(test, scribble=False)


def _copies(test: Trial) -> Finding:
    minutes = test.stage().play(test.fresh()[0], test.rounds)
    if minutes.spoilt:
        return minutes.spoilt, len(minutes.bids)
    return _replay(test, scribble=True)


def _replay(test: Trial, scribble: bool) -> Finding:
    """Two rehearsals from the same seed; in the second, lent arrays are overwritten if `scribble`."""
    stages = [test.stage(), test.stage(scribble=scribble)]
    first, second = (stage.play(test.fresh()[0], test.rounds) for stage in stages)
    for number, (one, other) in enumerate(zip(first.bids, second.bids, strict=True)):
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True)):
            why = "once its arrays were overwritten" if scribble else "with the same generator"
            return f"{why} auction {number} brings bids {other[0].tolist()} instead of {one[0].tolist()}", number + 1
    if any(not np.array_equal(a, b) for a, b in zip(first.actions, second.actions, strict=True)):
        return "the same winners act differently", len(first.bids)
    return None, len(first.bids)


def _greedy(population: Any) -> Callable[[np.ndarray], Bids]:
    """Bids that should be a function of the observation."""
    ask: Callable[[np.ndarray], Bids] = getattr(population, "appraise", population.bid)
    return ask


def _rows(test: Trial) -> Finding:
    population, _, stage = test.trained()
    ask, observation = _greedy(population), stage.observations(20)
    batch = ask(observation)
    if not _equal(batch, ask(observation)):
        raise CannotTest("two bids for one observation differ, and there is no `appraise` that would not")
    for row in range(len(observation)):
        single = ask(observation[[row]])
        near = np.allclose(single.value, batch.value[[row]], 1e-5, 1e-5 * np.abs(single.value).max(initial=0.0))
        if not near or not np.array_equal(single.active, batch.active[[row]]):
            told = f"alone it bids {single.value.tolist()}, in a batch {batch.value[[row]].tolist()}"
            return f"for observation {observation[row].tolist()} {told}", row + 1
    return None, len(observation)


def _equal(one: Bids, other: Bids) -> bool:
    return np.array_equal(one.value, other.value, equal_nan=True) and np.array_equal(one.active, other.active)


def _state(test: Trial) -> Finding:
    newborn, before = (
        test.fresh()[0].state_dict(),
        test.fresh(test.seed + 1)[0],
    )  # runs save before the first trade, too
    before.load_state_dict(newborn)
    population, rng, stage = test.trained()
    saved = population.state_dict()
    fault = fault_of_state(saved)
    if fault is not None:
        return fault, 1
    kept = {key: value.copy() for key, value in saved.items()}
    again, other = test.fresh(test.seed + 1)
    again.load_state_dict(saved)
    other.bit_generator.state = rng.bit_generator.state
    probe = stage.observations(20)
    one, two = _greedy(population)(probe), _greedy(again)(probe)
    if not _equal(one, two):
        return f"restored, it bids {two.value[0].tolist()} instead of {one.value[0].tolist()}", 20
    stage.play(again, test.rounds // 3)
    changed = [key for key in kept if not np.array_equal(kept[key], saved[key], equal_nan=kept[key].dtype.kind == "f")]
    if changed:
        return (
            f"what was saved as {changed[0]!r} changed while it learned on: state_dict and load_state_dict must copy",
            20,
        )
    return None, 20


def _private(test: Trial) -> Finding:
    population, _, stage = test.trained()
    if hasattr(population, "start"):
        population.start(ROWS)  # nobody owns anything
    ask, probe = _greedy(population), stage.observations(20)
    if not _equal(ask(probe), ask(probe)):
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


def _one_trade(winner: int, here: np.ndarray, there: np.ndarray) -> Receipt:
    """Bidder `winner` sold one right, in row 0, at a loss; nothing happened in the other rows."""
    rows = len(here)
    nothing, nowhere = np.zeros(rows), np.zeros(rows, dtype=bool)
    reward = np.where(np.arange(rows) == 0, -5.0, 0.0)
    return Receipt(np.arange(rows) == 0, here, np.full(rows, winner), reward, nothing, reward, nowhere, nowhere.copy(), there,
                   DISCOUNT, 0.0)  # fmt: skip


def _members(bids: Bids, row: int, bidder: int) -> Iterable[int]:
    """The agents behind a bidder."""
    return [bidder] if bids.bidder is None else np.asarray(bids.bidder)[row, bidder].tolist()


PROMISES: dict[str, Callable[[Trial], Finding]] = {
    "BIDS": _bids,
    "FINITE": _finite,
    "ACTIONS": _actions,
    "EMPTY": _empty,
    "LEARNS": _learns,
    "DETERMINISTIC": _deterministic,
    "COPIES": _copies,
    "ROWS": _rows,
    "STATE": _state,
    "PRIVATE": _private,
}
"""What is tested, in this order."""
