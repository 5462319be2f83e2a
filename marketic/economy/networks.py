"""Neural networks as economies, and a small data set to train them on.

Goods are activations (non-rival: every firm of the next level reads them), firms are layers or single neurons, the consumer
rewards the log score of the forecast. `invest` is then one step of stochastic gradient descent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from marketic.economy.consumer import LogScore
from marketic.economy.economy import Economy
from marketic.economy.firm import Dense, Firm
from marketic.economy.layout import Good
from marketic.errors import InputError


@dataclass(frozen=True)
class Data:
    """x: float64 [n, features]; y: int64 [n], classes from 0; for training and for the test."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


def digits(split: int) -> Data:
    """8 x 8 handwritten digits (Alpaydin and Kaynak 1998), 1,347 for training and 450 for the test, stratified.

    split: seed of the division. Pixels are divided by 16, the training mean is deducted, the rest doubled. Needs
    scikit-learn, which carries the data; raises InputError if it is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError(
            "the digits data comes with scikit-learn, which is not installed: pip install scikit-learn"
        ) from None
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(split)
    test = np.zeros(len(y), dtype=bool)
    for label in range(10):
        members = rng.permutation(np.flatnonzero(y == label))
        test[members[: round(len(members) / 4)]] = True
    x = x / 16
    x = 2 * (x - x[~test].mean(axis=0))
    return Data(x[~test], y[~test], x[test], y[test])


def layered(sizes: Sequence[int], rng: np.random.Generator, *, density: float = 1.0) -> Economy:
    """A network with one ReLU firm per layer: goods "level0" (endowed) ... "level{L}" (scores) and "label" (endowed).

    Firms are "layer1" ... "layer{L}", the last one linear. density < 1: only that share of all edges exists, drawn at
    random, more densely in small layers (proportional to (a + b) / (a b) for a layer of a x b; Mocanu 2018). Weights
    are normal with variance 2 / (mean number of edges into a unit).
    """
    goods = [Good(f"level{i}", size) for i, size in enumerate(sizes)] + [Good("label", sizes[-1], kind="finite")]
    pairs = list(pairwise(sizes))
    firms: list[Firm] = []
    for i, ((a, b), count) in enumerate(zip(pairs, _edge_counts(pairs, density), strict=True), start=1):
        weights = rng.standard_normal((a, b)) * np.sqrt(2 * b / count)
        last = i == len(pairs)
        firm = Dense(f"layer{i}", [f"level{i - 1}"], [f"level{i}"], weights, activation="linear" if last else "relu")
        if count < a * b:
            firm.mask = np.zeros((a, b), dtype=bool)
            firm.mask.flat[rng.permutation(a * b)[:count]] = True
            firm.capital["weights"] *= firm.mask
        firms.append(firm)
    return Economy(goods, firms, [LogScore("reader", f"level{len(pairs)}", "label")])


def _edge_counts(pairs: list[tuple[int, int]], density: float) -> list[int]:
    """How many edges each layer has, so that together they are `density` of all."""
    if not (np.isfinite(density) and 0 < density <= 1):
        raise InputError(f"density={density!r}: wanted a number above 0, at most 1")
    full = np.array([a * b for a, b in pairs])
    wish = np.array([a + b for a, b in pairs], dtype=float)
    counts = np.zeros(len(pairs))
    for _ in pairs:  # what a full layer cannot take goes to the others
        open_ = counts < full
        counts[open_] = wish[open_] / wish[open_].sum() * (density * full.sum() - full[~open_].sum())
        counts = np.minimum(counts, full)
    return [max(1, round(count)) for count in counts]


def neurons(sizes: Sequence[int], weights: Sequence[Any]) -> Economy:
    """The same network with one firm and one good per neuron: firms "neuron{level}.{k}", goods "unit{level}.{k}".

    weights: one float64 [a, b] per layer; biases start at 0. Goods "image" and "label" are endowed.
    """
    goods = [Good("image", sizes[0]), Good("label", sizes[-1], kind="finite"), Good("scores", sizes[-1])]
    firms: list[Firm] = []
    bought = ["image"]
    for level, matrix in enumerate(weights, start=1):
        last = level == len(weights)
        sold = [f"unit{level}.{k}" for k in range(sizes[level])]
        goods += [Good(name) for name in sold]
        for k, name in enumerate(sold):
            activation = "linear" if last else "relu"
            firms.append(Dense(f"neuron{level}.{k}", bought, [name], matrix[:, k : k + 1], activation=activation))
        bought = sold
    firms.append(Firm("collector", tuple(bought), ("scores",), lambda _, x: x, lambda _, x, y, p: (p, {})))
    return Economy(goods, firms, [LogScore("reader", "scores", "label")])


def accuracy(economy: Economy, x: np.ndarray, y: np.ndarray) -> float:
    """Share of rows of x [n, features] on which the largest score of a layered network is that of class y [n]."""
    last = f"level{len(economy.firms)}"
    return float((economy.produce({"level0": x, "label": y})[last].argmax(axis=1) == y).mean())


def batches(n: int, size: int, epochs: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Row numbers of each batch, int64 [size], for `epochs` shuffles of n rows; what does not fill a batch is left out."""
    for _ in range(epochs):
        rows = rng.permutation(n)
        for start in range(0, n - size + 1, size):
            yield rows[start : start + size]


def train(
    economy: Economy,
    data: Data,
    epochs: int,
    rng: np.random.Generator,
    *,
    rate: tuple[float, float] = (0.1, 0.02),
    after: Any = None,
) -> None:
    """Invest along prices, batches of 32, the rate falling linearly from rate[0] to rate[1].

    after: called as after(progress, step, prices) when each step's prices are posted and before firms invest, with progress
    from 0 to 1.
    """
    steps = epochs * (len(data.train_x) // 32)
    for step, rows in enumerate(batches(len(data.train_x), 32, epochs, rng)):
        prices = economy.prices(economy.produce({"level0": data.train_x[rows], "label": data.train_y[rows]}))
        if after is not None:
            after(step / steps, step, prices)
        economy.invest(prices, rate[0] + (rate[1] - rate[0]) * step / steps)
