"""The bench of peers: each peer learns what it should, by the criteria of the markets, and its rows say what was measured."""

import json
import sys
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from marketic.benchmarks import peers
from marketic.benchmarks.learning import TASKS, Watch, episode_test, exact_test
from marketic.benchmarks.peer_deep import Deep, schedule
from marketic.benchmarks.peer_recipes import RECIPES
from marketic.benchmarks.peer_tables import QLearning, QSettings
from marketic.benchmarks.peer_tiles import Sarsa, learn_traces
from marketic.errors import InputError
from marketic.evaluation import play

CLIFF = next(task for task in TASKS if task.env == "CliffWalking-v1")


def test_q_learning_finds_the_shortest_way_along_the_cliff():
    peer = peers.Peer(QLearning("CliffWalking-v1", QSettings(), 0), "CliffWalking-v1", 5_000)
    assert not exact_test("CliffWalking-v1")(peer)
    peer.learner.learn(5_000, lambda steps: False)
    assert exact_test("CliffWalking-v1")(peer)
    assert peer.evaluate(3, seed=0).tolist() == [-13.0] * 3


def test_q_learnings_step_is_the_textbooks():
    learner = QLearning("FrozenLake-v1", QSettings(discount=0.5, memory=2, floor=0.4, first=1.0), 0)
    for count, rate in ((1, 1.0), (2, 2 / 3), (3, 0.5), (4, 0.4), (5, 0.4)):
        before = learner.q[0, 1]
        learner._update(0, 1, 3.0, 2, False)
        assert learner.visits[0, 1] == count
        assert learner.q[0, 1] == pytest.approx(before + rate * (3.0 + 0.5 * 1.0 - before))
    learner._update(5, 0, 2.0, 2, True)
    assert learner.q[5, 0] == 2.0  # the end has no value


def test_traces_are_those_of_dense_arrays():
    """Against Sarsa(lambda) with replacing traces written out over the whole table."""
    rng = np.random.default_rng(0)
    weight, trace, alive, n_alive = np.zeros(60), np.zeros(60), np.zeros(60, dtype=np.int64), 0
    dense, marks = np.zeros(60), np.zeros(60)
    for _ in range(300):
        entries = 2 * rng.choice(30, 4, replace=False) + np.arange(2)[:, None]  # [2 actions, 4 tiles]
        action, change, fade = int(rng.integers(2)), float(rng.normal()), float(rng.uniform(0.3, 0.9))
        n_alive = learn_traces(weight, trace, alive, n_alive, entries, action, change, fade)
        marks[entries[1 - action]], marks[entries[action]] = 0.0, 1.0
        dense += change * marks
        marks *= fade
        marks[marks < 1e-3] = 0.0
        assert np.array_equal(trace, marks)
        assert sorted(alive[:n_alive]) == np.flatnonzero(marks).tolist()
    np.testing.assert_allclose(weight, dense, rtol=1e-12)


def test_sarsa_balances_the_pole():
    learner = Sarsa("CartPole-v1", peers.TILES["CartPole-v1"][0], 0)
    peer = peers.Peer(learner, "CartPole-v1", 20_000)
    before = peer.evaluate(20, seed=0).mean()
    learner.learn(20_000, lambda steps: steps % 1_000 == 0 and peer.evaluate(5, seed=0).mean() >= 450)
    assert peer.evaluate(20, seed=0).mean() > max(300.0, 5 * before)


def test_everybody_is_judged_by_the_same_criterion_at_the_same_steps():
    seen_at = []

    class Scripted:
        """Walks off at first, and knows the way from its 120th step on."""

        def learn(self, steps, seen):
            for step in range(1, steps + 1):
                self.knows = step >= 120
                if seen(step):
                    return

        def predict(self, observations):
            seen_at.append(self.knows)
            way = np.where(np.arange(48) == 36, 0, np.where(np.arange(48) % 12 == 11, 2, 1))
            return way[observations.astype(int)] if self.knows else np.zeros(len(observations), dtype=int)

    run = peers.run_peer(CLIFF, peers.Peer(Scripted(), CLIFF.env, 400), 7)
    assert (run.first_pass, run.steps, run.later) == (150, 400, [True] * 5)
    assert seen_at == [False, False] + [True] * 6
    lost = peers.run_peer(CLIFF, peers.Peer(Scripted(), CLIFF.env, 110), 7)
    assert (lost.first_pass, lost.steps, lost.later) == (None, 110, [])
    early = peers.run_peer(replace(CLIFF, every=40), peers.Peer(Scripted(), CLIFF.env, 1000), 7)
    assert (early.first_pass, early.steps, early.later) == (120, 360, [True] * 6)


