"""What a user gives to an economy stays the user's: endowments and capital are copied, and capital can be invested."""

import numpy as np
import pytest

from marketic import InputError
from marketic.economy import Consumer, Dense, Economy, Firm, Good


def linear(name: str, good: str) -> Consumer:
    return Consumer(name, good, lambda x: x.sum(axis=1), np.ones_like)


def test_what_was_produced_stays_when_the_callers_array_changes() -> None:
    square = Firm("f", "a", "b", lambda c, x: x**2, lambda c, x, y, p: (2 * x * p, {}))
    economy = Economy([Good("a"), Good("b")], [square], [linear("c", "b")])
    for mine in (np.array([[3.0]]), np.array([3.0])):
        state = economy.produce({"a": mine})
        mine[:] = 5.0
        assert state["a"].item() == 3
        assert economy.prices(state)["a"].item() == 6  # 2 x


@pytest.mark.parametrize("start", [2.0, 2, np.array(2), np.array([2]), [2], np.array([2.0], dtype=np.float32)])
def test_capital_of_any_number_type_is_owned_and_invested(start: object) -> None:
    capital = {"w": start}
    firm = Firm("f", "a", "b", lambda c, x: c["w"] * x, lambda c, x, y, p: (
        c["w"] * p, {"w": np.sum(x * p).reshape(np.shape(c["w"])).tolist()}), capital)  # fmt: skip
    economy = Economy([Good("a"), Good("b")], [firm], [linear("c", "b")])
    for _ in range(5):
        economy.invest(economy.prices(economy.produce({"a": [[1.0]]})), 0.1)
    assert firm.capital["w"] == pytest.approx(2.5, abs=1e-15)
    assert np.array_equal(capital["w"], start)  # the caller's own stays
    assert np.all(np.asarray(start) == 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_firm_invests_if_one_does_not_know_what_its_capital_earns(bad: float) -> None:
    def firm(name: str, earns: float) -> Firm:
        return Firm(name, "a", "b", lambda c, x: x, lambda c, x, y, p: (p, {"w": earns}), {"w": 2.0})

    firms = [firm("good", 1.0), firm("odd", bad)]
    economy = Economy([Good("a"), Good("b")], firms, [linear("c", "b")])
    with pytest.raises(InputError, match="firm 'odd' says that one more unit of its capital 'w' earns NaN or infinity"):
        economy.invest(economy.prices(economy.produce({"a": [[1.0]]})), 0.1)
    assert [float(each.capital["w"]) for each in firms] == [2.0, 2.0]
    firms[1].capital["w"] = 2.0  # type: ignore[assignment]
    with pytest.raises(InputError, match="firm 'odd' has capital 'w' of type float"):
        economy.invest(economy.prices(economy.produce({"a": [[1.0]]})), 0.1)


@pytest.mark.parametrize("who", ["firm", "offers", "consumer"])
def test_what_others_read_too_cannot_be_written_to(who: str) -> None:
    """A good of a firm that two others read: the first to write there would change what the second one has."""

    def doubled(x):
        x *= 2.0
        return x

    def earn(capital, x, y, p):
        return (doubled(x) if who == "offers" else x) * 0 + p, {}

    greedy = Firm("greedy", "b", "c", lambda capital, x: doubled(x) if who == "firm" else x * 1.0, earn)
    eater = Consumer(
        "eater", ("b", "c"), lambda x: x.sum(axis=1), lambda x: doubled(x) if who == "consumer" else x * 0 + 1
    )
    economy = Economy([Good("a"), Good("b"), Good("c")], [Dense("f", ["a"], ["b"], [[2.0]]), greedy], [eater])
    with pytest.raises(ValueError, match="read-only"):
        economy.prices(economy.produce({"a": [[1.0]]}))


def test_a_firm_may_work_in_the_prices_that_it_is_given() -> None:
    def earn(capital, x, y, p):
        p *= 3.0
        return p, {}

    firms = [Dense("f", ["a"], ["b"], [[2.0]]), Firm("g", "b", "c", lambda capital, x: 3.0 * x, earn)]
    eater = Consumer("eater", "c", lambda x: x[:, 0], np.ones_like)
    economy = Economy([Good("a"), Good("b"), Good("c")], firms, [eater])
    prices = economy.prices(economy.produce({"a": [[1.0]]}))
    assert [prices[good].item() for good in "abc"] == [6.0, 3.0, 1.0]
    assert prices.certificate.status == "optimal"
    assert [prices[good].item() for good in "abc"] == [6.0, 3.0, 1.0]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (np.array([[1j]]), "complex"),
        ([["a"]], "not of numbers"),
        (np.array([[2.0]], dtype=object), None),
        ([[2]], None),
    ],
)
def test_marginal_profits_of_any_kind_are_numbers_before_anyone_invests(told, words) -> None:
    firms = [
        Dense("first", ["a"], ["b"], [[2.0]]),
        Firm("second", "a", "b", lambda c, x: x @ c["w"], lambda c, x, y, p: (p, {"w": told}), {"w": [[1.0]]}),
    ]
    economy = Economy([Good("a"), Good("b")], firms, [Consumer("c", "b", lambda x: x[:, 0], np.ones_like)])
    prices = economy.prices(economy.produce({"a": [[1.0]]}))
    if words is None:
        economy.invest(prices, 0.5)
        assert economy.firms["second"].capital["w"].item() == 2.0
    else:
        with pytest.raises(InputError, match=f"firm 'second' tells what its capital 'w' earns.*{words}"):
            economy.invest(prices, 0.5)
        assert economy.firms["first"].capital["weights"].item() == 2.0
