"""Options of mechanisms that make no sense are refused in a line that names them; what was given cannot be changed later."""

import dataclasses
import inspect

import numpy as np
import pytest
from refusals import refused

import marketic.mechanisms as mechanisms
from marketic import InputError
from marketic.checks import check_mechanism
from marketic.checks.replay import replay
from marketic.domains import SingleGood
from marketic.mechanisms import (
    LMSR,
    AssignmentMarket,
    CombinatorialClock,
    ConstantProduct,
    CoreSelecting,
    DecisionMarket,
    ExpectedExternality,
    ExpectedExternalityProject,
    GaussianMaker,
    KellyMarket,
    LatentClassMarket,
    Myerson,
    ProportionalShare,
    SecondPrice,
    SequentialPostedPrices,
    Subsidised,
    Taxed,
    TreeLMSR,
    WithBudget,
    WithReserve,
)
from marketic.mechanisms.priors import Discrete
from marketic.registry import names, resolve

NAN, INF = float("nan"), float("inf")
NONSENSE = [
    [1.0], [1, 2], (), (1.0,), ("a",), (NAN,), (0.5, INF), [[1, 2], [3]], np.array(2.0), np.ones(2), np.array([[0.5]]),
    "x", b"x", None, True, {}, {"a": 1}, object(), len, 1j, NAN, INF, -1, -0.5, 1e300, 1e-320, 10**30, np.float32(0.5),
]  # fmt: skip


def with_defaults():
    """Mechanisms that need no arguments."""
    for name in mechanisms.__all__:
        made = getattr(mechanisms, name)
        if inspect.isclass(made) and dataclasses.is_dataclass(made):
            needed = [f for f in dataclasses.fields(made) if f.init and f.default is f.default_factory]
            if not needed:
                yield made


def attempt(kind, option, value):
    """The refusal, "" if it is none."""
    try:
        kind(**{option: value})
    except InputError as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize("kind", list(with_defaults()))
def test_what_is_no_value_of_an_option_is_accepted_or_refused_in_a_line(kind) -> None:
    for option in (field.name for field in dataclasses.fields(kind) if field.init):
        for value in NONSENSE:
            message = attempt(kind, option, value)
            assert "\n" not in message, (option, value)
            assert len(message) < 400


REFUSED = [
    (lambda: SequentialPostedPrices(0.5), "prices=0.5"),
    (lambda: SequentialPostedPrices((0.5, 0.2), order=(0, NAN)), "order="),
    (lambda: TreeLMSR((-1, 0.5)), "parents"),
    (lambda: LMSR(prior="even"), "prior"),
    (lambda: LMSR(outcomes=10**30), "outcomes="),
    (lambda: KellyMarket(wealth={"a": 1}), "wealth="),
    (lambda: LatentClassMarket(classes=0.5), "classes"),
    (lambda: LatentClassMarket(indicators=(0.5, 0.5)), "wanted rows of numbers"),
    (lambda: Myerson("uniform"), "wanted a distribution"),
    (lambda: Myerson((1.0, 2.0)), "wanted a distribution"),
    (lambda: ExpectedExternality(prior=1.0), "wanted a distribution"),
    (lambda: Discrete(1.0, 2.0), "values"),
    (lambda: CoreSelecting(reference=np.ones(2)), "wanted one of vcg"),
    (lambda: CombinatorialClock(payment="vcg"), "wanted an object with clear"),
    (lambda: CombinatorialClock(payment=SecondPrice()), "wanted one for packages"),
    (lambda: CombinatorialClock(increment=INF), "increment=inf"),
    (lambda: CombinatorialClock(points=((1, 2), (3,))), "points="),
    (lambda: DecisionMarket(exploration=1e-320), "exploration"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_refusals_name_the_option(make, words) -> None:
    refused(make, words, "wanted")


def test_lists_are_kept_as_they_were_given() -> None:
    prior = np.array([0.2, 0.8])
    market = LMSR(prior=prior)
    prior[:] = 0.5
    assert market.quote(market.open(1)).round(9).tolist() == [0.2, 0.8]
    assert market == LMSR(prior=(0.2, 0.8))
    assert hash(SequentialPostedPrices([0.5, 0.25], order=[1, 0])) == hash(SequentialPostedPrices((0.5, 0.25), (1, 0)))
    assert TreeLMSR([-1.0, 0.0]) == TreeLMSR((-1, 0))


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1e9, 1e12])
@pytest.mark.parametrize("maker", [LMSR, ConstantProduct])
def test_market_makers_of_any_size_keep_their_claims(maker, size) -> None:
    """Orders beyond the largest bid are refused at the door; the kit once took that for a trade at another price."""
    assert check_mechanism(maker(size, 3), budget=600).passed


def test_a_share_too_small_to_matter_is_no_counterexample() -> None:
    assert check_mechanism(AssignmentMarket(sellers_share=1e-300), budget=200).passed


EXTREME = [
    *(ProportionalShare(capacity) for capacity in (2.0**-40, 1e-3, 1e6, 2.0**40)),
    *(adapter for size in (1e-12, 1e-9) for adapter in (Subsidised(SecondPrice(), size), WithReserve(SecondPrice(), size))),
    WithBudget(SecondPrice(), 1e-9),
    ExpectedExternalityProject(cost=1e-12, high=1e-12),
]  # fmt: skip


@pytest.mark.parametrize("mechanism", EXTREME, ids=repr)
def test_the_smallest_and_largest_options_keep_their_claims(mechanism) -> None:
    assert check_mechanism(mechanism, budget=300).passed


@pytest.mark.parametrize("capacity", [1e-300, 1e-320, 1e300, 2.0**41])
def test_a_capacity_whose_prices_would_be_infinite_is_refused(capacity) -> None:
    refused(lambda: ProportionalShare(capacity), "capacity=", "wanted a number from")


def test_spreads_that_vanish_or_overflow_are_refused() -> None:
    for value in (1e-300, 1e300):
        refused(lambda value=value: GaussianMaker(deviation=value), "wanted a mean")
    refused(lambda: Taxed(SecondPrice(), 1e300), "rate=1e+300", "wanted a rate")


@pytest.mark.parametrize("size", [1e-300, 1e-12, 1e-9, 1e-3, 1e3, 1e9, 9e11, 1e300])
def test_stored_counterexamples_show_what_they_say_at_any_size_of_an_option(size):
    """Where they would be rounding, or beyond the largest bid, they are not listed."""
    replayed = 0
    for name in names("mechanisms"):
        made = resolve("mechanisms", name)
        for option in inspect.signature(made).parameters.values():
            if (not isinstance(option.default, float) and option.name != "increment") or name == "combinatorial-clock":
                continue
            try:
                mechanism = made(**{option.name: size})
            except InputError:
                continue
            stored = getattr(mechanism, "refuted", ())
            replayed += len(stored)
            if stored and hasattr(mechanism, "clear"):
                domain = getattr(mechanism, "domain", SingleGood())
                verdicts = [replay(mechanism, domain, case) for case in stored]
            else:
                told = check_mechanism(mechanism, budget=1, raises=False).verdicts if stored else {}
                verdicts = [verdict for claim, verdict in told.items() if claim.startswith("not ")]
            assert [verdict.status for verdict in verdicts] == ["kept"] * len(stored), (name, option.name, verdicts)
    assert replayed > 5
