"""Economies that make no sense are refused, and the message says which good or firm, and why.

Four kinds, in every room that can meet them: goods that go round, prices below 0 of what can be thrown away, endowments that
cannot be, and utilities or technologies that are not as concave as claimed.
"""

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.economy import Consumer, Dense, Economy, Firm, Good, SparseEconomy
from marketic.economy.consumer import log_consumer
from marketic.economy.firm import CobbDouglas
from marketic.economy.lagrange_price import lagrange_price
from marketic.economy.time import linear_quadratic, unroll
from marketic.errors import InputError
from marketic.mechanisms.equilibrium import assignment, exchange, fisher, post, walras_bundles, walras_lp

A, B, C = Good("ore"), Good("steel"), Good("tools")


def wants(good: str, slope: float = 1.0) -> Consumer:
    """U = slope * x."""
    return Consumer("town", good, lambda x: slope * x.sum(axis=1), lambda x: np.full_like(x, slope))


def ring(gain: float) -> Economy:
    """Steel makes tools, tools make steel."""
    return Economy(
        [A, B, C],
        [Dense("forge", ["ore", "tools"], ["steel"], [[1.0], [gain]]), Dense("smith", ["steel"], ["tools"], [[1.0]])],
        [wants("tools")],
    )


def unbounded() -> None:
    economy = ring(0.5)
    state = economy.produce({"ore": [[1.0]]})
    economy.firms["forge"].capital["weights"][1] = 1.5
    economy.prices(state, "synchronous")


CYCLES = {
    "quantities that grow without end": (
        lambda: ring(1.5).produce({"ore": [[1.0]]}),
        r"cycle (forge -\[steel\]-> smith|smith -\[tools\]-> forge).*good '(steel|tools)' still moves",
    ),
    "no order to post in": (
        lambda: ring(0.5).prices(ring(0.5).produce({"ore": [[1.0]]})),
        r"no topological order: the economy has the cycle .*forge.*smith",
    ),
    "a price map that does not contract": (unbounded, r"cycle .*forge.*spectral radius .* wanted < 1"),
    "firms as arrays": (
        lambda: SparseEconomy(4, [0, 1, 2, 3], [1, 2, 3, 1], np.ones(4)),
        r"cycle: firm [123] buys, through others, its own good",
    ),
    "no end in time": (
        lambda: unroll(
            [Good("stock", dated=True)], [Dense("keep", ["stock"], ["till'"], [[1.0]])], [wants("stock")], 3
        ),
        "firm 'keep' sells \"till'\" tomorrow: wanted the name of a dated good",
    ),
    "an activity that feeds itself": (
        lambda: walras_lp([1.0, 0.0], [[-1.0, 1.0]], [1.0], activities=["perpetuum mobile", "waste"]),
        "activity 'perpetuum mobile' can run for ever",
    ),
}

NEGATIVE_PRICES = {
    "a firm that is hurt": (
        lambda: (
            economy := Economy(
                [Good("smoke", free_disposal=True), B],
                [Dense("works", ["smoke"], ["steel"], [[-1.0]])],
                [wants("steel")],
            )
        ).prices(economy.produce({"smoke": [[1.0]]})),
        r"good 'smoke' has price -1 although it may be thrown away: one of its users \(works\)",
    ),
    "firms as arrays": (
        lambda: SparseEconomy(3, [0, 0], [1, 2], [2.0, -3.0], free_disposal=[True, False, False]).prices(
            [[1.0, 0, 0]], np.array([[1.0, 2.0, -3.0]]), [[0.0, 1.0, 1.0]]
        ),
        "good 0 has price -1 although it may be thrown away: firm 2 would pay to be rid of it",
    ),
    "a consumer that is hurt": (
        lambda: SparseEconomy(1, [], [], [], free_disposal=True).prices([[1.0]], np.array([[1.0]]), [[-2.0]]),
        "good 0 has price -2 .* a consumer would pay",
    ),
    "a bidder for packages": (
        lambda: fisher([[1.0, -0.5]], [1.0]),
        "weight of buyer 0 for good 1 is -0.5",
    ),
}

