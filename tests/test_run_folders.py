"""What a run leaves in its folder, when it stops early, and settings and environments that fail it."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import marketic
from marketic.errors import InputError
from marketic.metrics import COLUMNS, read_metrics
from marketic.run import resume, train
from marketic.run_config import RunConfig
from marketic.run_folder import RunFolder

LAKE = RunConfig("FrozenLake-v1", steps=3000, seed=3, checkpoint_every=500, evaluate_every=700, evaluate_episodes=3,
                 options={"novices": 0.1})  # fmt: skip


def test_training_stops_at_the_threshold_and_stays_stopped(tmp_path):
    run = train(replace(LAKE, threshold=0.0), tmp_path / "run")
    assert run.reached
    assert run.market.num_timesteps == 700
    resumed = resume(tmp_path / "run", steps=5000)
    assert resumed.reached
    assert resumed.market.num_timesteps == 700


def test_metrics_and_folder(tmp_path):
    run = train(LAKE, tmp_path / "run")
    metrics = read_metrics(run.folder.metrics)
    assert set(metrics) == set(COLUMNS)
    assert (np.diff(metrics["step"]) > 0).all()
    assert metrics["step"][-1] == 3000
    assert metrics["step"][np.isfinite(metrics["evaluation"])].tolist() == [700, 1400, 2100, 2800]
    assert (np.diff(metrics["seconds"]) >= 0).all()
    assert 0 < metrics["agents_alive"][-1] <= 64
    assert [path.name for path in run.folder.steps()] == [f"step-{n:09d}.market" for n in (2000, 2500, 3000)]
    best = marketic.load(run.folder.best)
    assert best.evaluate(3, seed=10_000).mean() == run.summary()["evaluation_best"]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="is not empty"):
        train(LAKE, tmp_path)
    train(replace(LAKE, steps=600), tmp_path, force=True)
    train(replace(LAKE, steps=500), tmp_path, force=True)
    assert (tmp_path / "letter.txt").read_text() == "dear"
    assert [path.name for path in RunFolder(tmp_path).steps()] == ["step-000000500.market"]


@pytest.mark.parametrize(
    "wrong", [{"steps": -1}, {"seed": -1}, {"checkpoint_every": 0}, {"threshold": 1.0}, {"env": ""}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        RunConfig(**{"env": "FrozenLake-v1", **wrong})


class Breaks(gym.Wrapper):
    """Fails at the tenth step."""

    def step(self, action):
        self.count = getattr(self, "count", 0) + 1
        if self.count == 10:
            raise RuntimeError("the ice broke")
        return super().step(action)


def test_an_environment_that_fails_is_named_with_its_step(tmp_path, monkeypatch):
    original = RunConfig.open

    def opened(self):
        market = original(self)
        market.world.env = Breaks(market.world.env)
        return market

    monkeypatch.setattr(RunConfig, "open", opened)
    with pytest.raises(InputError, match="environment failed at step 9: RuntimeError: the ice broke"):
        train(LAKE, tmp_path / "run")


def test_checkpoints_written_after_damaged_ones_are_kept(tmp_path):
    """The damaged ones, of later steps, counted as the newest: what a resumed run wrote was thrown away at once."""
    whole = train(LAKE, tmp_path / "run").folder
    final = whole.final.read_bytes()
    for path in whole.steps():
        path.write_bytes(path.read_bytes()[:100])
    resume(tmp_path / "run", steps=1000, say=lambda line: None)
    assert [path.name for path in whole.steps()][:2] == [f"step-{n:09d}.market" for n in (500, 1000)]
    said: list[str] = []
    resume(tmp_path / "run", steps=3000, say=said.append)
    assert len(said) == 3
    assert all("damaged" in line for line in said)
    assert whole.final.read_bytes() == final


def test_parts_beyond_99_999_are_kept_and_read_in_order(tmp_path):
    """Names of more digits do not sort: going back to part 100,000 once removed most of the parts before it."""
    from marketic.events.parts import drop_parts, path_of
    from marketic.metrics import part_path, write_part

    folder = RunFolder(tmp_path)
    folder.metrics.mkdir()
    (tmp_path / "trades").mkdir()
    numbers = (5, 99_998, 99_999, 100_000, 100_001)
    for number in numbers:
        write_part(part_path(folder.metrics, number), {name: [number] for name in COLUMNS})
        path_of(tmp_path, "trades", number).touch()
    assert read_metrics(folder.metrics)["step"].tolist() == list(numbers)
    assert folder.seconds() == 100_001
    folder.drop_parts(100_000)
    drop_parts(tmp_path, 100_000)
    assert read_metrics(folder.metrics)["step"].tolist() == list(numbers[:3])
    assert {path.name for path in (tmp_path / "trades").iterdir()} == {f"part-{n:05d}.parquet" for n in numbers[:3]}
