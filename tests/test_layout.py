"""The rooms of the house: imports run one way, links resolve, the package list is complete, one version."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import marketic
from marketic.registry import names, resolve

ROOT = Path(__file__).parent.parent
ROOMS = ("envs", "mechanisms", "experiments", "benchmarks")
FRONT_DOOR = {"presets.py", "cli.py", "demo.py", "report.py", "commands"}
"""Rooms of the engine that may know concrete mechanisms and environments."""


def imported(source: str, home: str = "") -> set[str]:
    """Full names of the modules that a file's import statements name; relative ones are resolved in package `home`."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = home.split(".")[: len(home.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def rooms_of(names: set[str]) -> set[str]:
    """Which rooms those modules are in: "envs", "mechanisms" ..."""
    return {name.split(".")[1] for name in names if name.startswith("marketic.") and name.split(".")[1] in ROOMS}


def breaches(room: str, file: str, source: str) -> set[str]:
    """The rooms that a file must not import but does. `room` is "marketic" or one of ROOMS."""
    found = rooms_of(imported(source, home=f"marketic.{room}")) - {room}
    if room == "marketic":
        return set() if file.split("/")[0] in FRONT_DOOR else found
    if room in ("mechanisms", "envs"):
        return found
    return found - {"mechanisms", "envs", *({"experiments"} if room == "benchmarks" else set())}


def python_files(folder: Path) -> list[Path]:
    """Files of a room; links to other rooms are not followed."""
    return [path for path in sorted(folder.rglob("*.py")) if path.resolve().is_relative_to(folder.resolve())]


@pytest.mark.parametrize("room", ["marketic", *ROOMS])
def test_imports_run_one_way(room: str) -> None:
    files = python_files(ROOT / room)
    assert files, "an empty room proves nothing"
    for path in files:
        file = str(path.relative_to(ROOT / room))
        bad = breaches(room, file, path.read_text())
        assert not bad, (
            f"{path.relative_to(ROOT)} imports marketic.{sorted(bad)[0]}: imports run experiments -> rooms -> engine"
        )


@pytest.mark.parametrize(
    ("room", "file", "source"),
    [
        ("marketic", "ledger.py", "from marketic.mechanisms import Softmax"),
        ("marketic", "ledger.py", "import marketic.envs.grid as grid"),
        ("marketic", "ledger.py", "def later():\n    from marketic import mechanisms"),
        ("marketic", "agents/tiles.py", "from marketic.experiments.one import run"),
        ("marketic", "agents/presets.py", "from marketic.mechanisms import Softmax"),
        ("mechanisms", "softmax.py", "from marketic.envs import Grid"),
        ("envs", "grid.py", "from marketic.mechanisms.softmax import Softmax"),
        ("envs", "grid.py", "from marketic.benchmarks import learning"),
        ("mechanisms", "softmax.py", "from ..envs import Grid"),
        ("experiments", "one.py", "from marketic.benchmarks import learning"),
    ],
)
def test_a_breach_is_seen(room: str, file: str, source: str) -> None:
    assert breaches(room, file, source)


def test_what_is_allowed_is_no_breach() -> None:
    assert not breaches("marketic", "presets.py", "from marketic.mechanisms import Softmax")
    assert not breaches("marketic", "commands/train.py", "import marketic.envs")
    assert not breaches(
        "experiments", "one.py", "from marketic.mechanisms import Softmax\nfrom marketic.envs import Grid"
    )
    assert not breaches(
        "mechanisms", "softmax.py", "from marketic.mechanisms.first_price import FirstPrice\nimport numpy"
    )


def test_experiments_do_not_import_each_other() -> None:
    for path in python_files(ROOT / "experiments"):
        if path.name != "__init__.py":
            others = {name for name in imported(path.read_text()) if name.startswith("marketic.experiments.")}
            assert not others, f"{path.name} imports {others}"


@pytest.mark.parametrize("room", ROOMS)
def test_links_resolve_to_their_rooms(room: str) -> None:
    link = ROOT / "marketic" / room
    assert link.is_symlink(), f"marketic/{room} is not a link: checkers are blind without it"
    assert link.resolve() == (ROOT / room).resolve()
    assert f'__name__ != "marketic.{room}"' in (ROOT / room / "__init__.py").read_text(), "a room guards its own name"


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_package_list_is_what_lies_on_disk() -> None:
    found = set()
    for top in ("marketic", *ROOMS):
        for init in python_files(ROOT / top):
            if init.name == "__init__.py":
                parts = init.parent.relative_to(ROOT).parts
                found.add(".".join(parts if top == "marketic" else ("marketic", *parts)))
    listed = project()["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(found), "a package that is not listed is missing from the wheel"
    folders = project()["tool"]["setuptools"]["package-dir"]
    assert folders["marketic"] == "marketic"
    assert {name: folders[f"marketic.{name}"] for name in ROOMS} == {name: name for name in ROOMS}


def test_there_is_one_version() -> None:
    declared = project()["project"]
    if "version" in declared.get("dynamic", []):
        assert project()["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "marketic.__version__"}
    else:
        assert declared["version"] == marketic.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", marketic.__version__)
    sources = [
        path
        for path in python_files(ROOT / "marketic")
        if re.search(r"^__version__ *=", path.read_text(), re.MULTILINE)
    ]
    assert [path.name for path in sources] == ["__init__.py"]


def test_public_names_exist_and_importing_marketic_is_light() -> None:
    for name in marketic.__all__:
        assert getattr(marketic, name).__name__ == name.rsplit(".", maxsplit=1)[-1]
    heavy = "import sys, marketic; print([m for m in ('numpy', 'numba', 'gymnasium') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True, cwd="/")
    assert answer.stdout.strip() == "[]"


def test_entry_points_resolve() -> None:
    declared = project()["project"]["entry-points"]
    for kind in ("mechanisms", "agents"):
        for name, target in declared[f"marketic.{kind}"].items():
            module, _, attribute = target.partition(":")
            assert module.startswith(f"marketic.{kind}")
            if name in names(kind):
                assert resolve(kind, name).__name__ == attribute
