"""Parts of the log that cannot be written, or whose writing is interrupted: nothing is lost, and nothing told twice."""

import pytest
from tiny_envs import Walk

import marketic
from marketic.errors import InputError
from marketic.events import outbox, pending
from marketic.events.auditing import audit
from marketic.events.manifest import Manifest


def learned(folder, level, fails=()):
    """A market that logs 300 steps in parts of 20 trades; after each failure training goes on."""
    market = marketic.make(Walk(4), agents="tabular", seed=0)
    market.log_to(folder, level, snapshot_every=40)
    market.log.part_rows = 20
    failures = 0
    while market.num_timesteps < 300:
        try:
            market.learn(50)
        except fails:
            failures += 1
    return market, failures


def failing(monkeypatch, where, name, at, error, after=False):
    """The function fails at its calls number `at`, having done its work (`after`) or half of it."""
    real, calls = getattr(where, name), iter(range(1, 10**6))

    def fails(*args, **options):
        unlucky = next(calls) in at
        if unlucky and not after:
            raise error
        done = real(*args, **options)
        if unlucky:
            raise error
        return done

    monkeypatch.setattr(where, name, fails)


def half_a_line(self, part):
    with open(self.folder / "manifest.jsonl", "a", encoding="utf-8") as file:
        file.write('{"part": ')
    raise InputError("cannot write: no space left")


@pytest.mark.parametrize("error", [InputError("no space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("level", ["summary", "trades", "everything"])
@pytest.mark.parametrize(
    ("where", "name", "after"),
    [(outbox, "write_part", False), (outbox, "write_part", True), (Manifest, "append", True)],
)
def test_a_part_that_failed_goes_first_next_time(where, name, after, level, error, tmp_path, monkeypatch) -> None:
    failing(monkeypatch, where, name, {2, 3, 5}, error, after)
    market, failures = learned(tmp_path, level, (InputError, KeyboardInterrupt))
    assert failures == 3
    log = market.events
    assert len(log.to_arrow("episodes")) == market.episodes
    assert [line["part"] for line in log.parts] == list(range(len(log.parts)))
    if level != "summary":
        assert audit(tmp_path).problems == []
        assert log.to_arrow("trades")["trade"].to_pylist() == list(range(log.trades))


def test_a_line_that_was_begun_is_taken_back(tmp_path, monkeypatch) -> None:
    real, calls = Manifest.append, iter(range(100))
    monkeypatch.setattr(Manifest, "append", lambda self, part: (half_a_line if next(calls) == 2 else real)(self, part))
    market, failures = learned(tmp_path, "trades", InputError)
    assert failures == 1
    assert audit(market.events.folder).problems == []


def test_an_interrupt_while_the_tape_is_emptied_loses_no_trade(tmp_path, monkeypatch) -> None:
    failing(monkeypatch, pending, "_turn", {2, 5}, KeyboardInterrupt())
    market, failures = learned(tmp_path, "trades", KeyboardInterrupt)
    assert failures == 2
    assert market.events.to_arrow("trades")["trade"].to_pylist() == list(range(market.events.trades))
    assert audit(tmp_path).problems == []
