"""States and prices of an economy whose edges have changed are refused, like those of one that invested."""

import copy

import numpy as np
import pytest

from marketic import InputError
from marketic.economy import Consumer, Dense, Economy, Good
from marketic.economy.structure import evict_edges, pay_rent, swap_edges
from marketic.economy.time import storage, unroll


def quadratic() -> Consumer:
    return Consumer("c", ("b",), lambda x: -0.5 * np.sum((x - 1) ** 2, axis=1), lambda x: 1 - x, concave=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda firm: pay_rent(firm, 0.1, 1.0),
        lambda firm: evict_edges([firm], [np.ones((2, 1))], 1),
        lambda firm: swap_edges([firm], 1, [np.ones((2, 1))], [np.ones((2, 1))], [np.ones((2, 1))]),
        lambda firm: setattr(firm, "mask", np.array([[True], [False]])),
        lambda firm: firm.invest({"weights": np.ones((2, 1)), "bias": np.ones(1)}, 0.1),
    ],
    ids=["rent", "evict", "swap", "mask", "invest"],
)
def test_edges_that_come_and_go_make_states_and_prices_out_of_date(change) -> None:
    firm = Dense("f", ["a"], ["b"], [[2.0], [0.0]])
    firm.mask = np.array([[True], [False]])
    economy = Economy([Good("a", 2), Good("b")], [firm], [quadratic()])
    prices = economy.prices(economy.produce({"a": [[1.0, 2.0]]}))
    assert prices.certificate.status == "optimal"
    change(firm)
    asks = (
        lambda: economy.prices(prices.state),
        lambda: economy.profit(prices),
        lambda: economy.profit(prices, "pivot"),
        lambda: economy.prices(prices.state, "synchronous"),
    )
    for ask in asks:
        with pytest.raises(InputError, match="out of date"):
            ask()
    economy.invest(prices, 0.0)  # of what each edge would have earned
    with pytest.raises(InputError, match="out of date"):
        economy.invest(prices, 0.0)
    again = economy.prices(economy.produce({"a": [[1.0, 2.0]]}))
    truth = (1.0 - again.state["b"]) * firm.capital["weights"].T
    assert again["a"] == pytest.approx(truth, abs=1e-12)


def test_no_version_of_an_economy_comes_twice() -> None:
    rng = np.random.default_rng(0)
    out = [Dense(f"f{k}", ["a"], ["b"], [[1.0]]) for k in range(4)]
    economy = Economy([Good("a"), Good("b")], [], [quadratic()])
    seen = [economy.version]
    for _ in range(300):
        change, inside = rng.integers(3), list(economy.firms)
        if change == 0 and out:
            economy.enter(out.pop())
        elif change == 1 and inside:
            out.append(economy.evict(str(rng.choice(inside))))
        elif inside:
            pay_rent(economy.firms[str(rng.choice(inside))], 0.1, 0.1)
        else:
            continue
        seen.append(economy.version)
    assert (np.diff(seen) > 0).all()


def test_edges_that_change_in_one_period_change_in_all() -> None:
    eater = Consumer("c", "x", lambda x: x[:, 0] ** 2, lambda x: 2 * x)
    economy = unroll([Good("x", dated=True)], [storage("barn", "x")], [eater], 3)
    state = economy.produce({"x@0": [[1.0]]})
    pay_rent(economy.firms["barn@2"], 0.5, 1.0)
    with pytest.raises(InputError, match="out of date"):
        economy.prices(state)
    assert economy.produce({"x@0": [[1.0]]})["x@3"].item() == 0.125


def mill(weight: float, good: str = "b") -> Economy:
    eater = Consumer("c", (good,), lambda x: np.log(x[:, 0]), lambda x: 1 / x, concave=True)
    return Economy([Good("a"), Good(good)], [Dense("f", ["a"], [good], [[weight]])], [eater])


def test_states_and_prices_of_another_economy_are_refused() -> None:
    """Economies that changed as often as each other were taken for one another, copies too: prices were those of neither."""
    one, other = mill(0.5), mill(0.25)
    twin = copy.deepcopy(one)
    state = one.produce({"a": [[4.0]]})
    prices = one.prices(state)
    assert twin.prices(state)["a"] == prices["a"]  # a copy is the same economy until one of the two changes
    one.invest(one.prices(one.produce({"a": [[4.0]]})), 0.1)
    twin.invest(twin.prices(twin.produce({"a": [[9.0]]})), 0.5)
    for economy in (other, twin, mill(0.5, "meal")):
        for ask in (
            lambda it: it.prices(one.produce({"a": [[4.0]]})),
            lambda it: it.invest(one.prices(one.produce({"a": [[4.0]]})), 0.1),
            lambda it: it.profit(one.prices(one.produce({"a": [[4.0]]}))),
            lambda it: it.profit(one.prices(one.produce({"a": [[4.0]]})), "pivot"),
        ):
            with pytest.raises(InputError, match=r"another( economy|'s)"):
                ask(economy)


def test_a_firm_in_two_economies_does_not_make_them_one() -> None:
    firm = Dense("f", ["a"], ["b"], [[0.5]])
    one, other = (
        Economy(
            [Good("a"), Good("b")], [firm], [Consumer("c", "b", lambda x, k=k: k * x[:, 0], lambda x, k=k: k + 0 * x)]
        )
        for k in (1.0, 2.0)
    )
    firm.note_change()
    with pytest.raises(InputError, match="another's"):
        other.prices(one.produce({"a": [[1.0]]}))


@pytest.mark.parametrize("nothing", [None, {"a": 1.0}, 3])
def test_what_is_no_state_and_no_prices_is_refused(nothing) -> None:
    economy = mill(0.5)
    state = economy.produce({"a": [[1.0]]})
    economy.enter(Dense("g", ["a"], ["b"], [[1.0]]))
    asks = (economy.prices, economy.welfare, economy.profit, lambda it: economy.invest(it, 0.1))
    for ask in asks:
        with pytest.raises(InputError, match=r"wanted what|out of date"):
            ask(nothing)
    with pytest.raises(InputError, match="out of date"):
        economy.welfare(state)
