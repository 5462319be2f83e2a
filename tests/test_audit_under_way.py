"""Audits of a log that is written to meanwhile: a run that goes on is sound, and a damage stays a damage."""

import pytest

from marketic.events import audit, auditing, open_log
from marketic.events.manifest import Manifest
from marketic.events.parts import path_of
from marketic.run import Run, resume
from marketic.run_config import RunConfig
from marketic.run_folder import RunFolder


@pytest.fixture
def killed(tmp_path):
    """A run whose log has a part beyond its newest checkpoint."""
    folder = RunFolder(tmp_path / "run")
    complete, market = RunConfig("FrozenLake-v1", steps=1_000, seed=1, log="trades", checkpoint_every=400).complete()
    folder.create()
    complete.write(folder.config)
    folder.prepare()
    Run(complete, folder, market)._leg([])
    market.learn(150)
    market.log.flush()
    return folder


def meanwhile(monkeypatch, what):
    """Let `what` happen between the reading of a manifest and that of its parts, once."""
    todo, real = [what], auditing.checkpoints

    def checkpoints(run, notes):
        if todo:
            todo.pop()()
        return real(run, notes)

    monkeypatch.setattr(auditing, "checkpoints", checkpoints)


def test_a_run_that_is_resumed_during_an_audit_is_sound(killed, monkeypatch):
    """Parts that were taken away, and checkpoints of parts that came later, were told as an alteration of the log."""
    meanwhile(monkeypatch, lambda: resume(killed.path, say=lambda _: None))
    found = audit(killed.path)
    assert found.problems == []
    assert found.trades == open_log(killed.path).trades


def test_a_part_that_is_lost_is_found_while_the_run_goes_on(killed, monkeypatch):
    def go_on():
        resume(killed.path, say=lambda _: None)
        path_of(killed.events, "trades", 0).unlink()

    meanwhile(monkeypatch, go_on)
    assert "trades/part-00000.parquet is missing" in audit(killed.path).problems[0]


def test_a_log_that_begins_again_names_no_part_that_is_gone(killed, monkeypatch):
    """Without a checkpoint a run starts at step 0: until its first sale the old manifest named parts that were removed."""
    for path in killed.steps():
        path.unlink()

    def look(self, progress=False):
        assert not (killed.events / "manifest.jsonl").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "train", look)
    with pytest.raises(KeyboardInterrupt):
        resume(killed.path, say=lambda _: None)
    monkeypatch.undo()
    resume(killed.path, say=lambda _: None)
    assert audit(killed.path).sound
    assert Manifest.read(killed.events).parts[-1]["step"] == 1_000