ENDOWMENTS = {
    "nobody has it": (lambda: Economy([A, B], [Dense("forge", ["ore"], ["steel"], [[1.0]])], [wants("steel")]).produce({}),
                      "good 'ore' is infeasible: 'forge' wants it, but no one has or makes it"),
    "less than nothing": (lambda: Economy([Good("ore", rival=True)], [], [wants("ore")]).produce({"ore": [[-1.0]]}),
                          "endowment of good 'ore' is infeasible: -1 units, wanted >= 0"),
    "no number": (lambda: Economy([A], [], [wants("ore")]).produce({"ore": [[np.nan]]}), "good 'ore' is infeasible"),
    "no such variety": (lambda: Economy([Good("grade", 3, kind="finite")], [], [wants("grade")]).produce({"grade": [[7]]}),
                        "good 'grade' is infeasible: wanted whole numbers from 0 to 2"),
    "a firm that eats too much": (
        lambda: post(Economy([A, Good("steel", rival=True)], [Dense("forge", ["ore"], ["steel"], [[1.0]])], [wants("steel")]),
                     {"ore": [[-3.0]]}),
        "rival good 'steel' is infeasible: its supply is -3"),
    "a negative input": (
        lambda: Economy([A, B], [CobbDouglas("forge", ["ore"], "steel", [0.5])], [wants("steel")]).produce({"ore": [[-1.0]]}),
        "firm 'forge' was given a negative input"),
    "balances that no activity can meet": (
        lambda: walras_lp([1.0], [[1.0], [-1.0]], [2.0, -3.0], goods=["ore", "steel"]),
        "supply of good 'steel' is infeasible: there are -3 units, .* misses 1"),
    "a supply of nothing": (lambda: fisher([[1.0, 1.0]], [1.0], [1.0, 0.0]), "supply of good 1 is 0.0"),
    "owned by nobody": (lambda: exchange([[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]), "good 1 is owned by nobody"),
    "owners of nothing": (lambda: exchange(np.ones((2, 2)), [[1.0, 1.0], [0.0, 0.0]]), "agent 1 owns nothing"),
    "a market in two parts": (lambda: exchange([[1.0, 1.0], [0.0, 1.0]], np.eye(2)), r"agents \[1\] want nothing that"),
    "a resource below what must be used": (
        lambda: lagrange_price(lambda p: (np.array([5.0]), -5.0 * p[0]), [3.0]), "resource 0 is infeasible: it is short"),
    "firms as arrays": (lambda: SparseEconomy(2, [0], [1], [1.0]).produce([[np.inf, 0.0]]), "good 0 is infeasible"),
    "half a firm": (lambda: SparseEconomy(2, [0.5], [1], [1.0]), "sellers of dtype float64: wanted whole numbers"),
}  # fmt: skip


def one_day_of(consumer: Consumer, x) -> None:
    economy = Economy([A, B], [], [consumer])
    economy.prices(economy.produce({"ore": [[x[0]]], "steel": [[x[1]]]}))


def one_day(utility, gradient, x) -> None:
    one_day_of(Consumer("glutton", ("ore", "steel"), utility, gradient, concave=True), x)


NOT_CONCAVE = {
    "a convex utility, one day": (
        lambda: one_day(lambda x: (x**2).sum(axis=1), lambda x: 2 * x, (1.0, 2.0)),
        r"consumer 'glutton' claims a concave utility, but U\(\[.*\]\) lies .* above the tangent at \[1.0, 2.0\]",
    ),
    "convex, of which it has none": (
        lambda: one_day(lambda x: (x**2).sum(axis=1), lambda x: 2 * x, (0.0, 0.0)), "consumer 'glutton' claims a concave"),
    "convex in a good that it has none of": (
        lambda: one_day(lambda x: -x[:, 0] + x[:, 1] ** 2, lambda x: np.stack([-1 + 0 * x[:, 0], 2 * x[:, 1]], axis=1),
                        (3.0, 0.0)), "consumer 'glutton' claims a concave"),
    "convex, and tiny": (
        lambda: one_day(lambda x: 1e-12 * (x**2).sum(axis=1), lambda x: 2e-12 * x, (1e-9, 0.0)), "claims a concave"),
    "convex in the second good only": (
        lambda: one_day(lambda x: -3 * x[:, 0] ** 2 + 0.1 * x[:, 1] ** 2,
                        lambda x: x * [-6.0, 0.2], (1.0, 1.0)),
        "consumer 'glutton' claims a concave utility",
    ),
    "a gradient that is not the utility's": (
        lambda: one_day(lambda x: np.sqrt(x).sum(axis=1), lambda x: 0.1 / np.sqrt(x), (1.0, 1.0)),
        "consumer 'glutton' claims a concave utility",
    ),
    "increasing returns": (lambda: CobbDouglas("forge", ["ore", "coal"], "steel", [0.8, 0.5]),
                           r"firm 'forge' has shares=\[0.8, 0.5\]: wanted positive numbers with sum <= 1"),
    "an activity with increasing returns": (
        lambda: walras_lp([1.0, 1.0], [[1.0, 1.0]], [1.0], curvature=[1.0, -0.1], activities=["mine", "mill"]),
        "welfare is not concave: activity 'mill' has increasing returns",
    ),
    "the same, in a matrix": (
        lambda: walras_lp([1.0, 1.0], [[1.0, 1.0]], [1.0], curvature=[[1.0, 0.0], [0.0, -0.1]], activities=["mine", "mill"]),
        "activity 'mill' has increasing returns",
    ),
    "a control that is no effort": (
        lambda: linear_quadratic([[1.0]], [[1.0]], [[1.0]], [[-1.0]], 3), "'household' is not concave"),
    "a part that does not do its best": (
        lambda: lagrange_price(lambda p: (np.array([1.0 - p[0] / 2]), 0.2 * (1.0 - p[0] / 2)), [0.5], start=[1.5]),
        "part 0 reports a value of",
    ),
}  # fmt: skip


def broken_derivative() -> None:
    forge = Firm("forge", ("ore",), ("steel",), lambda c, x: x, lambda c, x, y, p: (p / 0 * 0, {}))
    economy = Economy([A, B], [forge], [wants("steel")])
    economy.prices(economy.produce({"ore": [[1.0]]}))


OTHER = {
    "bids of another kind": (lambda: assignment(Bids([[1.0]]), ascending=True), "wants AssignmentBids"),
    "packages of another kind": (lambda: walras_bundles(Bids([[1.0]])), "wants BundleBids"),
    "nothing of what is needed": (
        lambda: one_day_of(log_consumer("home", ["ore", "steel"], [1.0, 2.0]), (0.0, 1.0)),
        "consumer 'home' offers prices that are NaN or infinite"),
    "less than nothing of what is needed": (
        lambda: one_day_of(log_consumer("home", ["ore", "steel"], [1.0, 2.0]), (-1.0, 1.0)),
        "consumer 'home' has -1 units of a good"),
    "weights that are none": (lambda: log_consumer("home", ["ore"], [0.0]), r"consumer 'home' has weights=\[0.0\]"),
    "a derivative of nothing": (broken_derivative, "firm 'forge' offers prices that are NaN or infinite"),
}  # fmt: skip


ALL = [
    pytest.param(call, words, id=f"{kind}: {name}")
    for kind, cases in (
        ("cycle", CYCLES),
        ("negative price", NEGATIVE_PRICES),
        ("endowment", ENDOWMENTS),
        ("not concave", NOT_CONCAVE),
        ("other", OTHER),
    )
    for name, (call, words) in cases.items()
]


@pytest.mark.parametrize(("call", "words"), ALL)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_refused_and_named(call, words):
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_cycle_that_leaks_little_settles_all_the_same():
    economy = ring(0.995)  # more than 10,000 rounds
    prices = economy.prices(economy.produce({"ore": [[1.0]]}), "synchronous")
    assert prices["ore"][0, 0] == pytest.approx(200.0, abs=prices.certificate.error_bound)
    assert prices.certificate.error_bound < 1e-4
    assert prices.certificate.radius == pytest.approx(0.995**0.5)


@pytest.mark.parametrize("scale", [1e-200, 1e-10, 1.0, 1e200])
def test_prices_below_nothing_are_measured_by_the_prices_of_the_day(scale):
    goods = [Good("smoke", free_disposal=True), Good("steel"), Good("tools")]
    works = Dense("works", ["smoke"], ["steel", "tools"], [[1.0, 1.0]])

    def price(steel, tools):
        slopes = scale * np.array([[steel, tools]])
        town = Consumer("town", ("steel", "tools"), lambda x: x @ slopes[0], lambda x: slopes)
        economy = Economy(goods, [works], [town])
        return economy.prices(economy.produce({"smoke": [[1.0]]}))["smoke"].item()

    assert -1e-15 * scale < price(0.3, -0.1 - 0.2) < 0  # rounding of what cancels
    with pytest.raises(InputError, match=r"good 'smoke' has price .* although it may be thrown away"):
        price(0.3, -0.3 - 1e-10)


def test_what_is_concave_is_believed():
    one_day(lambda x: np.sqrt(x).sum(axis=1), lambda x: 0.5 / np.sqrt(x), (1e-200, 1e200))
    one_day(lambda x: np.log1p(x).sum(axis=1), lambda x: 1 / (1 + x), (0.0, 0.0))
    one_day(lambda x: x @ [0.1, -0.3], lambda x: np.tile([0.1, -0.3], (len(x), 1)), (0.3, 0.1))
    one_day(lambda x: np.log(x).sum(axis=1), lambda x: 1 / x, (0.01, 100.0))
    one_day(lambda x: -(x**2).sum(axis=1), lambda x: -2 * x, (-3.0, 0.0))
    one_day(
        lambda x: np.minimum(x[:, 0], 1.0), lambda x: np.stack([x[:, 0] < 1, 0 * x[:, 0]], axis=1) * 1.0, (1.0, 1.0)
    )


def test_what_may_not_be_thrown_away_may_cost_less_than_nothing():
    economy = SparseEconomy(2, [0], [1], [-1.0])
    prices = economy.prices([[1.0, 0.0]], economy.produce([[1.0, 0.0]]), [[0.0, 1.0]])
    assert prices.values.tolist() == [[-1.0, 1.0]]
