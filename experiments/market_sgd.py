"""Firms that invest along their marginal profit do stochastic gradient descent, to rounding.

Claim: Wentworth 2018, "Competitive markets as distributed backpropagation". The bars are ours.
Command: marketic reproduce market-sgd [--quick] [--json]. About 15 s; needs scikit-learn (the digits) and torch for the
comparison; without torch, hand-written numpy backpropagation takes its place and the row says so.

First: 64-24-10 on digits, each of the 34 neurons a firm of its own that sees its inputs, its product and the price of its
product, and nothing else. After 126 batches of 32 (3 epochs, rate 0.1) its weights are compared with torch's SGD on the
mean cross-entropy. Second: 64-64-64-10 with a firm per layer, 60 epochs, rate 0.1 falling to 0.02, accuracy on the 450
digits of the test, mean over splits.
"""

import time
from itertools import pairwise
from typing import Any

import numpy as np

from marketic.economy.networks import Data, accuracy, batches, digits, layered, neurons, train
from marketic.result import Row, result

RATE, SIZES = 0.1, (64, 24, 10)
Layers = list[tuple[np.ndarray, np.ndarray]]


def market(weights: list[np.ndarray], data: Data, rows: list[np.ndarray]) -> Layers:
    """Weights and biases by level after a firm per neuron has traded and invested on each batch."""
    economy = neurons(SIZES, weights)
    for batch in rows:
        state = economy.produce({"image": data.train_x[batch], "label": data.train_y[batch]})
        economy.invest(economy.prices(state), RATE)
    answer = []
    for level in range(1, len(SIZES)):
        firms = [economy.firms[f"neuron{level}.{k}"] for k in range(SIZES[level])]
        answer.append(
            (np.hstack([f.capital["weights"] for f in firms]), np.concatenate([f.capital["bias"] for f in firms]))
        )
    return answer


def sgd_torch(weights: list[np.ndarray], data: Data, rows: list[np.ndarray]) -> Layers:
    """The same by torch.optim.SGD in float64."""
    import torch

    layers = [
        (torch.tensor(w, requires_grad=True), torch.zeros(w.shape[1], dtype=torch.float64, requires_grad=True))
        for w in weights
    ]
    optimizer = torch.optim.SGD([tensor for layer in layers for tensor in layer], lr=RATE)
    for batch in rows:
        h = torch.tensor(data.train_x[batch])
        for w, b in layers[:-1]:
            h = torch.relu(h @ w + b)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(
            h @ layers[-1][0] + layers[-1][1], torch.tensor(data.train_y[batch])
        ).backward()
        optimizer.step()
    return [(w.detach().numpy(), b.detach().numpy()) for w, b in layers]


def sgd_numpy(weights: list[np.ndarray], data: Data, rows: list[np.ndarray]) -> Layers:
    """The same by backpropagation written out for two layers."""
    (w1, w2), b1, b2 = (w.copy() for w in weights), np.zeros(SIZES[1]), np.zeros(SIZES[2])
    for batch in rows:
        x, y = data.train_x[batch], data.train_y[batch]
        h = np.maximum(x @ w1 + b1, 0)
        scores = h @ w2 + b2
        chance = np.exp(scores - scores.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        error = (chance - np.eye(SIZES[2])[y]) / len(batch)
        back = (error @ w2.T) * (h > 0)
        w2, b2 = w2 - RATE * h.T @ error, b2 - RATE * error.sum(axis=0)
        w1, b1 = w1 - RATE * x.T @ back, b1 - RATE * back.sum(axis=0)
    return [(w1, b1), (w2, b2)]


def reference() -> tuple[str, Any]:
    """What to compare with: torch if it is installed, else numpy."""
    try:
        import torch
    except ImportError:
        return "hand-written numpy SGD (torch is not installed)", sgd_numpy
    torch.set_num_threads(1)
    return "torch SGD", sgd_torch


def run(quick: bool = False) -> dict[str, Any]:
    """All rows; quick: 2 epochs of the layer-firm net and one split instead of 60 and four."""
    begin = time.perf_counter()
    data = digits(0)
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((a, b)) * np.sqrt(2 / a) for a, b in pairwise(SIZES)]
    rows = list(batches(len(data.train_x), 32, 3, rng))
    name, function = reference()
    ours, theirs = market(weights, data, rows), function(weights, data, rows)
    worst = max(
        float(np.abs(mine - other).max())
        for pair in zip(ours, theirs, strict=True)
        for mine, other in zip(*pair, strict=True)
    )
    moved = max(float(np.abs(layer - start).max()) for (layer, _), start in zip(ours, weights, strict=True))
    epochs, splits = (2, 1) if quick else (60, 4)
    scores = []
    for split in range(splits):
        data, rng = digits(split), np.random.default_rng(split)
        economy = layered([64, 64, 64, 10], rng)
        train(economy, data, epochs, rng)
        scores.append(100 * accuracy(economy, data.test_x, data.test_y))
    mean = float(np.mean(scores))
    table = [
        Row("batches", len(rows), ">= 100", len(rows) >= 100),
        Row(f"a firm per neuron: largest difference to {name}", worst, "<= 1e-12", worst <= 1e-12),
        Row("the same: how far weights moved meanwhile", moved, ">= 0.1", moved >= 0.1),
        Row(
            f"a firm per layer: test accuracy %, mean of {splits}", mean, "" if quick else ">= 97", quick or mean >= 97
        ),
        Row("the same: standard deviation over splits", float(np.std(scores, ddof=1)) if splits > 1 else 0.0, "", True),
    ]
    return result("market-sgd", table, time.perf_counter() - begin, {"accuracy": scores})
