"""The experiments and the bench on rules: their small versions meet their bars, and their parts do what they say."""

import json

import numpy as np
import pytest

from marketic.benchmarks import rules as bench
from marketic.envs.boolean import multiplexer
from marketic.experiments import boolean, bucket_brigade, woods
from marketic.experiments import multiplexer as multiplexers
from marketic.experiments.bucket_brigade import Args, fork, strengths
from marketic.experiments.multiplexer import (
    MEMORY_FREE,
    RECORD,
    Case,
    Examination,
    learn,
    optimal_conditions,
    population,
)


@pytest.mark.parametrize("experiment", [multiplexers, woods, boolean, bucket_brigade], ids=lambda part: part.__name__)
def test_the_small_version_meets_its_bars(experiment):
    found = experiment.run(quick=True)
    missed = [row for row in found["rows"] if not row["met"]]
    assert found["met"], missed
    assert any(row["bar"] != "reported" for row in found["rows"])
    json.dumps(found)


def test_matching_and_auction_stay_near_the_time_of_reading_the_rules():
    found = bench.run(quick=True)
    assert found["rows"][0]["value"] <= 3.0
    assert 50 < bench.auctions(*_crowd())[2] < 110, "about 10,000 / 2**7 rules match"


def _crowd():
    rng = np.random.default_rng(0)
    books = bench.crowd(bench.RULES, rng).exchange.books
    return books, bench.pack(rng.random((1, bench.BITS)) < 0.5), np.zeros(2), np.zeros(2)


@pytest.mark.parametrize("bits", [3, 6, 11])
def test_the_optimal_rules_are_right_wherever_they_match_and_one_of_them_always_does(bits):
    shown = (np.arange(2**bits)[:, None] >> np.arange(bits)) & 1
    right, spoken = multiplexer(shown), np.zeros(2**bits, int)
    for condition, action in optimal_conditions(bits):
        letters = np.array(list(condition))
        matches = ((letters == "#") | (letters == shown.astype(str))).all(axis=1)
        assert matches.any()
        assert (right[matches] == action).all()
        spoken += matches
    assert (spoken == 1).all(), "they do not overlap"


def test_an_examination_counts_ties_as_wrong_and_an_empty_market_fails_it():
    assert Examination(6, 0).score(population(RECORD[0], 0)) == 0.0


@pytest.mark.parametrize("case", [RECORD[0], MEMORY_FREE[0]], ids=["record", "memory-free"])
def test_a_run_is_a_function_of_its_seed(case):
    small = Case(**{**vars(case), "limit": 300, "after": 0})
    one, other, another = learn(small, 3), learn(small, 3), learn(small, 4)
    for run in (one, other, another):
        run.pop("seconds")
        run.pop("seed")
    assert one == other != another


def test_a_run_that_fails_says_so():
    runs = [learn(Case(**{**vars(RECORD[1]), "limit": 200}), 0)]
    assert runs[0]["problems"] is None
    rows = multiplexers.rows_of(RECORD[1], runs)
    assert not rows[0].met
    assert not rows[1].met


def test_a_tax_is_a_discount_and_a_shared_strength_one_price():
    free, taxed = strengths(Args(4, instances=1_500)), strengths(Args(4, tax=0.1, instances=1_500))
    assert free["prices"] == pytest.approx([1.0] * 4, abs=1e-3)
    assert taxed["prices"] == pytest.approx([1 / 16, 1 / 8, 1 / 4, 1 / 2], abs=1e-3)
    assert fork(Args(instances=2_000), 0) == pytest.approx(1.0, abs=0.15)


def test_a_maze_as_a_table_is_the_maze():
    table = woods.Table.of("Woods14")
    assert table.following.shape == table.reward.shape == (18, 8)
    assert (table.reward.sum(), (table.following < 0).sum()) == (1.0, 1)
    assert table.situations == 18
