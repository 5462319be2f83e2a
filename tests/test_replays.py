"""A greedy episode replayed scene by scene: the market's own prices, as a page, a gif or an mp4."""

import sys

import pytest
from PIL import Image
from seeing_runs import trained

from marketic.dashboard.replay import open_market, replay, stage_of
from marketic.dashboard.watch import write_replay
from marketic.errors import InputError


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("lake") / "run")


def test_replay_is_the_greedy_market_and_pays_by_its_mechanism(lake):
    market = open_market(lake)
    env = stage_of(market)
    scenes = list(replay(market, env, seed=5))
    assert scenes[-1].total == market.evaluate(1, seed=5)[0]
    assert scenes[-1].ended
    for scene in scenes[:20]:
        best, second = scene.offers[0][:2]
        assert best.payment == second.value  # second price
        assert market.predict(int(scene.observation[0]), deterministic=True)[0] == best.agent % 4
    assert scenes[0].payee == ["the house"]
    assert scenes[1].payee == [f"agent {scenes[0].offers[0][0].agent}"]
    assert scenes[0].frame is not None
    env.close()
    market.env.close()


def test_replay_as_page_and_gif(lake, tmp_path):
    page = write_replay(lake, tmp_path / "watch.html", steps=12).read_text(encoding="utf-8")
    assert page.count('"step":') == 12
    assert "http" not in page
    with Image.open(write_replay(lake, tmp_path / "watch.gif", steps=12)) as gif:
        assert gif.n_frames >= 10  # equal neighbours are merged
    with pytest.raises(InputError, match=r"\.html, \.gif, \.mp4"):
        write_replay(lake, tmp_path / "watch.avi")


def test_an_mp4_shows_every_step(tmp_path):
    """Written by a real ffmpeg, and read back: as many frames as steps, of one even size."""
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = write_replay(trained(tmp_path / "run", steps=500), tmp_path / "lake.mp4", seed=0, steps=12)
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert frames == 12


def test_without_ffmpeg_an_mp4_is_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"an mp4 needs ffmpeg: pip install 'marketic\[video\]'"):
        write_replay(trained(tmp_path / "run", steps=500), tmp_path / "lake.mp4", steps=3)
    assert not (tmp_path / "lake.mp4").exists()
