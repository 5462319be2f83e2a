"""The sections about one run: headline, curves, configuration, versions and the command to run it again."""

import inspect
import math
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.graph.values import policy_value
from marketic.market import Market
from marketic.metrics import agents_alive
from marketic.reporting.charts import Series, line_chart
from marketic.reporting.page import card, duration, escape, figure, number, table, tile
from marketic.reporting.run_record import EVALUATION_SEED, RunRecord

PACKAGES = ("marketic", "numpy", "numba", "gymnasium", "scipy", "pyarrow")


def greedy_text(record: RunRecord) -> tuple[str, str]:
    """Mean and spread of the greedy returns as HTML, and the conditions."""
    returns = record.greedy_returns
    if not len(returns):
        return "–", "no evaluation"
    mean, spread = float(returns.mean()), float(returns.std(ddof=1)) if len(returns) > 1 else math.nan
    shown = f"{figure('greedy-mean', mean)} ± {figure('greedy-spread', spread)}"
    ends = f"lowest {figure('greedy-low', float(returns.min()))}, highest {figure('greedy-high', float(returns.max()))}"
    return shown, f"mean ± sd over {figure('greedy-episodes', len(returns))} episodes, {ends}"


def headline(record: RunRecord) -> str:
    """The numbers to know first."""
    shown, conditions = greedy_text(record)
    seconds, market = record.last("seconds"), record.market
    speed = f"of processor, {number(record.steps / seconds)} steps per second" if seconds > 0 else ""
    tiles = [
        tile("Greedy return", shown, conditions),
        *_solved(record),
        *_exact(record),
        tile("Steps", figure("steps", record.steps), "environment steps of training"),
        tile("Episodes", figure("episodes", record.finished_episodes), "finished in training"),
        tile("Training time", figure("seconds", seconds, duration(seconds)), speed),
    ]
    if market is not None:
        tiles.append(
            tile("Agents alive", figure("agents", agents_alive(market)), escape(type(market.population).__name__))
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def threshold(record: RunRecord) -> float | None:
    """The mean return at which the run's own setting, or else the task, calls it solved; None: nobody says."""
    own = record.config.get("threshold")
    spec = getattr(record.market.env, "spec", None) if record.market else None
    found = own if own is not None else getattr(spec, "reward_threshold", None)
    return None if found is None else float(found)


def _solved(record: RunRecord) -> list[str]:
    """When the threshold was first reached: by a greedy evaluation if there were any, otherwise by the training mean.

    Exploration can hold the training mean down for ever, so the final market's greedy mean counts too: "at most" then.
    """
    bar = threshold(record)
    if bar is None:
        return []
    greedy = bool(np.isfinite(record.column("evaluation")).any())
    passed = np.flatnonzero(record.column("evaluation" if greedy else "return_mean") >= bar)
    what = f"first {'greedy evaluation' if greedy else 'training mean'} of at least {number(bar)}"
    if not len(passed):
        returns = record.greedy_returns
        if len(returns) and returns.mean() >= bar:
            shown = f"at most {figure('threshold-step', float(record.steps))}"
            return [tile("Steps to threshold", shown, escape(f"no {what[6:]}, but the greedy mean at the end is"))]
        return [tile("Steps to threshold", "not reached", escape(f"no {what[6:]}"))]
    return [tile("Steps to threshold", figure("threshold-step", float(record.column("step")[passed[0]])), escape(what))]


def _exact(record: RunRecord) -> list[str]:
    """What the final market's greedy policy is worth, where the task's transitions are known: no luck is in it."""
    try:
        exact = None if record.market is None else policy_value(record.market)
    except InputError:  # discount 1 and a paying loop: there is no value to compare with
        exact = None
    if exact is None:
        return []
    worth = f"{figure('policy-value', exact.value)} of {figure('policy-best', exact.best)}"
    mean = (
        f"; an episode's mean return: {figure('policy-expected', exact.expected)}" if exact.expected > -np.inf else ""
    )
    note = f"greedy policy, of the best, at discount {exact.discount:g}{mean}"
    return [tile("Exact value", worth, note)]


def spread(record: RunRecord) -> list[Series]:
    """The 10th and 90th percentile of the returns of training episodes, by a 24th of the run, from the event log."""
    step, returns = record.history.episodes if record.history else (np.zeros(0), np.zeros(0))
    if not len(step):
        return []
    edges = np.linspace(0, float(step.max()) + 1, 25)
    window = np.digitize(step, edges) - 1
    low, high = np.full((2, 24), np.nan)
    for k in np.unique(window).tolist():
        low[k], high[k] = np.percentile(returns[window == k], (10, 90))
    middle = (edges[:-1] + edges[1:]) / 2
    names = ("10 % of episodes are below", "10 % of episodes are above")
    return [
        Series(name, middle, values, dashed=True, colour=4) for name, values in zip(names, (low, high), strict=True)
    ]


def mechanism_card(market: Market) -> str:
    """The auction, what it promises, and the rules of the chain of sales."""
    mechanism, chain = market.chain.mechanism, market.chain
    name = type(mechanism).__name__
    about = (inspect.getdoc(type(mechanism)) or name).split("\n\n")[0].split(" `")[0].replace("\n", " ")
    claims = [f"<li>{escape(claim.value)}</li>" for claim in sorted(mechanism.claims, key=lambda claim: claim.name)]
    promise = f"<p>It claims:</p><ul>{''.join(claims)}</ul>" if claims else "<p>It claims nothing.</p>"
    credit = "the winner's bid" if chain.credit == "bid" else "what the buyers pay"
    royalty = (
        f"{number(100 * chain.royalty)}% of later income goes back to earlier owners"
        if chain.royalty
        else "no royalties"
    )
    terms = (
        f"<p>The seller of the right is credited {credit}, discounted by {chain.discount:g} per step; {royalty}.</p>"
    )
    return card("The auction", f"<p><b>{escape(name)}</b>. {escape(about)}</p>{promise}{terms}")


def curve_cards(record: RunRecord) -> str:
    """Returns and price error over steps."""
    step = record.column("step")
    lines = [
        Series("training, mean of recent episodes", step, record.column("return_mean")),
        Series("greedy evaluation", step, record.column("evaluation"), dots=True, colour=1),
    ]
    lines += spread(record)
    bar, ended = threshold(record), any(np.isfinite(line.y).any() for line in lines)
    if bar is not None and ended:
        edges = np.array([float(step.min()), float(step.max())])
        lines.append(Series(f"solved: {number(float(bar))}", edges, np.full(2, float(bar)), dashed=True, colour=6))
    returns = line_chart(lines, "environment steps", "Return per episode, undiscounted, in units of reward")
    if not ended:
        returns = '<p class="note">No episode of training has ended yet.</p>'
    error = line_chart(
        [Series("price error", step, record.column("price_error"), colour=2)],
        "environment steps",
        "Mean distance of a bid from what the right proved worth, in units of reward",
    )
    return card("Returns", returns) + card("Price error", error)


def configuration_card(record: RunRecord) -> str:
    """Everything that was set, the versions, and the command that does it again."""
    versions = record.config.get("versions")
    given = {key: value for key, value in record.config.items() if key != "versions"}
    settings = [[escape(key).replace(".", ".<wbr>"), f"<code>{escape(value)}</code>"] for key, value in _flat(given)]
    found = versions if isinstance(versions, dict) else _installed()
    listed = ", ".join(f"{name} {number_}" for name, number_ in found.items())
    when = "of the run" if isinstance(versions, dict) else "when this page was written"
    command = f"<pre>{escape(reproduce(record))}</pre>"
    note = f"Versions {when}: {listed}. The greedy episodes here start from seeds {EVALUATION_SEED:,} and on."
    return card(
        "Configuration, and how to run it again", command + table(["Setting", "Value"], settings), note, wide=True
    )


def reproduce(record: RunRecord) -> str:
    """The command line that trains this run again: its `config.toml` is complete."""
    return shlex.join(["marketic", "train", str(record.folder / "config.toml"), "--out", f"{record.folder}-again"])


def _flat(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested tables as dotted keys."""
    rows: list[tuple[str, Any]] = []
    for key, value in settings.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return rows


def _installed() -> dict[str, str]:
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
