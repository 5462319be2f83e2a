"""list and report."""

import importlib.util
import pkgutil
from pathlib import Path
from typing import Any

from marketic.commands import print_json
from marketic.errors import InputError

KINDS = ("mechanisms", "agents", "envs", "experiments", "benchmarks", "presets")


def run_list(kind: str, as_json: bool) -> int:
    """Names and what is behind them."""
    found = listing(kind)
    if as_json:
        print_json({"kind": kind, kind: found})
        return 0
    width = max((len(name) for name in found), default=0)
    for name, what in found.items():
        print(f"{name:<{width}}  {what}".rstrip())
    return 0


def listing(kind: str) -> dict[str, str]:
    """What is installed of a kind: name -> where it is, or what it is. Raises InputError for an unknown kind."""
    if kind == "agents":
        from marketic.registry import names

        return dict(sorted(names(kind).items()))
    if kind == "mechanisms":
        from marketic.registry import built, names

        return {name: claims_in_words(built(kind, name)) for name in sorted(names(kind))}
    if kind in ("experiments", "benchmarks"):
        return {name: f"marketic.{kind}.{module_of(name)}" for name in modules(kind)}
    if kind == "envs":
        import gymnasium as gym

        import marketic.envs  # noqa: F401  registers ours

        return {name: str(spec.entry_point) for name, spec in sorted(gym.registry.items())}
    if kind == "presets":
        from marketic.preset_table import PRESETS

        return {name: ", ".join(preset.agents for preset in presets) for name, presets in sorted(PRESETS.items())}
    raise InputError(f"cannot list {kind!r}: wanted one of {', '.join(KINDS)}")


def claims_in_words(mechanism: Any) -> str:
    """What a mechanism claims, and what it is known to break."""
    from marketic.claims import Claim

    order = list(Claim).index
    claims = [claim.name for claim in sorted(mechanism.claims, key=order)]
    broken = {refutation.claim for refutation in getattr(mechanism, "refuted", ())}
    return ", ".join([*claims, *(f"not {claim.name}" for claim in sorted(broken, key=order))]) or "no claims"


def modules(kind: str) -> list[str]:
    """What of `marketic.experiments` or `marketic.benchmarks` can be run: the modules with a function `run`.

    Names have dashes where modules have underscores.
    """
    package = importlib.import_module(f"marketic.{kind}")
    found = []
    for module in pkgutil.iter_modules(package.__path__):
        spec = importlib.util.find_spec(f"marketic.{kind}.{module.name}")
        if spec is not None and spec.origin and "\ndef run(" in Path(spec.origin).read_text(encoding="utf-8"):
            found.append(module.name.replace("_", "-"))
    return sorted(found)


def module_of(name: str) -> str:
    """The module behind a name: "learning-to-bid" and "learning_to_bid" are both `learning_to_bid`."""
    return name.replace("-", "_")


def run_report(folders: list[Path], out: Path | None = None) -> int:
    """Write one page about one run, or about several side by side."""
    from marketic.report import write_report

    print(write_report(folders, out or folders[0] / "report.html"))
    return 0
