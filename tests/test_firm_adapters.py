"""Firms whose derivatives come from jax, torch or autograd, where these are installed: held to finite differences."""

import warnings

import numpy as np
import pytest

from marketic.checks import check_firm
from marketic.economy import Consumer, Economy, Good, adapters
from marketic.errors import InputError

NUMPY = {"jax": "jax.numpy", "torch": "torch", "autograd": "autograd.numpy"}
WEIGHTS = np.random.default_rng(1).normal(size=(3, 2))
BOUGHT = np.random.default_rng(0).normal(size=(4, 3))
TOWN = Consumer("town", "b", lambda y: -np.sum(y**2, axis=1), lambda y: -2 * y)


@pytest.fixture(params=NUMPY)
def library(request):
    """How a firm is made from a function with the library, and the library."""
    numpy = pytest.importorskip(NUMPY[request.param])
    adapt = getattr(adapters, f"from_{request.param}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Output seems independent of input")  # autograd, of constants
        yield lambda function, capital=None, ins="a": adapt("f", ins, "b", function, capital or {}), numpy


def produced(firm, endowment):
    goods = [Good("a", 3), Good("b", 2)]
    economy = Economy(goods, [firm], [TOWN])
    state = economy.produce(endowment)
    return state, economy.prices(state)


def ones(numpy, days):
    return numpy.ones((days, 2), **({"dtype": numpy.float64} if numpy.__name__ == "torch" else {}))


FUNCTIONS = {
    "tanh": lambda numpy, c, x: numpy.tanh(x @ c["w"]),
    "kinks": lambda numpy, c, x: numpy.abs(x @ c["w"]) + c["w"][0],
    "without its capital": lambda numpy, c, x: x[:, :2] * x[:, 1:],
    "without its inputs": lambda numpy, c, x: c["w"][2] * ones(numpy, len(x)),
    "constant": lambda numpy, c, x: ones(numpy, len(x)),
    "steps": lambda numpy, c, x: x[:, :2] > 0,
    "takes its capital out": lambda numpy, c, x: x @ dict(c).pop("w"),
}


@pytest.mark.parametrize("what", FUNCTIONS)
def test_functions_of_all_kinds_offer_their_derivative(library, what):
    adapt, numpy = library
    firm = adapt(lambda c, x: FUNCTIONS[what](numpy, c, x), {"w": WEIGHTS})
    assert check_firm(firm, BOUGHT).passed
    state, prices = produced(firm, {"a": BOUGHT})
    assert prices.certificate.status == "optimal"
    assert {array.dtype for array in (state["b"], prices["a"], prices.marginal["f"]["w"])} == {np.dtype(float)}


def test_what_is_made_in_single_precision_has_a_derivative_too(library):
    adapt, numpy = library
    single = (lambda z: z.float()) if numpy.__name__ == "torch" else lambda z: z.astype("float32")
    state, prices = produced(adapt(lambda c, x: numpy.tanh(single(x @ c["w"])), {"w": WEIGHTS}), {"a": BOUGHT})
    made = np.tanh(BOUGHT @ WEIGHTS)
    assert state["b"] == pytest.approx(made, abs=1e-6)
    assert prices["a"] == pytest.approx((-2 * made * (1 - made**2)) @ WEIGHTS.T, abs=1e-5)


def test_a_function_that_works_in_place_changes_nothing_of_others():
    pytest.importorskip("autograd")

    def double(capital, x):
        scale = capital["s"]
        scale *= 2.0
        x *= 2.0
        return x[:, :2] * scale

    firm = adapters.from_autograd("f", "a", "b", double, {"s": np.full((), 0.5)})
    state, prices = produced(firm, {"a": BOUGHT})
    assert np.array_equal(state["a"], BOUGHT)
    assert np.array_equal(state["b"], 2 * BOUGHT[:, :2])
    assert np.array_equal(prices["a"][:, :2], -8 * BOUGHT[:, :2])
    assert firm.capital["s"] == 0.5


@pytest.mark.parametrize("switched_off", ["no_grad", "inference_mode"])
def test_torch_finds_derivatives_where_the_caller_has_switched_them_off(switched_off):
    torch = pytest.importorskip("torch")
    firm = adapters.from_torch("f", "a", "b", lambda c, x: torch.tanh(x @ c["w"]), {"w": WEIGHTS})
    wanted = produced(firm, {"a": BOUGHT})[1]["a"]
    with getattr(torch, switched_off)():
        assert np.array_equal(produced(firm, {"a": BOUGHT})[1]["a"], wanted)
    assert wanted.any()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda c, x: [x[0, :2], x[1, :2], x[2, :2], x[3, :2]], "firm 'f' returned list: wanted one array"),
        (lambda c, x: (x[:, :1], x[:, 1:2]), "firm 'f' returned tuple: wanted one array"),
        (lambda c, x: None, "firm 'f' returned NoneType: wanted one array"),
        (lambda c, x: x.sum(1), r"of shape \(4,\): wanted \(4, 2\)"),
        (lambda c, x: x, r"of shape \(4, 3\): wanted \(4, 2\)"),
        (lambda c, x: x[:, :2] + 1j, "complex numbers: wanted real ones"),
    ],
)
def test_answers_that_are_none_are_refused_by_name(library, function, words):
    firm = library[0](function)
    with pytest.raises(InputError, match=words):
        produced(firm, {"a": BOUGHT})


def test_complex_answers_break_the_promise(library):
    refuted = check_firm(library[0](lambda c, x: x[:, :2] + 1j), BOUGHT, raises=False).refuted
    assert "complex numbers" in refuted["ANSWERS"].explanation


def test_arguments_are_those_of_a_firm(library):
    adapt, numpy = library
    assert adapt(lambda c, x: x, ins="grain").ins == ("grain",)
    assert check_firm(adapt(lambda c, x: c["w"] * ones(numpy, len(x)), {"w": [1.0, 2.0]}, ()), np.zeros((3, 0))).passed
    for wrong, words in (((3,), "function=3"), ((lambda c, x: x, [1.0]), "wanted a dict")):
        with pytest.raises(InputError, match=words):
            adapt(*wrong)
