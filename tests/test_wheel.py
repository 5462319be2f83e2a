"""The wheel, installed in an empty environment and used from another directory."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRAIN = """
import json, marketic
from marketic.checks import check_mechanism
from marketic.mechanisms import FirstPrice
market = marketic.make("FrozenLake-v1", seed=0).learn(total_timesteps=2000)
report = check_mechanism(FirstPrice(), budget=200)
print(json.dumps({"file": marketic.__file__, "sum": int(market.ledger.balance.sum()), "steps": market.num_timesteps,
                  "passed": report.passed}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built through a source distribution, as a release is."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """An empty environment with the wheel; our dependencies are lent to it, our own checkout is not."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    executable = folder / "bin" / "python"
    install = [str(executable), "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    subprocess.run(install, check=True, timeout=120)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return executable


def test_marketic_is_the_only_name_that_the_wheel_installs(wheel):
    names = {Path(name).parts[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"marketic"}


def test_every_room_is_in_the_wheel(wheel):
    shipped = {str(Path(name)) for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    rooms = ("envs", "mechanisms", "experiments", "benchmarks")
    wanted = {
        str(p.relative_to(ROOT)) for p in (ROOT / "marketic").rglob("*.py") if p.relative_to(ROOT).parts[1] not in rooms
    }
    wanted |= {f"marketic/{p.relative_to(ROOT)}" for room in rooms for p in (ROOT / room).rglob("*.py")}
    assert shipped == wanted


def test_a_training_and_a_kit_run_from_another_directory(python, tmp_path):
    done = subprocess.run([str(python), "-c", TRAIN], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert str(python.parent.parent) in answer["file"]
    assert (answer["sum"], answer["steps"], answer["passed"]) == (0, 2000, True)


def test_the_command_line_is_installed(python, tmp_path):
    command = [str(python.parent / "marketic"), "list", "mechanisms", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "first-price" in done.stdout.splitlines()[-1]
