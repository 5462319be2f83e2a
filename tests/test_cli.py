"""The command line: what it prints, where, how it exits, and what it loads."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from marketic import cli
from marketic.run import train
from marketic.run_config import RunConfig


@pytest.fixture
def marketic(monkeypatch, capsys):
    """Run a command in this process: (exit status, stdout, stderr)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["marketic", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return run


def test_help_loads_nothing_heavy():
    heavy = ("numpy", "numba", "gymnasium", "scipy", "pyarrow", "matplotlib", "cvxpy", "networkx", "pandas")
    script = (
        "import sys\nfrom marketic.cli import main\nsys.argv = ['marketic', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"
    assert "train" in done.stdout


def test_train_evaluate_resume_and_train_again(marketic, tmp_path):
    folder = tmp_path / "run"
    status, out, err = marketic("train", "FrozenLake-v1", "--steps", 1200, "--seed", 0, "--out", folder, "--json",
                                "--set", "novices=0.1", "--set", "mechanism_is_not=1")  # fmt: skip
    assert (status, out) == (2, "")
    assert err.startswith("error: unknown option 'mechanism_is_not'")
    assert not folder.exists()
    status, out, err = marketic("train", "FrozenLake-v1", "--steps", 1200, "--seed", 0, "--out", folder, "--json",
                                "--set", "novices=0.1", "--env-set", "map_name=8x8", "--agents", "tabular")  # fmt: skip
    summary = json.loads(out.splitlines()[-1])
    assert (status, summary["steps"], summary["finished"], len(out.splitlines())) == (0, 1200, True, 1)
    assert "1,200 of 1,200 steps" in err
    status, out, _ = marketic("evaluate", folder, "--episodes", 5, "--json")
    assert (status, json.loads(out)["episodes"]) == (0, 5)
    status, out, _ = marketic("evaluate", folder / "final.market", "--episodes", 5)
    assert "over 5 episodes" in out
    status, out, _ = marketic("resume", folder, "--steps", 1500, "--json", "--quiet")
    assert (status, json.loads(out.splitlines()[-1])["steps"]) == (0, 1500)
    status, out, _ = marketic("train", folder / "config.toml", "--out", tmp_path / "again", "--quiet")
    assert status == 0
    assert (tmp_path / "again" / "final.market").read_bytes() == (folder / "final.market").read_bytes()
    status, _, err = marketic("train", folder / "config.toml", "--out", folder)
    assert (status, "not empty" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "NoSuchTask-v0"], "NoSuchTask"),
        (["train", "FrozenLake-v1", "--steps", "-5"], "steps = -5: wanted an integer >= 0"),
        (["train", "FrozenLake-v1", "--seed", "-5"], "seed = -5"),
        (["train", "FrozenLake-v1", "--agents", "nobody"], "no agents named 'nobody'"),
        (["train", "FrozenLake-v1", "--agents", "no.such:Thing"], "cannot import"),
        (["train", "FrozenLake-v1", "--mechanism", "no.such:Thing"], "cannot import"),
        (["train", "FrozenLake-v1", "--set", "novices"], "wanted key=value"),
        (["train", "FrozenLake-v1", "--env-set", "map_name"], "--env-set 'map_name': wanted key=value, e.g. --env-set"),
        (["train", "FrozenLake-v1", "--threshold", "1"], "evaluate_every"),
        (["train", "FrozenLake-v1", "--env-set", "wings=2"], "wings"),
        (["train", "no/such/config.toml"], "no run in"),
        (["resume", "no-such-run"], "no run in"),
        (["evaluate", "no-such-run"], "no file"),
        (["evaluate", "no-such-run", "--seed", "-1"], "seed"),
        (["bench", "nothing"], "wanted one of"),
        (["reproduce", "nothing"], "wanted one of"),
        (["list", "colours"], "wanted one of mechanisms"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, says, marketic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = marketic(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


MECHANISM = """
import numpy as np
from marketic import Clearing

class PayOne:
    claims = frozenset()

    def clear(self, bids, *, rng=None):
        wins = np.arange(bids.value.shape[-1]) == bids.value.argmax(-1)[..., None]
        return Clearing(wins, wins * 1.0, bids.value.max(-1))

class Nonsense(PayOne):
    def clear(self, bids, *, rng=None):
        return 7
"""


def test_a_mechanism_in_a_file_here(marketic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_auctions.py").write_text(MECHANISM)
    train = ("train", "FrozenLake-v1", "--steps", 300, "--seed", 0, "--quiet", "--vector", 2)
    assert marketic(*train, "--mechanism", "my_auctions:PayOne", "--out", "run", "--checkpoint-every", 100)[0] == 0
    assert 'mechanism = "my_auctions:PayOne"' in (tmp_path / "run" / "config.toml").read_text()
    assert marketic("evaluate", "run", "--episodes", 2)[0] == 0
    status, _, err = marketic(*train, "--mechanism", "my_auctions:Nonsense", "--out", "other")
    assert (status, err.count("\n")) == (2, 1)
    assert "Nonsense.clear returned int: wanted a marketic.Clearing" in err


def test_unknown_flags_are_refused(marketic):
    assert marketic("train", "FrozenLake-v1", "--wings", 2)[0] == 2
    assert marketic("fly")[0] == 2


@pytest.mark.parametrize("kind", ["mechanisms", "agents", "envs", "experiments", "benchmarks", "presets"])
def test_list(kind, marketic):
    status, out, _ = marketic("list", kind, "--json")
    assert status == 0
    assert json.loads(out)["kind"] == kind
    assert marketic("list", kind)[0] == 0


def test_rows_that_miss_their_bar_exit_with_1(marketic, monkeypatch):
    from marketic.commands import proving

    row = {"what": "speed", "value": 0.5, "bar": 0.7, "met": False}
    result = {"name": "fake", "met": False, "rows": [row], "seconds": 1.0, "versions": {}}
    fake = type(sys)("marketic.benchmarks.fake")
    fake.run = lambda quick: result | {"met": quick}
    monkeypatch.setitem(sys.modules, "marketic.benchmarks.fake", fake)
    monkeypatch.setattr(proving, "modules", lambda kind: ["fake"])
    status, out, err = marketic("bench", "fake", "--json")
    assert (status, json.loads(out)) == (1, result)
    assert "speed" in err
    status, out, _ = marketic("bench", "fake", "--quick")
    assert status == 0
    assert "speed" in out


def test_ctrl_c_from_outside_leaves_a_usable_run(tmp_path):
    folder = tmp_path / "run"
    command = ["train", "FrozenLake-v1", "--steps", "100000000", "--seed", "1", "--out", str(folder), "--json"]
    process = subprocess.Popen([sys.executable, "-m", "marketic.cli", *command], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    until = time.monotonic() + 60
    try:
        while (
            not list(folder.glob("checkpoints/step-*.market")) and process.poll() is None and time.monotonic() < until
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert f"marketic resume {folder}" in err
    steps = json.loads(out.splitlines()[-1])["steps"]
    assert (folder / "checkpoints" / f"step-{steps:09d}.market").is_file()


def test_ctrl_c_ends_a_query_at_once(tmp_path):
    """DuckDB does not hear of it while it works; once the program went on for as long as the query did."""
    pytest.importorskip("duckdb")
    train(RunConfig("FrozenLake-v1", steps=100, seed=0, log="trades"), tmp_path)
    endless = "SELECT count(*) FROM range(100000000000) a, range(100000) b"
    command = [sys.executable, "-c", "import sys, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
               "from marketic.cli import main; main()", "query", str(tmp_path), endless]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=15)
    finally:
        process.kill()
    assert process.returncode in (-signal.SIGINT, 130)
    assert err == ""


@pytest.mark.parametrize("coding", ["ascii", "latin-1"])
def test_a_path_that_the_terminal_cannot_show_stops_nothing(tmp_path, coding):
    folder = tmp_path / "r\u00fcn \u2713"
    command = [
        sys.executable,
        "-m",
        "marketic.cli",
        "train",
        "FrozenLake-v1",
        "--steps",
        "50",
        "--out",
        str(folder),
        "--quiet",
    ]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": coding}, capture_output=True)
    assert done.returncode == 0
    assert b"n \\u2713" in done.stdout


def test_a_full_disk_under_the_answer_is_one_sentence(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "marketic.cli", "list", "presets", "--json"], stdout=full,
                              stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: No space left on device")


def test_dates_beyond_python_are_refused(marketic, tmp_path):
    pytest.importorskip("duckdb")
    train(RunConfig("FrozenLake-v1", steps=100, seed=0, log="trades"), tmp_path / "run")
    status, _, err = marketic("query", tmp_path / "run", "SELECT DATE 'infinity'")
    assert status == 2
    assert "CAST(column AS VARCHAR)" in err


def test_train_in_python(tmp_path):
    run = train(RunConfig("FrozenLake-v1", steps=100, seed=0), tmp_path / "run", progress=True)
    assert run.market.num_timesteps == 100


def test_a_query_shows_all_that_was_asked_for(marketic, tmp_path):
    """Whatever the width: 27 columns, text with brackets, which `rich` would read as commands, and one name twice."""
    train(RunConfig("FrozenLake-v1", steps=300, seed=1, log="trades"), tmp_path / "run")
    status, out, _ = marketic("query", tmp_path / "run", "SELECT * FROM trades ORDER BY trade LIMIT 2")
    assert status == 0
    assert all(name in out for name in ("others_paid_ticks", "withheld", "check"))
    joined = "SELECT '[/b] [red]x' AS \"[i]n\", 1 AS a, 2 AS a, 3 AS a_1"
    status, out, _ = marketic("query", tmp_path / "run", joined)
    assert status == 0
    assert all(words in out for words in ("[/b] [red]x", "[i]n", "a_2"))
    _, out, _ = marketic("query", tmp_path / "run", joined, "--json")
    assert json.loads(out)["rows"] == [{"[i]n": "[/b] [red]x", "a": 1, "a_2": 2, "a_1": 3}]
