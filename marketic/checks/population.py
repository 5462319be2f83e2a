"""Holding a population to the protocol of `marketic.population`, in markets that are staged for the purpose."""

import copy
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.checks.mechanism import ClaimRefuted
from marketic.checks.population_promises import PROMISES, asserts
from marketic.checks.population_trial import Build, CannotTest, Finding, Trial
from marketic.checks.report import Report, Verdict
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.individuals import Individuals
from marketic.population import Population

SPACES = (gym.spaces.Discrete(7), gym.spaces.Box(-1.0, 1.0, (3,), np.float64))
"""Observations to try; a family is tested on all of those that it accepts."""
ACTIONS = 3


def check_population(
    population: Any,
    *,
    observation_space: gym.Space | None = None,
    actions: int = ACTIONS,
    rounds: int = 150,
    seed: int = 0,
    name: str | None = None,
    raises: bool = True,
) -> Report:
    """Hold a population to its protocol.

    population: a family (a class with `for_spaces`), a function of a `numpy.random.Generator` that makes one, or a population
                (then copies of it are made, as it is).
    observation_space: what it observes. None: for families and plain agents, `Discrete(7)` and a `Box` of three, whichever
                they accept; others must say.
    actions:    how many actions there are, >= 1. rounds: of each staged market, >= 1. seed: of everything.
    name, raises: as for `check_env`.

    Promises: BIDS (shapes, numbers of the agents behind them), FINITE (no NaN from those who bid), ACTIONS (legal, whoever
    wins), EMPTY (no rows, no trouble), LEARNS (from losses as from gains, and from an episode's last trade if from any),
    DETERMINISTIC (the same generator, the same market, whatever others of its kind and calls of `appraise` do meanwhile),
    COPIES (arrays that it was lent may be overwritten, and it writes into none), ROWS (a batch is its rows, to 1e-5, where bids
    and actions are functions of what is observed). For those who offer it: STATE (`load_state_dict` brings the same bids back,
    also before the first trade, and after more trades the same ones again; what was saved stays as it was), and PRIVATE
    (agents learn from their own trades alone: plain agents, those with `private = True`, tables and tiles without public
    twins).

    Raises InputError for what is no population.
    """
    if actions < 1 or rounds < 1:
        raise InputError(f"check_population(actions={actions}, rounds={rounds}): wanted numbers >= 1")
    says_itself = isinstance(population, Individuals) or (
        hasattr(population, "for_spaces") and not _is_built(population)
    )
    if observation_space is None and not says_itself:
        raise InputError(f"check_population({population!r}): say what it observes, e.g. observation_space=Discrete(7)")
    spaces = SPACES if observation_space is None else (observation_space,)
    tests: list[Trial] = []
    refusals = []
    for space in spaces:
        test = Trial(_builder(population, space, actions), space, actions, rounds, seed)
        try:
            test.fresh()
            tests.append(test)
        except InputError as error:
            refusals.append(str(error))
    if not tests:
        raise InputError(f"cannot build a population of {population!r}: {refusals[0]}")
    verdicts = {}
    for promise, holds in PROMISES.items():
        found = [_verdict(test, holds) for test in tests if asserts(test, promise)]
        if found:
            verdicts[promise] = _worst(found)
    report = Report(name or str(getattr(population, "__name__", type(population).__name__)), verdicts)
    if raises and not report.passed:
        broken = [f"{report.name} must be {promise}, but {v.explanation}" for promise, v in report.refuted.items()]
        raise ClaimRefuted("\n".join(broken))
    return report


def _is_built(population: Any) -> bool:
    """Whether it is a population already, not a family of them."""
    return isinstance(population, Population) and not isinstance(population, type)


def _builder(population: Any, space: gym.Space, actions: int) -> Build:
    """A function that makes a fresh population from a generator."""
    if _is_built(population):
        try:
            pristine = copy.deepcopy(population)
        except (Exception, SystemExit) as error:  # whatever it holds that cannot be copied
            raise InputError(f"{population!r} cannot be copied ({error}): pass a function that makes it") from None
        return lambda rng: copy.deepcopy(pristine)
    if hasattr(population, "for_spaces"):
        return lambda rng: population.for_spaces(Goods.from_space(space), actions, rng=rng)
    if callable(population):
        return population  # type: ignore[no-any-return]
    raise InputError(f"check_population({population!r}): wanted a population, a family, or a function that makes one")


def _verdict(test: Trial, holds: Callable[[Trial], Finding]) -> Verdict:
    try:
        fault, cases = holds(test)
    except CannotTest as reason:
        return Verdict("could not test", str(reason))
    except (Exception, SystemExit) as error:  # whatever a population raises on legal input breaks its promise
        return Verdict("refuted", f"with {test.space} it raised {type(error).__name__}: {error}", 1)
    return Verdict("kept", "", cases) if fault is None else Verdict("refuted", f"with {test.space} {fault}", cases)


def _worst(found: list[Verdict]) -> Verdict:
    """One verdict of several: refuted if one is; kept if one is and the others could not be tested."""
    for status in ("refuted", "kept"):
        same = [verdict for verdict in found if verdict.status == status]
        if same:
            return Verdict(same[0].status, same[0].explanation, sum(verdict.cases for verdict in same))
    return found[0]
