"""What a population promises, each as a test on a staged market: a function of a `Trial` that finds what breaks it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from marketic.bids import Bids
from marketic.checks.population_learning import learns, private, state_is_all
from marketic.checks.population_trial import ROWS, CannotTest, Finding, Trial, equal, greedy
from marketic.individuals import Individuals


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


def _deterministic(test: Trial) -> Finding:
    def another(population: Any) -> None:
        test.stage().play(test.fresh(test.seed + 1)[0], test.rounds // 4)

    def appraised(population: Any) -> None:
        for _ in range(3):
            population.appraise(test.stage().observations(5))

    ways: dict[str, Callable[[Any], None] | None] = {
        "with the same generator": lambda population: None,
        "beside another of its kind": another,
    }
    if hasattr(test.fresh()[0], "appraise"):
        ways["after calls of `appraise`, which greedy play reads and which must change nothing,"] = appraised
    return _replay(test, ways)


def _copies(test: Trial) -> Finding:
    minutes = test.stage().play(test.fresh()[0], test.rounds)
    if minutes.spoilt:
        return minutes.spoilt, len(minutes.bids)
    return _replay(test, {"once its arrays were overwritten": None})


def _replay(test: Trial, ways: dict[str, Callable[[Any], None] | None]) -> Finding:
    """Rehearsals from the same seed. All but the first are disturbed in the middle, or lent arrays are overwritten (None)."""
    first = test.stage().play(test.fresh()[0], test.rounds)
    for why, disturb in ways.items():
        stage, population = test.stage(scribble=disturb is None), test.fresh()[0]
        stage.play(population, test.rounds // 2)
        if disturb is not None:
            disturb(population)
        second = stage.play(population, test.rounds - test.rounds // 2)
        for number, (one, other) in enumerate(zip(first.bids, second.bids, strict=True)):
            if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True)):
                return (
                    f"{why} auction {number} brings bids {other[0].tolist()} instead of {one[0].tolist()}",
                    number + 1,
                )
        if any(not np.array_equal(a, b) for a, b in zip(first.actions, second.actions, strict=True)):
            return f"{why} the same winners act differently", len(first.bids)
    return None, len(ways) * len(first.bids)


def _rows(test: Trial) -> Finding:
    population, _, stage = test.trained()
    ask, observation = greedy(population), stage.observations(20)
    batch = ask(observation)
    if not equal(batch, ask(observation)):
        raise CannotTest("two bids for one observation differ, and there is no `appraise` that would not")
    for row in range(len(observation)):
        single = ask(observation[[row]])
        near = np.allclose(single.value, batch.value[[row]], 1e-5, 1e-5 * np.abs(single.value).max(initial=0.0))
        if not near or not np.array_equal(single.active, batch.active[[row]]):
            told = f"alone it bids {single.value.tolist()}, in a batch {batch.value[[row]].tolist()}"
            return f"for observation {observation[row].tolist()} {told}", row + 1
    return _acts_in_rows(population, observation), 2 * len(observation)


def _acts_in_rows(population: Any, observation: np.ndarray) -> str | None:
    """Whether winners act alone as they do in a batch, where actions are a function of winner and observation."""
    winner = np.arange(len(observation)) % population.n_bidders

    def acted(rows: np.ndarray) -> np.ndarray:
        population.bid(observation[rows])
        return np.asarray(population.act(winner[rows], observation[rows]))

    everybody = np.arange(len(observation))
    batch = acted(everybody)
    if not np.array_equal(batch, acted(everybody)):
        return None  # it acts at random
    for row in everybody:
        alone = acted(everybody[[row]])
        if not np.array_equal(alone, batch[[row]]):
            told = f"alone it does {alone.tolist()}, in a batch {batch[[row]].tolist()}"
            return f"as bidder {winner[row]} at observation {observation[row].tolist()} {told}"
    return None


PROMISES: dict[str, Callable[[Trial], Finding]] = {
    "BIDS": _bids,
    "FINITE": _finite,
    "ACTIONS": _actions,
    "EMPTY": _empty,
    "LEARNS": learns,
    "DETERMINISTIC": _deterministic,
    "COPIES": _copies,
    "ROWS": _rows,
    "STATE": state_is_all,
    "PRIVATE": private,
}
"""What is tested, in this order."""
