"""Posted prices are derivatives of welfare: against complex steps, in every order, with delay and noise."""

import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import InputError
from marketic.economy import Consumer, Dense, Economy, Firm, Good, LogScore


def quadratic(name: str, goods: list[str], goal: np.ndarray) -> Consumer:
    return Consumer(
        name, tuple(goods), lambda x: -0.5 * np.sum((x - goal) ** 2, axis=1), lambda x: goal - x, concave=True
    )


def random_economy(rng: np.random.Generator, levels: int, width: int, dim: int, skip: float) -> Economy:
    """Every firm buys at least one good made earlier; goods are shared, levels are skipped, two firms may make one good."""
    goods = [Good(f"e{k}", dim) for k in range(width)]
    firms = []
    for level in range(levels):
        made = []
        for k in range(width):
            pool = [good.name for good in goods]
            ins = [name for name in pool if rng.random() < skip] or [pool[rng.integers(len(pool))]]
            weights = rng.standard_normal((dim * len(ins), dim)) / np.sqrt(dim * len(ins))
            out = made[0].name if made and rng.random() < 0.2 else f"g{level}.{k}"
            if out not in [good.name for good in made]:
                made.append(Good(out, dim))
            firms.append(Dense(f"f{level}.{k}", ins, [out], weights, rng.standard_normal(dim), activation="tanh"))
        goods += made
    last = [good.name for good in goods[-width:]]
    return Economy(
        goods, firms, [quadratic("one", last, rng.standard_normal(dim * len(last))), quadratic("two", ["e0"], 1.0)]
    )


def endowed(economy: Economy, rng: np.random.Generator, days: int) -> dict[str, np.ndarray]:
    return {
        name: rng.standard_normal((days, good.dim)) for name, good in economy.layout.goods.items() if name[0] == "e"
    }


def by_complex_step(economy: Economy, endowment: dict[str, np.ndarray], good: str, column: int) -> np.ndarray:
    """d welfare / d slack of one good, [days]: exact to rounding, from a forward pass written here."""
    days = len(next(iter(endowment.values())))
    supply = {name: np.zeros((days, g.dim), dtype=complex) for name, g in economy.layout.goods.items()}
    for name, value in endowment.items():
        supply[name] += value
    supply[good][:, column] += 1e-30j
    for name in economy.order:
        firm = economy.firms[name]
        x = np.concatenate([supply[part] for part in firm.ins], axis=1)
        supply[firm.outs[0]] = supply[firm.outs[0]] + np.tanh(x @ firm.capital["weights"] + firm.capital["bias"])
    total = 0
    for consumer in economy.consumers.values():
        total = total + consumer.utility(np.concatenate([supply[part] for part in consumer.goods], axis=1))
    return total.imag / 1e-30


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), levels=st.integers(1, 6), width=st.integers(1, 3), skip=st.floats(0, 0.6))
def test_prices_are_derivatives_on_random_graphs(seed: int, levels: int, width: int, skip: float) -> None:
    rng = np.random.default_rng(seed)
    economy = random_economy(rng, levels, width, 2, skip)
    endowment = endowed(economy, rng, 3)
    state = economy.produce(endowment)
    prices = economy.prices(state)
    assert prices.certificate.worst == 0
    assert prices.certificate.status == "optimal"
    assert prices.postings == len(economy.firms)
    for name, good in economy.layout.goods.items():
        for column in range(good.dim):
            truth = by_complex_step(economy, endowment, name, column)
            assert np.allclose(prices[name][:, column], truth, rtol=1e-11, atol=1e-12), name
    for other in (
        economy.prices(state, "synchronous"),
        economy.prices(state, "asynchronous", rng=rng),
        economy.prices(state, "asynchronous", rng=rng, delay=40),
    ):
        assert other.settled
        assert all(np.array_equal(prices[name], other[name]) for name in economy.layout.goods)
        assert other.certificate.worst == 0


@pytest.mark.parametrize("depth", [1, 4, 9])
def test_synchronous_posting_takes_the_longest_path_and_one_round(depth: int) -> None:
    goods = [Good(str(k)) for k in range(depth + 1)]
    firms = [Dense(f"f{k}", [str(k)], [str(k + 1)], [[0.5]]) for k in range(depth)]
    economy = Economy(goods, firms, [quadratic("c", [str(depth)], 3.0)])
    state = economy.produce({"0": [[1.0]]})
    assert economy.depth == depth
    assert economy.prices(state, "synchronous").rounds == depth + 1
    short = economy.prices(state, "synchronous", limit=depth - 1) if depth > 1 else None
    if short is not None:
        assert not short.settled
        assert short.certificate.status == "approximate"
        assert short.certificate.worst > 0


