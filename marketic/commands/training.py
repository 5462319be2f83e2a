"""train, resume, evaluate and demo."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from marketic.commands import print_json
from marketic.errors import InputError
from marketic.run import Run, resume, tell, train
from marketic.run_config import RunConfig
from marketic.run_folder import RunFolder
from marketic.run_market import load_of_run
from marketic.toml_text import parse_assignments

_PARTS = ("agents", "mechanism", "env_options", "options")

DEMO = (
    RunConfig("CartPole-v1", steps=20_000, seed=0, evaluate_every=2_500, evaluate_episodes=20, log="trades"),
    RunConfig("FrozenLake-v1", steps=20_000, seed=0, evaluate_every=5_000, evaluate_episodes=1_000, log="trades"),
)
"""What `marketic demo` trains. The lake takes 1,000 episodes to judge: on slippery ice the best policy wins three in four, so
that 100 of them come out anywhere between .65 and .83 (two standard deviations)."""


def run_config(env: str, assignments: list[str], env_assignments: list[str], given: dict[str, Any]) -> RunConfig:
    """The settings of a run from the command line; `env` may be the config.toml of a former run.

    given: fields of `RunConfig`; None: not given.
    """
    env_options = parse_assignments(env_assignments, "--env-set is_slippery=false")
    parts = {"options": parse_assignments(assignments), "env_options": env_options}
    chosen = {key: value for key, value in (parts | given).items() if value not in (None, {})}
    if not env.endswith(".toml"):
        return RunConfig(env, **chosen)
    changed = [name for name in _PARTS if name in chosen]
    if changed:
        raise InputError(f"{env} says what to train already: leave {', '.join(changed)} out, or edit a copy of it")
    return replace(RunConfig.read(Path(env)), **chosen)


def run_training(config: RunConfig, out: Path | None, *, as_json: bool, quiet: bool, force: bool) -> int:
    """Train, and say what came out. Returns the exit status."""
    return _report(train(config, out, progress=not quiet, force=force), as_json)


def run_resume(folder: Path, steps: int | None, *, as_json: bool, quiet: bool) -> int:
    """Go on with a run. Returns the exit status."""
    return _report(resume(folder, steps=steps, progress=not quiet), as_json)


def _report(run: Run, as_json: bool) -> int:
    summary = run.summary()
    folder = summary["run"]
    if run.interrupted:
        tell(f"stopped after {summary['steps']:,} steps; go on with: marketic resume {folder}")
    elif run.reached:
        tell(f"reached the threshold {run.config.threshold} after {summary['steps']:,} steps: {folder}")
    else:
        tell(f"trained {summary['steps']:,} steps: {folder}")
    if summary["bids_refused"]:
        tell(f"{summary['bids_refused']:,} bids were turned away since the start: not finite, too large, or of nobody")
    if as_json:
        print_json(summary)
    else:
        print("  ".join(f"{key} {value}" for key, value in summary.items() if value is not None))
    return 128 + run.interrupted if run.interrupted else 0


def run_evaluate(target: Path, episodes: int, seed: int, as_json: bool) -> int:
    """Play greedily and say how well. Returns the exit status."""
    if seed < 0:
        raise InputError(f"seed = {seed}: wanted an integer >= 0")
    file = RunFolder(target).market_file() if target.is_dir() else target
    returns = load_of_run(file).evaluate(episodes, seed=seed)
    result = {
        "file": str(file),
        "episodes": episodes,
        "seed": seed,
        "mean": float(returns.mean()),
        "std": float(returns.std()),
        "min": float(returns.min()),
        "max": float(returns.max()),
        "median": float(np.median(returns)),
    }
    if as_json:
        print_json(result)
    else:
        print(f"{file}: return {result['mean']:.4g} +- {result['std']:.3g} over {episodes} episodes "
              f"(from {result['min']:.4g} to {result['max']:.4g})")  # fmt: skip
    return 0


def run_demo(out: Path, quiet: bool) -> int:
    """Train two small tasks in front of the user's eyes, and write one report about both."""
    from marketic.graph.values import policy_value

    folders = []
    for config in DEMO:
        folder = out / config.env
        tell(f"\nA market learns {config.env} ({config.steps:,} steps)")
        run = train(config, folder, progress=not quiet, force=(folder / "config.toml").is_file())
        if run.interrupted:
            return 128 + run.interrupted
        best = run.summary()["evaluation_best"]
        tell(f"best mean return of {config.evaluate_episodes:,} greedy episodes: {best:.4g}")
        exact = policy_value(run.market)
        if exact is not None:
            tell(f"exact value of its greedy policy: {exact.value:.4f}; of the best one there is: {exact.best:.4f}")
        folders.append(folder)
    from marketic.report import write_report

    print(f"look at {write_report(folders, out / 'report.html')}")
    return 0
