"""Logs that somebody rewrote so that their chain fits: a finding or a refusal, never a traceback or a memory fault."""

import contextlib
import hashlib
import json
import shutil
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from marketic.errors import InputError
from marketic.events import audit, open_log
from marketic.events.manifest import link
from marketic.events.parts import path_of
from marketic.events.sql import query
from marketic.graph.balances import Wealth
from marketic.run import train
from marketic.run_config import RunConfig

LAKE = RunConfig("FrozenLake-v1", agents="tabular", steps=1_200, seed=4, checkpoint_every=400, log="trades",
                 options={"royalty": 0.6, "novices": 0.1})  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forged") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunConfig, "snapshot_every", 500)
        train(LAKE, folder)
    return folder


@pytest.fixture
def copied(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "copy"))


def forged_manifest(folder, change):
    """Change the manifest's lines, and the whole chain behind them."""
    path = folder / "events" / "manifest.jsonl"
    lines, before = [json.loads(line) for line in path.read_text().splitlines()], ""
    change(lines)
    for line in lines:
        line["chain"] = before = link(before, line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def rewrite(folder, table, number, content):
    """Put another pyarrow table in the place of a part, and write it down in the manifest as the right one."""
    path = path_of(folder / "events", table, number)
    pyarrow.parquet.write_table(content, path)
    data = path.read_bytes()
    entry = {"rows": len(content), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    forged_manifest(folder, lambda lines: lines[1 + number]["tables"].update({table: entry}))


NONSENSE = [-1, 0, 7, 10**6, 2**31, 2**63, True, 0.5, 1e300, float("nan"), [], ["a"], [0.5], [-1] * 11, "summary"]
TERMS = ("rows", "members", "first_account", "agents", "baseline", "discount", "royalty", "weights", "flows", "level")


@pytest.mark.parametrize("name", TERMS)
def test_a_forged_header_is_a_finding_even_if_the_chain_fits_it(copied, name):
    """No traceback, no reading beyond the end of memory; and readers refuse or answer."""
    path = copied / "events" / "manifest.jsonl"
    honest = path.read_text()
    told = json.loads(honest.splitlines()[0])[name]
    for value in (value for value in NONSENSE if value is True or value != told):
        path.write_text(honest)
        forged_manifest(copied, lambda lines, value=value: lines[0].update({name: value}))
        assert audit(copied).problems, (name, value)
        with contextlib.suppress(InputError):
            Wealth(open_log(copied))(500)
            query(copied, "SELECT count(*) FROM trades")


@pytest.mark.parametrize("edit", [{"rows": -1}, {"rows": 7}, {"bytes": -1}, {"sha256": "x"}], ids=str)
def test_a_forged_count_is_a_finding_even_if_the_chain_fits_it(copied, edit):
    forged_manifest(copied, lambda lines: lines[1]["tables"]["trades"].update(edit))
    assert any("manifest" in problem or "altered" in problem for problem in audit(copied).problems)


@pytest.mark.parametrize("edit", ["dropped", "gaps", "text"])
@pytest.mark.parametrize("table", ["trades", "agents", "accounts"])
def test_a_part_with_other_columns_is_named(copied, table, edit):
    number = next(part["part"] for part in open_log(copied).parts if table in part["tables"])
    path, column = (
        path_of(copied / "events", table, number),
        {"trades": "row", "agents": "account"}.get(table, "balance"),
    )
    found = pyarrow.parquet.read_table(path, partitioning=None)
    place = found.schema.get_field_index(column)
    other = {
        "gaps": lambda: pyarrow.array([None] * len(found), pyarrow.int64()).cast(found.schema.field(place).type),
        "text": lambda: pyarrow.array(["x"] * len(found)),
    }
    found = found.set_column(place, column, other[edit]()) if edit in other else found.drop([column])
    rewrite(copied, table, number, found)
    shutil.rmtree(copied / "checkpoints")
    words = " ".join(audit(copied).problems)
    assert f"{table}/part-0000{number}.parquet is damaged" in words
    assert column in words


def test_a_trade_of_a_right_that_is_not_there_is_found(run, tmp_path):
    """Before, the replay wrote beyond the end of its arrays."""
    for row, kind in ((10**9, 1), (-7, 1), (0, 9)):
        folder = shutil.copytree(run, tmp_path / str(kind * row))
        path = path_of(folder / "events", "trades", 1)
        found = pyarrow.parquet.read_table(path, partitioning=None)
        for name, value in (("row", row), ("kind", kind)):
            place = found.schema.get_field_index(name)
            values = found.column(name).to_pylist()
            values[40] = value
            found = found.set_column(place, name, pyarrow.array(values, found.schema.field(place).type))
        rewrite(folder, "trades", 1, found)
        assert "a right that the market does not have" in " ".join(audit(folder).problems)


def test_an_altered_header_is_noted_and_not_replayed(copied):
    path = copied / "events" / "manifest.jsonl"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(header) | {"royalty": 0.5}), *lines]) + "\n")
    log = open_log(copied)
    assert any("header was altered: what is shown may not be what happened" in note for note in log.notes)
    assert not Wealth(log).exact
