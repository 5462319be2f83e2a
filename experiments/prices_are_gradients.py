"""Prices that firms post to each other are the gradients of welfare, exactly, in any order, at the cost of backpropagation.

Claim: Wentworth 2018, "Competitive markets as distributed backpropagation"; Sudhir and Tran-Thanh, AAMAS 2025 (arXiv
2503.05828). No figures are published; the bars are ours.
Command: marketic reproduce prices-are-gradients [--quick] [--json]. About 40 s; needs torch or jax (or both).

Economies: 3 tanh firms per level, goods of 8 numbers, 5 days, with shared inputs and links that skip levels, to depth 50
and more than 500 edges. Every price is compared with the derivative of welfare in an endowment of the good, by torch and
by jax; the error is the largest difference over all goods, relative to the largest price of the good. Rounds: synchronous
posting must end after the longest path (and one round to confirm). Time: 64-256-256-10, batch 128, posting each price once
against torch's backward pass for the same derivatives (images, weights and biases; float64, one thread), in turns;
the least of 200 of each, since other programs on the machine can only add. Scale: `marketic reproduce economy-scale`.
"""

import time
from typing import Any

import numpy as np

from marketic.economy import Consumer, Dense, Economy, Good
from marketic.economy.networks import layered
from marketic.errors import InputError
from marketic.result import Row, result

SHAPES = ((2, False, 0.0), (5, False, 0.0), (5, True, 0.3), (10, True, 0.1), (20, True, 0.05), (50, True, 0.02))
"""Depth; whether firms share inputs; probability of buying a good of each earlier level."""
DIM, DAYS, WIDTH = 8, 5, 3


class Marksman(Consumer):
    """Welfare is minus half the squared distance from a goal, float64 [1, columns]."""

    def __init__(self, goods: tuple[str, ...], goal: np.ndarray) -> None:
        self.goal = goal
        super().__init__("marksman", goods, self._utility, self._gradient, concave=True)

    def _utility(self, x: np.ndarray) -> np.ndarray:
        return -0.5 * np.sum((x - self.goal) ** 2, axis=1)

    def _gradient(self, x: np.ndarray) -> np.ndarray:
        return self.goal - x


def random_economy(depth: int, shared: bool, skip: float, rng: np.random.Generator) -> Economy:
    """Levels of 3 firms; each buys one good of the level below (or all of them), and now and then from further below."""
    names = [[f"{level}.{k}" for k in range(WIDTH)] for level in range(depth + 1)]
    firms = []
    for level in range(1, depth + 1):
        for k in range(WIDTH):
            ins = names[level - 1] if shared else [names[level - 1][k]]
            ins = [*ins, *(name for below in names[: level - 1] for name in below if rng.random() < skip)]
            weights = rng.standard_normal((DIM * len(ins), DIM)) / np.sqrt(DIM * len(ins))
            bias = 0.1 * rng.standard_normal(DIM)
            firms.append(Dense(f"firm {level}.{k}", ins, [names[level][k]], weights, bias, activation="tanh"))
    consumer = Marksman(tuple(names[-1]), rng.standard_normal((1, WIDTH * DIM)))
    return Economy([Good(name, DIM) for level in names for name in level], firms, [consumer])


def welfare(economy: Economy, library: Any, concatenate: Any, slack: dict[str, Any]) -> Any:
    """Total welfare with `slack` added to every good, in the arrays of `library` (torch or jax.numpy)."""
    supply = dict(slack)
    for name in economy.order:
        firm = economy.firms[name]
        x = concatenate([supply[good] for good in firm.ins], 1)
        weights, bias = (library.asarray(firm.capital[key]) for key in ("weights", "bias"))
        supply[firm.outs[0]] = supply[firm.outs[0]] + library.tanh(x @ weights + bias)
    consumer = economy.consumers["marksman"]
    assert isinstance(consumer, Marksman)
    x = concatenate([supply[good] for good in consumer.goods], 1)
    return -0.5 * ((x - library.asarray(consumer.goal)) ** 2).sum()


