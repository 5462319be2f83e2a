"""TensorBoard's scalars of a run: every row once, whatever happens."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from marketic.errors import InputError
from marketic.metrics import read_metrics
from marketic.run import resume, train
from marketic.run_config import RunConfig

LAKE = RunConfig("FrozenLake-v1", steps=3000, seed=3, checkpoint_every=500, evaluate_every=700, evaluate_episodes=3,
                 options={"novices": 0.1}, tensorboard=True)  # fmt: skip


class Killed(BaseException):
    """Stands in for kill -9: nobody catches it."""


def test_tensorboard_scalars_are_optional_files(tmp_path):
    pytest.importorskip("tensorboardX")
    train(LAKE, tmp_path / "run")
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def scalars_of(folder: Path) -> dict[tuple[str, int], float]:
    """What TensorBoard shows: the files' events, without those of steps from which a later file starts again."""
    from tensorboardX.proto.event_pb2 import Event

    shown: dict[tuple[str, int], float] = {}
    for path in sorted(folder.glob("events*"), key=lambda path: int(path.suffix[1:])):
        data, at = path.read_bytes(), 0
        while at < len(data):  # length, its checksum, the event, its checksum
            size = int.from_bytes(data[at : at + 8], "little")
            event, at = Event.FromString(data[at + 12 : at + 12 + size]), at + 16 + size
            if event.HasField("session_log"):
                shown = {key: value for key, value in shown.items() if key[1] < event.step}
            for value in event.summary.value:
                assert (value.tag, event.step) not in shown
                shown[value.tag, event.step] = value.simple_value
    return shown


@pytest.mark.parametrize("deadline", [3, 6, 10, 13])
def test_tensorboard_shows_every_row_once_after_a_kill(deadline, tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX")
    rename, writes, folder = os.replace, 0, tmp_path / "run"

    def dying(source, target):
        nonlocal writes
        writes += 1
        if writes == deadline:
            raise Killed
        rename(source, target)

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(Killed):
        train(LAKE, folder)
    resume(folder, say=lambda _: None)  # within the same second
    shown, metrics = scalars_of(folder / "tensorboard"), read_metrics(folder / "metrics")
    wanted = {("run/return_mean", step) for step in metrics["step"].tolist()}
    assert {key for key in shown if key[0] == "run/return_mean"} == wanted


def test_a_full_disk_ends_a_run_with_tensorboard_rather_than_leaving_it_to_wait(tmp_path, monkeypatch):
    record_writer = pytest.importorskip("tensorboardX.record_writer")

    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(record_writer, "open_file", lambda path: Full())
    with pytest.raises(InputError, match=r"cannot write .*tensorboard: No space left on device; free some space"):
        train(replace(LAKE, record_every=1), tmp_path / "run")
