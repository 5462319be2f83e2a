"""Edges and firms that live by profit: accounts, eviction, entry, rent, and networks that learn by trade."""

import json

import numpy as np
import pytest

from marketic import InputError
from marketic.economy import Consumer, Dense, Economy, Firm, Good
from marketic.economy.networks import Data, accuracy, batches, layered, neurons, train
from marketic.economy.structure import EdgeBooks, entrants, evict_edges, pay_rent, rent_certificate, swap_edges


def regression(rng: np.random.Generator, features: int = 8, days: int = 400) -> tuple[Economy, dict, np.ndarray]:
    """A linear firm that forecasts y = x_0 - 2 x_1 (+ noise) from 8 features; welfare is minus half the squared error."""
    x = rng.standard_normal((days, features))
    y = x[:, :1] - 2 * x[:, 1:2] + 0.1 * rng.standard_normal((days, 1))
    consumer = Consumer(
        "c",
        ("s", "y"),
        lambda z: -0.5 * (z[:, 0] - z[:, 1]) ** 2,
        lambda z: np.stack([z[:, 1] - z[:, 0], z[:, 0] - z[:, 1]], axis=1),
    )
    firm = Dense("f", ["x"], ["s"], 0.1 * rng.standard_normal((features, 1)))
    economy = Economy([Good("x", features), Good("s"), Good("y")], [firm], [consumer])
    return economy, {"x": x, "y": y}, x


def test_rent_makes_the_lasso_with_its_certificate() -> None:
    rng = np.random.default_rng(0)
    economy, endowment, x = regression(rng)
    firm, rent = economy.firms["f"], 0.3
    for _ in range(600):
        prices = economy.prices(economy.produce(endowment))
        economy.invest(prices, 0.3)
        pay_rent(firm, rent, 0.3)
    prices = economy.prices(economy.produce(endowment))
    gradient = prices.marginal["f"]["weights"] / len(x)
    weights = firm.capital["weights"]
    assert rent_certificate(firm, gradient, rent) <= 1e-12
    assert (weights != 0).ravel().tolist() == [True, True] + 6 * [False]
    assert np.allclose(gradient[:2], rent * np.sign(weights[:2]), atol=1e-12)
    w, b, y = np.zeros(8), 0.0, endowment["y"][:, 0]
    for _ in range(200):  # coordinate descent on the same lasso
        for k in range(8):
            pull = np.mean(x[:, k] * (y - x @ w - b)) + np.mean(x[:, k] ** 2) * w[k]
            w[k] = np.sign(pull) * max(abs(pull) - rent, 0) / np.mean(x[:, k] ** 2)
        b = np.mean(y - x @ w)
    assert np.allclose(weights[:, 0], w, rtol=0, atol=1e-10)
    weights[5] = 0.1
    assert rent_certificate(firm, gradient, rent) > 0.1  # an edge that does not earn its rent is seen
    with pytest.raises(InputError, match="rent=-1"):
        pay_rent(firm, -1, 0.1)


def test_the_books_estimate_what_welfare_loses_without_an_edge() -> None:
    rng = np.random.default_rng(1)
    economy, endowment, x = regression(rng)
    firm = economy.firms["f"]
    for _ in range(300):
        economy.invest(economy.prices(economy.produce(endowment)), 0.3)
    weights = firm.capital["weights"]
    curvature = (x**2).mean(axis=0)[:, None]
    before = economy.welfare(economy.produce(endowment)).mean()
    lost = []
    for edge in range(8):
        kept, weights[edge] = weights[edge].copy(), 0.0
        lost.append(before - economy.welfare(economy.produce(endowment)).mean())
        weights[edge] = kept
    assert np.allclose(
        0.5 * weights[:, 0] ** 2 * curvature[:, 0], lost, rtol=0.3, atol=2e-4
    )  # the idea, exact curvature
    books = EdgeBooks(firm, square_memory=0.99)
    for rows in batches(len(x), 1, 2, rng):
        part = {name: value[rows] for name, value in endowment.items()}
        books.record(economy.prices(economy.produce(part)))
    profit = books.profit()[:, 0]
    assert set(np.argsort(profit)[-2:]) == {0, 1} == set(np.argsort(lost)[-2:])
    assert profit[1] > profit[0] > 10 * profit[2:].max()


