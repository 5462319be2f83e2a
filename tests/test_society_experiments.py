"""The experiments on bidding: their small versions meet their bars, the same twice, and their parts do what they say."""

import json
import sys

import numpy as np
import pytest

from marketic import cli
from marketic.envs.chain_tasks import Chain, Duality
from marketic.envs.tables import TransitionTable
from marketic.experiments import decentralized_rl, learning_to_bid
from marketic.experiments.decentralized_rl import SOCIETIES, expected_bids, learn, theory
from marketic.mechanisms import FirstPrice, Softmax


def test_learning_to_bid_meets_its_bars():
    found = learning_to_bid.run(quick=True)
    assert found["met"]
    assert [row["bar"] for row in found["rows"]] == ["<= 0.03", "<= 0.02"]
    json.dumps(found)


def test_learning_is_a_function_of_its_generator_and_of_the_auction():
    args = learning_to_bid.Args(rounds=10, samples=20)
    runs = [
        learning_to_bid.learn_to_bid(m, args, np.random.default_rng(0)) for m in (FirstPrice(), FirstPrice(), Softmax())
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_bellman_with_the_second_best_has_the_fixed_points_that_we_say():
    duality = TransitionTable.of(Duality())
    assert theory(duality, "optimum")[:2] == pytest.approx(np.array([[-9.0, 5.0], [5.0, 4.8]]))
    # state 0 sells for -9 (quitting), so passing on from state 1 is worth 0.5 - 0.9 * 9; staying sells for that in turn
    second = theory(duality, "second")
    assert second[1] == pytest.approx([-7.6, 0.3 - 0.9 * 7.6])
    assert second[1].argmax() == 1, "without clones the society stays where it should pass on"
    chain = theory(TransitionTable.of(Chain()), "second")[:5]
    assert chain[4, 1] == pytest.approx(0.8)
    assert np.delete(chain.ravel(), 9) == pytest.approx(0.0), "nobody pays for a state that has one good action only"


@pytest.mark.parametrize("society", SOCIETIES, ids=[society.name for society in SOCIETIES])
def test_every_society_bids_by_its_theory_on_the_bandit(society):
    one, other = (learn("Bandit", society, seed=3, steps=1000) for _ in range(2))
    assert one == other
    assert one["theory"] <= 0.05
    assert one["value"] == pytest.approx(1.0)
    shaded = society.name == "bucket brigade, no clones"
    assert (one["optimum"] > 0.05) == shaded  # 0.6 instead of 0.8, of 0.5 on average


def test_expected_bids_of_a_shading_winner():
    table = TransitionTable.of(Duality())
    assert expected_bids(table, SOCIETIES[4])[0] == pytest.approx([-9.0, -9.0])


def test_reproduce_takes_dashes_and_prints_json(monkeypatch, capsys):
    quick = {"name": "decentralized-rl", "met": True, "rows": [], "seconds": 0.0, "versions": {}}
    monkeypatch.setattr(decentralized_rl, "run", lambda quick_: quick)
    for name in ("decentralized-rl", "decentralized_rl"):
        monkeypatch.setattr(sys, "argv", ["marketic", "reproduce", name, "--json"])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert not caught.value.code
        assert json.loads(capsys.readouterr().out) == quick


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("env", "FrozenLake-v1"), 0, '"passed": true'),
        (("env", "marketic/Chain-v0"), 0, '"passed": true'),
        (("population", "tabular"), 0, '"passed": true'),
        (("population", "population_offenders:NamesNoAction"), 1, "wanted numbers from 0 to 2"),
        (("env", "test_environment_kit:RandomFromStepTwo"), 1, "the reward at step 2"),
        (("env", "NoSuch-v0"), 2, "cannot make environment"),
        (("env", "no.such:Thing"), 2, "No module named"),
        (("population", "nobody"), 2, "no agents named"),
        (("colour", "x"), 2, "wanted one of mechanism, population, env"),
    ],
    ids=lambda part: "-".join(part) if isinstance(part, tuple) else None,
)
def test_check_on_the_command_line(arguments, status, says, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["marketic", "check", *arguments, "--json"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    out, err = capsys.readouterr()
    assert (caught.value.code or 0) == status
    assert says in out + err
