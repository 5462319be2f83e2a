"""String rewriting: its optimum against closed forms, its instances, its words of refusal."""

import itertools

import gymnasium as gym
import numpy as np
import pytest

import marketic.envs  # noqa: F401
from marketic.checks import check_env
from marketic.envs.post_production import BRACKETS, GROUP, SORT, SYSTEMS, PostProduction, optimal_steps, successors
from marketic.errors import InputError


@pytest.mark.parametrize("rules", SYSTEMS)
def test_it_is_an_environment(rules):
    assert check_env(lambda: gym.make("marketic/PostProduction-v0", rules=rules)).passed


def test_sorting_takes_as_many_steps_as_there_are_inversions():
    for letters in itertools.product("abc", repeat=5):
        word = "".join(letters)
        inversions = sum(x > y for x, y in itertools.combinations(word, 2))
        assert optimal_steps(word, "".join(sorted(word)), SORT, 5) == inversions


def test_words_of_one_move_of_a_triangle_reach_each_other_and_no_others():
    turn, over = (1, 2, 0), (0, 2, 1)

    def meaning(word):
        found = (0, 1, 2)
        for letter in word:
            found = tuple(found[k] for k in (over if letter == "a" else turn))
        return found

    words = ["".join(w) for n in range(5) for w in itertools.product("ab", repeat=n)]
    reached = {word for word in words if optimal_steps(word, "", GROUP, 6) is not None}
    assert reached == {word for word in words if meaning(word) == (0, 1, 2)}


def test_brackets_that_cross_must_change_places():
    assert optimal_steps("([)]", "", BRACKETS, 4) is not None
    assert optimal_steps("()", "", BRACKETS, 4) == 1
    assert optimal_steps(")(", "", (("()", ""),), 4) is None


@pytest.mark.parametrize("rules", SYSTEMS)
def test_instances_can_be_solved_by_the_shortest_way(rules):
    env = PostProduction(rules, length=4, longest=6, depth=4)
    for seed in range(10):
        env.reset(seed=seed)
        left = env.optimal_steps()
        assert 1 <= left <= 4, "as many rewritings made the goal at most"
        while left:
            nearer = [
                action for action, word in successors(env.word, env.rules, env.longest)
                if optimal_steps(word, env.goal, env.rules, env.longest) == left - 1
            ]  # fmt: skip
            assert set(nearer) <= set(env.legal())
            _, reward, terminated, _, _ = env.step(nearer[0])
            left -= 1
            assert (reward, terminated) == (float(left == 0), left == 0)


def test_a_rule_that_does_not_fit_changes_nothing():
    env = PostProduction("sort", length=3, longest=3, render_mode="ansi")
    env.reset(options={"word": "abc", "goal": "cba"})
    before, render = env._observe(), env.render()
    assert env.legal() == []
    for action in range(env.action_space.n):
        after, reward, terminated, truncated, _ = env.step(action)
        assert np.array_equal(before, after)
        assert (reward, terminated, truncated) == (0.0, False, False)
    assert render == env.render() == "abc -> cba"
    with pytest.raises(InputError, match="cannot be reached"):
        env.optimal_steps()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rules": "chess"}, "no such system"),
        ({"rules": [("a", "a")]}, "words that differ"),
        ({"rules": [("a",)]}, "pair of words"),
        ({"rules": []}, "at least one rule"),
        ({"length": 0}, "give 1 to 1000"),
        ({"length": 9, "longest": 8}, "give 9 to 1000"),
        ({"depth": True}, "whole number"),
        ({"render_mode": "human"}, "'ansi' or None"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        PostProduction(**options)


def test_bad_steps_and_instances_are_refused():
    env = PostProduction("sort")
    with pytest.raises(InputError, match="call reset"):
        env.step(0)
    for given in ({"word": "abc"}, {"word": "xyz", "goal": "abc"}, {"word": "a" * 11, "goal": "a"}):
        with pytest.raises(InputError, match="wanted word and goal"):
            env.reset(options=given)
    with pytest.raises(InputError, match="something to do"):
        env.reset(options={"word": "ab", "goal": "ab"})
    env.reset(seed=0)
    with pytest.raises(InputError, match="wanted an action"):
        env.step(10**6)
    with pytest.raises(InputError, match="change no word"):
        PostProduction([("zzzz", "a")], length=2).reset(seed=0)
