"""The event log's bench runs and reports every bar, and its long log is one that can be read."""

from marketic.benchmarks import events
from marketic.events import open_log, query


def test_a_stretched_log_counts_what_it_holds(tmp_path):
    work = events.logged("trades", tmp_path)
    work(300)
    held = open_log(tmp_path / "trades").trades
    trades = events.stretch(tmp_path / "trades", tmp_path / "long", 5 * held)
    assert trades >= 5 * held
    assert open_log(tmp_path / "long").trades == trades
    (row,) = query(tmp_path / "long", "SELECT count(*) AS n FROM trades").to_pylist()
    assert row["n"] == trades
    assert sum(row["n"] for row in query(tmp_path / "long", events.QUESTION).to_pylist()) >= 0.9 * trades


def test_the_logs_stay_small_and_the_audit_is_in_the_rows(tmp_path):
    plain, compiled = {"rehearsals": None}, {**events.LIVE, "compiled": True}
    for name, options in (("live", events.LIVE), ("preset", plain), ("compiled", compiled)):
        events.logged("trades", events.log_of(tmp_path, name).parent, **options)(20_000)
    rows = events.disk(tmp_path, quick=True)
    assert [row.met for row in rows[:3]] == [True] * 3
    assert "audit of" in rows[3].what
    assert rows[3].value > 0