def test_the_impact_of_an_edge_counts_that_it_still_grows() -> None:
    books = EdgeBooks(Dense("f", ["a"], ["b"], [[0.5], [0.5], [-0.5], [0.0]]))
    books.mean[:, 0], books.square[:] = [0.0, 3, 3, 3], 4.0
    weights, gradient = books.firm.capital["weights"], books.mean
    without = gradient * -weights - 4.0 * weights**2 / 2  # welfare near the present weights has the curvature F = 4
    assert np.allclose(books.impact(), np.abs(without), rtol=1e-15)
    assert books.profit().ravel().tolist() == [0.5, 0.5, 0.5, 0.0]
    assert books.impact().ravel().tolist() == [0.5, 2.0, 1.0, 0.0]


def test_unmet_demand_finds_the_missing_edges() -> None:
    rng = np.random.default_rng(2)
    economy, endowment, _ = regression(rng)
    firm = economy.firms["f"]
    firm.mask = np.zeros((8, 1), dtype=bool)
    firm.mask[[4, 5]] = True
    firm.capital["weights"] *= firm.mask
    books = EdgeBooks(firm)
    for _ in range(100):
        prices = economy.prices(economy.produce(endowment))
        books.record(prices)
        economy.invest(prices, 0.3)
    assert not firm.capital["weights"][~firm.mask].any()
    swap_edges([firm], 2, [books.profit()], [books.demand()])
    assert np.flatnonzero(firm.mask).tolist() == [0, 1]
    assert not firm.capital["weights"].any()
    assert firm.edges == 2


def test_a_swap_evicts_the_least_and_admits_the_greatest() -> None:
    firm = Dense("f", ["a"], ["b"], np.arange(1.0, 7.0).reshape(6, 1))
    firm.mask = np.array([1, 1, 1, 0, 0, 0], dtype=bool)[:, None]
    keep, want = np.array([3.0, 1, 2, 0, 0, 0])[:, None], np.array([9.0, 9, 9, 1, 3, 2])[:, None]
    swap_edges([firm], 1, [keep], [want])
    assert np.flatnonzero(firm.mask).tolist() == [0, 2, 4]
    assert firm.capital["weights"][1] == 0


def test_capital_moves_to_the_firm_where_it_earns_more() -> None:
    firms = [Dense("f", ["a"], ["b"], np.ones((3, 1))), Dense("g", ["b"], ["c"], np.ones((1, 3)))]
    firms[1].mask = np.array([[True, False, False]])
    firms[1].capital["weights"] *= firms[1].mask
    keep = [np.array([[1.0], [5], [2]]), np.array([[3.0, 0, 0]])]
    swap_edges(firms, 2, keep, [np.zeros((3, 1)), np.array([[9.0, 1, 2]])])
    assert [firm.edges for firm in firms] == [1, 3]
    assert firms[0].capital["weights"].ravel().tolist() == [0, 1, 0]
    assert firms[1].capital["weights"].ravel().tolist() == [1, 0, 0]
    swap_edges(firms, 2, keep, [np.array([[1.0], [0], [2]]), np.zeros((1, 3))])  # no absent edge of the second is left
    assert [firm.edges for firm in firms] == [3, 1]
    assert firms[1].edges + int(firms[0].mask.sum()) == 4


def test_entrants_start_with_their_stake_and_incumbents_keep_theirs() -> None:
    firms = [Dense("f", ["a"], ["b"], np.ones((3, 1))), Dense("g", ["b"], ["c"], np.ones((1, 3)))]
    firms[1].mask = np.array([[True, False, False]])
    firms[1].capital["weights"] *= firms[1].mask
    keep = [np.array([[1.0], [5], [2]]), np.array([[3.0, 0, 0]])]
    stakes = [np.full((3, 1), 7.0), np.array([[7.0, 0.25, -0.5]])]
    swap_edges(firms, 2, keep, [np.zeros((3, 1)), np.array([[9.0, 1, 2]])], stakes)
    assert firms[0].capital["weights"].ravel().tolist() == [0, 1, 0]
    assert firms[1].capital["weights"].ravel().tolist() == [1, 0.25, -0.5]