def by_torch(economy: Economy, slack: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Derivatives of welfare in every good."""
    import torch

    tensors = {good: torch.tensor(value, requires_grad=True) for good, value in slack.items()}
    slopes = torch.autograd.grad(welfare(economy, torch, torch.cat, tensors), list(tensors.values()))
    return {good: slope.numpy() for good, slope in zip(tensors, slopes, strict=True)}


def by_jax(economy: Economy, slack: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Derivatives of welfare in every good."""
    import jax

    with jax.enable_x64(True):
        slopes = jax.grad(lambda given: welfare(economy, jax.numpy, jax.numpy.concatenate, given))(
            {good: jax.numpy.asarray(value) for good, value in slack.items()}
        )
        return {good: np.asarray(slope) for good, slope in slopes.items()}


def references() -> dict[str, Any]:
    """What is installed of torch and jax. Raises InputError if neither is."""
    found = {}
    for name, function in (("torch", by_torch), ("jax", by_jax)):
        try:
            __import__(name)
        except ImportError:
            continue
        found[name] = function
    if not found:
        raise InputError("the comparison needs torch or jax, and neither is installed: pip install torch or 'jax[cpu]'")
    return found


def compare(depth: int, shared: bool, skip: float, libraries: dict[str, Any]) -> dict[str, Any]:
    """One economy: relative errors against each library, rounds beyond the longest path, and other orders of posting."""
    rng = np.random.default_rng(depth)
    economy = random_economy(depth, shared, skip, rng)
    slack = {good: np.zeros((DAYS, DIM)) for good in economy.layout.goods}
    for k in range(WIDTH):
        slack[f"0.{k}"] = rng.standard_normal((DAYS, DIM))
    state = economy.produce(slack)
    prices = economy.prices(state)
    errors = {}
    for name, function in libraries.items():
        truth = function(economy, slack)
        scale = {good: max(np.abs(slope).max(), 1e-300) for good, slope in truth.items()}
        unused = [good for good, slope in truth.items() if not slope.any() and prices[good].any()]
        errors[name] = max(float(np.abs(prices[good] - truth[good]).max() / scale[good]) for good in truth)
        assert not unused, unused
    rounds = economy.prices(state, "synchronous")
    late = economy.prices(state, "asynchronous", delay=10 * len(economy.firms), rng=rng) if depth <= 20 else rounds
    return {
        "depth": depth,
        "firms": len(economy.firms),
        "edges": sum(len(firm.ins) for firm in economy.firms.values()),
        "errors": errors,
        "rounds": rounds.rounds - economy.depth,
        "residual": max(answer.certificate.worst for answer in (prices, rounds, late)),
        "orders": max(float(np.abs(rounds[g] - late[g]).max() + np.abs(rounds[g] - prices[g]).max()) for g in slack),
        "late postings": late.postings,
    }


def race(turns: int) -> dict[str, float]:
    """Seconds (the least of all turns) for posting and for torch's backward pass, taken in turns."""
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    economy = layered([64, 256, 256, 10], rng)
    x, y = rng.standard_normal((128, 64)), rng.integers(10, size=128)
    state = economy.produce({"level0": x, "label": y})
    layers = [
        [torch.tensor(firm.capital[key], requires_grad=True) for key in ("weights", "bias")]
        for firm in economy.firms.values()
    ]
    image, label = torch.tensor(x, requires_grad=True), torch.tensor(y)
    times: dict[str, list[float]] = {"posting": [], "torch": []}
    for _ in range(turns):
        h = image
        for weights, bias in layers[:-1]:
            h = torch.relu(h @ weights + bias)
        score = -torch.nn.functional.cross_entropy(h @ layers[-1][0] + layers[-1][1], label, reduction="sum")
        start = time.perf_counter()
        slopes = torch.autograd.grad(score, [image, *(tensor for layer in layers for tensor in layer)])
        times["torch"].append(time.perf_counter() - start)
        start = time.perf_counter()
        prices = economy.prices(state)
        times["posting"].append(time.perf_counter() - start)
    assert np.allclose(prices["level0"], slopes[0].numpy(), rtol=0, atol=1e-12)
    return {key: min(value) for key, value in times.items()}


def run(quick: bool = False) -> dict[str, Any]:
    """All rows; quick: economies to depth 10."""
    begin = time.perf_counter()
    libraries = references()
    found = [compare(*shape, libraries) for shape in (SHAPES[:4] if quick else SHAPES)]
    rows = []
    for name in libraries:
        worst = max(case["errors"][name] for case in found)
        rows.append(Row(f"largest relative error against {name}", worst, "<= 1e-12", worst <= 1e-12))
    edges = max(case["edges"] for case in found)
    rows.append(Row("most edges", edges, ">= 500" if not quick else "", quick or edges >= 500))
    extra = [case["rounds"] for case in found]
    rows.append(Row("rounds beyond the longest path (one confirms)", max(extra), "== 1", set(extra) == {1}))
    for what, key in (("chain rule residual", "residual"), ("any order, any delay: largest difference", "orders")):
        worst = max(case[key] for case in found)
        rows.append(Row(what, worst, "== 0", worst == 0))
    details: dict[str, Any] = {"economies": found}
    if "torch" in libraries:
        details["race"] = times = race(20 if quick else 200)
        ratio = times["posting"] / times["torch"]
        rows.append(Row("posting / torch backward, seconds", ratio, "" if quick else "<= 1.5", quick or ratio <= 1.5))
    return result("prices-are-gradients", rows, time.perf_counter() - begin, details)
