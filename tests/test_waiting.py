"""The open part: slow runs can be watched while they train, and the log stays the same, byte for byte."""

import json
from itertools import pairwise

import numpy as np
import pytest

import marketic
from marketic.dashboard.feed import Feed
from marketic.events import audit, open_log, query
from marketic.events.log import EventLog
from marketic.events.waiting import EVERY, NAME, Live
from marketic.graph.balances import Wealth
from marketic.run import Run, resume, train
from marketic.run_config import RunConfig
from marketic.run_folder import RunFolder

STEPS = 700


def market_in(folder, level, clock=None):
    """A market that is logged to folder/events, by a given clock."""
    market = marketic.make("FrozenLake-v1", seed=3)
    market.log_to(folder / "events", level, snapshot_every=400)
    if clock is not None:
        market.log.live = Live(clock)
    return market


class Hours:
    """A clock in a slow world: every look at it finds another hour gone."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 3600.0
        return self.now


def files(folder):
    """Every file and its bytes."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("level", ["trades", "everything"])
def test_what_waits_is_shown_and_changes_nothing(level, tmp_path):
    plain, slow = market_in(tmp_path / "plain", level), market_in(tmp_path / "slow", level, Hours())
    for market in (plain, slow):
        market.learn(STEPS)
    log = EventLog(tmp_path / "slow" / "events")
    assert log.parts[-1]["open"]
    assert log.step == STEPS
    assert len(log.manifest.parts) == len(EventLog(tmp_path / "plain" / "events").parts) == 1
    shown = {name: log.to_arrow(name) for name in log.tables}
    asked = query(tmp_path / "slow", "SELECT count(*) AS n, max(step) AS last FROM trades").to_pylist()[0]
    assert asked == {"n": len(shown["trades"]), "last": shown["trades"].column("step").to_pylist()[-1]}
    plain.log.save(last=False)
    slow.log.save(last=False)
    assert files(tmp_path / "slow") == files(tmp_path / "plain")
    later = EventLog(tmp_path / "slow" / "events")
    for name in ("trades", "episodes", "transfers", "bids"):
        if name in shown:  # what was shown is what was written
            assert later.to_arrow(name).slice(0, len(shown[name])).equals(shown[name])
    assert len(later.to_arrow("trades")) - len(shown["trades"]) in (0, 1)  # the clean break at the end
    assert log.to_arrow("trades").equals(shown["trades"])  # a reader that was opened before stays whole


def test_a_compiled_loop_in_a_slow_world_shows_what_waits_and_writes_the_same_parts(tmp_path):
    """Legs follow the clock there, parts do not: step by step, or thousands at once, the files are the same."""
    markets = {name: marketic.make("CartPole-v1", seed=0, compiled=True) for name in ("fast", "slow")}
    seen = []
    for name, market in markets.items():
        market.log_to(tmp_path / name / "events", "trades", snapshot_every=700)
        market.log.part_rows, market.log.live = 300, Live(Hours() if name == "slow" else lambda: 0.0)
        show, log = market.log.show, market.log
        market.log.show = lambda show=show, log=log: (show(), seen.append(log.market.num_timesteps))
        market.learn(1_600)
    assert len(seen) > 300, "the fast one shows nothing, the slow one at nearly every step"
    assert all(0 <= later - earlier < 10 for earlier, later in pairwise(seen))
    assert EventLog(tmp_path / "slow" / "events").step == 1_600
    for market in markets.values():
        market.log.save(last=True)
    assert len(EventLog(tmp_path / "slow" / "events").manifest.parts) > 2
    assert files(tmp_path / "slow") == files(tmp_path / "fast")


def test_nothing_is_written_without_need(tmp_path):
    market_in(tmp_path / "fast", "trades", lambda: 0.0).learn(300)
    assert not (tmp_path / "fast/events" / NAME).exists()
    market_in(tmp_path / "summary", "summary", Hours()).learn(300)
    assert not (tmp_path / "summary/events" / NAME).exists()


