"""The audit of the manifest: what is cut, reordered or edited in it is a finding, never a traceback."""

import contextlib
import json
import re
import shutil
from pathlib import Path

import pytest
from forged_logs import POLE, train_pole
from typer.testing import CliRunner

from marketic.cli import app
from marketic.errors import InputError
from marketic.events import audit, open_log
from marketic.events.parts import path_of
from marketic.events.replay import Books
from marketic.events.sql import query
from marketic.run import resume


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train_pole(tmp_path_factory.mktemp("audit") / "run")


@pytest.fixture
def copied(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "copy"))


@pytest.mark.parametrize("how", ["cut", "dropped", "swapped", "edited", "missing"])
def test_a_truncated_or_reordered_manifest_is_found(copied, how):
    path = copied / "events" / "manifest.jsonl"
    header, *lines = path.read_text().splitlines()
    if how == "cut":
        lines = lines[:-1]
    elif how == "dropped":
        del lines[1]
    elif how == "swapped":
        lines[0], lines[1] = lines[1], lines[0]
    elif how == "edited":
        lines[1] = json.dumps(json.loads(lines[1]) | {"step": 1})
    else:
        path_of(copied / "events", "trades", 0).unlink()
    path.write_text("\n".join([header, *lines]) + "\n")
    problems = audit(copied).problems
    wanted = {
        "cut": "the log was cut short",
        "dropped": "missing or out of order",
        "swapped": "missing or out of order",
        "edited": "line of part 1 was altered",
        "missing": "is missing",
    }[how]
    assert wanted in " ".join(problems)


def every_key(line, before=()):
    """The path to each key of a line of the manifest, and of what is inside."""
    for name, value in line.items():
        yield (*before, name)
        if isinstance(value, dict):
            yield from every_key(value, (*before, name))


def test_a_run_with_an_edited_header_is_not_gone_on_with(copied):
    path = copied / "events" / "manifest.jsonl"
    header, *lines = path.read_text().splitlines()
    edited = {name: value for name, value in json.loads(header).items() if name != "snapshot_every"}
    path.write_text("\n".join([json.dumps(edited), *lines]) + "\n")
    with pytest.raises(InputError, match="it was altered; restore it, or train again"):
        resume(copied, steps=POLE.steps + 400)


@pytest.mark.parametrize("edit", ["deleted", "null", "text", "list"])
@pytest.mark.parametrize("number", [0, 1, -1])
def test_any_edited_key_of_the_manifest_is_a_finding(copied, number, edit):
    """Never a traceback, not in readers either: they refuse what they cannot read."""
    path = copied / "events" / "manifest.jsonl"
    lines = path.read_text().splitlines()
    where = "header was altered" if number == 0 else "line of part .* was altered|names part"
    for *above, name in list(every_key(json.loads(lines[number]))):
        line = json.loads(lines[number])
        inner = line
        for step in above:
            inner = inner[step]
        if edit == "deleted":
            del inner[name]
        else:
            inner[name] = {"null": None, "text": "x", "list": [{}]}[edit]
        path.write_text("\n".join(json.dumps(line) if one is lines[number] else one for one in lines) + "\n")
        assert re.search(where, audit(copied).problems[0])
        with contextlib.suppress(InputError):
            repr(open_log(copied))
            query(copied, "SELECT count(*) FROM trades")
            Books.open(open_log(copied).header)
    answer = CliRunner().invoke(app, ["audit", str(copied)])
    assert answer.exit_code == 1
    assert "NOT SOUND" in answer.stderr
