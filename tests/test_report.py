"""The report: its figures are the run's figures, it needs nothing but itself, and it refuses what is no run."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import marketic
from marketic.agents import Tabular, Tiles, Tiling
from marketic.callbacks import EpisodeEnd
from marketic.errors import InputError
from marketic.graph import gini
from marketic.market import Market
from marketic.metrics import Recorder, part_path, write_part
from marketic.report import write_report
from marketic.reporting.charts import Series, line_chart
from marketic.reporting.page import apart
from marketic.reporting.plots import save_plot
from marketic.reporting.run_record import EVALUATION_SEED, greedy_arena
from marketic.run import resume, train
from marketic.run_config import RunConfig
from marketic.vocabulary.grid import grid_of
from marketic.words import Words

TASKS = {"FrozenLake-v1": 1500, "CartPole-v1": 1500, "Taxi-v4": 4000, "MountainCar-v0": 1500, "CliffWalking-v1": 1000}
EPISODES = 3


class Elements(HTMLParser):
    """All opening tags of a page as (tag, attributes)."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {key: value or "" for key, value in attrs}))

    def with_(self, attribute: str) -> dict[str, dict[str, str]]:
        """The first element for each value of an attribute."""
        found: dict[str, dict[str, str]] = {}
        for _, attributes in self.found:
            if attribute in attributes:
                found.setdefault(attributes[attribute], attributes)
        return found

    def figure(self, name: str) -> float:
        return float(self.with_("data-figure")[name]["data-value"])


class Evaluated(Recorder):
    """Records after every episode, with an evaluation number that the test can recognise."""

    def on_episode(self, event: EpisodeEnd) -> None:
        self.record(event.market, evaluation=float(event.market.episodes))


