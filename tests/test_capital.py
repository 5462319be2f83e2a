"""What a user gives to an economy stays the user's: endowments and capital are copied, and capital can be invested."""

import numpy as np
import pytest

from marketic import InputError
from marketic.economy import Consumer, Economy, Firm, Good


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