def test_the_stake_of_an_entrant_is_a_share_of_its_best_weight() -> None:
    books = EdgeBooks(Dense("f", ["a"], ["b"], np.zeros((3, 1))))
    books.mean[:, 0], books.square[:, 0] = [1.0, -8, 0.0], [4.0, 4, 0.0]
    assert np.allclose(books.stake(1.0, 9.0).ravel(), [0.25, -2, 0], atol=1e-9)
    assert np.allclose(books.stake(1.0, 9.0) * books.mean - books.square * books.stake(1.0, 9.0) ** 2 / 2, books.gain())
    assert np.allclose(books.stake().ravel(), [0.0625, -0.5, 0], atol=1e-9)
    for share, most in ((-0.1, 1.0), (1.5, 1.0), (0.5, -1.0), (float("nan"), 1.0)):
        with pytest.raises(InputError, match="share="):
            books.stake(share, most)


def test_the_gain_of_an_entrant_is_what_welfare_gains() -> None:
    rng = np.random.default_rng(7)
    economy, endowment, x = regression(rng)
    firm = economy.firms["f"]
    firm.capital["weights"][:] = 0.0
    firm.mask = np.zeros((8, 1), dtype=bool)
    books = EdgeBooks(firm, square_memory=0.999, mean_memory=0.999)
    for rows in batches(len(x), 1, 20, rng):
        books.record(economy.prices(economy.produce({name: value[rows] for name, value in endowment.items()})))
    gradient = (x * endowment["y"]).mean(axis=0)
    square = ((x * endowment["y"]) ** 2).mean(axis=0)
    assert np.allclose(books.gain()[:2, 0], (gradient**2 / square / 2)[:2], rtol=0.1)
    assert set(np.argsort(books.gain()[:, 0])[-2:]) == {0, 1}


def test_eviction_keeps_the_best_of_all_firms() -> None:
    rng = np.random.default_rng(3)
    firms = [
        Dense("f", ["a"], ["b"], rng.standard_normal((3, 4))),
        Dense("g", ["b"], ["c"], rng.standard_normal((4, 2))),
    ]
    keep = [np.abs(firm.capital["weights"]) for firm in firms]
    best = np.sort(np.concatenate([worth.ravel() for worth in keep]))[-7:]
    evict_edges(firms, keep, 7)
    left = np.concatenate([np.abs(firm.capital["weights"])[firm.existing()] for firm in firms])
    assert np.array_equal(np.sort(left), best)
    evict_edges(firms, keep, 3)
    assert sum(firm.edges for firm in firms) == 3
    with pytest.raises(InputError, match="target=4 edges: wanted from 0 to 3"):
        evict_edges(firms, keep, 4)


