"""Progress on a terminal and without one."""

import sys

import marketic
from marketic.progress import ProgressBar


def test_progress_without_a_terminal_is_plain_lines(capsys):
    market = marketic.make("FrozenLake-v1", seed=0)
    bar = ProgressBar()
    market.learn(300, callback=bar)
    assert capsys.readouterr().err.startswith("300 of 300 steps  return ")
    market.learn(100, progress_bar=True)
    assert "400 of 400 steps" in capsys.readouterr().err


def test_progress_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("marketic.progress.REFRESH", 0.01)
    bar = ProgressBar(2000)
    market = marketic.make("FrozenLake-v1", seed=0)
    market.learn(1000, callback=bar)
    market.learn(1000, callback=bar)
    bar.close()
    shown = capsys.readouterr().err
    assert "2000/2000" in shown
    assert "agents alive" in shown


def test_progress_tells_that_kernels_are_compiled(monkeypatch):
    monkeypatch.setattr("marketic.progress._COMPILING_AFTER", 0.0)
    bar = ProgressBar()
    bar.on_start(marketic.make("FrozenLake-v1", seed=0), 10)
    assert bar.figures() == "compiling kernels (once)"
    bar.close()
