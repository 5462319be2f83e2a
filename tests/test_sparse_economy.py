"""The sparse economy is the same economy, and refuses what makes no sense."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import InputError
from marketic.economy import Consumer, Dense, Economy, Good, SparseEconomy


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), activation=st.sampled_from(["linear", "relu", "tanh"]))
def test_the_sparse_economy_is_the_same_economy(seed: int, activation: str) -> None:
    rng = np.random.default_rng(seed)
    graph = [(i, j) for j in range(12) for i in range(j) if rng.random() < 0.3]
    rng.shuffle(graph)
    weights = rng.standard_normal(len(graph))
    bias = rng.standard_normal(12)
    sellers, buyers = (np.array([edge[k] for edge in graph], dtype=int) for k in (0, 1))
    bias[~np.isin(np.arange(12), buyers)] = 0
    sparse = SparseEconomy(12, sellers, buyers, weights, bias, activation=activation)
    endowment, base = rng.standard_normal((3, 12)), rng.standard_normal((3, 12))
    supply = sparse.produce(endowment)
    prices = sparse.prices(endowment, supply, base)
    firms = []
    for node in range(12):
        mine = np.flatnonzero(buyers == node)
        if len(mine):
            ins = [str(sellers[edge]) for edge in mine]
            firms.append(
                Dense(f"f{node}", ins, [str(node)], weights[mine, None], bias[node : node + 1], activation=activation)
            )
    goods = [Good(str(node)) for node in range(12)]
    consumer = Consumer("c", tuple(good.name for good in goods), lambda x: np.sum(x * base, axis=1), lambda x: base)
    economy = Economy(goods, firms, [consumer])
    state = economy.produce({str(node): endowment[:, node] for node in range(12)})
    truth = economy.prices(state)
    assert prices.certificate.status == "optimal"
    for node in range(12):
        assert np.allclose(supply[:, node], state[str(node)][:, 0], rtol=1e-12, atol=1e-12)
        assert np.allclose(prices.values[:, node], truth[str(node)][:, 0], rtol=1e-11, atol=1e-11)
        mine = np.flatnonzero(buyers == node)
        if len(mine):
            marginal = truth.marginal[f"f{node}"]
            assert np.allclose(prices.marginal[mine], marginal["weights"][:, 0], rtol=1e-11, atol=1e-11)
            assert np.allclose(prices.marginal_bias[node], marginal["bias"][0], rtol=1e-11, atol=1e-11)
        else:
            assert prices.marginal_bias[node] == 0
    economy.invest(truth, 0.1)
    sparse.invest(prices, 0.1)
    for place, edge in enumerate(sparse.edge):
        rows = np.flatnonzero(buyers == buyers[edge])
        firm = economy.firms[f"f{buyers[edge]}"]
        assert sparse.weights[place] == pytest.approx(firm.capital["weights"][list(rows).index(edge), 0], abs=1e-11)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), activation=st.sampled_from(["relu", "tanh"]), power=st.integers(0, 12))
def test_a_large_endowment_does_not_hide_what_is_made(seed: int, activation: str, power: int) -> None:
    rng = np.random.default_rng(seed)
    weights = 10.0 ** -rng.integers(0, power + 1, 4) * rng.choice([-1.0, 1.0], 4)
    economy = SparseEconomy(5, [0, 0, 1, 2], [1, 2, 4, 4], weights, activation=activation)  # 3 is only endowed
    endowment, base = np.zeros((2, 5)), rng.random((2, 5))
    endowment[:, 0], endowment[:, 3] = rng.random(2), 10.0**power
    plain = economy.prices(endowment, economy.produce(endowment), base)
    endowment[:, 4] = 10.0**power  # nobody buys good 4, so that no slope changes
    beside = economy.prices(endowment, economy.produce(endowment), base)
    assert np.array_equal(plain.values, beside.values)
    assert beside.certificate.status == "optimal"
    z = endowment[:, :1] * weights[:2]
    slope = (z > 0).astype(float) if activation == "relu" else 1 / np.cosh(z) ** 2
    z = np.sum((np.maximum(z, 0) if activation == "relu" else np.tanh(z)) * weights[2:], axis=1)
    last = base[:, 4] * ((z > 0) if activation == "relu" else 1 / np.cosh(z) ** 2)
    truth = base[:, 0] + np.sum(slope * weights[:2] * (base[:, 1:3] + last[:, None] * weights[2:]), axis=1)
    assert np.allclose(beside.values[:, 0], truth, rtol=1e-13, atol=0)


def test_a_supply_of_another_economy_is_refused() -> None:
    economy = SparseEconomy(3, [0, 1], [1, 2], [2.0, 0.5], activation="tanh")
    endowment, base = [[0.5, 0.0, 1e-9]], [[0.0, 0.0, 1.0]]
    supply = economy.produce(endowment)
    prices = economy.prices(endowment, supply, base)
    assert np.array_equal(economy.prices(endowment, supply.tolist(), base).values, prices.values)
    for bad, words in (
        ((endowment, supply + np.array([0, 0, 1e-9]), base), "supply of good 2 is not what is produced"),
        (([[0.5, 0.0, 0.0]], supply, base), "supply of good 2 is not what is produced"),
        (([[0.5, np.nan, 0.0]], supply, base), "endowment of good 1 is infeasible"),
        ((endowment, [[0.5, np.inf, 0.0]], base), "supply of good 1 is infeasible"),
        ((endowment, np.repeat(supply, 2, axis=0), base), "of 1, 2, 1 days"),
        ((endowment, "much", base), "supply is no table of numbers"),
    ):
        with pytest.raises(InputError, match=words):
            economy.prices(*bad)
    economy.invest(prices, 1e-6)
    with pytest.raises(InputError, match=r"call produce\(endowment\) again, after every change of weights"):
        economy.prices(endowment, supply, base)


@pytest.mark.parametrize("scale", [1e-200, 1e-10, 1.0, 1e200])
def test_a_negative_price_is_negative_at_every_scale(scale: float) -> None:
    economy = SparseEconomy(3, [0, 0], [1, 2], [1.0, 1.0], free_disposal=[True, False, False])
    supply = economy.produce([[1.0, 0.0, 0.0]])
    fine = economy.prices([[1.0, 0.0, 0.0]], supply, [[0.0, 0.3 * scale, -0.1 * scale - 0.2 * scale]])
    assert abs(fine.values[0, 0]) < 1e-15 * scale  # rounding of what cancels
    with pytest.raises(InputError, match=r"good 0 has price .* although it may be thrown away: firm 2"):
        economy.prices([[1.0, 0.0, 0.0]], supply, [[0.0, 0.3 * scale, -0.3000000001 * scale]])


def test_bad_sparse_economies_are_refused() -> None:
    with pytest.raises(InputError, match=r"cycle: firm [12] buys"):
        SparseEconomy(4, [0, 1, 2, 2], [1, 2, 1, 3], np.ones(4))
    with pytest.raises(InputError, match="wanted from 0 to 1"):
        SparseEconomy(2, [0], [2], [1.0])
    with pytest.raises(InputError, match="edge 1 has a weight"):
        SparseEconomy(3, [0, 1], [1, 2], [1.0, np.nan])
    with pytest.raises(InputError, match="weights: wanted numbers"):
        SparseEconomy(2, [0], [1], ["heavy"])
    assert SparseEconomy(2.0, [0], [1], [1.0]).produce([[1.0, 0.0]]).tolist() == [[1.0, 1.0]]  # 2.0 is a whole number
    economy = SparseEconomy(2, [0], [1], [1.0])
    with pytest.raises(InputError, match="endowment of good 1 is infeasible"):
        economy.produce([[0.0, np.inf]])
    with pytest.raises(InputError, match=r"wanted \[days, 2\]"):
        economy.produce([[0.0]])