def test_a_peer_that_takes_several_steps_at_once_is_checked_at_the_next_one():
    class Eights:
        def learn(self, steps, seen):
            self.asked = [step for step in range(8, steps + 1, 8) if seen(step)]

        def predict(self, observations):
            self.checks = getattr(self, "checks", 0) + 1
            return np.zeros(len(observations), dtype=int)

    peer = peers.Peer(Eights(), CLIFF.env, 200)
    peers.run_peer(CLIFF, peer, 0)
    assert peer.learner.checks == 4  # at 56, 104, 152 and 200


def test_rows_say_what_was_measured():
    task = replace(CLIFF, env="CartPole-v1")

    def runs(steps, seconds):
        return [peers.Run(0, one, seconds, one or 900, [True, False] if one else []) for one in steps]

    measured = {
        "market": runs([100, 200, 300], 2.0),
        "PPO": runs([400, None, None], 5.0),
        "DQN": runs([50, 150, 250], 1.0),
    }
    rows = peers.rows_of(task, measured)
    assert [(row.value, row.met) for row in rows] == [
        (200.0, True), (np.inf, True), (2.5, True), (150.0, False), (0.5, False)
    ]  # fmt: skip
    assert "1 of 3 pass, 400..400; 1 of 2 later evaluations pass; 5.00 CPU s" in rows[1].what
    never = peers.rows_of(task, {**measured, "market": runs([None] * 3, 2.0)})
    assert not never[0].met
    assert "none in 900" in never[0].what


def test_the_quick_bench_needs_no_stable_baselines(monkeypatch):
    """One seed says nothing about medians, so that its bars are not asked for here."""
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    answer = peers.run(quick=True)
    assert [row["what"].split(",")[0] for row in answer["rows"]] == [
        "CartPole-v1: market", "CartPole-v1: Sarsa(lambda)", "CliffWalking-v1: market", "CliffWalking-v1: Q-learning"
    ]  # fmt: skip
    assert all(row["value"] is not None for row in answer["rows"])
    assert answer["rows"][2]["value"] < answer["rows"][3]["value"]
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_every_task_has_a_peer_and_every_recipe_a_task():
    played = {task.env: peers.peers_of(task) for task in peers.tasks()}
    assert all(played.values())
    assert {(name, env) for env, found in played.items() for name in found if name.isupper()} == set(RECIPES)


def test_without_stable_baselines_the_door_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(InputError, match=r"pip install 'marketic\[peers\]'"):
        peers.run()
    with pytest.raises(InputError, match="no settings for PPO on FrozenLake-v1: wanted one of PPO on CartPole-v1"):
        Deep("PPO", "FrozenLake-v1", 0)


def test_ppo_trains_and_stops_when_told():
    pytest.importorskip("stable_baselines3")
    learner = Deep("PPO", "Acrobot-v1", 0)
    steps = []
    learner.learn(10_000, lambda now: steps.append(now) or now >= 64)
    assert steps == [16, 32, 48, 64]
    arena = [gym.make("Acrobot-v1", max_episode_steps=20)]
    assert play(learner.predict, arena, 2, 0).tolist() == [-20.0, -20.0]
    assert schedule("lin_0.2")(0.5) == 0.1


def test_every_answer_of_a_criterion_goes_into_json():
    """Numpy's would end the bench after its last hour."""

    class Always:
        def __init__(self, value):
            self.value = value

        def evaluate(self, episodes, *, seed, env=None):
            return np.full(episodes, self.value)

    for confirm in (False, True):
        meets = episode_test(200.0, confirm)
        assert [type(meets(Always(value))) for value in (0.0, 190.0, 250.0)] == [bool] * 3
    watch = Watch(10, lambda market: False, 100)
    assert json.dumps([watch.first, watch.passed_after, watch.later]) == "[null, null, []]"
