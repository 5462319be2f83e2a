"""Two branches of a run side by side: what they earned, what they traded, and where they parted."""

from itertools import zip_longest
from typing import Any

import numpy as np

from marketic.events.log import EventLog, open_log
from marketic.events.tape import SALE
from marketic.graph.residents import present
from marketic.options import finite
from marketic.run import Run

EPISODES = 20
"""Greedy episodes that each branch plays at its end."""
BINS = 20
_SAME = ["step", "kind", "buyer", "seller", "price", "paid", "reward"]


def compare(factual: Run, counterfactual: Run) -> dict[str, Any]:
    """Figures of both branches, their differences, and the first trade that differs, fit for JSON.

    Per branch: return_mean (of the last 100 training episodes), greedy_mean and greedy_std (of 20 greedy episodes, seeded
    alike), episodes, trades, price_mean and paid_mean (of sales), house and world (balances), gini (of the positive wealth of
    the agents that there are), curve: [step, mean return of the episodes that ended in this twentieth of the branch]; all
    currency.
    """
    figures = {"factual": _figures(factual), "counterfactual": _figures(counterfactual)}
    before, after = figures["factual"], figures["counterfactual"]
    difference = {
        name: after[name] - value
        for name, value in before.items()
        if isinstance(value, int | float) and isinstance(after[name], int | float)
    }
    logs = open_log(factual.folder.path), open_log(counterfactual.folder.path)
    return {"branches": figures, "difference": difference, "first_difference": _parting(*logs)}


def _figures(run: Run) -> dict[str, Any]:
    market, log = run.market, open_log(run.folder.path)
    returns = market.evaluate(EPISODES, seed=run.config.evaluate_seed)
    sales = [batch.filter(_sales(batch)) for batch in log.batches("trades", ["kind", "price", "paid"])]
    price, paid = (_mean([batch.column(name).to_numpy() for batch in sales]) for name in ("price", "paid"))
    return {
        "folder": str(run.folder.path),
        "return_mean": finite(float(np.mean(market.recent_returns))) if market.recent_returns else None,
        "greedy_mean": float(returns.mean()),
        "greedy_std": float(returns.std()),
        "episodes": market.episodes,
        "trades": log.trades,
        "price_mean": finite(price * log.tick),
        "paid_mean": finite(paid * log.tick),
        "house": float(market.ledger.wealth([1])[0]),
        "world": float(market.ledger.wealth([0])[0]),
        "gini": finite(gini(market.wealth()[present(market)])),
        "curve": _curve(log),
    }


def gini(wealth: np.ndarray) -> float:
    """Gini coefficient of the positive parts of wealth, in [0, 1]; NaN if nobody has any.

    >>> gini(np.array([1.0, 1.0])), gini(np.array([0.0, 0.0, 0.0, 2.0]))
    (0.0, 0.75)
    """
    held = np.sort(np.maximum(wealth, 0.0))
    total = held.sum()
    if total == 0:
        return float("nan")
    count = len(held)
    return float((2 * np.arange(1, count + 1) - count - 1) @ held / (count * total))


def _curve(log: EventLog) -> list[list[float]]:
    """[last step, mean return] of each twentieth of the log in which an episode ended."""
    episodes = log.to_arrow("episodes", ["step", "return"])
    step, value = episodes.column("step").to_numpy(), episodes.column("return").to_numpy()
    if not len(step):
        return []
    edges = np.linspace(log.header["step"], step.max(), BINS + 1)
    place = np.clip(np.searchsorted(edges, step, side="left"), 1, BINS)
    return [[float(edges[k]), float(value[place == k].mean())] for k in range(1, BINS + 1) if (place == k).any()]


def _parting(one: EventLog, other: EventLog) -> dict[str, int] | None:
    """The first trade that is not the same in both logs: its number and step. None: all are."""
    for left, right in zip_longest(_rows(one), _rows(other)):
        if left != right:
            trade, step = (left or right)[:2]
            return {"trade": trade, "step": step}
    return None


def _rows(log: EventLog) -> Any:
    """(trade, step, kind, parties and amounts) of every trade."""
    for batch in log.batches("trades", ["trade", *_SAME]):
        yield from zip(*(batch.column(name).to_pylist() for name in ("trade", *_SAME)), strict=True)


def _sales(batch: Any) -> Any:
    import pyarrow.compute as compute

    return compute.equal(batch.column("kind"), SALE)


def _mean(arrays: list[np.ndarray]) -> float:
    count = sum(map(len, arrays))
    return sum(float(array.sum()) for array in arrays) / count if count else float("nan")