def test_pivot_profit_counts_what_a_firm_adds_to_welfare_itself() -> None:
    class Park(Firm):
        def welfare(self, x: np.ndarray) -> np.ndarray:
            return 3.0 * x[:, 0]

    park = Park("park", "a", "b", lambda capital, x: x, lambda capital, x, y, p: (p + 3.0, {}))
    economy = Economy(
        [Good("a"), Good("b")], [park], [Consumer("c", "b", lambda x: 2.0 * x[:, 0], lambda x: np.full_like(x, 2.0))]
    )
    state = economy.produce({"a": [[1.0]]})
    lost = economy.profit(economy.prices(state), "pivot")["park"]
    with_it = economy.welfare(state).mean()
    economy.evict("park")
    assert lost == with_it - economy.welfare(economy.produce({"a": [[1.0]]})).mean() == 5.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f: pay_rent(f, 0.1, -1.0), "rate=-1.0"),
        (lambda f: rent_certificate(f, np.ones(1), 0.1), r"gradient of firm 'f' of shape \(1,\): wanted .*\[3, 1\]"),
        (lambda f: evict_edges([f], [np.ones((2, 1))], 1), "keep of firm 'f'"),
        (lambda f: evict_edges([f], [np.ones((3, 1))], 1.5), "target=1.5 edges"),
        (lambda f: swap_edges([f], 1, [np.ones((3, 1))], []), "want for 0 firms: wanted one array for each of 1"),
    ],
)
def test_numbers_that_fit_no_edge_are_refused(call, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call(Dense("f", ["a"], ["b"], np.ones((3, 1))))


def test_entrants_are_the_directions_of_steepest_welfare() -> None:
    rng = np.random.default_rng(4)
    x, price = rng.standard_normal((200, 5)), rng.standard_normal((200, 3))
    buy, sell, worth = entrants(x, price, 2)
    assert buy.shape == (5, 2)
    assert sell.shape == (2, 3)
    for k in range(2):
        gain = np.mean(np.sum((x @ buy[:, k : k + 1]) * sell[k] * price, axis=1))
        assert gain == pytest.approx(worth[k])
    for _ in range(50):
        u, v = rng.standard_normal(5), rng.standard_normal(3)
        assert u / np.linalg.norm(u) @ (x.T @ price / 200) @ v / np.linalg.norm(v) <= worth[0] + 1e-12


def blobs(rng: np.random.Generator) -> Data:
    centres = 2 * rng.standard_normal((4, 6))
    y = rng.integers(4, size=600)
    x = centres[y] + rng.standard_normal((600, 6))
    return Data(x[:400], y[:400], x[400:], y[400:])


def test_a_firm_per_neuron_is_sgd() -> None:
    rng = np.random.default_rng(5)
    data = blobs(rng)
    weights = [rng.standard_normal((6, 7)), rng.standard_normal((7, 4))]
    economy = neurons((6, 7, 4), weights)
    (w1, w2), b1, b2 = (w.copy() for w in weights), np.zeros(7), np.zeros(4)
    for rows in batches(400, 32, 9, rng):
        x, y = data.train_x[rows], data.train_y[rows]
        economy.invest(economy.prices(economy.produce({"image": x, "label": y})), 0.1)
        h = np.maximum(x @ w1 + b1, 0)
        chance = np.exp(h @ w2 + b2)
        error = (chance / chance.sum(axis=1, keepdims=True) - np.eye(4)[y]) / 32
        back = (error @ w2.T) * (h > 0)
        w2, b2 = w2 - 0.1 * h.T @ error, b2 - 0.1 * error.sum(axis=0)
        w1, b1 = w1 - 0.1 * x.T @ back, b1 - 0.1 * back.sum(axis=0)
    ours = np.hstack([economy.firms[f"neuron1.{k}"].capital["weights"] for k in range(7)])
    assert np.abs(ours - w1).max() <= 1e-12
    assert np.abs(ours - weights[0]).max() > 0.01
    assert abs(economy.firms["neuron2.3"].capital["bias"][0] - b2[3]) <= 1e-12


def test_a_sparse_network_learns_and_keeps_its_size() -> None:
    rng = np.random.default_rng(6)
    data = blobs(rng)
    economy = layered([6, 16, 4], rng, density=0.4)
    size = sum(firm.edges for firm in economy.firms.values())
    assert size == pytest.approx(0.4 * (6 * 16 + 16 * 4), abs=1)
    books = [EdgeBooks(firm) for firm in economy.firms.values()]

    def swap(progress: float, step: int, prices) -> None:
        for account in books:
            account.record(prices)
            if step % 20 == 19 and progress < 0.7:
                swap_edges([account.firm], 4, [account.profit()], [account.demand()])

    before = accuracy(economy, data.test_x, data.test_y)
    train(economy, data, 15, rng, after=swap)
    assert accuracy(economy, data.test_x, data.test_y) > max(0.8, before)
    assert sum(firm.edges for firm in economy.firms.values()) == size
    assert sum(int((firm.capital["weights"] != 0).sum()) for firm in economy.firms.values()) <= size


@pytest.mark.parametrize("density", [0.0, 1.5, float("nan")])
def test_bad_density(density: float) -> None:
    with pytest.raises(InputError, match="density="):
        layered([3, 3], np.random.default_rng(0), density=density)


@pytest.mark.parametrize("name", ["market_sgd", "market_structure"])
def test_the_experiments_reproduce(name: str) -> None:
    from importlib import import_module

    pytest.importorskip("sklearn")
    result = import_module(f"marketic.experiments.{name}").run(quick=True)
    assert result["name"] == name.replace("_", "-")
    json.dumps(result)
    assert result["met"], [row for row in result["rows"] if not row["met"]]
    assert all(row["value"] is not None for row in result["rows"])