def test_marginal_profits_are_derivatives_in_capital() -> None:
    rng = np.random.default_rng(1)
    economy = random_economy(rng, 3, 2, 2, 0.4)
    endowment = endowed(economy, rng, 4)
    prices = economy.prices(economy.produce(endowment))
    for name, firm in economy.firms.items():
        for key, value in firm.capital.items():
            slope = np.zeros_like(value)
            for index in np.ndindex(value.shape):
                ends = []
                for step in (1e-5, -1e-5):
                    value[index] += step
                    ends.append(economy.welfare(economy.produce(endowment)).sum())
                    value[index] -= step
                slope[index] = (ends[0] - ends[1]) / 2e-5
            assert np.allclose(prices.marginal[name][key], slope, rtol=1e-6, atol=1e-7), (name, key)


def test_noise_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    economy = random_economy(rng, 4, 2, 2, 0.4)
    state = economy.produce(endowed(economy, rng, 1))
    exact = economy.prices(state)
    noisy = [economy.prices(state, "synchronous", noise=0.1, rng=rng) for _ in range(600)]
    for good in ("e0", "e1"):
        sample = np.array([prices[good][0] for prices in noisy])
        error = sample.std(axis=0) / np.sqrt(len(sample))
        assert (error > 0).any()
        assert (np.abs(sample.mean(axis=0) - exact[good][0]) <= 5 * error + 1e-15).all()
    assert noisy[0].certificate.status == "approximate"
    assert noisy[0].certificate.worst > 0


def test_the_certificate_sees_a_wrong_price_and_a_wrong_offer() -> None:
    rng = np.random.default_rng(2)
    economy = random_economy(rng, 3, 2, 2, 0.4)
    state = economy.produce(endowed(economy, rng, 2))
    prices = economy.prices(state)
    firm = next(name for name in economy.order if np.abs(prices.offers[name]).max() > 1e-3)
    good = economy.firms[firm].outs[0]
    prices.values[good] = prices.values[good] + 0.01
    assert prices.certificate.goods[good] == pytest.approx(0.01)
    assert prices.certificate.firms[firm] > 0
    assert prices.certificate.status == "approximate"
    prices = economy.prices(state)
    prices.offers[firm] = prices.offers[firm] * 1.5
    assert prices.certificate.firms[firm] > 0
    assert prices.certificate.summary().optimality == max(prices.certificate.worst, 0)


def test_prices_of_a_changed_economy_are_out_of_date() -> None:
    economy = Economy([Good("a"), Good("b")], [Dense("f", ["a"], ["b"], [[2.0]])], [quadratic("c", ["b"], 1.0)])
    prices = economy.prices(economy.produce({"a": [[1.0]]}))
    economy.invest(prices, 0.1)
    with pytest.raises(InputError, match="out of date"):
        economy.invest(prices, 0.1)
    with pytest.raises(InputError, match="out of date"):
        _ = prices.certificate
    with pytest.raises(InputError, match=r"this state is out of date: .* call produce again"):
        economy.prices(prices.state)


@pytest.mark.parametrize("change", ["invest", "enter", "evict"])
def test_profits_and_trades_at_prices_out_of_date_are_refused(change: str) -> None:
    from marketic.economy.trade import trade_graph

    firms = [Dense("f", ["a"], ["b"], [[2.0]]), Dense("g", ["a"], ["b"], [[3.0]])]
    economy = Economy([Good("a"), Good("b")], firms, [quadratic("c", ["b"], 1.0)])
    prices = economy.prices(economy.produce({"a": [[1.0]]}))
    if change == "invest":
        economy.invest(prices, 0.1)
    elif change == "enter":
        economy.enter(Dense("n", ["a"], ["b"], [[1.0]]))
    else:
        economy.evict("g")
    for ask in (lambda: economy.profit(prices), lambda: economy.profit(prices, "pivot"), lambda: trade_graph(prices)):
        with pytest.raises(InputError, match="these prices are out of date"):
            ask()


