"""The engine bench runs and reports every bar; whether they are met is for the bench itself to say."""

from marketic.benchmarks import engine
from marketic.benchmarks.measure import median_ratio, speed_ratios


def test_every_bar_has_a_row():
    answer = engine.run(quick=True)
    assert answer["name"] == "engine"
    assert len(answer["rows"]) == 9
    assert all(row["value"] is not None and row["value"] >= 0 for row in answer["rows"])
    assert answer["met"] == all(row["met"] for row in answer["rows"])
    assert answer["rows"][-1]["met"]  # --help loads nothing heavy: not a matter of the machine's mood


def test_ratios_come_from_the_same_round():
    assert median_ratio([[2.0, 1.0], [40.0, 10.0], [3.0, 1.0]], 0, 1) == 3.0
    rounds = speed_ratios([lambda n: sum(range(n)), lambda n: sum(range(4 * n))], [20_000, 20_000], repeats=9)
    assert 2.0 < median_ratio(rounds, 0, 1) < 8.0
