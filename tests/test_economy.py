"""Goods, firms and consumers: production, rival goods, profit, entry and exit, and what is refused."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import InputError
from marketic.economy import Consumer, Dense, Economy, Firm, Good, Layout, Table, adapters
from marketic.economy.consumer import log_consumer
from marketic.economy.firm import CobbDouglas
from marketic.economy.sharing import share_out
from marketic.mechanisms import equilibrium


def linear(name: str, good: str, price: float = 1.0) -> Consumer:
    return Consumer(name, good, lambda x: price * x.sum(axis=1), lambda x: np.full(x.shape, price))


def test_layout_packs_and_unpacks() -> None:
    layout = Layout([Good("a", 2), Good("v", 3, kind="finite"), Good("b")])
    values = {"a": np.arange(4.0).reshape(2, 2), "v": np.array([[1.0], [2.0]]), "b": np.full((2, 1), 7.0)}
    packed = layout.pack(values)
    assert packed.tolist() == [[0, 1, 1, 7], [2, 3, 2, 7]]
    assert all(np.array_equal(values[name], part) for name, part in layout.unpack(packed).items())
    assert layout.pack({"v": np.ones((2, 3))}, prices=True).shape == (2, 6)
    with pytest.raises(InputError, match=r"wanted \[days, 4\]"):
        layout.unpack(np.zeros((2, 6)))


def test_two_sources_of_a_good_add_up_and_days_are_independent() -> None:
    firms = [Dense("f", ["a"], ["b"], [[2.0]]), Dense("g", ["a"], ["b"], [[3.0]], [1.0])]
    economy = Economy([Good("a"), Good("b")], firms, [linear("c", "b")])
    state = economy.produce({"a": [[1.0], [10.0]], "b": [0.5]})
    assert state["b"].ravel().tolist() == [6.5, 51.5]
    assert economy.welfare(state).tolist() == [6.5, 51.5]
    assert economy.prices(state)["a"].ravel().tolist() == [5.0, 5.0]


def rival_economy(rng: np.random.Generator) -> Economy:
    """Three levels: two rival raw goods, Cobb-Douglas firms, one consumer of their products; all inputs are shared."""
    goods = [Good("ore", rival=True), Good("wood", rival=True), Good("tools", rival=True), Good("bread"), Good("house")]
    return Economy(
        goods,
        [
            CobbDouglas("smith", ["ore", "wood"], "tools", rng.dirichlet([2, 2]) * 0.9),
            CobbDouglas("baker", ["wood", "tools"], "bread", rng.dirichlet([2, 2]) * 0.9),
            CobbDouglas("builder", ["ore", "wood", "tools"], "house", rng.dirichlet([2, 2, 2]) * 0.8),
        ],
        [log_consumer("home", ["bread", "house"], [1.0, 2.0])],
    )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_rival_goods_have_one_price_which_is_the_gradient(seed: int) -> None:
    rng = np.random.default_rng(seed)
    economy = rival_economy(rng)
    endowment = {"ore": [[1 + rng.random()]], "wood": [[2 + rng.random()]]}
    before = economy.prices(economy.produce(endowment))
    assert before.certificate.disagreement > 1e-6  # equal shares are no equilibrium
    assert before.certificate.worst == 0
    prices = share_out(economy, endowment)
    assert prices.certificate.disagreement <= 1e-9
    assert economy.welfare(prices.state)[0] >= economy.welfare(before.state)[0]
    for answer, shares in ((before, dict.fromkeys(economy.shares)), (prices, economy.shares)):
        for good in endowment:
            up, down = ({**endowment, good: [[endowment[good][0][0] + step]]} for step in (1e-5, -1e-5))
            if shares[good] is None:
                economy_then = rival_economy(np.random.default_rng(seed))
            else:
                economy_then = economy
            slope = [economy_then.welfare(economy_then.produce(e))[0] for e in (up, down)]
            assert answer[good][0, 0] == pytest.approx((slope[0] - slope[1]) / 2e-5, rel=1e-6)
    for good, shares in economy.shares.items():
        assert sum(shares.values()) == pytest.approx(1.0), good
        offers = [prices.offers[user][0, economy.price_columns[user][good]] for user in shares]
        assert np.allclose(offers, prices[good][0], rtol=1e-9)


def test_budgeted_consumers_spend_their_budgets() -> None:
    goods = [Good("x", rival=True), Good("y", rival=True)]

    def cobb(a: float, budget: float, name: str) -> Consumer:
        def utility(x: np.ndarray) -> np.ndarray:
            return x[:, 0] ** a * x[:, 1] ** (1 - a)

        return Consumer(
            name, ("x", "y"), utility, lambda x: utility(x)[:, None] * np.array([a, 1 - a]) / x, budget=budget
        )

    economy = Economy(goods, [], [cobb(0.3, 2.0, "ann"), cobb(0.8, 1.0, "bob")])
    prices = share_out(economy, {"x": [[1.0]], "y": [[1.0]]})
    # closed form of a Cobb-Douglas Fisher market: p_j = sum of budgets times shares, for unit supplies
    assert prices["x"][0, 0] == pytest.approx(2 * 0.3 + 0.8, rel=1e-9)
    assert prices["y"][0, 0] == pytest.approx(2 * 0.7 + 0.2, rel=1e-9)
    with pytest.raises(InputError, match="different units"):
        Economy(goods, [], [cobb(0.3, 2.0, "ann"), linear("bob", "x")])


@pytest.mark.parametrize("dear", [1.0, 1e6, 1e-6, 1e12])
def test_cheap_goods_are_shared_out_as_well_as_dear_ones(dear: float) -> None:
    """With utility a sqrt(x), users get shares in proportion to a^2; the first good has a second column that is cheap."""
    tastes = np.array([[dear, 1.0, dear], [dear, 2.0, dear]])

    def root(name: str, taste: np.ndarray) -> Consumer:
        return Consumer(
            name, ("x", "y"), lambda x: np.sqrt(x) @ taste, lambda x: 0.5 * taste / np.sqrt(x), concave=True
        )

    economy = Economy(
        [Good("x", 2, rival=True), Good("y", rival=True)], [], [root("ann", tastes[0]), root("bob", tastes[1])]
    )
    found = equilibrium.post(economy, {"x": [[1.0, 1.0]], "y": [[1.0]]})
    assert found.certificate.status == "optimal"
    shares = [np.concatenate([economy.shares[good][user] for good in ("x", "y")]) for user in ("ann", "bob")]
    assert np.allclose(shares, tastes**2 / (tastes**2).sum(axis=0), rtol=1e-8)


def test_tables_pass_bellman_backups() -> None:
    rng = np.random.default_rng(0)
    kernels = [np.eye(4)[rng.integers(4, size=4)] for _ in range(3)]
    rewards = rng.standard_normal((3, 4))
    final = rng.standard_normal(4)
    goods = [Good(f"s{t}", 4, kind="finite") for t in range(4)]
    firms = [Table(f"step{t}", f"s{t}", f"s{t + 1}", kernels[t], rewards[t], discount=0.9) for t in range(3)]
    consumer = Consumer("c", "s3", lambda x: final[x[:, 0].astype(int)], lambda x: np.tile(final, (len(x), 1)))
    economy = Economy(goods, firms, [consumer])
    state = economy.produce({"s0": [[2], [0]]})
    prices = economy.prices(state)
    value = final
    for kernel, reward in zip(kernels[::-1], rewards[::-1], strict=True):
        value = reward + 0.9 * kernel @ value
    assert np.allclose(prices["s0"], value, atol=1e-14)
    assert prices.certificate.worst == 0
    path = [2]
    for kernel in kernels:
        path.append(int(kernel[path[-1]].argmax()))
    assert [int(state[f"s{t}"][0, 0]) for t in range(4)] == path


def test_constant_returns_make_no_marginal_profit_and_pivot_profit_is_welfare_lost() -> None:
    rng = np.random.default_rng(3)
    firms = [Dense(f"f{k}", ["a"], ["h"], rng.standard_normal((2, 3)), activation="relu") for k in range(3)]
    out = Dense("out", ["h"], ["s"], rng.standard_normal((3, 1)))
    out.rent = 0.25
    consumer = Consumer("c", "s", lambda x: -0.5 * (x[:, 0] - 1) ** 2, lambda x: 1 - x)
    economy = Economy([Good("a", 2), Good("h", 3), Good("s")], [*firms, out], [consumer])
    endowment = {"a": rng.standard_normal((50, 2))}
    prices = economy.prices(economy.produce(endowment))
    marginal, pivot = economy.profit(prices), economy.profit(prices, "pivot")
    assert all(abs(marginal[firm.name]) < 1e-15 for firm in firms)
    assert marginal["out"] == pytest.approx(-0.25)
    with_all = economy.welfare(prices.state).mean()
    for name in list(economy.firms):
        firm = economy.evict(name)
        assert pivot[name] == pytest.approx(with_all - economy.welfare(economy.produce(endowment)).mean() - firm.rent)
        economy.enter(firm)
    assert max(pivot.values()) > 1e-3
    with pytest.raises(InputError, match="kind='clarke'"):
        economy.profit(prices, "clarke")


def test_entry_and_exit() -> None:
    economy = Economy([Good("a"), Good("b")], [Dense("f", ["a"], ["b"], [[2.0]])], [linear("c", "b")])
    assert economy.evict("f").name == "f"
    state = economy.produce({"a": [[1.0]]})
    assert state["b"].item() == 0
    assert economy.prices(state)["a"].item() == 0
    economy.enter(Dense("g", ["a"], ["b"], [[5.0]]))
    assert economy.prices(economy.produce({"a": [[1.0]]}))["a"].item() == 5
    with pytest.raises(InputError, match="no firm named 'f'"):
        economy.evict("f")
    with pytest.raises(InputError, match=r"no firm named \['f'\]: wanted"):
        economy.evict(["f"])
    with pytest.raises(InputError, match="two agents are named 'g'"):
        economy.enter(Dense("g", ["a"], ["b"], [[5.0]]))


A, B = Good("a"), Good("b")
F = Dense("f", ["a"], ["b"], [[1.0]])
C = linear("c", "b")


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Good("a", 0), "good 'a' has dim=0"),
        (lambda: Good("a", kind="gas"), "good 'a' has kind='gas'"),
        (lambda: Good("a", 2, kind="finite", rival=True), "good 'a' is finite and rival"),
        (lambda: Economy([A, A], [], [linear("c", "a")]), "two goods are named 'a'"),
        (lambda: Economy([A], [F], [linear("c", "a")]), "firm 'f' wants good 'b', which is not in the economy"),
        (lambda: Economy([A], [], [C]), "consumer 'c' wants good 'b'"),
        (lambda: Economy([A, B], [F], []), "without consumers"),
        (lambda: Economy([A, B], [F, F], [C]), "two agents are named 'f'"),
        (lambda: Firm("f", ("a",), (), len, len), "firm 'f' sells nothing"),
        (lambda: Firm("f", "a", "b", len, len, [1.0]), r"firm 'f' has capital=\[1.0\]: wanted a dict"),
        (lambda: Firm("f", "a", "b", len, len, {"w": "x"}), "firm 'f' has capital 'w': wanted finite numbers"),
        (lambda: Firm("f", "a", "b", len, len, {"w": [np.nan]}), "firm 'f' has capital 'w' .*NaN"),
        (lambda: Firm("f", "a", "b", len, len, {"w": np.ones(1) * 1j}), "firm 'f' has capital 'w', which is complex"),
        (lambda: Dense("f", ["a", "a"], ["b"], [[1.0], [1.0]]), "firm 'f' lists a good twice"),
        (lambda: Dense("f", ["a"], ["b"], [[np.nan]]), "firm 'f' has weights"),
        (lambda: Dense("f", ["a"], ["b"], [[1.0]], [1.0, 2.0]), "firm 'f' has bias of shape"),
        (lambda: CobbDouglas("f", ["a"], "b", [1.5]), "firm 'f' has shares"),
        (lambda: Table("f", "a", "b", [[0.5, 0.4]]), "firm 'f' has a kernel"),
        (lambda: Consumer("c", (), len, len), "consumer 'c' wants no good"),
        (lambda: Consumer("c", "a", len, len, budget=0.0), "consumer 'c' has budget=0.0"),
        (lambda: Economy([A, B], [F], [C]).produce({}), "good 'a' is infeasible: 'f' wants it"),
        (lambda: Economy([A, B], [F], [C]).produce({"a": [[np.nan]]}), "good 'a' is infeasible"),
        (lambda: Economy([A, B], [F], [C]).produce({"a": [["x"]]}), "endowment of good 'a'"),
        (lambda: Economy([A, B], [F], [C]).produce({"z": [[1.0]]}), "wants good 'z'"),
        (lambda: Economy([A, B], [F], [C]).produce({"a": [[1.0, 2.0]]}), r"good 'a' has shape \(1, 2\)"),
        (
            lambda: Economy([A, B], [F], [C]).produce({"a": np.ones((3, 1)), "b": np.ones((2, 1))}),
            "good 'b' has 2 days",
        ),
        (
            lambda: Economy([Good("a", rival=True)], [], [linear("c", "a")]).produce({"a": [[-1.0]]}),
            "'a' is infeasible: -1",
        ),
        (
            lambda: Economy([Good("a", 3, kind="finite")], [], [linear("c", "a")]).produce({"a": [[3]]}),
            "good 'a' is infeasible: wanted whole numbers from 0 to 2",
        ),
        (
            lambda: Economy([A, Good("b", rival=True)], [F], [C]).produce({"a": [[-2.0]]}),
            "rival good 'b' is infeasible: its supply is -2",
        ),
        (
            lambda: Economy([A, Good("b", 2)], [Firm("f", "a", "b", lambda c, x: x, max)], [C]).produce({"a": [[1.0]]}),
            r"firm 'f' made an array of shape \(1, 1\): wanted \(1, 2\)",
        ),
        (
            lambda: Economy([A, Good("b", 2)], [F], [C]).produce({"a": [[1.0]]}),
            "firm 'f' is made for 1 numbers in its outs, but b have 2",
        ),
    ],
)
def test_refused(build, words: str) -> None:
    with pytest.raises(InputError, match=words):
        build()


@pytest.mark.parametrize("library", ["jax", "torch", "autograd"])
def test_adapters_agree_with_the_firm_written_by_hand(library: str) -> None:
    pytest.importorskip(library)
    rng = np.random.default_rng(0)
    weights, bias = rng.standard_normal((3, 2)), rng.standard_normal(2)
    if library == "jax":
        import jax.numpy as numpy

        adapt = adapters.from_jax
    elif library == "torch":
        import torch as numpy

        adapt = adapters.from_torch
    else:
        import autograd.numpy as numpy

        adapt = adapters.from_autograd
    twin = adapt(
        "f", ["a"], ["b"], lambda c, x: numpy.tanh(x @ c["weights"] + c["bias"]), {"weights": weights, "bias": bias}
    )
    goods = [Good("a", 3), Good("b", 2)]
    consumer = Consumer("c", "b", lambda x: -np.sum(x**2, axis=1), lambda x: -2 * x)
    results = []
    for firm in (twin, Dense("f", ["a"], ["b"], weights, bias, activation="tanh")):
        economy = Economy(goods, [firm], [consumer])
        prices = economy.prices(economy.produce({"a": np.linspace(-1, 1, 12).reshape(4, 3)}))
        assert prices.certificate.worst == 0
        economy.invest(prices, 0.1)
        results.append((prices["a"], firm.capital["weights"], firm.capital["bias"]))
    assert all(np.allclose(mine, other, rtol=1e-13, atol=1e-14) for mine, other in zip(*results, strict=True))
    assert not np.allclose(results[0][1], weights)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("jax", "torch", "autograd", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    for adapt, name in (
        (adapters.from_jax, "jax"),
        (adapters.from_torch, "torch"),
        (adapters.from_autograd, "autograd"),
    ):
        with pytest.raises(InputError, match=f"needs {name}, which is not installed: pip install"):
            adapt("f", ["a"], ["b"], lambda c, x: x, {})
    from marketic.economy.networks import digits

    with pytest.raises(InputError, match="pip install scikit-learn"):
        digits(0)
