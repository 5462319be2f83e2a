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


def test_bad_sparse_economies_are_refused() -> None:
    with pytest.raises(InputError, match=r"cycle: firm [12] buys"):
        SparseEconomy(4, [0, 1, 2, 2], [1, 2, 1, 3], np.ones(4))
    with pytest.raises(InputError, match="wanted from 0 to 1"):
        SparseEconomy(2, [0], [2], [1.0])
    with pytest.raises(InputError, match="edge 1 has a weight"):
        SparseEconomy(3, [0, 1], [1, 2], [1.0, np.nan])
    economy = SparseEconomy(2, [0], [1], [1.0])
    with pytest.raises(InputError, match="endowment of good 1 is infeasible"):
        economy.produce([[0.0, np.inf]])
    with pytest.raises(InputError, match=r"wanted \[days, 2\]"):
        economy.produce([[0.0]])