def make_run(folder: Path, env: str, steps: int, seed: int = 0) -> Market:
    """A run folder as training leaves it."""
    (folder / "metrics").mkdir(parents=True)
    options = {"max_episode_steps": 100} if env == "CliffWalking-v1" else None
    market = marketic.make(env, seed=seed, env_options=options)
    recorder = Evaluated(market, 1)
    market.learn(steps, callback=recorder)
    recorder.record(market)
    write_part(part_path(folder / "metrics", 0), recorder.take())
    market.save(folder / "final.market")
    (folder / "config.toml").write_text(f'env = "{env}"\nsteps = {steps}\nseed = {seed}\n[options]\ndiscount = 0.99\n')
    return market


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One small run and its page per task: id -> (market, elements, path)."""
    base = tmp_path_factory.mktemp("runs")
    made = {}
    for env, steps in TASKS.items():
        market = make_run(base / env, env, steps)
        path = write_report([base / env], base / env / "report.html", episodes=EPISODES)
        made[env] = market, Elements(path), path
    return made


@pytest.fixture(params=TASKS)
def run(request, runs):
    return runs[request.param]


def test_headline_figures_are_the_runs(run):
    market, page, _ = run
    arena = greedy_arena(market)
    returns = market.evaluate(EPISODES, seed=EVALUATION_SEED, env=arena)
    arena.close()
    assert page.figure("greedy-mean") == returns.mean()
    assert page.figure("greedy-spread") == returns.std(ddof=1)
    assert (page.figure("greedy-low"), page.figure("greedy-high")) == (returns.min(), returns.max())
    assert page.figure("greedy-episodes") == EPISODES
    assert (page.figure("steps"), page.figure("episodes")) == (market.num_timesteps, market.episodes)
    assert page.figure("agents") == np.count_nonzero(market.population.trades) <= market.population.n_agents


def test_curves_end_where_the_metrics_end(run):
    market, page, _ = run
    series = page.with_("data-series")
    assert float(series["training, mean of recent episodes"]["data-last"]) == pytest.approx(
        np.mean(market.recent_returns)
    )
    assert float(series["greedy evaluation"]["data-last"]) == market.episodes
    assert int(series["greedy evaluation"]["data-points"]) == market.episodes
    assert float(series["price error"]["data-last"]) >= 0


def test_ledger_and_wealth_are_the_markets(run):
    market, page, _ = run
    ledger = market.ledger
    assert page.figure("ledger-sum-ticks") == 0
    assert page.figure("ledger-world") == ledger.wealth([0])[0]
    assert page.figure("ledger-house") == ledger.wealth([1])[0]
    assert page.figure("ledger-agents") == int(ledger.balance[2:].sum()) * ledger.tick
    wealth = market.wealth()[market.population.trades > 0]
    shown = [page.figure(f"wealth-{rank}") for rank in range(1, 11)]
    assert shown == sorted(wealth.tolist(), reverse=True)[:10]
    assert page.figure("gini") == pytest.approx(gini(market.wealth()), nan_ok=True)


@pytest.mark.parametrize("env", ["FrozenLake-v1", "CliffWalking-v1"])
def test_map_shows_the_highest_bid_and_its_move(runs, env):
    market, page, _ = runs[env]
    prices, grid = market.population.prices()[:, :, 0], grid_of(market)
    traded = market.population.trades.reshape(prices.shape).any(axis=1)
    moves = {"FrozenLake-v1": ("left", "down", "right", "up"), "CliffWalking-v1": ("up", "right", "down", "left")}[env]
    cells = page.with_("data-cell")
    assert len(cells) == len(prices)
    for state, place in enumerate(np.ndindex(*grid.shape)):
        cell = cells[f"{place[0]},{place[1]}"]
        if traded[state] and place not in grid.ends:
            assert float(cell["data-value"]) == prices[state].max()
            assert cell["data-move"] == moves[prices[state].argmax()]
        else:
            assert "data-value" not in cell


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ("CartPole-v1", ["pole angle", "push ", "What each situation is worth"]),
        ("MountainCar-v0", ["velocity", "push right", "What the winner does there"]),
        ("Taxi-v4", ["passenger", "drop off", "What each errand is worth"]),
        ("FrozenLake-v1", ["column ", "row ", "slippery", "hole"]),
        ("CliffWalking-v1", ["cliff", "goal"]),
    ],
)
def test_page_speaks_of_the_task(runs, env, words):
    text = runs[env][2].read_text(encoding="utf-8")
    assert [word for word in words if word not in text] == []
    assert re.search(r"bids -?\d", text)
    assert "nan" not in re.findall(r">([^<>]*)<", text)


def test_page_needs_nothing_but_itself(run):
    _, page, path = run
    assert path.stat().st_size < 1_000_000
    tags = {tag for tag, _ in page.found}
    assert not tags & {"link", "img", "iframe", "object", "embed"}
    for _, attributes in page.found:
        assert not {"src", "srcset", "xlink:href"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
    text = path.read_text(encoding="utf-8")
    assert "http" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_comparison_of_runs_has_one_row_each(tmp_path):
    folders = [tmp_path / name for name in ("a", "b")]
    markets = [make_run(folder, "FrozenLake-v1", 500, seed) for seed, folder in enumerate(folders)]
    path = write_report(folders, tmp_path / "both.html", episodes=0)
    text = path.read_text(encoding="utf-8")
    links = [attributes["href"] for tag, attributes in Elements(path).found if tag == "a"]
    assert links == ["#run-0", "#run-1", "#run-0", "#run-1"]
    assert text.count('data-series="a"') == text.count('data-series="b"') == 1
    for market in markets:
        assert f'data-figure="episodes" data-value="{float(market.episodes)!r}"' in text


def test_run_without_a_market_still_shows_its_metrics(tmp_path):
    make_run(tmp_path / "run", "FrozenLake-v1", 300)
    (tmp_path / "run/final.market").unlink()
    path = write_report([tmp_path / "run"], tmp_path / "report.html")
    assert "no final.market and no checkpoint" in path.read_text(encoding="utf-8")


def test_names_in_the_configuration_are_escaped(tmp_path):
    make_run(tmp_path / "<i>run", "FrozenLake-v1", 300)
    (tmp_path / "<i>run/config.toml").write_text("env = \"<script>alert('x')</script>\"\n")
    path = write_report([tmp_path / "<i>run"], tmp_path / "report.html", episodes=0)
    assert not {"script", "i"} & {
        tag for tag, a in Elements(path).found if "style" not in a and a.get("class") != "dot"
    }


def _no_folder(run: Path) -> None:
    for path in sorted(run.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run.rmdir()


BROKEN = {
    "no run folder": _no_folder,
    "no config.toml": lambda run: (run / "config.toml").unlink(),
    "cannot be read": lambda run: (run / "config.toml").write_text("env = "),
    "no metrics yet": lambda run: (run / "metrics/part-00000.parquet").unlink(),
    "is damaged": lambda run: (run / "metrics/part-00000.parquet").write_bytes(b"PAR1 nonsense"),
    "has no column return_mean": lambda run: write_part(run / "metrics/part-00000.parquet", {"step": [1.0]}),
    "damaged": lambda run: (run / "final.market").write_bytes(b"nonsense"),
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_bad_input_is_refused_with_a_sentence(tmp_path, sentence):
    make_run(tmp_path / "run", "FrozenLake-v1", 200)
    BROKEN[sentence](tmp_path / "run")
    with pytest.raises(InputError, match=sentence):
        write_report([tmp_path / "run"], tmp_path / "report.html", episodes=0)
    assert not (tmp_path / "report.html").exists()


def test_no_runs_at_all_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least one run folder"):
        write_report([], tmp_path / "report.html")


def test_rules_of_tables_name_state_move_and_bid():
    table = Tabular((3, 2), 2, rng=np.random.default_rng(0))
    table.price[:] = np.arange(12) / 10
    words = Words((("sum", ""), ("ace", "")), ("stick", "hit"))
    assert table.describe(11, words) == "sum is 2 and ace is 1: hit, bids 1.1"
    assert table.describe(5) == "observation 0 is 1 and observation 1 is 0: action 1, bids 0.5"
    plain = Tabular(4, 2, initial_bid=0.25, tie_noise=0.0, clones=2, rng=np.random.default_rng(0))
    assert plain.describe(4 * 3 + 2, Words(place=lambda s: f"cell {s}")) == "in cell 3: action 1, bids 0.25"


def test_rules_of_tiles_hold_exactly_where_the_agent_is_matched():
    tiles = Tiles(
        (0.0, -1.0), (4.0, 1.0), 2, [Tiling((0, 1), (4, 2), 2), Tiling((1,), (3,), 1)], rng=np.random.default_rng(0)
    )
    words = Words((("x", "m"), ("v", "")), ("go", "stop"))
    points = np.random.default_rng(1).uniform((-0.5, -1.2), (4.5, 1.2), (300, 2))
    for point, agents in zip(points, tiles.match(points)[:, 1, :], strict=True):
        for agent in agents:
            text = tiles.describe(agent, words)
            assert ": stop, bids " in text
            for name, value in zip("xv", point, strict=True):
                low, high = _bounds(text, name)
                assert low - 6e-3 <= value <= high + 6e-3, (text, point)


def _bounds(text: str, name: str) -> tuple[float, float]:
    """The interval that a rule's words give for a name; everything if it is not mentioned."""
    digits = r"(-?[\d.e-]+)"
    for pattern, ends in (
        (f"{name} {digits} to {digits}", (1, 2)),
        (f"{name} below {digits}", (0, 1)),
        (f"{name} above {digits}", (1, 0)),
    ):
        found = re.search(pattern, text)
        if found:
            return (float(found[ends[0]]) if ends[0] else -math.inf), (float(found[ends[1]]) if ends[1] else math.inf)
    return -math.inf, math.inf