def test_the_clock_is_looked_at_now_and_then_and_parts_come_after_five_seconds(tmp_path):
    seconds = [0.0]
    live, shown, step = Live(lambda: seconds[0]), [0.0], 0
    for _ in range(200):  # a thousand steps a second
        seconds[0] += 0.001 * live.stride
        step += live.stride
        if live.due(step):
            live.wrote()
            shown.append(seconds[0])
    assert EVERY <= np.diff(shown).min() <= np.diff(shown).max() <= EVERY + 0.6
    assert seconds[0] / 200 > 0.2
    for _ in range(20):  # now a step takes a second
        seconds[0] += live.stride
        step += live.stride
        live.due(step)
    assert live.stride == 1


@pytest.mark.parametrize("often", [1, 500])
def test_looks_that_others_ask_for_do_not_make_the_stride_longer_than_the_steps_are_fast(often):
    """At level everything there is one at every step; a pause after a million of them once ended the training."""
    seconds = [0.0]
    live = Live(lambda: seconds[0])
    for step in range(often, 3_000 * often, often):
        seconds[0] += 0.0001
        live.due(step)
    assert live.stride <= 2 * often
    seconds[0] += 3.0  # an evaluation, say
    live.due(3_000 * often)
    assert 1 <= live.stride <= 2 * often


def test_a_slow_step_after_many_fast_ones_ends_no_training(tmp_path):
    class Now:
        """Stands still for 1,500 looks, and then goes on by a second at each."""

        looks = 0

        def __call__(self):
            self.looks += 1
            return max(0.0, self.looks - 1_500.0)

    market = market_in(tmp_path, "everything", Now())
    market.learn(2_000)
    assert market.events.step == 2_000


def test_audits_and_wealth(tmp_path):
    market = market_in(tmp_path, "trades", Hours())
    market.learn(STEPS)
    log = EventLog(tmp_path / "events")
    found = audit(tmp_path)
    assert found.sound
    assert found.trades == log.manifest.parts[-1]["trades"] < log.trades
    wealth = Wealth(log)

    def same(step):
        (account, amount), fresh = wealth(step), Wealth(log)(step)
        assert (account.tolist(), amount.tolist()) == (fresh[0].tolist(), fresh[1].tolist())
        return float(np.abs(amount).sum())

    assert [same(step) > 0 for step in (STEPS - 50, STEPS - 1, STEPS - 20)] == [True] * 3
    market.learn(50)
    assert log.refresh() == 1
    same(STEPS + 20)
    (tmp_path / "events" / NAME).write_bytes(b"{")
    assert not EventLog(tmp_path / "events").parts[-1].get("open")


def test_the_live_page_follows_what_waits(tmp_path):
    market = market_in(tmp_path, "trades", Hours())
    (tmp_path / "config.toml").write_text('env = "FrozenLake-v1"\nsteps = 700\nseed = 3\n')
    market.learn(100)
    feed = Feed(tmp_path)
    assert feed.sales(0, STEPS).step.tolist() == list(range(100))
    for more in (150, 200, 450):  # open, open, and past a snapshot
        market.learn(more - market.num_timesteps)
        assert feed.refresh()
        assert feed.sales(0, STEPS).step.tolist() == list(range(more))
    assert not feed.refresh()


def test_a_killed_run_can_be_looked_at_and_resumes_to_the_same_chain(tmp_path):
    config = RunConfig("FrozenLake-v1", steps=1_000, seed=1, log="trades", checkpoint_every=400)
    train(config, tmp_path / "whole")
    complete, market = config.complete()
    folder = RunFolder(tmp_path / "killed")
    folder.create()
    complete.write(folder.config)
    folder.prepare()
    run = Run(complete, folder, market)
    run.market.log.live = Live(Hours())
    run._leg([])
    market.learn(150)  # and then the power fails
    assert open_log(folder.path).step == 550
    resume(folder.path, say=lambda _: None)
    assert not (folder.events / NAME).exists()
    chains = [
        [part["chain"] for part in map(json.loads, (path / "events/manifest.jsonl").read_text().splitlines())]
        for path in (folder.path, tmp_path / "whole")
    ]
    assert chains[0] == chains[1]