def test_negative_prices_of_disposable_goods_and_bad_derivatives_are_refused() -> None:
    goods = [Good("a", free_disposal=True), Good("b")]
    economy = Economy(goods, [Dense("f", ["a"], ["b"], [[2.0]])], [quadratic("c", ["b"], 1.0)])
    assert economy.prices(economy.produce({"a": [[0.1]]}))["a"][0, 0] > 0
    with pytest.raises(InputError, match=r"good 'a' has price -18 although it may be thrown away.*\(f\)"):
        economy.prices(economy.produce({"a": [[5.0]]}))
    bad = Firm("f", ("a",), ("b",), lambda c, x: 2 * x, lambda c, x, y, p: (p * np.nan, {}))
    broken = Economy([Good("a"), Good("b")], [bad], [quadratic("c", ["b"], 1.0)])
    with pytest.raises(InputError, match="firm 'f' offers prices that are NaN"):
        broken.prices(broken.produce({"a": [[1.0]]}))
    wide = Firm("f", ("a",), ("b",), lambda c, x: 2 * x, lambda c, x, y, p: (np.zeros((1, 3)), {}))
    broken = Economy([Good("a"), Good("b")], [wide], [quadratic("c", ["b"], 1.0)])
    with pytest.raises(InputError, match=r"firm 'f' offers an array of shape \(1, 3\): wanted \(1, 1\)"):
        broken.prices(broken.produce({"a": [[1.0]]}))


def test_a_false_claim_of_concavity_is_refuted() -> None:
    consumer = Consumer("glutton", "a", lambda x: x[:, 0] ** 2, lambda x: 2 * x, concave=True)
    economy = Economy([Good("a")], [], [consumer])
    with pytest.raises(InputError, match="consumer 'glutton' claims a concave utility"):
        economy.prices(economy.produce({"a": [[1.0], [2.0]]}))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "fast"}, "mode='fast'"),
        ({"mode": "synchronous", "delay": 2}, "delay=2 in mode 'synchronous'"),
        ({"mode": "asynchronous"}, "pass rng"),
        ({"noise": -1.0}, "noise=-1.0"),
        ({"mode": "asynchronous", "noise": 0.1, "rng": np.random.default_rng(0)}, "pass limit="),
    ],
)
def test_bad_options(options: dict, words: str) -> None:
    economy = Economy([Good("a")], [], [quadratic("c", ["a"], 1.0)])
    with pytest.raises(InputError, match=words):
        economy.prices(economy.produce({"a": [[1.0]]}), **options)


def test_classifier_prices_include_the_table_of_the_label() -> None:
    economy = Economy([Good("s", 3), Good("y", 3, kind="finite")], [], [LogScore("u", "s", "y")])
    state = economy.produce({"s": [[1.0, 2.0, 0.5], [0.0, 0.0, 9.0]], "y": [1, 0]})
    prices = economy.prices(state)
    scores = state["s"]
    chance = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert np.allclose(prices["s"], np.eye(3)[[1, 0]] - chance, atol=1e-14)
    assert np.allclose(prices["y"], np.log(chance), atol=1e-12)
    assert np.allclose(economy.welfare(state), prices["y"][[0, 1], [1, 0]])


def test_the_trade_graph_is_the_economy() -> None:
    from marketic.economy.trade import OUTSIDE, trade_graph

    rng = np.random.default_rng(5)
    economy = random_economy(rng, 3, 2, 2, 0.4)
    prices = economy.prices(economy.produce(endowed(economy, rng, 2)))
    graph = trade_graph(prices)
    assert isinstance(graph, nx.MultiDiGraph)
    assert set(graph) == {*economy.firms, *economy.consumers, OUTSIDE}
    assert nx.is_directed_acyclic_graph(graph)
    for name, firm in economy.firms.items():
        earned = sum(deal["value"] for _, _, deal in graph.out_edges(name, data=True))
        spent = sum(deal["value"] for _, _, deal in graph.in_edges(name, data=True))
        assert graph.nodes[name]["profit"] == pytest.approx(earned - spent, abs=1e-12)
        sources = sum(len(economy.makers[good]) + (good in prices.state.endowment) for good in firm.ins)
        assert graph.in_degree(name) == sources


def test_the_trade_graph_shows_the_shares_of_a_rival_good() -> None:
    from marketic.economy.trade import OUTSIDE, trade_graph

    economy = Economy([Good("a", rival=True)], [], [quadratic("one", ["a"], 5.0), quadratic("two", ["a"], 6.0)])
    economy.shares["a"] = {"one": np.array([0.25]), "two": np.array([0.75])}
    graph = trade_graph(economy.prices(economy.produce({"a": [[4.0]]})))
    assert graph.edges[OUTSIDE, "one", "a"] == {"quantity": 1.0, "offer": 4.0, "value": 4.0}
    assert graph.edges[OUTSIDE, "two", "a"] == {"quantity": 3.0, "offer": 3.0, "value": 9.0}


def test_the_experiment_reproduces() -> None:
    from marketic.experiments.prices_are_gradients import run

    pytest.importorskip("torch")
    result = run(quick=True)
    assert result["name"] == "prices-are-gradients"
    json.dumps(result)
    assert result["met"], [row for row in result["rows"] if not row["met"]]
    assert all(row["value"] is not None for row in result["rows"])