def test_stranger_with_real_observations_gets_a_plane(tmp_path):
    assert gym.spec("Pendulum-v1")
    make_run(tmp_path / "run", "Pendulum-v1", 400)
    path = write_report([tmp_path / "run"], tmp_path / "report.html", episodes=1)
    text = path.read_text(encoding="utf-8")
    assert "What each situation is worth" in text
    assert re.search(r"</i>action -?[\d.]+</span>", text)


def test_a_run_of_no_steps_says_how_to_go_on_and_that_works(tmp_path):
    train(RunConfig("FrozenLake-v1", steps=0), tmp_path / "run")
    for show in (
        lambda: write_report([tmp_path / "run"], tmp_path / "page.html", episodes=0),
        lambda: save_plot(tmp_path / "run", "returns", tmp_path / "plot.svg"),
    ):
        with pytest.raises(InputError, match=r"made no steps.*marketic resume .*run --steps N"):
            show()
    resume(tmp_path / "run", steps=200)
    assert write_report([tmp_path / "run"], tmp_path / "page.html", episodes=0).is_file()


def test_axes_and_scales_tell_near_amounts_apart():
    """Prices between 100.1 and 100.4 are not all "100"."""
    for low, high in ((100.1, 100.4), (1e6, 1e6 + 0.01), (-0.00012345, -0.00012344), (5000.2, 5001.9)):
        drawing = line_chart([Series("price", np.array([0.0, 1.0]), np.array([low, high]))], "steps", "price")
        labels = re.findall(r'text-anchor="end">([^<]+)</text>', drawing.split('class="axis"')[0])
        assert len(labels) == len(set(labels)) >= 2
        assert len(set(apart([low, high]))) == 2


def test_a_bar_beside_a_single_measurement_is_as_wide_as_the_chart():
    here = np.array([150.0])
    bar = Series("solved", here.repeat(2), np.full(2, 1.0), dashed=True)
    drawing = line_chart([Series("returns", here, np.array([0.5])), bar], "steps", "return")
    (points,) = re.findall(r' points="([^"]+)"', drawing)
    left, right = (float(point.split(",")[0]) for point in points.split())
    assert right - left > 300


def test_a_run_without_an_ended_episode_says_so(tmp_path):
    train(RunConfig("MountainCar-v0", steps=50, seed=1), tmp_path / "run")
    page = write_report([tmp_path / "run"], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No episode of training has ended yet." in page
