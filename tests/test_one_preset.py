"""The bench of untuned defaults runs defaults: nothing in it comes from a task's own settings."""

from dataclasses import replace

import marketic
from marketic.agents.bank_terms import BankTerms
from marketic.benchmarks.learning import TASKS, exact_test
from marketic.benchmarks.one_preset import portfolio_tasks, real_action_tasks, tasks
from marketic.preset_table import BANK, PORTFOLIO, PRESETS, RESEARCH, preset_for


def test_the_three_tasks_are_played_by_the_bank_as_it_comes():
    played = tasks()
    assert [task.env for task in played] == ["CartPole-v1", "MountainCar-v0", "Acrobot-v1"]
    for task in played:
        assert task.agents == "bank"
        assert not task.options
        assert preset_for(task.env, None, "bank") is BANK
        assert BANK not in PRESETS[task.env]


def test_four_other_presets_are_the_defaults_and_the_fifth_is_the_bank_with_trials():
    others = {task.env for task in TASKS} - {task.env for task in [*tasks(), *real_action_tasks()]}
    assert len(others) == 5
    assert all(PRESETS[env][0] is RESEARCH for env in others - {"LunarLander-v3"})
    lander = PRESETS["LunarLander-v3"][0]
    assert lander == replace(BANK, options=lander.options)
    assert set(lander.options) == {"trial", "window", "steady_rate", "novice"}


def test_the_criteria_are_those_of_the_learning_bench():
    tuned = {task.env: task for task in TASKS if task.agents is None}
    for task in tasks():
        assert (task.bar, task.every, task.median) == (
            tuned[task.env].bar,
            tuned[task.env].every,
            tuned[task.env].median,
        )


def test_tasks_with_real_actions_are_played_by_the_bank_as_it_comes():
    for task in real_action_tasks():
        played = marketic.make(task.env, agents=task.agents, seed=0, **task.options).population
        assert task.agents == "bank"
        assert played.terms == BankTerms()
    assert preset_for("Pendulum-v1", None, None) is BANK
    assert PRESETS["MountainCarContinuous-v0"] == (replace(BANK, options={"novice": 0.08, "lease": 50}),)


def test_the_portfolio_plays_all_eight_tasks_by_one_setting():
    real = {task.env for task in real_action_tasks()}
    played, tuned = portfolio_tasks(), [task for task in TASKS if task.agents is None and task.env not in real]
    assert [task.env for task in played] == [task.env for task in tuned]
    assert len(played) == 8
    for task, bar in zip(played, tuned, strict=True):
        assert (task.agents, task.options, task.bar, task.every) == ("portfolio", {}, bar.bar, bar.every)
        assert task.median == bar.median
        assert preset_for(task.env, None, "portfolio") is PORTFOLIO
        assert not set(task.seeds) & {*bar.seeds, *range(300, 310)}  # neither of the presets' nor tuned on


def test_verdicts_go_into_json():
    """A bool of numpy's would end `--json` after 40 minutes of training."""
    assert exact_test("FrozenLake-v1")(marketic.make("FrozenLake-v1", seed=0)) is False
