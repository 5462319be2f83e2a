"""The live page while others are in the run's folder: several viewers, runs that go on, are resumed or begin again."""

import numpy as np
import pytest
from seeing_runs import HEADER, add_part, hand_run

import marketic
from marketic.dashboard.feed import Feed
from marketic.errors import InputError
from marketic.events.manifest import Manifest
from marketic.events.waiting import Live, forget_waiting
from marketic.run import resume, train
from marketic.run_config import RunConfig

pytest.importorskip("bokeh", reason="no Bokeh: pip install 'marketic[dashboard]'")
from bokeh.document import Document

from marketic.dashboard.books import Books
from marketic.dashboard.page import Page


def config(env="FrozenLake-v1", steps=600, log="trades", **options):
    return RunConfig(env, steps=steps, seed=0, log=log, checkpoint_every=500, record_every=100, **options)


def tabs(folder, count=2):
    """Pages of one server: they share the feed and the books."""
    feed = Feed(folder)
    books = Books(feed)
    return [Page(Document(), feed, books) for _ in range(count)]


def shown(page):
    """What a viewer sees: words, the last measured step, how far the slider goes, and whose world it is."""
    measured = page.sources["metrics"].data["step"]
    return page.head.text, page.told.text, measured[-1] if len(measured) else 0, page.slider.end, page.doc.title


def test_every_viewer_hears_the_news(tmp_path):
    """Who looked second found nothing new, and kept the curves and the trades of long ago."""
    train(config(), tmp_path / "run")
    pages = tabs(tmp_path / "run", 3)
    resume(tmp_path / "run", steps=1200, say=lambda _: None)
    for page in reversed(pages):
        page.follow()
    assert shown(pages[0])[2] == 1200
    assert "1,200 environment steps" in pages[0].head.text
    assert pages[0].span[1] == 1200
    assert shown(pages[0]) == shown(pages[1]) == shown(pages[2]) == shown(tabs(tmp_path / "run", 1)[0])


@pytest.mark.parametrize(("env", "log"), [("CliffWalking-v1", "trades"), ("Taxi-v4", "off"), ("FrozenLake-v1", "off")])
def test_a_run_that_begins_again_is_shown_as_what_it_is_now(env, log, tmp_path):
    """Its task, its agents and its measurements were those of the former run, whose files had the same names."""
    train(config(), tmp_path / "run")
    pages = tabs(tmp_path / "run")
    pages[0]._agent([0])
    train(config(env, steps=300, log=log), tmp_path / "run", force=True)
    for page in pages:
        page.follow()
    fresh = tabs(tmp_path / "run", 1)[0]
    for page in pages:
        assert shown(page) == shown(fresh)
        assert page.layout.market.env.spec.id == env
        assert [list(column) for column in page.sources["places"].data.values()] == [
            list(column) for column in fresh.sources["places"].data.values()
        ]
    assert pages[0].feed.gone == fresh.feed.gone


def test_a_run_that_begins_again_has_no_agents_until_its_first_checkpoint(tmp_path):
    train(config(), tmp_path / "run")
    page = tabs(tmp_path / "run", 1)[0]
    complete, market = config("CliffWalking-v1").complete()
    page.feed.run.create(force=True)
    complete.write(page.feed.run.config)
    page.follow()
    market.env.close()
    assert page.books.market is None
    assert page.told.text == "Nothing was sold yet."
    assert "holds no market yet" in page.books.program(2)
    assert page.doc.title == "marketic: CliffWalking-v1"


def test_a_part_that_is_away_for_a_moment_is_shown_when_it_is_back(tmp_path):
    """A run that is resumed takes parts away and writes the same ones again: the complaint stayed for ever."""
    run = hand_run(tmp_path / "run")
    part = run / "events/trades/part-00001.parquet"
    content = part.read_bytes()
    part.unlink()
    page = tabs(run, 1)[0]
    assert "is missing" in page.told.text
    part.write_bytes(content)
    page.follow()
    assert page.told.text.startswith("steps 5 to 6: ")


def test_rows_that_waited_and_were_lost_are_not_shown_any_more(tmp_path):
    market = marketic.make("FrozenLake-v1", seed=3)
    market.log_to(tmp_path / "events", "trades")
    market.log.live = Live(iter(range(0, 10**9, 3600)).__next__)  # a clock in a slow world
    (tmp_path / "config.toml").write_text('env = "FrozenLake-v1"\nsteps = 700\nseed = 3\nlog = "trades"\n')
    market.learn(100)
    page = tabs(tmp_path, 1)[0]
    assert page.feed.steps == 100
    forget_waiting(tmp_path / "events")  # a run that was killed is resumed
    page.follow()
    assert page.feed.steps == 0
    assert page.told.text.startswith("steps 0 to 1: ")


def test_another_log_without_parts_is_another_log(tmp_path):
    run = hand_run(tmp_path / "run")
    Manifest.read(run / "events").truncate(0)
    feed = Feed(run)
    assert feed.wealth(0)[0].size == 0
    Manifest.create(run / "events", {**HEADER, "tick": 0.5})
    assert feed.refresh()
    add_part(Manifest.read(run / "events"), [(0, 0, 1, 0, 1, 2, 4, 4, 0)], 0, 3, {})
    assert feed.refresh()
    assert feed.sales(0, 3).paid.tolist() == [2.0]
    assert np.array_equal(feed.wealth(3)[1], Feed(run).wealth(3)[1])


def test_measurements_come_though_the_log_is_gone(tmp_path):
    train(config(), tmp_path / "run")
    page = tabs(tmp_path / "run", 1)[0]
    (tmp_path / "run/events/manifest.jsonl").unlink()
    page.follow()
    assert "no event log in" in page.head.text
    with pytest.raises(InputError, match="no event log"):
        page.feed.refresh()
