"""Run folders: exact resumption after kills, interrupts, full disks and damaged files."""

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import marketic
from marketic.atomic import write_atomically
from marketic.errors import InputError, NewerFormat
from marketic.metrics import read_metrics
from marketic.run import Run, resume, train
from marketic.run_config import RunConfig
from marketic.run_folder import RunFolder

LAKE = RunConfig("FrozenLake-v1", steps=3000, seed=3, checkpoint_every=500, evaluate_every=700, evaluate_episodes=3,
                 options={"novices": 0.1})  # fmt: skip
POLE = RunConfig("CartPole-v1", steps=2500, seed=4, checkpoint_every=1000, record_every=300)
VECTOR = RunConfig("CartPole-v1", steps=2000, seed=5, checkpoint_every=700, vector=3)
JUDGED = replace(LAKE, evaluate_every=500)  # each checkpoint's row of metrics is the evaluation's


class Killed(BaseException):
    """Stands in for kill -9: nobody catches it."""


def outcome(folder: Path) -> dict[str, object]:
    """What must not depend on interruptions: the markets' bytes, and the metrics apart from the clock."""
    run = RunFolder(folder)
    metrics = read_metrics(run.metrics)
    files = {path.name: path.read_bytes() for path in [run.final, *run.checkpoints.glob("*.market")]}
    learned = {name: values.tolist() for name, values in metrics.items() if name not in ("seconds", "steps_per_second")}
    return {"files": files, "metrics": json.dumps(learned)}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The outcome of a run that nothing interrupted, by its settings."""
    done: dict[str, dict[str, object]] = {}

    def run(config: RunConfig) -> dict[str, object]:
        if repr(config) not in done:
            folder = tmp_path_factory.mktemp("straight") / "run"
            train(config, folder)
            done[repr(config)] = outcome(folder)
        return done[repr(config)]

    return run


@pytest.mark.parametrize("config", [LAKE, POLE, VECTOR, JUDGED], ids=["lake", "pole", "vector", "judged"])
def test_crash_at_any_write_then_resume_is_exact(config, straight, tmp_path, monkeypatch):
    wanted = straight(config)
    rename, crashes = os.replace, random.Random(0)
    writes = 0

    def dying(source, target):
        nonlocal writes
        writes += 1
        if writes == deadline:
            if crashes.random() < 0.5:
                rename(source, target)  # killed just after the rename, or just before it
            raise Killed
        rename(source, target)

    monkeypatch.setattr(os, "replace", dying)
    for deadline in (2, 4, 5, 8):
        folder, writes = tmp_path / str(deadline), 0
        with pytest.raises(Killed):
            train(config, folder)
        writes = deadline - 2  # and once more, at the second write of the resumed run, if there is one
        with contextlib.suppress(Killed):
            resume(folder, say=lambda _: None)
        writes = 10**6
        resume(folder, say=lambda _: None)
        assert outcome(folder) == wanted


def newest_step(folder: Path) -> int:
    return max((int(path.stem.removeprefix("step-")) for path in RunFolder(folder).steps()), default=0)


def test_kill_9_at_random_moments_then_resume_is_exact(tmp_path):
    chance = random.Random(7)
    config = RunConfig(
        "CartPole-v1", steps=15_000, seed=8, checkpoint_every=500, evaluate_every=1700, evaluate_episodes=2
    )
    wanted_folder, folder = tmp_path / "wanted", tmp_path / "killed"
    train(config, wanted_folder)
    arguments = ["--steps", "15000", "--seed", "8", "--checkpoint-every", "500", "--evaluate-every", "1700"]
    first = ["train", "CartPole-v1", *arguments, "--evaluate-episodes", "2", "--out", str(folder), "--quiet"]
    before = 0
    for command in (first, ["resume", str(folder), "--quiet"], ["resume", str(folder), "--quiet"]):
        process = subprocess.Popen([sys.executable, "-m", "marketic.cli", *command])
        try:
            until = time.monotonic() + 60
            while newest_step(folder) == before and process.poll() is None and time.monotonic() < until:
                time.sleep(0.005)
            time.sleep(chance.uniform(0.0, 0.35))
        finally:
            process.kill()
            process.wait()
        assert newest_step(folder) > before
        before = newest_step(folder)
    resume(folder)
    assert outcome(folder) == outcome(wanted_folder)


def test_a_kill_between_the_last_checkpoint_and_pruning_leaves_no_checkpoint_too_many(straight, tmp_path, monkeypatch):
    def killed(self, step, keep):
        if len(self.steps()) > 3 and self.steps()[-1].stem.endswith("3000"):
            raise Killed
        prune(self, step, keep)

    prune = RunFolder.prune
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "prune", killed)
        with pytest.raises(Killed):
            train(LAKE, tmp_path / "run")
    resume(tmp_path / "run", say=lambda _: None)
    assert outcome(tmp_path / "run") == straight(LAKE)


def test_a_read_only_disk_is_one_sentence(tmp_path, monkeypatch):
    """It refuses to remove even what is not there, which hid the first error."""
    train(replace(LAKE, steps=500), tmp_path / "run")

    def refused(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as disk:
        disk.setattr(os, "unlink", refused)
        disk.setattr("builtins.open", refused)
        with pytest.raises(InputError, match=r"cannot write .*page\.html: Read-only file system"):
            write_atomically(tmp_path / "page.html", lambda file: None)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match=r"cannot use the folder .*run: it is read-only; choose another --out"):
        resume(tmp_path / "run", steps=800)


def test_two_trainings_in_one_folder_are_refused_until_the_first_one_ends_however_it_ends(straight, tmp_path):
    folder = tmp_path / "run"
    train(replace(LAKE, steps=500), folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    lines = f"import time; from marketic.run_folder import RunFolder\nwith RunFolder({str(folder)!r}).held():\n"
    command = [sys.executable, "-c", lines + "    print('held', flush=True); time.sleep(100)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "held\n"
            for start in (lambda: resume(folder, steps=3000), lambda: train(LAKE, folder, force=True)):
                with pytest.raises(InputError, match=r"another program is training in .*run at this moment"):
                    start()
        finally:
            other.kill()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    resume(folder, steps=3000, say=lambda _: None)
    assert outcome(folder)["metrics"] == straight(LAKE)["metrics"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_a_run_that_resumes_and_runs_again(number, tmp_path, monkeypatch):
    folder, again = tmp_path / "run", tmp_path / "again"
    steps = 0
    original = Run.save

    def save(self):
        nonlocal steps
        steps = self.market.num_timesteps
        original(self)

    class Interrupt(marketic.Callback):
        def on_step(self, event):
            if event.market.num_timesteps == 1234:
                os.kill(os.getpid(), number)

    monkeypatch.setattr(Run, "save", save)
    leg = Run._leg
    monkeypatch.setattr(Run, "_leg", lambda self, extra: leg(self, [*extra, Interrupt()]))
    run = train(LAKE, folder)
    assert run.interrupted == number
    assert steps == 1234
    assert not run.finished
    assert run.folder.checkpoint(1234).is_file()
    assert not run.folder.final.exists()
    assert RunConfig.read(run.folder.config).breaks == (1234,)
    assert marketic.load(run.folder.market_file()).num_timesteps == 1234
    monkeypatch.setattr(Run, "_leg", leg)
    assert resume(folder).finished
    train(RunConfig.read(folder / "config.toml"), again)
    assert outcome(again) == outcome(folder)


def test_a_full_disk_is_one_line_and_the_run_resumes(straight, tmp_path, monkeypatch):
    folder, sync = tmp_path / "run", os.fsync
    writes = 0

    def full(handle):
        nonlocal writes
        writes += 1
        if writes == 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device") as caught:
        train(LAKE, folder)
    assert "\n" not in str(caught.value)
    assert not list(folder.rglob(".*.part"))
    resume(folder)
    assert outcome(folder) == straight(LAKE)


def test_a_disk_full_from_the_start_leaves_an_empty_folder(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="No space left"):
            train(LAKE, tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []
    assert train(replace(LAKE, steps=500), tmp_path / "run").finished


def test_a_failed_write_leaves_the_former_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"whole")

    def fail(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match="free some space"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["file"]


def test_damaged_checkpoints_are_passed_over(straight, tmp_path):
    folder, said = tmp_path / "run", []
    train(LAKE, folder)
    run = RunFolder(folder)
    run.final.unlink()
    newest, middle = run.steps()[:0:-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    whole = middle.read_bytes()
    middle.write_bytes(whole[:600] + bytes(50) + whole[650:])
    assert resume(folder, say=said.append).finished
    assert len(said) == 2
    assert newest.name in said[0]
    assert outcome(folder) == straight(LAKE)
    for path in run.steps():
        path.write_bytes(b"")
    assert resume(folder, say=said.append).finished
    assert "step 0" in said[-1]
    assert outcome(folder) == straight(LAKE)


def test_a_newer_checkpoint_is_refused_with_the_version_that_wrote_it(tmp_path):
    train(replace(LAKE, steps=500), tmp_path / "run")
    path = RunFolder(tmp_path / "run").steps()[-1]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps({"format": 99, "marketic": "9.0", "config": {}}))
    with pytest.raises(NewerFormat, match=r"written by marketic 9\.0.*upgrade"):
        resume(tmp_path / "run")


def test_extending_a_run_equals_training_it_that_long(straight, tmp_path):
    train(replace(LAKE, steps=1500), tmp_path / "run")
    resume(tmp_path / "run", steps=3000)
    assert outcome(tmp_path / "run") == straight(LAKE)
    with pytest.raises(InputError, match="has made 3000 steps already"):
        resume(tmp_path / "run", steps=2000)
    resume(tmp_path / "run", steps=3100)
    resume(tmp_path / "run", steps=3300)
    train(RunConfig.read(tmp_path / "run" / "config.toml"), tmp_path / "again")
    assert outcome(tmp_path / "again") == outcome(tmp_path / "run")


def test_a_finished_run_has_nothing_to_resume(tmp_path):
    train(POLE, tmp_path / "run")
    before = outcome(tmp_path / "run")
    assert resume(tmp_path / "run").finished
    assert outcome(tmp_path / "run") == before


def test_an_edited_task_is_refused_and_nothing_is_written_over(tmp_path):
    train(RunConfig("FrozenLake-v1", steps=600, seed=1), tmp_path / "run")
    config, final = tmp_path / "run" / "config.toml", tmp_path / "run" / "final.market"
    learned = final.read_bytes()
    config.write_text(config.read_text().replace("FrozenLake-v1", "CliffWalking-v1"))
    with pytest.raises(InputError, match=r"192.*if .*config.toml was edited, put back what it said"):
        resume(tmp_path / "run", steps=900, say=lambda line: None)
    assert final.read_bytes() == learned
